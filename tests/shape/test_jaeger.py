"""Jaeger's spans: what each field becomes, from Thrift and from Protocol Buffers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshseal.model.envelope import Payload
from meshseal.wire.jaeger import decode, decode_grpc
from meshseal.wire.protocol import Request
from meshseal.wire.protos.spool_pb2 import JaegerSpans
from tests.shape.decoder import RECEIVED_UNIX_NANO, Decoder, Row
from tests.wire.thrift_bytes import (
    Typed,
    boolean,
    i32,
    i64,
    jaeger_batch,
    jaeger_span,
    listed,
    log,
    record,
    reference,
    string,
    tag,
)

pytestmark = pytest.mark.engine

AT = 1_789_899_072_123_456
ROW: Row = {
    "Timestamp": str(AT * 1000),
    "TraceId": "0" * 31 + "1",
    "SpanId": "0" * 15 + "2",
    "SpanName": "op",
    "SpanKind": "Internal",
    "ServiceName": "shop",
    "ResourceAttributes": {"service.name": "shop"},
    "Duration": "1000000",
    "StatusCode": "Unset",
    "TraceFlags": "1",
}


def ends(*links: tuple[str, str, str]) -> Row:
    return {
        "Links.TraceId": [trace for trace, _, _ in links],
        "Links.SpanId": [span for _, span, _ in links],
        "Links.TraceState": [{} for _ in links],
        "Links.Attributes": [{"opentracing.ref_type": kind} for _, _, kind in links],
    }


def padded(digits: str, length: int = 16) -> str:
    return digits.rjust(length, "0")


CASES: dict[str, tuple[Typed, Row]] = {
    "nothing but what must be": (jaeger_span(), {}),
    "ids of 128 bits, all ones": (jaeger_span(low=-1, high=-1, own=-1), {
        "TraceId": "f" * 32, "SpanId": "f" * 16}),
    "a parent": (jaeger_span(parent=7), {"ParentSpanId": padded("7")}),
    "a parent that is told twice": (
        jaeger_span(parent=7, references=[reference(0, 1, 0, 7)]), {"ParentSpanId": padded("7")}),
    "a parent that is only a reference": (
        jaeger_span(references=[reference(0, 1, 0, 9)]), {"ParentSpanId": padded("9")}),
    "two parents": (
        jaeger_span(parent=7, references=[reference(0, 1, 0, 9), reference(0, 1, 0, 7)]),
        {"ParentSpanId": padded("9"), **ends((padded("1", 32), padded("7"), "child_of"))}),
    "a parent in another trace": (
        jaeger_span(references=[reference(0, 1, 5, 9)]),
        ends((padded("5") + padded("1"), padded("9"), "child_of"))),
    "what it follows": (
        jaeger_span(parent=7, references=[reference(1, 1, 0, 9)]),
        {"ParentSpanId": padded("7"), **ends((padded("1", 32), padded("9"), "follows_from"))}),
    "a reference of a kind nobody knows": (
        jaeger_span(references=[reference(6, 1, 0, 9)]),
        ends((padded("1", 32), padded("9"), "6"))),
    "every type of tag": (
        jaeger_span(tags=[tag("s", "é"), tag("d", 0.5), tag("t", True), tag("f", False),
                          tag("n", -(2**63)), tag("b", b"\0\xff"), tag("", ""), tag("z", 0)]),
        {"SpanAttributes": {"s": "é", "d": "0.5", "t": "true", "f": "false",
                            "n": str(-(2**63)), "b": "AP8=", "": "", "z": "0"}}),
    "a text that is no UTF-8": (
        jaeger_span(b"\xff", tags=[record(_1=string("a"), _2=i32(0), _3=string(b"\xfe"))]),
        {"SpanName": "\udcff", "SpanAttributes": {"a": "\udcfe"}}),
    "a tag of a type nobody knows": (
        jaeger_span(tags=[record(_1=string("a"), _2=i32(9), _3=string("b"))]),
        {"SpanAttributes": {"a": "b"}}),
    "a tag without its value": (
        jaeger_span(tags=[record(_1=string("a"), _2=i32(0))]), {"SpanAttributes": {"a": ""}}),
    "long texts": (
        jaeger_span("n" * 3000, tags=[tag("k" * 200, "v" * 20_000)]),
        {"SpanName": "n" * 3000, "SpanAttributes": {"k" * 200: "v" * 20_000}}),
    "a kind": (jaeger_span(tags=[tag("span.kind", "consumer")]), {
        "SpanKind": "Consumer", "SpanAttributes": {"span.kind": "consumer"}}),
    "an error": (jaeger_span(tags=[tag("error", True)]), {
        "StatusCode": "Error", "SpanAttributes": {"error": "true"}}),
    "no error": (jaeger_span(tags=[tag("error", False)]), {"SpanAttributes": {"error": "false"}}),
    "OpenTelemetry's tags": (
        jaeger_span(tags=[tag("otel.status_code", "ERROR"), tag("otel.status_description", "late"),
                          tag("otel.library.name", "db"), tag("otel.library.version", "2"),
                          tag("w3c.tracestate", "a=b")]),
        {"StatusCode": "Error", "StatusMessage": "late", "ScopeName": "db", "ScopeVersion": "2",
         "TraceState": "a=b", "SpanAttributes": {
             "otel.status_code": "ERROR", "otel.status_description": "late",
             "otel.library.name": "db", "otel.library.version": "2", "w3c.tracestate": "a=b"}}),
    "logs": (
        jaeger_span(logs=[log(AT + 1, event="paid", n=7), log(AT + 2, message="hello", level="i"),
                          log(AT + 3, event="e", message="m"), log(AT + 4, n=1), log(AT + 5)]),
        {"Events.Timestamp": [str((AT + n) * 1000) for n in range(1, 6)],
         "Events.Name": ["paid", "hello", "e", {}, {}],
         "Events.Attributes": [{"n": "7"}, {"level": "i"}, {"message": "m"}, {"n": "1"}, {}]}),
    "flags": (jaeger_span(flags=3), {"SpanAttributes": {"jaeger.flags": "3"}}),
    "not sampled": (jaeger_span(flags=0), {"TraceFlags": "0"}),
    "negative flags": (jaeger_span(flags=-1), {"SpanAttributes": {"jaeger.flags": "4294967295"}}),
    "incomplete": (jaeger_span(_12=boolean(True)), {
        "SpanAttributes": {"jaeger.incomplete": "true"}}),
    "no time": (jaeger_span(start=0), {
        "Timestamp": str(RECEIVED_UNIX_NANO), "Duration": "0",
        "SpanAttributes": {"jaeger.duration": "0.001000000s"}}),
    "a time long ago": (jaeger_span(start=1, duration=0), {
        "Timestamp": str(RECEIVED_UNIX_NANO), "Duration": "0",
        "SpanAttributes": {"meshseal.timestamp.original": "1000"}}),
    "a time beyond all": (jaeger_span(start=2**63 - 1), {
        "Timestamp": str(RECEIVED_UNIX_NANO), "Duration": "0",
        "SpanAttributes": {"jaeger.start_time": "9223372036854.775807000s",
                           "jaeger.duration": "0.001000000s"}}),
    "a duration beyond all": (jaeger_span(duration=2**63 - 1), {
        "Duration": "0", "SpanAttributes": {"jaeger.duration": "9223372036854.775807000s"}}),
    "a negative duration": (jaeger_span(duration=-1), {
        "Duration": "0",
        "SpanAttributes": {"meshseal.end_timestamp.original": str((AT - 1) * 1000)}}),
    "a long duration": (jaeger_span(duration=3_600_000_001), {"Duration": "3600000001000"}),
}  # fmt: skip


def request(body: bytes) -> Request:
    return Request(
        path="/api/traces", query={}, headers={"content-type": "application/x-thrift"}, body=body,
        received_unix_nano=7, door="jaeger_http", tenant="t", source="s",
    )  # fmt: skip


def rows_of(decoder: Decoder, content: bytes, records: int) -> list[Row]:
    rows = decoder.rows(Payload.JAEGER_SPANS, content, records)
    assert {row.pop("Format") for row in rows} == {"jaeger_spans"}
    return rows


def sent(decoder: Decoder, batch: Typed) -> list[Row]:
    (found,) = decode(request(batch.binary())).envelopes
    return rows_of(decoder, bytes(found.content), found.records)


@pytest.mark.parametrize(("span", "expected"), CASES.values(), ids=CASES)
def test_a_span(decoder: Decoder, span: Typed, expected: Row) -> None:
    (row,) = sent(decoder, jaeger_batch(span))
    assert {"TraceFlags": "0"} | row == ROW | expected


def test_a_process(decoder: Decoder) -> None:
    tags = [tag("hostname", "vm-7"), tag("ip", "10.0.0.1"), tag("jaeger.version", "Go-2"),
            tag("cpus", 8)]  # fmt: skip
    (row,) = sent(decoder, jaeger_batch(jaeger_span(), tags=tags))
    assert row["ResourceAttributes"] == {
        "service.name": "shop",
        "host.name": "vm-7",
        "host.ip": "10.0.0.1",
        "jaeger.version": "Go-2",
        "cpus": "8",
    }


def test_spans_are_in_their_order(decoder: Decoder) -> None:
    batch = jaeger_batch(*(jaeger_span(f"s{n}", own=n + 1) for n in range(50)))
    rows = sent(decoder, batch)
    assert [(row["SpanName"], int(row["SpanId"], 16)) for row in rows] == [
        (f"s{n}", n + 1) for n in range(50)
    ]


def test_what_only_protobuf_says(decoder: Decoder) -> None:
    spans = JaegerSpans()
    for service in (b"shop", b"cart"):
        batch = spans.batch.add()
        batch.process.service_name = service
        for name in (b"own", b"batch"):
            span = batch.spans.add(trace_id=b"\1" * 8, span_id=b"\2", operation_name=name)
            span.start_time.seconds, span.start_time.nanos = AT // 10**6, 7
            span.duration.nanos = 9
        batch.spans[0].process.service_name = b"db"
        batch.spans[0].process_id = b"p1"
        batch.spans[0].warnings.extend([b"clock", b"skew"])
    (found,) = decode_grpc(request(spans.SerializeToString())).envelopes
    rows = rows_of(decoder, bytes(found.content), found.records)
    assert [(row["ServiceName"], row["SpanName"]) for row in rows] == [
        ("db", "own"), ("shop", "batch"), ("db", "own"), ("cart", "batch"),
    ]  # fmt: skip
    assert rows[0]["SpanAttributes"] == {
        "jaeger.process_id": "p1",
        "jaeger.warnings": '["clock","skew"]',
    }
    assert rows[0]["Timestamp"] == f"{AT // 10**6}000000007"
    assert (rows[0]["TraceId"], rows[0]["SpanId"], rows[0]["Duration"]) == (
        "0" * 16 + "01" * 8, "0" * 15 + "2", "9",
    )  # fmt: skip


_INT64, _INT32 = st.integers(-(2**63), 2**63 - 1), st.integers(-(2**31), 2**31 - 1)
_BYTES = st.binary(max_size=18)


@given(st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_protobuf_is_spans(decoder: Decoder, data: st.DataObject) -> None:
    spans = JaegerSpans()
    for _ in range(data.draw(st.integers(1, 2))):
        batch = spans.batch.add()
        batch.process.tags.add(key=data.draw(_BYTES), v_float64=data.draw(st.floats()), v_type=3)
        for _ in range(data.draw(st.integers(0, 2))):
            span = batch.spans.add(trace_id=data.draw(_BYTES), span_id=data.draw(_BYTES))
            span.flags = data.draw(st.integers(0, 2**32 - 1))
            span.warnings.append(data.draw(_BYTES))
            log = span.logs.add()
            for time in (span.start_time, span.duration, log.timestamp):
                time.seconds, time.nanos = data.draw(_INT64), data.draw(_INT32)
            for tags in (span.tags, log.fields):
                tags.add(
                    key=data.draw(_BYTES), v_type=data.draw(_INT32), v_int64=data.draw(_INT64),
                    v_str=data.draw(_BYTES), v_binary=data.draw(_BYTES))  # fmt: skip
            span.references.add(
                trace_id=data.draw(_BYTES), span_id=data.draw(_BYTES), ref_type=data.draw(_INT32)
            )
    names = [one.span_id.hex() for batch in spans.batch for one in batch.spans]
    for found in decode_grpc(request(spans.SerializeToString())).envelopes:
        rows = rows_of(decoder, bytes(found.content), found.records)
        assert [row.get("SpanId", "").lstrip("0") for row in rows] == [
            name.lstrip("0") for name in names
        ]


_VALUES: st.SearchStrategy[Any] = st.one_of(
    st.text(max_size=5), st.binary(max_size=5), st.booleans(), _INT64, st.floats(allow_nan=False)
)
_TAGS = st.lists(st.builds(tag, st.text(max_size=5), _VALUES), max_size=3)
_SPANS = st.builds(
    jaeger_span, st.binary(max_size=8), low=_INT64, high=_INT64, own=_INT64, parent=_INT64,
    start=_INT64, duration=_INT64, flags=_INT32, tags=st.none() | _TAGS,
    logs=st.none() | st.lists(
        st.builds(lambda at, tags: record(_1=i64(at), _2=listed(*tags)), _INT64, _TAGS),
        max_size=2),
    references=st.none() | st.lists(
        st.builds(reference, _INT32, _INT64, _INT64, _INT64), max_size=2),
)  # fmt: skip


@given(st.lists(_SPANS, min_size=1, max_size=3))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_thrift_is_spans(decoder: Decoder, spans: list[Typed]) -> None:
    rows = sent(decoder, jaeger_batch(*spans))
    assert [row.get("SpanName", "").encode(errors="surrogateescape") for row in rows] == [
        span.value[5].value for span in spans
    ]
