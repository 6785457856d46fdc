"""The gRPC door: calls over HTTP/2, with or without TLS.

HTTP/2 is Hypercorn's; the few lines of gRPC on top are here because no kept Python library takes
requests compressed with zstd, which collectors send (`docs/adr/0007-grpc-door.md`).

Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, cast

import structlog
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config

from meshseal.model.errors import PayloadError
from meshseal.receive.body import (
    DisconnectedError,
    InFlight,
    Message,
    Receive,
    Scope,
    Send,
    disconnected,
    headers_of,
    read_body,
)
from meshseal.receive.grpc_messages import (
    CERTIFICATE,
    PREFIX,
    UNAVAILABLE,
    UNIMPLEMENTED,
    GrpcCall,
    GrpcReply,
    failed,
    send_reply,
    unpacked,
)
from meshseal.receive.grpc_stream import Incoming, StreamHandler, StreamRun, end
from meshseal.receive.http import respond
from meshseal.receive.settings import LimitSettings, TlsSettings
from meshseal.receive.stream import certificate_name
from meshseal.receive.tls import server_context

__all__ = ["GrpcApp", "GrpcCall", "GrpcReply", "GrpcServer", "Handler", "StreamHandler"]

_LOG = structlog.get_logger(__name__)
_STOP_SECONDS = 5.0
_HEARD_SECONDS = 5.0
_HEARD_AT_STOP_SECONDS = 1.0

Handler = Callable[[GrpcCall], Awaitable[GrpcReply]]


class GrpcApp:
    """An ASGI application that answers gRPC calls, of one message or of a stream of them.

    Args:
        methods: What answers each `/package.Service/Method`.
        streams: What takes the messages of each method that is client-streaming.
        limits: Bounds of size and time.
        inflight: What all requests hold together.
    """

    def __init__(
        self,
        methods: Mapping[str, Handler],
        *,
        streams: Mapping[str, StreamHandler] = MappingProxyType({}),
        limits: LimitSettings,
        inflight: InFlight,
    ) -> None:
        self._methods = methods
        self._streams = streams
        self._limits = limits
        self._inflight = inflight
        self._running: set[Incoming] = set()
        self._is_stopping = False

    def stop(self) -> None:
        """End all streams, and take no new ones."""
        self._is_stopping = True
        for incoming in self._running:
            incoming.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers = headers_of(scope)
        is_grpc = headers.get("content-type", "").startswith("application/grpc")
        if is_grpc and scope["path"] in self._streams:
            await self._stream(scope, headers, receive, send)
            return
        body = _Body(receive)
        if not is_grpc:
            await body.drain(self._limits.body_timeout_seconds)
            await respond(send, 415, b"this port speaks gRPC\n", "text/plain")
            return
        try:
            reply = await self._answer(_call(scope, headers), body.receive)
        except DisconnectedError:
            return
        await body.drain(self._limits.body_timeout_seconds)
        if reply.on_lost and await disconnected(receive):
            reply.on_lost()
            return
        await send_reply(send, reply)

    async def _answer(self, call: GrpcCall, receive: Receive) -> GrpcReply:
        handler = self._methods.get(call.method)
        if handler is None:
            return GrpcReply(UNIMPLEMENTED, error=f"unknown method {call.method[:200]}")
        with self._inflight.lease() as lease:
            try:
                body = await read_body(
                    call.metadata,
                    receive,
                    lease,
                    limit_bytes=self._limits.max_request_bytes,
                    timeout_seconds=self._limits.body_timeout_seconds,
                )
                encoding = call.metadata.get("grpc-encoding", "identity")
                message = _unframe(body, encoding, self._limits.max_request_bytes)
            except PayloadError as error:
                return failed(error)
            return await handler(replace(call, message=message))

    async def _stream(
        self, scope: Scope, headers: Mapping[str, str], receive: Receive, send: Send
    ) -> None:
        call, incoming = _call(scope, headers), Incoming(receive)
        self._running.add(incoming)
        try:
            reply = await self._talk(call, incoming)
            if reply is not None:
                seconds = _HEARD_AT_STOP_SECONDS if self._is_stopping else _HEARD_SECONDS
                await end(send, incoming, reply, wait_seconds=seconds)
        finally:
            self._running.discard(incoming)
            incoming.close()

    async def _talk(self, call: GrpcCall, incoming: Incoming) -> GrpcReply | None:
        """Return how a stream ended; None where nobody is there to be told."""
        if self._is_stopping:
            return GrpcReply(UNAVAILABLE, error="the server stops")
        session = await self._streams[call.method](call)
        if isinstance(session, GrpcReply):
            return session
        with self._inflight.lease() as lease:
            return await StreamRun(call, incoming, lease, self._limits).run(session)


def _call(scope: Scope, headers: Mapping[str, str]) -> GrpcCall:
    client = scope.get("client")
    certificate = scope.get("extensions", {}).get(CERTIFICATE, "")
    return GrpcCall(scope["path"], headers, b"", client[0] if client else "", certificate)


class _Body:
    """The body of one call, which knows whether all of it has arrived.

    Hypercorn ends the whole connection, and every other call on it, when data arrives for a call
    that is answered. So what a refused sender still sends is read, and thrown away, first.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._whole = False

    async def receive(self) -> Message:
        """Return the next message of the body."""
        message = await self._receive()
        self._whole = not message.get("more_body", False)
        return message

    async def drain(self, timeout_seconds: float) -> None:
        """Take what is left; of a sender that does not end in time, no more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while not self._whole:
                    await self.receive()


def _unframe(body: bytes, encoding: str, limit_bytes: int) -> bytes:
    """Return the one message of a unary call. Raises: PayloadError and its kinds."""
    if len(body) < PREFIX.size:
        raise PayloadError("the call has no message")
    compressed, length = PREFIX.unpack_from(body)
    message = body[PREFIX.size :]
    if compressed > 1 or len(message) != length:
        raise PayloadError("the call does not hold exactly one message")
    return unpacked(message, compressed, encoding, limit_bytes)


class _Config(Config):
    """Hypercorn's configuration, with the TLS of all our listeners in place of Hypercorn's own.

    Its own asks no client for a certificate, and is off where the key is in the certificate's file.
    """

    def __init__(self, tls: TlsSettings) -> None:
        super().__init__()
        self._tls = tls

    @property
    def ssl_enabled(self) -> bool:
        return bool(self._tls.certificate_file)

    def create_ssl_context(self) -> ssl.SSLContext | None:
        return server_context(self._tls, protocols=["h2"])


class GrpcServer:
    """A listener for gRPC.

    Args:
        sock: The bound socket.
        app: What answers.
        limits: Bounds of size and time.
        tls: TLS, with HTTP/2 negotiated by ALPN; without it, HTTP/2 by prior knowledge.
    """

    def __init__(
        self, sock: socket.socket, app: GrpcApp, *, limits: LimitSettings, tls: TlsSettings
    ) -> None:
        self._sock = sock
        self._app = app
        self._limits = limits
        config = _Config(tls)
        config.loglevel = "CRITICAL"
        config.include_server_header = False
        config.h2_max_concurrent_streams = 128
        config.h2_max_inbound_frame_size = 1 << 20
        config.h2_max_header_list_size = limits.max_header_bytes
        config.keep_alive_timeout = limits.keep_alive_seconds
        config.keep_alive_max_requests = 1 << 62
        self._config = config
        self._context = WorkerContext(None)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen."""
        context = self._config.create_ssl_context()
        timeouts: dict[str, Any] = {}
        if context is not None:
            timeouts = {
                "ssl": context,
                "ssl_handshake_timeout": self._limits.header_timeout_seconds,
                "ssl_shutdown_timeout": _STOP_SECONDS,
            }
        self._server = await asyncio.start_server(
            self._connected, sock=self._sock, backlog=2048, **timeouts
        )

    async def stop(self) -> None:
        """Finish the calls that run, end the streams, close."""
        if self._server is None:
            return
        self._server.close()
        self._app.stop()
        await self._context.terminated.set()
        if self._connections:
            _, late = await asyncio.wait(self._connections, timeout=_STOP_SECONDS)
            for connection in late:
                connection.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk to one connection until it ends."""
        if len(self._connections) >= self._limits.max_connections:
            _LOG.warning("door_full", listener=self._sock.getsockname()[1])
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        certificate = certificate_name(writer.get_extra_info("peercert"))

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[CERTIFICATE] = certificate
            await self._app(scope, receive, send)

        loop = asyncio.get_running_loop()
        wrapped = ASGIWrapper(cast("Any", app))
        try:
            await TCPServer(wrapped, loop, self._config, self._context, {}, reader, writer)
        except Exception as error:  # noqa: BLE001 - one connection's end is no other's
            _LOG.info("connection_lost", reason=str(error)[:200])
        finally:
            self._connections.discard(task)
