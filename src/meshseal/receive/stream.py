"""The door for protocols over plain connections: TCP, with or without TLS."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from meshseal.receive.settings import LimitSettings, TlsSettings
from meshseal.receive.tls import server_context

_LOG = structlog.get_logger(__name__)
READ_BYTES = 256 * 1024
_CLOSE_SECONDS = 5.0
_M_MMAP_THRESHOLD = -3  # <malloc.h>
_LARGE_BYTES = 256 * 1024


class Reader(asyncio.StreamReader):
    """Gives all that has arrived before it says that the connection is lost.

    Attributes:
        lost: Why it is lost, if it is.
    """

    lost: Exception | None = None

    def set_exception(self, exc: Exception) -> None:
        """Note the loss of the connection."""
        self.lost = exc
        self.feed_eof()


class Stream:
    """One connection.

    Attributes:
        address: The other end's address, without its port.
        certificate: Who the other end's certificate says it is: its SPIFFE id or other URI, else
            its DNS name, else its common name; '' without one.
    """

    def __init__(self, reader: Reader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        peer = writer.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        self.certificate = certificate_name(writer.get_extra_info("peercert"))

    async def read(self, timeout_seconds: float) -> bytes:
        """Return what has arrived; b'' at the end. Raises: TimeoutError, OSError."""
        try:
            async with asyncio.timeout(timeout_seconds):
                data = await self._reader.read(READ_BYTES)
        except TimeoutError as error:
            raise TimeoutError("nothing came in time") from error
        if not data and self._reader.lost is not None:
            raise self._reader.lost
        return data

    async def write(self, data: bytes, timeout_seconds: float) -> None:
        """Send. Raises: TimeoutError when the other end does not take it, and cuts; OSError."""
        if not data:
            return
        self._writer.write(data)
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._writer.drain()
        except TimeoutError as error:
            self._writer.transport.abort()
            raise TimeoutError("the other end does not read") from error

    @property
    def is_lost(self) -> bool:
        """Whether the connection is known to be gone."""
        return self._writer.transport.is_closing()

    @property
    def has_ended(self) -> bool:
        """Whether the other end has closed its side, and all that it sent is read."""
        return self._reader.at_eof()

    def end(self) -> None:
        """Tell the other end that nothing more comes, where the connection has words for it."""
        with contextlib.suppress(OSError, RuntimeError):
            if self._writer.can_write_eof():
                self._writer.write_eof()

    async def close(self) -> None:
        """Close, after what was written has left."""
        self._writer.close()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._writer.wait_closed()
        except (TimeoutError, OSError, ssl.SSLError):
            self._writer.transport.abort()


class StreamServer:
    """A listener for one protocol over connections.

    Args:
        sock: The bound socket.
        serve: What talks to each connection; it is closed when that returns.
        limits: Bounds of size and time.
        tls: TLS, or settings without a certificate for none.
    """

    def __init__(
        self,
        sock: socket.socket,
        serve: Callable[[Stream], Awaitable[None]],
        *,
        limits: LimitSettings,
        tls: TlsSettings,
    ) -> None:
        self._sock = sock
        self._serve = serve
        self._limits = limits
        self._context = server_context(tls, protocols=[])
        if self._context is not None:
            # Connections last: tickets to resume them cost memory, and a sender that closes with
            # them unread would have its kernel throw away what it sent last.
            self._context.num_tickets = 0
            _map_large_blocks()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen."""
        timeouts: dict[str, Any] = {}
        if self._context is not None:
            timeouts = {
                "ssl": self._context,
                "ssl_handshake_timeout": self._limits.header_timeout_seconds,
                "ssl_shutdown_timeout": _CLOSE_SECONDS,
            }
        loop = asyncio.get_running_loop()

        def opened() -> asyncio.StreamReaderProtocol:
            reader = Reader(limit=READ_BYTES, loop=loop)
            return asyncio.StreamReaderProtocol(reader, self._connected, loop=loop)

        self._server = await loop.create_server(opened, sock=self._sock, backlog=2048, **timeouts)

    async def stop(self) -> None:
        """Take no new connections, close those that are open."""
        if self._server is None:
            return
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert isinstance(reader, Reader)
        if len(self._tasks) >= self._limits.max_connections:
            _LOG.warning("door_full", listeners=self._sock.getsockname()[1])
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        stream = Stream(reader, writer)
        connection = writer.get_extra_info("socket")
        with contextlib.suppress(OSError, AttributeError):
            # A peer that vanished without a word is found out by the kernel.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        try:
            await self._serve(stream)
        except (TimeoutError, OSError, ssl.SSLError) as error:
            _LOG.info("connection_lost", address=stream.address, reason=str(error)[:200])
        finally:
            await stream.close()
            self._tasks.discard(task)


def _map_large_blocks() -> None:
    """Have the C library map every large block of memory by itself.

    uvloop gives each TLS connection a buffer of 256 KiB and hardly touches it, which costs nothing
    where such a block is mapped by itself. glibc stops doing so when the first of them is freed,
    and takes the others from its heap, among pages in use: 54 KB for each idle connection, not 30.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def certificate_name(certificate: Any) -> str:
    """Return who a verified certificate is for, in the form that `ssl` gives it; '' for none."""
    if not certificate:
        return ""
    names = certificate.get("subjectAltName", ())
    for wanted in ("URI", "DNS"):
        for kind, value in names:
            if kind == wanted:
                return str(value)
    for part in certificate.get("subject", ()):
        for key, value in part:
            if key == "commonName":
                return str(value)
    return ""
