"""Datadog's conversation: what is taken, what is answered, and in which words it is refused."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model.envelope import Payload
from meshseal.model.errors import (
    AuthenticationError,
    EngineError,
    ForbiddenError,
    MeshsealError,
    NotFoundError,
    OverloadedError,
    PayloadError,
    RateLimitedError,
    TooLargeError,
    UnsupportedError,
)
from meshseal.wire import PROTOCOL
from meshseal.wire.datadog import credential, decode, refuse
from meshseal.wire.protocol import Decoded, Request

JSON = "application/json"


def request(
    path: str,
    body: bytes = b"",
    media_type: str = JSON,
    *,
    query: dict[str, list[str]] | None = None,
    method: str = "POST",
    **headers: str,
) -> Request:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(
        path=path,
        method=method,
        query=query or {},
        headers={"content-type": media_type, **given},
        body=body,
        received_unix_nano=7,
        door="datadog",
        tenant="t",
        source="s",
    )


def logs(body: bytes, media_type: str = JSON, path: str = "/api/v2/logs") -> Decoded:
    return decode(request(path, body, media_type))


# ---- Logs --------------------------------------------------------------------------------------

TAKEN = {
    "an array, as the Agent sends": (b'[{"message":"a"},{"message":"b"}]', JSON, 2, ""),
    "one object": (b'{"message":"a"}', JSON, 1, ""),
    "one object over several lines": (b'{\n "message": "a"\n}', JSON, 1, ""),
    "an object in each line": (b'{"message":"a"}\n\n{"message":"b"}\r\n', JSON, 2, ""),
    "json;simple": (b'{"message":"a"}', "application/json;simple", 1, ""),
    "an array without a media type": (b' [{"message":"a"}]', "", 1, ""),
    "text": (b"one\n\r\ntwo\r\n", "text/plain; charset=utf-8", 2, "text"),
    "text that begins as JSON does": (b"[one\n[two", "text/plain", 2, "text"),
    "text that curl says is a form": (b"one", "application/x-www-form-urlencoded", 1, "text"),
    "logplex": (b"83 <40>1 2012-11-30T06:45:29+00:00 host app web.3 - x\n", "application/logplex-1",
                1, "text"),
    "bytes that are no text": (b"\xff\xfe\n\x00", "text/plain", 2, "text"),
    "half of a character": (b'[{"message":"\\ud800"}]', JSON, 1, ""),
    "no UTF-8": (b'[{"message":"\xff"}]', JSON, 1, ""),
    "a number no double holds": (b'[{"message":"a","n":1e999,"m":NaN}]', JSON, 1, ""),
    "objects that say nothing": (b"[{},{}]", JSON, 2, ""),
}  # fmt: skip


@pytest.mark.parametrize(("body", "media_type", "records", "hint"), TAKEN.values(), ids=TAKEN)
def test_logs_are_taken(body: bytes, media_type: str, records: int, hint: str) -> None:
    decoded = logs(body, media_type)
    (found,) = decoded.envelopes
    assert (found.kind, found.records, found.format) == (Payload.DATADOG_LOGS, records, hint)
    assert (found.tenant, found.source, found.door) == ("t", "s", "datadog")
    assert (decoded.reply.status, decoded.reply.body) == (202, b"{}")
    if not hint:
        assert len(msgspec.json.decode(found.content)) == records


def test_what_the_agent_sends_is_kept_to_the_letter() -> None:
    body = b'[{"message":"a \\u00e9","n":1.10}]'
    assert logs(body).envelopes[0].content == body


def test_a_number_that_no_double_holds_becomes_text() -> None:
    (found,) = logs(b'[{"n":1e999,"m":-Infinity,"i":123456789012345678901234,"f":1.5}]').envelopes
    assert json.loads(bytes(found.content)) == [
        {"n": "1e999", "m": "-Infinity", "i": "123456789012345678901234", "f": 1.5}
    ]


REFUSED = {
    "no JSON": b"[{",
    "an array of texts": b'["a"]',
    "a text": b'"a"',
    "a number": b"7",
    "an array in an array": b"[[{}]]",
    "lines of which one is none": b'{"message":"a"}\nb',
    "too deep": b'[{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}]",
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_what_are_no_logs_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadError, match="not an array of logs"):
        logs(body)


@pytest.mark.parametrize("body", [b"", b"{}", b" {}\n", b"[]"])
@pytest.mark.parametrize(
    ("path", "status"), [("/api/v2/logs", 202), ("/v1/input", 200), ("/v1/input/key", 200)]
)
def test_an_agent_that_asks_whether_anybody_listens_hears_so(
    body: bytes, path: str, status: int
) -> None:
    decoded = logs(body, path=path)
    assert decoded.envelopes == ()
    assert (decoded.reply.status, decoded.reply.body) == (status, b"{}")


def test_the_query_says_what_holds_for_all_logs() -> None:
    query = {"ddsource": ["nodejs"], "ddtags": ["env:prod"], "service": ["a", "b"], "other": ["x"]}
    (found,) = decode(request("/v1/input/key", b'[{"message":"a"}]', query=query)).envelopes
    assert found.labels == {"ddsource": "nodejs", "ddtags": "env:prod", "service": "b"}


def test_the_query_has_a_bound() -> None:
    with pytest.raises(PayloadError, match="4096 characters"):
        decode(request("/api/v2/logs", b"[{}]", query={"ddtags": ["x" * 4097]}))


# ---- The rest of the conversation --------------------------------------------------------------

ANSWERS = {
    "a key that holds": ("GET", "/api/v1/validate", 200, {"valid": True}),
    "metrics": ("POST", "/api/v2/series", 202, {}),
    "older metrics": ("POST", "/api/v1/series", 202, {}),
    "sketches": ("POST", "/api/beta/sketches", 202, {}),
    "checks": ("POST", "/api/v1/check_run", 202, {}),
    "metadata": ("POST", "/intake/", 202, {}),
    "processes": ("POST", "/api/v1/collector", 202, {}),
    "objects of Kubernetes": ("POST", "/api/v2/orch", 202, {}),
    "telemetry of a tracer": ("POST", "/telemetry/proxy/api/v2/apmtelemetry", 202, {}),
    "statistics of a tracer": ("PUT", "/v0.6/stats", 200, {}),
    "statistics of an Agent": ("POST", "/api/v0.2/stats", 200, {}),
    "events of a browser's tests": ("POST", "/evp_proxy/v4/api/v2/citestcycle", 202, {}),
}


@pytest.mark.parametrize(("method", "path", "status", "body"), ANSWERS.values(), ids=ANSWERS)
def test_answers(method: str, path: str, status: int, body: Any) -> None:
    decoded = decode(request(path, b"\x00\xff", "", method=method))
    assert (decoded.reply.status, json.loads(decoded.reply.body)) == (status, body)
    assert decoded.envelopes == ()
    assert decoded.outcome == ("accepted" if path.endswith("validate") else "not_kept")


@pytest.mark.parametrize(
    "path", ["/", "/v1.0/traces", "/api/v2/logs/x", "/api/v3/logs", "/v0.7/config", "/v1/inputs"]
)
def test_what_datadog_does_not_have_is_not_found(path: str) -> None:
    with pytest.raises(NotFoundError):
        decode(request(path))


@pytest.mark.parametrize("path", ["/key/msk_a_b", "/key/msk_a_b/x", "/v1/input/msk_a_b/x"])
def test_a_key_in_a_path_is_not_told(path: str) -> None:
    with pytest.raises(NotFoundError) as raised:
        decode(request(path))
    assert "msk" not in str(raised.value)


def test_a_tracer_learns_which_versions_it_may_choose_from() -> None:
    info = json.loads(decode(request("/info", method="GET")).reply.body)
    assert {"/v0.4/traces", "/v0.5/traces"} <= set(info["endpoints"])
    assert info["client_drop_p0s"] is False
    for path in info["endpoints"]:
        found = decode(request(path if path.endswith("s") else f"{path}x"))
        assert found.reply.status in (200, 202)


KEYS: dict[str, tuple[str, dict[str, list[str]], dict[str, str]]] = {
    "the header": ("/api/v2/logs", {}, {"dd-api-key": "k"}),
    "dd-api-key in the query": ("/api/v2/logs", {"dd-api-key": ["k"]}, {}),
    "api_key in the query": ("/api/v1/validate", {"api_key": ["k"]}, {}),
    "the path of logs": ("/v1/input/k", {}, {}),
    "the path of a tracer": ("/key/k/v0.5/traces", {}, {}),
    "the header before the path": ("/v1/input/other", {}, {"dd-api-key": "k"}),
}


@pytest.mark.parametrize(("path", "query", "headers"), KEYS.values(), ids=KEYS)
def test_where_a_key_may_be(
    path: str, query: dict[str, list[str]], headers: dict[str, str]
) -> None:
    assert credential(path, query, headers) == "k"
    assert credential("/v0.4/traces", {}, {}) == credential("/v1/input", {}, {}) == ""


def test_a_key_in_the_path_leaves_the_path_as_it_is() -> None:
    assert len(decode(request("/key/k/api/v2/logs", b"[{}]")).envelopes) == 1
    assert decode(request("/key/k/info")).reply.status == 200


REFUSALS: dict[str, tuple[MeshsealError, str, int]] = {
    "no key": (AuthenticationError("x"), "/api/v2/logs?", 401),
    "a wrong key in the query": (AuthenticationError("x"), "/api/v1/validate?api_key=k", 403),
    "a wrong key in the path": (AuthenticationError("x"), "/v1/input/k?", 403),
    "a reader's key": (ForbiddenError("x"), "/api/v2/logs?", 403),
    "no logs": (PayloadError("x"), "/api/v2/logs?", 400),
    "too much": (TooLargeError("x"), "/api/v2/logs?", 413),
    "an encoding that nobody knows": (UnsupportedError("x"), "/api/v2/logs?", 400),
    "a full spool": (OverloadedError("x", retry_after_seconds=9), "/api/v2/logs?", 503),
    "a sender that is too fast": (RateLimitedError("x"), "/api/v2/logs?", 429),
    "an engine that is away": (EngineError("x"), "/api/v2/logs?", 503),
    "no such path": (NotFoundError("x"), "/x?", 404),
}
DROPPED_BY_THE_AGENT = (400, 401, 403, 413)


@pytest.mark.parametrize(("error", "path", "status"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(error: MeshsealError, path: str, status: int) -> None:
    reply = refuse(error, {":path": path})
    assert reply.status == status
    assert json.loads(reply.body)["errors"][0]["status"] == str(status)
    assert (status in DROPPED_BY_THE_AGENT) == (not error.retryable) or status == 404
    wait = dict(reply.headers).get("Retry-After")
    retried = isinstance(error, OverloadedError)
    assert wait == (str(error.retry_after_seconds) if retried else None)


def test_a_wrong_key_in_the_header_is_forbidden() -> None:
    headers = {":path": "/api/v2/logs?", "dd-api-key": "k"}
    assert refuse(AuthenticationError("x"), headers).status == 403


# ---- Any bytes ---------------------------------------------------------------------------------

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda values: st.lists(values) | st.dictionaries(st.text(st.characters()), values),
    max_leaves=20,
)


@given(
    st.sampled_from(
        ["/api/v2/logs", "/v1/input", "/v0.3/traces", "/v0.4/traces", "/v0.5/traces",
         "/v0.7/traces", "/api/v0.2/traces"]
    ),
    st.binary() | _VALUES.map(lambda value: json.dumps(value).encode()),
    st.sampled_from([JSON, "text/plain", "application/msgpack", ""]),
)  # fmt: skip
def test_any_bytes_are_taken_or_refused(path: str, body: bytes, media_type: str) -> None:
    try:
        decoded = decode(request(path, body, media_type))
    except PayloadError:
        return
    assert decoded.reply.status in (200, 202)
    assert all(one.records > 0 for one in decoded.envelopes)


@given(st.lists(st.dictionaries(st.text(st.characters()), _VALUES)))
def test_any_objects_are_as_many_records(objects: list[Any]) -> None:
    body = json.dumps(objects).encode()
    assert logs(body).records == len(objects)


def test_the_protocol_is_in_the_table() -> None:
    assert PROTOCOL["datadog"].native_port == 8282
    assert PROTOCOL["datadog"].prefix == "/datadog"
    assert "/api/v2/logs" in PROTOCOL["datadog"].paths
