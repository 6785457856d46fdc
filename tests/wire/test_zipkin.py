"""Zipkin at the door: what is taken, in which words the rest is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model.envelope import Payload
from meshseal.model.errors import (
    AuthenticationError,
    MeshsealError,
    OverloadedError,
    PayloadError,
    RateLimitedError,
    TooLargeError,
    UnsupportedError,
)
from meshseal.wire.protocol import Decoded, Request
from meshseal.wire.zipkin import GRPC, HTTP
from tests.wire.samples import ZIPKIN, zipkin_protobuf
from tests.wire.thrift_bytes import Typed, i64, listed, record, string

JSON, PROTOBUF, THRIFT = "application/json", "application/x-protobuf", "application/x-thrift"
V1, V2 = "/api/v1/spans", "/api/v2/spans"
IDS = {"traceId": "463ac35c9f6413ad", "id": "a2fb4a1d1a96d312"}


def sent(path: str, body: bytes, media_type: str = JSON) -> Decoded:
    return HTTP.decode(
        Request(
            path=path, query={}, headers={"content-type": media_type}, body=body,
            received_unix_nano=7, door="zipkin", tenant="t", source="s",
        )
    )  # fmt: skip


def thrift(**fields: Typed) -> bytes:
    return listed(record(**{"_1": i64(5), "_4": i64(6)} | fields)).binary()


@pytest.mark.parametrize(
    ("body", "media_type", "kind"),
    [
        (ZIPKIN, JSON, Payload.ZIPKIN_SPANS_JSON),
        (ZIPKIN, "application/json; charset=utf-8", Payload.ZIPKIN_SPANS_JSON),
        (ZIPKIN, "", Payload.ZIPKIN_SPANS_JSON),
        (zipkin_protobuf(), PROTOBUF, Payload.ZIPKIN_SPANS),
    ],
    ids=["JSON", "with a charset", "without a type", "protobuf"],
)
def test_version_2_is_kept_as_it_came(body: bytes, media_type: str, kind: Payload) -> None:
    decoded = sent(V2, body, media_type)
    (found,) = decoded.envelopes
    assert (found.kind, found.content, found.records) == (kind, body, 2)
    assert (found.tenant, found.door, found.source) == ("t", "zipkin", "s")
    assert (decoded.reply.status, decoded.reply.body) == (202, b"")


@pytest.mark.parametrize("body", [b"[]", b" [ ] "])
@pytest.mark.parametrize("path", [V1, V2])
def test_no_spans_are_taken(path: str, body: bytes) -> None:
    decoded = sent(path, body)
    assert (decoded.envelopes, decoded.reply.status) == ((), 202)
    assert sent(V1, listed().binary(), THRIFT).envelopes == ()


def test_over_grpc() -> None:
    request = Request(
        path=GRPC.paths[0], query={}, headers={}, body=zipkin_protobuf(), received_unix_nano=7,
        door="zipkin_grpc", tenant="t", source="s",
    )  # fmt: skip
    (found,) = GRPC.decode(request).envelopes
    assert (found.kind, found.records, found.content) == (
        Payload.ZIPKIN_SPANS, 2, zipkin_protobuf(),
    )  # fmt: skip
    assert (GRPC.native_port, GRPC.grpc, HTTP.native_port) == (9412, True, 9411)


BAD: dict[str, dict[str, Any]] = {
    "no trace id": {"traceId": None},
    "no id": {"id": None},
    "an id that is no text": {"id": 7},
    "an id of 17 digits": {"id": "0" * 17},
    "a trace id of 33 digits": {"traceId": "0" * 33},
    "an id that is not hexadecimal": {"id": "xyz"},
    "an empty id": {"id": ""},
    "a parent that is no id": {"parentId": "p"},
    "a kind nobody knows": {"kind": "OTHER"},
    "a negative time": {"timestamp": -1},
    "a time of more than 63 bits": {"timestamp": 2**63},
    "a duration that is text": {"duration": "x"},
    "a tag that is a number": {"tags": {"a": 1}},
    "a tag that is null": {"tags": {"a": None}},
    "tags that are a list": {"tags": []},
    "an annotation without a time": {"annotations": [{"value": "x"}]},
    "a port beyond all": {"localEndpoint": {"port": 65_536}},
    "version 1": {"binaryAnnotations": []},
}


@pytest.mark.parametrize("fields", BAD.values(), ids=BAD)
def test_what_is_no_span_of_version_2_is_refused(fields: dict[str, Any]) -> None:
    span = {name: one for name, one in (IDS | fields).items() if one is not None or name == "tags"}
    with pytest.raises(PayloadError):
        sent(V2, json.dumps([IDS, span]).encode())


@pytest.mark.parametrize(
    ("path", "body", "media_type"),
    [
        (V2, b"", JSON),
        (V2, b"{}", JSON),
        (V2, b"[1]", JSON),
        (V2, b"[[", JSON),
        (V2, b"[" * 100_000, JSON),
        (V2, b"\xff", JSON),
        (V2, b"\x0a\xff", PROTOBUF),
        (V2, ZIPKIN, THRIFT),
        (V1, b"{}", JSON),
        (V1, b'[{"traceId":"x","id":"1"}]', JSON),
        (V1, b'[{"traceId":"1"}]', JSON),
        (V1, b"", THRIFT),
        (V1, b"\x0c\0\0\0\1", THRIFT),
        (V1, b"\x0c\xff\xff\xff\xff", THRIFT),
        (V1, b"\x0a\0\0\0\1" + bytes(8), THRIFT),
        (V1, listed(record(_1=i64(5))).binary(), THRIFT),
        (V1, thrift(_3=i64(1)), THRIFT),
        (V1, thrift(_6=string("x")), THRIFT),
        (V1, thrift(_10=string("x")), THRIFT),
    ],
)
def test_what_is_no_list_of_spans_is_refused(path: str, body: bytes, media_type: str) -> None:
    with pytest.raises(PayloadError):
        sent(path, body, media_type)


def test_version_1_at_the_path_of_version_2_says_where_to() -> None:
    with pytest.raises(PayloadError, match="/api/v1/spans"):
        sent(V2, json.dumps([IDS | {"binaryAnnotations": []}]).encode())


def test_version_1_is_written_in_version_2_s_words() -> None:
    end = {"serviceName": "shop", "ipv4": None, "port": None}
    notes = [{"timestamp": 9, "value": "sr", "endpoint": end},
             {"timestamp": 12, "value": "ss", "endpoint": end}]  # fmt: skip
    values = {"n": 7, "b": False, "f": 0.5}
    tags = [{"key": key, "value": value} for key, value in values.items()]
    span = IDS | {"name": "get", "annotations": notes, "binaryAnnotations": tags}
    (found,) = sent(V1, json.dumps([span]).encode()).envelopes
    assert found.kind is Payload.ZIPKIN_SPANS_JSON
    assert json.loads(bytes(found.content)) == [
        IDS
        | {
            "name": "get", "kind": "SERVER", "timestamp": 9, "duration": 3, "annotations": [],
            "localEndpoint": {"serviceName": "shop"}, "tags": {"n": "7", "b": "false", "f": "0.5"},
        }
    ]  # fmt: skip


def test_values_of_thrift_by_their_types() -> None:
    values = [(b"\1", 0), (b"\0\7", 2), (b"\0\0\0\7", 3), (bytes(7) + b"\7", 4),
              (b"\x3f\xe0" + bytes(6), 5), ("é".encode(), 6), (b"\xff", 6), (b"\xab", 1),
              (b"\xab", 3), (b"x", 99)]  # fmt: skip
    tags = listed(
        *(record(_1=string(str(n)), _2=string(value), _3=Typed(8, kind))
          for n, (value, kind) in enumerate(values))
    )  # fmt: skip
    (found,) = sent(V1, thrift(_8=tags), THRIFT).envelopes
    (span,) = json.loads(bytes(found.content))
    assert list(span["tags"].values()) == [
        "true", "7", "7", "7", "0.5", "é", "\\xff", "ab", "ab", "78",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (PayloadError("no"), 400, 3),
        (TooLargeError("no"), 413, 8),
        (UnsupportedError("no"), 415, 12),
        (AuthenticationError("no"), 401, 16),
        (OverloadedError("no"), 503, 14),
        (RateLimitedError("no"), 429, 14),
    ],
)
def test_how_it_is_refused(error: MeshsealError, status: int, code: int) -> None:
    reply = HTTP.refuse(error, {})
    assert (reply.status, reply.body) == (status, b"no\n")
    waits = ("Retry-After", "5") in reply.headers
    assert waits == isinstance(error, OverloadedError)
    answer = GRPC.refuse(error, {})
    said = Status.FromString(answer.body)
    assert (answer.status, said.code, said.message) == (code, code, "no")


@given(
    st.sampled_from([V1, V2]), st.binary(max_size=200), st.sampled_from([JSON, PROTOBUF, THRIFT])
)
def test_any_bytes_are_taken_or_refused(path: str, body: bytes, media_type: str) -> None:
    try:
        decoded = sent(path, body, media_type)
    except PayloadError:
        return
    assert decoded.records == sum(one.records for one in decoded.envelopes)


@given(st.binary(max_size=60))
def test_any_span_of_thrift_is_taken_or_refused(body: bytes) -> None:
    try:
        sent(V1, b"\x0c\0\0\0\1" + body, THRIFT)
    except PayloadError:
        return
