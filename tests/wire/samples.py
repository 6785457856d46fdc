"""Requests that each protocol accepts: what property tests begin with, whole or bent."""

from __future__ import annotations

import base64
import gzip
import json
import time
from dataclasses import dataclass, field
from typing import Any

import cramjam
import msgspec
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from meshseal.wire import PROTOCOL
from meshseal.wire.protocol import Protocol
from meshseal.wire.protos.spool_pb2 import (
    DatadogSpans,
    EnvoyAls,
    JaegerSpans,
    LokiPush,
    ZipkinSpans,
)
from tests.wire.thrift_bytes import i64, jaeger_batch, jaeger_span, listed, record, string, tag

PROTOBUF, JSON, TEXT = "application/x-protobuf", "application/json", "text/plain"


@dataclass(frozen=True, slots=True)
class Sample:
    """A whole request.

    `records` is how many records are in it that are kept, `status` the answer, and `path` the end
    of the paths it may be sent to; without one, those of the protocol that no other sample names.
    """

    protocol: str
    body: bytes
    media_type: str
    records: int
    query: dict[str, str] = field(default_factory=dict)
    path: str = ""
    status: int = 200
    refused: int = 0

    def __str__(self) -> str:
        how = ",".join((self.media_type, *self.query))
        return f"{self.protocol} {self.path} {how}"


def otlp_logs(*, records: int = 3, at_unix_nano: int | None = None) -> ExportLogsServiceRequest:
    """Return a request with every kind of value and several scopes."""
    at = time.time_ns() if at_unix_nano is None else at_unix_nano
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    _put(resource.resource.attributes, "service.name", string_value="cart")
    _put(resource.resource.attributes, "host.cpus", int_value=8)
    scope = resource.scope_logs.add(schema_url="https://example.com/schema")
    scope.scope.name, scope.scope.version = "cart.orders", "1.2.3"
    for number in range(records):
        record = scope.log_records.add(
            time_unix_nano=at + number,
            observed_time_unix_nano=at + number + 5,
            severity_number=9,
            severity_text="INFO",
            trace_id=bytes(range(16)),
            span_id=bytes(range(8)),
            flags=1,
        )
        record.body.string_value = f"order {number} placed"
        _put(record.attributes, "retry", bool_value=True)
        _put(record.attributes, "ratio", double_value=0.25)
        _put(record.attributes, "blob", bytes_value=b"\x00\xff")
        nested = record.attributes.add(key="items").value
        nested.array_value.values.add(string_value="a")
        nested.array_value.values.add(int_value=-1)
    return request


def _put(attributes: object, key: str, **value: object) -> None:
    entry = attributes.add(key=key)  # type: ignore[attr-defined]
    for name, content in value.items():
        setattr(entry.value, name, content)


def otlp_json(*, at_unix_nano: int | None = None) -> bytes:
    """Return an OTLP/JSON request of two records."""
    at = time.time_ns() if at_unix_nano is None else at_unix_nano
    record = {
        "timeUnixNano": str(at),
        "severityNumber": 13,
        "body": {"stringValue": "late"},
        "traceId": "5B8EFFF798038103D269B633813FC60C",
        "spanId": "EEE19B7EC3C1B174",
        "attributes": [
            {"key": "n", "value": {"intValue": "3"}},
            {"key": "m", "value": {"kvlistValue": {"values": []}}},
        ],
    }
    scope = {"scope": {"name": "s"}, "logRecords": [record, {**record, "body": {"intValue": 7}}]}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shipping"}}]}
    return json.dumps({"resourceLogs": [{"resource": resource, "scopeLogs": [scope]}]}).encode()


def loki_push(*, at_unix_nano: int | None = None) -> bytes:
    """Return a push of two records, not packed yet."""
    at = time.time_ns() if at_unix_nano is None else at_unix_nano
    push = LokiPush()
    stream = push.streams.add(labels=b'{job="web", env="a\\"b"}')
    for number in range(2):
        entry = stream.entries.add(line=b"GET /%d 200" % number)
        entry.timestamp.seconds, entry.timestamp.nanos = divmod(at, 10**9)
        entry.structured_metadata.add(name=b"pod", value=b"web-1")
    return push.SerializeToString()


def loki_json(*, at_unix_nano: int | None = None) -> bytes:
    """Return a push of two records as JSON."""
    at = str(time.time_ns() if at_unix_nano is None else at_unix_nano)
    values = [[at, "one"], [at, "two", {"pod": "web-1"}]]
    return json.dumps({"streams": [{"stream": {"job": "web"}, "values": values}]}).encode()


