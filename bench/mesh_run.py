"""A mesh of 300 services and 2,000 edges at a steady rate, and how the map keeps up with it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import requests

from bench.ingest import drain
from bench.machine import Watch
from bench.mesh import Traffic, request
from bench.mesh_check import differences
from bench.mesh_page import Visits, visit
from tests.server import ServerProcess

_SECOND = 10**9
_CALLS_PER_REQUEST = 1000
_LOOK_SECONDS = 10
_TENANT = "default"

Say = Callable[[str, str], None]


def measure(
    directory: Path,
    say: Say,
    *,
    minutes: float,
    records_per_second: int = 10_000,
    services: int = 300,
    edges: int = 2000,
) -> list[str]:
    """Send, look at the map meanwhile, and compare it with a full scan.

    Args:
        directory: Where the server's data go.
        say: Prints a row.
        minutes: For how long.
        records_per_second: How fast.
        services: How many services the mesh has.
        edges: How many pairs of them speak.

    Returns: What the map says otherwise than the records; nothing, if all is well.
    """
    traffic = Traffic(services, edges)
    with ServerProcess(directory / "data") as server, Watch(server) as watch:
        run = _Run(server, traffic, records_per_second)
        first = time.time_ns()
        with Visits(server) as visits:
            run.send(minutes * 60)
        sent_seconds = (time.time_ns() - first) / _SECOND
        started = time.monotonic()
        drain(server)
        late = time.monotonic() - started
        say(
            "mesh",
            f"{run.records:,} records of {run.calls:,} calls in {sent_seconds:.0f} s, "
            f"{run.records / sent_seconds:,.0f} a second; the last stored and sealed {late:.1f} s "
            f"after they were sent; {run.late_seconds:.1f} s behind at most",
        )
        say("map while they come in", _times(run.looks))
        if visits.map:
            say(f"mesh page load, {services} services, while they come in", str(visits))
        say(
            "age of the newest call in the map",
            f"median {statistics.median(run.ages):.1f} s, longest {max(run.ages):.1f} s",
        )
        looks = [run.look()[0] for _ in range(9)]
        say("map of the last hour, nothing else going on", _times(looks))
        say(f"mesh page load, {services} services", str(visit(server)))
        answer = run.ask("map", start=first - 60 * _SECOND, end=time.time_ns())
        say("map", f"{len(answer['services'])} services, {len(answer['edges'])} edges")
        started = time.monotonic()
        wrong = differences(server, answer, tenant=_TENANT)
        seconds = time.monotonic() - started
        found = sum(edge["requests"] for edge in answer["edges"])
        if found != run.calls:
            wrong.append(f"the map has {found} calls, not {run.calls}")
        say(
            "map against a full scan",
            f"{len(wrong)} differences in {len(answer['edges'])} edges and their services; "
            f"the scan took {seconds:.1f} s",
        )
        for line in wrong[:20]:
            say("difference", line)
        say("memory, most", f"{watch.most / 1e6:,.0f} MB")
        return wrong


class _Run:
    """Sends what a mesh reports, and looks at its map now and then."""

    def __init__(self, server: ServerProcess, traffic: Traffic, records_per_second: int) -> None:
        self._server = server
        self._traffic = traffic
        self._session = requests.Session()
        sample = list(traffic.calls(2000, first_unix_nano=0, span_nanos=_SECOND))
        each = sum(call.records for call in sample) / len(sample)
        self._calls_per_second = round(records_per_second / each)
        self.calls = self.records = 0
        self.late_seconds = 0.0
        self.looks: list[float] = []
        self.ages: list[float] = []

    def send(self, seconds: float) -> None:
        """Send the calls of each second when it is over, for so many seconds."""
        started = time.monotonic()
        next_look = started + _LOOK_SECONDS
        for second in range(max(1, round(seconds))):
            self._send_second()
            if time.monotonic() > next_look:
                taken, age = self.look()
                self.looks.append(taken)
                self.ages.append(age)
                next_look += _LOOK_SECONDS
            behind = time.monotonic() - (started + second + 1)
            self.late_seconds = max(self.late_seconds, behind)
            time.sleep(max(0.0, -behind))
        if not self.looks:
            taken, age = self.look()
            self.looks, self.ages = [taken], [age]

    def _send_second(self) -> None:
        now = time.time_ns()
        made = self._traffic.calls(
            self._calls_per_second, first_unix_nano=now - _SECOND, span_nanos=_SECOND
        )
        while part := list(islice(made, _CALLS_PER_REQUEST)):
            body = request(part)
            while True:
                answer = self._session.post(
                    f"{self._server.url}/v1/logs",
                    data=body,
                    headers={"Content-Type": "application/x-protobuf"},
                    timeout=60,
                )
                if answer.status_code == 200:
                    break
                time.sleep(0.2)
            self.calls += len(part)
            self.records += sum(call.records for call in part)

    def look(self) -> tuple[float, float]:
        """Return how long the map of the last hour takes, and how old its newest call is."""
        started = time.monotonic()
        answer = self.ask("map")
        taken = time.monotonic() - started
        newest = max((int(edge["last_seen"] or 0) for edge in answer["edges"]), default=0)
        return taken, (time.time_ns() - newest) / _SECOND

    def ask(self, what: str, **parameters: Any) -> dict[str, Any]:
        """Return what the mesh's API answers."""
        url = f"{self._server.url}/meshseal/v1/mesh/{what}"
        answer = self._session.get(url, params=parameters, timeout=120)
        assert answer.status_code == 200, answer.text[:500]
        found: dict[str, Any] = answer.json()
        return found


def _times(seconds: list[float]) -> str:
    middle, longest = statistics.median(seconds) * 1000, max(seconds) * 1000
    return f"median {middle:.0f} ms, longest {longest:.0f} ms, of {len(seconds)}"
