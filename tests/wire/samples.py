"""Requests that each protocol accepts: what property tests begin with, whole or bent."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

import cramjam
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from meshseal.wire.protos.spool_pb2 import LokiPush

PROTOBUF, JSON, TEXT = "application/x-protobuf", "application/json", "text/plain"


@dataclass(frozen=True, slots=True)
class Sample:
    """A whole request. `records` is how many records are in it."""

    protocol: str
    body: bytes
    media_type: str
    records: int
    query: dict[str, str] = field(default_factory=dict)


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


def samples() -> list[Sample]:
    """Return one request or more for every protocol over HTTP, as of now."""
    protobuf = otlp_logs().SerializeToString()
    documents = b'{"level":"info","n":1}\n\n{"nested":{"a":[1,2]}}\n"text"\n'
    packed = bytes(cramjam.snappy.compress_raw(loki_push()))
    return [
        Sample("otlp_http", protobuf, PROTOBUF, 3),
        Sample("otlp_http", otlp_json(), JSON, 2),
        Sample("loki", packed, PROTOBUF, 2),
        Sample("loki", loki_json(), JSON, 2),
        Sample("lines", LINES, TEXT, 4),
        Sample("lines", LINES, TEXT, 4, {"format": "istio_json", "labels": "service.name=cart"}),
        Sample("documents", documents, "application/x-ndjson", 3),
        Sample("elasticsearch", BULK, "application/x-ndjson", 2),
        Sample("splunk_hec", HEC, JSON, 2),
        Sample("gelf_http", GELF, JSON, 1),
        Sample("datadog", DATADOG, JSON, 2),
    ]
