"""What the stream itself tells of losses: numbers of chunks, lost events, refusals and copies."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import pytest

from tests.completeness.asking import SOON, Json, entry, report, wait_for
from tests.server import ServerProcess
from tests.store_access import ask

pytestmark = pytest.mark.e2e

SECOND = 10**9
LOST = "hubble.lost_events.num_events_lost"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("told") / "data", *SOON) as process:
        yield process


def chunk(server: ServerProcess, number: int, tenant: str = "default") -> None:
    response = server.post(
        "/ingest/v1/lines",
        f"chunk {number}".encode(),
        params={"labels": "service.name=chunked"},
        headers={"Meshseal-Chunk": f"host-1/7/{number}", "X-Scope-OrgID": tenant},
    )
    assert response.status_code == 200


def test_chunks_that_never_came(server: ServerProcess) -> None:
    for number in (0, 1, 3, 4, 8):
        chunk(server, number)
    chunk(server, 0, tenant="other")

    def missing(found: Json) -> bool:
        return bool(found["missing_chunks"])

    soon = str(time.time_ns() + 5 * SECOND)
    later = str(time.time_ns() + 120 * SECOND)
    found = wait_for(server, missing, end=later)
    (one,) = found["missing_chunks"]
    assert (one["agent"], one["epoch"]) == ("host-1", 7)
    assert one["missing"] == [{"first": 2, "last": 2}, {"first": 5, "last": 7}]
    assert not found["complete"]
    assert report(server, end=soon)["missing_chunks"] == [], "they may be on their way"
    assert report(server, tenant="other", end=later)["missing_chunks"] == []
    for number in (2, 5, 6, 7):
        chunk(server, number)
    wait_for(server, lambda found: not missing(found), end=later)


def test_events_that_a_source_says_it_lost_are_known_drops(server: ServerProcess) -> None:
    """Hubble tells in its own stream how many flows its ring buffer lost."""
    now = time.time_ns()
    records = [
        {
            "timeUnixNano": str(now),
            "body": {"stringValue": f"flow {number}"},
            "attributes": [{"key": LOST, "value": {"stringValue": lost}}] if lost else [],
        }
        for number, lost in enumerate(("", "25", "", "0", "many", "17"))
    ]
    who = [{"key": "service.name", "value": {"stringValue": "hubble"}}]
    body = {
        "resourceLogs": [{"resource": {"attributes": who}, "scopeLogs": [{"logRecords": records}]}]
    }
    response = server.post(
        "/v1/logs", json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 200, response.text
    found = wait_for(server, lambda found: entry(found, service="hubble") is not None)
    one = entry(found, service="hubble")
    assert one is not None
    total = one["total"]
    assert (total["state"], total["share"]) == ("drops known", "derived")
    assert (total["stored"], total["known_drops"], total["emitted"]) == (6, 42, 48)


def test_what_a_door_refuses_and_what_comes_twice_is_counted_by_source(
    server: ServerProcess,
) -> None:
    """received = stored + refused + copies."""
    bulk = b"\n".join(
        (
            b'{"create": {"_index": "logs"}}',
            b'{"message": "kept", "service": {"name": "bulk"}}',
            b'{"update": {"_index": "logs", "_id": "1"}}',
            b'{"doc": {"message": "refused"}}',
            b"",
        )
    )
    response = server.post(
        "/elasticsearch/_bulk", bulk, headers={"Content-Type": "application/x-ndjson"}
    )
    assert response.status_code == 200, response.text
    chunk(server, 100)
    chunk(server, 100)

    def counted(found: Json) -> bool:
        refused = entry(found, door="elasticsearch", service="")
        copies = entry(found, door="lines", service="")
        return bool(refused and copies)

    found = wait_for(server, counted)
    refused = entry(found, door="elasticsearch", service="")
    copies = entry(found, door="lines", service="")
    assert refused is not None
    assert copies is not None
    assert (refused["source"], refused["total"]["refused"]) == ("trial", 1)
    assert (refused["total"]["received"], refused["total"]["stored"]) == (1, 0)
    assert (copies["source"], copies["total"]["deduplicated"]) == ("trial", 1)
    kept = entry(found, door="elasticsearch", service="bulk")
    assert kept is not None
    assert kept["total"]["stored"] == 1


def test_health_checks_and_heartbeats_are_signs_of_life(server: ServerProcess) -> None:
    assert server.get("/elasticsearch/").status_code == 200
    host, port = server.urls["forward_udp"].removeprefix("http://").split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.sendto(b"\0", (host, int(port)))
        assert sock.recv(10) == b"\0"
    sql = (
        "SELECT DISTINCT Source, Door, ServiceName FROM arrivals "
        "WHERE Tenant = 'default' AND Records = 0 AND Refused + Deduplicated = 0"
    )
    wanted = {("trial", "elasticsearch", ""), ("trial", "forward", "")}
    deadline = time.monotonic() + 60
    while not wanted <= set(ask(server, sql)):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_forwarder_s_counters_are_of_all_that_it_sends(server: ServerProcess) -> None:
    """No record names the collector itself: it forwards those of others."""
    start = time.time_ns()
    for service, count in (("web", 30), ("cart", 20)):
        body = "\n".join(f"{service} {n}" for n in range(count)).encode()
        server.ship(body, tenant="fleet", labels=f"service.name={service}")
    points = {
        "otelcol_exporter_sent_log_records": 50,
        "otelcol_exporter_enqueue_failed_log_records": 3,
        "otelcol_receiver_refused_log_records": 7,
    }
    metrics = [
        {"name": name, "sum": {"aggregationTemporality": 2, "dataPoints": [point(value, start)]}}
        for name, value in points.items()
    ]
    who = [{"key": "service.name", "value": {"stringValue": "otelcol"}}]
    scopes = [{"metrics": metrics}]
    export = {"resourceMetrics": [{"resource": {"attributes": who}, "scopeMetrics": scopes}]}
    response = server.post(
        "/v1/metrics",
        json.dumps(export).encode(),
        headers={"Content-Type": "application/json", "X-Scope-OrgID": "fleet"},
    )
    assert (response.status_code, response.text) == (200, "{}")

    def balanced(found: Json) -> bool:
        return bool(found["ledger"]) and found["ledger"][0]["total"]["stored"] == 50

    found = wait_for(server, balanced, tenant="fleet")
    (one,) = found["ledger"]
    assert (one["source"], one["service"], one["emitters"]) == ("trial", "", ["otlp/otelcol"])
    total = one["total"]
    assert (total["emitted"], total["known_drops"], total["unexplained"]) == (53, 3, 0)
    assert total["refused_by_emitter"] == 7


def point(value: int, start: int) -> Json:
    now = str(time.time_ns())
    return {"asInt": str(value), "timeUnixNano": now, "startTimeUnixNano": str(start)}
