"""The mill's stage in a process of its own: envelopes in, records out.

The engine changes the process it runs in (working directory, signals, modules), so tests keep it in
a child. Nothing is left out: the same statements run as in the server.
"""

from __future__ import annotations

import multiprocessing
import struct
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import resources
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

from meshseal.mill.plan import make_plan
from meshseal.mill.stage import Stage
from meshseal.model import protowire as wire
from meshseal.model.columns import ARRAYS, COLUMN, LOGS, SPANS, Column, Kind, Signal
from meshseal.model.envelope import Envelope, Payload, delimited
from meshseal.model.errors import MeshsealError
from meshseal.seal.canonical import Record, Value
from meshseal.shape.canonical import text_of
from meshseal.shape.families.format import Format
from meshseal.shape.formats import Formats
from meshseal.store.engine import Engine, EnginePaths
from meshseal.store.schema import create_statements

BATCH_KEY = bytes(range(32))
RETENTION_DAYS = 30
RECEIVED_UNIX_NANO = 1_790_000_000 * 10**9
"""When every test record is received: 2026-09-21T14:13:20Z."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decoded:
    """One record as the stage has it: its columns in canonical text, and its leaf."""

    record: Record
    leaf: bytes

    def row(self) -> Row:
        """Return the columns that say something, as text; bytes that are no UTF-8 as surrogates."""
        shown: Row = {}
        for name, value in self.record.items():
            if isinstance(value, bytes):
                text = value.decode(errors="surrogateescape")
                if text not in _ABSENT.get(name, ("",)):
                    shown[name] = text
            elif value:
                shown[name] = _plain(value)
        return shown


def _plain(value: object) -> Any:
    """Return a map as a dictionary, an array as a list, both of text."""
    if isinstance(value, bytes):
        return value.decode(errors="surrogateescape")
    elements = cast("list[object]", value)
    if elements and isinstance(elements[0], tuple):
        return {_plain(key): _plain(one) for key, one in cast("list[tuple[bytes, bytes]]", value)}
    return [_plain(element) if element else {} for element in elements]


# What says nothing, or the same of every test record.
_ALWAYS = ("Tenant", "Source", "Batch", "Seq", "RetentionDays", "ObservedTimestamp", "Door")
_ABSENT = {
    name: ("",) if column.absent == "NULL" else ("", column.absent.strip("'"))
    for name, column in COLUMN.items()
}


class Decoder:
    """Asks the child."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def decode(self, *envelopes: Envelope) -> list[Decoded]:
        """Return the records of envelopes. Raises: what the stage raises."""
        self._pipe.send(envelopes)
        answer = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return cast("list[Decoded]", answer)

    def ask(self, sql: str) -> list[list[str]]:
        """Return the rows of a query, as text: the last records are in `work.stage_logs_0`."""
        self._pipe.send(sql)
        answer = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return [line.split("\t") for line in str(answer).splitlines()]

    def use(self, *custom: Format) -> None:
        """Read by these formats of one's own too from now on; by none without arguments."""
        self._pipe.send(Formats(custom))
        answer = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer

    def rows(self, kind: Payload, content: bytes, records: int, **fields: object) -> list[Row]:
        """Return the rows of one payload, without the columns that are the same for all."""
        one = replace(envelope(kind, content, records), **fields)  # type: ignore[arg-type]
        return [
            {name: value for name, value in decoded.row().items() if name not in _ALWAYS}
            for decoded in self.decode(one)
        ]

    def line(self, text: str | bytes, hint: str = "", **labels: str) -> Row:
        """Return the row of one line of text."""
        content = text if isinstance(text, bytes) else text.encode(errors="surrogateescape")
        (row,) = self.rows(Payload.LINES, content, 1, format=hint, labels=labels)
        return row


def envelope(kind: Payload, content: bytes, records: int) -> Envelope:
    """Return an envelope as a door makes it."""
    return Envelope(
        tenant="default",
        received_unix_nano=RECEIVED_UNIX_NANO,
        door="test",
        source="trial",
        kind=kind,
        content=content,
        records=records,
    )


