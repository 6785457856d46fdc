"""Client-streaming gRPC calls: messages handed on as they arrive, no answer before the end.

Nothing more is read of a call while what was read is not durable. HTTP/2's flow control then stops
the sender: ten frames wait at most in front of the application (Hypercorn's queue), and one more
message that is not whole.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from meshseal.model.errors import OverloadedError, PayloadError, TooLargeError
from meshseal.receive.body import Lease, Message, Receive, Send
from meshseal.receive.grpc_messages import (
    PREFIX,
    UNAVAILABLE,
    GrpcCall,
    GrpcReply,
    failed,
    send_reply,
    unpacked,
)
from meshseal.receive.settings import LimitSettings

BATCH_BYTES = 256 * 1024
"""As soon as a batch has so many bytes, it is handed on."""

MESSAGE_BYTES = 4 << 20
"""The largest message, unpacked, of a call of many; gRPC's own default."""

_ROOM_SECONDS = 0.1
_STOPPED = GrpcReply(UNAVAILABLE, error="the server stops")


class GrpcSession(Protocol):
    """What takes the messages of one call."""

    async def take(self, messages: list[bytes]) -> GrpcReply | None:
        """Make messages durable. Returns the end of the call, if it is to end."""


StreamHandler = Callable[[GrpcCall], Awaitable["GrpcSession | GrpcReply"]]
"""Opens a call, or refuses it."""


class Frames:
    """Cuts the bytes of a call into messages, however the network cut them.

    Args:
        encoding: How compressed messages are compressed.
        limit_bytes: The largest message, before and after unpacking.
    """

    def __init__(self, encoding: str, limit_bytes: int) -> None:
        self._encoding = encoding
        self._limit = limit_bytes
        self._data = bytearray()

    @property
    def buffered_bytes(self) -> int:
        """How many bytes of a message that is not whole are held."""
        return len(self._data)

    def add(self, data: bytes) -> None:
        """Take bytes as they arrived."""
        self._data += data

    def take(self, room_bytes: int) -> tuple[list[bytes], PayloadError | None]:
        """Return messages that are whole, and what is wrong with the one behind them.

        It stops behind the message with which the room is used up.
        """
        messages: list[bytes] = []
        start, error = 0, None
        try:
            while room_bytes > 0 and len(self._data) - start >= PREFIX.size:
                compressed, length = PREFIX.unpack_from(self._data, start)
                if compressed > 1:
                    raise PayloadError("a message begins with what is no flag of gRPC")
                if length > self._limit:
                    raise TooLargeError(f"a message is larger than {self._limit} bytes")
                end = start + PREFIX.size + length
                if len(self._data) < end:
                    break
                packed = bytes(self._data[start + PREFIX.size : end])
                messages.append(unpacked(packed, compressed, self._encoding, self._limit))
                room_bytes -= len(messages[-1]) + PREFIX.size
                start = end
        except PayloadError as found:
            error = found
        del self._data[:start]
        return messages, error


class Incoming:
    """What arrives of one call, which may be told to stop waiting."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._next: asyncio.Future[Message] | None = None
        self._stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_over = False

    def stop(self) -> None:
        """Wait for nothing any more: only what has arrived is still given."""
        if not self._stopped.done():
            self._stopped.set_result(None)

    async def next(self, timeout_seconds: float) -> Message | None:
        """Return what is next; None when nothing came in time, or waiting was stopped."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._receive())
        # What waits in front of the application is here after one turn of the loop.
        await asyncio.sleep(0)
        if not self._next.done() and timeout_seconds > 0:
            waiting: set[asyncio.Future[Message] | asyncio.Future[None]] = {self._next}
            if not self._stopped.done():
                waiting.add(self._stopped)
                await asyncio.wait(
                    waiting, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED
                )
        if not self._next.done():
            return None
        message = self._next.result()
        self._next = None
        self.is_over = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    @property
    def is_stopped(self) -> bool:
        """Whether it was told to stop."""
        return self._stopped.done()

    async def drain(self, timeout_seconds: float) -> None:
        """Throw away what a caller still sends, until it has heard that the call is over."""
        deadline = time.monotonic() + timeout_seconds
        if self._stopped.done():
            self._stopped = asyncio.get_running_loop().create_future()
        while not self.is_over and (left := deadline - time.monotonic()) > 0:
            await self.next(left)

    def close(self) -> None:
        """Give up what is waited for."""
        if self._next is not None:
            self._next.cancel()
        self._stopped.cancel()


