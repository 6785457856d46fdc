"""Fluentd's Forward protocol: modes, framings, acknowledgements, the handshake, and bad bytes."""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha512
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgpack
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model.envelope import Envelope, Payload
from meshseal.model.errors import (
    AuthenticationError,
    MeshsealError,
    PayloadError,
    TooLargeError,
    UnsupportedError,
)
from meshseal.wire import forward_events
from meshseal.wire.forward import FORWARD, FORWARD_UDP
from meshseal.wire.forward_events import MARK
from meshseal.wire.protos.spool_pb2 import FluentEvents
from meshseal.wire.stream import (
    Connection,
    Datagram,
    Refuse,
    Say,
    Secrets,
    Sender,
    Session,
    Step,
    Take,
)

CAPTURES = Path(__file__).parent / "captures" / "forward"
RECEIVED = 1_790_000_000 * 10**9
AT = 1_789_899_072
LIMIT = 1 << 20
NONCE = bytes(range(32))
Event = tuple[bytes, int, Any, Any]


def connection(secrets: Secrets | None = None, limit_bytes: int = LIMIT) -> Connection:
    return Connection(
        door="forward",
        tenant="team-a",
        sender=None if secrets else Sender("certificate:web-1", "team-a"),
        secrets=secrets or Secrets(),
        nonce=NONCE,
        host="meshseal-1",
        limit_bytes=limit_bytes,
    )


def session(secrets: Secrets | None = None, limit_bytes: int = LIMIT) -> Session:
    assert FORWARD.session is not None
    return FORWARD.session(connection(secrets, limit_bytes))


@dataclass(slots=True)
class Taken:
    """What a session made of bytes: events as (tag, nanoseconds, record, metadata), and answers."""

    events: list[Event] = field(default_factory=list)
    answers: bytes = b""
    deliveries: list[str] = field(default_factory=list)
    patient: set[bool | None] = field(default_factory=set)
    refused: list[Refuse] = field(default_factory=list)

    def step(self, step: Step) -> None:
        match step:
            case Say(data):
                self.answers += data
            case Refuse():
                self.refused.append(step)
                self.answers += step.data
            case Take():
                self.answers += step.reply
                self.patient.add(step.patient)
                for envelope in step.envelopes:
                    self.deliveries.append(envelope.delivery)
                    self.events += events_of(envelope)


def events_of(envelope: Envelope) -> list[Event]:
    assert (envelope.kind, envelope.door) == (Payload.FLUENT_EVENTS, "forward")
    found: list[Event] = []
    for group in FluentEvents.FromString(bytes(envelope.content)).groups:
        records = group.records.split(b"\n")
        metadata = group.metadata.split(b"\n") if group.metadata else [b"{}"] * len(records)
        rows = zip(group.times, records, metadata, strict=True)
        found += [(group.tag, time, json.loads(one), json.loads(own)) for time, one, own in rows]
    assert envelope.records == len(found) > 0
    return found


def talk(one: Session, *parts: bytes) -> Taken:
    taken = Taken()
    for part in parts:
        for step in one.received(part, RECEIVED):
            taken.step(step)
    assert list(one.ended(RECEIVED)) == []
    return taken


def event_time(seconds: int, nanos: int = 0) -> msgpack.ExtType:
    return msgpack.ExtType(0, struct.pack("!II", seconds, nanos))


def pack(value: Any) -> bytes:
    return bytes(msgpack.packb(value, unicode_errors="surrogateescape"))


def entries(*values: Any) -> bytes:
    return b"".join(map(pack, values))


def str32(content: bytes) -> bytes:
    """What Fluentd writes entries as: text, whatever they hold."""
    return b"\xdb" + struct.pack("!I", len(content)) + content


ENTRY = [event_time(AT, 5), {"log": "a", "n": 1}]
ONE: Event = (b"app.web", AT * 10**9 + 5, {"log": "a", "n": 1}, {})
SEVEN: Event = (b"app.web", AT * 10**9 + 7, {"log": "b"}, {})
TWO = entries(ENTRY, [event_time(AT, 7), {"log": "b"}])
TAG = pack("app.web")

