"""The tables that say whether everything arrived, and what the mill writes into them.

`arrivals` counts what came, by tenant, minute of receipt, source, door, service and instance: it is
fed with every segment, and with the signs of life that senders without records give. `counters`
holds what emitters say of themselves: cumulative samples of how many records they handed over and
how many they dropped.

An insert of arrivals is one part and is there whole or not at all. One of its rows names the
segment, so that a segment that is milled again is not counted again, even if a power cut took the
engine's own memory of tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources

from meshseal.model import protowire as wire
from meshseal.model.columns import LOGS, SPANS, Signal
from meshseal.store.engine import Handle

ARRIVALS, COUNTERS = "arrivals", "counters"
LOST_ATTRIBUTE = "hubble.lost_events.num_events_lost"
"""Of a record by which a source tells in its own stream how many of its records it lost."""

_SECOND = 10**9
_MINUTE = 60
_MOST_GROUPS = 2000
"""Instances of more groups than this in one segment are counted together: a sender that writes a
new instance into every record must not make this table as large as the records."""
_LONGEST_NAME = 256

_TIME = "DateTime64(9, 'UTC')"
_NONE = "toUInt64(0)"
_LOST = f"sum(toUInt64OrZero(OtherAttributes['{LOST_ATTRIBUTE}']))"
_SUMS = ("Records", "Bytes", "Arrivals", "Lost", "Refused", "Deduplicated")


@dataclass(frozen=True, slots=True)
class Definition:
    """A table: its columns, engine, partitions and order."""

    name: str
    lines: list[str]
    engine: str
    partition: str
    order: str


DEFINITIONS = (
    Definition(
        ARRIVALS,
        [
            "Tenant LowCardinality(String)",
            "Minute DateTime('UTC') CODEC(DoubleDelta, ZSTD(1))",
            "Source LowCardinality(String)",
            "Door LowCardinality(String)",
            "ServiceName LowCardinality(String)",
            "Instance String CODEC(ZSTD(1))",
            "Segment UInt64 CODEC(DoubleDelta, ZSTD(1))",
            *(f"{name} SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1))" for name in _SUMS),
            f"FirstEvent SimpleAggregateFunction(min, {_TIME}) CODEC(ZSTD(1))",
            f"LastEvent SimpleAggregateFunction(max, {_TIME}) CODEC(ZSTD(1))",
            f"FirstReceived SimpleAggregateFunction(min, {_TIME}) CODEC(ZSTD(1))",
            f"LastReceived SimpleAggregateFunction(max, {_TIME}) CODEC(ZSTD(1))",
            # How many records in which second of the minute.
            "Seconds SimpleAggregateFunction(sumMap, Tuple(Array(UInt8), Array(UInt64)))",
        ],
        engine="AggregatingMergeTree",
        partition="toYYYYMM(Minute)",
        order="(Tenant, Minute, Source, Door, ServiceName, Instance, Segment)",
    ),
    Definition(
        COUNTERS,
        [
            "Tenant LowCardinality(String)",
            "Emitter LowCardinality(String)",
            "Source LowCardinality(String)",
            "Door LowCardinality(String)",
            "ServiceName LowCardinality(String)",
            "Instance String CODEC(ZSTD(1))",
            "Counter LowCardinality(String)",
            "Meaning LowCardinality(String)",
            f"Time {_TIME} CODEC(DoubleDelta, ZSTD(1))",
            "Value UInt64 CODEC(DoubleDelta, ZSTD(1))",
            f"Start {_TIME} CODEC(DoubleDelta, ZSTD(1))",
        ],
        engine="ReplacingMergeTree",
        partition="toYYYYMM(Time)",
        order="(Tenant, Emitter, Source, Door, ServiceName, Instance, Counter, Time)",
    ),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one source sent by one door in a segment; times in nanoseconds since the epoch.

    `refused` and `deduplicated` are what the door refused, or found to be copies, since the segment
    before; a source of which nothing else came has no times.
    """

    tenant: str
    source: str
    door: str
    first_received: int = 0
    last_received: int = 0
    refused: int = 0
    deduplicated: int = 0

    def with_envelope(self, received_unix_nano: int) -> Seen:
        """Return it with one envelope more."""
        first = min(self.first_received or received_unix_nano, received_unix_nano)
        return replace(
            self, first_received=first, last_received=max(self.last_received, received_unix_nano)
        )

    def with_tally(self, refused: int, deduplicated: int) -> Seen:
        """Return it with more that was not kept."""
        return replace(
            self,
            refused=self.refused + refused,
            deduplicated=self.deduplicated + deduplicated,
        )


