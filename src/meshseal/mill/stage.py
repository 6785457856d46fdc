"""The SQL steps from envelopes to a stage table: records, numbered and hashed.

Each worker has tables of its own, in a database that lives in memory and is empty when the engine
starts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import groupby

from meshseal.mill.plan import Placed, Plan, memory_file
from meshseal.model import protowire as wire
from meshseal.model.columns import LOGS, SPANS, Signal
from meshseal.model.envelope import Payload
from meshseal.model.errors import IntegrityError
from meshseal.seal.merkle import HASH_BYTES
from meshseal.shape import anyvalue, canonical
from meshseal.shape.assemble import record_select
from meshseal.shape.formats import BUILT_IN, OTLP, UNPARSED, Formats
from meshseal.shape.payloads import SCHEMA_MESSAGE, SHAPES, nested_select, raw_insert
from meshseal.shape.spans import span_select
from meshseal.shape.wrappers import WRAPPERS, unwrap
from meshseal.store.engine import WORK_DATABASE, Handle
from meshseal.store.schema import raw_columns, stage_columns

_SIGNALS = (LOGS, SPANS)

# One block of everything, so that an insert makes one part per partition, whole or not at all; and
# of the optimizer only what pays for itself: analysis is most of what a small segment costs.
SETTINGS: dict[str, str] = {
    "max_threads": "1",
    "max_insert_threads": "1",
    "min_insert_block_size_rows": "1000000000",
    "min_insert_block_size_bytes": str(1 << 34),
    "query_plan_enable_optimizations": "0",
    "optimize_and_compare_chain": "0",
    "optimize_or_like_chain": "0",
    "input_format_protobuf_oneof_presence": "1",
    "log_queries": "0",
}


class Stage:
    """The tables of one worker.

    Args:
        handle: The worker's connection to the engine.
        worker: Its number, which names its tables.
        schema_path: The absolute path of `spool.proto`.
        retention_days: How long the records are to be kept.
        formats: The formats that the engine's `meshseal_recognise` knows.
    """

    def __init__(
        self,
        handle: Handle,
        *,
        worker: int,
        schema_path: str,
        retention_days: int,
        formats: Formats = BUILT_IN,
    ) -> None:
        self._handle = handle
        self._formats = formats
        self._raws = {
            signal.table: f"{WORK_DATABASE}.raw_{signal.table}_{worker}" for signal in _SIGNALS
        }
        self._nested = f"{WORK_DATABASE}.nested_{worker}"
        self._keys = f"{WORK_DATABASE}.keys_{worker}"
        self.tables = {
            signal.table: f"{WORK_DATABASE}.stage_{signal.table}_{worker}" for signal in _SIGNALS
        }
        self._retention_days = retention_days
        handle.execute(f"CREATE DATABASE IF NOT EXISTS {WORK_DATABASE} ENGINE = Memory")
        for name, value in SETTINGS.items():
            handle.execute(f"SET {name} = {value}")
        handle.execute(f"SET format_schema = '{schema_path}:{SCHEMA_MESSAGE}'")
        for table, columns, engine in (
            *((self._raws[signal.table], raw_columns(signal), "Memory") for signal in _SIGNALS),
            (self._nested, anyvalue.NESTED_TABLE_COLUMNS, _join("Encoded")),
            (self._keys, "Batch UInt64, Key FixedString(32)", _join("Batch")),
            *((self.tables[signal.table], stage_columns(signal), "Memory") for signal in _SIGNALS),
        ):
            handle.execute(f"CREATE TABLE {table} ({columns}) ENGINE = {engine}")

    def use(self, formats: Formats) -> None:
        """Read segments by these formats from now on; the engine's functions must know them."""
        self._formats = formats

    def clear(self) -> None:
        """Forget what is in the tables."""
        for table in (*self._raws.values(), self._nested, self._keys, *self.tables.values()):
            self._handle.execute(f"TRUNCATE TABLE {table}")

    def fill(self, plan: Plan, placed: Sequence[Placed], keys: Mapping[int, bytes]) -> None:
        """Decode envelopes of a plan into the stage table, with their leaves.

        Args:
            plan: The plan they are part of.
            placed: Which of its envelopes.
            keys: The key of each batch.

        Raises: EngineError when the engine cannot decode them; IntegrityError when it finds other
            records in them than their door counted.
        """
        self.clear()
        rows = b"".join(batch.to_bytes(8, "little") + key for batch, key in keys.items())
        self._handle.insert(f"INSERT INTO {self._keys}", rows, format_name="RowBinary")
        ordered = sorted(placed, key=lambda one: one.envelope.kind)
        for kind, group in groupby(ordered, key=lambda one: one.envelope.kind):
            of_kind = list(group)
            raw = self._raws[SHAPES[kind].signal.table]
            self._fill_raw(plan.segment, kind, of_kind, raw)
            self._check_counts(of_kind, raw)
            if SHAPES[kind].signal is SPANS:
                self._fill_spans(raw)
            else:
                self._fill_logs(raw, SHAPES[kind].recognise)
            # The bodies are in the stage now: no need to hold them twice.
            self._handle.execute(f"TRUNCATE TABLE {raw}")

    def leaves(self) -> bytes:
        """Return the leaves of all records, batch by batch, in the order of their numbers."""
        return self._handle.execute(
            f"SELECT Leaf FROM ({self._everything('Leaf, Batch, Seq')}) ORDER BY Batch, Seq",
            output="RowBinary",
        )

    def times(self) -> dict[int, tuple[int, int]]:
        """Return the earliest and the latest time of each batch, in nanoseconds."""
        rows = self._handle.execute(
            "SELECT Batch, toUnixTimestamp64Nano(min(Timestamp)), "
            f"toUnixTimestamp64Nano(max(Timestamp)) FROM ({self._everything('Timestamp, Batch')}) "
            "GROUP BY Batch"
        ).decode()
        values = (line.split("\t") for line in rows.splitlines())
        return {int(batch): (int(first), int(last)) for batch, first, last in values}

    def _everything(self, columns: str) -> str:
        """Return the SELECT of columns that all signals have, over all of them."""
        return " UNION ALL ".join(
            f"SELECT {columns} FROM {table}" for table in self.tables.values()
        )

    def _fill_raw(self, segment: int, kind: Payload, placed: list[Placed], raw: str) -> None:
        descriptor = memory_file(f"segment-{segment}", placed)
        try:
            given = {one.envelope.format for one in placed} & self._formats.names
            sql = raw_insert(
                kind, f"/proc/self/fd/{descriptor}", table=raw, nested=self._nested, hints=given
            )
            known = nested_select(kind, f"/proc/self/fd/{descriptor}")
            if known:
                self._fill_nested(known)
            self._handle.execute(sql)
            if not known and self._fill_nested(f"SELECT DISTINCT arrayJoin(Nested) FROM {raw}"):
                # Now the texts of arrays and maps are there to be looked up.
                self._handle.execute(f"TRUNCATE TABLE {raw}")
                self._handle.execute(sql)
        finally:
            with suppress(OSError):
                os.close(descriptor)

    def _fill_nested(self, select: str) -> bool:
        """Make text of the nested values that a SELECT gives; says whether there were any."""
        found = self._handle.execute(select, output="RowBinary")
        rows: list[bytes] = []
        offset = 0
        while offset < len(found):
            length, offset = wire.read_varint(found, offset)
            encoded = found[offset : offset + length]
            offset += length
            for text in (encoded, anyvalue.as_json(encoded).encode()):
                rows += (wire.varint(len(text)), text)
        if rows:
            self._handle.insert(
                f"INSERT INTO {self._nested}", b"".join(rows), format_name="RowBinary"
            )
        return bool(rows)

    def _check_counts(self, placed: Sequence[Placed], raw: str) -> None:
        expected: dict[int, int] = {}
        for one in placed:
            expected[one.batch] = expected.get(one.batch, 0) + one.envelope.records
        rows = self._handle.execute(f"SELECT Batch, count() FROM {raw} GROUP BY Batch")
        pairs = (line.split("\t") for line in rows.decode().splitlines())
        found = {int(batch): int(count) for batch, count in pairs}
        if found != expected:
            raise IntegrityError(f"doors counted {expected} records, the engine found {found}")

    def _fill_logs(self, raw: str, recognise: str) -> None:
        """Fill the stage from `raw`, lines in a wrapper with what is inside of it."""
        found = self._formats_in(raw)
        for wrapper in WRAPPERS:
            if wrapper.name in dict(found):
                # What is inside joins the other rows; the wrapped ones themselves are left out.
                self._handle.execute(unwrap(wrapper, raw, recognise))
                found = self._formats_in(raw)
        wrapped = {wrapper.name for wrapper in WRAPPERS}
        for format_name, own in found:
            if format_name in wrapped:
                continue
            if format_name not in (OTLP, UNPARSED) and format_name not in self._formats:
                raise IntegrityError(f"no format is called {format_name!r}")
            self._fill_format(raw, format_name, own_attributes=own == "1")

    def _formats_in(self, raw: str) -> list[tuple[str, str]]:
        """Return each format in `raw`, with and without attributes of a row's own."""
        found = self._handle.execute(f"SELECT DISTINCT Format, notEmpty(Attributes) FROM {raw}")
        lines = found.decode().splitlines()
        return [(name, own) for name, _, own in (line.partition("\t") for line in lines)]

    def _fill_format(self, raw: str, format_name: str, *, own_attributes: bool) -> None:
        source = (
            f"FROM {raw} WHERE Format = '{format_name}' "
            f"AND notEmpty(Attributes) = {int(own_attributes)}"
        )
        select = record_select(
            format_name,
            own_attributes=own_attributes,
            retention_days=self._retention_days,
            formats=self._formats,
        ).replace("FROM raw", source)
        self._insert(LOGS, select)

    def _fill_spans(self, raw: str) -> None:
        select = span_select(retention_days=self._retention_days).replace(
            "\nFROM raw\n", f"\nFROM {raw}\n"
        )
        self._insert(SPANS, select)

    def _insert(self, signal: Signal, select: str) -> None:
        """Put records into the stage, each with its leaf."""
        leaf = canonical.leaf_expression(signal, f"joinGet('{self._keys}', 'Key', Batch)")
        self._handle.execute(
            f"INSERT INTO {self.tables[signal.table]} ({signal.names}, Leaf)\n"
            f"SELECT {signal.names}, {leaf} AS Leaf\nFROM (\n{select}\n)"
        )


def _join(key: str) -> str:
    """Return a table for look-ups that is never written to disk: it holds keys and texts."""
    return f"Join(ANY, LEFT, {key}) SETTINGS persistent = 0"


def split_leaves(leaves: bytes, plan: Plan) -> dict[int, bytes]:
    """Return the leaves of each batch. Raises: IntegrityError when there are not enough."""
    if len(leaves) != plan.records * HASH_BYTES:
        raise IntegrityError("the stage does not hold every record of the segment")
    parts: dict[int, bytes] = {}
    offset = 0
    for batch in sorted(plan.batches, key=lambda batch: batch.batch):
        end = offset + batch.records * HASH_BYTES
        parts[batch.batch] = leaves[offset:end]
        offset = end
    return parts
