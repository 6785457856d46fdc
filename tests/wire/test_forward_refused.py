"""The Forward protocol: what is refused, its limits, and heartbeats."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from backports import zstd

from meshseal.model.errors import PayloadError, TooLargeError
from meshseal.wire import forward_events
from meshseal.wire.forward import FORWARD_UDP
from meshseal.wire.stream import Datagram, Sender
from tests.wire.forward import (
    AT,
    ENTRY,
    ONE,
    RECEIVED,
    TAG,
    TWO,
    Taken,
    entries,
    pack,
    session,
    talk,
)

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
