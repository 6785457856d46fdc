"""Reads the forms that the console's own pages send, and no other's."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

from meshseal.console.guards import is_same_origin
from meshseal.model.errors import ForbiddenError, PayloadError, TooLargeError

_MOST_FIELDS = 20


async def form_of(request: Request, *, public_url: str, most_bytes: int) -> dict[str, str]:
    """Return a form's fields.

    Args:
        request: What a browser sent.
        public_url: How browsers reach the console through a proxy, or ''.
        most_bytes: How large the form may be.

    Raises: ForbiddenError when a page of another site sent it; TooLargeError, PayloadError.
    """
    if not is_same_origin(request.headers, public_url=public_url):
        raise ForbiddenError("this form was sent by another site")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most_bytes:
            raise TooLargeError("the form is too large")
    text = body.decode("utf-8", errors="replace")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise PayloadError("the form has too many fields") from error


def lines_of(text: str) -> list[str]:
    """Return the lines of a field that hold something; browsers end them by CR and LF."""
    return [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]
