"""What emitters show of their counters, and what becomes of it; and what is none of it."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model.counters import Meaning
from meshseal.model.errors import PayloadError
from meshseal.wire.counters import known_counter
from meshseal.wire.emitter_stats import KINDS, Wanted, read_stats

SECOND = 10**9
NOW = 1_790_000_000 * SECOND
PASSED, DROPPED = Meaning.PASSED, Meaning.DROPPED


@pytest.mark.parametrize(
    ("name", "meaning", "door"),
    [
        ("access_logs.grpc_access_log.logs_written", PASSED, "envoy_als"),
        ("access_logs.grpc_access_log.logs_dropped", DROPPED, "envoy_als"),
        ("envoy_access_logs_grpc_access_log_logs_written", PASSED, "envoy_als"),
        ("mesh.envoy.access_logs.grpc_access_log.logs_dropped", DROPPED, "envoy_als"),
        ("access_logs.open_telemetry_access_log.logs_written", PASSED, "otlp_"),
        ("access_logs.open_telemetry_access_log.edge.logs_dropped", DROPPED, "otlp_"),
        ("envoy_access_logs_open_telemetry_access_log_logs_written_total", PASSED, "otlp_"),
        ("access_logs.fluentd.edge.entries_lost", DROPPED, "forward"),
        ("access_logs.fluentd.edge.entries_buffered", Meaning.BUFFERED, "forward"),
        ("otelcol_exporter_sent_log_records", PASSED, ""),
        ("otelcol_exporter_sent_log_records_total", PASSED, ""),
        ("otelcol_exporter_sent_log_records__records__total", PASSED, ""),
        ("otelcol_exporter_send_failed_log_records", DROPPED, ""),
        ("otelcol_exporter_enqueue_failed_log_records", DROPPED, ""),
        ("otelcol_receiver_refused_log_records", Meaning.REFUSED, ""),
        ("fluentbit_output_proc_records_total", PASSED, ""),
        ("fluentbit_output_dropped_records_total", DROPPED, ""),
        ("fluentd_output_status_emit_records", PASSED, ""),
        ("access_logs.grpc_access_log.grpc_entries_flushed", None, ""),
        ("access_logs.fluentd.edge.events_sent", None, ""),
        ("otelcol_exporter_sent_spans", None, ""),
        ("otelcol_exporter_sent_log_records_latency", None, ""),
        ("otelcol_receiver_accepted_log_records", None, ""),
        ("logs_written", None, ""),
        ("x" * 10_000 + "access_logs_grpc_access_log_logs_written", None, ""),
        ("", None, ""),
    ],
)
def test_which_counters_tell_of_records(name: str, meaning: Meaning | None, door: str) -> None:
    known = known_counter(name)
    assert (known.meaning if known else None) == meaning
    assert (known.door if known else "") == door


def values(kind: str, body: str, **wanted: object) -> list[tuple[str, Meaning, int]]:
    found = read_stats(kind, body.encode(), Wanted(**wanted), NOW)  # type: ignore[arg-type]
    assert all(one.time_unix_nano == NOW for one in found)
    return [(one.counter, one.meaning, one.value) for one in found]


ENVOY = json.dumps(
    {
        "stats": [
            {"name": "access_logs.grpc_access_log.logs_dropped", "value": 1000},
            {"name": "access_logs.grpc_access_log.logs_written", "value": 2072},
            {"name": "cluster.als.upstream_cx_total", "value": 7},
            {"name": "server.uptime", "value": 94},
            {"name": "server.words", "value": "many"},
            {"histograms": {"supported_quantiles": [0, 25]}},
        ]
    }
)
ENVOY_TEXT = """# TYPE envoy_access_logs_grpc_access_log_logs_written counter
envoy_access_logs_grpc_access_log_logs_written{} 2072

