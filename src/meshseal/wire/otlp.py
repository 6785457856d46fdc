"""OpenTelemetry logs: OTLP over HTTP (protobuf and JSON) and over gRPC.

Source: OTLP specification 1.11; opentelemetry-proto 1.10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from meshseal.model.envelope import Envelope, Payload
from meshseal.model.errors import (
    MeshsealError,
    OverloadedError,
    PayloadError,
    UnsupportedError,
)
from meshseal.wire.protocol import NOT_JSON, Decoded, Protocol, Reply, Request
from meshseal.wire.protos.spool_pb2 import OtlpLogs

PROTOBUF, JSON = "application/x-protobuf", "application/json"

_HexId = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-fA-F]{2})*$", max_length=64)]
_Nanos = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,20}$")] | Annotated[int, msgspec.Meta(ge=0)]


class _KeyValue(msgspec.Struct):
    key: str = ""
    value: dict[str, msgspec.Raw] | None = None


class _Attributed(msgspec.Struct):
    attributes: list[_KeyValue] = []


class _LogRecord(msgspec.Struct, rename="camel"):
    time_unix_nano: _Nanos = 0
    observed_time_unix_nano: _Nanos = 0
    severity_number: Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)] = 0
    severity_text: str = ""
    body: dict[str, msgspec.Raw] | None = None
    attributes: list[_KeyValue] = []
    flags: Annotated[int, msgspec.Meta(ge=0, lt=2**32)] = 0
    trace_id: _HexId = ""
    span_id: _HexId = ""
    event_name: str = ""


class _ScopeLogs(msgspec.Struct, rename="camel"):
    scope: _Attributed | None = None
    log_records: list[_LogRecord] = []
    schema_url: str = ""


class _ResourceLogs(msgspec.Struct, rename="camel"):
    resource: _Attributed | None = None
    scope_logs: list[_ScopeLogs] = []
    schema_url: str = ""


class _ExportLogs(msgspec.Struct, rename="camel"):
    resource_logs: list[_ResourceLogs] = []


_JSON = msgspec.json.Decoder(_ExportLogs)


def decode_http(request: Request) -> Decoded:
    """Take `POST /v1/logs`.

    Raises: PayloadError when the body is not an ExportLogsServiceRequest; UnsupportedError for
        any other media type than the two.
    """
    if request.media_type == PROTOBUF:
        return _decoded(request, Payload.OTLP_LOGS, _count_protobuf(request.body), PROTOBUF, b"")
    if request.media_type == JSON:
        return _decoded(request, Payload.OTLP_LOGS_JSON, _count_json(request.body), JSON, b"{}")
    raise UnsupportedError(f"send {PROTOBUF} or {JSON}, not {request.media_type[:80]!r}")


def decode_grpc(request: Request) -> Decoded:
    """Take one `LogsService/Export` call. Raises: PayloadError."""
    return _decoded(request, Payload.OTLP_LOGS, _count_protobuf(request.body), "", b"")


def refuse_http(error: MeshsealError, headers: Mapping[str, str]) -> Reply:
    """Answer with a google.rpc.Status, in the encoding of the request."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    status = status_of(error)
    if media_type == JSON:
        content = msgspec.json.encode({"code": status.code, "message": status.message})
    else:
        media_type, content = PROTOBUF, status.SerializeToString()
    retry: tuple[tuple[str, str], ...] = ()
    if isinstance(error, OverloadedError):
        retry = (("Retry-After", str(error.retry_after_seconds)),)
    return Reply(error.http_status, content, media_type, retry)


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


def _decoded(
    request: Request, kind: Payload, records: int, media_type: str, reply: bytes
) -> Decoded:
    envelope = Envelope(
        tenant=request.tenant,
        received_unix_nano=request.received_unix_nano,
        door=request.door,
        source=request.source,
        kind=kind,
        content=request.body,
        records=records,
        chunk=request.chunk,
    )
    return Decoded((envelope,) if records else (), Reply(200, reply, media_type))


def _count_protobuf(body: bytes) -> int:
    try:
        message = OtlpLogs.FromString(body)
    except DecodeError as error:
        raise PayloadError("the body is not an ExportLogsServiceRequest") from error
    return sum(
        len(scope.log_records)
        for resource in message.resource_logs
        for scope in resource.scope_logs
    )


def _count_json(body: bytes) -> int:
    try:
        message = _JSON.decode(body)
    except NOT_JSON as error:
        raise PayloadError(f"the body is not an ExportLogsServiceRequest: {error}") from error
    return sum(
        len(scope.log_records)
        for resource in message.resource_logs
        for scope in resource.scope_logs
    )


HTTP = Protocol(
    name="otlp_http",
    title="OpenTelemetry logs over HTTP",
    paths=("/v1/logs", "/otlp/v1/logs"),
    decode=decode_http,
    refuse=refuse_http,
    native_port=4318,
    acknowledges="200 after fsync; 429 and 503 are retried by every client",
    clients=("OpenTelemetry SDKs", "OpenTelemetry Collector", "Envoy", "Istio"),
)

GRPC = Protocol(
    name="otlp_grpc",
    title="OpenTelemetry logs over gRPC",
    paths=("/opentelemetry.proto.collector.logs.v1.LogsService/Export",),
    decode=decode_grpc,
    refuse=refuse_grpc,
    native_port=4317,
    grpc=True,
    acknowledges="OK after fsync; UNAVAILABLE with RetryInfo is retried by every client",
    clients=("OpenTelemetry SDKs", "OpenTelemetry Collector", "Envoy", "Istio"),
)

PROTOCOLS = (HTTP, GRPC)

__all__ = ["GRPC", "HTTP", "PROTOCOLS", "status_of"]
