"""OpenTelemetry: OTLP over HTTP (protobuf and JSON) and over gRPC.

Logs and traces are stored; metrics are taken, counted, and answered with a partial success that
says that they are not, but for the counters that tell of log records (`otlp_metrics.py`).

Source: OTLP specification 1.11; opentelemetry-proto 1.10.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import msgspec
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)

from meshseal.model.envelope import Payload
from meshseal.model.errors import (
    MeshsealError,
    OverloadedError,
    PayloadError,
    UnsupportedError,
)
from meshseal.wire import otlp_json
from meshseal.wire.otlp_metrics import Metrics, read_json, read_protobuf
from meshseal.wire.protocol import (
    NOT_STORED,
    Decoded,
    Protocol,
    Reply,
    Request,
    retry_after,
)
from meshseal.wire.protos.spool_pb2 import OtlpLogs, OtlpTraces

PROTOBUF, JSON = "application/x-protobuf", "application/json"


@dataclass(frozen=True, slots=True)
class _Signal:
    """How the requests of one signal that is stored are taken."""

    protobuf: Payload
    json: Payload
    count_protobuf: Callable[[bytes], int]
    count_json: Callable[[bytes], int]


def decode_http(request: Request) -> Decoded:
    """Take `POST /v1/logs`, `/v1/traces` or `/v1/metrics`.

    Raises: PayloadError when the body is not the signal's export request; UnsupportedError for
        any other media type than the two.
    """
    name = request.path.rpartition("/")[2]
    if request.media_type not in (PROTOBUF, JSON):
        raise UnsupportedError(f"send {PROTOBUF} or {JSON}, not {request.media_type[:80]!r}")
    if name == _METRICS:
        read = read_json if request.media_type == JSON else read_protobuf
        metrics = read(request.body, request.received_unix_nano)
        return _with_counters(_metrics(metrics, request.media_type), metrics)
    signal = _SIGNALS[name]
    if request.media_type == PROTOBUF:
        return _decoded(request, signal.protobuf, signal.count_protobuf(request.body), PROTOBUF)
    return _decoded(request, signal.json, signal.count_json(request.body), JSON)


def decode_grpc(request: Request) -> Decoded:
    """Take one `Export` call of the three services. Raises: PayloadError."""
    name = _SERVICES[request.path]
    if name == _METRICS:
        metrics = read_protobuf(request.body, request.received_unix_nano)
        return _with_counters(_metrics(metrics, ""), metrics)
    signal = _SIGNALS[name]
    return _decoded(request, signal.protobuf, signal.count_protobuf(request.body), "")


def refuse_http(error: MeshsealError, headers: Mapping[str, str]) -> Reply:
    """Answer with a google.rpc.Status, in the encoding of the request."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    status = status_of(error)
    if media_type == JSON:
        content = msgspec.json.encode({"code": status.code, "message": status.message})
    else:
        media_type, content = PROTOBUF, status.SerializeToString()
    return Reply(error.http_status, content, media_type, retry_after(error))


def refuse_grpc(error: MeshsealError, _headers: Mapping[str, str]) -> Reply:
    """Answer with a gRPC status: `status` is the gRPC code, `body` the serialized Status."""
    status = status_of(error)
    return Reply(status.code, status.SerializeToString())


# google.rpc.Code of the errors that a door can raise.
_CODES = {
    "invalid_payload": 3,
    "unsupported": 12,
    "too_large": 8,
    "unauthenticated": 16,
    "forbidden": 7,
    "overloaded": 14,
    "rate_limited": 14,
    "not_found": 5,
}


def status_of(error: MeshsealError) -> Status:
    """Return an error as google.rpc.Status.

    UNAVAILABLE with RetryInfo is the one answer that every OTLP client retries.
    """
    status = Status(code=_CODES.get(error.code, 13), message=str(error))
    if isinstance(error, OverloadedError):
        delay = Duration(seconds=error.retry_after_seconds)
        status.details.add().Pack(RetryInfo(retry_delay=delay))
    return status


