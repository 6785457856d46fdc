"""OpenTelemetry: OTLP over HTTP (protobuf and JSON) and over gRPC.

Logs and traces are stored; metrics are taken, counted, and answered with a partial success that
says that they are not.

Source: OTLP specification 1.11; opentelemetry-proto 1.10.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
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
from meshseal.wire.protocol import Decoded, Protocol, Reply, Request, retry_after
from meshseal.wire.protos.spool_pb2 import OtlpLogs, OtlpTraces

PROTOBUF, JSON = "application/x-protobuf", "application/json"


@dataclass(frozen=True, slots=True)
class _Signal:
    """How the requests of one signal are taken. `protobuf` is None for what is not stored."""

    protobuf: Payload | None
    json: Payload | None
    count_protobuf: Callable[[bytes], int]
    count_json: Callable[[bytes], int]


def decode_http(request: Request) -> Decoded:
    """Take `POST /v1/logs`, `/v1/traces` or `/v1/metrics`.

    Raises: PayloadError when the body is not the signal's export request; UnsupportedError for
        any other media type than the two.
    """
    signal = _SIGNALS[request.path.rpartition("/")[2]]
    if request.media_type == PROTOBUF:
        return _decoded(request, signal.protobuf, signal.count_protobuf(request.body), PROTOBUF)
    if request.media_type == JSON:
        return _decoded(request, signal.json, signal.count_json(request.body), JSON)
    raise UnsupportedError(f"send {PROTOBUF} or {JSON}, not {request.media_type[:80]!r}")


def decode_grpc(request: Request) -> Decoded:
    """Take one `Export` call of the three services. Raises: PayloadError."""
    signal = _SIGNALS[_SERVICES[request.path]]
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


def _decoded(request: Request, kind: Payload | None, records: int, media_type: str) -> Decoded:
    if kind is None:
        return _not_stored(records, media_type)
    envelope = request.envelope(kind, request.body, records)
    reply = Reply(200, b"{}" if media_type == JSON else b"", media_type)
    return Decoded((envelope,) if records else (), reply)


def _not_stored(points: int, media_type: str) -> Decoded:
    """Answer metrics: taken, counted, and not kept. A client must not send them again."""
    if not points:
        return Decoded((), Reply(200, b"{}" if media_type == JSON else b"", media_type))
    if media_type == JSON:
        partial = {"rejectedDataPoints": str(points), "errorMessage": _NOT_STORED}
        content = msgspec.json.encode({"partialSuccess": partial})
    else:
        answer = ExportMetricsServiceResponse()
        answer.partial_success.rejected_data_points = points
        answer.partial_success.error_message = _NOT_STORED
        content = answer.SerializeToString()
    return Decoded((), Reply(200, content, media_type), refused=points, refused_code="not_stored")


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


def _count_data_points(body: bytes) -> int:
    try:
        message = ExportMetricsServiceRequest.FromString(body)
    except DecodeError as error:
        raise PayloadError("the body is not an ExportMetricsServiceRequest") from error
    return sum(
        len(getattr(metric, kind).data_points)
        for resource in message.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if (kind := metric.WhichOneof("data"))
    )


_NOT_STORED = "Meshseal stores logs and traces; these metrics were counted and not stored"

_SIGNALS = {
    "logs": _Signal(Payload.OTLP_LOGS, Payload.OTLP_LOGS_JSON, _count_logs, otlp_json.count_logs),
    "traces": _Signal(
        Payload.OTLP_TRACES, Payload.OTLP_TRACES_JSON, _count_spans, otlp_json.count_spans
    ),
    "metrics": _Signal(None, None, _count_data_points, otlp_json.count_data_points),
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
    paths=tuple(f"{prefix}/v1/{signal}" for prefix in ("", "/otlp") for signal in _SIGNALS),
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