class StreamRun:
    """One call from its first byte to its end.

    Args:
        call: The call.
        incoming: What arrives of it.
        lease: Its part of what is in flight.
        limits: Bounds of size and time.
    """

    def __init__(
        self, call: GrpcCall, incoming: Incoming, lease: Lease, limits: LimitSettings
    ) -> None:
        self._incoming = incoming
        self._lease = lease
        self._limits = limits
        self._frames = Frames(
            call.metadata.get("grpc-encoding", "identity"),
            min(MESSAGE_BYTES, limits.max_request_bytes),
        )
        self._is_gone = False
        self._partial_since: float | None = None

    async def run(self, session: GrpcSession) -> GrpcReply | None:
        """Hand messages on until the call ends; None where nobody is there to be answered."""
        while True:
            stopped = self._incoming.is_stopped
            batch, error = await self._batch()
            if batch:
                self._partial_since = None
                reply = await session.take(batch)
                if reply is not None:
                    return reply
            if error is not None:
                return failed(error)
            if stopped:
                return _STOPPED
            if batch:
                continue
            if self._incoming.is_over:
                return self._ended()
            message = await self._incoming.next(self._patience())
            if message is not None:
                await self._add(message, 0)
            elif not self._incoming.is_stopped:
                return self._late()

    async def _batch(self) -> tuple[list[bytes], PayloadError | None]:
        """Return the messages in what has arrived, and what is wrong behind them."""
        batch: list[bytes] = []
        held = 0
        while True:
            messages, error = self._frames.take(BATCH_BYTES - held)
            batch += messages
            held += sum(len(message) + PREFIX.size for message in messages)
            await self._hold(self._frames.buffered_bytes + held)
            if error is not None or held >= BATCH_BYTES or self._incoming.is_over:
                return batch, error
            message = await self._incoming.next(0)
            if message is None:
                return batch, None
            await self._add(message, held)

    async def _add(self, message: Message, held: int) -> None:
        self._is_gone = message["type"] != "http.request"
        data = message.get("body", b"")
        await self._hold(self._frames.buffered_bytes + held + len(data))
        self._frames.add(data)

    async def _hold(self, total: int) -> None:
        """Hold so many bytes, as soon as there is room. Nobody would send them again."""
        while True:
            try:
                return self._lease.hold(total)
            except OverloadedError:
                await asyncio.sleep(_ROOM_SECONDS)

    def _patience(self) -> float:
        """Return how long to wait: what has begun must be whole at a deadline."""
        if not self._frames.buffered_bytes:
            self._partial_since = None
            return self._limits.stream_idle_seconds
        if self._partial_since is None:
            self._partial_since = time.monotonic()
        left = self._partial_since + self._limits.body_timeout_seconds - time.monotonic()
        return max(left, 0.0)

    def _late(self) -> GrpcReply:
        """The end of a call from which nothing came."""
        if self._partial_since is not None:
            return failed(PayloadError("a message was not whole in time"))
        return GrpcReply(
            UNAVAILABLE, error=f"nothing came for {self._limits.stream_idle_seconds:g} seconds"
        )

    def _ended(self) -> GrpcReply | None:
        """The end of a call that the caller has ended."""
        if self._is_gone:
            return None
        if self._frames.buffered_bytes:
            return failed(PayloadError("the last message is cut short"))
        return GrpcReply(0)


async def end(send: Send, incoming: Incoming, reply: GrpcReply, *, wait_seconds: float) -> None:
    """Answer a call whose caller may still be sending.

    Hypercorn ends the whole connection, and every other call on it, when data arrives for a call it
    has forgotten. So it keeps the call until the caller has heard the answer.
    """
    await send_reply(send, reply, last=incoming.is_over)
    await incoming.drain(wait_seconds)
