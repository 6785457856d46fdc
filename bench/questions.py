"""Questions over many records: each asked through the API, as Grafana does."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

import requests

from tests.server import ServerProcess
from tests.store_access import ask

_TRIES = 9


class Asker:
    """Asks a server again and again, never quite the same, so that no cache of results helps."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self._session = requests.Session()

    def needles(self, request_ids: Sequence[str], *, start: int, end: int) -> list[float]:
        """Return the seconds it takes to find each of some request ids among all records."""
        queries = [f'{{service_name=~".+"}} |= "{request_id}"' for request_id in request_ids]
        return self._searches(queries, 1, start=start, end=end)

    def latest(self, services: Sequence[str], *, start: int, end: int) -> list[float]:
        """Return the seconds of the latest 100 records of each service."""
        queries = [f'{{service_name="{service}"}}' for service in services]
        return self._searches(queries, 100, start=start, end=end)

    def histograms(self, *, start: int, end: int) -> list[float]:
        """Return the seconds of a count per minute and service over all records."""
        times = []
        for number in range(_TRIES):
            seconds, result = self._range(
                'sum by (service_name) (count_over_time({service_name=~".+"}[1m]))',
                start=start + number,
                end=end + number,
                step=60,
            )
            assert len(result) >= 40
            times.append(seconds)
        return times

    def _searches(
        self, queries: Sequence[str], expected: int, *, start: int, end: int
    ) -> list[float]:
        """Return the seconds of log queries, each of which finds so many records."""
        times = []
        for query in queries:
            seconds, result = self._range(query, start=start, end=end, limit=100)
            assert sum(len(stream["values"]) for stream in result) == expected
            times.append(seconds)
        return times

    def _range(self, query: str, *, start: int, end: int, **more: Any) -> tuple[float, list[Any]]:
        parameters = {"query": query, "start": start, "end": end, **more}
        started = time.monotonic()
        response = self._session.get(
            f"{self._server.url}/loki/api/v1/query_range", params=parameters, timeout=120
        )
        seconds = time.monotonic() - started
        assert response.status_code == 200, response.text[:500]
        return seconds, response.json()["data"]["result"]


def shown(times: Sequence[float]) -> str:
    """Return times as a median and the longest."""
    return f"median {statistics.median(times) * 1000:.0f} ms, longest {max(times) * 1000:.0f} ms"


def stored_bytes(server: ServerProcess) -> dict[str, int]:
    """Return the bytes on disk by column group of the store."""
    rows = ask(
        server,
        "SELECT table, sum(bytes_on_disk), sum(secondary_indices_compressed_bytes), "
        "sum(rows), count() FROM system.parts WHERE active AND database = 'default' "
        "GROUP BY table",
    )
    found = {f"{row[0]}": int(row[1]) for row in rows}
    (logs,) = [row for row in rows if row[0] == "logs"]
    return found | {"indexes": int(logs[2]), "rows": int(logs[3]), "parts": int(logs[4])}


def largest_columns(server: ServerProcess) -> list[tuple[str, int]]:
    """Return the columns of `logs` that take most, and their bytes."""
    rows = ask(
        server,
        "SELECT column, sum(column_bytes_on_disk) AS size FROM system.parts_columns "
        "WHERE active AND database = 'default' AND table = 'logs' "
        "GROUP BY column ORDER BY size DESC LIMIT 12",
    )
    return [(str(row[0]), int(row[1])) for row in rows]


def settle(server: ServerProcess, seconds: float = 120) -> None:
    """Wait until merges have nothing to do."""
    deadline = time.monotonic() + seconds
    quiet = 0
    while quiet < 6 and time.monotonic() < deadline:
        quiet = 0 if ask(server, "SELECT count() FROM system.merges")[0][0] else quiet + 1
        time.sleep(0.5)
