"""Formats of an installation's own: `/meshseal/v1/formats`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from meshseal.access.definitions import Editor
from meshseal.access.identity import ANY_TENANT, Permission
from meshseal.api.definitions import LiveDefinitions
from meshseal.api.editing import editor_of, json_of, shown
from meshseal.api.gate import Gate
from meshseal.api.own import answering
from meshseal.api.reading import ReadContext
from meshseal.model.errors import ForbiddenError, NotFoundError, PayloadError
from meshseal.model.own_format import own_format
from meshseal.shape.formats import BUILT_IN

_API = "meshseal"
_MAX_LINES = 1000
_MAX_LINE = 256 << 10


class FormatsApi:
    """The routes.

    Args:
        context: What reads need.
        definitions: The formats.
    """

    def __init__(self, context: ReadContext, definitions: LiveDefinitions) -> None:
        self._context = context
        self._definitions = definitions

    def routes(self) -> list[Route]:
        """Return the routes."""
        one = "/meshseal/v1/formats/{name}"
        return [
            Route("/meshseal/v1/formats", answering(self._list)),
            Route(f"{one}/test", answering(self._test), methods=["POST"]),
            Route(one, answering(self._show), methods=["GET"]),
            Route(one, answering(self._put), methods=["PUT"]),
            Route(one, answering(self._remove), methods=["DELETE"]),
        ]

    async def _list(self, request: Request) -> Response:
        async with self._context.reading(request, api=_API, action="formats.list"):
            known = self._definitions
            own = [format_document(known, name) for name in sorted(known.formats)]
            built_in = [
                {"name": row.name, "title": row.title, "source": "built in"}
                for row in BUILT_IN.rows
            ]
            return shown({"formats": [*own, *built_in]})

    async def _show(self, request: Request) -> Response:
        name = request.path_params["name"]
        async with self._context.reading(request, api=_API, action="formats.show") as read:
            read.details["format"] = name
            return shown(format_document(self._definitions, name))

    async def _put(self, request: Request) -> Response:
        editor = await format_editor_of(request, self._context.gate)
        own = own_format(request.path_params["name"], await json_of(request))
        await self._definitions.put_format(own, editor)
        return shown(format_document(self._definitions, own.name))

    async def _remove(self, request: Request) -> Response:
        editor = await format_editor_of(request, self._context.gate)
        name = request.path_params["name"]
        await self._definitions.remove_format(name, editor)
        return shown({"removed": name})

    async def _test(self, request: Request) -> Response:
        name = request.path_params["name"]
        async with self._context.reading(
            request, api=_API, action="formats.test", permission=Permission.EDIT_FORMATS
        ) as read:
            read.details["format"] = name
            rows = await read_lines(self._definitions, name, await json_of(request))
            read.details["lines"] = len(rows)
            return shown({"rows": rows})


async def format_editor_of(request: Request, gate: Gate) -> Editor:
    """Return who edits formats. Raises: AuthenticationError, ForbiddenError."""
    editor = await editor_of(request, gate, Permission.EDIT_FORMATS)
    if editor.principal.tenant != ANY_TENANT:
        raise ForbiddenError(
            "a format is for the records of every tenant: a key of all tenants is needed"
        )
    return editor


async def read_lines(
    definitions: LiveDefinitions, name: str, body: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return how the body's `lines` would be read, by a definition if one is in the body.

    Raises: PayloadError, FormatError, NotFoundError, EngineError.
    """
    lines = _lines(body)
    given = {key: value for key, value in body.items() if key != "lines"}
    own = own_format(name, given) if given else None
    if own is None and name not in definitions.formats and name not in BUILT_IN:
        raise NotFoundError(f"there is no format {name[:80]!r}")
    return await definitions.read(lines, name, own)


def format_document(definitions: LiveDefinitions, name: str) -> dict[str, Any]:
    """Return a format of the installation's own as our API shows it. Raises: NotFoundError."""
    own = definitions.formats.get(name)
    if own is None:
        raise NotFoundError(f"there is no format {name[:80]!r} of this installation's own")
    row: dict[str, Any] = {
        "name": name,
        **own.document(),
        "source": "configuration" if name in definitions.configured else "edited",
    }
    if name in definitions.refused:
        row["refused"] = definitions.refused[name]
    return row


def _lines(body: Mapping[str, Any]) -> list[str]:
    lines = body.get("lines")
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise PayloadError("lines is a list of texts")
    if len(lines) > _MAX_LINES or any(len(line) > _MAX_LINE for line in lines):
        raise PayloadError(f"at most {_MAX_LINES} lines of {_MAX_LINE} characters can be tested")
    return lines
