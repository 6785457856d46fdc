"""Datadog's spans: what each field becomes, from an Agent and from a tracer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshseal.model.envelope import Payload
from meshseal.wire.datadog import decode
from meshseal.wire.protocol import Request
from meshseal.wire.protos.spool_pb2 import (
    DatadogIdxTracer,
    DatadogSpan,
    DatadogSpans,
    DatadogTag,
)
from tests.shape.datadog_span_cases import ALWAYS, AT, BASE, SPANS, TRACE, UPPER
from tests.shape.decoder import Decoder, Row

pytestmark = pytest.mark.engine


def sent(decoder: Decoder, path: str, body: bytes, **headers: str) -> list[Row]:
    request = Request(
        path=path,
        query={},
        headers={"content-type": "application/msgpack", **headers},
        body=body,
        received_unix_nano=7,
        door="datadog",
        tenant="t",
        source="s",
    )
    (found,) = decode(request).envelopes
    assert found.kind is Payload.DATADOG_SPANS
    rows = decoder.rows(found.kind, bytes(found.content), found.records)
    nothing = (("Format", found.kind.field_name), ("Duration", "0"))
    return [{name: one for name, one in row.items() if (name, one) not in nothing} for row in rows]


def traced(decoder: Decoder, *spans: dict[str, Any]) -> list[Row]:
    return sent(decoder, "/v0.4/traces", msgspec.msgpack.encode([list(spans)]))


@pytest.mark.parametrize(("span", "expected"), SPANS.values(), ids=SPANS)
def test_a_span(decoder: Decoder, span: dict[str, Any], expected: dict[str, Any]) -> None:
    (row,) = traced(decoder, BASE | span)
    wanted = {name: value for name, value in (ALWAYS | expected).items() if value}
    assert row == wanted


def test_the_upper_half_of_one_span_holds_for_its_chunk(decoder: Decoder) -> None:
    first, second = BASE | {"meta": {"_dd.p.tid": UPPER}}, BASE | {"span_id": 7}
    rows = traced(decoder, second, first)
    assert {row["TraceId"] for row in rows} == {f"{UPPER}{TRACE:016x}"}
    body = msgspec.msgpack.encode([[first], [second]])
    rows = sent(decoder, "/v0.4/traces", body)
    assert [row["TraceId"] for row in rows] == [
        f"{UPPER}{TRACE:016x}",
        f"{0:016x}{TRACE:016x}",
    ]


def test_what_a_tracer_says_of_itself(decoder: Decoder) -> None:
    headers = {
        "datadog-meta-lang": "python",
        "datadog-meta-lang-version": "3.11",
        "datadog-meta-tracer-version": "4.16.0",
        "datadog-container-id": "c1",
    }
    (row,) = sent(decoder, "/v0.4/traces", msgspec.msgpack.encode([[BASE]]), **headers)
    assert row["ScopeVersion"] == "4.16.0"
    assert row["ResourceAttributes"] == {
        "container.id": "c1",
        "telemetry.sdk.name": "Datadog",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.version": "4.16.0",
        "process.runtime.version": "3.11",
    }


# ---- From an Agent -----------------------------------------------------------------------------


def agent_payload() -> DatadogSpans:
    message = DatadogSpans(host_name=b"agent-host", env=b"agent-env")
    message.tags.add(key=b"region", value=b"eu")
    tracer = message.tracer_payloads.add(
        container_id=b"c1",
        language_name=b"go",
        language_version=b"1.22",
        tracer_version=b"1.60",
        runtime_id=b"r-1",
        env=b"prod",
        hostname=b"host",
        app_version=b"2.0",
    )
    tracer.tags.add(key=b"team", value=b"web")
    chunk = tracer.chunks.add(priority=1, origin=b"lambda")
    chunk.tags.add(key=b"_dd.p.tid", value=UPPER.encode())
    chunk.tags.add(key=b"_dd.p.dm", value=b"-1")
    span = chunk.spans.add(
        service=b"svc",
        name=b"op",
        resource=b"GET /",
        trace_id=TRACE,
        span_id=5,
        parent_id=4,
        start=AT,
        duration=1000,
        error=1,
        type=b"http",
    )
    fill(span)
    return message


def fill(span: DatadogSpan) -> None:
    span.meta.append(DatadogTag(key=b"http.method", value=b"GET"))
    span.meta.append(DatadogTag(key=b"not text", value=b"\xff"))
    span.metrics.add(key=b"m", value=1.5)
    span.meta_struct.append(DatadogTag(key=b"x", value=b"\xff"))
    link = span.span_links.add(trace_id=7, trace_id_high=8, span_id=9, tracestate=b"a=b")
    link.attributes.append(DatadogTag(key=b"k", value=b"v"))
    event = span.span_events.add(time_unix_nano=AT, name=b"evt")
    value = event.attributes.add(key=b"list").value
    value.type = 4
    value.array_value.values.add(type=2, int_value=7)
    value.array_value.values.add(type=0, string_value=b"a")


def test_what_an_agent_sends(decoder: Decoder) -> None:
    (row,) = sent(decoder, "/api/v0.2/traces", agent_payload().SerializeToString())
    assert row == {
        "Timestamp": str(AT),
        "TraceId": f"{UPPER}{TRACE:016x}",
        "SpanId": "0000000000000005",
        "ParentSpanId": "0000000000000004",
        "SpanName": "op",
        "SpanKind": "Client",
        "ServiceName": "svc",
        "ResourceAttributes": {
            "service.name": "svc",
            "container.id": "c1",
            "telemetry.sdk.name": "Datadog",
            "telemetry.sdk.language": "go",
            "telemetry.sdk.version": "1.60",
            "process.runtime.version": "1.22",
            "service.instance.id": "r-1",
            "deployment.environment.name": "prod",
            "host.name": "host",
            "service.version": "2.0",
            "team": "web",
            "cloud.region": "eu",
        },
        "ScopeName": "Datadog",
        "ScopeVersion": "1.60",
        "SpanAttributes": {
            "dd.span.Resource": "GET /",
            "span.type": "http",
            "http.request.method": "GET",
            "not text": "\udcff",
            "m": "1.5",
            "meta_struct.x": "/w==",
            "_dd.p.dm": "-1",
            "_dd.origin": "lambda",
            "sampling.priority": "1",
        },
        "Duration": "1000",
        "StatusCode": "Error",
        "Events.Timestamp": [str(AT)],
        "Events.Name": ["evt"],
        "Events.Attributes": [{"list": '[7,"a"]'}],
        "Links.TraceId": ["00000000000000080000000000000007"],
        "Links.SpanId": ["0000000000000009"],
        "Links.TraceState": ["a=b"],
        "Links.Attributes": [{"k": "v"}],
    }


def idx_payload() -> DatadogIdxTracer:
    strings = (
        ",python,4.16,prod,cart,web.request,GET /,web,http.method,GET,n,half,yes,blob,list,map,"
        "a=b,evt,-1,1.2"
    )
    message = DatadogIdxTracer(strings=[one.encode() for one in strings.split(",")])
    message.language_name, message.tracer_version, message.env, message.app_version = 1, 2, 3, 19
    message.attributes.add(key=8).value.string_ref = 9
    high_low = bytes.fromhex(UPPER) + TRACE.to_bytes(8, "big")
    chunk = message.chunks.add(priority=2, trace_id=high_low, decision_maker=18)
    span = chunk.spans.add(
        service=4, name=5, resource=6, span_id=5, parent_id=4, start=AT, duration=9, error=True,
        type=7, kind=3, env=3,
    )  # fmt: skip
    span.attributes.add(key=8).value.string_ref = 9
    span.attributes.add(key=10).value.int_value = 7
    span.attributes.add(key=11).value.double_value = 0.5
    span.attributes.add(key=12).value.bool_value = True
    span.attributes.add(key=13).value.bytes_value = b"\xff"
    span.attributes.add(key=14).value.array_value.values.add(string_ref=9)
    span.attributes.add(key=15).value.map_value.values.add(key=10).value.int_value = 2**60
    link = span.span_links.add(trace_id=high_low, span_id=255, tracestate=16)
    link.attributes.add(key=10).value.int_value = 1
    event = span.span_events.add(time=AT, name=17)
    event.attributes.add(key=11).value.double_value = 0.5
    return message


def test_what_an_agent_sends_with_a_table_of_strings(decoder: Decoder) -> None:
    message = DatadogSpans(host_name=b"host")
    message.idx_tracer_payloads.append(idx_payload().SerializeToString())
    (row,) = sent(decoder, "/api/v0.2/traces", message.SerializeToString())
    assert row == {
        "Timestamp": str(AT),
        "TraceId": f"{UPPER}{TRACE:016x}",
        "SpanId": "0000000000000005",
        "ParentSpanId": "0000000000000004",
        "SpanName": "web.request",
        "SpanKind": "Client",
        "ServiceName": "cart",
        "ResourceAttributes": {
            "service.name": "cart",
            "telemetry.sdk.name": "Datadog",
            "telemetry.sdk.language": "python",
            "telemetry.sdk.version": "4.16",
            "deployment.environment.name": "prod",
            "host.name": "host",
            "service.version": "1.2",
            "http.method": "GET",
        },
        "ScopeName": "Datadog",
        "ScopeVersion": "4.16",
        "SpanAttributes": {
            "dd.span.Resource": "GET /",
            "span.type": "web",
            "http.request.method": "GET",
            "n": "7",
            "half": "0.5",
            "yes": "true",
            "blob": "/w==",
            "list": '["GET"]',
            "map": '{"n":1152921504606846976}',
            "_dd.p.dm": "-1",
            "sampling.priority": "2",
        },
        "Duration": "9",
        "StatusCode": "Error",
        "Events.Timestamp": [str(AT)],
        "Events.Name": ["evt"],
        "Events.Attributes": [{"half": "0.5"}],
        "Links.TraceId": [f"{UPPER}{TRACE:016x}"],
        "Links.SpanId": ["00000000000000ff"],
        "Links.TraceState": ["a=b"],
        "Links.Attributes": [{"n": "1"}],
    }


def test_many_spans_keep_their_order(decoder: Decoder) -> None:
    message = DatadogSpans()
    names = [f"{tracer}.{chunk}.{span}" for tracer in range(5) for chunk in range(7)
             for span in range(tracer + chunk)]  # fmt: skip
    for tracer in range(5):
        payload = message.tracer_payloads.add()
        for chunk in range(7):
            spans = payload.chunks.add().spans
            for span in range(tracer + chunk):
                spans.add(name=f"{tracer}.{chunk}.{span}".encode(), trace_id=1, span_id=1)
    rows = sent(decoder, "/api/v0.2/traces", message.SerializeToString())
    assert [row["SpanName"] for row in rows] == names


# ---- Any spans ---------------------------------------------------------------------------------

_TEXT = st.text() | st.none()
_TAGS = st.dictionaries(
    st.text() | st.sampled_from(["_dd.p.tid", "events", "_dd.span_links", "span.kind", "service"]),
    st.text() | st.sampled_from(["[{}]", "[1]", '[{"name":1}]', "{", "[{", '[{"trace_id":7}]']),
)
_ID = st.integers(0, 2**64 - 1)
_ANY_SPAN = st.fixed_dictionaries(
    {"trace_id": _ID, "span_id": _ID},
    optional={
        "service": _TEXT,
        "name": _TEXT,
        "type": _TEXT,
        "parent_id": _ID,
        "start": st.integers(-(2**63), 2**63 - 1),
        "duration": st.integers(-(2**63), 2**63 - 1),
        "error": st.integers(-(2**31), 2**31 - 1),
        "meta": _TAGS,
        "metrics": st.dictionaries(st.text(), st.floats()),
        "meta_struct": st.dictionaries(st.text(), st.binary()),
        "span_links": st.lists(st.fixed_dictionaries({}, optional={"trace_id": _ID})),
        "span_events": st.lists(st.fixed_dictionaries({}, optional={"time_unix_nano": _ID})),
    },
)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.lists(_ANY_SPAN, min_size=1), min_size=1))
def test_any_spans_are_as_many_records_as_the_door_counts(
    decoder: Decoder, traces: list[list[dict[str, Any]]]
) -> None:
    rows = sent(decoder, "/v0.4/traces", msgspec.msgpack.encode(traces))
    assert len(rows) == sum(map(len, traces))