LINES = (
    b'time=2026-01-02T03:04:05Z level=warn msg="slow" took=3s\r\n'
    b'\n[2020-11-25T21:26:18.409Z] "GET /status/418 HTTP/1.1" 418 - via_upstream - "-" 0 135 4 4 '
    b'"-" "curl/7.73.0-DEV" "84961386-6d84-929d-98bd-c5aee93b5c88" "httpbin:8000" '
    b'"10.44.1.27:80" outbound|8000||httpbin.foo.svc.cluster.local 10.44.1.23:37652 '
    b"10.0.45.184:8000 10.44.1.23:46520 - default\n"
    b'{"level":"error","msg":"caf\xc3\xa9 \xff closed"}\nplain words'
)

BULK = (
    b'{"create":{"_index":"logs-shop-prod"}}\n{"message":"one","log":{"level":"info"}}\n'
    b'{"update":{"_index":"shop","_id":"7"}}\n{"doc":{}}\n'
    b'{"index":{"_index":"shop","_id":"7"}}\n{"host":{"name":"vm-7"},"n":[1,{"a":null}]}\n'
)


HEC = (
    b'{"time":1789899072.5,"host":"vm-7","event":"hello","fields":{"region":"eu","n":["a","b"]}}'
    b'{"event":{"message":"}{","level":"warn"},"sourcetype":"_json"}'
)

GELF = (
    b'{"version":"1.1","host":"vm-7","short_message":"late","full_message":"late\\n at a",'
    b'"timestamp":1789899072.5,"level":4,"_container_name":"cart","_n":7}'
)


DATADOG = (
    b'[{"message":"order 7 placed","status":"info","timestamp":1789899072123,"hostname":"h",'
    b'"service":"cart","ddsource":"python","ddtags":"env:prod,canary"},{"message":{"message":"START"}}]'
)


def otlp_traces(*, spans: int = 3, at_unix_nano: int | None = None) -> ExportTraceServiceRequest:
    """Return a request with spans that have events, links and a status."""
    at = time.time_ns() if at_unix_nano is None else at_unix_nano
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    _put(resource.resource.attributes, "service.name", string_value="cart")
    scope = resource.scope_spans.add()
    scope.scope.name = "cart.orders"
    for number in range(spans):
        span = scope.spans.add(
            trace_id=bytes(range(1, 17)),
            span_id=number.to_bytes(7) + b"\x01",
            name=f"order {number}",
            kind=2,
            start_time_unix_nano=at,
            end_time_unix_nano=at + 1000,
            trace_state="a=b",
        )
        _put(span.attributes, "n", int_value=number)
        event = span.events.add(time_unix_nano=at + 5, name="paid")
        _put(event.attributes, "ratio", double_value=0.25)
        span.links.add(trace_id=bytes(range(1, 17)), span_id=bytes(range(1, 9)))
        span.status.message = "late"
        span.status.code = Status.STATUS_CODE_ERROR
    return request


def otlp_traces_json(*, at_unix_nano: int | None = None) -> bytes:
    """Return an OTLP/JSON request of two spans."""
    at = time.time_ns() if at_unix_nano is None else at_unix_nano
    span = {
        "traceId": "5B8EFFF798038103D269B633813FC60C",
        "spanId": "EEE19B7EC3C1B174",
        "name": "pay",
        "kind": 3,
        "startTimeUnixNano": str(at),
        "endTimeUnixNano": str(at + 7),
        "attributes": [{"key": "n", "value": {"intValue": "3"}}],
        "events": [{"timeUnixNano": str(at), "name": "asked"}],
        "status": {"code": 1},
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shipping"}}]}
    scopes = [{"scope": {"name": "s"}, "spans": [span, {**span, "spanId": "EEE19B7EC3C1B175"}]}]
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": scopes}]}).encode()


def otlp_metrics() -> ExportMetricsServiceRequest:
    """Return a request of three data points."""
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    metric = scope.metrics.add(name="orders")
    for number in range(2):
        metric.sum.data_points.add(as_int=number)
    scope.metrics.add(name="ratio").gauge.data_points.add(as_double=0.5)
    return request


_POINTS = b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{},{}]}}]}]}]}'

_SUBSCRIPTION = {
    "messageType": "DATA_MESSAGE",
    "owner": "1",
    "logGroup": "g",
    "logStream": "s",
    "logEvents": [{"id": "0", "timestamp": 1789899072123, "message": "started"}],
}


