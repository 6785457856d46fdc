"""Datadog's tracer and a real server: every span there once, in its trace."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from meshseal.access.identity import Role
from tests.doors.checks import check_conserved, wait_for_rows
from tests.doors.python_clients import kill_half_way
from tests.receive.door import DoorSettings, running_door
from tests.server import ServerProcess, free_port

SENDER = Path(__file__).parent / "clients/ddtrace_sender.py"
TRACES, SPANS = 1000, 10
_SQL = """
    SELECT toUInt32(SpanAttributes['order.id']) AS number, toUnixTimestamp64Nano(Timestamp),
        Duration, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, StatusCode,
        SpanAttributes['customer'], SpanAttributes['dd.span.Resource'], SpanAttributes['span.type'],
        ResourceAttributes['service.name'], ResourceAttributes['deployment.environment.name'],
        ResourceAttributes['telemetry.sdk.language'], Door
    FROM spans ORDER BY number
"""
_KINDS = ("Server", "Client", "Internal")


def tracer(url: str, traces: int, begun: int, **environment: str) -> subprocess.Popen[str]:
    settings = {"DD_TRACE_AGENT_URL": url, "DD_ENV": "prod", "DD_TRACE_RATE_LIMIT": "-1"}
    return subprocess.Popen(
        [sys.executable, str(SENDER), str(traces), str(SPANS), str(begun)],
        env={**os.environ, **settings, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def send(url: str, traces: int, begun: int, **environment: str) -> None:
    process = tracer(url, traces, begun, **environment)
    process.communicate("\n", timeout=120)
    assert process.returncode == 0


@pytest.mark.e2e
@pytest.mark.parametrize("version", ["v0.4", "v0.5"])
def test_every_span_of_datadog_s_tracer_is_there_once(tmp_path: Path, version: str) -> None:
    """The server is killed half-way, when what was sent until then is acknowledged."""
    port, begun = free_port(), (int(time.time()) - 60) * 10**9
    with ServerProcess(tmp_path / "data", "--set", f"doors.datadog.port={port}") as server:
        url = server.urls["datadog"]
        with tracer(url, TRACES, begun, DD_TRACE_API_VERSION=version) as sender:
            kill_half_way(server, sender)
        check_spans(server, begun)


def check_spans(server: ServerProcess, begun: int) -> None:
    """Check that all spans are there, each once and whole."""
    rows = wait_for_rows(server, _SQL, TRACES * SPANS)
    roots = {row[3]: row[4] for row in rows if not row[5]}
    assert len(roots) == TRACES
    assert all(len(trace) == 32 and trace[:16] != "0" * 16 for trace in roots)
    assert set(Counter(row[3] for row in rows).values()) == {SPANS}
    assert len({row[4] for row in rows}) == len(rows)
    for number, row in enumerate(rows):
        assert row[:2] == (number, begun + number * 10**6)
        assert abs(row[2] - 250_000_000) < 1000
        assert row[5] == ("" if number % SPANS == 0 else roots[row[3]])
        assert row[6:] == (
            "shop.order",
            _KINDS[number % 3],
            f"shop-{number % 3}",
            "Unset" if number % 7 else "Error",
            f"c{number}",
            f"order {number}",
            "worker",
            f"shop-{number % 3}",
            "prod",
            "python",
            "datadog",
        )
    check_conserved(server, "datadog")
    counted = server.get("/metrics").text
    assert 'meshseal_requests_total{door="datadog",outcome="not_kept"}' in counted
    assert server.verify().returncode == 0


@pytest.mark.e2e
def test_a_tracer_sends_below_the_prefix_of_the_main_port(server: ServerProcess) -> None:
    begun = (int(time.time()) - 60) * 10**9
    send(f"{server.url}/datadog", 3, begun)
    assert [row[0] for row in wait_for_rows(server, _SQL, 3 * SPANS)] == list(range(3 * SPANS))


def test_a_tracer_has_its_key_in_the_address(tmp_path: Path) -> None:
    with running_door(tmp_path, DoorSettings(trial=False)) as door:
        key = door.credentials.create_key(name="dd", role=Role.SHIPPER, tenant="team-a").token
        url = f"http://{door.address[0]}:{door.address[1]}/datadog"
        send(f"{url}/key/{key}", 3, 10**18)
        assert sum(one.records for one in door.spooled()) == 3 * SPANS
        assert {one.tenant for one in door.spooled()} == {"team-a"}
        send(url, 3, 10**18)
        assert sum(one.records for one in door.spooled()) == 3 * SPANS
