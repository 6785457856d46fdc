"""What becomes of a segment: its batches, and every envelope's place in one of them.

The logs of one tenant in one segment are one batch, and its spans another. Numbers follow from the
segment alone, so that a segment milled twice gives the same batches.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from meshseal.model import protowire as wire
from meshseal.model.columns import LOGS, Signal
from meshseal.model.envelope import (
    NO_RECORDS,
    Chunk,
    Envelope,
    Payload,
    Tally,
    decode,
    read_delimited,
)
from meshseal.model.identifiers import batch_id
from meshseal.seal.manifest import MAX_SOURCES, ChunkRange, SourceShare, Tallied
from meshseal.shape.payloads import SHAPES
from meshseal.store.completeness import Seen

_OTHERS = "…"


@dataclass(slots=True)
class BatchPlan:
    """One batch: what is known of it before its records are decoded."""

    tenant: str
    batch: int
    signal: Signal = LOGS
    records: int = 0
    shares: Counter[tuple[str, str]] = field(default_factory=Counter)
    chunks: dict[tuple[str, str], list[Chunk]] = field(default_factory=dict)
    tallies: list[Tallied] = field(default_factory=list)
    kinds: set[Payload] = field(default_factory=set)

    def add(self, envelope: Envelope) -> None:
        """Count an envelope in."""
        key = (envelope.source, envelope.door)
        self.records += envelope.records
        self.shares[key] += envelope.records
        self.kinds.add(envelope.kind)
        if envelope.chunk:
            self.chunks.setdefault(key, []).append(envelope.chunk)

    def sources(self) -> list[SourceShare]:
        """Return who sent how much, the largest first; what is over the limit is counted as one."""
        ordered = self.shares.most_common()
        shares = [
            SourceShare(source, door, records, _ranges(self.chunks.get((source, door), [])))
            for (source, door), records in ordered[:MAX_SOURCES]
        ]
        rest = sum(records for _, records in ordered[MAX_SOURCES:])
        return [*shares, SourceShare(_OTHERS, _OTHERS, rest)] if rest else shares

    def shapes(self) -> dict[str, int]:
        """Return the version of each shape that decodes payloads of it."""
        return {kind.field_name: SHAPES[kind].version for kind in sorted(self.kinds)}


@dataclass(frozen=True, slots=True)
class Placed:
    """An envelope with its place."""

    envelope: Envelope
    message: memoryview
    batch: int
    first_seq: int

    def pieces(self) -> tuple[bytes, memoryview, bytes]:
        """Return what the engine reads: the length, the message, and its numbers behind it."""
        numbers = wire.varint_field(12, self.batch) + wire.varint_field(13, self.first_seq)
        return wire.varint(len(self.message) + len(numbers)), self.message, numbers


@dataclass(frozen=True, slots=True)
class Plan:
    """A segment's batches, its envelopes in the order of their numbers, and who sent them."""

    segment: int
    batches: list[BatchPlan]
    placed: list[Placed]
    seen: list[Seen] = field(default_factory=list)

    @property
    def records(self) -> int:
        """All records of the segment."""
        return sum(batch.records for batch in self.batches)

    def stored(self) -> list[tuple[str, str, int]]:
        """Return (tenant, door, records)."""
        counted: Counter[tuple[str, str]] = Counter()
        for batch in self.batches:
            for (_, door), records in batch.shares.items():
                counted[batch.tenant, door] += records
        return [(tenant, door, records) for (tenant, door), records in sorted(counted.items())]


def make_plan(
    segment: int,
    contents: Iterable[bytes],
    *,
    without: frozenset[int] = frozenset(),
    anew: Mapping[int, bytes] = MappingProxyType({}),
    node: int = 0,
) -> Plan:
    """Return the plan of a segment.

    Args:
        segment: Its number.
        contents: What its frames hold.
        without: Positions of envelopes that are left out because nothing can decode them.
        anew: Payloads that stand in for those of the envelopes at their positions.
        node: The number of this node in its cluster.

    Raises: ValueError when the bytes are not envelopes.
    """
    batches: dict[tuple[str, str], BatchPlan] = {}
    placed: list[Placed] = []
    tallies: dict[str, list[Tallied]] = {}
    seen: dict[tuple[str, str, str], Seen] = {}
    position = -1
    for content in contents:
        for message in read_delimited(content):
            decoded = decode(message)
            if isinstance(decoded, Tally):
                _add_tally(tallies.setdefault(decoded.tenant, []), decoded)
                if decoded.source != NO_RECORDS:
                    who = (decoded.tenant, decoded.source, decoded.door)
                    seen[who] = seen.get(who, Seen(*who)).with_tally(
                        decoded.refused, decoded.deduplicated
                    )
                continue
            signal = SHAPES[decoded.kind].signal
            key = (decoded.tenant, signal.table)
            batch = batches.get(key)
            if batch is None:
                number = batch_id(segment, len(batches), node=node)
                batch = batches[key] = BatchPlan(decoded.tenant, number, signal)
            position += 1
            if position in without:
                continue
            if position in anew:
                decoded = replace(decoded, content=anew[position])
                message = memoryview(decoded.encode())
            placed.append(Placed(decoded, message, batch.batch, batch.records))
            batch.add(decoded)
            who = (decoded.tenant, decoded.source, decoded.door)
            seen[who] = seen.get(who, Seen(*who)).with_envelope(decoded.received_unix_nano)
    found = [batch for batch in batches.values() if batch.records]
    for batch in found:
        # What a tenant's doors refused is told once, by the first of its batches.
        batch.tallies = tallies.pop(batch.tenant, [])
    return Plan(segment, found, placed, list(seen.values()))


def _add_tally(tallies: list[Tallied], tally: Tally) -> None:
    """Add what one source's records became to those of its door: a manifest names doors only."""
    refused, deduplicated = tally.refused, tally.deduplicated
    for at, other in enumerate(tallies):
        if other.door == tally.door:
            refused, deduplicated = refused + other.refused, deduplicated + other.deduplicated
            tallies[at] = Tallied(tally.door, refused, deduplicated)
            return
    tallies.append(Tallied(tally.door, refused, deduplicated))


def memory_file(name: str, placed: Sequence[Placed]) -> int:
    """Return the descriptor of a file in memory that holds envelopes for the engine to read.

    Plaintext never reaches the disk. The caller closes the descriptor.
    """
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
    try:
        pieces = [memoryview(piece) for one in placed for piece in one.pieces()]
        while pieces:
            written = os.writev(descriptor, pieces[:1000])
            while pieces and written >= len(pieces[0]):
                written -= len(pieces.pop(0))
            if written:
                pieces[0] = pieces[0][written:]
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _ranges(chunks: list[Chunk]) -> list[ChunkRange]:
    """Return the numbers of chunks by agent and epoch."""
    streams: dict[tuple[str, int], list[int]] = {}
    for chunk in chunks:
        streams.setdefault((chunk.agent, chunk.epoch), []).append(chunk.sequence)
    return [
        ChunkRange(agent, epoch, min(numbers), max(numbers), len(numbers))
        for (agent, epoch), numbers in sorted(streams.items())
    ]
