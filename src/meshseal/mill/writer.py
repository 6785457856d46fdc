"""Writes a stage into the store, exactly once.

An insert is one part per partition, and a part is there whole or not at all. It carries the
segment's number as its deduplication token; and where an earlier try may have got half-way, the
partitions that already have the batch are left out. So a segment may be stored any number of times
and is there once, even if a power cut took the engine's own memory of tokens.
"""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from meshseal.mill.edges import EdgesWriter
from meshseal.model import protowire as wire
from meshseal.model.columns import LOGS, SPANS, Signal
from meshseal.store.completeness import ArrivalsWriter, Seen
from meshseal.store.engine import Handle
from meshseal.store.parts import PartsWatch
from meshseal.store.schema import ATTRIBUTE_KEYS, SEAL_HINT, STREAMS, TABLES

MAX_PARTITIONS_PER_INSERT = 90
_SIGNALS = (LOGS, SPANS)
_DATABASE = "default"
_EPOCH = datetime.date(1970, 1, 1)
_KNOWN_KEYS = 200_000

Partition = tuple[int, datetime.date]

_STREAMS_SELECT = """SELECT
    Tenant,
    toStartOfHour(Timestamp) AS Hour,
    ServiceName,
    toJSONString(mapSort(ResourceAttributes)) AS Labels,
    count() AS Records,
    sum(length(Body)) AS Bytes
FROM {stage}
GROUP BY Tenant, Hour, ServiceName, Labels"""

_KEYS_SELECT = """SELECT Tenant, Scope, arrayJoin(Keys) AS Key, Day
FROM (
    SELECT
        Tenant,
        toDate(Timestamp) AS Day,
        groupUniqArrayArray(mapKeys({column})) AS Keys,
        '{scope}' AS Scope
    FROM {stage}
    GROUP BY Tenant, Day
)"""

_SCOPES = {
    "log": "OtherAttributes",
    "resource": "ResourceAttributes",
    "scope": "ScopeAttributes",
}


