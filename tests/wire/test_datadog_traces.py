"""Datadog's spans at the door: every version of the tracers' protocol, and the Agent's."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model.envelope import Payload
from meshseal.model.errors import PayloadError
from meshseal.wire.datadog import decode
from meshseal.wire.protocol import Decoded, Request
from meshseal.wire.protos.spool_pb2 import DatadogIdxTracer, DatadogSpans

MSGPACK = "application/msgpack"
pack = msgspec.msgpack.encode

SPAN: dict[str, Any] = {
    "service": "shop",
    "name": "web.request",
    "resource": "GET /cart",
    "trace_id": 2**64 - 1,
    "span_id": 5,
    "parent_id": 0,
    "start": 1_789_899_072_123_456_789,
    "duration": 1000,
    "error": 0,
    "meta": {"env": "prod", "http.method": "GET"},
    "metrics": {"_sampling_priority_v1": 1.0},
    "type": "web",
}
STRINGS = ["", "shop", "web.request", "GET /cart", "env", "prod", "http.method", "GET", "web",
           "_sampling_priority_v1"]  # fmt: skip
TABLE_SPAN = [1, 2, 3, 2**64 - 1, 5, 0, SPAN["start"], 1000, 0, {4: 5, 6: 7}, {9: 1.0}, 8]


def sent(path: str, body: bytes, media_type: str = MSGPACK, **headers: str) -> Decoded:
    return decode(
        Request(
            path=path,
            method="PUT",
            query={},
            headers={"content-type": media_type, **headers},
            body=body,
            received_unix_nano=7,
            door="datadog",
            tenant="t",
            source="s",
        )
    )


def payload_of(decoded: Decoded) -> dict[str, Any]:
    (found,) = decoded.envelopes
    assert (found.kind, found.tenant, found.source) == (Payload.DATADOG_SPANS, "t", "s")
    return dict(json.loads(DatadogSpans.FromString(bytes(found.content)).tracer_json))


VERSIONS: dict[str, tuple[str, bytes, str]] = {
    "0.3": ("/v0.3/traces", pack([[SPAN], [SPAN, SPAN]]), MSGPACK),
    "0.4": ("/v0.4/traces", pack([[SPAN], [SPAN, SPAN]]), MSGPACK),
    "0.4 as JSON": ("/v0.4/traces", json.dumps([[SPAN], [SPAN, SPAN]]).encode(),
                    "application/json; charset=utf-8"),
    "0.5": ("/v0.5/traces", pack([STRINGS, [[TABLE_SPAN], [TABLE_SPAN, TABLE_SPAN]]]), MSGPACK),
    "0.7": ("/v0.7/traces", pack({"chunks": [{"spans": [SPAN]}, {"spans": [SPAN, SPAN]}]}),
            MSGPACK),
}  # fmt: skip


@pytest.mark.parametrize(("path", "body", "media_type"), VERSIONS.values(), ids=VERSIONS)
def test_every_version_says_the_same(path: str, body: bytes, media_type: str) -> None:
    decoded = sent(path, body, media_type)
    assert decoded.records == 3
    assert (decoded.reply.status, decoded.reply.body) == (200, b'{"rate_by_service":{}}')
    chunks = payload_of(decoded)["chunks"]
    assert [len(chunk["spans"]) for chunk in chunks] == [1, 2]
    assert all(span == SPAN for chunk in chunks for span in chunk["spans"])


def test_the_headers_say_what_the_tracer_is() -> None:
    headers = {
        "datadog-meta-lang": "python",
        "datadog-meta-lang-version": "3.11",
        "datadog-meta-tracer-version": "4.16.0",
        "datadog-container-id": "c1",
        "x-datadog-trace-count": "9",
    }
    payload = payload_of(sent("/v0.4/traces", pack([[SPAN]]), **headers))
    del payload["chunks"]
    assert payload == {
        "language_name": "python",
        "language_version": "3.11",
        "tracer_version": "4.16.0",
        "container_id": "c1",
    }


def test_a_payload_of_version_0_7_says_it_itself() -> None:
    tracer = {
        "container_id": "c1",
        "language_name": "go",
        "tracer_version": "1.60",
        "runtime_id": "r",
        "tags": {"team": "web"},
        "env": "prod",
        "hostname": "h",
        "app_version": "2",
        "chunks": [{"priority": 1, "origin": "lambda", "spans": [SPAN], "tags": {"a": "b"}}],
    }
    assert payload_of(sent("/v0.7/traces", pack(tracer), **{"datadog-meta-lang": "no"})) == tracer


def test_links_events_and_structs_are_kept() -> None:
    span = SPAN | {
        "span_links": [{"trace_id": 1, "trace_id_high": 2, "span_id": 3, "attributes": {"k": "v"},
                        "tracestate": "a=b", "flags": 2**31 + 1}],
        "span_events": [{"time_unix_nano": 7, "name": "e", "attributes": {
            "n": {"type": 2, "int_value": -1},
            "l": {"type": 4, "array_value": {"values": [{"type": 3, "double_value": 0.5}]}}}}],
        "meta_struct": {"appsec": b"\x81\xa1a\x01"},
    }  # fmt: skip
    (chunk,) = payload_of(sent("/v0.4/traces", pack([[span]])))["chunks"]
    assert chunk["spans"] == [span | {"meta_struct": {"appsec": "gaFhAQ=="}}]


def test_nothing_where_there_should_be_something_is_nothing() -> None:
    span = {"trace_id": 1, "span_id": 2} | dict.fromkeys(
        ("service", "name", "parent_id", "start", "error", "meta", "metrics", "type", "span_links")
    )
    (chunk,) = payload_of(sent("/v0.4/traces", pack([[span]])))["chunks"]
    assert chunk["spans"] == [{"trace_id": 1, "span_id": 2}]


@pytest.mark.parametrize("version", ["0.4", "0.5", "0.7"])
def test_text_that_is_no_utf_8_is_mended(version: str) -> None:
    path, body, media_type = VERSIONS[version]
    decoded = sent(path, body.replace(b"GET /cart", b"GET /\xffart"), media_type)
    assert decoded.records == 3
    chunks = payload_of(decoded)["chunks"]
    assert chunks[0]["spans"] == [SPAN | {"resource": "GET /\ufffdart"}]


@pytest.mark.parametrize("path", ["/v0.3/traces", "/v0.4/traces", "/v0.5/traces", "/v0.7/traces"])
@pytest.mark.parametrize("body", [b"", b"\x90", b"\x92\x90\x90", b"\x80"])
def test_a_tracer_without_spans_is_answered(path: str, body: bytes) -> None:
    empty = {"/v0.5/traces": b"\x92\x90\x90", "/v0.7/traces": b"\x80"}.get(path, b"\x90")
    if body in (b"", empty):
        decoded = sent(path, body)
        assert decoded.envelopes == ()
        assert decoded.reply.status == 200


def _without(key: str) -> dict[str, Any]:
    return {name: value for name, value in SPAN.items() if name != key}


REFUSED: dict[str, tuple[str, bytes]] = {
    "no MessagePack": ("/v0.4/traces", b"\xc1"),
    "half of it": ("/v0.4/traces", pack([[SPAN]])[:-3]),
    "more behind it": ("/v0.4/traces", pack([[SPAN]]) + b"\x00"),
    "a span alone": ("/v0.4/traces", pack(SPAN)),
    "no trace id": ("/v0.4/traces", pack([[_without("trace_id")]])),
    "no span id": ("/v0.4/traces", pack([[_without("span_id")]])),
    "a negative id": ("/v0.4/traces", pack([[SPAN | {"span_id": -1}]])),
    "a time of more than 63 bits": ("/v0.4/traces", pack([[SPAN | {"start": 2**63}]])),
    "an error of more than 32 bits": ("/v0.4/traces", pack([[SPAN | {"error": 2**31}]])),
    "a tag that is a number": ("/v0.4/traces", pack([[SPAN | {"meta": {"a": 1}}]])),
    "nested without end": ("/v0.4/traces", b"\x91" * 100_000),
    "a table without its strings": ("/v0.5/traces", pack([[""], [[TABLE_SPAN]]])),
    "a span of 11 fields": ("/v0.5/traces", pack([STRINGS, [[TABLE_SPAN[:11]]]])),
    "a span of 13 fields": ("/v0.5/traces", pack([STRINGS, [[[*TABLE_SPAN, 1]]]])),
    "a number of no string": ("/v0.5/traces", pack([STRINGS, [[[99, *TABLE_SPAN[1:]]]]])),
    "a list of traces where a payload is due": ("/v0.7/traces", pack([[SPAN]])),
    "no protobuf": ("/api/v0.2/traces", b"\xff"),
    "our own field in an Agent's payload": (
        "/api/v0.2/traces",
        DatadogSpans(tracer_json=b"{}").SerializeToString(),
    ),
}


@pytest.mark.parametrize(("path", "body"), REFUSED.values(), ids=REFUSED)
def test_what_are_no_spans_is_refused(path: str, body: bytes) -> None:
    with pytest.raises(PayloadError):
        sent(path, body)


def test_ids_of_more_than_64_bits_are_refused_in_json() -> None:
    body = json.dumps([[SPAN | {"span_id": 2**64}]]).encode()
    with pytest.raises(PayloadError):
        sent("/v0.4/traces", body, "application/json")


# ---- The Agent's -------------------------------------------------------------------------------


def agent_payload(spans: int = 3) -> DatadogSpans:
    message = DatadogSpans(host_name=b"h", env=b"prod", agent_version=b"7.70.0")
    for _ in range(2):
        chunk = message.tracer_payloads.add(language_name=b"go").chunks.add(priority=1)
        for number in range(spans):
            chunk.spans.add(service=b"shop", trace_id=1, span_id=number + 1)
    return message


def test_what_an_agent_sends_is_kept_to_the_letter() -> None:
    body = agent_payload().SerializeToString() + b"\x41" + bytes(8)  # targetTPS, which is not read
    decoded = sent("/api/v0.2/traces", body, "application/x-protobuf")
    (found,) = decoded.envelopes
    assert (found.kind, found.content, found.records) == (Payload.DATADOG_SPANS, body, 6)
    assert (decoded.reply.status, decoded.reply.body) == (200, b"{}")
    assert sent("/api/v0.2/traces", b"").envelopes == ()


def test_payloads_with_and_without_a_table_of_strings_are_all_taken() -> None:
    message = agent_payload()
    told = DatadogIdxTracer(strings=[b"", b"cart"])
    told.chunks.add(trace_id=b"\x01").spans.add(service=1, span_id=2)
    for _ in range(2):
        message.idx_tracer_payloads.append(told.SerializeToString())
    decoded = sent("/api/v0.2/traces", message.SerializeToString())
    assert [one.records for one in decoded.envelopes] == [6, 1, 1]
    first, second, third = (DatadogSpans.FromString(bytes(o.content)) for o in decoded.envelopes)
    assert first == agent_payload()
    assert second == third
    assert (second.host_name, second.env) == (b"h", b"prod")
    assert json.loads(second.tracer_json)["chunks"][0]["spans"][0]["service"] == "cart"


@pytest.mark.parametrize("number", [2, 2**32 - 1])
def test_a_number_of_no_string_is_refused(number: int) -> None:
    told = DatadogIdxTracer(strings=[b"", b"cart"])
    told.chunks.add().spans.add(service=number, span_id=2)
    message = DatadogSpans(idx_tracer_payloads=[told.SerializeToString()])
    with pytest.raises(PayloadError, match="table of strings"):
        sent("/api/v0.2/traces", message.SerializeToString())


@given(st.lists(st.binary(), min_size=1))
def test_any_payload_with_a_table_is_taken_or_refused(payloads: list[bytes]) -> None:
    message = DatadogSpans(idx_tracer_payloads=payloads)
    try:
        sent("/api/v0.2/traces", message.SerializeToString())
    except PayloadError:
        return


_SPANS = st.fixed_dictionaries(
    {"trace_id": st.integers(0, 2**64 - 1), "span_id": st.integers(0, 2**64 - 1)},
    optional={
        "name": st.text() | st.none(),
        "meta": st.dictionaries(st.text(), st.text()) | st.none(),
        "metrics": st.dictionaries(st.text(), st.floats() | st.integers(-9, 2**53)),
        "start": st.integers(-(2**63), 2**63 - 1),
    },
)


@given(st.lists(st.lists(_SPANS)))
def test_any_spans_are_counted(traces: list[list[dict[str, Any]]]) -> None:
    assert sent("/v0.4/traces", pack(traces)).records == sum(map(len, traces))