# ---- Modes -------------------------------------------------------------------------------------

MODES: dict[str, tuple[bytes, list[Event]]] = {
    "message": (pack(["app.web", *ENTRY]), [ONE]),
    "message with an option": (pack(["app.web", *ENTRY, {"size": 1}]), [ONE]),
    "message with metadata in its option": (
        pack(["app.web", *ENTRY, {"metadata": {"k": "v"}}]),
        [(*ONE[:3], {"k": "v"})],
    ),
    "message with a tag as bin": (pack([b"app.web", *ENTRY]), [ONE]),
    "forward": (pack(["app.web", [ENTRY, [event_time(AT, 7), {"log": "b"}]]]), [ONE, SEVEN]),
    "forward with an option": (pack(["app.web", [ENTRY], {"size": 1}]), [ONE]),
    "forward with a nil for an option": (pack(["app.web", [ENTRY], None]), [ONE]),
    "forward without entries": (pack(["app.web", []]), []),
    "packed in bin": (pack(["app.web", TWO]), [ONE, SEVEN]),
    "packed in str32, as Fluentd does": (b"\x92" + TAG + str32(TWO), [ONE, SEVEN]),
    "packed, said to be text": (
        b"\x93" + TAG + str32(TWO) + pack({"compressed": "text", "size": 2}),
        [ONE, SEVEN],
    ),
    "packed without entries": (pack(["app.web", b""]), []),
    "gzip": (pack(["app.web", gzip.compress(TWO), {"compressed": "gzip"}]), [ONE, SEVEN]),
    "gzip of several members": (
        pack(["app.web", gzip.compress(TWO[:3]) + gzip.compress(TWO[3:]), {"compressed": "gzip"}]),
        [ONE, SEVEN],
    ),
    "zstd": (pack(["app.web", zstd.compress(TWO), {"compressed": "zstd"}]), [ONE, SEVEN]),
    "gzip that is said to be text": (
        pack(["app.web", gzip.compress(TWO), {"compressed": "text"}]),
        [ONE, SEVEN],
    ),
    "zstd that is said to be gzip": (
        pack(["app.web", zstd.compress(TWO), {"compressed": "gzip"}]),
        [ONE, SEVEN],
    ),
    "gzip of which nothing is said": (pack(["app.web", gzip.compress(TWO)]), [ONE, SEVEN]),
    "no gzip that is said to be gzip": (
        pack(["app.web", TWO, {"compressed": "gzip"}]),
        [ONE, SEVEN],
    ),
    "a heartbeat": (b"\xc0", []),
    "several messages at once": (
        pack(["app.web", *ENTRY])
        + b"\xc0"
        + pack(["app.web", [[event_time(AT, 7), {"log": "b"}]]]),
        [ONE, SEVEN],
    ),
    "a tag that is no UTF-8": (b"\x93\xa1\xff" + entries(*ENTRY), [(b"\xff", *ONE[1:])]),
    "an array of 32 bits": (b"\xdd\0\0\0\x03" + TAG + entries(*ENTRY), [ONE]),
    "entries in an array of 16 bits": (b"\x92" + TAG + b"\xdc\0\x02" + TWO, [ONE, SEVEN]),
    "JSON, message": (
        b'["app.web", 1789899072, {"log": "a", "t": "]\\"[{"}]',
        [(b"app.web", AT * 10**9, {"log": "a", "t": ']"[{'}, {})],
    ),
    "JSON, forward, and one behind it": (
        b'["a", [[1789899072.25, {"n": 1}], [1, {}]], {"size": 2}]\n\n["b", null, {"m": [1, {}]}] ',
        [
            (b"a", AT * 10**9 + 250_000_000, {"n": 1}, {}),
            (b"a", 10**9, {}, {}),
            (b"b", 0, {"m": [1, {}]}, {}),
        ],
    ),
}


@pytest.mark.parametrize(("sent", "expected"), MODES.values(), ids=MODES)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_a_mode(sent: bytes, expected: list[Event], size: int) -> None:
    one = session()
    taken = talk(one, *(sent[at : at + size] for at in range(0, len(sent), size)))
    assert taken.events == expected
    assert taken.answers == b""
    assert taken.patient <= {True}
    assert one.buffered_bytes == len(sent) - len(sent.rstrip())