def _decoded(request: Request, kind: Payload, records: int, media_type: str) -> Decoded:
    envelope = request.envelope(kind, request.body, records)
    reply = Reply(200, b"{}" if media_type == JSON else b"", media_type)
    return Decoded((envelope,) if records else (), reply)


def _with_counters(decoded: Decoded, metrics: Metrics) -> Decoded:
    return replace(decoded, readings=tuple(metrics.readings), alive=tuple(metrics.alive))


def _metrics(metrics: Metrics, media_type: str) -> Decoded:
    """Answer metrics: taken, counted, and not kept. A client must not send them again."""
    points = metrics.points - len(metrics.readings)
    if points <= 0:
        return Decoded((), Reply(200, b"{}" if media_type == JSON else b"", media_type))
    if media_type == JSON:
        partial = {"rejectedDataPoints": str(points), "errorMessage": _NOT_STORED}
        content = msgspec.json.encode({"partialSuccess": partial})
    else:
        answer = ExportMetricsServiceResponse()
        answer.partial_success.rejected_data_points = points
        answer.partial_success.error_message = _NOT_STORED
        content = answer.SerializeToString()
    reply = Reply(200, content, media_type)
    return Decoded((), reply, refused=points, refused_code=NOT_STORED)


def _count_logs(body: bytes) -> int:
    try:
        message = OtlpLogs.FromString(body)
    except DecodeError as error:
        raise PayloadError("the body is not an ExportLogsServiceRequest") from error
    return sum(
        len(scope.log_records)
        for resource in message.resource_logs
        for scope in resource.scope_logs
    )


def _count_spans(body: bytes) -> int:
    try:
        message = OtlpTraces.FromString(body)
    except DecodeError as error:
        raise PayloadError("the body is not an ExportTraceServiceRequest") from error
    return sum(
        len(scope.spans) for resource in message.resource_spans for scope in resource.scope_spans
    )


_METRICS = "metrics"
_NOT_STORED = "Meshseal stores logs and traces; these metrics were counted and not stored"

_SIGNALS = {
    "logs": _Signal(Payload.OTLP_LOGS, Payload.OTLP_LOGS_JSON, _count_logs, otlp_json.count_logs),
    "traces": _Signal(
        Payload.OTLP_TRACES, Payload.OTLP_TRACES_JSON, _count_spans, otlp_json.count_spans
    ),
}

_COLLECTOR = "/opentelemetry.proto.collector"
_SERVICES = {
    f"{_COLLECTOR}.logs.v1.LogsService/Export": "logs",
    f"{_COLLECTOR}.trace.v1.TraceService/Export": "traces",
    f"{_COLLECTOR}.metrics.v1.MetricsService/Export": "metrics",
}

HTTP = Protocol(
    name="otlp_http",
    title="OpenTelemetry logs and traces over HTTP",
    paths=tuple(
        f"{prefix}/v1/{signal}" for prefix in ("", "/otlp") for signal in (*_SIGNALS, _METRICS)
    ),
    decode=decode_http,
    refuse=refuse_http,
    native_port=4318,
    acknowledges="200 after fsync; 429 and 503 are retried by every client",
    clients=("OpenTelemetry SDKs", "OpenTelemetry Collector", "Envoy", "Istio"),
)

GRPC = Protocol(
    name="otlp_grpc",
    title="OpenTelemetry logs and traces over gRPC",
    paths=tuple(_SERVICES),
    decode=decode_grpc,
    refuse=refuse_grpc,
    native_port=4317,
    grpc=True,
    acknowledges="OK after fsync; UNAVAILABLE with RetryInfo is retried by every client",
    clients=("OpenTelemetry SDKs", "OpenTelemetry Collector", "Envoy", "Istio"),
)

PROTOCOLS = (HTTP, GRPC)

__all__ = ["GRPC", "HTTP", "PROTOCOLS", "status_of"]
