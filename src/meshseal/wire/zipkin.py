"""Zipkin: spans of version 2 as JSON and protobuf, of version 1 as JSON and thrift; and over gRPC.

gRPC has port 9412, for at Zipkin's own, 9411, HTTP/1.1 is spoken here.

Version 2 is kept as it came. What version 1 says is written in version 2's words here: annotations
such as `sr` and `cs` say who a span belongs to, and only all of a span together tell.

Source: openzipkin/zipkin-api, zipkin2-api.yaml, zipkin.proto and thrift/zipkinCore.thrift;
openzipkin/zipkin, `ZipkinHttpCollector` and `V1SpanConverter`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from meshseal.model.envelope import Payload
from meshseal.model.errors import MeshsealError, PayloadError, UnsupportedError
from meshseal.wire import zipkin_v1
from meshseal.wire.protocol import NOT_JSON, Decoded, Protocol, Reply, Request, refuse_plainly
from meshseal.wire.protos.spool_pb2 import ZipkinSpans

_TEXT = "text/plain; charset=utf-8"
_THRIFT, _PROTOBUF = "application/x-thrift", "application/x-protobuf"
_UNAVAILABLE, _INVALID, _INTERNAL = 14, 3, 13

_TraceId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{1,32}$")]
_SpanId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{1,16}$")]
_Micros = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class _Endpoint(msgspec.Struct, rename="camel"):
    service_name: str | None = None
    ipv4: str | None = None
    ipv6: str | None = None
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] | None = None


class _Annotation(msgspec.Struct):
    timestamp: _Micros
    value: str


class _Span(msgspec.Struct, rename="camel"):
    trace_id: _TraceId
    id: _SpanId
    parent_id: _SpanId | None = None
    kind: Literal["CLIENT", "SERVER", "PRODUCER", "CONSUMER"] | None = None
    name: str | None = None
    timestamp: _Micros | None = None
    duration: _Micros | None = None
    local_endpoint: _Endpoint | None = None
    remote_endpoint: _Endpoint | None = None
    annotations: list[_Annotation] | None = None
    tags: dict[str, str] | None = None
    shared: bool | None = None
    debug: bool | None = None
    # What only version 1 has.
    binary_annotations: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_SPANS = msgspec.json.Decoder(list[_Span])
_LENIENT = msgspec.json.Decoder(list[_Span], strict=False)


def decode(request: Request) -> Decoded:
    """Take `POST /api/v2/spans` or `/api/v1/spans`.

    Raises: PayloadError when the body is not what its path and media type say; UnsupportedError.
    """
    if request.path.endswith("/v1/spans"):
        convert = zipkin_v1.from_thrift if request.media_type == _THRIFT else zipkin_v1.from_json
        return _json(request, convert(request.body)[0])
    if request.media_type == _PROTOBUF:
        return _protobuf(request, Reply(202))
    if request.media_type == _THRIFT:
        raise UnsupportedError("thrift is version 1: send it to /api/v1/spans")
    return _json(request, request.body)


def decode_grpc(request: Request) -> Decoded:
    """Take one `SpanService/Report` call. Raises: PayloadError."""
    return _protobuf(request, Reply(200))


def refuse_grpc(error: MeshsealError, _headers: Mapping[str, str]) -> Reply:
    """Answer with a gRPC status: `status` is the gRPC code, `body` the serialized Status."""
    code = _CODES.get(error.code, _INTERNAL)
    return Reply(code, Status(code=code, message=str(error)).SerializeToString())


_CODES = {
    "invalid_payload": _INVALID,
    "too_large": 8,
    "unsupported": 12,
    "unauthenticated": 16,
    "forbidden": 7,
    "overloaded": _UNAVAILABLE,
    "rate_limited": _UNAVAILABLE,
}


def _json(request: Request, content: bytes) -> Decoded:
    try:
        try:
            spans = _SPANS.decode(content)
        except msgspec.ValidationError:
            # Zipkin reads 1e3, 1000.0 and "1000" as numbers too; they are written as numbers here.
            spans = _LENIENT.decode(content)
            content = msgspec.json.encode(spans)
    except NOT_JSON as error:
        raise PayloadError(f"the body is not a list of Zipkin spans: {error}") from error
    if any(span.binary_annotations is not msgspec.UNSET for span in spans):
        raise PayloadError("these are spans of version 1: send them to /api/v1/spans")
    return _decoded(request, Payload.ZIPKIN_SPANS_JSON, content, len(spans), Reply(202))


def _protobuf(request: Request, reply: Reply) -> Decoded:
    try:
        spans = ZipkinSpans.FromString(request.body).spans
    except DecodeError as error:
        raise PayloadError("the body is not a zipkin.proto3.ListOfSpans") from error
    return _decoded(request, Payload.ZIPKIN_SPANS, request.body, len(spans), reply)


def _decoded(
    request: Request, kind: Payload, content: bytes, records: int, reply: Reply
) -> Decoded:
    envelope = request.envelope(kind, content, records)
    return Decoded((envelope,) if records else (), reply)


HTTP = Protocol(
    name="zipkin",
    title="Zipkin spans over HTTP",
    paths=("/api/v2/spans", "/api/v1/spans"),
    decode=decode,
    refuse=refuse_plainly,
    native_port=9411,
    acknowledges="202 after fsync",
    clients=("Zipkin tracers", "Envoy", "Linkerd", "Kuma"),
)

GRPC = Protocol(
    name="zipkin_grpc",
    title="Zipkin spans over gRPC",
    paths=("/zipkin.proto3.SpanService/Report",),
    decode=decode_grpc,
    refuse=refuse_grpc,
    native_port=9412,
    grpc=True,
    acknowledges="OK after fsync; UNAVAILABLE is to be tried again",
    clients=("Zipkin tracers",),
)

PROTOCOLS = (HTTP, GRPC)