def test_messages_of_one_event_become_one_envelope() -> None:
    sent = b"".join(pack([f"t{n // 3}", AT + n, {"n": n}]) for n in range(8))
    (step,) = session().received(sent, RECEIVED)
    assert isinstance(step, Take)
    (envelope,) = step.envelopes
    assert [one[2]["n"] for one in events_of(envelope)] == list(range(8))
    assert [one[0] for one in events_of(envelope)] == [b"t0"] * 3 + [b"t1"] * 3 + [b"t2"] * 2
    assert len(FluentEvents.FromString(bytes(envelope.content)).groups) == 3
    assert (envelope.tenant, envelope.source) == ("team-a", "certificate:web-1")


# ---- Times -------------------------------------------------------------------------------------

ORIGINAL = "meshseal.timestamp.original"
TIMES: dict[str, tuple[Any, int, dict[str, Any]]] = {
    "EventTime": (event_time(AT, 123), AT * 10**9 + 123, {}),
    "EventTime in ext of a length": (b"\xc7\x08\x00" + struct.pack("!II", 7, 8), 7 * 10**9 + 8, {}),
    "EventTime after 2038": (event_time(1 << 31, 1), (1 << 31) * 10**9 + 1, {}),
    "seconds": (AT, AT * 10**9, {}),
    "seconds as a double": (AT + 0.123457, AT * 10**9 + 123_457_000, {}),
    "milliseconds": (AT * 1000 + 5, AT * 10**9 + 5_000_000, {}),
    "microseconds": (AT * 10**6 + 5, AT * 10**9 + 5000, {}),
    "nanoseconds": (AT * 10**9 + 5, AT * 10**9 + 5, {}),
    "a timestamp of msgpack": (msgpack.Timestamp(AT, 0), AT * 10**9, {}),
    "digits as text": (str(AT), AT * 10**9, {}),
    "before 1970": (-1000, -1000 * 10**9, {}),
    "none": (None, 0, {}),
    "zero": (0, 0, {}),
    "text": ("yesterday", 0, {ORIGINAL: "yesterday"}),
    "no number": (float("nan"), 0, {ORIGINAL: "NaN"}),
    "too far": (1 << 63, 0, {ORIGINAL: str(1 << 63)}),
    "true": (True, 0, {ORIGINAL: "True"}),
    "another extension": (msgpack.ExtType(5, b"x"), 0, {ORIGINAL: "{'type': 5, 'data': 'x'}"}),
    "Fluent Bit's with metadata": (
        [event_time(AT, 1), {"k": {"l": 1}}],
        AT * 10**9 + 1,
        {"k": {"l": 1}},
    ),
    "Fluent Bit's with nothing": ([event_time(AT, 1), {}], AT * 10**9 + 1, {}),
    "Fluent Bit's with what is no map": ([AT, "x"], AT * 10**9, {"metadata": "x"}),
    "an array of nothing": ([], 0, {ORIGINAL: "[]"}),
}


@pytest.mark.parametrize(("time", "nanos", "metadata"), TIMES.values(), ids=TIMES)
def test_a_time(time: Any, nanos: int, metadata: dict[str, Any]) -> None:
    packed = time if isinstance(time, bytes) else pack(time)
    sent = b"\x92" + TAG + pack(b"\x92" + packed + pack({"n": 1}) + entries(ENTRY))
    assert talk(session(), sent).events == [(b"app.web", nanos, {"n": 1}, metadata), ONE]


def test_groups_of_fluent_bit_give_their_records_what_they_say() -> None:
    begin = [[event_time(0xFFFFFFFF), {"schema": "otlp"}], {"resource": {"attributes": {"a": 1}}}]
    end = [[event_time(0xFFFFFFFE), {}], {}]
    own = [[event_time(AT, 5), {"otlp": {"severity_text": "WARN"}}], {"log": "in"}]
    sent = pack(["t", entries(begin, own, end, ENTRY, begin, [-2, {}], ENTRY)])
    group = {"schema": "otlp", "resource": {"attributes": {"a": 1}}}
    assert talk(session(), sent).events == [
        (b"t", AT * 10**9 + 5, {"log": "in"}, {**group, "otlp": {"severity_text": "WARN"}}),
        (b"t", *ONE[1:]),
        (b"t", *ONE[1:]),
    ]


