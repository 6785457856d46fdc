"""What keeps the console's pages from being misused by other pages: headers, origins, addresses."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: with it, browsers send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Sent with every answer of the console."""

NO_STORE = {"Cache-Control": "no-store"}
"""Sent with every answer that holds records, or that depends on who asks."""


def is_same_origin(headers: Mapping[str, str], *, public_url: str) -> bool:
    """Say whether a request that changes something comes from a page of this console.

    A browser says so in `Sec-Fetch-Site`, where the connection is one it trusts, and in `Origin`.
    A request that says neither is not taken: every browser sends one of them with a form.

    Args:
        headers: The request's headers.
        public_url: How browsers reach the console through a proxy, or ''.
    """
    site = headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    origin = headers.get("origin")
    if origin is None:
        return site is not None
    found = urlsplit(origin)
    if public_url and (found.scheme, found.netloc) == urlsplit(public_url)[:2]:
        return True
    return found.scheme in ("http", "https") and found.netloc == headers.get("host")


def local_path(text: str) -> str:
    """Return an address to go on to after the login: `text` if it is a path here, or else `/`."""
    plain = text.isprintable() and "\\" not in text
    return text if plain and text.startswith("/") and not text.startswith("//") else "/"
