"""Splunk's event collector: every code it answers with, and bodies cut into events exactly."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model.envelope import Payload
from meshseal.model.errors import (
    AuthenticationError,
    ForbiddenError,
    IntegrityError,
    MeshsealError,
    NotFoundError,
    OverloadedError,
    PayloadError,
    RateLimitedError,
    TooLargeError,
    UnsupportedError,
)
from meshseal.wire.protocol import Decoded, Reply, Request
from meshseal.wire.splunk_hec import HEC, TEXTS

CHANNEL = "0aeeac95-ac74-4aa9-b30d-6c4c0ac581ba"
NOW = 1_790_000_000_123_456_789


def ask(
    body: bytes,
    path: str = "/services/collector/event",
    *,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    now: int = NOW,
    query: dict[str, str] | None = None,
) -> Decoded:
    return HEC.decode(
        Request(
            path=path,
            query={name: [value] for name, value in (query or {}).items()},
            headers=headers or {},
            body=body,
            received_unix_nano=now,
            door="splunk_hec",
            tenant="t",
            source="s",
            method=method,
        )
    )


def said(reply: Reply) -> tuple[int, Any]:
    content = json.loads(reply.body)
    content.pop("detail", None)
    return reply.status, content


def refused(body: bytes, path: str = "/services/collector/event", **options: Any) -> Any:
    """Return what a request is refused with."""
    with pytest.raises(MeshsealError) as caught:
        ask(body, path, **options)
    return said(HEC.refuse(caught.value, {}))


# ---- Events ------------------------------------------------------------------------------------

E = b'{"event":"a"}'
TAKEN = {
    "one": (E, E, 1),
    "nothing between": (E + E, E + b"\n" + E, 2),
    "a line each": (E + b"\n" + E + b"\n", E + b"\n" + E + b"\n", 2),
    "lines with CR LF": (E + b"\r\n" + E + b"\r\n", E + b"\r\n" + E + b"\r\n", 2),
    "blanks between": (E + b" \t " + E, E + b"\n" + E, 2),
    "white space before and after": (b" \n" + E + b"\n \n", E, 1),
    "braces inside of strings": (
        b'{"event":"}{"}{"event":"a}\\"{\\\\"}',
        b'{"event":"}{"}\n{"event":"a}\\"{\\\\"}',
        2,
    ),
    "written over several lines": (
        b'{\n "event": {\r\n  "a": 1}\n}\n{"event":\n2}',
        b'{  "event": {\r   "a": 1} }\n{"event": 2}',
        2,
    ),
    "members in any order, unknown ones too": (
        b'{"channel":"c","fields":{"a":["b"]},"event":[1],"time":"now"}',
        b'{"channel":"c","fields":{"a":["b"]},"event":[1],"time":"now"}',
        1,
    ),
    "fields that are null": (b'{"event":0,"fields":null}', b'{"event":0,"fields":null}', 1),
    "an event within the event is none": (
        b'{"event":{"event":""}}',
        b'{"event":{"event":""}}',
        1,
    ),
    "bytes that are no UTF-8": (b'{"event":"\xff"}', b'{"event":"\xff"}', 1),
    "half of a pair of surrogates": (
        b'{"event":"a\\ud83dbcdefgh"}{"event":"\\ud83d\\ude00\\\\ud83d\\ude00"}',
        b'{"event":"a\\ufffdbcdefgh"}\n{"event":"\\ud83d\\ude00\\\\ud83d\\ufffd"}',
        2,
    ),
    "a blank that is an event": (b'{"event":" "}', b'{"event":" "}', 1),
}


@pytest.mark.parametrize(("body", "content", "records"), TAKEN.values(), ids=TAKEN)
@pytest.mark.parametrize("path", ["", "/", "/event", "/event/1.0"])
def test_events_are_taken(path: str, body: bytes, content: bytes, records: int) -> None:
    decoded = ask(body, f"/services/collector{path}")
    (envelope,) = decoded.envelopes
    assert (envelope.kind, envelope.content) == (Payload.SPLUNK_EVENTS, content)
    assert (envelope.records, envelope.tenant, envelope.source) == (records, "t", "s")
    assert said(decoded.reply) == (200, {"text": "Success", "code": 0})


REFUSED: dict[str, tuple[bytes, int, int | None]] = {
    "nothing": (b"", 5, None),
    "blanks only": (b" \r\n", 5, None),
    "no JSON": (b"hello", 6, 0),
    "half an event": (b'{"event":"a"', 6, 0),
    "a half behind a whole": (E + b'{"event":"a', 6, 1),
    "text behind a whole": (E + b" x", 6, 1),
    "a brace too many": (E + b"}" + E, 6, 1),
    "a comma between": (E + b"," + E, 6, 1),
    "an array": (b"[" + E + b"]", 6, 0),
    "a number": (b"7", 6, 0),
    "two events with the second bad": (E + b"\n{event:1}\n" + E, 6, 1),
    "no event": (E + b'{"host":"a"}', 12, 1),
    "a blank event": (E + b'{"event":""}', 13, 1),
    "a null event": (b'{"event": null}', 13, 0),
    "an empty object as event": (E + E + b'{"event":{ }}', 13, 2),
    "fields that are an array": (E + b'{"event":1,"fields":[]}', 15, 1),
    "fields that are text": (b'{"event":1,"fields":"a"}', 15, 0),
    "nested too deep": (b'{"event":' * 5000, 6, 0),
}


@pytest.mark.parametrize(("body", "code", "number"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_says_which_event_it_is(body: bytes, code: int, number: int | None) -> None:
    expected: dict[str, Any] = {"text": TEXTS[code], "code": code}
    if number is not None:
        expected["invalid-event-number"] = number
    assert refused(body) == (400, expected)


_TEXT = st.text(st.sampled_from('ab{}"\\[]:,é\n '), max_size=8)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
_EVENTS = st.fixed_dictionaries(
    {"event": _VALUES.filter(lambda value: value not in (None, "", {}))},
    optional={"time": _VALUES, "fields": st.dictionaries(_TEXT, _VALUES, max_size=3)},
)


@given(
    events=st.lists(_EVENTS, min_size=1, max_size=5),
    between=st.sampled_from(["", " ", "\n", "\r\n", "\n\n", "\t \n"]),
    indent=st.sampled_from([None, 1]),
)
def test_any_events_are_cut_where_they_were_joined(
    events: list[Any], between: str, indent: int | None
) -> None:
    body = between.join(json.dumps(event, indent=indent) for event in events).encode()
    (envelope,) = ask(body).envelopes
    lines = [line for line in bytes(envelope.content).split(b"\n") if line.strip()]
    assert [json.loads(line) for line in lines] == events
    assert envelope.records == len(events)


@given(body=st.text(st.sampled_from('{}"\\:e1,[] \n\r'), max_size=60).map(str.encode))
def test_any_text_is_events_or_refused(body: bytes) -> None:
    with contextlib.suppress(PayloadError):
        (envelope,) = ask(body).envelopes
        kept = [line for line in bytes(envelope.content).split(b"\n") if line.rstrip(b"\r")]
        assert len(kept) == envelope.records
        assert all("event" in json.loads(line) for line in kept)


@pytest.mark.parametrize(
    "body", [b'"{' * 100_000, b'{"' * 100_000, b'"\\"' * 100_000 + b"\\", b'{"a":"}{"}' * 50_000]
)
def test_a_long_body_takes_time_in_proportion(body: bytes) -> None:
    # With a scanner that goes back over what it saw, each of these takes hours, not milliseconds.
    with pytest.raises(PayloadError):
        ask(body)


# ---- Metadata, lines ---------------------------------------------------------------------------

META = {"host": "h", "source": "/a", "sourcetype": "st", "index": "i"}
LABELS = {
    "host.name": "h",
    "com.splunk.source": "/a",
    "com.splunk.sourcetype": "st",
    "com.splunk.index": "i",
}


@pytest.mark.parametrize("path", ["/raw", "/raw/1.0", "/raw/"])
def test_raw_lines_are_lines_with_their_metadata(path: str) -> None:
    body = b"one\r\n\ntwo \xff\n"
    (envelope,) = ask(body, f"/services/collector{path}", query=META).envelopes
    assert (envelope.kind, envelope.content, envelope.records) == (Payload.LINES, body, 2)
    assert envelope.labels == LABELS


def test_events_have_the_metadata_of_their_request() -> None:
    assert ask(E, query={**META, "channel": CHANNEL}).envelopes[0].labels == LABELS


def test_raw_without_a_line_is_no_data() -> None:
    assert refused(b"\n", "/services/collector/raw") == (400, {"text": "No data", "code": 5})


# ---- Acknowledgements --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "query"),
    [({"x-splunk-request-channel": CHANNEL}, {}), ({}, {"channel": CHANNEL})],
)
@pytest.mark.parametrize("path", ["/services/collector/event", "/services/collector/raw"])
def test_with_a_channel_there_is_an_id_that_holds(
    headers: dict[str, str], query: dict[str, str], path: str
) -> None:
    status, content = said(ask(E, path, headers=headers, query=query).reply)
    assert (status, content["code"]) == (200, 0)
    given_id = content["ackId"]
    assert 0 < given_id < 2**53
    asked = json.dumps({"acks": [given_id]}).encode()
    answer = ask(asked, "/services/collector/ack", headers=headers, now=NOW + 1, query=query)
    assert said(answer.reply) == (200, {"acks": {str(given_id): True}})
    assert answer.envelopes == ()


def test_without_a_channel_there_is_no_id() -> None:
    assert "ackId" not in said(ask(E).reply)[1]


def test_ids_that_were_never_given_are_false() -> None:
    late = NOW // 1000 + 1
    answer = ask(
        b'{"acks":[0,1,-5,%d]}' % late, "/services/collector/ack", query={"channel": CHANNEL}
    )
    assert said(answer.reply)[1] == {"acks": dict.fromkeys(("0", "1", "-5", str(late)), False)}


ACK_REFUSED = {
    "no channel": (b'{"acks":[1]}', {}, 10),
    "a channel that is none": (b'{"acks":[1]}', {"channel": "abc"}, 11),
    "no JSON": (b"acks", {"channel": CHANNEL}, 6),
    "no list": (b'{"acks":1}', {"channel": CHANNEL}, 6),
    "no numbers": (b'{"acks":["1"]}', {"channel": CHANNEL}, 6),
    "a number without end": (b'{"acks":[%s]}' % (b"9" * 40), {"channel": CHANNEL}, 6),
    "nothing": (b"", {"channel": CHANNEL}, 6),
}


@pytest.mark.parametrize(("body", "query", "code"), ACK_REFUSED.values(), ids=ACK_REFUSED)
def test_questions_that_are_none(body: bytes, query: dict[str, str], code: int) -> None:
    expected = {"text": TEXTS[code], "code": code}
    assert refused(body, "/services/collector/ack", query=query) == (400, expected)


# ---- Around it ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/services/collector/health", "/services/collector/health/1.0"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_asks_for_no_credential(path: str, method: str) -> None:
    assert path in HEC.open_paths
    answer = ask(b"", path, method=method)
    assert said(answer.reply) == (200, {"text": "HEC is healthy", "code": 17})


def test_docker_asks_for_the_options_without_a_credential() -> None:
    assert HEC.open_methods == {"OPTIONS"}
    reply = ask(b"", "/services/collector/event/1.0", method="OPTIONS").reply
    assert (reply.status, reply.headers) == (200, (("Allow", "POST, OPTIONS"),))


def test_other_methods_are_not_allowed() -> None:
    status, content = refused(b"", method="GET")
    assert (status, content["code"]) == (405, 6)


@pytest.mark.parametrize("path", ["/services/collector/s2s", "/services/collector/mint", "/x"])
def test_other_paths_are_not_found(path: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        ask(E, path)
    assert said(HEC.refuse(caught.value, {}))[0] == 404


@pytest.mark.parametrize(
    ("headers", "query", "key"),
    [
        ({"authorization": "Splunk abc"}, {}, "abc"),
        ({"authorization": "splunk  abc "}, {}, "abc"),
        ({"authorization": "Splunk "}, {"token": ["x"]}, "empty"),
        ({}, {"token": ["x", "abc"]}, "abc"),
        ({"authorization": "Bearer abc"}, {}, ""),
        ({}, {}, ""),
    ],
)
def test_where_the_token_is(headers: dict[str, str], query: dict[str, list[str]], key: str) -> None:
    assert HEC.credential is not None
    assert HEC.credential("/services/collector", query, headers) == key


WHO = AuthenticationError("who")
ANSWERS: dict[str, tuple[MeshsealError, dict[str, str], int, int]] = {
    "no token": (WHO, {}, 401, 2),
    "a token that is none": (WHO, {"authorization": "Splunk x"}, 403, 4),
    "a password that is none": (WHO, {"authorization": "Basic eDp5"}, 403, 4),
    "a token in the query": (WHO, {":path": "/services/collector?token=x"}, 403, 4),
    "another kind of credential": (WHO, {"authorization": "Digest x"}, 401, 3),
    "a key that may not write": (ForbiddenError("no"), {}, 403, 1),
    "too large": (TooLargeError("big"), {}, 413, 6),
    "an unknown encoding": (UnsupportedError("odd"), {}, 415, 6),
    "busy": (OverloadedError("later"), {":path": "/services/collector?"}, 503, 9),
    "over its rate": (RateLimitedError("slower"), {}, 503, 9),
    "unhealthy": (OverloadedError("later"), {":path": "/services/collector/health?"}, 503, 18),
    "our own fault": (IntegrityError("oh"), {}, 500, 8),
}


@pytest.mark.parametrize(("error", "headers", "status", "code"), ANSWERS.values(), ids=ANSWERS)
def test_errors_in_splunk_s_words(
    error: MeshsealError, headers: dict[str, str], status: int, code: int
) -> None:
    reply = HEC.refuse(error, headers)
    assert said(reply) == (status, {"text": TEXTS[code], "code": code})
    retry = (("Retry-After", "5"),) if status == 503 else ()
    assert reply.headers == retry
    assert json.loads(reply.body)["detail"] == str(error)