# ---- Records -----------------------------------------------------------------------------------

BYTES = b"a\xff\xc3\xa4" + MARK.encode()
KEPT = f"a{MARK}ffä{MARK}f4{MARK}8f{MARK}bf{MARK}bf"
RECORDS: dict[str, tuple[bytes, Any]] = {
    "every kind of value": (
        pack({"s": "ä\n", "i": -(1 << 63), "u": (1 << 64) - 1, "f": 0.5, "b": True, "z": None}),
        {"s": "ä\n", "i": -(1 << 63), "u": (1 << 64) - 1, "f": 0.5, "b": True, "z": None},
    ),
    "text as bin, as Ruby's": (
        pack({b"log": b"text", "l": [b"x", [b"y"]]}),
        {"log": "text", "l": ["x", ["y"]]},
    ),
    "bytes that are no UTF-8, in bin": (pack({"b": BYTES}), {"b": KEPT}),
    "bytes that are no UTF-8, in str": (
        b"\x81\xa1b" + bytes([0xA0 + len(BYTES)]) + BYTES,
        {"b": KEPT},
    ),
    "such bytes in a key": (pack({b"\xff": {b"\xfe": 1}}), {f"{MARK}ff": {f"{MARK}fe": 1}}),
    "the mark itself": (pack({"m": MARK}), {"m": f"{MARK}f4{MARK}8f{MARK}bf{MARK}bf"}),
    "half of a pair of surrogates": (
        b"\x81\xa1s\xa3\xed\xa0\x80",
        {"s": f"{MARK}ed{MARK}a0{MARK}80"},
    ),
    "no numbers": (
        pack({"n": float("nan"), "i": [float("inf"), float("-inf")]}),
        {"n": "NaN", "i": ["Infinity", "-Infinity"]},
    ),
    "keys that are no text": (
        pack({1: "i", -1.5: "f", None: "z"}),
        {"1": "i", "-1.5": "f", "null": "z"},
    ),
    "a key that is an array": (b"\x82\x92\x01\xa1x\x01\xa1k\x02", {'[1,"x"]': 1, "k": 2}),
    "a key that is a map": (b"\x81\x81\xa1a\x01\x05", {'{"a":1}': 5}),
    "a time inside": (pack({"t": event_time(AT, 5)}), {"t": f"{AT}.000000005"}),
    "a timestamp inside": (pack({"t": [msgpack.Timestamp(AT, 7)]}), {"t": [f"{AT}.000000007"]}),
    "an extension inside": (
        pack({"e": msgpack.ExtType(9, b"\xff")}),
        {"e": {"type": 9, "data": f"{MARK}ff"}},
    ),
    "no map": (pack("only text"), "only text"),
    "empty": (pack({}), {}),
}


@pytest.mark.parametrize(("record", "expected"), RECORDS.values(), ids=RECORDS)
def test_a_record(record: bytes, expected: Any) -> None:
    event = b"\x92" + pack(AT) + record
    for sent in (
        b"\x93" + TAG + event[1:],
        b"\x92" + TAG + b"\x91" + event,
        b"\x92" + TAG + str32(event + event),
        b"\x94" + TAG + event[1:] + pack({"chunk": "c"}),
    ):
        events = talk(session(), sent).events
        assert {repr(one) for one in events} == {repr((b"app.web", AT * 10**9, expected, {}))}


def test_a_record_that_is_nil_is_none() -> None:
    assert talk(session(), pack(["t", AT, None])).events == []
    assert talk(session(), pack(["app.web", entries([AT, None], ENTRY)])).events == [ONE]


def test_more_entries_than_are_read_at_once() -> None:
    sent = pack(["t", entries(*([event_time(AT, n), {"n": n}] for n in range(2500)))])
    found = talk(session(), sent).events
    assert found == [(b"t", AT * 10**9 + n, {"n": n}, {}) for n in range(2500)]