def firehose(name: str) -> bytes:
    """Return a delivery of three records: two lines, and an event of CloudWatch Logs."""
    contents = (b"one\ntwo\n", gzip.compress(json.dumps(_SUBSCRIPTION).encode(), mtime=0))
    records = [{"data": base64.b64encode(content).decode()} for content in contents]
    return json.dumps({"requestId": name, "timestamp": 1, "records": records}).encode()


def pubsub(name: str) -> bytes:
    """Return a push of one message."""
    data = base64.b64encode(b'{"severity":"ERROR","textPayload":"late"}').decode()
    message = {"data": data, "messageId": name, "attributes": {"a": "b"}}
    return json.dumps({"message": message, "subscription": "projects/p/subscriptions/s"}).encode()


AZURE = (
    b'{"records":[{"time":"2026-09-20T10:11:12Z","resourceId":"/SUBSCRIPTIONS/1","level":"Error",'
    b'"category":"App","properties":{"log":"late"}},{"n":[1,{"a":null}]}]}'
)

_SPAN: dict[str, Any] = {
    "service": "shop",
    "name": "web.request",
    "resource": "GET /cart",
    "trace_id": 2**64 - 1,
    "span_id": 5,
    "parent_id": 0,
    "start": 1_789_899_072_123_456_789,
    "duration": 1000,
    "error": 0,
    "meta": {"env": "prod"},
    "metrics": {"n": 1.0},
    "type": "web",
}
_STRINGS = ["", "shop", "web.request", "GET /cart", "env", "prod", "n", "web"]
_TABLE_SPAN = [1, 2, 3, 2**64 - 1, 5, 0, _SPAN["start"], 1000, 0, {4: 5}, {6: 1.0}, 7]


def _datadog_samples() -> list[Sample]:
    pack, media_type = msgspec.msgpack.encode, "application/msgpack"
    traces = [[_SPAN], [_SPAN, _SPAN]]
    table = [_STRINGS, [[_TABLE_SPAN], [_TABLE_SPAN, _TABLE_SPAN]]]
    chunks = {"chunks": [{"priority": 1, "spans": spans} for spans in traces]}
    agent = DatadogSpans()
    span = agent.tracer_payloads.add().chunks.add().spans.add()
    span.trace_id, span.span_id, span.start = 1, 2, _SPAN["start"]
    return [
        Sample("datadog", DATADOG, JSON, 2, path="/logs", status=202),
        Sample("datadog", DATADOG, JSON, 2, path="/v1/input"),
        Sample("datadog", b"", JSON, 0, path="/validate"),
        Sample("datadog", pack(traces), media_type, 3, path="/v0.3/traces"),
        Sample("datadog", pack(traces), media_type, 3, path="/v0.4/traces"),
        Sample("datadog", json.dumps(traces).encode(), JSON, 3, path="/v0.4/traces"),
        Sample("datadog", pack(table), media_type, 3, path="/v0.5/traces"),
        Sample("datadog", pack(chunks), media_type, 3, path="/v0.7/traces"),
        Sample("datadog", agent.SerializeToString(), PROTOBUF, 1, path="/api/v0.2/traces"),
    ]


ZIPKIN = (
    b'[{"traceId":"463ac35c9f6413ad","id":"a2fb4a1d1a96d312","kind":"SERVER","name":"get /cart",'
    b'"timestamp":1789899072123456,"duration":1000,"localEndpoint":{"serviceName":"shop"},'
    b'"annotations":[{"timestamp":1789899072123457,"value":"hit"}],"tags":{"a":"b"},"shared":true},'
    b'{"traceId":"463ac35c9f6413ad463ac35c9f6413ad","id":"b","parentId":"a2fb4a1d1a96d312"}]'
)
_ZIPKIN_V1 = (
    b'[{"traceId":"463ac35c9f6413ad","id":"a2fb4a1d1a96d312","name":"get","annotations":['
    b'{"timestamp":1789899072123456,"value":"sr","endpoint":{"serviceName":"shop"}},'
    b'{"timestamp":1789899072123656,"value":"ss","endpoint":{"serviceName":"shop"}}],'
    b'"binaryAnnotations":[{"key":"a","value":"b"}]}]'
)
JAEGER = JaegerSpans()
_BATCH = JAEGER.batch.add()
for _name in (b"pay", b"ship"):
    _BATCH.spans.add(trace_id=bytes(15) + b"1", span_id=bytes(7) + b"1", operation_name=_name)


