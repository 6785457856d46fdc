"""How fast the engine reads each format, and what it costs to find out which one a line is of.

Rates are lines per second of processor time, on one thread, so that a busy machine slows them less.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from bench import own_formats
from meshseal.mill.stage import SETTINGS
from meshseal.model import protowire as wire
from meshseal.model.columns import LOG_COLUMNS, LOGS
from meshseal.model.envelope import Envelope, Payload, delimited
from meshseal.shape import canonical
from meshseal.shape.assemble import record_select
from meshseal.shape.payloads import SCHEMA_MESSAGE, raw_insert
from meshseal.store.engine import Engine, EnginePaths, Handle
from meshseal.store.schema import create_statements, raw_columns, stage_columns
from tests.shape.varied import samples, varied

LINES = 200_000
_DIFFERENT = 4000
_PER_ENVELOPE = 100
_RUNS = 3
_TURNS = 7
_RECEIVED = 1_790_000_000 * 10**9
_COLUMNS = ", ".join(column.name for column in LOG_COLUMNS)
_TARGETS = {True: 150_000, False: 100_000}
"""Lines per second that are aimed at, of JSON and of text."""

Say = Callable[[str, str], None]


def measure(directory: Path, say: Say) -> None:
    """Measure everything, in a process of its own: the engine changes the one it runs in."""
    command = [sys.executable, "-m", "bench.formats", str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            what, _, figure = line.rstrip("\n").partition("\t")
            say(what, figure)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


class _Formats:
    """The engine with a table of raw rows, and one that forgets what is put into it."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        schema = resources.files("meshseal.model").joinpath("spool.proto")
        for statement in create_statements():
            handle.execute(statement)
        for name, value in SETTINGS.items():
            handle.execute(f"SET {name} = {value}")
        handle.execute(f"SET format_schema = '{schema}:{SCHEMA_MESSAGE}'")
        handle.execute("CREATE TABLE lines (Body String) ENGINE = Memory")
        handle.execute(f"CREATE TABLE raw ({raw_columns(LOGS)}) ENGINE = Memory")
        handle.execute(f"CREATE TABLE sink ({stage_columns(LOGS)}) ENGINE = Null")
        handle.execute(f"CREATE TABLE kept ({stage_columns(LOGS)}) ENGINE = Memory")

    def parse(self, name: str, lines: list[str]) -> str:
        """Say how fast a format is read."""
        self._load(name, lines)
        rate = LINES / self._seconds(self._into("sink", name))
        whole = LINES / self._seconds(self._into("sink", "unparsed"))
        bytes_ = sum(len(line.encode()) for line in lines) / len(lines)
        target = _TARGETS[lines[0].startswith("{")]
        return (
            f"{rate:,.0f} lines/s of {bytes_:.0f} bytes, {rate / target:.2f} of the target, "
            f"{rate / whole:.2f} of keeping lines whole"
        )

    def limits(self, lines: list[str]) -> Iterator[tuple[str, str]]:
        """Yield what the engine does with the same lines without reading them."""
        self._load("unparsed", lines)
        self._handle.execute("TRUNCATE TABLE kept")
        self._handle.execute(self._into("kept", "unparsed"))
        leaf = canonical.leaf_expression(LOGS, "toFixedString('', 32)")
        for what, sql in (
            ("lines added up by their length", "SELECT sum(length(Body)) FROM raw"),
            ("lines hashed", "SELECT sum(cityHash64(Body)) FROM raw"),
            ("lines kept whole", self._into("sink", "unparsed")),
            ("records sealed", f"SELECT sum(cityHash64({leaf})) FROM kept"),
        ):
            yield what, f"{LINES / self._seconds(sql):,.0f} lines/s"

    def recognition(self, lines: dict[str, list[str]], folder: Path) -> Iterator[tuple[str, str]]:
        """Yield what a mixed segment costs, its formats given by the senders and found."""
        inserts = {}
        for what, hinted in (("given", True), ("found", False)):
            path = folder / f"{what}.bin"
            path.write_bytes(_segment(lines, hinted=hinted))
            inserts[what] = raw_insert(
                Payload.LINES,
                str(path),
                table="raw",
                nested="nowhere",
                hints=sorted(lines) if hinted else [],
            )
        # In turn, so that what else the machine does slows both alike.
        turns = [
            {what: self._once(sql, first="TRUNCATE TABLE raw") for what, sql in inserts.items()}
            for _ in range(_TURNS)
        ]
        given, found = (min(turn[what] for turn in turns) for what in inserts)
        read = self._read_all()
        for what, seconds in (("given", given), ("found", found)):
            yield (
                f"a segment of all formats, {what}",
                f"{seconds / LINES * 1e6:.2f} µs a line to take it apart, and "
                f"{read / LINES * 1e6:.2f} µs to read the lines",
            )
        share = (found - given) / (given + read)
        yield "recognition by content over a hint", f"{share * 100:+.1f} % of reading a segment"

    # ---- Inside ----------------------------------------------------------------------------

    def _load(self, name: str, lines: list[str]) -> None:
        """Fill `raw` with lines of one format, each as often as it takes."""
        rows = b"".join(wire.varint(len(line)) + line for line in map(str.encode, lines))
        for table in ("lines", "raw"):
            self._handle.execute(f"TRUNCATE TABLE {table}")
        self._handle.insert("INSERT INTO lines", rows, format_name="RowBinary")
        given = {
            "Tenant": "'default'",
            "Format": f"'{name}'",
            "ReceivedUnixNano": str(_RECEIVED),
            "ObservedUnixNano": str(_RECEIVED),
            "Body": "Body",
        }
        self._handle.execute(
            f"INSERT INTO raw ({', '.join(given)})\nSELECT {', '.join(given.values())}\n"
            f"FROM lines, numbers({-(-LINES // len(lines))}) AS copies LIMIT {LINES}"
        )

    def _into(self, table: str, name: str) -> str:
        select = record_select(
            name, own_attributes=False, retention_days=30, formats=own_formats.FORMATS
        )
        source = f"FROM raw WHERE Format = '{name}'" if name != "unparsed" else "FROM raw"
        select = select.replace("FROM raw", source)
        return f"INSERT INTO {table} ({_COLUMNS})\nSELECT {_COLUMNS}\nFROM (\n{select}\n)"

    def _read_all(self) -> float:
        found = self._handle.execute("SELECT DISTINCT Format FROM raw").decode().split()
        return sum(self._seconds(self._into("sink", name)) for name in found)

    def _seconds(self, sql: str) -> float:
        """Return the processor time that a statement takes, the least of some runs."""
        return min(self._once(sql) for _ in range(_RUNS))

    def _once(self, sql: str, *, first: str = "") -> float:
        if first:
            self._handle.execute(first)
        started = time.process_time()
        self._handle.execute(sql)
        return time.process_time() - started


