"""Jaeger's clients and a real server: ten thousand spans by each door, each there once."""

from __future__ import annotations

import socket
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.doors.checks import check_conserved, port_of, wait_for_rows
from tests.doors.node_clients import node
from tests.doors.python_clients import kill_half_way, python
from tests.server import ServerProcess, free_port
from tests.store_access import ask
from tests.wire.thrift_bytes import called, jaeger_batch, jaeger_span

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
SPANS = 10_000
KINDS = ("Server", "Client", "Producer")
_SQL = """
    SELECT toUInt32(SpanAttributes['order.id']) AS number, SpanName,
        toUnixTimestamp64Nano(Timestamp), Duration, SpanKind, StatusCode, ServiceName,
        SpanAttributes['half'], SpanAttributes['paid'],
        coalesce(nullIf(ResourceAttributes['region'], ''), SpanAttributes['region']),
        `Events.Name`,
        `Events.Attributes`[1]['order'],
        arrayMap(time -> toUnixTimestamp64Nano(time), `Events.Timestamp`),
        TraceId, SpanId, ParentSpanId, `Links.TraceId`, `Links.SpanId`, `Links.Attributes`
    FROM spans WHERE Door = '{door}' ORDER BY number
"""


def check_spans(rows: list[tuple[Any, ...]], begun: int, *, links: bool) -> None:
    """Check that there is every span once, as `jaeger_sender.py` sends it."""
    assert [row[0] for row in rows] == list(range(len(rows)))
    assert len({row[14] for row in rows}) == len(rows)
    for n, row in enumerate(rows):
        at = (begun + n) * 1000
        assert row[1] == f"order {n}"
        # Some clients' times are floating-point seconds.
        assert abs(row[2] - at) <= 1000
        assert abs(row[3] - (n + 1) * 1000) <= 1000
        assert row[4:7] == (KINDS[n % 3], "Unset" if n % 7 else "Error", "shop")
        assert float(row[7]) == n / 2
        assert row[8:12] == ("false" if n % 2 else "true", "eu", ["paid"], str(n))
        assert abs(row[12][0] - at) <= 1000
        root = rows[n - n % 10]
        assert len(row[13]) == 32
        follows = links and n % 10 == 9
        assert row[13] == root[13]
        # Jaeger's clients name what a span follows as its parent too.
        assert row[15] == (root[14] if n % 10 else "")
        ends = ([root[13]], [root[14]], [{"opentracing.ref_type": "follows_from"}])
        assert row[16:] == (ends if follows else ([], [], []))


@pytest.mark.parametrize("how", ["http", "grpc"])
def test_ten_thousand_spans_through_a_kill(tmp_path: Path, how: str) -> None:
    """Half of them, then the server dies under OpenTelemetry's exporter, and comes back."""
    address, begun = tmp_path / "port", (int(time.time()) - 60) * 10**6
    door = f"jaeger_{how}"
    setting = ("--set", f"doors.{door}.port={free_port()}")
    with ServerProcess(tmp_path / "data", *setting) as server:
        address.write_text(str(port_of(server, door)))
        arguments = (how, address, SPANS, begun)
        with python("opentelemetry-jaeger-1.21.0", "jaeger_sender.py", *arguments) as sender:
            kill_half_way(server, sender)
        rows = wait_for_rows(server, _SQL.replace("{door}", door), SPANS)
        check_spans(rows, begun, links=False)
        check_conserved(server, door)
        assert server.stop() == 0
        verdict = server.verify()
        assert verdict.returncode == 0, verdict.stdout


def test_ten_thousand_spans_of_jaeger_s_client(tmp_path: Path) -> None:
    """UDP: nobody is told anything. Fed slowly, all of it is there."""
    address, begun = tmp_path / "port", (int(time.time()) - 60) * 10**6
    with ServerProcess(tmp_path / "data") as server:
        address.write_text(str(port_of(server, "jaeger_compact")))
        arguments = ("udp", address, SPANS, begun)
        with python("jaeger-client-4.8.0", "jaeger_sender.py", *arguments) as sender:
            output, _ = sender.communicate(timeout=120)
        assert sender.returncode == 0, output
        rows = wait_for_rows(server, _SQL.replace("{door}", "jaeger_compact"), SPANS)
        check_spans(rows, begun, links=True)
        check_conserved(server, "jaeger_compact")
        (resource,) = ask(server, "SELECT DISTINCT mapKeys(ResourceAttributes) FROM spans")[0]
        assert {"service.name", "host.name", "host.ip", "jaeger.version", "region"} <= set(resource)


@pytest.mark.parametrize("door", ["jaeger_http", "jaeger_binary"])
def test_ten_thousand_spans_of_jaeger_s_client_for_node(tmp_path: Path, door: str) -> None:
    begun = (int(time.time()) - 60) * 10**6
    how = "http" if door == "jaeger_http" else "udp"
    with ServerProcess(tmp_path / "data") as server:
        with node("jaeger.js", how, port_of(server, door), SPANS, begun) as sender:
            output, _ = sender.communicate(timeout=120)
        assert sender.returncode == 0, output
        check_spans(wait_for_rows(server, _SQL.replace("{door}", door), SPANS), begun, links=True)
        check_conserved(server, door)


@pytest.mark.parametrize("door", ["jaeger_compact", "jaeger_binary"])
def test_datagrams_that_are_no_call_are_counted(tmp_path: Path, door: str) -> None:
    compact, binary = called("emitBatch", jaeger_batch(*(jaeger_span(f"s{n}") for n in range(9))))
    with ServerProcess(tmp_path / "data") as server:
        to = ("127.0.0.1", port_of(server, door))
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
            for data in (b"nothing", b"", compact if door == "jaeger_compact" else binary, b"\x82"):
                sock.sendto(data, to)
        names = [name for (name,) in ask_until(server, "SELECT SpanName FROM spans", 9)]
        assert sorted(names) == [f"s{n}" for n in range(9)]
        check_conserved(server, door, refused=3)


def ask_until(server: ServerProcess, sql: str, count: int) -> list[tuple[Any, ...]]:
    deadline = time.monotonic() + 60
    rows: list[tuple[Any, ...]] = []
    while time.monotonic() < deadline and len(rows) < count:
        rows = ask(server, sql)
        time.sleep(0.05)
    return rows
