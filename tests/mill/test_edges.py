"""Calls are counted into the table of edges once, however often their segment is milled."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from bench.ingest import drain
from meshseal.shape.formats import BUILT_IN, OTLP
from meshseal.store.mesh import ACCESS_FORMATS, OPEN_FORMATS, OTHER_FORMATS, RESOLUTIONS
from tests.server import ServerProcess, istio_line
from tests.store_access import ask, command

pytestmark = pytest.mark.e2e

DAY_NANOS = 86_400 * 10**9
DAYS, RECORDS = 100, 500
COUNT = 'sum(count_over_time({service_name="cart"}[2500h]))'

FIGURES = """SELECT
    Resolution, sum(Requests), count() > 0, sum(ResponseBytes),
    quantilesDDMerge(0.01, 0.5, 0.95, 0.99)(Latency),
    toUnixTimestamp64Nano(min(FirstSeen)), toUnixTimestamp64Nano(max(LastSeen))
FROM edges
WHERE Tenant != ''
GROUP BY Resolution
ORDER BY Resolution"""

SCAN = """SELECT
    count(), true, sum(HttpResponseBodySize),
    quantilesDD(0.01, 0.5, 0.95, 0.99)(assumeNotNull(DurationNanos)),
    toUnixTimestamp64Nano(min(Timestamp)), toUnixTimestamp64Nano(max(Timestamp))
FROM logs
WHERE ServiceName = 'cart'"""

STARTS = f"""SELECT
    e.Resolution, countIf(e.Requests != l.requests), count()
