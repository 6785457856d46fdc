"""The live tail: each batch that becomes searchable is shown to those who wait for its records."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from meshseal.model.errors import OverloadedError
from meshseal.query.reader import Reader, Record
from meshseal.query.render_logs import TimeRange
from meshseal.query.tree import LogQuery

MAX_FOLLOWERS = 100
_MAX_WAITING = 64
_MAX_RECORDS = 500


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch that can be found from now on."""

    tenant: str
    batch: int
    first_time_unix_nano: int
    last_time_unix_nano: int


class Tails:
    """Those who follow. Use it from one event loop."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._followers: dict[asyncio.Queue[NewBatch], str] = {}

    def announce(self, batch: NewBatch) -> None:
        """Tell followers of the tenant. One who is too slow misses the oldest it was told."""
        for queue, tenant in self._followers.items():
            if tenant != batch.tenant:
                continue
            if queue.full():
                with suppress(asyncio.QueueEmpty):
                    queue.get_nowait()
            queue.put_nowait(batch)

    @asynccontextmanager
    async def follow(self, query: LogQuery, *, tenant: str) -> AsyncIterator[Follower]:
        """Give what follows a query while the block lasts.

        Raises: OverloadedError when too many follow already.
        """
        if len(self._followers) >= MAX_FOLLOWERS:
            raise OverloadedError(f"{MAX_FOLLOWERS} live tails are open already")
        queue: asyncio.Queue[NewBatch] = asyncio.Queue(_MAX_WAITING)
        self._followers[queue] = tenant
        try:
            yield Follower(self._reader, query, tenant, queue)
        finally:
            del self._followers[queue]


class Follower:
    """One who follows a query."""

    def __init__(
        self, reader: Reader, query: LogQuery, tenant: str, queue: asyncio.Queue[NewBatch]
    ) -> None:
        self._reader = reader
        self._query = query
        self._tenant = tenant
        self._queue = queue

    async def next(self, timeout_seconds: float) -> list[Record]:
        """Return the records that became searchable, oldest first; none when time runs out."""
        try:
            batches = [await asyncio.wait_for(self._queue.get(), timeout_seconds)]
        except TimeoutError:
            return []
        while not self._queue.empty():
            batches.append(self._queue.get_nowait())
        times = TimeRange(
            min(batch.first_time_unix_nano for batch in batches),
            max(batch.last_time_unix_nano for batch in batches) + 1,
        )
        return await self._reader.logs(
            self._query,
            tenant=self._tenant,
            times=times,
            limit=_MAX_RECORDS,
            newest_first=False,
            batches=tuple(batch.batch for batch in batches),
        )