# ---- Acknowledgements --------------------------------------------------------------------------


def test_a_chunk_is_answered_and_is_a_delivery_of_its_own() -> None:
    sent = b"".join(
        pack(message)
        for message in (
            ["a", entries(ENTRY), {"chunk": "c1", "size": 1}],
            ["b", [ENTRY], {"chunk": "c1"}],
            ["b", *ENTRY, {"chunk": "c2"}],
        )
    )
    taken = talk(session(), sent)
    assert taken.answers == pack({"ack": "c1"}) * 2 + pack({"ack": "c2"})
    assert taken.deliveries == ["c1 a", "c1 b", "c2 b"]
    assert taken.patient == {False}


def test_a_chunk_s_name_comes_back_to_the_byte() -> None:
    sent = b"\x93" + TAG + pack(entries(ENTRY)) + b"\x81\xa5chunk\xa2\xff\xfe"
    taken = talk(session(), sent)
    assert taken.answers == b"\x81\xa3ack\xa2\xff\xfe"
    assert taken.deliveries == ["\\xff\\xfe app.web"]


def test_a_chunk_without_events_is_answered() -> None:
    assert talk(session(), pack(["a", [], {"chunk": "c"}])).answers == pack({"ack": "c"})


def test_json_is_answered_in_json() -> None:
    taken = talk(session(), b'["a", 1, {}, {"chunk": "c"}]')
    assert (taken.answers, taken.deliveries) == (b'{"ack":"c"}', ["c a"])


def test_what_is_not_answered_waits() -> None:
    sent = pack(["a", entries(ENTRY), {"chunk": "c"}]) + pack(["a", *ENTRY])
    taken = talk(session(), sent)
    assert taken.patient == {True}
    assert taken.deliveries == ["c a", ""]


@pytest.mark.parametrize("option", [{}, {"chunk": "c"}], ids=["", "with a chunk"])
@pytest.mark.parametrize("signal", [1, 2])
@pytest.mark.parametrize(
    "events", [b"\xde\xad", [ENTRY], gzip.compress(b"x")], ids=["packed", "forward", "gzip"]
)
def test_metrics_and_traces_are_refused_answered_and_counted(
    events: Any, signal: int, option: dict[str, Any]
) -> None:
    sent = pack(["a", *ENTRY]) + pack(["m", events, {**option, "fluent_signal": signal}])
    taken = talk(session(), sent + pack(["b", *ENTRY]))
    assert [one[0] for one in taken.events] == [b"a", b"b"]
    (refused,) = taken.refused
    assert isinstance(refused.error, UnsupportedError)
    assert (refused.closes, refused.records) == (False, 1)
    assert taken.answers == (pack({"ack": "c"}) if option else b"")


def test_logs_say_so_and_are_taken() -> None:
    assert talk(session(), pack(["app.web", *ENTRY, {"fluent_signal": 0}])).events == [ONE]


# ---- What is not the protocol ------------------------------------------------------------------

BAD: dict[str, bytes] = {
    "a number": pack(5),
    "a map": pack({"a": 1}),
    "an array of nothing": pack([]),
    "a tag alone": pack(["t"]),
    "no tag": pack([1, AT, {}]),
    "a time alone": pack(["t", AT]),
    "an entry that is a number": pack(["t", [5]]),
    "an entry of one": pack(["t", [[AT]]]),
    "an entry that is a map": pack(["t", [{0: 1, 1: 2}]]),
    "packed numbers": pack(["t", b"\x01\x02"]),
    "a packed entry that is cut short": pack(["t", TWO[:-1]]),
    "a packed array without its end": pack(["t", TWO + b"\x92\x01"]),
    "a byte that msgpack does not have": b"\xc1",
    "such a byte in packed entries": pack(["t", b"\xc1"]),
    "gzip that is cut short": pack(["t", gzip.compress(TWO)[:-9]]),
    "zstd that is cut short": pack(["t", zstd.compress(TWO)[:-3]]),
    "a tag without end": pack(["t" * 5000, *ENTRY]),
    "a chunk's name without end": pack(["t", *ENTRY, {"chunk": "c" * 2000}]),
    "a bad timestamp": b"\x93" + TAG + b"\xc7\x03\xffabc" + pack({}),
    "nested too deep": b"\x93" + TAG + b"\x01" + b"\x81\xa1a" * 1100 + b"\x01",
    "JSON that is none": b'["a", x, {}]',
    "JSON that is a map": b"{}",
    "JSON without a tag": b"[1, 2, {}]",
    "JSON of one": b'["a"]',
    "JSON of a time alone": b'["a", 1]',
    "JSON with a bracket too many": b'["a", 1, {}]]',
    "JSON nested too deep": b'["a", 1, ' + b"[" * 5000 + b"]" * 5000 + b"]",
    "JSON that is no UTF-8": b'["a", 1, {"x": "\xff"}]',
}


