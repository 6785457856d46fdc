"""The spool: append, group commit, fsync, close; and the bounds that make senders wait.

Everything that arrives while one frame is being written goes into the next one, so that many
senders share one fsync. `append` returns when its frame is durable, never before.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import structlog

from meshseal.model.envelope import Envelope, delimited
from meshseal.model.errors import OverloadedError
from meshseal.model.identifiers import MAX_TENANTS_PER_SEGMENT
from meshseal.spool.segment import SegmentWriter
from meshseal.spool.settings import SpoolSettings
from meshseal.spool.tally import TallyBook

_T = TypeVar("_T")
_LOG = structlog.get_logger(__name__)
_MAX_FRAME_BYTES = 64 << 20
_FREE_CHECK_SECONDS = 0.5
_AUDIT_AGE_SECONDS = 3.0

# A mill that has so many segments before it is busy, not behind.
_BUSY_SEGMENTS = 2
_MOST_AGE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class ClosedSegment:
    """A complete segment: what the mill takes next. `age_seconds` is how long it was open."""

    number: int
    path: Path
    size_bytes: int
    records: int
    age_seconds: float = 0.0


@dataclass(slots=True)
class _Waiting:
    """One call of `append` that waits for its frame."""

    content: bytes
    tenants: frozenset[str]
    records: int
    privileged: bool
    done: asyncio.Future[int]


@dataclass(slots=True)
class _Open:
    """The segment being written."""

    writer: SegmentWriter
    opened_at: float
    close_at: float = math.inf
    tenants: set[str] = field(default_factory=set)
    records: int = 0


class Spool:
    """The spool of one server. Use it from one event loop.

    Args:
        directory: Where segments are.
        spool_key: The key that segments' keys are wrapped under.
        settings: Its bounds.
        first_number: The number of the next segment; above every one that was used.
        on_closed: Called in the event loop with each segment that is complete.
        tallies: What was refused or found to be a copy; each segment takes its tenants' part along.
    """

    def __init__(
        self,
        directory: Path,
        *,
        spool_key: bytes,
        settings: SpoolSettings,
        first_number: int,
        on_closed: Callable[[ClosedSegment], None],
        tallies: TallyBook,
    ) -> None:
        self._directory = directory
        self._key = spool_key
        self._settings = settings
        self._number = first_number
        self._on_closed = on_closed
        self._tallies = tallies
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._wake = asyncio.Event()
        self._open: _Open | None = None
        self._backlog: dict[int, tuple[int, float]] = {}
        self._backlog_bytes = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._free_checked = 0.0
        self._refusal: str | None = None
        self._reserve = directory / "reserve"

    # ---- Life ------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to commit."""
        await self._in_thread(self._fill_reserve)
        self._task = asyncio.create_task(self._commit_forever(), name="spool")

    async def close(self) -> None:
        """Write what waits, close the open segment, stop."""
        self._closing = True
        self._wake.set()
        if self._task:
            await self._task
        self._thread.shutdown()

    # ---- Senders' side ---------------------------------------------------------------------

    def admit(self) -> None:
        """Say whether records may come in now; to be asked before a request is even read.

        Raises: OverloadedError when the spool or the disk is full.
        """
        if self._closing:
            raise OverloadedError("the server is stopping")
        limit = self._settings.max_bytes
        if self._backlog_bytes + self._waiting_bytes + self._open_bytes() >= limit:
            raise OverloadedError(f"the spool is full: {limit} bytes wait to be stored")
        if self.oldest_seconds() > self._settings.max_age_seconds:
            raise OverloadedError("the spool is full: records wait too long to be stored")
        now = time.monotonic()
        if now - self._free_checked >= _FREE_CHECK_SECONDS:
            self._free_checked = now
            self._refusal = self._disk_refusal()
        if self._refusal:
            raise OverloadedError(self._refusal)

    async def append(self, envelopes: Sequence[Envelope], *, privileged: bool = False) -> int:
        """Make envelopes durable, all or none, and return the number of their segment.

        Args:
            envelopes: At least one.
            privileged: True for audit records, which may use the space kept back for them.

        Raises: OverloadedError when they cannot be made durable now; nothing of them is kept then.
        """
        if not privileged:
            self.admit()
        content = b"".join(delimited(envelope.encode()) for envelope in envelopes)
        waiting = _Waiting(
            content,
            frozenset(envelope.tenant for envelope in envelopes),
            sum(envelope.records for envelope in envelopes),
            privileged,
            asyncio.get_running_loop().create_future(),
        )
        self._waiting.append(waiting)
        self._waiting_bytes += len(content)
        self._wake.set()
        return await waiting.done

    # ---- The mill's side -------------------------------------------------------------------

    def adopt(self, segment: ClosedSegment) -> None:
        """Count a segment that an earlier run left behind."""
        self._backlog[segment.number] = (segment.size_bytes, time.monotonic())
        self._backlog_bytes += segment.size_bytes

    def release(self, number: int) -> None:
        """Forget a segment that is gone."""
        size, _ = self._backlog.pop(number, (0, 0.0))
        self._backlog_bytes -= size
        # What is open may be due now.
        self._wake.set()

    # ---- What operators see ----------------------------------------------------------------

    def backlog(self) -> tuple[int, int]:
        """Return (closed segments that wait, bytes in them and in the open one)."""
        return len(self._backlog), self._backlog_bytes + self._open_bytes()

    def oldest_seconds(self) -> float:
        """Return how long the oldest closed segment has waited."""
        first = next(iter(self._backlog.values()), None)
        return time.monotonic() - first[1] if first else 0.0

    # ---- Committing ------------------------------------------------------------------------

    def _open_bytes(self) -> int:
        return self._open.writer.size_bytes if self._open else 0

    async def _commit_forever(self) -> None:
        while not (self._closing and not self._waiting):
            await self._wait_for_work()
            taken = self._take()
            if taken:
                await self._commit(taken)
            if self._open and (self._is_full(self._open) or self._closing):
                await self._rotate()
        if self._open:
            await self._rotate()

    async def _wait_for_work(self) -> None:
        if self._waiting or self._closing:
            return
        self._wake.clear()
        timeout = None
        if self._open:
            timeout = max(0.0, self._due_at(self._open) - time.monotonic())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), timeout)

    def _take(self) -> list[_Waiting]:
        """Take what goes into the next frame.

        In order, up to the size of a frame and to the number of tenants a segment may hold.
        """
        tenants = set(self._open.tenants) if self._open else set()
        size = count = 0
        for waiting in self._waiting:
            joined = tenants | waiting.tenants
            too_large = size + len(waiting.content) > _MAX_FRAME_BYTES
            if count and (too_large or len(joined) > MAX_TENANTS_PER_SEGMENT):
                break
            tenants = joined
            size += len(waiting.content)
            count += 1
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        self._waiting_bytes -= size
        return taken

    async def _commit(self, taken: list[_Waiting]) -> None:
        tenants = frozenset().union(*(waiting.tenants for waiting in taken))
        if self._open and len(self._open.tenants | tenants) > MAX_TENANTS_PER_SEGMENT:
            await self._rotate()
        try:
            await self._in_thread(self._write, b"".join(w.content for w in taken))
        except OSError as error:
            await self._failed(taken, error)
            return
        assert self._open is not None
        self._open.tenants |= tenants
        self._open.close_at = min(self._open.close_at, time.monotonic() + self._age_of(taken))
        self._open.records += sum(waiting.records for waiting in taken)
        number = self._open.writer.number
        for waiting in taken:
            if not waiting.done.done():
                waiting.done.set_result(number)

    def _write(self, content: bytes) -> None:
        if self._open is None:
            writer = SegmentWriter(
                self._directory,
                self._number,
                spool_key=self._key,
                now_unix_nano=time.time_ns(),
            )
            self._number += 1
            self._open = _Open(writer, time.monotonic())
        self._open.writer.append(content)

    async def _failed(self, taken: list[_Waiting], error: OSError) -> None:
        """Refuse what could not be written; audit records get a second try in their reserve."""
        _LOG.error(
            "spool_write_failed", error=error.strerror, records=sum(w.records for w in taken)
        )
        if self._open:
            await self._rotate()
        privileged = [waiting for waiting in taken if waiting.privileged]
        refused = [waiting for waiting in taken if not waiting.privileged]
        freed = bool(privileged) and await self._in_thread(self._use_reserve)
        if freed:
            self._waiting[:0] = privileged
            self._waiting_bytes += sum(len(waiting.content) for waiting in privileged)
        else:
            refused = taken
        reason = "the disk is full" if error.errno == errno.ENOSPC else "the disk does not write"
        self._refusal, self._free_checked = reason, time.monotonic()
        for waiting in refused:
            if not waiting.done.done():
                waiting.done.set_exception(OverloadedError(reason))

    def _age_of(self, taken: list[_Waiting]) -> float:
        """Return the age at which a segment is closed that begins with these.

        Nobody waits to find audit records, and a mill that is busy with those of each query would
        slow the next one down.
        """
        age = self._settings.segment_age_seconds
        return max(age, _AUDIT_AGE_SECONDS) if all(w.privileged for w in taken) else age

    def _due_at(self, open_: _Open) -> float:
        """Return when a segment is closed by its age.

        Later, the further the mill is behind: most of what a small segment costs it is the same for
        a large one, so that it catches up with fewer of them.
        """
        behind = max(0, len(self._backlog) - _BUSY_SEGMENTS)
        longer = min(behind * self._settings.segment_age_seconds, _MOST_AGE_SECONDS)
        return open_.close_at + longer

    def _is_full(self, open_: _Open) -> bool:
        return (
            open_.writer.size_bytes >= self._settings.segment_bytes
            or time.monotonic() >= self._due_at(open_)
        )

    async def _rotate(self) -> None:
        """Close the open segment and hand it on, or remove it if nothing is in it."""
        open_, self._open = self._open, None
        assert open_ is not None
        if open_.records:
            await self._append_tallies(open_)
        open_.writer.close()
        if not open_.records:
            open_.writer.path.unlink(missing_ok=True)
            return
        writer = open_.writer
        age = time.monotonic() - open_.opened_at
        closed = ClosedSegment(writer.number, writer.path, writer.size_bytes, open_.records, age)
        self._backlog[closed.number] = (closed.size_bytes, time.monotonic())
        self._backlog_bytes += closed.size_bytes
        self._on_closed(closed)

    async def _append_tallies(self, open_: _Open) -> None:
        tallies = self._tallies.take(open_.tenants)
        if not tallies:
            return
        try:
            await self._in_thread(
                open_.writer.append, b"".join(delimited(tally.encode()) for tally in tallies)
            )
        except OSError as error:
            _LOG.warning("spool_tally_failed", error=error.strerror)
            self._tallies.put_back(tallies)

    # ---- The disk --------------------------------------------------------------------------

    def _disk_refusal(self) -> str | None:
        disk = os.statvfs(self._directory)
        kept = min(self._settings.min_free_bytes, disk.f_blocks * disk.f_frsize // 20)
        free = disk.f_bavail * disk.f_frsize
        if free < kept:
            return f"the disk is full: {free} bytes are free, and {kept} are kept for the store"
        self._fill_reserve()
        return None

    def _fill_reserve(self) -> None:
        """Set the audit records' space aside, where there is space to."""
        size = self._settings.audit_reserve_bytes
        if not size or (self._reserve.exists() and self._reserve.stat().st_size >= size):
            return
        with contextlib.suppress(OSError):
            descriptor = os.open(self._reserve, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, size)
            finally:
                os.close(descriptor)

    def _use_reserve(self) -> bool:
        """Give half of what is left of the reserve back to the disk, down to nothing."""
        try:
            size = self._reserve.stat().st_size
            if not size:
                return False
            os.truncate(self._reserve, size // 2 if size > 1 << 20 else 0)
        except OSError:
            return False
        return True

    async def _in_thread(self, call: Callable[..., _T], *args: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)
