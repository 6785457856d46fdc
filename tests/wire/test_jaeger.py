"""Jaeger at the door: over HTTP and gRPC, and in datagrams."""

from __future__ import annotations

import pytest
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model.envelope import Payload
from meshseal.model.errors import OverloadedError, PayloadError, UnsupportedError
from meshseal.wire import PROTOCOL, STREAMS
from meshseal.wire.jaeger import BINARY, COMPACT, GRPC, HTTP
from meshseal.wire.protocol import Decoded, Request
from meshseal.wire.protos.spool_pb2 import JaegerSpans
from meshseal.wire.stream import Arrived, Datagram, Sender
from tests.wire.samples import JAEGER
from tests.wire.thrift_bytes import (
    Typed,
    called,
    i32,
    i64,
    jaeger_batch,
    jaeger_span,
    listed,
    record,
    string,
    tag,
)

THRIFT = "application/x-thrift"
SENDERS = [Sender("address:192.0.2.7", "a"), Sender("address:192.0.2.8", "b")]


def sent(body: bytes, media_type: str = THRIFT) -> Decoded:
    return HTTP.decode(request("jaeger_http", body, media_type))


def request(door: str, body: bytes, media_type: str = "") -> Request:
    return Request(
        path=PROTOCOL[door].paths[0], query={"format": ["jaeger.thrift"]},
        headers={"content-type": media_type}, body=body, received_unix_nano=7, door=door,
        tenant="t", source="s",
    )  # fmt: skip


def test_the_doors_have_jaeger_s_ports() -> None:
    ports = {one.name: one.native_port for one in (HTTP, GRPC, COMPACT, BINARY)}
    assert ports == {"jaeger_http": 14268, "jaeger_grpc": 14250, "jaeger_compact": 6831,
                     "jaeger_binary": 6832}  # fmt: skip
    assert {COMPACT, BINARY} <= set(STREAMS)


@pytest.mark.parametrize("media_type", [THRIFT, "application/vnd.apache.thrift.binary; a=b"])
def test_a_batch_in_thrift_becomes_protobuf(media_type: str) -> None:
    tags = [tag("a", "b"), tag("n", -7), tag("d", 0.5), tag("t", True), tag("x", b"\0")]
    decoded = sent(jaeger_batch(jaeger_span("pay", parent=3, tags=tags)).binary(), media_type)
    assert (decoded.reply.status, decoded.reply.body) == (202, b"")
    (found,) = decoded.envelopes
    assert (found.kind, found.records, found.door) == (Payload.JAEGER_SPANS, 1, "jaeger_http")
    (batch,) = JaegerSpans.FromString(bytes(found.content)).batch
    (span,) = batch.spans
    assert batch.process.service_name == b"shop"
    assert (span.trace_id, span.span_id) == (bytes(15) + b"\1", bytes(7) + b"\2")
    assert (span.operation_name, span.flags) == (b"pay", 1)
    assert (span.start_time.seconds, span.start_time.nanos) == (1_789_899_072, 123_456_000)
    assert (span.duration.seconds, span.duration.nanos) == (0, 1_000_000)
    assert [(one.trace_id, one.span_id, one.ref_type) for one in span.references] == [
        (span.trace_id, bytes(7) + b"\3", 0)
    ]
    text, number, ratio, truth, raw = span.tags
    assert (text.key, text.v_type, text.v_str) == (b"a", 0, b"b")
    assert (number.v_type, number.v_int64) == (2, -7)
    assert (ratio.v_type, ratio.v_float64) == (3, 0.5)
    assert (truth.v_type, truth.v_bool) == (1, True)
    assert (raw.v_type, raw.v_binary) == (4, b"\0")


def test_protobuf_is_kept_as_it_came() -> None:
    body = JAEGER.SerializeToString()
    decoded = GRPC.decode(request("jaeger_grpc", body))
    (found,) = decoded.envelopes
    assert (found.kind, found.content, found.records) == (Payload.JAEGER_SPANS, body, 2)


def test_no_spans_are_taken() -> None:
    assert sent(jaeger_batch().binary()).envelopes == ()
    assert GRPC.decode(request("jaeger_grpc", b"")).envelopes == ()


_SPAN = jaeger_span()
BAD: dict[str, bytes] = {
    "nothing": b"",
    "no thrift": b'{"spans":[]}',
    "no process": record(_2=listed(_SPAN)).binary(),
    "spans that are numbers": record(_1=record(), _2=Typed(15, [i64(1)], 10)).binary(),
    "a list that claims to be long":
        record(_1=record()).binary()[:-1] + b"\x0f\0\2\x0c\x7f\xff\xff\xff",
    "a text that claims to be long": jaeger_batch().binary()[:3] + b"\x0b\0\1\x7f\xff\xff\xff",
    "a negative length": jaeger_batch().binary()[:3] + b"\x0b\0\1\xff\xff\xff\xff",
    "nothing of a span": record(_1=record(), _2=listed(record())).binary(),
    "no flags": jaeger_batch(
        Typed(12, {n: one for n, one in _SPAN.value.items() if n != 7})).binary(),
    "a name that is a number": jaeger_batch(Typed(12, _SPAN.value | {5: i32(1)})).binary(),
    "an id that is text": jaeger_batch(Typed(12, _SPAN.value | {1: string("x")})).binary(),
    "tags that are text": jaeger_batch(Typed(12, _SPAN.value | {10: string("x")})).binary(),
    "a tag without a key": jaeger_batch(jaeger_span(tags=[record(_2=i32(0))])).binary(),
    "a tag without a type": jaeger_batch(jaeger_span(tags=[record(_1=string("a"))])).binary(),
    "a double that is text": jaeger_batch(
        jaeger_span(tags=[record(_1=string("a"), _2=i32(1), _4=string("x"))])).binary(),
    "an end in the middle": jaeger_batch(_SPAN).binary()[:-9],
    "too deep": jaeger_batch().binary()[:-1] + b"\x0c\0\7" * 10_000,
}  # fmt: skip


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_what_is_no_batch_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadError):
        sent(body)


