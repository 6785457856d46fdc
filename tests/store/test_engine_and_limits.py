"""The engine behind reads: its limits, its loss, its password; and a reader who went away."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.faults.load import wait_until
from tests.server import ServerProcess
from tests.store_access import ask

pytestmark = [pytest.mark.e2e]

ALL = '{service_name=~".+"}'
COUNT = f"sum(count_over_time({ALL}[1h]))"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    limits = ("--set", "query.max_memory_bytes=8000000", "--set", "query.max_series=10")
    with ServerProcess(tmp_path_factory.mktemp("limits") / "data", *limits) as process:
        process.ship(b"\n".join(b"n=%d " % n + b"x" * 500 for n in range(20_000)))
        process.wait_for_count(20_000, COUNT)
        yield process


def query(server: ServerProcess, text: str) -> requests.Response:
    response: requests.Response = server.get("/loki/api/v1/query", {"query": text})
    return response


def test_too_much_memory_is_the_query_s_fault(server: ServerProcess) -> None:
    response = query(server, f"sum by (a, n) (count_over_time({ALL} | logfmt [1h]))")
    assert response.status_code == 400
    assert "more memory" in response.text or "more than 10 series" in response.text


def test_too_many_series_are_the_query_s_fault(server: ServerProcess) -> None:
    response = query(server, f'sum by (n) (count_over_time({ALL} |= "n=1" | logfmt [1h]))')
    assert response.status_code == 400
    assert "series" in response.text or "memory" in response.text


def test_too_much_time_is_the_query_s_fault(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", "--set", "query.max_seconds=0.05") as server:
        server.ship(b"\n".join(b"n=%d " % n + b"x" * 500 for n in range(60_000)))
        wait_until(lambda: stored(server) == 60_000, "storing", 60)
        slow = server.get(
            "/loki/api/v1/query_range", {"query": f'{ALL} | logfmt | n="none" | json'}
        )
        assert (slow.status_code, "query.max_seconds" in slow.text) == (400, True)
        # Nothing is left of it, and the server answers as before.
        assert server.get("/readyz").status_code == 200
        assert query(server, "vector(1)").json()["data"]["result"][0]["value"][1] == "1"


def stored(server: ServerProcess) -> float:
    counters = server.metrics().items()
    return sum(count for (name, _, _), count in counters if name == "meshseal_records_stored_total")


def test_the_engine_asks_for_its_password(server: ServerProcess) -> None:
    endpoint = json.loads((server.data / "running.json").read_text())
    url = f"http://{endpoint['host']}:{endpoint['port']}/"
    right = (endpoint["user"], endpoint["password"])
    wrong = [None, ("default", ""), (endpoint["user"], "x"), (endpoint["user"], right[1][:-1])]
    assert requests.post(url, data="SELECT 1", auth=right, timeout=30).text == "1\n"
    for credentials in wrong:
        response = requests.post(url, data="SELECT 1", auth=credentials, timeout=30)
        assert response.status_code in (401, 403, 516), credentials
        assert response.text != "1\n"
    assert (server.data / "running.json").stat().st_mode & 0o077 == 0


def test_a_reader_who_leaves_ends_the_query(server: ServerProcess) -> None:
    endpoint = json.loads((server.data / "running.json").read_text())
    url = f"http://{endpoint['host']}:{endpoint['port']}/"
    slow = "SELECT sum(sleepEachRow(1)) FROM numbers(300) SETTINGS max_block_size = 1"
    running = (
        "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow%' "
        "AND query NOT LIKE '%system.processes%'"
    )
    with pytest.raises(requests.ReadTimeout):  # so it was running
        requests.post(url, data=slow, auth=(endpoint["user"], endpoint["password"]), timeout=(5, 2))
    wait_until(lambda: ask(server, running)[0][0] == 0, "ending the query", 30)


def test_reads_say_so_while_the_engine_is_away_and_go_on_after(server: ServerProcess) -> None:
    server.kill_engine()
    seen: set[int] = set()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        response = query(server, COUNT)
        seen.add(response.status_code)
        if response.status_code == 200:
            break
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) > 0
        time.sleep(0.05)
    assert seen == {200, 503}
    assert server.metric(COUNT) == 20_000
