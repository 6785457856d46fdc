"""What shippers send: requests of each door, made before the clock starts.

Every record is an application's line or an access log of a mesh, different from all others, with
the fields that the shipper of that protocol usually adds.
"""

from __future__ import annotations

import json
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cramjam
import msgpack
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench.lines import lines
from meshseal.wire.protos.spool_pb2 import EnvoyAls, LokiPush
from tests.wire.thrift_bytes import jaeger_batch, jaeger_span, tag

_SECOND = 10**9
_PER_REQUEST = 2000


@dataclass(frozen=True, slots=True)
class Load:
    """What one door is measured with.

    Attributes:
        door: Its listener.
        what: For the table.
        requests: What is sent, whole requests or pieces of a stream, each with its records.
        path: For HTTP, where to; else a connection is written to.
        headers: For HTTP.
        ack_bytes: For a connection, how many bytes answer each piece.
        method: For gRPC, the method that takes the requests as a stream of messages.
    """

    door: str
    what: str
    requests: list[bytes]
    records: int
    path: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    ack_bytes: int = 0
    method: str = ""


def _texts(count: int) -> Iterator[tuple[int, int, str]]:
    """Yield (number, time in nanoseconds, text) of messages of some 200 bytes."""
    now = time.time_ns()
    first = now - 600 * _SECOND
    for number, line in enumerate(
        lines(count, first_unix_nano=first, span_nanos=600 * _SECOND, seed=3)
    ):
        yield number, first + number * (600 * _SECOND // count), line[:200].replace('"', "'")


def _batches(count: int, one: Callable[[int, int, str], Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for number, at, text in _texts(count):
        batch.append(one(number, at, text))
        if len(batch) == _PER_REQUEST:
            yield batch
            batch = []
    if batch:
        yield batch


def _iso(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // _SECOND)) + (
        f".{at // 10**6 % 1000:03d}Z"
    )


def _beats_event(number: int, at: int, text: str) -> dict[str, Any]:
    return {
        "@timestamp": _iso(at),
        "message": text,
        "log": {"offset": number * 200, "file": {"path": "/var/log/app/cart.log"}},
        "service": {"name": f"cart-{number % 20}"},
        "host": {"name": "node-1"},
        "agent": {"type": "filebeat", "version": "8.17.0", "name": "node-1", "id": "a1"},
        "ecs": {"version": "8.0.0"},
        "input": {"type": "filestream"},
        "kubernetes": {"namespace": "shop", "pod": {"name": f"cart-{number % 7}"}},
    }


def elasticsearch(count: int) -> Load:
    """Return what Filebeat sends to Elasticsearch."""
    action = b'{"create":{"_index":"filebeat-8.17.0"}}\n'
    requests = [
        b"".join(action + json.dumps(event).encode() + b"\n" for event in batch)
        for batch in _batches(count, _beats_event)
    ]
    headers = (("Content-Type", "application/x-ndjson"),)
    path = "/_bulk?filter_path=errors,items.*.error,items.*.status"
    return Load("elasticsearch", "Elasticsearch bulk", requests, count, path, headers)


def lumberjack(count: int) -> Load:
    """Return what Filebeat sends to Logstash: windows, each in one compressed frame."""
    requests = []
    for batch in _batches(count, _beats_event):
        frames = b"".join(
            b"2J" + struct.pack(">II", position, len(event)) + event
            for position, event in enumerate((json.dumps(one).encode() for one in batch), 1)
        )
        packed = zlib.compress(frames, 3)
        window = b"2W" + struct.pack(">I", len(batch))
        requests.append(window + b"2C" + struct.pack(">I", len(packed)) + packed)
    return Load("lumberjack", "Lumberjack", requests, count, ack_bytes=6)


def loki(count: int) -> Load:
    """Return what Alloy sends."""
    requests = []
    for batch in _batches(count, lambda *one: one):
        push = LokiPush()
        for service in range(10):
            stream = push.streams.add(labels=b'{app="cart-%d", namespace="shop"}' % service)
            for _, at, text in batch[service::10]:
                entry = stream.entries.add(line=text.encode())
                entry.timestamp.seconds, entry.timestamp.nanos = divmod(at, _SECOND)
        requests.append(bytes(cramjam.snappy.compress_raw(push.SerializeToString())))
    headers = (("Content-Type", "application/x-protobuf"),)
    return Load("loki", "Loki protobuf", requests, count, "/loki/api/v1/push", headers)


def splunk(count: int) -> Load:
    """Return what Fluent Bit sends to a HEC."""

    def event(number: int, at: int, text: str) -> bytes:
        document = {
            "time": at / _SECOND,
            "host": "node-1",
            "source": "/var/log/app/cart.log",
            "sourcetype": "app",
            "event": text,
            "fields": {"service.name": f"cart-{number % 20}", "k8s.namespace.name": "shop"},
        }
        return json.dumps(document).encode()

    requests = [b"".join(batch) for batch in _batches(count, event)]
    path = "/services/collector/event"
    return Load("splunk_hec", "Splunk HEC", requests, count, path)


def datadog(count: int) -> Load:
    """Return what the Datadog Agent sends."""

    def event(number: int, at: int, text: str) -> dict[str, Any]:
        return {
            "message": text,
            "status": "info",
            "timestamp": at // 10**6,
            "hostname": "node-1",
            "service": f"cart-{number % 20}",
            "ddsource": "python",
            "ddtags": f"env:prod,version:1.2.3,kube_namespace:shop,pod_name:cart-{number % 7}",
        }

    requests = [json.dumps(batch).encode() for batch in _batches(count, event)]
    headers = (("Content-Type", "application/json"), ("DD-API-KEY", "trial"))
    return Load("datadog", "Datadog logs", requests, count, "/api/v2/logs", headers)


def forward(count: int) -> Load:
    """Return what Fluent Bit sends: packed, without acknowledgements."""

    def event(number: int, at: int, text: str) -> bytes:
        stamp = msgpack.ExtType(0, struct.pack(">II", at // _SECOND, at % _SECOND))
        kubernetes = {"namespace_name": "shop", "pod_name": f"cart-{number % 7}"}
        record = {"log": text, "stream": "stdout", "kubernetes": kubernetes}
        return bytes(msgpack.packb([stamp, record]))

    requests = []
    for number, batch in enumerate(_batches(count, event)):
        option = {"size": len(batch), "chunk": f"chunk-{number:020d}"}
        requests.append(bytes(msgpack.packb(["kube.cart", b"".join(batch), option])))
    ack = len(msgpack.packb({"ack": f"chunk-{0:020d}"}))
    return Load("forward", "Fluentd Forward", requests, count, ack_bytes=ack)


def syslog(count: int) -> Load:
    """Return what rsyslog sends over TCP: RFC 5424, counted octets."""

    def message(number: int, at: int, text: str) -> bytes:
        line = f"<134>1 {_iso(at)} node-1 cart-{number % 20} {number} - - {text}".encode()
        return b"%d %b" % (len(line), line)

    requests = [b"".join(batch) for batch in _batches(count, message)]
    return Load("syslog", "syslog over TCP", requests, count)


def otlp_traces(count: int) -> Load:
    """Return what an OpenTelemetry SDK sends."""
    requests = []
    for batch in _batches(count, lambda number, at, _text: (number, at)):
        request = ExportTraceServiceRequest()
        resource = request.resource_spans.add()
        _put(resource.resource.attributes, "service.name", f"cart-{batch[0][0] % 20}")
        spans = resource.scope_spans.add()
        spans.scope.name = "cart"
        for number, at in batch:
            span = spans.spans.add(
                trace_id=(number // 4 + 1).to_bytes(16, "big"),
                span_id=(number + 1).to_bytes(8, "big"),
                parent_span_id=(number // 4 * 4 + 1).to_bytes(8, "big"),
                name=f"GET /items/{number % 50}",
                kind=2,
                start_time_unix_nano=at,
                end_time_unix_nano=at + 1_000_000 + number % 300,
            )
            _put(span.attributes, "http.request.method", "GET")
            _put(span.attributes, "url.path", f"/items/{number}")
            _put(span.attributes, "app.order", f"order-{number}")
        requests.append(request.SerializeToString())
    headers = (("Content-Type", "application/x-protobuf"),)
    return Load("otlp_http", "OTLP traces", requests, count, "/v1/traces", headers)


def jaeger(count: int) -> Load:
    """Return what Jaeger's SDKs send to a collector: batches in thrift."""
    requests = []
    for batch in _batches(count, lambda number, at, _text: (number, at)):
        spans = [
            jaeger_span(
                f"GET /items/{number % 50}",
                low=number // 4 + 1,
                own=number + 1,
                parent=number // 4 * 4 + 1,
                start=at // 1000,
                duration=1000 + number % 300,
                tags=[
                    tag("span.kind", "server"),
                    tag("http.request.method", "GET"),
                    tag("http.response.status_code", 200),
                    tag("app.order", f"order-{number}"),
                ],
            )
            for number, at in batch
        ]
        requests.append(jaeger_batch(*spans, service=f"cart-{batch[0][0] % 20}").binary())
    headers = (("Content-Type", "application/x-thrift"),)
    return Load("jaeger_http", "Jaeger thrift", requests, count, "/api/traces", headers)


def zipkin(count: int) -> Load:
    """Return what Zipkin's tracers send."""

    def span(number: int, at: int, _text: str) -> dict[str, Any]:
        return {
            "traceId": f"{number // 4 + 1:032x}",
            "id": f"{number + 1:016x}",
            "parentId": f"{number // 4 * 4 + 1:016x}",
            "kind": "SERVER",
            "name": f"get /items/{number % 50}",
            "timestamp": at // 1000,
            "duration": 1000 + number % 300,
            "localEndpoint": {"serviceName": f"cart-{number % 20}", "ipv4": "10.0.0.1"},
            "tags": {"http.method": "GET", "http.path": f"/items/{number}"},
        }

    requests = [json.dumps(batch).encode() for batch in _batches(count, span)]
    headers = (("Content-Type", "application/json"),)
    return Load("zipkin", "Zipkin JSON", requests, count, "/api/v2/spans", headers)


def _put(attributes: Any, key: str, value: str) -> None:
    attributes.add(key=key).value.string_value = value


def envoy_als(count: int) -> Load:
    """Return what Envoy's gRPC access logger sends: messages of some 16 KiB."""
    requests = []
    for batch in _batches(count, lambda number, at, _text: (number, at)):
        for first in range(0, len(batch), _ENTRIES_PER_MESSAGE):
            message = EnvoyAls()
            for number, at in batch[first : first + _ENTRIES_PER_MESSAGE]:
                _access_log(message.http_logs.log_entry.add(), number, at)
            requests.append(_ALS_IDENTIFIER + message.SerializeToString())
    method = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs"
    return Load("envoy_als", "Envoy access log service", requests, count, method=method)


_ENTRIES_PER_MESSAGE = 40
_ALS_IDENTIFIER = b"\x0a\x1a" + b"\x12\x18" + b"http_envoy_accesslog_abc"
"""Field 1, the identifier: field 2, the log's name."""


def _access_log(entry: Any, number: int, at: int) -> None:
    common = entry.common_properties
    common.start_time.seconds, common.start_time.nanos = divmod(at, _SECOND)
    common.duration.nanos = number % 300 * 10**6
    for address, host in (
        (common.downstream_remote_address, b"10.0.0.2"),
        (common.downstream_local_address, b"10.0.0.1"),
        (common.upstream_remote_address, b"10.0.1.7"),
    ):
        address.socket_address.address, address.socket_address.port_value = host, 8080
    common.upstream_cluster = b"outbound|8080||cart-%d.shop.svc.cluster.local" % (number % 20)
    common.route_name = b"default"
    tls = common.tls_properties
    tls.tls_version, tls.tls_sni_hostname = 4, b"outbound_.8080_._.cart.shop.svc.cluster.local"
    tls.local_certificate_properties.subject_alt_name.add(uri=b"spiffe://c/ns/shop/sa/web")
    tls.peer_certificate_properties.subject_alt_name.add(uri=b"spiffe://c/ns/shop/sa/cart")
    request = entry.request
    request.request_method, request.scheme, request.authority = 1, b"http", b"cart.shop:8080"
    request.path = b"/items/%d?page=1" % number
    request.user_agent, request.request_id = b"Go-http-client/2.0", b"request-%08d" % number
    entry.response.response_code.value = 200
    entry.response.response_body_bytes = number % 1000
    entry.response.response_code_details = b"via_upstream"
    entry.protocol_version = 2


def single(count: int) -> Load:
    """Return requests of one line each."""
    requests = [text.encode() for _, _, text in _texts(count)]
    return Load("main", "one line a request", requests, count, "/ingest/v1/lines")