def zipkin_protobuf() -> bytes:
    """Return two spans."""
    spans = ZipkinSpans()
    for number in (b"1", b"2"):
        spans.spans.add(trace_id=number * 16, id=number * 8, kind=1, name=b"get").tags.add(key=b"a")
    return bytes(spans.SerializeToString())


def _zipkin_and_jaeger_samples() -> list[Sample]:
    thrift = "application/x-thrift"
    spans = [jaeger_span("pay", tags=[tag("a", "b"), tag("n", 7)]), jaeger_span("ship", parent=2)]
    old = record(_1=i64(5), _3=string("get"), _4=i64(6), _6=listed(), _8=listed())
    return [
        Sample("zipkin", ZIPKIN, JSON, 2, path="/v2/spans", status=202),
        Sample("zipkin", zipkin_protobuf(), PROTOBUF, 2, path="/v2/spans", status=202),
        Sample("zipkin", _ZIPKIN_V1, JSON, 1, path="/v1/spans", status=202),
        Sample("zipkin", listed(old).binary(), thrift, 1, path="/v1/spans", status=202),
        Sample("jaeger_http", jaeger_batch(*spans).binary(), thrift, 2, status=202),
    ]


def samples() -> list[Sample]:
    """Return one request or more for every protocol over HTTP, as of now."""
    protobuf = otlp_logs().SerializeToString()
    spans = otlp_traces().SerializeToString()
    points = otlp_metrics().SerializeToString()
    documents = b'{"level":"info","n":1}\n\n{"nested":{"a":[1,2]}}\n"text"\n'
    packed = bytes(cramjam.snappy.compress_raw(loki_push()))
    unique = str(time.time_ns())
    return [
        Sample("otlp_http", protobuf, PROTOBUF, 3, path="/logs"),
        Sample("otlp_http", otlp_json(), JSON, 2, path="/logs"),
        Sample("otlp_http", spans, PROTOBUF, 3, path="/traces"),
        Sample("otlp_http", otlp_traces_json(), JSON, 2, path="/traces"),
        Sample("otlp_http", points, PROTOBUF, 0, path="/metrics", refused=3),
        Sample("otlp_http", _POINTS, JSON, 0, path="/metrics", refused=2),
        Sample("loki", packed, PROTOBUF, 2, status=204),
        Sample("loki", loki_json(), JSON, 2, status=204),
        Sample("lines", LINES, TEXT, 4),
        Sample("lines", LINES, TEXT, 4, {"format": "istio_json", "labels": "service.name=cart"}),
        Sample("documents", documents, "application/x-ndjson", 3),
        Sample("elasticsearch", BULK, "application/x-ndjson", 2, refused=1),
        Sample("splunk_hec", HEC, JSON, 2),
        Sample("gelf_http", GELF, JSON, 1, status=202),
        Sample("aws_firehose", firehose(unique), JSON, 3),
        Sample("gcp_pubsub", pubsub(unique), JSON, 1, status=204),
        Sample("azure_records", AZURE, JSON, 2, status=202),
        *_datadog_samples(),
        *_zipkin_and_jaeger_samples(),
    ]


def grpc_samples() -> list[Sample]:
    """Return one message or more for every method over gRPC, as of now."""
    entries = EnvoyAls()
    entries.http_logs.log_entry.add().request.path = b"/cart"
    entries.http_logs.log_entry.add().request.path = b"/pay"
    logs, spans, points = otlp_logs(), otlp_traces(), otlp_metrics()
    return [
        Sample("otlp_grpc", logs.SerializeToString(), "", 3, path="LogsService/Export"),
        Sample("otlp_grpc", spans.SerializeToString(), "", 3, path="TraceService/Export"),
        Sample(
            "otlp_grpc", points.SerializeToString(), "", 0, path="MetricsService/Export", refused=3
        ),
        Sample("envoy_als", entries.SerializeToString(), "", 2),
        Sample("zipkin_grpc", zipkin_protobuf(), "", 2),
        Sample("jaeger_grpc", JAEGER.SerializeToString(), "", 2),
    ]


def fitting(protocol: Protocol, path: str) -> list[Sample]:
    """Return the samples that may be sent to a path of a protocol."""
    own = [sample for sample in (*samples(), *grpc_samples()) if sample.protocol == protocol.name]
    named = [sample for sample in own if sample.path and path.endswith(sample.path)]
    return named or [sample for sample in own if not sample.path]


def path_of(sample: Sample) -> str:
    """Return a path that a sample may be sent to."""
    return next(path for path in PROTOCOL[sample.protocol].paths if path.endswith(sample.path))