FROM (
    SELECT Resolution, Start, sum(Requests) AS Requests
    FROM edges WHERE Tenant != '' GROUP BY ALL
) AS e
LEFT JOIN (
    SELECT arrayJoin({list(RESOLUTIONS)}) AS resolution,
        toDateTime(intDiv(toUnixTimestamp(Timestamp), resolution) * resolution, 'UTC') AS start,
        count() AS requests
    FROM logs WHERE ServiceName = 'cart' GROUP BY ALL
) AS l ON l.resolution = e.Resolution AND l.start = e.Start
GROUP BY e.Resolution ORDER BY e.Resolution"""


def check(server: ServerProcess) -> None:
    """Every resolution has the figures of a full scan, as a whole and at each of its steps."""
    (scanned,) = ask(server, SCAN)
    assert scanned[0] == RECORDS
    expected = [(resolution, *scanned) for resolution in RESOLUTIONS]
    assert ask(server, FIGURES) == expected
    starts = ask(server, STARTS)
    assert [(resolution, wrong) for resolution, wrong, _ in starts] == [
        (resolution, 0) for resolution in RESOLUTIONS
    ]
    assert [there for _, _, there in starts] == [DAYS] * len(RESOLUTIONS)


def test_of_every_format_it_is_said_whether_its_records_are_calls() -> None:
    said = [*ACCESS_FORMATS, *OTHER_FORMATS, *OPEN_FORMATS]
    assert len(said) == len(set(said))
    assert set(said) == {*BUILT_IN.hints, OTLP, "envoy_als"}


def test_calls_are_counted_once(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", "--set", "spool.segment_age_seconds=60")
    server.start()
    now = time.time_ns()
    lines = [istio_line(n, at_unix_nano=now - n % DAYS * DAY_NANOS) for n in range(RECORDS)]
    assert server.ship("\n".join(lines).encode()) == RECORDS
    server.kill()
    (segment,) = (tmp_path / "data" / "spool").glob("*.segment")
    copy = shutil.copy(segment, tmp_path / "copy")

    def mill_again() -> None:
        shutil.copy(copy, segment)
        server.start()
        server.wait_for_count(RECORDS, COUNT)
        while segment.exists():
            time.sleep(0.05)
        check(server)

    mill_again()
    noted = "SELECT count(), sum(Requests) FROM edges WHERE Tenant = ''"
    assert ask(server, noted) == [(2 * DAYS, 2 * RECORDS)]
    # As if parts had turned out broken: minutes of a day, hours and days of a month.
    day, month = time.gmtime((now - 3 * DAY_NANOS) / 1e9), time.gmtime((now - 50 * DAY_NANOS) / 1e9)
    command(server, f"ALTER TABLE edges DROP PARTITION {time.strftime('%Y%m%d', day)}")
    command(server, f"ALTER TABLE edges DROP PARTITION {time.strftime('%Y%m', month)}")
    assert ask(server, FIGURES)[0][1] < RECORDS
    assert server.stop() == 0
    for _ in range(2):
        mill_again()
        assert ask(server, noted) == [(2 * DAYS, 2 * RECORDS)]
        assert server.stop() == 0
    assert server.verify().returncode == 0


SAMPLES = Path(__file__).parents[1] / "shape" / "samples"
FLOW = {
    "time": "2026-11-20T10:00:00Z",
    "verdict": "FORWARDED",
    "source": {"namespace": "shop", "labels": ["k8s:app=web"]},
    "destination": {"namespace": "shop", "labels": ["k8s:app=cart"]},
    "traffic_direction": "EGRESS",
    "is_reply": False,
    "event_type": {"type": 4},
    "l4": {"TCP": {"source_port": 46520, "destination_port": 8080, "flags": {"SYN": True}}},
}
ANSWER = {"type": "RESPONSE", "latency_ns": "2000000", "http": {"code": 200, "method": "GET"}}
FLOWS: dict[str, tuple[dict[str, object], int]] = {
    "the first packet of a connection": ({}, 1),
    "the policy's word on it": ({"event_type": {"type": 5}}, 0),
    "its answer": ({"l4": {"TCP": {"flags": {"SYN": True, "ACK": True}}}, "is_reply": True}, 0),
    "a packet dropped": ({"verdict": "DROPPED", "event_type": {"type": 1}}, 1),
    "a request": ({"l7": {**ANSWER, "type": "REQUEST"}, "event_type": {"type": 129}}, 0),
    "the answer to it": ({"l7": ANSWER, "event_type": {"type": 129}, "is_reply": True}, 1),
}


def test_of_hubble_s_flows_calls_are_counted(server: ServerProcess) -> None:
    for number, (changes, _) in enumerate(FLOWS.values()):
        line = json.dumps({"flow": {**FLOW, **changes}})
        assert server.ship(line.encode(), tenant=f"flow-{number}", format="hubble") == 1
    assert server.ship(_lines("nginx_error", "linkerd_proxy"), tenant="other") > 2
    assert server.ship(_lines("nginx_combined"), tenant="access", labels="service.name=web") > 2
    drain(server)
    counted = dict(
        ask(
            server,
            "SELECT Tenant, sum(Requests) FROM edges "
            "WHERE Resolution = 60 AND Tenant != '' GROUP BY Tenant",
        )
    )
    expected = {f"flow-{number}": count for number, (_, count) in enumerate(FLOWS.values())}
    assert {tenant: counted.get(tenant, 0) for tenant in expected} == expected
    assert "other" not in counted
    assert counted["access"] == len(_lines("nginx_combined").splitlines())


@pytest.mark.parametrize(
    ("reporter", "peer", "expected"),
    [
        ("outbound", "cart", ("edge", "cart", 0, 1, 0)),
        ("inbound", "cart", ("cart", "edge", 0, 1, 0)),
        # A gateway tells how its caller came, and not how the call went on from it.
        ("gateway", "cart", ("edge", "cart", 0, 0, 1)),
        ("gateway", "", ("", "edge", 0, 1, 0)),
    ],
)
def test_whose_connection_a_record_tells_of(
    server: ServerProcess, reporter: str, peer: str, expected: tuple[str, str, int, int, int]
) -> None:
    line = {"service": "edge", "mesh.reporter": reporter, "mesh.mtls": "plaintext"}
    if peer:
        line["service.peer.name"] = peer
    server.ship(json.dumps(line).encode())
    drain(server)
    sql = (
        "SELECT Source, Destination, Mutual, Plaintext, Unknown FROM edges "
        "WHERE Tenant != '' AND Resolution = 60"
    )
    assert ask(server, sql) == [expected]


def test_names_that_are_no_text_are_shown(server: ServerProcess) -> None:
    texts = {
        "service.name": "NAME",
        "service.peer.name": "p" * 2000,
        "mesh.reporter": "outbound",
        "mesh.response_flags": ",".join(["NAME"] * 20),
        "k8s.cluster.name": "NAME",
    }
    attributes = [
        KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in texts.items()
    ]
    record = LogRecord(time_unix_nano=time.time_ns(), attributes=attributes)
    body = ExportLogsServiceRequest(
        resource_logs=[
            ResourceLogs(
                resource=Resource(attributes=attributes),
                scope_logs=[ScopeLogs(log_records=[record])],
            )
        ]
    ).SerializeToString()
    answer = server.post(
        "/v1/logs",
        body.replace(b"NAME", b"a\xff\xc3b"),
        headers={"Content-Type": "application/x-protobuf"},
    )
    assert answer.status_code == 200, answer.text
    drain(server)
    assert ask(server, "SELECT hex(ServiceName) FROM logs WHERE Tenant = 'default'") == [
        ("61FFC362",)
    ]
    # A regular expression sees it as it is shown.
    assert server.metric('sum(count_over_time({service_name=~"a.b"}[1h]))') == 1
    answer = server.get("/meshseal/v1/mesh/map")
    assert answer.status_code == 200, answer.text
    (edge,) = answer.json()["edges"]
    assert edge["id"] == "a\ufffdb>" + "p" * 255
    assert edge["flags"] == {"a\ufffdb": 8}


def _lines(*formats: str) -> bytes:
    return b"".join((SAMPLES / f"{name}.log").read_bytes() for name in formats)


def test_records_of_no_call_are_not_looked_at(server: ServerProcess) -> None:
    server.ship(b'{"message": "cart is empty", "service": "cart", "status": 200}\nplain text\n')
    server.wait_for_count(2, 'sum(count_over_time({service_name=~".+"}[1h]))')
    assert ask(server, "SELECT count() FROM edges") == [(0,)]
