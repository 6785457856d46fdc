"""Zipkin's clients and a real server: ten thousand spans in each form, each there once."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.doors.checks import check_conserved, port_of, wait_for_rows
from tests.doors.node_clients import node
from tests.doors.python_clients import kill_half_way, python
from tests.server import ServerProcess, free_port
from tests.wire.samples import zipkin_protobuf

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
SPANS = 10_000
KINDS = ("Server", "Client", "Producer")
_SQL = """
    SELECT toUInt32(SpanAttributes['order.id']) AS number, SpanName,
        toUnixTimestamp64Nano(Timestamp), Duration, SpanKind, StatusCode, StatusMessage,
        ServiceName, ResourceAttributes['service.name'], `Events.Name`,
        arrayMap(time -> toUnixTimestamp64Nano(time), `Events.Timestamp`),
        SpanAttributes['network.local.address'], SpanAttributes['network.local.port'],
        TraceId, SpanId, ParentSpanId, SpanAttributes
    FROM spans WHERE Door = 'zipkin' ORDER BY number
"""


def check_spans(rows: list[tuple[Any, ...]], begun: int) -> None:
    """Check that there is every span once, as `zipkin_sender.py` sends it."""
    assert [row[0] for row in rows] == list(range(len(rows)))
    assert len({row[14] for row in rows}) == len(rows)
    for n, row in enumerate(rows):
        at = (begun + n) * 1000
        error = "" if n % 7 else "late"
        assert row[1] == f"order {n}"
        if n % 10:
            # The client's times are floating-point seconds.
            assert abs(row[2] - at) <= 1000
            assert abs(row[3] - (n + 1) * 1000) <= 1000
        else:
            # Of a trace's first span the client takes the time itself.
            assert begun * 1000 + 59 * 10**9 <= row[2] <= row[2] + row[3] <= time.time_ns()
        # A trace's first span is a client's or a server's to py_zipkin.
        kind = KINDS[n % 3] if n % 10 or n % 3 == 1 else "Server"
        assert row[4:9] == (kind, "Error" if error else "Unset", error, "shop", "shop")
        assert row[9] == ["paid"]
        assert abs(row[10][0] - at) <= 1000
        assert row[11:13] == ("10.0.0.1", "8080")
        root = rows[n - n % 10]
        assert len(row[13]) == 32
        assert row[13] == root[13]
        assert row[15] == (root[14] if n % 10 else "")
        assert row[16]["region"] == "eu"
        assert row[16].get("service.peer.name", "") == (
            "db" if n % 10 == 1 and KINDS[n % 3] == "Client" else ""
        )


@pytest.mark.parametrize("encoding", ["V1_JSON", "V2_JSON", "V2_PROTO3"])
def test_ten_thousand_spans_through_a_kill(tmp_path: Path, encoding: str) -> None:
    """Half of them, then the server dies under py_zipkin, and comes back."""
    address, begun = tmp_path / "port", (int(time.time()) - 60) * 10**6
    setting = ("--set", f"doors.zipkin.port={free_port()}")
    with ServerProcess(tmp_path / "data", *setting) as server:
        address.write_text(str(port_of(server, "zipkin")))
        arguments = (encoding, address, SPANS, begun)
        with python("py-zipkin-1.2.8", "zipkin_sender.py", *arguments) as sender:
            kill_half_way(server, sender)
        check_spans(wait_for_rows(server, _SQL, SPANS), begun)
        check_conserved(server, "zipkin")
        assert server.stop() == 0
        verdict = server.verify()
        assert verdict.returncode == 0, verdict.stdout


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_ten_thousand_spans_of_zipkin_js(tmp_path: Path, version: str) -> None:
    begun = int(time.time()) * 10**9
    with ServerProcess(tmp_path / "data") as server:
        url = f"http://127.0.0.1:{port_of(server, 'zipkin')}/api/{version}/spans"
        with node("zipkin.js", url, SPANS) as sender:
            output, _ = sender.communicate(timeout=120)
        assert sender.returncode == 0, output
        rows = wait_for_rows(server, _SQL, SPANS)
        assert [row[0] for row in rows] == list(range(SPANS))
        assert len({(row[13], row[14]) for row in rows}) == SPANS
        for n, row in enumerate(rows):
            assert row[1] == f"order {n}"
            assert begun - 10**9 <= row[2] <= time.time_ns()
            assert row[4:7] == ("Server", "Unset" if n % 7 else "Error", "" if n % 7 else "late")
            assert row[7:10] == ("shop", "shop", ["paid"])
            assert (row[16]["region"], row[16]["network.peer.address"]) == ("eu", "10.0.0.9")
        check_conserved(server, "zipkin")


def test_spans_over_grpc(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as server:
        to = f"127.0.0.1:{port_of(server, 'zipkin_grpc')}"
        with grpc.insecure_channel(to) as channel:
            report = channel.unary_unary("/zipkin.proto3.SpanService/Report")
            assert report(zipkin_protobuf(), timeout=30) == b""
            with pytest.raises(grpc.RpcError) as refused:
                report(b"\x0a\xff", timeout=30)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "ListOfSpans" in refused.value.details()
        sql = "SELECT TraceId, SpanId, SpanName FROM spans WHERE Door = 'zipkin_grpc' ORDER BY ALL"
        assert wait_for_rows(server, sql, 2) == [
            ("31" * 16, "31" * 8, "get"), ("32" * 16, "32" * 8, "get"),
        ]  # fmt: skip