@pytest.mark.parametrize("sent", BAD.values(), ids=BAD)
def test_what_is_not_the_protocol_is_refused(sent: bytes) -> None:
    with pytest.raises(PayloadError):
        talk(session(), sent)


def test_what_came_before_it_is_taken() -> None:
    taken = Taken()

    def take() -> None:
        for step in session().received(pack(["app.web", *ENTRY]) + b"\xc1", RECEIVED):
            taken.step(step)

    with pytest.raises(PayloadError):
        take()
    assert taken.events == [ONE]


def test_events_beside_one_that_is_nested_too_deep_are_taken() -> None:
    deep = b"\x93" + TAG + b"\x01" + b"\x81\xa1a" * 1010 + b"\x01"
    taken = Taken()

    def take() -> None:
        for step in session().received(pack(["app.web", *ENTRY]) + deep, RECEIVED):
            taken.step(step)

    with pytest.raises(PayloadError):
        take()
    assert taken.events == [ONE]


# ---- Limits ------------------------------------------------------------------------------------


def test_the_limit_of_a_message_is_exact() -> None:
    sent = pack(["app.web", *ENTRY])
    assert talk(session(limit_bytes=len(sent)), sent).events == [ONE]
    with pytest.raises(TooLargeError):
        talk(session(limit_bytes=len(sent) - 1), sent)


@pytest.mark.parametrize(
    "head", [b"\x93" + TAG + b"\xdb\xff\xff\xff\xff", b'["', b"\xdd\xff\xff\xff\xff"]
)
def test_a_message_that_does_not_end_is_refused_at_the_limit(head: bytes) -> None:
    one = session(limit_bytes=5000)
    filling = b"\x01" * 1000
    talk(one, head, *([filling] * 4))
    assert one.buffered_bytes == len(head) + 4000
    with pytest.raises(TooLargeError):
        talk(one, filling)


@pytest.mark.parametrize("compress", [gzip.compress, zstd.compress])
def test_entries_unpack_to_the_limit_only(compress: Any) -> None:
    content = compress(entries(*[[1, {"a": "x" * 1000}]] * 100))
    with pytest.raises(TooLargeError):
        talk(session(limit_bytes=50_000), pack(["t", content]))
    assert len(talk(session(limit_bytes=150_000), pack(["t", content])).events) == 100


@pytest.mark.parametrize("empty", [b"\x80", b"\x90"], ids=["maps", "arrays"])
def test_a_bomb_of_nothing_is_refused(empty: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward_events, "_MAX_CONTAINERS", 5000)
    bomb = b"\x92\x01\xdc\x10\x00" + empty * 4096
    assert len(talk(session(), pack(["t", bomb])).events) == 1
    with pytest.raises(TooLargeError):
        talk(session(), pack(["t", bomb * 2]))


def test_many_small_entries_are_no_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward_events, "_MAX_CONTAINERS", 5000)
    assert len(talk(session(), pack(["t", b"\x92\x01\x80" * 20_000])).events) == 20_000


# ---- The handshake -----------------------------------------------------------------------------

KEY = Secrets(shared_key="s3cret")
USERS = Secrets(shared_key="s3cret", users={"alice": "wonder", "bob": "builder"})


def digest(*parts: bytes | str) -> str:
    joined = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    return sha512(joined).hexdigest()


