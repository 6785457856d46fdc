"""The HTTP/1.1 door: listeners, each with an application behind it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from meshseal.receive.body import AsgiApp, Receive, Scope, Send
from meshseal.receive.settings import LimitSettings, TlsSettings
from meshseal.receive.tls import server_context

_STOP_SECONDS = 10
_HEAD_TOO_LARGE = "The head of the request is too large."


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol with a deadline and a bound for the head of each request."""

    limits = LimitSettings()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_bytes = self._fields_bytes = 0
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._head_bytes >= 0:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > self.limits.max_header_bytes and not self.transport.is_closing():
            self.send_400_response(_HEAD_TOO_LARGE)

    def send_400_response(self, msg: str) -> None:
        too_large = self._fields_bytes > self.limits.max_header_bytes
        super().send_400_response(_HEAD_TOO_LARGE if too_large else msg)

    def on_message_begin(self) -> None:
        self._head_timer.cancel()
        self._await_head()
        self._fields_bytes = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        """Count a part of the head; more of them may come in one read than there is room for."""
        self._fields_bytes += size
        if self._fields_bytes > self.limits.max_header_bytes:
            raise ValueError(_HEAD_TOO_LARGE)  # the parser stops, and the request is refused

    def on_headers_complete(self) -> None:
        self._head_timer.cancel()
        self._head_bytes = -1
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._head_bytes = 0
        super().on_message_complete()

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(
            self.limits.header_timeout_seconds, self._head_is_late
        )

    def _head_is_late(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


class _Server(uvicorn.Server):
    """uvicorn's server, leaving signals to the program it is a part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """All HTTP listeners of the process.

    Args:
        apps: What answers at each socket.
        limits: Bounds of size and time.
        tls: TLS for all of them.
    """

    def __init__(
        self, apps: Mapping[socket.socket, AsgiApp], *, limits: LimitSettings, tls: TlsSettings
    ) -> None:
        self._apps = {sock.getsockname()[1]: app for sock, app in apps.items()}
        self._sockets = list(apps)
        protocol = type("Protocol", (_Protocol,), {"limits": limits})
        config = uvicorn.Config(
            self._dispatch,
            interface="asgi3",
            http=protocol,
            ws="none",
            lifespan="off",
            loop="none",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            backlog=2048,
            limit_concurrency=limits.max_connections,
            timeout_keep_alive=int(limits.keep_alive_seconds),
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        config.load()
        config.ssl = server_context(tls, protocols=["http/1.1"])
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.create_task(self._server.serve(self._sockets), name="http")
        while not self._server.started:
            if self._task.done():
                self._task.result()
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Take no new requests, finish those that run, close."""
        self._server.should_exit = True
        if self._task:
            await self._task

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._apps[scope["server"][1]](scope, receive, send)


async def respond(
    send: Send,
    status: int,
    body: bytes = b"",
    media_type: str = "",
    headers: tuple[tuple[str, str], ...] = (),
) -> None:
    """Send a whole response."""
    raw: list[tuple[bytes, bytes]] = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers
    ]
    if media_type:
        raw.append((b"content-type", media_type.encode("latin-1")))
    if status != 204:
        raw.append((b"content-length", str(len(body)).encode()))
    start: dict[str, Any] = {"type": "http.response.start", "status": status, "headers": raw}
    await send(start)
    await send({"type": "http.response.body", "body": b"" if status == 204 else body})
