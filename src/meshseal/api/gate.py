"""Who asks: turns the credentials of a request into a principal, and errors into answers."""

from __future__ import annotations

import asyncio
import base64
import binascii
import ipaddress
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

from meshseal.access.credentials import KEY_PREFIX, Credentials
from meshseal.access.identity import TRIAL, Principal
from meshseal.model.errors import AuthenticationError, ForbiddenError

SESSION_COOKIE = "meshseal_session"
TENANT_HEADER = "x-scope-orgid"
_KEY_HEADERS = ("x-api-key", "meshseal-key")


class Gate:
    """Authenticates requests.

    Args:
        credentials: Where keys and sessions are.
        trial: Whether everybody on this machine may do everything.
    """

    def __init__(self, credentials: Credentials, *, trial: bool) -> None:
        self.credentials = credentials
        self.trial = trial

    async def principal(self, headers: Mapping[str, str], *, key: str = "") -> Principal:
        """Return who sends a request. `key` is an API key found elsewhere than all may put it.

        Raises: AuthenticationError when it says nothing or something untrue; ForbiddenError when,
            in trial mode, it is addressed to another name than this machine's.
        """
        if self.trial:
            _require_local(headers.get("host", ""))
            return TRIAL
        token = key or key_of(headers)
        if token:
            return await asyncio.to_thread(self.credentials.principal_of_key, token)
        session = session_of(headers)
        if session:
            return await asyncio.to_thread(self.credentials.principal_of_session, session)
        raise AuthenticationError(
            "no credentials: send an API key as `Authorization: Bearer msk_…`, or log in"
        )


def key_of(headers: Mapping[str, str]) -> str:
    """Return the API key in a request's headers, or ''."""
    for name in _KEY_HEADERS:
        if headers.get(name):
            return headers[name]
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() == "basic":
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return "unreadable"
        # Grafana and Promtail send the key as the password, curl -u may send it as the user.
        return user if user.startswith(f"{KEY_PREFIX}_") and not password else password
    return ""


def session_of(headers: Mapping[str, str]) -> str:
    """Return the session's token in a request's cookies, or ''."""
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(SESSION_COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel else ""


def _require_local(host: str) -> None:
    """Refuse a request that a web page elsewhere made a browser send here (DNS rebinding)."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    name = name.strip("[]").lower()
    if name in ("", "localhost"):
        return
    try:
        if ipaddress.ip_address(name).is_loopback:
            return
    except ValueError:
        pass
    raise ForbiddenError(f"trial mode answers on this machine only, not as {host[:100]!r}")
