"""Every protocol's decode: counts as a reference does, refuses in its own words only."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import cramjam
import pytest
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from meshseal.model.envelope import Chunk, Payload
from meshseal.model.errors import (
    AuthenticationError,
    ForbiddenError,
    MeshsealError,
    OverloadedError,
    PayloadError,
    TooLargeError,
    UnsupportedError,
)
from meshseal.wire import PROTOCOL, PROTOCOLS
from meshseal.wire.lines import MAX_LABEL_BYTES, MAX_LABELS, parse_labels
from meshseal.wire.protocol import Decoded, Request, count_lines
from meshseal.wire.protos.spool_pb2 import LokiPush
from tests.wire.bent import BODIES, bent
from tests.wire.samples import (
    JSON,
    PROTOBUF,
    Sample,
    fitting,
    loki_json,
    otlp_json,
    otlp_logs,
    path_of,
    samples,
)

MEDIA_TYPES = (PROTOBUF, JSON, "application/json; charset=utf-8", "text/plain", "")


def decode(
    name: str,
    body: bytes,
    media_type: str = "",
    query: dict[str, list[str]] | None = None,
    path: str = "",
) -> Decoded:
    return PROTOCOL[name].decode(
        Request(
            path=path or PROTOCOL[name].paths[0],
            query=query or {},
            headers={"content-type": media_type},
            body=body,
            received_unix_nano=7,
            door=name,
            tenant="t",
            source="s",
            chunk=Chunk("a", 1, 2),
        )
    )


@pytest.mark.parametrize("sample", samples(), ids=str)
def test_a_sample_is_taken(sample: Sample) -> None:
    query = {name: [value] for name, value in sample.query.items()}
    decoded = decode(sample.protocol, sample.body, sample.media_type, query, path_of(sample))
    assert (decoded.records, decoded.refused) == (sample.records, sample.refused)
    assert decoded.reply.status == sample.status
    for found in decoded.envelopes:
        assert (found.tenant, found.source) == ("t", "s")
        assert (found.received_unix_nano, found.chunk) == (7, Chunk("a", 1, 2))


def test_every_path_has_a_sample() -> None:
    every = [(protocol, path) for protocol in PROTOCOLS for path in protocol.paths]
    assert [path for protocol, path in every if not fitting(protocol, path)] == []


UNARY = [(one.name, path) for one in PROTOCOLS if not one.stream for path in one.paths]


@pytest.mark.parametrize(("name", "path"), UNARY)
@given(data=st.data())
def test_any_bytes_are_taken_or_refused(name: str, path: str, data: st.DataObject) -> None:
    usual = st.sampled_from(BODIES[path])
    body, media_type = data.draw(usual)
    body = data.draw(st.one_of(bent(body), st.binary(max_size=300)))
    media_type = data.draw(st.sampled_from((media_type, *MEDIA_TYPES)))
    with contextlib.suppress(MeshsealError):
        decoded = decode(name, body, media_type, path=path)
        assert all(one.records for one in decoded.envelopes)
        assert decoded.reply.status in (200, 202, 204)


@pytest.mark.parametrize("name", ["otlp_http", "otlp_grpc"])
@given(data=st.data())
def test_otlp_counts_what_the_real_classes_count(name: str, data: st.DataObject) -> None:
    whole = otlp_logs(records=data.draw(st.integers(0, 20))).SerializeToString()
    body = whole[: data.draw(st.integers(0, len(whole)))] + data.draw(st.binary(max_size=5))
    try:
        message = ExportLogsServiceRequest.FromString(body)
    except DecodeError:
        return
    expected = sum(len(s.log_records) for r in message.resource_logs for s in r.scope_logs)
    assert decode(name, body, PROTOBUF).records == expected


_SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3)
_BENT = st.sampled_from(
    ["resourceLogs", "scopeLogs", "logRecords", "attributes", "body", "stream", "values"]
)


@st.composite
def bent_json(draw: st.DrawFn, whole: bytes) -> bytes:
    """A document with one of its members replaced."""

    def bend(value: Any, name: str, other: Any) -> Any:
        if isinstance(value, dict):
            return {k: other if k == name else bend(v, name, other) for k, v in value.items()}
        return [bend(one, name, other) for one in value] if isinstance(value, list) else value

    other = draw(st.recursive(_SCALARS, lambda s: st.lists(s, max_size=2), max_leaves=4))
    return json.dumps(bend(json.loads(whole), draw(_BENT), other)).encode()


@given(body=bent_json(otlp_json()))
def test_otlp_json_counts_what_a_plain_reading_counts(body: bytes) -> None:
    try:
        decoded = decode("otlp_http", body, JSON)
    except PayloadError:
        return
    assert decoded.records == sum(
        len(scope.get("logRecords", []))
        for resource in json.loads(body)["resourceLogs"]
        for scope in resource.get("scopeLogs", [])
    )


@given(body=bent_json(loki_json()))
def test_loki_json_counts_what_a_plain_reading_counts(body: bytes) -> None:
    try:
        decoded = decode("loki", body, JSON)
    except PayloadError:
        return
    streams = json.loads(body)["streams"]
    assert decoded.records == sum(len(stream.get("values", [])) for stream in streams)


@given(counts=st.lists(st.integers(0, 5), max_size=5))
def test_loki_protobuf_counts_entries(counts: list[int]) -> None:
    push = LokiPush()
    for count in counts:
        stream = push.streams.add(labels=b"{}")
        for _ in range(count):
            stream.entries.add(line=b"x")
    body = bytes(cramjam.snappy.compress_raw(push.SerializeToString()))
    decoded = decode("loki", body, PROTOBUF)
    assert decoded.records == sum(counts)
    if sum(counts):
        assert decoded.envelopes[0].kind is Payload.LOKI_PUSH


@given(body=st.text(st.sampled_from("a\r\n \0"), max_size=30).map(str.encode))
def test_lines_are_counted_as_a_plain_reading_does(body: bytes) -> None:
    assert count_lines(body) == sum(1 for line in body.split(b"\n") if line.strip(b"\r"))


_BAD = [
    pytest.param("otlp_http", b"\xff", PROTOBUF, "not an ExportLogs", id="no protobuf"),
    pytest.param("otlp_http", b"[]", JSON, "not an ExportLogs", id="no object"),
    pytest.param("otlp_http", b'{"resourceLogs":1}', JSON, "resourceLogs", id="no list"),
    pytest.param("otlp_http", b"{}", "text/xml", "send application/x-protobuf", id="media type"),
    pytest.param(
        "otlp_http",
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"xyz"}]}]}]}',
        JSON,
        "traceId",
        id="a trace id that is not hexadecimal",
    ),
    pytest.param("otlp_http", b"[" * 100_000, JSON, "not an ExportLogs", id="deep nesting"),
    pytest.param(
        "otlp_http",
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":'
        + b'{"arrayValue":{"values":[' * 2000
        + b"]}}" * 2000
        + b"}]}]}]}",
        JSON,
        "not an ExportLogs",
        id="a value nested deeper than the engine reads",
    ),
    pytest.param("otlp_grpc", b"\x0a\xff", "", "not an ExportLogs", id="cut short"),
    pytest.param("loki", b"{", JSON, "not a Loki push", id="half a document"),
    pytest.param(
        "loki", b'{"streams":[{"values":[[1,"x"]]}]}', JSON, "values", id="number as time"
    ),
    pytest.param(
        "loki", b'{"streams":[{"values":[["1","x",{"a":1}]]}]}', JSON, "values", id="metadata"
    ),
    pytest.param("loki", b'{"streams":[{"stream":{"a-b":"c"}}]}', JSON, "label name", id="label"),
    pytest.param(
        "loki",
        b'{"streams":[{"labels":"{a=\\"b\\"}","entries":[]}]}',
        JSON,
        "`stream` and `values`",
        id="the JSON of before 0.4",
    ),
    pytest.param("loki", b"\xff\xff", PROTOBUF, "snappy", id="no snappy"),
    pytest.param("loki", b"\x02\x04\xff\xff", PROTOBUF, "PushRequest", id="snappy of no push"),
    pytest.param("documents", b'{"a":1}\n{b}\n', "", "line 2 is not", id="a line that is no JSON"),
    pytest.param("documents", b'{"a":1}{"b":2}', "", "line 1", id="two in one line"),
    pytest.param("documents", b'{\n"a":1}', "", "line 1", id="one on two lines"),
]


@pytest.mark.parametrize(("name", "body", "media_type", "reason"), _BAD)
def test_a_bad_body_is_refused_with_a_reason(
    name: str, body: bytes, media_type: str, reason: str
) -> None:
    with pytest.raises(PayloadError, match=reason):
        decode(name, body, media_type)


@pytest.mark.parametrize(
    "labels", [b"", b"{", b"{a}", b'{a="b}', b'{a="b"} x', b'{a="b" c="d"}', b'{1="a"}']
)
def test_labels_that_are_none_are_refused(labels: bytes) -> None:
    push = LokiPush()
    push.streams.add(labels=labels)
    with pytest.raises(PayloadError, match="not labels"):
        decode("loki", bytes(cramjam.snappy.compress_raw(push.SerializeToString())), PROTOBUF)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        pytest.param([], {}, id="none"),
        pytest.param([""], {}, id="empty"),
        pytest.param(["a=b"], {"a": "b"}, id="one"),
        pytest.param(["a=b,c=d", "e=f"], {"a": "b", "c": "d", "e": "f"}, id="several"),
        pytest.param(["a=b\\,c"], {"a": "b,c"}, id="a comma inside"),
        pytest.param(["a=b=c"], {"a": "b=c"}, id="an equals sign inside"),
        pytest.param(["a="], {"a": ""}, id="an empty value"),
        pytest.param([",,a=b,"], {"a": "b"}, id="commas to spare"),
    ],
)
def test_labels_of_a_query(values: list[str], labels: dict[str, str]) -> None:
    assert parse_labels(values) == labels


@pytest.mark.parametrize(
    "value",
    [
        "a",
        "=b",
        "a=b,c",
        f"a={'x' * MAX_LABEL_BYTES}",
        ",".join(f"k{n}=v" for n in range(MAX_LABELS + 1)),
    ],
)
def test_no_labels(value: str) -> None:
    with pytest.raises(PayloadError):
        parse_labels([value])


@given(values=st.lists(st.text(max_size=20), max_size=3), hint=st.text(max_size=8))
def test_any_query_is_taken_or_refused(values: list[str], hint: str) -> None:
    with contextlib.suppress(PayloadError):
        decode("lines", b"x", "", {"labels": values, "format": [hint]})


# ---- Refusals ----------------------------------------------------------------------------------

ERRORS = [
    PayloadError("bad"),
    TooLargeError("big"),
    UnsupportedError("odd"),
    AuthenticationError("who"),
    ForbiddenError("no"),
    OverloadedError("later", retry_after_seconds=9),
]
OVER_HTTP = [400, 413, 415, 401, 403, 503]
OVER_GRPC = [3, 8, 12, 16, 7, 14]
OWN_STATUS = {
    "loki": [400, 413, 400, 401, 403, 503],
    "datadog": [400, 413, 400, 401, 403, 503],
}
"""The tests of a protocol say why its status is its own."""


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
@pytest.mark.parametrize("number", range(len(ERRORS)), ids=[one.code for one in ERRORS])
def test_an_error_has_the_protocol_s_status(protocol: Any, number: int) -> None:
    error = ERRORS[number]
    reply = protocol.refuse(error, {"content-type": PROTOBUF})
    usual = OVER_GRPC if protocol.grpc else OVER_HTTP
    assert reply.status == OWN_STATUS.get(protocol.name, usual)[number]
    overloaded = isinstance(error, OverloadedError)
    if not protocol.grpc:
        assert dict(reply.headers).get("Retry-After") == ("9" if overloaded else None)
        assert str(error).encode() in reply.body


@pytest.mark.parametrize("name", ["otlp_http", "otlp_grpc"])
def test_otlp_errors_are_a_status_with_the_time_to_wait(name: str) -> None:
    reply = PROTOCOL[name].refuse(OverloadedError("later", retry_after_seconds=9), {})
    status = Status.FromString(reply.body)
    assert (status.code, status.message) == (14, "later")
    retry = RetryInfo()
    assert status.details[0].Unpack(retry)
    assert retry.retry_delay.seconds == 9


def test_errors_are_written_as_the_request_was() -> None:
    error = PayloadError('a "quoted" word')
    as_json = PROTOCOL["otlp_http"].refuse(error, {"content-type": "Application/JSON; x=y"})
    assert json.loads(as_json.body) == {"code": 3, "message": 'a "quoted" word'}
    lines = PROTOCOL["lines"].refuse(error, {})
    assert json.loads(lines.body) == {
        "error": {"code": "invalid_payload", "message": 'a "quoted" word'}
    }
    assert PROTOCOL["loki"].refuse(error, {}).body == b'a "quoted" word\n'