class StoreWriter:
    """Writes one worker's stage tables, given by signal. `handle` is the worker's own."""

    def __init__(self, handle: Handle, stage_tables: Mapping[str, str]) -> None:
        self._handle = handle
        self._stages = stage_tables
        rows = handle.execute(
            "SELECT arrayJoin(data_paths) FROM system.tables "
            f"WHERE database = '{_DATABASE}' AND name IN {TABLES!r}"
        ).decode()
        self._paths = [Path(line) for line in rows.splitlines()]
        self._known_keys: set[tuple[str, str, str, str]] = set()
        self._parts = PartsWatch(handle)
        self._arrivals = ArrivalsWriter(handle, stage_tables)
        self._edges = EdgesWriter(handle, stage_tables[LOGS.table])

    def write(
        self, segment: int, batches: Iterable[int], *, again: bool, seen: Sequence[Seen] = ()
    ) -> None:
        """Store the stage's records; they are durable when it returns.

        Args:
            segment: The segment's number.
            batches: Its batches.
            again: Whether an earlier try may have stored some of them.
            seen: Who sent them.

        Raises: EngineError; DamagedStoreError when the engine must be replaced.
        """
        started = time.time()
        # Whether the tables that sum up have the segment: the engine's own memory of tokens does
        # not outlive a power cut. Arrivals come last, so that all are fed when it says so.
        counted = again and self._arrivals.is_counted(segment)
        written = []
        for signal in _SIGNALS:
            if not self._write(signal, segment, batches, again=again):
                continue
            written.append(signal)
            if signal is LOGS:
                self._edges.write(segment, batches, again=again)
            if signal is LOGS and not counted:
                self._execute(
                    f"INSERT INTO {STREAMS}\n"
                    f"{_STREAMS_SELECT.format(stage=self._stages[LOGS.table])}",
                    _token(segment),
                )
                self._insert_keys()
        if not counted:
            self._arrivals.write(segment, seen, written)
        self._parts.check()
        self._sync_directories(started)

    def _write(self, signal: Signal, segment: int, batches: Iterable[int], *, again: bool) -> bool:
        """Store one signal's stage; returns whether there is anything in it."""
        partitions = self._partitions(self._stages[signal.table], "1")
        found = bool(partitions)
        whole = len(partitions) <= MAX_PARTITIONS_PER_INSERT and not again
        if again:
            numbers = ", ".join(str(int(batch)) for batch in batches)
            partitions -= self._partitions(f"{_DATABASE}.{signal.table}", f"Batch IN ({numbers})")
        ordered = sorted(partitions)
        for start in range(0, len(ordered), MAX_PARTITIONS_PER_INSERT):
            part = ordered[start : start + MAX_PARTITIONS_PER_INSERT]
            self._insert_records(signal, segment, part, filtered=not whole, again=again)
        return found

    def _partitions(self, table: str, condition: str) -> set[Partition]:
        rows = self._handle.execute(
            f"SELECT DISTINCT RetentionDays, toDate(Timestamp) FROM {table} WHERE {condition}"
        ).decode()
        values = (line.split("\t") for line in rows.splitlines())
        return {(int(days), datetime.date.fromisoformat(day)) for days, day in values}

    def _insert_records(
        self,
        signal: Signal,
        segment: int,
        partitions: Sequence[Partition],
        *,
        filtered: bool,
        again: bool,
    ) -> None:
        where = ""
        if filtered:
            listed = ", ".join(f"({days}, '{day.isoformat()}')" for days, day in partitions)
            where = f"\nWHERE (RetentionDays, toDate(Timestamp)) IN ({listed})"
        self._execute(
            f"INSERT INTO {signal.table} ({signal.names}, {SEAL_HINT})\n"
            f"SELECT {signal.names}, reinterpretAsUInt32(substring(Leaf, 1, 4)) AS {SEAL_HINT}\n"
            f"FROM {self._stages[signal.table]}{where}",
            # The engine's memory of an earlier try may be of a part that turned out broken; and
            # the partitions that have the batch are left out.
            "insert_deduplicate = 0" if again else _token(segment),
        )

    def _insert_keys(self) -> None:
        """Note attribute keys that were not seen before on their day."""
        found: set[tuple[str, str, str, str]] = set()
        for scope, column in _SCOPES.items():
            rows = self._handle.execute(
                _KEYS_SELECT.format(column=column, scope=scope, stage=self._stages[LOGS.table]),
                output="TSVRaw",
            ).decode(errors="surrogateescape")
            lines = (line.split("\t") for line in rows.split("\n") if line)
            # A key with a tab or a line end in it is not worth listing.
            found |= {(line[0], line[1], line[2], line[3]) for line in lines if len(line) == 4}
        new = found - self._known_keys
        if not new:
            return
        rows_ = b"".join(_key_row(*key) for key in sorted(new))
        self._handle.insert(f"INSERT INTO {ATTRIBUTE_KEYS}", rows_, format_name="RowBinary")
        if len(self._known_keys) > _KNOWN_KEYS:
            self._known_keys.clear()
        self._known_keys |= new

    def _execute(self, sql: str, settings: str) -> None:
        self._handle.execute(f"{sql}\nSETTINGS {settings}")

    def _sync_directories(self, since: float) -> None:
        """Make the names of new parts durable.

        The engine syncs the files in them; its own setting for their folders does not work on an
        encrypted disk.
        """
        for table in self._paths:
            with os.scandir(table) as entries:
                changed = [entry.path for entry in entries if _changed_since(entry, since - 1)]
            for path in (*changed, str(table)):
                _sync_if_there(path)


def _changed_since(entry: os.DirEntry[str], since: float) -> bool:
    """Say whether it is a folder, changed at or after a time, and still there."""
    try:
        changed = entry.stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return False  # merged away in the meantime
    return entry.is_dir(follow_symlinks=False) and changed >= since


def _token(segment: int) -> str:
    return f"insert_deduplication_token = '{int(segment)}'"


def _sync_if_there(path: str) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return  # merged away in the meantime
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _key_row(tenant: str, scope: str, key: str, day: str) -> bytes:
    texts = (text.encode(errors="surrogateescape") for text in (tenant, scope, key))
    days = (datetime.date.fromisoformat(day) - _EPOCH).days
    return b"".join(wire.varint(len(t)) + t for t in texts) + days.to_bytes(2, "little")
