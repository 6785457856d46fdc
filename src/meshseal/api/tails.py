"""The live tail: each batch that becomes searchable is shown to those who wait for its records.

Batches are numbered as they become searchable, so that one who saw a page, or lost a connection,
goes on where it ended. Nothing is left out unsaid: what cannot be shown any more is said to be so.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from meshseal.model.errors import OverloadedError
from meshseal.query.reader import Reader, Record
from meshseal.query.render_logs import Place, TimeRange
from meshseal.query.tree import LogQuery

MAX_FOLLOWERS = 100
_REMEMBERED = 1000
_BATCHES_AT_ONCE = 64
_RECORDS_AT_ONCE = 500
_POINT = re.compile(r"([0-9a-f]{8})-([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A batch that can be found from now on."""

    tenant: str
    batch: int
    first_time_unix_nano: int
    last_time_unix_nano: int


@dataclass(frozen=True, slots=True)
class News:
    """What came while one followed.

    Attributes:
        records: The records that match, the oldest first.
        point: How far the tail is with them, for `follow`; '' while more of the same is to come.
        skipped: Whether batches before them are known no more, so that records may be missing.
    """

    records: list[Record]
    point: str
    skipped: bool = False


class Tails:
    """Those who follow. Use it from one event loop."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        # Numbers begin anew when the server does.
        self._run = secrets.token_hex(4)
        self._last = 0
        self._told: deque[tuple[int, NewBatch]] = deque(maxlen=_REMEMBERED)
        self._followers: set[asyncio.Event] = set()

    @property
    def point(self) -> str:
        """How far batches have become searchable: `follow` goes on from here."""
        return self.point_of(self._last)

    def announce(self, batch: NewBatch) -> None:
        """Tell followers of a batch that can be found."""
        self._last += 1
        self._told.append((self._last, batch))
        for waker in self._followers:
            waker.set()

    @asynccontextmanager
    async def follow(
        self, query: LogQuery, *, tenant: str, after: str = ""
    ) -> AsyncIterator[Follower]:
        """Give what follows a query while the block lasts.

        Args:
            query: What to look for.
            tenant: Whose records.
            after: The point to go on from; now if there is none. Behind one that is not of this run
                of the server comes all that is remembered, with something skipped.

        Raises: OverloadedError when too many follow already.
        """
        if len(self._followers) >= MAX_FOLLOWERS:
            raise OverloadedError(f"{MAX_FOLLOWERS} live tails are open already")
        waker = asyncio.Event()
        self._followers.add(waker)
        number = self._number(after) if after else self._last
        try:
            yield Follower(self, self._reader, query, tenant, waker, number)
        finally:
            self._followers.remove(waker)

    def since(self, number: int, tenant: str) -> tuple[list[NewBatch], int, bool]:
        """Return a tenant's batches behind a number, up to which number, and if any are forgotten.

        Not all of them if they are many.
        """
        skipped = number < 0 or (len(self._told) > 0 and self._told[0][0] > number + 1)
        found: list[NewBatch] = []
        for at, batch in self._told:
            if at <= number or batch.tenant != tenant:
                continue
            found.append(batch)
            if len(found) == _BATCHES_AT_ONCE:
                return found, at, skipped
        return found, self._last, skipped

    def point_of(self, number: int) -> str:
        """Return the point at a number."""
        return f"{self._run}-{number}"

    def _number(self, point: str) -> int:
        """Return the number of a point; -1 for one that is not of this run."""
        found = _POINT.fullmatch(point)
        if not found or found[1] != self._run or int(found[2]) > self._last:
            return -1
        return int(found[2])


class Follower:
    """One who follows a query."""

    def __init__(
        self,
        tails: Tails,
        reader: Reader,
        query: LogQuery,
        tenant: str,
        waker: asyncio.Event,
        number: int,
    ) -> None:
        self._tails = tails
        self._reader = reader
        self._query = query
        self._tenant = tenant
        self._waker = waker
        self._number = number
        self._batches: list[NewBatch] = []
        self._next = number
        self._shown: Place | None = None

    async def next(self, timeout_seconds: float) -> News:
        """Return what became searchable; nothing when time runs out."""
        skipped = False
        if not self._batches:
            skipped = await self._wait(timeout_seconds)
        records = await self._records() if self._batches else []
        if len(records) == _RECORDS_AT_ONCE:
            last = records[-1]
            self._shown = Place(last.time_unix_nano, last.batch, last.seq)
            return News(records, "", skipped)
        self._batches, self._shown, self._number = [], None, self._next
        return News(records, self._tails.point_of(self._number), skipped)

    async def _wait(self, timeout_seconds: float) -> bool:
        """Take the next batches, when there are any; say whether some before them are forgotten."""
        self._waker.clear()
        self._batches, self._next, skipped = self._tails.since(self._number, self._tenant)
        if self._batches or skipped:
            return skipped
        try:
            await asyncio.wait_for(self._waker.wait(), timeout_seconds)
        except TimeoutError:
            return False
        self._batches, self._next, skipped = self._tails.since(self._number, self._tenant)
        return skipped

    async def _records(self) -> list[Record]:
        times = TimeRange(
            min(batch.first_time_unix_nano for batch in self._batches),
            max(batch.last_time_unix_nano for batch in self._batches) + 1,
        )
        return await self._reader.logs(
            self._query,
            tenant=self._tenant,
            times=times,
            limit=_RECORDS_AT_ONCE,
            newest_first=False,
            batches=tuple(batch.batch for batch in self._batches),
            after=self._shown,
        )
