"""Measure Meshseal on this machine, against what the engine alone can do in the same run.

make bench                          everything, about a quarter of an hour and 25 GB of disk
python -m bench --records 1000000   the same over fewer records
python -m bench --doors             every door, with 300,000 records each
python -m bench --formats           every format: how fast it is read, and what finding it costs
python -m bench --soak-minutes 30   memory under a steady load
python -m bench --mesh-minutes 10   the map of 2,000 edges at 10,000 records/s, against a full scan
python -m bench --mesh-page         how long the page of the map takes in a browser
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import chdb

from bench import doors, formats, ingest, mesh_page, mesh_run, questions
from bench.lines import SERVICES, write
from bench.machine import Watch, server_memory
from tests.server import ServerProcess

_MEGABYTE = 10**6
_SECOND = 10**9
_DAY = 86_400 * _SECOND
_CHUNK = 1_000_000


class Bench:
    """One run, in a directory of its own."""

    def __init__(self, directory: Path, records: int) -> None:
        self._directory = directory
        self._records = records
        self._chunk = min(_CHUNK, records)
        self._limit_rate = 0.0
        self._raw_bytes = 0
        self._needles: list[str] = []
        # A day that is over, so that all records lie in few partitions.
        self._end = time.time_ns() // _DAY * _DAY
        self._start = self._end - _DAY

    def run(self) -> None:
        """Measure everything."""
        say("machine", f"{os.cpu_count()} cores, {platform.machine()}, engine {chdb.__version__}")
        self._limit()
        with ServerProcess(self._directory / "data") as server:
            time.sleep(3)
            main, engine = server_memory(server)
            say("idle memory", f"{mb(main + engine)} (main {mb(main)}, engine {mb(engine)})")
            self._freshness(server)
            with Watch(server) as watch:
                self._lines(server)
                self._otlp(server)
                say("memory under load, most", mb(watch.most))
            questions.settle(server)
            self._size(server)
            self._questions(server)
            main, engine = server_memory(server)
            say("memory afterwards", f"{mb(main + engine)} (main {mb(main)}, engine {mb(engine)})")

    def soak(self, minutes: float, records_per_second: int) -> None:
        """Send at a steady rate for a while, and say how memory goes."""
        with ServerProcess(self._directory / "data") as server, Watch(server, 5.0) as watch:
            self._steady(server, minutes, records_per_second)
            found = watch.samples
            tenth = max(1, len(found) // 10)
            parts = [max(found[n : n + tenth]) for n in range(0, len(found), tenth)]
            say("memory, most in each tenth", ", ".join(mb(part) for part in parts))

    def _steady(self, server: ServerProcess, minutes: float, records_per_second: int) -> None:
        path = self._directory / "soak.ndjson"
        now = time.time_ns()
        write(path, records_per_second, first_unix_nano=now, span_nanos=_SECOND, seed=5)
        body, sent = path.read_bytes(), 0
        deadline = time.monotonic() + minutes * 60
        while time.monotonic() < deadline:
            started = time.monotonic()
            response = server.post("/ingest/v1/lines", body, params={"format": "istio_json"})
            sent += records_per_second if response.status_code == 200 else 0
            time.sleep(max(0.0, 1 - (time.monotonic() - started)))
        ingest.drain(server)
        say("soak", f"{sent:,} records in {minutes:.0f} minutes")

    def _limit(self) -> None:
        path = self._directory / "limit.ndjson"
        write(path, self._chunk, first_unix_nano=self._start, span_nanos=_DAY, seed=1)
        rates = []
        for _ in range(2):
            folder = self._directory / "limit"
            command = [sys.executable, "-m", "bench.limit", str(folder), str(path)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found, seconds = output.split()
            assert int(found) == self._chunk
            rates.append(self._chunk / float(seconds))
            shutil.rmtree(folder)
        path.unlink()
        self._limit_rate = max(rates)
        say("the engine alone", " and ".join(f"{rate:,.0f}" for rate in rates) + " records/s")

    def _lines(self, server: ServerProcess) -> None:
        rates = []
        span = _DAY * self._chunk // self._records
        for number in range(self._records // self._chunk):
            path = self._directory / "lines.ndjson"
            first = self._start + number * span
            size, needle = write(
                path, self._chunk, first_unix_nano=first, span_nanos=span, seed=100 + number
            )
            self._raw_bytes += size
            self._needles.append(needle)
            run = ingest.ship(server, path, self._chunk)
            rates.append(run.rate)
            say(f"Istio JSON lines, part {number + 1}", str(run))
            path.unlink()
        rate = sum(rates) / len(rates)
        ratio = rate / self._limit_rate
        say("Istio JSON lines", f"{rate:,.0f} records/s, {ratio:.2f} of the engine alone")

    def _otlp(self, server: ServerProcess) -> None:
        count = min(600_000, self._records)
        requests = ingest.otlp_requests(count)
        say("OTLP protobuf", str(ingest.otlp(server, requests, count)))

    def _freshness(self, server: ServerProcess) -> None:
        times = ingest.freshness(server, records_per_second=5000, seconds=30)
        middle, late = times[len(times) // 2], times[int(len(times) * 0.99)]
        say("time to searchable, 5,000 records/s", f"median {middle:.2f} s, p99 {late:.2f} s")

    def _size(self, server: ServerProcess) -> None:
        found = questions.stored_bytes(server)
        tables = ("logs", "streams", "attribute_keys", "edges")
        rows, size = found["rows"], sum(found.get(table, 0) for table in tables)
        raw = self._raw_bytes / self._records
        say(
            "stored",
            f"{size / rows:.0f} bytes a record ({found['indexes'] / rows:.0f} of them indexes), "
            f"{size / rows / raw:.3f} of the {raw:.0f} bytes of a line; {found['parts']} parts",
        )
        columns = questions.largest_columns(server)
        listed = ", ".join(f"{name} {size / rows:.1f}" for name, size in columns)
        say("bytes a record of the largest columns", listed)

    def _questions(self, server: ServerProcess) -> None:
        asker = questions.Asker(server)
        span = {"start": self._start, "end": self._end}
        tasks: tuple[tuple[str, Callable[[], list[float]]], ...] = (
            ("needle", lambda: asker.needles(self._needles, **span)),
            ("count per minute and service", lambda: asker.histograms(**span)),
            ("latest 100 of a service", lambda: asker.latest(SERVICES[:20], **span)),
        )
        for name, task in tasks:
            say(f"{name}, {self._records:,} records", questions.shown(task()))


def say(what: str, figure: str) -> None:
    """Print one row of the result."""
    print(f"| {what} | {figure} |", flush=True)


def mb(size: float) -> str:
    """Return a size in megabytes."""
    return f"{size / _MEGABYTE:,.0f} MB"


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=10_000_000, help="lines to store (10 M)")
    parser.add_argument("--soak-minutes", type=float, default=0, help="only a soak, so long")
    parser.add_argument("--soak-rate", type=int, default=20_000, help="its records a second")
    parser.add_argument("--doors", action="store_true", help="only the doors, each at its fastest")
    parser.add_argument("--mesh-minutes", type=float, default=0, help="only a mesh, so long")
    parser.add_argument("--mesh-rate", type=int, default=10_000, help="its records a second")
    parser.add_argument("--mesh-page", action="store_true", help="only the page of the mesh map")
    parser.add_argument("--formats", action="store_true", help="only the formats, in the engine")
    options = parser.parse_args()
    print("| what | figure |\n|---|---|")
    with tempfile.TemporaryDirectory(prefix="meshseal-bench-") as directory:
        bench = Bench(Path(directory), options.records)
        if options.soak_minutes:
            bench.soak(options.soak_minutes, options.soak_rate)
        elif options.mesh_minutes:
            wrong = mesh_run.measure(
                Path(directory),
                say,
                minutes=options.mesh_minutes,
                records_per_second=options.mesh_rate,
            )
            sys.exit(1 if wrong else 0)
        elif options.mesh_page:
            mesh_page.measure(Path(directory), say)
        elif options.doors:
            doors.measure(Path(directory), say)
        elif options.formats:
            formats.measure(Path(directory), say)
        else:
            bench.run()
            doors.measure(Path(directory) / "doors", say)
            formats.measure(Path(directory) / "formats", say)


if __name__ == "__main__":
    main()
