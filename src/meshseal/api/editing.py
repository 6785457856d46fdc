"""What every edit over our own API shares: who edits whose definitions, and a body of JSON."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from meshseal.access.definitions import Editor
from meshseal.access.identity import Permission
from meshseal.api.gate import TENANT_HEADER, Gate
from meshseal.model.errors import PayloadError, TooLargeError, UnsupportedError

_MAX_BYTES = 2 << 20


async def editor_of(request: Request, gate: Gate, permission: Permission) -> Editor:
    """Return who edits. Raises: AuthenticationError, ForbiddenError."""
    principal = await gate.principal(request.headers)
    principal.require(permission)
    return Editor(principal, request.client.host if request.client else "")


def tenant_of(request: Request, editor: Editor) -> str:
    """Return whose definitions are edited. Raises: ForbiddenError, PayloadError."""
    wanted = request.query_params.get("tenant") or request.headers.get(TENANT_HEADER)
    return editor.principal.tenant_for_writing(wanted)


async def json_of(request: Request) -> dict[str, Any]:
    """Return the object that a request holds.

    A media type is asked for, because a page of another site can send only some without asking.

    Raises: PayloadError.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise UnsupportedError("send JSON, with Content-Type: application/json")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MAX_BYTES:
            raise TooLargeError(f"the body is larger than {_MAX_BYTES} bytes")
    try:
        found = msgspec.json.decode(bytes(body))
    except msgspec.DecodeError as error:
        raise PayloadError(f"the body is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise PayloadError("the body is not a JSON object")
    return found


def shown(content: object, status: int = 200) -> Response:
    """Return an answer of JSON."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")