def test_what_is_no_protobuf_is_refused() -> None:
    with pytest.raises(PayloadError):
        GRPC.decode(request("jaeger_grpc", b"\x0a\xff"))


@pytest.mark.parametrize("media_type", ["", "application/json", "application/x-protobuf"])
def test_another_media_type_is_refused(media_type: str) -> None:
    with pytest.raises(UnsupportedError):
        sent(jaeger_batch(_SPAN).binary(), media_type)


def test_how_it_is_refused() -> None:
    busy = OverloadedError("busy", retry_after_seconds=3)
    reply = HTTP.refuse(busy, {})
    assert (reply.status, reply.body, reply.headers) == (503, b"busy\n", (("Retry-After", "3"),))
    assert HTTP.refuse(PayloadError("no"), {}).status == 400
    answer = GRPC.refuse(busy, {})
    assert (answer.status, Status.FromString(answer.body).message) == (14, "busy")


@given(st.binary(max_size=200))
def test_any_bytes_are_taken_or_refused(body: bytes) -> None:
    for whole in (body, jaeger_batch(_SPAN).binary()[:-2] + body):
        try:
            decoded = sent(whole)
        except PayloadError:
            continue
        counted = JaegerSpans.FromString(b"".join(bytes(one.content) for one in decoded.envelopes))
        assert decoded.records == sum(len(one.spans) for one in counted.batch)


# ---- Datagrams -----------------------------------------------------------------------------------


def arrived(door: str, *datagrams: tuple[bytes, Sender]) -> Arrived:
    stream = COMPACT if door == "jaeger_compact" else BINARY
    assert stream.datagrams
    batch = [Datagram(data, ("192.0.2.7", 9), sender) for data, sender in datagrams]
    return stream.datagrams(door).received(batch, 7)


def datagram(door: str, method: str, argument: Typed) -> bytes:
    return called(method, argument)[door != "jaeger_compact"]


@pytest.mark.parametrize("door", ["jaeger_compact", "jaeger_binary"])
def test_calls_of_one_sender_become_one_payload(door: str) -> None:
    batches = [
        datagram(door, "emitBatch", jaeger_batch(jaeger_span(f"s{n}"), service=f"shop-{n}"))
        for n in range(3)
    ]
    first, second = SENDERS
    found = arrived(door, (batches[0], first), (batches[1], second), (batches[2], first))
    assert not found.refused
    one, other = found.envelopes
    assert [(each.tenant, each.source, each.records, each.door) for each in (one, other)] == [
        ("a", first.source, 2, door), ("b", second.source, 1, door),
    ]  # fmt: skip
    spans = JaegerSpans.FromString(bytes(one.content))
    assert [each.process.service_name for each in spans.batch] == [b"shop-0", b"shop-2"]
    assert [each.spans[0].operation_name for each in spans.batch] == [b"s0", b"s2"]


@pytest.mark.parametrize("door", ["jaeger_compact", "jaeger_binary"])
def test_zipkin_s_spans_come_by_the_agent_too(door: str) -> None:
    spans = listed(record(_1=i64(5), _3=string("get"), _4=i64(6)))
    found = arrived(door, (datagram(door, "emitZipkinBatch", spans), SENDERS[0]))
    (one,) = found.envelopes
    assert (one.kind, one.records) == (Payload.ZIPKIN_SPANS_JSON, 1)
    assert b'"traceId":"0000000000000005"' in bytes(one.content)


def test_a_call_in_the_binary_protocol_as_of_old() -> None:
    _, binary = called("emitBatch", jaeger_batch(_SPAN))
    old = b"\0\0\0\x09emitBatch\4" + binary[17:]
    (found,) = arrived("jaeger_binary", (old, SENDERS[0])).envelopes
    assert found.records == 1


@pytest.mark.parametrize("door", ["jaeger_compact", "jaeger_binary"])
def test_what_is_no_call_is_counted_and_loses_no_other(door: str) -> None:
    good = datagram(door, "emitBatch", jaeger_batch(_SPAN))
    bad = [b"", b"x", good[:-5], datagram(door, "emitOther", jaeger_batch(_SPAN)),
           datagram(door, "emitBatch", string("x")), b"\x82\x41" + good[2:],
           datagram(door, "emitBatch", jaeger_batch(record()))]  # fmt: skip
    if door == "jaeger_binary":
        bad[5] = b"\x80\x02" + good[2:]
    first, second = SENDERS
    found = arrived(door, *((one, second) for one in bad), (good, first), (good, second))
    assert found.refused == {"b": len(bad)}
    assert [one.records for one in found.envelopes] == [1, 1]


@given(st.binary(max_size=100), st.sampled_from(["jaeger_compact", "jaeger_binary"]))
def test_any_datagram_is_taken_or_counted(data: bytes, door: str) -> None:
    good = datagram(door, "emitBatch", jaeger_batch(_SPAN))
    found = arrived(door, (good[: len(data)] + data, SENDERS[0]), (data, SENDERS[0]))
    kept = sum(one.records for one in found.envelopes)
    assert kept or found.refused
