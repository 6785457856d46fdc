"""The pages by which people come in and leave: login, first set-up, logout."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from meshseal.access.audit import AuditEvent
from meshseal.access.credentials import MINIMUM_PASSWORD_LENGTH, SESSION_SECONDS
from meshseal.access.identity import ANY_TENANT, Principal, Role
from meshseal.api.gate import SESSION_COOKIE, session_of
from meshseal.api.reading import ReadContext
from meshseal.console.forms import form_of
from meshseal.console.guards import NO_STORE, SECURITY_HEADERS, is_same_origin, local_path
from meshseal.console.templating import Templates
from meshseal.console.tries import Tries
from meshseal.model.errors import (
    AuthenticationError,
    ForbiddenError,
    MeshsealError,
    OverloadedError,
    PayloadError,
)
from meshseal.model.identifiers import PLATFORM_TENANT

_MAX_FORM_BYTES = 16 * 1024
_MAX_PASSWORD = 1024
_HASHERS = 2
"""Passwords that are hashed at one time: each takes 64 MiB."""


@dataclass(frozen=True, slots=True)
class Site:
    """How browsers reach the console.

    Attributes:
        public_url: Its address through a proxy, or ''.
        tls: Whether the server itself speaks TLS.
    """

    public_url: str = ""
    tls: bool = False

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by HTTPS only."""
        return self.tls or urlsplit(self.public_url).scheme == "https"

    def url(self, host: str) -> str:
        """Return the address, as a client that spoke to `host` would write it."""
        return self.public_url.rstrip("/") or f"{'https' if self.tls else 'http'}://{host}"


class Sessions:
    """The pages.

    Args:
        context: Who authenticates, and where acts are written down.
        templates: What renders them.
        site: How browsers reach the console.
    """

    def __init__(self, context: ReadContext, templates: Templates, site: Site) -> None:
        self._context = context
        self._credentials = context.gate.credentials
        self._trial = context.gate.trial
        self._templates = templates
        self._site = site
        self._tries = Tries()
        self._hashing = asyncio.Semaphore(_HASHERS)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/login", self._show_login, methods=["GET"]),
            Route("/login", self._log_in, methods=["POST"]),
            Route("/setup", self._show_setup, methods=["GET"]),
            Route("/setup", self._set_up, methods=["POST"]),
            Route("/logout", self._log_out, methods=["POST"]),
        ]

    async def _show_login(self, request: Request) -> Response:
        if self._trial:
            return _see_other("/")
        return self._login_page(next_path=local_path(request.query_params.get("next", "/")))

    async def _log_in(self, request: Request) -> Response:
        if self._trial:
            return _see_other("/")
        name, next_path = "", "/"
        address = request.client.host if request.client else ""
        try:
            form = await self._form(request)
            name, password = form.get("name", "")[:255], form.get("password", "")
            next_path = local_path(form.get("next", "/"))
            self._tries.check(address, name)
            async with self._hashing:
                token = await asyncio.to_thread(
                    self._credentials.log_in, name, password[:_MAX_PASSWORD]
                )
        except AuthenticationError as error:
            self._tries.failed(address, name)
            return await self._refused_login(request, name, next_path, error)
        except MeshsealError as error:
            return self._login_page(name=name, next_path=next_path, error=error)
        self._tries.succeeded(address, name)
        return await self._enter(request, token, "session.login", next_path)

    async def _refused_login(
        self, request: Request, name: str, next_path: str, error: MeshsealError
    ) -> Response:
        # Nobody is known yet: the record says which name was tried, and by whom is not known.
        nobody = Principal(id="anonymous", role=Role.SHIPPER, tenant=ANY_TENANT)
        try:
            await self._write_down(request, nobody, "session.login_failed", {"name": name})
        except OverloadedError as overloaded:
            error = overloaded
        return self._login_page(name=name, next_path=next_path, error=error)

    async def _show_setup(self, request: Request) -> Response:
        if self._trial:
            return _see_other("/")
        return self._setup_page(request.query_params.get("token", ""))

    async def _set_up(self, request: Request) -> Response:
        if self._trial:
            return _see_other("/")
        token = ""
        try:
            form = await self._form(request)
            token = form.get("token", "")
            password = form.get("password", "")
            if password != form.get("again", ""):
                raise PayloadError("the two passwords are not the same")
            if len(password) > _MAX_PASSWORD:
                raise PayloadError(f"a password has at most {_MAX_PASSWORD} characters")
            async with self._hashing:
                session = await asyncio.to_thread(self._credentials.use_setup_link, token, password)
        except MeshsealError as error:
            return self._setup_page(token, error)
        return await self._enter(request, session, "session.setup", "/")

    async def _log_out(self, request: Request) -> Response:
        if not is_same_origin(request.headers, public_url=self._site.public_url):
            return self._login_page(error=ForbiddenError("this form was sent by another site"))
        token = session_of(request.headers)
        if token and not self._trial:
            try:
                principal = await self._context.gate.principal(request.headers)
                await self._write_down(request, principal, "session.logout", {})
            except MeshsealError:
                pass  # A session that has ended can be left; leaving is never refused.
            await asyncio.to_thread(self._credentials.log_out, token)
        response = _see_other("/" if self._trial else "/login")
        response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict")
        return response

    # ---- Inside ----------------------------------------------------------------------------

    async def _form(self, request: Request) -> dict[str, str]:
        """Return a form's fields. Raises: ForbiddenError, PayloadError."""
        return await form_of(request, public_url=self._site.public_url, most_bytes=_MAX_FORM_BYTES)

    async def _enter(self, request: Request, token: str, action: str, next_path: str) -> Response:
        """Write a new session down, then give it to the browser."""
        try:
            principal = await asyncio.to_thread(self._credentials.principal_of_session, token)
            await self._write_down(request, principal, action, {})
        except MeshsealError as error:
            await asyncio.to_thread(self._credentials.log_out, token)
            return self._login_page(next_path=next_path, error=error)
        response = _see_other(next_path)
        response.set_cookie(
            SESSION_COOKIE,
            token,
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="strict",
            secure=self._site.secure,
        )
        return response

    async def _write_down(
        self, request: Request, principal: Principal, action: str, details: dict[str, str | int]
    ) -> None:
        address = request.client.host if request.client else ""
        await self._context.audit.write(
            AuditEvent(action, principal, PLATFORM_TENANT, address, details)
        )

    def _login_page(
        self, *, name: str = "", next_path: str = "/", error: MeshsealError | None = None
    ) -> Response:
        context: dict[str, str | int] = {
            "name": name,
            "next_path": next_path,
            "error": str(error) if error else "",
        }
        return self._form_page("login.html", context, error)

    def _setup_page(self, token: str, error: MeshsealError | None = None) -> Response:
        context: dict[str, str | int] = {
            "token": token,
            "least": MINIMUM_PASSWORD_LENGTH,
            "error": str(error) if error else "",
        }
        return self._form_page("setup.html", context, error)

    def _form_page(
        self, template: str, context: Mapping[str, str | int], error: MeshsealError | None
    ) -> Response:
        headers = {}
        if isinstance(error, OverloadedError):
            headers["Retry-After"] = str(error.retry_after_seconds)
        status = error.http_status if error else 200
        return self._templates.page(template, context, status=status, headers=headers)


def _see_other(path: str) -> RedirectResponse:
    return RedirectResponse(path, 303, headers={**SECURITY_HEADERS, **NO_STORE})