# TYPE envoy_server_uptime gauge
envoy_server_uptime{} 94
envoy_access_logs_grpc_access_log_logs_dropped{} 1000
"""


@pytest.mark.parametrize("body", [ENVOY, ENVOY_TEXT])
def test_envoy(body: str) -> None:
    assert sorted(value for *_, value in values("envoy", body)) == [1000, 2072]
    (start,) = {one.start_unix_nano for one in read_stats("envoy", body.encode(), Wanted(), NOW)}
    # Its uptime may be up to five seconds old.
    assert start == NOW - 100 * SECOND


def test_fluentd() -> None:
    plugins = [
        {"plugin_id": "in", "plugin_category": "input", "type": "forward", "emit_records": 9},
        {
            "plugin_id": "hub",
            "plugin_category": "output",
            "type": "forward",
            "output_plugin": True,
            "emit_records": 500,
            "retry_count": 0,
        },
        {"plugin_id": "c", "plugin_category": "output", "type": "copy", "emit_records": 500},
        {"plugin_id": "s3", "plugin_category": "output", "type": "s3", "emit_records": 70},
        {"plugin_id": "old", "output_plugin": True, "type": "null", "emit_records": None},
    ]
    body = json.dumps({"plugins": plugins})
    assert values("fluentd", body) == [
        ("emit_records{plugin_id=hub,type=forward}", PASSED, 500),
        ("emit_records{plugin_id=s3,type=s3}", PASSED, 70),
    ]
    assert [value for *_, value in values("fluentd", body, labels={"plugin_id": "hub"})] == [500]


def test_fluent_bit() -> None:
    outputs = {
        "forward.0": {
            "proc_records": 900,
            "proc_bytes": 81000,
            "errors": 1,
            "retries": 2,
            "retries_failed": 1,
            "dropped_records": 100,
            "retried_records": 200,
        },
        "stdout.1": {"proc_records": 1000, "proc_bytes": 9, "errors": 0},
    }
    body = json.dumps({"input": {"tail.0": {"records": 1000}}, "filter": {}, "output": outputs})
    assert values("fluent_bit", body, labels={"name": "forward.0"}) == [
        ("proc_records{name=forward.0}", PASSED, 900),
        ("dropped_records{name=forward.0}", DROPPED, 100),
    ]
    assert len(values("fluent_bit", body)) == 3


COLLECTOR = """# HELP otelcol_exporter_sent_log_records Number of log record successfully sent.
# TYPE otelcol_exporter_sent_log_records counter
otelcol_exporter_sent_log_records_total{exporter="otlp/meshseal",service_name="col"} 1.5e+03
otelcol_exporter_sent_log_records_total{exporter="debug"} 77
otelcol_exporter_send_failed_log_records_total{exporter="otlp/meshseal"} 12 1790000000000
process_start_time_seconds 1.789999e+09
otelcol_exporter_sent_log_records_total{exporter="otlp/meshseal",bad="NaN"} NaN
my_agent_lines_out{to="a\\"b,c"} 42
my_agent_lines_lost 3
"""


def test_prometheus() -> None:
    sent = "otelcol_exporter_sent_log_records_total{exporter=otlp/meshseal,service_name=col}"
    failed = "otelcol_exporter_send_failed_log_records_total{exporter=otlp/meshseal}"
    labels = {"exporter": "otlp/meshseal"}
    assert values("prometheus", COLLECTOR, labels=labels) == [
        (sent, PASSED, 1500),
        (failed, DROPPED, 12),
    ]
    readings = read_stats("prometheus", COLLECTOR.encode(), Wanted(), NOW)
    assert {one.start_unix_nano for one in readings} == {1_789_999_000 * SECOND}
    own = {"my_agent_lines_out": PASSED, "my_agent_lines_lost": DROPPED}
    assert [value for *_, value in values("prometheus", COLLECTOR, names=own)] == [42, 3]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "body",
    [
        b"<html>not found</html>",
        b"{",
        b"[]",
        b"{}",
        b'{"stats": {}, "plugins": 1, "output": []}',
        b'{"stats": [{"name": 7}], "plugins": [7], "output": {"x": 7}}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"\x1f\x8b" + bytes(100),
    ],
)
def test_what_is_none_is_refused(kind: str, body: bytes) -> None:
    with pytest.raises(PayloadError):
        read_stats(kind, body, Wanted(), NOW)


def test_too_many_series_are_refused() -> None:
    lines = (f'fluentbit_output_proc_records{{name="{n}"}} 1' for n in range(1001))
    with pytest.raises(PayloadError, match="more than 1000"):
        read_stats("prometheus", "\n".join(lines).encode(), Wanted(), NOW)


@pytest.mark.parametrize(
    "value", ["-1", "1e300", "Infinity", "99999999999999999999", "1.5", "true"]
)
def test_what_cannot_be_a_count_is_none(value: str) -> None:
    stats = (
        f'{{"stats": [{{"name": "access_logs.grpc_access_log.logs_written", "value": {value}}}]}}'
    )
    try:
        assert values("envoy", stats) == []
    except PayloadError:
        assert value in ("Infinity",)


@given(st.sampled_from(KINDS), st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_read_or_refused(kind: str, body: bytes) -> None:
    with contextlib.suppress(PayloadError):
        read_stats(kind, body, Wanted(), NOW)