@contextmanager
def running_decoder(folder: Path) -> Iterator[Decoder]:
    """Start the child, and end it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, str(folder)), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Decoder(ours)
    finally:
        ours.send(None)
        process.join(30)
        ours.close()


def _serve(pipe: Connection, folder: str) -> None:
    engine = Engine(
        EnginePaths(Path(folder)),
        handles=1,
        max_memory_bytes=1 << 30,
        merge_threads=1,
        store_key=bytes(32),
    )
    handle = engine.open()
    for statement in create_statements():
        handle.execute(statement)
    schema = str(resources.files("meshseal.model").joinpath("spool.proto"))
    stage = Stage(handle, worker=0, schema_path=schema, retention_days=RETENTION_DAYS)
    while (envelopes := pipe.recv()) is not None:
        try:
            if isinstance(envelopes, Formats):
                for statement in envelopes.functions():
                    handle.execute(statement)
                stage.use(envelopes)
                pipe.send(None)
                continue
            if isinstance(envelopes, str):
                pipe.send(handle.execute(envelopes).decode(errors="surrogateescape"))
                continue
            content = b"".join(delimited(one.encode()) for one in envelopes)
            plan = make_plan(1, [content])
            keys: Mapping[int, bytes] = {batch.batch: BATCH_KEY for batch in plan.batches}
            stage.fill(plan, plan.placed, keys)
            found: list[Decoded] = []
            for signal in (LOGS, SPANS):
                sql = (
                    f"SELECT {_shown(signal)}, Leaf FROM {stage.tables[signal.table]} "
                    "ORDER BY Batch, Seq"
                )
                found += _read(handle.execute(sql, output="RowBinary"), signal)
            pipe.send(found)
        except (MeshsealError, ValueError) as error:
            pipe.send(type(error)(str(error)))
    engine.close()


def _shown(signal: Signal) -> str:
    """Return the columns as text, maps as pairs, arrays as they are."""
    return ", ".join(_cast(column) for column in signal.columns)


def _cast(column: Column) -> str:
    pairs = "Array(Tuple(String, String))"
    match column.kind:
        case Kind.MAP:
            return f"CAST({column.sql}, '{pairs}')"
        case Kind.MAPS:
            return f"arrayMap(each -> CAST(each, '{pairs}'), {column.sql})"
        case Kind.TEXTS:
            return f"arrayMap(each -> CAST(each, 'String'), {column.sql})"
        case Kind.TIMES:
            return f"arrayMap(each -> toString(toUnixTimestamp64Nano(each)), {column.sql})"
    return f"CAST({text_of(column)}, 'String')"


def _read(data: bytes, signal: Signal) -> Iterator[Decoded]:
    offset = 0
    while offset < len(data):
        record: dict[str, Value] = {}
        for column in signal.columns:
            record[column.name], offset = _value(column.kind, data, offset)
        (leaf,) = struct.unpack_from("32s", data, offset)
        offset += 32
        yield Decoded(record, leaf)


def _value(kind: Kind, data: bytes, offset: int) -> tuple[Value, int]:
    if kind is not Kind.MAP and kind not in ARRAYS:
        return _text(data, offset)
    count, offset = wire.read_varint(data, offset)
    found: list[object] = []
    for _ in range(count):
        if kind is Kind.MAPS:
            element, offset = _value(Kind.MAP, data, offset)
            found.append(element)
            continue
        text, offset = _text(data, offset)
        if kind is Kind.MAP:
            other, offset = _text(data, offset)
            found.append((text, other))
        else:
            found.append(text)
    return cast("Value", found), offset


def _text(data: bytes, offset: int) -> tuple[bytes, int]:
    length, offset = wire.read_varint(data, offset)
    return data[offset : offset + length], offset + length


def nanos(text: str) -> str:
    """Return a UTC time, `YYYY-MM-DDTHH:MM:SS[.fraction]`, as the canonical text of a time."""
    whole, _, fraction = text.partition(".")
    parsed = time.strptime(f"{whole} UTC", "%Y-%m-%dT%H:%M:%S %Z")
    seconds = int(time.mktime(parsed)) - time.timezone
    return str(seconds * 10**9 + int(fraction.ljust(9, "0") or 0))