def ping(key: str = "s3cret", user: str = "", password: str = "", host: str = "web-1") -> bytes:
    auth = NONCE[16:] if user else b""
    secret = digest(auth, user, password) if user else ""
    return pack(["PING", host, b"salt", digest(b"salt", host, NONCE[:16], key), user, secret])


def pong(host: str = "meshseal-1") -> bytes:
    return pack(["PONG", True, "", host, digest(b"salt", host, NONCE[:16], "s3cret")])


@pytest.mark.parametrize(("secrets", "auth"), [(KEY, ""), (USERS, NONCE[16:])])
def test_the_server_begins(secrets: Secrets, auth: Any) -> None:
    hello = ["HELO", {"nonce": NONCE[:16], "auth": auth, "keepalive": True}]
    assert session(secrets).opened() == pack(hello)
    assert session().opened() == b""


@pytest.mark.parametrize(
    ("secrets", "sent", "source"),
    [
        pytest.param(KEY, ping(), "forward:web-1", id="a key"),
        pytest.param(KEY, ping(user="alice"), "forward:web-1", id="a user nobody asked for"),
        pytest.param(USERS, ping(user="alice", password="wonder"), "forward:alice", id="a user"),
        pytest.param(KEY, ping(host="w" * 300), f"forward:{'w' * 255}", id="a long name"),
    ],
)
def test_who_knows_the_secrets_may_send(secrets: Secrets, sent: bytes, source: str) -> None:
    for size in (1, 1000):
        one, taken, sources = session(secrets), Taken(), set()
        data = sent + pack(["app.web", *ENTRY])
        for at in range(0, len(data), size):
            for step in one.received(data[at : at + size], RECEIVED):
                taken.step(step)
                if isinstance(step, Take):
                    sources |= {(e.source, e.tenant) for e in step.envelopes}
        assert taken.answers == pong()
        assert taken.events == [ONE]
        assert sources == {(source, "team-a")}


def test_a_sender_of_the_server_s_own_name_is_given_another() -> None:
    taken = talk(session(KEY), ping(host="meshseal-1"))
    assert taken.answers == pong("meshseal.meshseal-1")


@pytest.mark.parametrize(
    ("secrets", "sent", "reason"),
    [
        pytest.param(KEY, ping(key="other"), "shared_key mismatch", id="another key"),
        pytest.param(KEY, ping(key=""), "shared_key mismatch", id="no key"),
        pytest.param(USERS, ping(), "username/password mismatch", id="no user"),
        pytest.param(
            USERS, ping(user="alice", password="x"), "username/password mismatch", id="a password"
        ),
        pytest.param(USERS, ping(user="eve"), "username/password mismatch", id="an unknown user"),
        pytest.param(
            USERS, ping("x", "alice", "wonder"), "shared_key mismatch", id="a user without the key"
        ),
    ],
)
def test_who_does_not_is_told_so(secrets: Secrets, sent: bytes, reason: str) -> None:
    taken = talk(session(secrets), sent + pack(["app.web", *ENTRY]))
    assert taken.events == []
    (refused,) = taken.refused
    assert isinstance(refused.error, AuthenticationError)
    assert refused.closes
    assert taken.answers == pack(["PONG", False, reason, "", ""])


@pytest.mark.parametrize(
    "sent",
    [
        pack(["app.web", *ENTRY]),
        pack(["PING", "h", "s", "d", ""]),
        pack(["PING", "h", "s", "d", "", 5]),
        pack("PING"),
        b"\xc0",
        b'["PING","h","s","d","",""]',
    ],
)
def test_nothing_is_taken_before_the_ping(sent: bytes) -> None:
    with pytest.raises(PayloadError):
        talk(session(KEY), sent)


def test_a_ping_has_a_limit_of_its_own() -> None:
    with pytest.raises(TooLargeError):
        talk(session(KEY), b"\x96\xa4PING\xdb\x00\xff\xff\xff" + b"x" * 20_000)


# ---- Any bytes ---------------------------------------------------------------------------------

WHOLE = b"".join(sent for sent, _ in MODES.values() if not sent.startswith((b"[", b"{")))


