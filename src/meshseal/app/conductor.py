"""Leads segments from the spool through the mill, and keeps count of what becomes of them.

A segment is deleted only when the mill says that it is stored and sealed, and when what must be
remembered of it, its chunks' numbers, is in the state.

One that fails three times by its own fault is set aside. Segments that were in the mill together
when the engine came down are milled one by one from then on, so that it shows whose fault it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from meshseal.access.keys import sync_directory
from meshseal.access.state import CHUNKS, DELIVERIES, SEGMENTS
from meshseal.api.tails import NewBatch
from meshseal.mill.faults import Fault
from meshseal.mill.stair import Milled
from meshseal.model import telemetry
from meshseal.model.envelope import Chunk
from meshseal.spool.copies import DELIVERY_SECONDS, Chunks, StreamMark
from meshseal.spool.recovery import set_aside
from meshseal.spool.spool import ClosedSegment, Spool

_LOG = structlog.get_logger(__name__)
MAX_ATTEMPTS = 3
_RETRY_SECONDS = 2.0
_MILL_SLOTS = 4


class Conductor:
    """Leads segments. Use it from one event loop.

    Args:
        state: Where attempts and chunks are noted.
        chunks: The chunks that are known to be durable.
        order: Sends an order to the engine's process.
        on_batch: Called with each batch that can be found from now on.
    """

    def __init__(
        self,
        *,
        state: Engine,
        chunks: Chunks,
        order: Callable[[dict[str, Any]], None],
        on_batch: Callable[[NewBatch], None],
    ) -> None:
        self._state = state
        self._chunks = chunks
        self._order = order
        self._on_batch = on_batch
        self._spool: Spool | None = None
        self._waiting: dict[int, ClosedSegment] = {}
        self._opened_at: dict[int, float] = {}
        self._in_mill: set[int] = set()
        self._tried: set[int] = set()
        self._suspects: set[int] = set()
        self._chunk_keys: dict[int, set[tuple[str, str, int]]] = {}
        self._deliveries: dict[int, list[bytes]] = {}
        self._engine_up = False
        self._finished: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def attach(self, spool: Spool) -> None:
        """Take segments from a spool from now on."""
        self._spool = spool
        self._task = asyncio.create_task(self._finish_forever(), name="conductor")

    async def stop(self) -> None:
        """Stop; what is not finished is finished by the next run."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @property
    def idle(self) -> bool:
        """Whether every segment is stored and sealed."""
        return not self._waiting and self._finished.empty()

    # ---- From the spool --------------------------------------------------------------------

    def closed(self, segment: ClosedSegment) -> None:
        """Take a segment that the spool has just closed."""
        self._opened_at[segment.number] = time.monotonic() - segment.age_seconds
        self._waiting[segment.number] = segment
        self._send()

    def left_behind(self, segment: ClosedSegment) -> None:
        """Take a segment that an earlier run left, and may have stored in part."""
        self._waiting[segment.number] = segment
        self._tried.add(segment.number)

    def arrived(self, segment: int, tenant: str, chunk: Chunk) -> None:
        """Note that a segment holds a numbered chunk."""
        key = (tenant, chunk.agent, chunk.epoch)
        self._chunk_keys.setdefault(segment, set()).add(key)

    def delivered(self, segment: int, digest: bytes) -> None:
        """Note that a segment holds a named delivery."""
        self._deliveries.setdefault(segment, []).append(digest)

    # ---- To and from the engine --------------------------------------------------------------

    def engine_ready(self) -> None:
        """Begin, or begin again with what the last engine did not finish."""
        self._engine_up = True
        self._tried |= self._in_mill
        self._in_mill.clear()
        self._send()

    async def engine_lost(self, *, by_itself: bool) -> None:
        """Find out whose fault it was, if it was the fault of what was in the mill."""
        self._engine_up = False
        if by_itself:
            await self._suspect(self._in_mill, "the engine came down while it was being milled")

    async def _suspect(self, numbers: set[int], reason: str) -> None:
        """Count a try against a segment that was alone; have several milled one by one."""
        if len(numbers) == 1 and numbers <= self._suspects:
            await self._count_attempt(next(iter(numbers)), reason)
        else:
            self._suspects |= numbers

    def message(self, message: dict[str, Any]) -> None:
        """Take what the engine's process says of a segment."""
        self._finished.put_nowait(message)

    def _send(self) -> None:
        """Hand the mill as much as it should have at one time, oldest first; suspects alone."""
        if not self._engine_up:
            return
        for number in sorted(self._waiting):
            alone = number in self._suspects
            room = 1 if alone else _MILL_SLOTS
            if len(self._in_mill) >= room or self._in_mill & self._suspects:
                return
            if number not in self._in_mill:
                self._in_mill.add(number)
                self._order({"mill": number, "again": number in self._tried})

    async def _finish_forever(self) -> None:
        while True:
            message = await self._finished.get()
            try:
                if "milled" in message:
                    await self._milled(msgspec.convert(message["milled"], Milled))
                else:
                    await self._failed(
                        message["failed"], Fault(message["fault"]), message["reason"]
                    )
            except OSError as error:
                # The disk is full, say. The segment stays where it is and is milled again, which
                # does nothing twice.
                _LOG.error("segment_not_finished", error=str(error))
                await asyncio.sleep(_RETRY_SECONDS)
                self._in_mill -= {message.get("failed"), message.get("milled", {}).get("segment")}
                self._send()

    async def _milled(self, milled: Milled) -> None:
        number = milled.segment
        segment = self._waiting.get(number)
        if segment is None:
            self._in_mill.discard(number)
            return
        await asyncio.to_thread(self._remember, number)
        await asyncio.to_thread(_remove, segment)
        # In the mill until here: or else it would be sent there again meanwhile.
        del self._waiting[number]
        self._in_mill.discard(number)
        self._tried.discard(number)
        self._suspects.discard(number)
        assert self._spool is not None
        self._spool.release(number)
        self._count(milled, segment)
        for batch in milled.batches:
            self._on_batch(
                NewBatch(
                    batch.tenant,
                    batch.batch,
                    batch.first_time_unix_nano,
                    batch.last_time_unix_nano,
                )
            )
        self._send()

    def _count(self, milled: Milled, segment: ClosedSegment) -> None:
        for tenant, door, records in milled.stored:
            telemetry.RECORDS_STORED.labels(door, tenant).inc(records)
        for tenant, door, records in milled.aside:
            telemetry.RECORDS_ASIDE.labels(door, tenant).inc(records)
        telemetry.SPOOL_RECORDS.dec(segment.records)
        telemetry.BATCHES_SEALED.inc(len(milled.batches))
        opened_at = self._opened_at.pop(segment.number, None)
        if opened_at is not None:
            telemetry.SEARCHABLE_SECONDS.observe(time.monotonic() - opened_at)

    async def _failed(self, number: int, fault: Fault, reason: str) -> None:
        if fault is Fault.PAYLOAD:
            await self._count_attempt(number, reason)
        elif fault is Fault.MEMORY:
            await self._suspect({number}, reason)
        await asyncio.sleep(_RETRY_SECONDS)
        self._in_mill.discard(number)
        self._tried.add(number)
        self._send()

    async def _count_attempt(self, number: int, reason: str) -> None:
        """Note a failed try; after the third, set the segment aside."""
        attempts = await asyncio.to_thread(self._note_attempt, number, reason)
        segment = self._waiting.get(number)
        if attempts < MAX_ATTEMPTS or segment is None:
            return
        await asyncio.to_thread(set_aside, segment.path)
        _LOG.error("segment_set_aside", segment=number, attempts=attempts, reason=reason)
        telemetry.SEGMENTS_ASIDE.inc()
        telemetry.SPOOL_RECORDS.dec(segment.records)
        del self._waiting[number]
        self._in_mill.discard(number)
        self._suspects.discard(number)
        assert self._spool is not None
        self._spool.release(number)

    # ---- The state ---------------------------------------------------------------------------

    def _note_attempt(self, number: int, reason: str) -> int:
        with self._state.begin() as connection:
            row = connection.execute(select(SEGMENTS).where(SEGMENTS.c.number == number)).first()
            if row is None:
                values = {"number": number, "attempts": 1, "reason": reason}
                connection.execute(insert(SEGMENTS).values(**values))
                return 1
            attempts = int(row.attempts) + 1
            connection.execute(
                update(SEGMENTS)
                .where(SEGMENTS.c.number == number)
                .values(attempts=attempts, reason=reason)
            )
            return attempts

    def _remember(self, number: int) -> None:
        """Keep what must outlive the segment."""
        keys = self._chunk_keys.pop(number, set())
        marks = [self._chunks.mark(*key) for key in sorted(keys)]
        deliveries = self._deliveries.pop(number, [])
        tried = number in self._tried
        if not marks and not deliveries and not tried:
            return
        with self._state.begin() as connection:
            if tried:
                connection.execute(delete(SEGMENTS).where(SEGMENTS.c.number == number))
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            if deliveries:
                _keep_deliveries(connection, dialect.insert(DELIVERIES), deliveries)
            for mark in marks:
                values = _mark_values(mark)
                statement = dialect.insert(CHUNKS).values(values)
                connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=["tenant", "agent", "epoch"],
                        set_={
                            name: values[name]
                            for name in ("next_sequence", "beyond", "touched_unix_nano")
                        },
                    )
                )


