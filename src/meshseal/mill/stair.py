"""The stair: segment -> stage -> store -> seal, for one worker."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from meshseal.mill.faults import Fault, NotStoredError, fault_of
from meshseal.mill.keys import BatchKeys
from meshseal.mill.plan import Placed, Plan, make_plan
from meshseal.mill.sealer import Sealer
from meshseal.mill.stage import Stage, split_leaves
from meshseal.mill.writer import StoreWriter
from meshseal.model.envelope import delimited
from meshseal.model.errors import EngineError, IntegrityError
from meshseal.shape.repair import repaired
from meshseal.spool.recovery import ASIDE
from meshseal.spool.segment import ReadBack, SegmentWriter, read_segment, segment_path

_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MilledBatch:
    """A batch that is stored and sealed."""

    tenant: str
    batch: int
    records: int
    first_time_unix_nano: int
    last_time_unix_nano: int


@dataclass(frozen=True, slots=True)
class Milled:
    """What became of a segment.

    Attributes:
        segment: Its number.
        batches: Its batches.
        stored: Records stored, as (tenant, door, records).
        aside: Records set aside because nothing can decode them, as (tenant, door, records).
    """

    segment: int
    batches: list[MilledBatch]
    stored: list[tuple[str, str, int]]
    aside: list[tuple[str, str, int]]


class Stair:
    """What one worker does with a segment.

    Args:
        spool: Where segments are.
        spool_key: The key they open with.
        stage: The worker's stage.
        writer: The worker's writer.
        keys: The batch keys.
        sealer: The sealer, which all workers share.
        node: The number of this node in its cluster.
    """

    def __init__(
        self,
        spool: Path,
        *,
        spool_key: bytes,
        stage: Stage,
        writer: StoreWriter,
        keys: BatchKeys,
        sealer: Sealer,
        node: int = 0,
    ) -> None:
        self._spool = spool
        self._spool_key = spool_key
        self._stage = stage
        self._writer = writer
        self._keys = keys
        self._sealer = sealer
        self._node = node

    def mill(self, segment: int, *, again: bool) -> Milled:
        """Store and seal a segment; both are durable when it returns.

        Args:
            segment: Its number.
            again: Whether it may have been stored or sealed in part before.

        Raises: IntegrityError when the segment cannot be read or does not hold what it says;
            EngineError when the engine refuses; OSError.
        """
        read = read_segment(segment_path(self._spool, segment), spool_key=self._spool_key)
        plan, aside = self._decode(read)
        batches = [batch.batch for batch in plan.batches]
        milled: list[MilledBatch] = []
        if plan.placed:
            leaves = split_leaves(self._stage.leaves(), plan)
            times = self._stage.times()
            self._store(segment, batches, plan, again=again)
            self._sealer.seal(plan.batches, leaves, times)
            milled = [
                MilledBatch(batch.tenant, batch.batch, batch.records, *times[batch.batch])
                for batch in plan.batches
            ]
            self._stage.clear()
        return Milled(segment, milled, plan.stored(), aside)

    def _store(self, segment: int, batches: Sequence[int], plan: Plan, *, again: bool) -> None:
        try:
            self._writer.write(segment, batches, again=again, seen=plan.seen)
        except EngineError as error:
            raise NotStoredError(str(error), engine_code=error.engine_code) from error

    def _decode(self, read: ReadBack) -> tuple[Plan, list[tuple[str, str, int]]]:
        """Fill the stage, without the envelopes that nothing can decode; those are set aside."""
        plan = make_plan(read.number, read.contents, node=self._node)
        try:
            self._fill(plan, plan.placed)
        except (EngineError, IntegrityError) as error:
            if fault_of(error) is not Fault.PAYLOAD:
                raise
            _LOG.error("mill_envelope_fails", segment=read.number, error=str(error)[:500])
        else:
            return plan, []
        failing = self._failing(plan, range(len(plan.placed)))
        if not failing:
            raise EngineError(f"segment {read.number} fails as a whole, but none of its envelopes")
        anew = self._repairs(plan, failing)
        bad = [position for position in failing if position not in anew]
        if bad:
            self._set_aside(read.number, [plan.placed[position] for position in bad])
        rest = make_plan(
            read.number, read.contents, without=frozenset(bad), anew=anew, node=self._node
        )
        if rest.placed:
            self._fill(rest, rest.placed)
        aside = (delimited(bytes(plan.placed[position].message)) for position in bad)
        return rest, make_plan(read.number, aside).stored()

    def _repairs(self, plan: Plan, failing: Sequence[int]) -> dict[int, bytes]:
        """Return the payloads, written anew, of those envelopes that can be decoded so."""
        found: dict[int, bytes] = {}
        for position in failing:
            placed = plan.placed[position]
            envelope = placed.envelope
            content = repaired(envelope.kind, bytes(envelope.content))
            if content is None:
                continue
            message = memoryview(replace(envelope, content=content).encode())
            try:
                self._fill(plan, [replace(placed, message=message)])
            except (EngineError, IntegrityError):
                continue
            found[position] = content
        return found

    def _fill(self, plan: Plan, placed: Sequence[Placed]) -> None:
        self._stage.fill(plan, placed, self._keys.create(plan.batches))

    def _failing(self, plan: Plan, positions: Sequence[int]) -> list[int]:
        """Return which envelopes cannot be decoded, by halves."""
        try:
            self._fill(plan, [plan.placed[position] for position in positions])
        except (EngineError, IntegrityError):
            if len(positions) == 1:
                return list(positions)
            middle = len(positions) // 2
            return [
                *self._failing(plan, positions[:middle]),
                *self._failing(plan, positions[middle:]),
            ]
        return []

    def _set_aside(self, segment: int, bad: Sequence[Placed]) -> None:
        """Keep envelopes that cannot be decoded, in a segment of their own."""
        folder = self._spool / ASIDE
        folder.mkdir(mode=0o700, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            segment_path(folder, segment).unlink()
        writer = SegmentWriter(
            folder,
            segment,
            spool_key=self._spool_key,
            now_unix_nano=bad[0].envelope.received_unix_nano,
        )
        try:
            writer.append(b"".join(delimited(bytes(one.message)) for one in bad))
        finally:
            writer.close()
        _LOG.error(
            "mill_envelopes_set_aside",
            segment=segment,
            envelopes=len(bad),
            records=sum(one.envelope.records for one in bad),
        )