def steps(data: bytes, cuts: Iterable[int]) -> tuple[list[Event], bytes, type[Exception] | None]:
    one, taken = session(), Taken()
    bounds = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    try:
        for begin, end in pairwise(bounds):
            for step in one.received(data[begin:end], RECEIVED):
                taken.step(step)
    except MeshsealError as error:
        return taken.events, taken.answers, type(error)
    return taken.events, taken.answers, None


@given(cuts=st.lists(st.integers(0, 5000), max_size=12))
def test_cuts_make_no_difference(cuts: list[int]) -> None:
    events, answers, error = steps(WHOLE, [])
    assert error is None
    assert steps(WHOLE, cuts) == (events, answers, None)


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=9)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=3) | st.binary(max_size=3) | st.integers(0, 9), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(time=_VALUES, record=_VALUES, metadata=_VALUES)
def test_any_event_is_one_record(time: Any, record: Any, metadata: Any) -> None:
    sent = pack(["t", entries([[AT, metadata], record], [time, {"last": 1}])])
    events = talk(session(), sent).events
    expected = [] if record is None else [AT * 10**9]
    assert [time for _, time, _, _ in events[: len(expected)]] == expected
    assert events[len(expected) :][-1:] in ([], [(b"t", *events[-1][1:])])


@given(data=st.data())
def test_any_bytes_are_taken_or_refused_in_the_protocol_s_words(data: st.DataObject) -> None:
    valid = data.draw(st.sampled_from([sent for sent, _ in MODES.values()]))
    content = bytearray(valid)
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, max(len(content) - 1, 0)))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    steps(bytes(content), [data.draw(st.integers(0, 300))])
    steps(data.draw(st.binary(max_size=60)), [])


# ---- Heartbeats --------------------------------------------------------------------------------


def test_every_datagram_is_answered() -> None:
    assert FORWARD_UDP.datagrams is not None
    sender = Sender("address:10.0.0.1", "default")
    batch = [
        Datagram(data, ("10.0.0.1", 5 + n), sender) for n, data in enumerate((b"\0", b"", b"x"))
    ]
    arrived = FORWARD_UDP.datagrams("forward_udp").received(batch, RECEIVED)
    assert arrived.replies == tuple((b"\0", ("10.0.0.1", 5 + n)) for n in range(3))
    assert (arrived.envelopes, dict(arrived.refused)) == ((), {})


# ---- Captures ----------------------------------------------------------------------------------


def test_there_are_captures() -> None:
    """Of each client every mode; that of `-user` and `-shared-key` begins with the handshake."""
    assert [path.name for path in capture_folders()] == [
        "envoy-1.40.0",
        "fluent-logger-node-3.4.1-CompressedPackedForward",
        "fluent-logger-node-3.4.1-Message",
        "fluent-logger-node-3.4.1-PackedForward",
        "fluent-logger-node-3.4.1-user",
        "fluent-logger-python-0.11.1",
        "fluent-org-logger-node-1.0.10-CompressedPackedForward",
        "fluent-org-logger-node-1.0.10-Forward",
        "fluent-org-logger-node-1.0.10-Message",
        "fluent-org-logger-node-1.0.10-PackedForward",
        "fluent-org-logger-node-1.0.10-shared-key",
    ]


def capture_folders() -> list[Path]:
    return sorted(path.parent for path in CAPTURES.glob("*/sent.bin"))


def capture_secrets(folder: Path) -> Secrets | None:
    return {"user": USERS, "key": KEY}.get(folder.name.rpartition("-")[2])


@pytest.mark.parametrize("folder", capture_folders(), ids=lambda path: path.name)
def test_a_capture_of_a_real_client(folder: Path) -> None:
    """What the client wrote on one connection, and the answer that it was content with."""
    sent = (folder / "sent.bin").read_bytes()
    expected = json.loads((folder / "expected.json").read_text())
    one = session(capture_secrets(folder))
    taken = talk(one, *(sent[at : at + 7] for at in range(0, len(sent), 7)))
    assert one.opened() + taken.answers == (folder / "answered.bin").read_bytes()
    assert [[tag.decode(), *rest] for tag, *rest, _ in taken.events] == expected["events"]
