"""Reads the body of a request: bounded in size, in time, and in what all requests hold."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

from meshseal.model.errors import OverloadedError, PayloadError, TooLargeError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class DisconnectedError(Exception):
    """The sender went away before its request was whole. Nobody is left to answer."""


class InFlight:
    """The bytes that all requests together hold in memory. Use it from one event loop."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._held = 0

    @property
    def held_bytes(self) -> int:
        """How much is held now."""
        return self._held

    @contextmanager
    def lease(self) -> Iterator[Lease]:
        """Give a lease that takes bytes as they arrive and gives all back at the end."""
        lease = Lease(self)
        try:
            yield lease
        finally:
            self._held -= lease.held_bytes

    def take(self, count: int) -> None:
        """Raises: OverloadedError when there is no room for so many bytes."""
        if self._held + count > self._limit:
            raise OverloadedError("too many bytes are in flight", retry_after_seconds=1)
        self._held += count


class Lease:
    """One request's part of what is in flight."""

    __slots__ = ("_all", "held_bytes")

    def __init__(self, all_: InFlight) -> None:
        self._all = all_
        self.held_bytes = 0

    def take(self, count: int) -> None:
        """Hold more. Raises: OverloadedError."""
        self._all.take(count)
        self.held_bytes += count

    def hold(self, total: int) -> None:
        """Hold so many bytes altogether, more or fewer than before. Raises: OverloadedError."""
        self.take(total - self.held_bytes)


def headers_of(scope: Scope) -> dict[str, str]:
    """Return the headers; of repeated ones the last, but of several cookies all."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = (
            f"{headers[name]}; {value}" if name == "cookie" and name in headers else value
        )
    return headers


async def read_body(
    headers: Mapping[str, str],
    receive: Receive,
    lease: Lease,
    *,
    limit_bytes: int,
    timeout_seconds: float,
) -> bytes:
    """Return the whole body.

    Raises: TooLargeError as soon as it is known to be over the limit; PayloadError when it is not
        whole in time; OverloadedError; DisconnectedError.
    """
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit_bytes:
        raise TooLargeError(f"the body is larger than {limit_bytes} bytes")
    parts: list[bytes] = []
    try:
        async with asyncio.timeout(timeout_seconds):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise DisconnectedError
                part = message.get("body", b"")
                lease.take(len(part))
                if lease.held_bytes > limit_bytes:
                    raise TooLargeError(f"the body is larger than {limit_bytes} bytes")
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError as error:
        raise PayloadError(f"the body was not whole after {timeout_seconds:g} seconds") from error


async def disconnected(receive: Receive) -> bool:
    """Say whether the sender is gone, without waiting."""
    task = asyncio.ensure_future(receive())
    await asyncio.sleep(0)
    if task.done():
        return bool(task.result()["type"] == "http.disconnect")
    task.cancel()
    return False
