"""Jaeger: batches of spans in Thrift, over HTTP and UDP, and in Protocol Buffers over gRPC.

Over UDP each datagram is one call of the Agent's methods, `emitBatch` or `emitZipkinBatch`, that
asks for no answer. What is lost on its way, or finds no room here, is lost: its sender never learns
of it. What was read is made durable like anything else. What is no such call is refused and
counted, one record for a datagram.

Source: jaegertracing/jaeger-idl, thrift/{jaeger,agent,zipkincore}.thrift and
proto/api_v2/{model,collector}.proto; jaegertracing/jaeger, the collector's HTTP handler.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from meshseal.model.envelope import Envelope, Payload
from meshseal.model.errors import MeshsealError, PayloadError, UnsupportedError
from meshseal.wire import jaeger_thrift, thrift, zipkin_v1
from meshseal.wire.protocol import Decoded, Protocol, Reply, Request, refuse_plainly
from meshseal.wire.protos.spool_pb2 import JaegerSpans
from meshseal.wire.stream import Arrived, Datagram, Datagrams, StreamProtocol, by_sender

MAX_THRIFT_BYTES = 16 << 20
"""The largest batch: it is written over at once, at 30 MB a second or so. Clients send far less."""

_THRIFT = ("application/x-thrift", "application/vnd.apache.thrift.binary")


def decode(request: Request) -> Decoded:
    """Take `POST /api/traces`: one Thrift batch. Raises: PayloadError, UnsupportedError."""
    if request.media_type not in _THRIFT:
        raise UnsupportedError(f"the content type must be {' or '.join(_THRIFT)}")
    try:
        content, records = jaeger_thrift.batch(thrift.Binary(request.body))
    except thrift.BROKEN as error:
        raise PayloadError(f"the body is not a Thrift batch of spans: {error}") from error
    return _decoded(request, content, records, Reply(202))


def decode_grpc(request: Request) -> Decoded:
    """Take one `CollectorService/PostSpans` call. Raises: PayloadError."""
    try:
        batches = JaegerSpans.FromString(request.body).batch
    except DecodeError as error:
        raise PayloadError("the body is not a jaeger.api_v2.PostSpansRequest") from error
    records = sum(len(one.spans) for one in batches)
    return _decoded(request, request.body, records, Reply(200))


def _decoded(request: Request, content: bytes, records: int, reply: Reply) -> Decoded:
    envelope = request.envelope(Payload.JAEGER_SPANS, content, records)
    return Decoded((envelope,) if records else (), reply)


_INTERNAL, _UNAVAILABLE = 13, 14
_CODES = {
    "invalid_payload": 3,
    "too_large": 8,
    "unsupported": 12,
    "unauthenticated": 16,
    "forbidden": 7,
    "overloaded": _UNAVAILABLE,
    "rate_limited": _UNAVAILABLE,
}


def refuse_grpc(error: MeshsealError, _headers: Mapping[str, str]) -> Reply:
    """Answer with a gRPC status: `status` is the gRPC code, `body` the serialized Status."""
    code = _CODES.get(error.code, _INTERNAL)
    return Reply(code, Status(code=code, message=str(error)).SerializeToString())


# ---- UDP -----------------------------------------------------------------------------------------


class JaegerDatagrams(Datagrams):
    """Calls of the Agent's methods. Nothing is kept between two batches of datagrams."""

    def __init__(self, door: str, reader: Callable[[bytes], thrift.Reader]) -> None:
        self._door = door
        self._reader = reader

    def received(self, batch: Sequence[Datagram], received_unix_nano: int) -> Arrived:
        """Take datagrams; of one sender all batches become one payload."""
        envelopes: list[Envelope] = []
        refused: Counter[str] = Counter()
        for sender, datagrams in by_sender(batch):
            batches: list[bytes] = []
            records = 0
            for datagram in datagrams:
                try:
                    kind, content, count = _called(self._reader(datagram.data))
                except (PayloadError, *thrift.BROKEN):
                    refused[sender.tenant] += 1
                    continue
                if kind is Payload.JAEGER_SPANS:
                    batches.append(content)
                    records += count
                elif count:
                    envelopes.append(
                        sender.envelope(self._door, received_unix_nano, kind, content, count)
                    )
            if records:
                whole = b"".join(batches)
                envelopes.append(
                    sender.envelope(
                        self._door, received_unix_nano, Payload.JAEGER_SPANS, whole, records
                    )
                )
        return Arrived(tuple(envelopes), refused=refused)


def _called(reader: thrift.Reader) -> tuple[Payload, bytes, int]:
    """Return what a call holds: the kind, the payload, and how many spans.

    Raises: PayloadError, `thrift.BROKEN`.
    """
    method = reader.message()
    kind, number = reader.field(0)
    if (method, kind, number) == ("emitBatch", thrift.STRUCT, 1):
        return Payload.JAEGER_SPANS, *jaeger_thrift.batch(reader)
    if (method, kind, number) == ("emitZipkinBatch", thrift.LIST, 1):
        return Payload.ZIPKIN_SPANS_JSON, *zipkin_v1.from_reader(reader)
    raise PayloadError("this is no call of the Agent's methods")


def _compact(door: str) -> Datagrams:
    return JaegerDatagrams(door, thrift.Compact)


def _binary(door: str) -> Datagrams:
    return JaegerDatagrams(door, thrift.Binary)


# ---- The doors -----------------------------------------------------------------------------------

HTTP = Protocol(
    name="jaeger_http",
    title="Jaeger spans over HTTP",
    paths=("/api/traces",),
    methods=("POST",),
    decode=decode,
    refuse=refuse_plainly,
    native_port=14268,
    max_request_bytes=MAX_THRIFT_BYTES,
    acknowledges="202 after fsync",
    clients=("Jaeger clients", "OpenTelemetry's Jaeger exporters"),
)

GRPC = Protocol(
    name="jaeger_grpc",
    title="Jaeger spans over gRPC",
    paths=("/jaeger.api_v2.CollectorService/PostSpans",),
    decode=decode_grpc,
    refuse=refuse_grpc,
    native_port=14250,
    grpc=True,
    acknowledges="OK after fsync; UNAVAILABLE is to be tried again",
    clients=("Jaeger agents", "OpenTelemetry's Jaeger exporters"),
)

COMPACT = StreamProtocol(
    name="jaeger_compact",
    title="Jaeger spans over UDP, Thrift's compact protocol",
    native_port=6831,
    datagrams=_compact,
    acknowledges="nothing",
    clients=("Jaeger clients", "OpenTelemetry's Jaeger exporters"),
)

BINARY = StreamProtocol(
    name="jaeger_binary",
    title="Jaeger spans over UDP, Thrift's binary protocol",
    native_port=6832,
    datagrams=_binary,
    acknowledges="nothing",
    clients=("Jaeger's client for Node.js",),
)

PROTOCOLS = (HTTP, GRPC)
STREAMS = (COMPACT, BINARY)
