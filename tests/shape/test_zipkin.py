"""Zipkin's spans: what each field becomes, from JSON, protobuf and version 1."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshseal.model.envelope import Payload
from meshseal.wire.protocol import Request
from meshseal.wire.protos.spool_pb2 import ZipkinSpans
from meshseal.wire.thrift import BOOL, I16
from meshseal.wire.zipkin import decode
from tests.shape.decoder import RECEIVED_UNIX_NANO, Decoder, Row
from tests.wire.thrift_bytes import Typed, i32, i64, listed, record, string

pytestmark = pytest.mark.engine

AT = 1_789_899_072_123_456
TRACE, SPAN, PARENT = "463ac35c9f6413ad48485a3953bb6124", "a2fb4a1d1a96d312", "0020000000000001"
BASE: dict[str, Any] = {"traceId": TRACE, "id": SPAN, "timestamp": AT, "duration": 1500}
ROW: Row = {
    "Timestamp": str(AT * 1000),
    "TraceId": TRACE,
    "SpanId": SPAN,
    "SpanKind": "Internal",
    "ServiceName": "unknown_service",
    "Duration": "1500000",
    "StatusCode": "Unset",
}
_SHOP = {"ServiceName": "shop", "ResourceAttributes": {"service.name": "shop"}}


def attributes(**tags: str) -> Row:
    return {"SpanAttributes": {name.replace("__", "."): value for name, value in tags.items()}}


CASES: dict[str, tuple[dict[str, Any], Row]] = {
    "nothing but ids": ({"timestamp": None, "duration": None}, {
        "Timestamp": str(RECEIVED_UNIX_NANO), "Duration": "0"}),
    "a name": ({"name": "get /cart"}, {"SpanName": "get /cart"}),
    "an id of 64 bits": ({"traceId": "48485A3953bb6124"}, {
        "TraceId": "0" * 16 + "48485a3953bb6124"}),
    "a parent": ({"parentId": PARENT}, {"ParentSpanId": PARENT}),
    "a short parent": ({"parentId": "20"}, {"ParentSpanId": "0000000000000020"}),
    "no parent": ({"parentId": "0000000000000000"}, {}),
    **{kind: ({"kind": kind}, {"SpanKind": kind.capitalize()})
       for kind in ("CLIENT", "SERVER", "PRODUCER", "CONSUMER")},
    "a shared span": ({"kind": "SERVER", "shared": True}, {
        "SpanKind": "Server", **attributes(zipkin__shared="true")}),
    "debug": ({"debug": True}, attributes(zipkin__debug="true")),
    "a service": ({"localEndpoint": {"serviceName": "shop"}}, _SHOP),
    "both ends": (
        {"localEndpoint": {"serviceName": "shop", "ipv4": "10.0.0.1", "port": 8080},
         "remoteEndpoint": {"serviceName": "db", "ipv6": "2001:db8::c001", "port": 5432}},
        {**_SHOP, **attributes(
            network__local__address="10.0.0.1", network__local__port="8080",
            service__peer__name="db", network__peer__address="2001:db8::c001",
            network__peer__port="5432")}),
    "two addresses": (
        {"remoteEndpoint": {"ipv4": "10.0.0.1", "ipv6": "2001:db8::c001"}},
        attributes(network__peer__address="10.0.0.1,2001:db8::c001")),
    "an annotation": ({"annotations": [{"timestamp": AT + 7, "value": "hit"}]}, {
        "Events.Timestamp": [str((AT + 7) * 1000)], "Events.Name": ["hit"],
        "Events.Attributes": [{}]}),
    "tags": ({"tags": {"http.method": "GET", "é": ""}}, {
        "SpanAttributes": {"http.method": "GET", "é": ""}}),
    "an error": ({"tags": {"error": "boom"}}, {
        "StatusCode": "Error", "StatusMessage": "boom", **attributes(error="boom")}),
    "an error without a word": ({"tags": {"error": ""}}, {
        "StatusCode": "Error", **attributes(error="")}),
    "an error that says so": ({"tags": {"error": "true"}}, {
        "StatusCode": "Error", **attributes(error="true")}),
    "no error": ({"tags": {"error": "false"}}, attributes(error="false")),
    "OpenTelemetry's status": (
        {"tags": {"otel.status_code": "ERROR", "otel.status_description": "late", "error": "x"}},
        {"StatusCode": "Error", "StatusMessage": "late", "SpanAttributes": {
            "otel.status_code": "ERROR", "otel.status_description": "late", "error": "x"}}),
    "OpenTelemetry's OK": ({"tags": {"otel.status_code": "OK", "error": "x"}}, {
        "StatusCode": "Ok", "StatusMessage": "x",
        "SpanAttributes": {"otel.status_code": "OK", "error": "x"}}),
    "a kind in a tag": ({"tags": {"span.kind": "client"}}, {
        "SpanKind": "Client", **attributes(span__kind="client")}),
    "a kind nobody knows": ({"tags": {"span.kind": "odd"}}, {
        "SpanKind": "Unspecified", **attributes(span__kind="odd")}),
    "a duration without a time": ({"timestamp": 0}, {
        "Timestamp": str(RECEIVED_UNIX_NANO), "Duration": "0",
        **attributes(zipkin__duration="1500")}),
    "a time beyond all": ({"timestamp": 2**63 - 1}, {
        "Timestamp": str(RECEIVED_UNIX_NANO), "Duration": "0",
        **attributes(zipkin__timestamp=str(2**63 - 1), zipkin__duration="1500")}),
    "a duration beyond all": ({"duration": 2**63 - 1}, {
        "Duration": "0", **attributes(zipkin__duration=str(2**63 - 1))}),
    "a time long ago": ({"timestamp": 1}, {
        "Timestamp": str(RECEIVED_UNIX_NANO), **attributes(meshseal__timestamp__original="1000")}),
}  # fmt: skip


def request(path: str, body: bytes, media_type: str) -> Request:
    return Request(
        path=path, query={}, headers={"content-type": media_type}, body=body, received_unix_nano=7,
        door="zipkin", tenant="t", source="s",
    )  # fmt: skip


def sent(
    decoder: Decoder, body: bytes, media_type: str = "application/json", path: str = "/api/v2/spans"
) -> list[Row]:
    (found,) = decode(request(path, body, media_type)).envelopes
    rows = decoder.rows(found.kind, bytes(found.content), found.records)
    assert {row.pop("Format") for row in rows} == {found.kind.field_name}
    return rows


@pytest.mark.parametrize(("fields", "expected"), CASES.values(), ids=CASES)
def test_a_span_in_json(decoder: Decoder, fields: dict[str, Any], expected: Row) -> None:
    span = {name: value for name, value in (BASE | fields).items() if value is not None}
    (row,) = sent(decoder, json.dumps([span]).encode())
    assert row == ROW | expected


def test_null_is_nothing(decoder: Decoder) -> None:
    names = ("parentId", "kind", "name", "localEndpoint", "remoteEndpoint", "annotations", "tags",
             "shared", "debug")  # fmt: skip
    (row,) = sent(decoder, json.dumps([BASE | dict.fromkeys(names)]).encode())
    assert row == ROW


@pytest.mark.parametrize("form", ['"{}"', "{}.0", "{}e0"])
def test_a_number_in_another_form_is_that_number(decoder: Decoder, form: str) -> None:
    time, duration = form.format(AT), form.format(1500)
    text = f'[{{"traceId":"{TRACE}","id":"{SPAN}","timestamp":{time},"duration":{duration}}}]'
    assert sent(decoder, text.encode()) == [ROW]


def as_protobuf(span: dict[str, Any]) -> bytes:
    spans = ZipkinSpans()
    one = spans.spans.add(
        trace_id=bytes.fromhex(span["traceId"]), id=bytes.fromhex(span["id"]),
        parent_id=bytes.fromhex(span.get("parentId", "")), name=span.get("name", "").encode(),
        kind=("", "CLIENT", "SERVER", "PRODUCER", "CONSUMER").index(span.get("kind", "")),
        timestamp=span.get("timestamp", 0), duration=span.get("duration", 0),
        shared=span.get("shared", False), debug=span.get("debug", False),
    )  # fmt: skip
    for name, ours in (
        ("localEndpoint", one.local_endpoint),
        ("remoteEndpoint", one.remote_endpoint),
    ):
        end = span.get(name, {})
        ours.service_name, ours.port = end.get("serviceName", "").encode(), end.get("port", 0)
        ours.ipv4 = ipaddress.ip_address(end["ipv4"]).packed if "ipv4" in end else b""
        ours.ipv6 = ipaddress.ip_address(end["ipv6"]).packed if "ipv6" in end else b""
    for noted in span.get("annotations", ()):
        one.annotations.add(timestamp=noted["timestamp"], value=noted["value"].encode())
    for key, value in span.get("tags", {}).items():
        one.tags.add(key=key.encode(), value=value.encode())
    return bytes(spans.SerializeToString())


@pytest.mark.parametrize(("fields", "expected"), CASES.values(), ids=CASES)
def test_a_span_in_protobuf(decoder: Decoder, fields: dict[str, Any], expected: Row) -> None:
    span = {name: value for name, value in (BASE | fields).items() if value is not None}
    (row,) = sent(decoder, as_protobuf(span), "application/x-protobuf")
    assert row == ROW | expected


def test_ids_of_odd_lengths_and_bytes_that_are_no_text(decoder: Decoder) -> None:
    spans = ZipkinSpans()
    one = spans.spans.add(
        trace_id=bytes(range(20)), id=b"\1", kind=9, name=b"\xff", duration=2**64 - 1
    )
    one.timestamp = 2**64 - 1
    one.local_endpoint.ipv4, one.remote_endpoint.ipv6 = b"\1\2\3", b"\4"
    one.tags.add(key=b"\xff", value=b"\xfe")
    one.tags.add(key=b"\xff", value=b"\xfd")
    (row,) = sent(decoder, spans.SerializeToString(), "application/x-protobuf")
    assert (row["TraceId"], row["SpanId"]) == (bytes(range(20)).hex(), "0" * 15 + "1")
    assert (row["SpanName"], row["SpanKind"]) == ("\udcff", "Unspecified")
    assert row["SpanAttributes"] == {
        "\udcff": row["SpanAttributes"]["\udcff"],
        "network.local.address": "010203",
        "network.peer.address": "04",
        "zipkin.timestamp": str(2**64 - 1),
        "zipkin.duration": str(2**64 - 1),
    }


# ---- Version 1 -----------------------------------------------------------------------------------

_WEB, _DB = {"serviceName": "shop", "ipv4": "10.0.0.1", "port": 80}, {"serviceName": "db"}
_LOCAL = attributes(network__local__address="10.0.0.1", network__local__port="80")["SpanAttributes"]


def noted(value: str, at: int, endpoint: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"value": value, "timestamp": at, "endpoint": endpoint}


def tagged(key: str, value: Any, endpoint: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"key": key, "value": value, "endpoint": endpoint}


_CLIENT = [noted("cs", AT, _WEB), noted("cr", AT + 1500, _WEB)]
V1: dict[str, tuple[dict[str, Any], list[Row]]] = {
    "a client": (
        {"annotations": [*_CLIENT, noted("hit", AT + 7, _WEB)],
         "binaryAnnotations": [tagged("sa", True, _DB), tagged("sql", "SELECT", _WEB)]},
        [{"SpanKind": "Client", **_SHOP, "Events.Timestamp": [str((AT + 7) * 1000)],
          "Events.Name": ["hit"], "Events.Attributes": [{}],
          "SpanAttributes": {"sql": "SELECT", **_LOCAL, "service.peer.name": "db"}}]),
    "a server": (
        {"annotations": [noted("sr", AT, _WEB), noted("ss", AT + 1500, _WEB)]},
        [{"SpanKind": "Server", **_SHOP, "SpanAttributes": _LOCAL}]),
    "both ends": (
        {"annotations": [*_CLIENT, noted("sr", AT + 100, _DB), noted("ss", AT + 600, _DB)]},
        [{"SpanKind": "Client", **_SHOP, "SpanAttributes": _LOCAL},
         {"SpanKind": "Server", "Timestamp": str((AT + 100) * 1000), "Duration": "500000",
          "ServiceName": "db", "ResourceAttributes": {"service.name": "db"},
          "SpanAttributes": {"zipkin.shared": "true"}}]),
    "a producer": ({"annotations": [noted("ms", AT, _DB)], "duration": 1500}, [
        {"SpanKind": "Producer", "ServiceName": "db",
         "ResourceAttributes": {"service.name": "db"}}]),
    "a local span": (
        {"timestamp": AT, "duration": 1500, "binaryAnnotations": [tagged("lc", "x", _DB)]},
        [{"ServiceName": "db", "ResourceAttributes": {"service.name": "db"},
          "SpanAttributes": {"lc": "x"}}]),
    "only an address": (
        {"timestamp": AT, "duration": 1500, "binaryAnnotations": [tagged("sa", True, _DB)]},
        [{"SpanKind": "Client", "SpanAttributes": {"service.peer.name": "db"}}]),
    "an address that is a tag": (
        {"timestamp": AT, "duration": 1500, "binaryAnnotations": [tagged("sa", "here", _DB)]},
        [{"SpanAttributes": {"sa": "here"}}]),
    "an address of the wrong end": (
        {"annotations": _CLIENT, "binaryAnnotations": [tagged("ca", True, _DB)]},
        [{"SpanKind": "Client", **_SHOP,
          "SpanAttributes": {"ca": '{"serviceName":"db"}', **_LOCAL}}]),
    "an end without a beginning": (
        {"timestamp": AT, "duration": 1500, "annotations": [noted("cr", AT + 1400, _DB)]},
        [{"SpanKind": "Client", "ServiceName": "db", "ResourceAttributes": {"service.name": "db"},
          "Events.Timestamp": [str((AT + 1400) * 1000)], "Events.Name": ["cr"],
          "Events.Attributes": [{}]}]),
    "debug": ({"timestamp": AT, "duration": 1500, "debug": True}, [
        attributes(zipkin__debug="true")]),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "expected"), V1.values(), ids=V1)
def test_version_1_in_json(decoder: Decoder, fields: dict[str, Any], expected: list[Row]) -> None:
    span = {"traceId": TRACE, "id": SPAN, "name": "", **fields}
    rows = sent(decoder, json.dumps([span]).encode(), path="/api/v1/spans")
    assert rows == [ROW | one for one in expected]


def endpoint(content: dict[str, Any] | None) -> Typed | None:
    if content is None:
        return None
    return record(
        _1=i32(int(ipaddress.ip_address(content.get("ipv4", "0.0.0.0")))),
        _2=Typed(I16, content.get("port", 0)), _3=string(content["serviceName"]),
    )  # fmt: skip


def signed(digits: str) -> int:
    return int.from_bytes(bytes.fromhex(digits), signed=True)


def as_thrift(fields: dict[str, Any]) -> bytes:
    span = record(
        _1=i64(signed(TRACE[16:])), _3=string(""), _4=i64(signed(SPAN)),
        _6=listed(*(
            record(_1=i64(one["timestamp"]), _2=string(one["value"]), _3=endpoint(one["endpoint"]))
            for one in fields.get("annotations", ()))),
        _8=listed(*(
            record(_1=string(one["key"]),
                   _2=string(b"\1" if one["value"] is True else one["value"]),
                   _3=i32(0 if one["value"] is True else 6), _4=endpoint(one["endpoint"]))
            for one in fields.get("binaryAnnotations", ()))),
        _9=Typed(BOOL, fields.get("debug", False)),
        _10=i64(fields["timestamp"]) if "timestamp" in fields else None,
        _11=i64(fields["duration"]) if "duration" in fields else None,
        _12=i64(signed(TRACE[:16])),
    )  # fmt: skip
    return listed(span).binary()


@pytest.mark.parametrize(("fields", "expected"), V1.values(), ids=V1)
def test_version_1_in_thrift(decoder: Decoder, fields: dict[str, Any], expected: list[Row]) -> None:
    rows = sent(decoder, as_thrift(fields), "application/x-thrift", "/api/v1/spans")
    assert rows == [ROW | one for one in expected]


# ---- Anything ------------------------------------------------------------------------------------

_TEXT = st.text(max_size=8)
# What JSON has a number for.
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_MICROS = st.one_of(st.sampled_from((0, 1, AT, 9 * 10**15, 2**63 - 1)), st.integers(0, 2**63 - 1))
_END = st.fixed_dictionaries({}, optional={
    "serviceName": _TEXT, "ipv4": _TEXT, "ipv6": _TEXT, "port": st.integers(0, 65535)})  # fmt: skip
_SPANS = st.lists(
    st.fixed_dictionaries(
        {"traceId": st.text("0123456789abcdefABCDEF", min_size=1, max_size=32),
         "id": st.text("0123456789abcdef", min_size=1, max_size=16)},
        optional={
            "timestamp": _MICROS, "duration": _MICROS, "name": _TEXT, "localEndpoint": _END,
            "remoteEndpoint": _END, "tags": st.dictionaries(_TEXT, _TEXT, max_size=3),
            "annotations": st.lists(
                st.fixed_dictionaries({"timestamp": _MICROS, "value": _TEXT}), max_size=2),
            "odd": st.one_of(st.none(), _FLOATS, st.lists(_TEXT, max_size=2)),
        },
    ),
    min_size=1, max_size=3,
)  # fmt: skip


@given(_SPANS)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_door_takes_is_spans(decoder: Decoder, spans: list[dict[str, Any]]) -> None:
    rows = sent(decoder, json.dumps(spans).encode())
    assert [row.get("SpanName", "") for row in rows] == [span.get("name", "") for span in spans]
    for row, span in zip(rows, spans, strict=True):
        assert set(span.get("tags", {}).items()) <= set(row.get("SpanAttributes", {}).items())


_NUMBER = st.integers(0, 2**64 - 1)
_BYTES = st.binary(max_size=18)


@given(st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_protobuf_is_spans(decoder: Decoder, data: st.DataObject) -> None:
    spans = ZipkinSpans()
    for _ in range(data.draw(st.integers(1, 3))):
        trace_id, own, parent, name, address = (data.draw(_BYTES) for _ in range(5))
        one = spans.spans.add(
            trace_id=trace_id, id=own, parent_id=parent, name=name,
            kind=data.draw(st.integers(-(2**31), 2**31 - 1)), timestamp=data.draw(_NUMBER),
            duration=data.draw(_NUMBER))  # fmt: skip
        one.local_endpoint.ipv4 = one.remote_endpoint.ipv6 = address
        one.local_endpoint.port = data.draw(st.integers(-(2**31), 2**31 - 1))
        one.annotations.add(timestamp=data.draw(_NUMBER), value=name)
        one.tags.add(key=name, value=address)
    (found,) = decode(
        request("/api/v2/spans", spans.SerializeToString(), "application/x-protobuf")
    ).envelopes
    assert found.kind is Payload.ZIPKIN_SPANS
    assert len(decoder.rows(found.kind, bytes(found.content), found.records)) == len(spans.spans)