def _segment(lines: dict[str, list[str]], *, hinted: bool) -> bytes:
    """Return envelopes of a hundred lines of one format each, in no order."""
    envelopes = []
    for number in range(LINES // _PER_ENVELOPE):
        name = sorted(lines)[number % len(lines)]
        of_format = lines[name]
        content = "\n".join(
            of_format[(number * _PER_ENVELOPE + at) % len(of_format)] for at in range(_PER_ENVELOPE)
        )
        envelope = Envelope(
            tenant="default",
            received_unix_nano=_RECEIVED,
            door="bench",
            source="bench",
            kind=Payload.LINES,
            content=content.encode(),
            records=_PER_ENVELOPE,
            format=name if hinted else "",
        )
        envelopes.append(delimited(envelope.encode()))
    random.Random(2).shuffle(envelopes)
    return b"".join(envelopes)


def _lines_of(of_format: list[str]) -> list[str]:
    each = -(-_DIFFERENT // len(of_format))
    return [other for seed, line in enumerate(of_format) for other in varied(line, seed, each)]


@contextmanager
def _engine(directory: Path) -> Iterator[Handle]:
    engine = Engine(
        EnginePaths(directory.resolve()),
        handles=1,
        max_memory_bytes=8 << 30,
        merge_threads=1,
        store_key=bytes(32),
    )
    yield engine.open()
    engine.close()


def main() -> None:
    """Measure, and print a row for each result: what, a tab, the figure."""
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    lines = {name: _lines_of(of_format) for name, of_format in samples().items()}
    with _engine(directory / "engine") as handle:
        formats = _Formats(handle)
        mixed = [line for of_format in lines.values() for line in of_format]
        random.Random(1).shuffle(mixed)
        for what, figure in formats.limits(mixed):
            print(f"{what}\t{figure}", flush=True)
        for name, of_format in lines.items():
            print(f"{name}\t{formats.parse(name, of_format)}", flush=True)
        for name, of_format in own_formats.lines().items():
            figure = formats.parse(name, _lines_of(of_format))
            print(f"{own_formats.TITLES[name]}\t{figure}", flush=True)
        single = {name: own for name, own in lines.items() if not any("\n" in one for one in own)}
        for what, figure in formats.recognition(single, directory):
            print(f"{what}\t{figure}", flush=True)


if __name__ == "__main__":
    main()
