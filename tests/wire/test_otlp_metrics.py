"""Metrics over OTLP: which are read, what is said of the rest, and whose sign of life they are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from meshseal.model.counters import Alive, Meaning, Reading
from meshseal.model.errors import PayloadError
from meshseal.wire import PROTOCOL
from meshseal.wire.protocol import Decoded, Request

NOW = 1_790_000_000 * 10**9
START = NOW - 60 * 10**9
Json = dict[str, Any]


def attributes(**values: str) -> list[Json]:
    return [
        {"key": key.replace("__", "."), "value": {"stringValue": value}}
        for key, value in values.items()
    ]


def counter(name: str, value: str, temporality: int = 2, kind: str = "sum", **labels: str) -> Json:
    point = {
        "asInt": value,
        "timeUnixNano": str(NOW - 1),
        "startTimeUnixNano": str(START),
        "attributes": attributes(**labels),
    }
    data: Json = {"dataPoints": [point]}
    if kind == "sum":
        data |= {"aggregationTemporality": temporality, "isMonotonic": True}
    return {"name": name, kind: data}


def export(*metrics: Json, **resource: str) -> Json:
    return {
        "resourceMetrics": [
            {
                "resource": {"attributes": attributes(**resource)},
                "scopeMetrics": [{"metrics": list(metrics)}],
            }
        ]
    }


def decode(body: Json, form: str) -> Decoded:
    """Decode a request in one of its three forms."""
    encoded = json.dumps(body).encode()
    if form != "json":
        message = json_format.Parse(encoded, ExportMetricsServiceRequest())
        encoded = message.SerializeToString()
    grpc = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
    door = "otlp_grpc" if form == "grpc" else "otlp_http"
    return PROTOCOL[door].decode(
        Request(
            path=grpc if form == "grpc" else "/v1/metrics",
            query={},
            headers={
                "content-type": "application/json" if form == "json" else "application/x-protobuf"
            },
            body=encoded,
            received_unix_nano=NOW,
            door=door,
            tenant="default",
            source="key:1",
        )
    )


FORMS = ("json", "protobuf", "grpc")


@pytest.mark.parametrize("form", FORMS)
def test_counters_of_records_are_read_and_the_rest_is_not_stored(form: str) -> None:
    body = export(
        counter("otelcol_exporter_sent_log_records", "5000", exporter="otlp/hub"),
        counter("otelcol_exporter_send_failed_log_records", "1000", exporter="otlp/hub"),
        counter("otelcol_process_uptime", "60"),
        counter("system.memory", "7", kind="gauge"),
        service__name="collector",
        service__instance__id="col-1",
    )
    decoded = decode(body, form)
    common: Json = {
        "time_unix_nano": NOW - 1,
        "start_unix_nano": START,
        "emitter": "otlp/collector",
        "service": "collector",
        "instance": "col-1",
    }
    assert decoded.readings == (
        Reading(
            "otelcol_exporter_sent_log_records{exporter=otlp/hub}", Meaning.PASSED, 5000, **common
        ),
        Reading(
            "otelcol_exporter_send_failed_log_records{exporter=otlp/hub}",
            Meaning.DROPPED,
            1000,
            **common,
        ),
    )
    assert decoded.alive == (Alive("collector", "col-1"),)
    assert (decoded.envelopes, decoded.refused, decoded.refused_code) == ((), 2, "not_stored")
    assert told(decoded, form) == 2


def told(decoded: Decoded, form: str) -> int:
    if form == "json":
        answer = json.loads(decoded.reply.body)
        return int(answer.get("partialSuccess", {}).get("rejectedDataPoints", 0))
    message = ExportMetricsServiceResponse.FromString(decoded.reply.body)
    return int(message.partial_success.rejected_data_points)


@pytest.mark.parametrize("form", FORMS)
def test_where_all_is_read_nothing_is_refused(form: str) -> None:
    decoded = decode(export(counter("otelcol_exporter_sent_log_records", "1")), form)
    assert (len(decoded.readings), decoded.refused, told(decoded, form)) == (1, 0, 0)
    assert decoded.readings[0].emitter == "otlp/unknown"


@pytest.mark.parametrize("form", FORMS)
def test_what_was_added_since_is_told_apart(form: str) -> None:
    body = export(counter("access_logs.grpc_access_log.logs_written", "5", temporality=1))
    (reading,) = decode(body, form).readings
    assert (reading.delta, reading.door, reading.value) == (True, "envoy_als", 5)


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_request_is_a_sign_of_life(form: str) -> None:
    assert decode(export(service__name="cart"), form).alive == (Alive("cart", ""),)
    assert decode({"resourceMetrics": []}, form).alive == ()


@pytest.mark.parametrize(
    "point",
    [
        {"asInt": "-5"},
        {"asDouble": -1.5},
        {"asDouble": 1e300},
        {},
        {"asInt": "many"},
        {"asInt": "5", "timeUnixNano": "-7"},
    ],
)
def test_a_value_that_is_no_count_is_not_kept(point: Json) -> None:
    metric = {"name": "otelcol_exporter_sent_log_records", "sum": {"dataPoints": [point]}}
    decoded = decode(export(metric), "json")
    assert (decoded.readings, decoded.refused) == ((), 1)


def test_a_request_holds_a_bounded_number_of_counters() -> None:
    metrics = [counter("otelcol_exporter_sent_log_records", str(n), n=str(n)) for n in range(1500)]
    decoded = decode(export(*metrics), "protobuf")
    assert (len(decoded.readings), decoded.refused) == (1000, 500)


def test_a_time_ahead_of_its_receipt_is_brought_back() -> None:
    metric = counter("otelcol_exporter_sent_log_records", "5")
    metric["sum"]["dataPoints"][0]["timeUnixNano"] = str(NOW + 10**15)
    (reading,) = decode(export(metric), "json").readings
    assert reading.time_unix_nano == NOW


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        pytest.param(START, START, id="nanoseconds"),
        pytest.param(START // 1000, START, id="microseconds, as Envoy writes it"),
        pytest.param(0, 0, id="not told"),
        pytest.param(7, 0, id="in 1970"),
        pytest.param(NOW + 1, 0, id="in the future"),
    ],
)
def test_when_a_counter_began(start: int, expected: int) -> None:
    metric = counter("otelcol_exporter_sent_log_records", "5")
    metric["sum"]["dataPoints"][0]["startTimeUnixNano"] = str(start)
    (reading,) = decode(export(metric), "protobuf").readings
    assert reading.start_unix_nano == expected


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"resourceMetrics": 7}', b"\xff"])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    request = Request(
        path="/v1/metrics",
        query={},
        headers={"content-type": "application/json"},
        body=body,
        received_unix_nano=NOW,
        door="otlp_http",
        tenant="default",
        source="key:1",
    )
    with pytest.raises(PayloadError):
        PROTOCOL["otlp_http"].decode(request)
