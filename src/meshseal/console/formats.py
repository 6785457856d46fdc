"""The page of formats of an installation's own: what they are, and the form that changes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from meshseal.access.definitions import Editor
from meshseal.access.identity import ANY_TENANT, PERMISSIONS, Permission
from meshseal.api.definitions import LiveDefinitions
from meshseal.api.editing import editor_of
from meshseal.api.formats import format_document, format_editor_of, read_lines
from meshseal.api.reading import Read
from meshseal.console.editor import EditorPage, to_page
from meshseal.console.forms import lines_of
from meshseal.console.frame import address, frame
from meshseal.console.view import shown_time
from meshseal.model.errors import (
    EngineError,
    FormatError,
    MeshsealError,
    NotFoundError,
    PayloadError,
)
from meshseal.model.own_format import FLOW, JSON, TEXT, OwnFormat, own_format
from meshseal.shape.formats import BUILT_IN

_MOST_SHOWN = 20
"""Tried lines whose records are shown; all of them are counted."""

# What a definition can be: its key, what the form calls it, and where its owner has it from.
_KINDS = (
    (TEXT, "Envoy, text", "text_format"),
    (JSON, "Envoy, JSON", "json_format"),
    (FLOW, "AWS flow log", "its fields in order"),
)


@dataclass(frozen=True, slots=True)
class Draft:
    """What the form holds: texts as somebody typed them.

    Attributes:
        name: The format's name.
        kind: What the definition is given under, such as `envoy_json`.
        definition: Its text.
        mesh: Which mesh its records come from.
        lines: Lines to try.
        was: The format that is changed; '' where one is added.
    """

    name: str = ""
    kind: str = TEXT
    definition: str = ""
    mesh: str = ""
    lines: str = ""
    was: str = ""

    @classmethod
    def of(cls, own: OwnFormat) -> Draft:
        """Return what the form holds before a format is changed."""
        kind = next(key for key in own.document() if key != "mesh")
        return cls(own.name, kind, definition_text(own), own.mesh, was=own.name)

    @classmethod
    def typed(cls, form: Mapping[str, str]) -> Draft:
        """Return what somebody typed."""
        was = form.get("was", "")
        return cls(
            name=was or form.get("name", "").strip(),
            kind=next((kind for kind, *_ in _KINDS if kind == form.get("kind")), TEXT),
            definition=form.get("definition", "").replace("\r\n", "\n"),
            mesh=form.get("mesh", "").strip(),
            lines=form.get("lines", "").replace("\r\n", "\n"),
            was=was,
        )

    def body(self) -> dict[str, str]:
        """Return the definition as a request of the API has it; nothing where none is given."""
        if not self.definition.strip():
            return {}
        return {self.kind: self.definition, "mesh": self.mesh}


@dataclass(frozen=True, slots=True)
class Tried:
    """What would become of lines: how many, how many by the format, and the first records."""

    name: str
    lines: int
    fitting: int
    rows: list[dict[str, Any]]


class FormatsPage(EditorPage):
    """The page of formats."""

    path = "/formats"
    template = "formats.html"

    async def show(self, request: Request) -> Response:
        """Show the formats, and the form of the one that the address names by `edit`."""
        return await self._page(request)

    async def edit(self, request: Request) -> Response:
        """Do what the form asks for, and show the formats again. Raises: MeshsealError."""
        gate = self._context.gate
        await editor_of(request, gate, Permission.EDIT_FORMATS)
        form = await self._form(request)
        draft = Draft.typed(form)
        if form.get("act") == "test":
            return await self._page(request, draft, trying=True)
        editor = await format_editor_of(request, gate)
        try:
            if form.get("act") == "remove":
                await self._definitions.remove_format(draft.name, editor)
                done = {"removed": draft.name}
            else:
                await self._save(draft, editor)
                done = {"saved": draft.name}
        except (PayloadError, FormatError, NotFoundError, EngineError) as error:
            return await self._page(request, draft, error)
        return to_page(_address(request, **done))

    async def _save(self, draft: Draft, editor: Editor) -> None:
        edited = self._definitions.edited
        if draft.was and draft.was not in edited:
            format_document(self._definitions, draft.was)
        elif not draft.was and draft.name in edited:
            raise FormatError(f"there is a format {draft.name!r} already: change it there")
        body = draft.body() or {draft.kind: draft.definition}
        await self._definitions.put_format(own_format(draft.name, body), editor)

    async def _page(
        self,
        request: Request,
        draft: Draft | None = None,
        error: MeshsealError | None = None,
        *,
        trying: bool = False,
    ) -> Response:
        tried = None
        permission = Permission.EDIT_FORMATS if trying else Permission.READ_LOGS
        async with self._context.reading(
            request,
            api="console",
            action="formats.test" if trying else "formats.list",
            permission=permission,
            tenant=request.query_params.get("tenant", "").strip() or None,
        ) as read:
            try:
                draft = draft or self._draft(request.query_params.get("edit", ""))
                if trying:
                    tried = await self._try(draft, read)
            except (PayloadError, FormatError, NotFoundError, EngineError) as raised:
                error = raised
            content = self._content(request, read, draft or Draft())
        content["tried"] = tried
        return self._shown(content, error)

    def _draft(self, wanted: str) -> Draft:
        if not wanted:
            return Draft()
        format_document(self._definitions, wanted)
        return Draft.of(self._definitions.formats[wanted])

    async def _try(self, draft: Draft, read: Read) -> Tried:
        body = {"lines": lines_of(draft.lines), **draft.body()}
        if not body["lines"]:
            raise PayloadError("put lines below the definition, as the proxy writes them")
        read.details["format"] = draft.name
        rows = await read_lines(self._definitions, draft.name, body)
        read.details["lines"] = len(rows)
        fitting = sum(row["format"] == draft.name for row in rows)
        for row in rows[:_MOST_SHOWN]:
            row["time"] = shown_time(int(row["time_unix_nano"]))
        return Tried(draft.name, len(rows), fitting, rows[:_MOST_SHOWN])

    def _content(self, request: Request, read: Read, draft: Draft) -> dict[str, Any]:
        given, known = request.query_params, self._definitions
        may_try = Permission.EDIT_FORMATS in PERMISSIONS[read.principal.role]
        names = sorted(known.formats)
        read.details.setdefault("rows", len(names))
        return {
            **frame(read.principal, read.tenant, given.get("tenant", "").strip()),
            "formats": [
                {**format_document(known, name), "text": definition_text(known.formats[name])}
                for name in names
            ],
            "built_in": BUILT_IN.rows,
            "kinds": _KINDS,
            "may_try": may_try,
            "may_edit": may_try and read.principal.tenant == ANY_TENANT,
            "draft": draft,
            "configured": draft.was in known.configured,
            "notice": _notice(given, known),
            "here": _address(request),
            "edit_url": lambda name: _address(request, edit=name),
        }


def definition_text(own: OwnFormat) -> str:
    """Return a definition as somebody would type it."""
    if isinstance(own.definition, str):
        return own.definition
    return json.dumps(own.definition, indent=2, ensure_ascii=False)


def _address(request: Request, **parameters: str) -> str:
    tenant = request.query_params.get("tenant", "").strip()
    return address(FormatsPage.path, tenant=tenant, **parameters)


def _notice(given: Mapping[str, str], known: LiveDefinitions) -> str:
    """Return what the address says has been done, if the formats say so too."""
    saved, removed = given.get("saved", ""), given.get("removed", "")
    if saved in known.formats:
        return f"{saved} is saved. Records that arrive from now on are read by it."
    if removed and removed not in known.formats:
        return f"{removed} is removed. What was read by it stays as it is."
    return ""
