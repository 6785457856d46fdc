"""Spans: what each becomes, from Protocol Buffers and from JSON, and that its leaf holds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from meshseal.model.columns import SPANS
from meshseal.model.envelope import Payload
from meshseal.seal.canonical import leaf, salt
from meshseal.wire.protos.spool_pb2 import OtlpTraces
from tests.shape.decoder import BATCH_KEY, RECEIVED_UNIX_NANO, Decoder, envelope

pytestmark = pytest.mark.engine
AT = RECEIVED_UNIX_NANO - 10**9
TRACE, SPAN, PARENT = bytes(range(16)), bytes(range(8)), bytes(range(8, 16))


def request(**fields: Any) -> tuple[ExportTraceServiceRequest, Any]:
    """Return a request of one span, and the span."""
    whole = ExportTraceServiceRequest()
    return whole, whole.resource_spans.add().scope_spans.add().spans.add(**fields)


def one(decoder: Decoder, whole: ExportTraceServiceRequest) -> dict[str, Any]:
    (row,) = decoder.rows(Payload.OTLP_TRACES, whole.SerializeToString(), 1)
    return row


def test_a_span_keeps_all_it_says(decoder: Decoder) -> None:
    whole, span = request(
        trace_id=TRACE, span_id=SPAN, parent_span_id=PARENT, trace_state="a=1", name="GET /cart",
        kind=2, start_time_unix_nano=AT, end_time_unix_nano=AT + 1500, flags=0x301,
        dropped_attributes_count=1, dropped_events_count=2, dropped_links_count=3,
    )  # fmt: skip
    resource, scope = whole.resource_spans[0], whole.resource_spans[0].scope_spans[0]
    resource.schema_url, scope.schema_url = "https://r", "https://s"
    resource.resource.attributes.add(key="service.name").value.string_value = "cart"
    scope.scope.name, scope.scope.version = "net/http", "1.2"
    scope.scope.attributes.add(key="s").value.bool_value = True
    span.status.code, span.status.message = 2, "no such cart"
    span.attributes.add(key="items").value.array_value.values.add(int_value=1)
    event = span.events.add(time_unix_nano=AT + 5, name="exception", dropped_attributes_count=4)
    inner = event.attributes.add(key="m").value.kvlist_value.values.add(key="a")
    inner.value.string_value = "b"
    span.events.add(time_unix_nano=AT + 6, name="end")
    link = span.links.add(trace_id=b"\1" * 16, span_id=b"\2" * 8, trace_state="b=2", flags=1)
    link.attributes.add(key="why").value.string_value = "batch"
    assert one(decoder, whole) == {
        "Timestamp": str(AT),
        "TraceId": "000102030405060708090a0b0c0d0e0f",
        "SpanId": "0001020304050607",
        "ParentSpanId": "08090a0b0c0d0e0f",
        "TraceState": "a=1",
        "SpanName": "GET /cart",
        "SpanKind": "Server",
        "ServiceName": "cart",
        "ResourceSchemaUrl": "https://r",
        "ResourceAttributes": {"service.name": "cart"},
        "ScopeSchemaUrl": "https://s",
        "ScopeName": "net/http",
        "ScopeVersion": "1.2",
        "ScopeAttributes": {"s": "true"},
        "SpanAttributes": {
            "items": "[1]",
            "otel.dropped_attributes_count": "1",
            "otel.dropped_events_count": "2",
            "otel.dropped_links_count": "3",
        },
        "Duration": "1500",
        "StatusCode": "Error",
        "StatusMessage": "no such cart",
        "Events.Timestamp": [str(AT + 5), str(AT + 6)],
        "Events.Name": ["exception", "end"],
        "Events.Attributes": [{"m": '{"a":"b"}', "otel.dropped_attributes_count": "4"}, {}],
        "Links.TraceId": ["01" * 16],
        "Links.SpanId": ["02" * 8],
        "Links.TraceState": ["b=2"],
        "Links.Attributes": [{"why": "batch", "meshseal.link.flags": "1"}],
        "TraceFlags": "769",
        "Format": "otlp_traces",
    }


def test_json_gives_the_same_span(decoder: Decoder) -> None:
    span = {
        "traceId": TRACE.hex().upper(), "spanId": SPAN.hex(), "parentSpanId": "", "name": "n",
        "kind": 3, "startTimeUnixNano": str(AT), "endTimeUnixNano": AT + 7, "flags": 1,
        "status": {"code": 1}, "unknown": {"x": 1},
        "attributes": [{"key": "a", "value": {"arrayValue": {"values": [{"intValue": "1"}]}}}],
        "events": [{"timeUnixNano": str(AT), "name": "e", "droppedAttributesCount": 1}],
        "links": [{"traceId": "01" * 16, "spanId": "02" * 8, "flags": 1}],
    }  # fmt: skip
    content = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    (row,) = decoder.rows(Payload.OTLP_TRACES_JSON, content, 1)
    whole, same = request(
        trace_id=TRACE, span_id=SPAN, name="n", kind=3, start_time_unix_nano=AT,
        end_time_unix_nano=AT + 7, flags=1,
    )  # fmt: skip
    same.status.code = 1
    same.attributes.add(key="a").value.array_value.values.add(int_value=1)
    same.events.add(time_unix_nano=AT, name="e", dropped_attributes_count=1)
    same.links.add(trace_id=b"\1" * 16, span_id=b"\2" * 8, flags=1)
    assert row == one(decoder, whole) | {"Format": "otlp_traces_json"}
    assert row["SpanAttributes"] == {"a": "[1]"}


@pytest.mark.parametrize(
    ("kind", "word"),
    [(0, "Unspecified"), (1, "Internal"), (2, "Server"), (3, "Client"), (4, "Producer"),
     (5, "Consumer"), (77, "77"), (-1, "-1")],
)  # fmt: skip
def test_every_kind_has_its_word(decoder: Decoder, kind: int, word: str) -> None:
    message = OtlpTraces()
    message.resource_spans.add().scope_spans.add().spans.add(kind=kind)
    (row,) = decoder.rows(Payload.OTLP_TRACES, message.SerializeToString(), 1)
    assert row["SpanKind"] == word


@pytest.mark.parametrize(("code", "word"), [(0, "Unset"), (1, "Ok"), (2, "Error"), (9, "9")])
def test_every_status_has_its_word(decoder: Decoder, code: int, word: str) -> None:
    message = OtlpTraces()
    message.resource_spans.add().scope_spans.add().spans.add().status.code = code
    (row,) = decoder.rows(Payload.OTLP_TRACES, message.SerializeToString(), 1)
    assert row["StatusCode"] == word


_ORIGINAL, _END = "meshseal.timestamp.original", "meshseal.end_timestamp.original"
_YEARS = 11 * 365 * 86_400 * 10**9
TIMES = {
    "none at all": (0, 0, RECEIVED_UNIX_NANO, "0", {}),
    "no end": (AT, 0, AT, "0", {_END: "0"}),
    "no start": (0, AT, RECEIVED_UNIX_NANO, "0", {_END: str(AT)}),
    "an instant": (AT, AT, AT, "0", {}),
    "ends before it starts": (AT, AT - 5, AT, "0", {_END: str(AT - 5)}),
    "too old": (AT - _YEARS, AT - _YEARS + 3, RECEIVED_UNIX_NANO, "3",
                {_ORIGINAL: str(AT - _YEARS)}),
    "in the future": (2**62, 2**62 + 4, RECEIVED_UNIX_NANO, "4", {_ORIGINAL: str(2**62)}),
    "the largest number": (2**64 - 1, 2**64 - 1, RECEIVED_UNIX_NANO, "0", {_ORIGINAL: "-1"}),
}  # fmt: skip


@pytest.mark.parametrize(("start", "end", "at", "took", "kept"), TIMES.values(), ids=TIMES)
def test_no_time_loses_a_span(
    decoder: Decoder, start: int, end: int, at: int, took: str, kept: dict[str, str]
) -> None:
    whole, _ = request(start_time_unix_nano=start, end_time_unix_nano=end)
    row = one(decoder, whole)
    found = (row["Timestamp"], row.get("Duration", "0"), row.get("SpanAttributes", {}))
    assert found == (str(at), took, kept)


def test_ids_of_zeros_are_none_and_odd_ones_are_kept(decoder: Decoder) -> None:
    whole, _ = request(trace_id=bytes(16), span_id=b"\1\2\3", parent_span_id=bytes(8))
    row = one(decoder, whole)
    assert (row.get("TraceId"), row["SpanId"], row.get("ParentSpanId")) == (None, "010203", None)
    assert row["ServiceName"] == "unknown_service"


def test_logs_and_spans_of_one_tenant_are_two_batches(decoder: Decoder) -> None:
    whole, _ = request(name="a")
    spans = envelope(Payload.OTLP_TRACES, whole.SerializeToString(), 1)
    log, span, again = decoder.decode(spans, envelope(Payload.LINES, b"one\n", 1), spans)
    numbers = [(each.record["Batch"], each.record["Seq"]) for each in (span, again, log)]
    assert numbers == [(b"4096", b"0"), (b"4096", b"1"), (b"4097", b"0")]


_BYTES = st.binary(max_size=12) | st.sampled_from([b"", b",", b"3:abc,", b"\0", b"\xff", b"1:,2:"])
_NANOS = st.integers(0, 2**64 - 1) | st.just(AT)


@st.composite
def requests(draw: st.DrawFn) -> OtlpTraces:
    whole = OtlpTraces()
    scope = whole.resource_spans.add(schema_url=draw(_BYTES)).scope_spans.add()
    for _ in range(draw(st.integers(1, 8))):
        span = scope.spans.add(
            trace_id=draw(_BYTES), span_id=draw(_BYTES), parent_span_id=draw(_BYTES),
            name=draw(_BYTES), kind=draw(st.integers(-2, 9)), trace_state=draw(_BYTES),
            start_time_unix_nano=draw(_NANOS), end_time_unix_nano=draw(_NANOS),
            flags=draw(st.integers(0, 2**32 - 1)),
        )  # fmt: skip
        _put(draw, span.attributes)
        for _ in range(draw(st.integers(0, 3))):
            _put(draw, span.events.add(time_unix_nano=draw(_NANOS), name=draw(_BYTES)).attributes)
        for _ in range(draw(st.integers(0, 3))):
            link = span.links.add(trace_id=draw(_BYTES), span_id=draw(_BYTES))
            _put(draw, link.attributes)
    return whole


def _put(draw: st.DrawFn, attributes: Any) -> None:
    for key, value in draw(st.lists(st.tuples(_BYTES, _BYTES), max_size=3)):
        attributes.add(key=key).value.string_value = value


@settings(deadline=None, database=None, max_examples=40, suppress_health_check=list(HealthCheck))
@given(whole=requests())
def test_sql_and_python_compute_the_same_leaf(decoder: Decoder, whole: OtlpTraces) -> None:
    count = len(whole.resource_spans[0].scope_spans[0].spans)
    decoded = decoder.decode(envelope(Payload.OTLP_TRACES, whole.SerializeToString(), count))
    assert len(decoded) == count
    for seq, each in enumerate(decoded):
        assert each.record["Seq"] == b"%d" % seq
        assert each.leaf == leaf(each.record, salt(BATCH_KEY, seq), SPANS)