def _keep_deliveries(connection: Connection, statement: Any, digests: list[bytes]) -> None:
    """Keep the names of a segment's deliveries, and forget those of the day before."""
    now = time.time_ns()
    old = now - int(DELIVERY_SECONDS * 10**9)
    connection.execute(delete(DELIVERIES).where(DELIVERIES.c.stored_unix_nano < old))
    rows = [{"digest": digest, "stored_unix_nano": now} for digest in digests]
    connection.execute(statement.on_conflict_do_nothing(), rows)


def load_deliveries(state: Engine) -> list[tuple[bytes, float]]:
    """Return the named deliveries that the state remembers, oldest first, with their age."""
    now = time.time_ns()
    with state.connect() as connection:
        rows = connection.execute(select(DELIVERIES).order_by(DELIVERIES.c.stored_unix_nano))
        return [(row.digest, (now - row.stored_unix_nano) / 10**9) for row in rows]


def load_chunks(state: Engine) -> list[StreamMark]:
    """Return what the state remembers of chunks."""
    with state.connect() as connection:
        return [
            StreamMark(
                row.tenant,
                row.agent,
                row.epoch,
                row.next_sequence,
                tuple(json.loads(row.beyond)),
            )
            for row in connection.execute(select(CHUNKS))
        ]


def _mark_values(mark: StreamMark) -> dict[str, Any]:
    return {
        "tenant": mark.tenant,
        "agent": mark.agent,
        "epoch": mark.epoch,
        "next_sequence": mark.next_sequence,
        "beyond": json.dumps(list(mark.beyond)),
        "touched_unix_nano": time.time_ns(),
    }


def _remove(segment: ClosedSegment) -> None:
    segment.path.unlink(missing_ok=True)
    sync_directory(segment.path.parent)