@dataclass(frozen=True, slots=True)
class Arrival:
    """One row of `arrivals`; times in nanoseconds since the epoch."""

    tenant: str
    minute: int
    source: str = ""
    door: str = ""
    service: str = ""
    instance: str = ""
    segment: int = 0
    records: int = 0
    size_bytes: int = 0
    arrivals: int = 0
    lost: int = 0
    refused: int = 0
    deduplicated: int = 0
    first_event: int = 0
    last_event: int = 0
    first_received: int = 0
    last_received: int = 0

    def encode(self) -> bytes:
        """Return the row as RowBinary."""
        texts = (self.source, self.door, self.service, self.instance)
        numbers = (
            *(self.segment, self.records, self.size_bytes, self.arrivals, self.lost, self.refused),
            *(self.deduplicated, self.first_event, self.last_event),
            *(self.first_received, self.last_received),
        )
        return b"".join(
            (
                _text(self.tenant),
                self.minute.to_bytes(4, "little"),
                *(_text(text) for text in texts),
                *(number.to_bytes(8, "little") for number in numbers),
                self._seconds(),
            )
        )

    def _seconds(self) -> bytes:
        """Return the column `Seconds`: the records came in the second of their receipt."""
        if not self.records:
            return b"\0\0"
        second = min(max(self.last_received // _SECOND - self.minute, 0), _MINUTE - 1)
        return bytes((1, second, 1)) + self.records.to_bytes(8, "little")


def minute_of(unix_nano: int) -> int:
    """Return the minute's beginning, in seconds since the epoch."""
    return unix_nano // _SECOND // _MINUTE * _MINUTE


class ArrivalsWriter:
    """Counts what is in one worker's stage. `handle` is the worker's own."""

    def __init__(self, handle: Handle, stage_tables: Mapping[str, str]) -> None:
        self._handle = handle
        sql = resources.files("meshseal.store").joinpath("completeness.sql").read_text()
        self._selects = {
            LOGS: sql.format(stage=stage_tables[LOGS.table], bytes="sum(length(Body))", lost=_LOST),
            SPANS: sql.format(stage=stage_tables[SPANS.table], bytes=_NONE, lost=_NONE),
        }

    def is_counted(self, segment: int) -> bool:
        """Say whether a segment's records are counted. Raises: EngineError."""
        sql = f"SELECT count() FROM {ARRIVALS} WHERE Tenant = '' AND Segment = {int(segment)}"
        return self._handle.execute(sql).strip() != b"0"

    def write(self, segment: int, seen: Sequence[Seen], signals: Iterable[Signal]) -> None:
        """Count a segment's records; the caller has asked whether they are counted already.

        Args:
            segment: Its number.
            seen: Who sent them.
            signals: Those that the stage has records of.

        Raises: EngineError.
        """
        last = max((one.last_received for one in seen), default=0)
        # One minute for the whole segment, which lasts half a second: one partition, so one part.
        minute = minute_of(last)
        rows = [Arrival("", minute, segment=segment)]
        rows += self._groups(seen, signals, minute)
        rows += [
            Arrival(
                one.tenant,
                minute,
                one.source,
                one.door,
                refused=one.refused,
                deduplicated=one.deduplicated,
                first_received=one.last_received or last,
                last_received=one.last_received or last,
            )
            for one in seen
            if one.refused or one.deduplicated
        ]
        deduplicate = "SETTINGS insert_deduplicate = 0"  # the row that names the segment does it
        self._handle.insert(
            f"INSERT INTO {ARRIVALS} {deduplicate}",
            b"".join(row.encode() for row in rows),
            format_name="RowBinary",
        )

    def _groups(
        self, seen: Sequence[Seen], signals: Iterable[Signal], minute: int
    ) -> list[Arrival]:
        times = {(one.tenant, one.source, one.door): one for one in seen}
        found: dict[tuple[str, ...], Arrival] = {}
        for signal in signals:
            content = self._handle.execute(self._selects[signal], output="RowBinary")
            for group in _read_groups(content):
                known = times.get((group.tenant, group.source, group.door))
                first, last = (known.first_received, known.last_received) if known else (0, 0)
                row = replace(
                    group, minute=minute, arrivals=1, first_received=first, last_received=last
                )
                _add(found, row, with_instance=len(found) < _MOST_GROUPS)
        return list(found.values())


def _add(found: dict[tuple[str, ...], Arrival], row: Arrival, *, with_instance: bool) -> None:
    """Add a group to those of its key."""
    row = row if with_instance else replace(row, instance="")
    key = (row.tenant, row.source, row.door, row.service, row.instance)
    other = found.get(key)
    if other is not None:
        row = replace(
            row,
            records=row.records + other.records,
            size_bytes=row.size_bytes + other.size_bytes,
            lost=row.lost + other.lost,
            first_event=min(row.first_event, other.first_event),
            last_event=max(row.last_event, other.last_event),
        )
    found[key] = row


def _read_groups(content: bytes) -> Iterable[Arrival]:
    """Yield the rows of `completeness.sql`."""
    offset = 0
    while offset < len(content):
        texts = []
        for _ in range(5):
            length, offset = wire.read_varint(content, offset)
            texts.append(content[offset : offset + length].decode(errors="replace"))
            offset += length
        numbers = [
            int.from_bytes(content[offset + at : offset + at + 8], "little")
            for at in range(0, 40, 8)
        ]
        offset += 40
        tenant, source, door, service, instance = texts
        records, size, lost, first, last = numbers
        yield Arrival(
            tenant,
            0,
            source,
            door,
            service[:_LONGEST_NAME],
            instance[:_LONGEST_NAME],
            records=records,
            size_bytes=size,
            lost=lost,
            first_event=first,
            last_event=last,
        )


def _text(value: str) -> bytes:
    encoded = value.encode()
    return wire.varint(len(encoded)) + encoded
