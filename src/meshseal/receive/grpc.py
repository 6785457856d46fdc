"""The gRPC door: unary calls, over HTTP/2 with or without TLS.

HTTP/2 is Hypercorn's; the few lines of gRPC on top are here because no kept Python library takes
requests compressed with zstd, which collectors send (`docs/adr/0007-grpc-door.md`).

Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

from hypercorn.asyncio import serve
from hypercorn.config import Config

from meshseal.model.errors import PayloadError, TooLargeError, UnsupportedError
from meshseal.receive.body import (
    AsgiApp,
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
from meshseal.receive.decompress import decompress
from meshseal.receive.http import respond
from meshseal.receive.settings import LimitSettings, TlsSettings
from meshseal.receive.tls import server_context

ACCEPT_ENCODING = "identity,gzip,deflate,zstd"
INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNIMPLEMENTED, UNAVAILABLE = 3, 8, 12, 14
_PREFIX = struct.Struct(">BI")
_MAX_MESSAGE = 1024


@dataclass(frozen=True, slots=True)
class GrpcCall:
    """One call as it arrived: the message is unpacked."""

    method: str
    metadata: Mapping[str, str]
    message: bytes
    client_address: str


@dataclass(frozen=True, slots=True)
class GrpcReply:
    """The end of a call.

    Attributes:
        status: The gRPC status.
        message: The answer, for status 0.
        error: What went wrong, for another status.
        details: The same as a serialized google.rpc.Status.
        on_lost: Called instead of answering when the caller is gone.
    """

    status: int
    message: bytes = b""
    error: str = ""
    details: bytes = b""
    on_lost: Callable[[], None] | None = None


Handler = Callable[[GrpcCall], Awaitable[GrpcReply]]


class GrpcApp:
    """An ASGI application that answers unary gRPC calls.

    Args:
        methods: What answers each `/package.Service/Method`.
        limits: Bounds of size and time.
        inflight: What all requests hold together.
    """

    def __init__(
        self, methods: Mapping[str, Handler], *, limits: LimitSettings, inflight: InFlight
    ) -> None:
        self._methods = methods
        self._limits = limits
        self._inflight = inflight

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        headers, body = headers_of(scope), _Body(receive)
        if not headers.get("content-type", "").startswith("application/grpc"):
            await body.drain(self._limits.body_timeout_seconds)
            await respond(send, 415, b"this port speaks gRPC\n", "text/plain")
            return
        try:
            reply = await self._answer(scope["path"], headers, body.receive, scope.get("client"))
        except DisconnectedError:
            return
        await body.drain(self._limits.body_timeout_seconds)
        if reply.on_lost and await disconnected(receive):
            reply.on_lost()
            return
        await _send_reply(send, reply)

    async def _answer(
        self,
        path: str,
        headers: Mapping[str, str],
        receive: Receive,
        client: tuple[str, int] | None,
    ) -> GrpcReply:
        handler = self._methods.get(path)
        if handler is None:
            return GrpcReply(UNIMPLEMENTED, error=f"unknown method {path[:200]}")
        with self._inflight.lease() as lease:
            try:
                body = await read_body(
                    headers,
                    receive,
                    lease,
                    limit_bytes=self._limits.max_request_bytes,
                    timeout_seconds=self._limits.body_timeout_seconds,
                )
                encoding = headers.get("grpc-encoding", "identity")
                message = _unframe(body, encoding, self._limits.max_request_bytes)
            except UnsupportedError as error:
                return GrpcReply(UNIMPLEMENTED, error=str(error))
            except TooLargeError as error:
                return GrpcReply(RESOURCE_EXHAUSTED, error=str(error))
            except PayloadError as error:
                return GrpcReply(INVALID_ARGUMENT, error=str(error))
            return await handler(GrpcCall(path, headers, message, client[0] if client else ""))


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
    if len(body) < _PREFIX.size:
        raise PayloadError("the call has no message")
    compressed, length = _PREFIX.unpack_from(body)
    message = body[_PREFIX.size :]
    if compressed > 1 or len(message) != length:
        raise PayloadError("the call does not hold exactly one message")
    if not compressed:
        return message
    if encoding not in ACCEPT_ENCODING.split(","):
        raise UnsupportedError(f"grpc-encoding {encoding[:40]!r} is not understood")
    return decompress(message, encoding, limit_bytes=limit_bytes)


async def _send_reply(send: Send, reply: GrpcReply) -> None:
    trailers = [(b"grpc-status", str(reply.status).encode())]
    if reply.error:
        text = quote(reply.error[:_MAX_MESSAGE], safe=" !\"#$&'()*+,/:;<=>?@[\\]^`{|}~")
        trailers.append((b"grpc-message", text.encode()))
    if reply.details:
        encoded = base64.b64encode(reply.details).rstrip(b"=")
        trailers.append((b"grpc-status-details-bin", encoded))
    headers = [
        (b"content-type", b"application/grpc"),
        (b"grpc-accept-encoding", ACCEPT_ENCODING.encode()),
    ]
    start = {"type": "http.response.start", "status": 200, "headers": headers, "trailers": True}
    await send(start)
    # An error, too, is told in real trailers. "Trailers-Only" wants END_STREAM on the headers, and
    # Hypercorn sets it on an empty DATA frame behind them: grpc-core reads that as UNKNOWN.
    content = b"" if reply.status else _PREFIX.pack(0, len(reply.message)) + reply.message
    await send({"type": "http.response.body", "body": content, "more_body": False})
    await send({"type": "http.response.trailers", "headers": trailers, "more_trailers": False})


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
        self, sock: socket.socket, app: AsgiApp, *, limits: LimitSettings, tls: TlsSettings
    ) -> None:
        self._app = app
        config = _Config(tls)
        config.bind = [f"fd://{sock.detach()}"]
        config.loglevel = "CRITICAL"
        config.include_server_header = False
        config.h2_max_concurrent_streams = 128
        config.h2_max_inbound_frame_size = 1 << 20
        config.h2_max_header_list_size = limits.max_header_bytes
        config.keep_alive_timeout = limits.keep_alive_seconds
        config.keep_alive_max_requests = 1 << 62
        config.graceful_timeout = 5
        self._config = config
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.create_task(
            serve(cast("Any", self._app), self._config, shutdown_trigger=self._stop.wait),
            name="grpc",
        )
        await asyncio.sleep(0)

    async def stop(self) -> None:
        """Finish the calls that run, close."""
        self._stop.set()
        if self._task:
            await self._task
