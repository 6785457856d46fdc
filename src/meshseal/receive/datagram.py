"""The door for protocols over UDP: datagrams, handed over in batches."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

from meshseal.receive.sockets import KERNEL_BYTES

Address = tuple[str, int]
Batch = list[tuple[bytes, Address]]
_WAITING_BYTES = 16 << 20
_BATCH_SECONDS = 0.02
_QUIET_SECONDS = 5.0
_OVERHEAD_BYTES = 128
"""What a datagram holds in memory besides its bytes, about: empty ones are not for nothing."""


class DatagramServer(asyncio.DatagramProtocol):
    """A listener for one protocol over UDP.

    Datagrams wait in memory, bounded, while a batch before them is being made durable; there is
    nobody to ask to slow down, so that what finds no room is lost, and counted. While nothing
    arrives, an empty batch is handed over now and then: what waits for its rest is given up then.

    Args:
        sock: The bound socket.
        take: Makes a batch durable and returns what to answer; it raises nothing.
        lose: Counts datagrams for which there was no room.
    """

    def __init__(
        self,
        sock: socket.socket,
        take: Callable[[Batch], Awaitable[Batch]],
        lose: Callable[[Batch], None],
    ) -> None:
        self._sock = sock
        self._take = take
        self._lose = lose
        self._waiting: Batch = []
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._stopping = False
        self._transport: asyncio.DatagramTransport | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, sock=self._sock)
        self._task = asyncio.create_task(self._forward(), name="datagrams")

    async def stop(self) -> None:
        """Hear no more; what has arrived is made durable first."""
        self._hear_what_is_there()
        self._stopping = True
        while self._waiting_bytes and self._task and not self._task.done():  # noqa: ASYNC110
            await asyncio.sleep(_BATCH_SECONDS)
        if self._transport:
            self._transport.close()
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        """Keep the transport, to answer by."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Queue a datagram."""
        arrived = (data, (str(addr[0]), int(addr[1])))
        size = len(data) + _OVERHEAD_BYTES
        if self._stopping or self._waiting_bytes + size > _WAITING_BYTES:
            self._lose([arrived])
            return
        self._waiting.append(arrived)
        self._waiting_bytes += size
        self._arrived.set()

    def _hear_what_is_there(self) -> None:
        """Take what the system has for this socket, no more than it can hold."""
        heard = 0
        with contextlib.suppress(OSError):
            while heard <= 2 * KERNEL_BYTES:
                data, addr = self._sock.recvfrom(65_535)
                heard += len(data) + _OVERHEAD_BYTES
                self.datagram_received(data, addr)

    async def _forward(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_QUIET_SECONDS):
                    await self._arrived.wait()
            # One write to disk for what comes in a burst.
            await asyncio.sleep(_BATCH_SECONDS)
            batch, self._waiting = self._waiting, []
            size = self._waiting_bytes
            self._arrived.clear()
            try:
                replies = await self._take(batch)
            finally:
                # Only now: what is being made durable bounds what may wait behind it.
                self._waiting_bytes -= size
            for data, address in replies:
                if self._transport:
                    self._transport.sendto(data, address)
