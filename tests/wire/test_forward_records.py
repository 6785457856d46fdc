"""The Forward protocol: what becomes of records, and which answers there are."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import msgpack
import pytest

from meshseal.model.errors import UnsupportedError
from meshseal.wire.forward_events import MARK
from tests.wire.forward import (
    AT,
    ENTRY,
    ONE,
    TAG,
    capture_folders,
    capture_secrets,
    entries,
    event_time,
    pack,
    session,
    str32,
    talk,
)

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


@pytest.mark.parametrize("folder", capture_folders(), ids=lambda path: path.name)
def test_a_capture_of_a_real_client(folder: Path) -> None:
    """What the client wrote on one connection, and the answer that it was content with."""
    sent = (folder / "sent.bin").read_bytes()
    expected = json.loads((folder / "expected.json").read_text())
    one = session(capture_secrets(folder))
    taken = talk(one, *(sent[at : at + 7] for at in range(0, len(sent), 7)))
    assert one.opened() + taken.answers == (folder / "answered.bin").read_bytes()
    assert [[tag.decode(), *rest] for tag, *rest, _ in taken.events] == expected["events"]
