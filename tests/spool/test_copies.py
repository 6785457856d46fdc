"""Copies: a chunk is stored once for ever, a payload in doubt takes one copy."""

from __future__ import annotations

import random
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model.envelope import Chunk, Envelope, Payload
from meshseal.spool.copies import (
    DELIVERY_SECONDS,
    IN_DOUBT_SECONDS,
    Chunks,
    Deliveries,
    InDoubt,
    StreamMark,
    delivery_digest,
)
from meshseal.spool.tally import TallyBook

ONE = Envelope("team-a", 1, "lines", "trial", Payload.LINES, b"content", 1, labels={"a": "1"})


@given(sequences=st.lists(st.integers(0, 30)), restart=st.integers(0, 30))
def test_chunks_are_a_set_that_survives_a_restart(sequences: list[int], restart: int) -> None:
    chunks, seen = Chunks(), set()
    for position, sequence in enumerate(sequences):
        if position == restart:
            mark, chunks = chunks.mark("t", "agent", 3), Chunks()
            chunks.load(mark)
        assert chunks.has("t", Chunk("agent", 3, sequence)) == (sequence in seen)
        chunks.add("t", Chunk("agent", 3, sequence))
        seen.add(sequence)
    gaps = [number for number in range(32) if number not in seen]
    assert chunks.mark("t", "agent", 3).next_sequence == min(gaps)
    assert not chunks.has("other", Chunk("agent", 3, 0))
    assert not chunks.has("t", Chunk("agent", 4, 0))
    assert not chunks.has("t", Chunk("another", 3, 0))


def test_a_stream_in_order_takes_no_room() -> None:
    chunks, order = Chunks(), list(range(1000))
    random.Random(1).shuffle(order)
    for sequence in order:
        chunks.add("t", Chunk("agent", 0, sequence))
    assert chunks.mark("t", "agent", 0) == StreamMark("t", "agent", 0, 1000, ())


@pytest.mark.parametrize(
    ("other", "is_copy"),
    [
        pytest.param(ONE, True, id="the same"),
        pytest.param(replace(ONE, received_unix_nano=9), True, id="later"),
        pytest.param(replace(ONE, content=b"Content"), False, id="other bytes"),
        pytest.param(replace(ONE, content=b"content "), False, id="another size"),
        pytest.param(replace(ONE, tenant="team-b"), False, id="another tenant"),
        pytest.param(replace(ONE, source="key:1"), False, id="another sender"),
        pytest.param(replace(ONE, door="documents"), False, id="another door"),
        pytest.param(replace(ONE, format="json"), False, id="another hint"),
        pytest.param(replace(ONE, labels={"a": "2"}), False, id="another label"),
        pytest.param(replace(ONE, labels={"a1": ""}), False, id="labels that read alike"),
    ],
)
def test_what_is_a_copy(other: Envelope, is_copy: bool) -> None:
    in_doubt = InDoubt()
    in_doubt.add(ONE)
    assert in_doubt.take(other) is is_copy
    assert in_doubt.take(ONE) is not is_copy


def test_each_doubt_takes_one_copy_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    in_doubt = InDoubt()
    assert not in_doubt.take(ONE)
    in_doubt.add(ONE)
    assert [in_doubt.take(ONE), in_doubt.take(ONE)] == [True, False]
    in_doubt.add(ONE)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + IN_DOUBT_SECONDS + 1)
    assert not in_doubt.take(ONE)


def test_doubts_are_bounded() -> None:
    in_doubt = InDoubt()
    for number in range(100_010):
        in_doubt.add_digest(number.to_bytes(32, "big"), 1)
    assert len(in_doubt) == 100_000


def test_a_tally_is_told_once_unless_it_is_put_back() -> None:
    book = TallyBook()
    book.refused("a", "lines", 2)
    book.refused("a", "lines", 3)
    book.deduplicated("a", "loki", 1)
    book.refused("b", "lines", 9)
    taken = book.take({"a"})
    assert [(t.door, t.refused, t.deduplicated) for t in taken] == [("lines", 5, 0), ("loki", 0, 1)]
    assert book.take({"a"}) == []
    book.put_back(taken)
    assert book.take({"a"}) == taken
    assert [t.refused for t in book.take({"a", "b"})] == [9]


NAMED = replace(ONE, delivery="chunk-1")


@pytest.mark.parametrize(
    ("other", "same"),
    [
        pytest.param(replace(NAMED, content=b"cut otherwise"), True, id="other bytes"),
        pytest.param(replace(NAMED, received_unix_nano=9), True, id="later"),
        pytest.param(replace(NAMED, delivery="chunk-2"), False, id="another name"),
        pytest.param(replace(NAMED, tenant="team-b"), False, id="another tenant"),
        pytest.param(replace(NAMED, source="key:1"), False, id="another sender"),
        pytest.param(replace(NAMED, door="documents"), False, id="another door"),
        pytest.param(replace(NAMED, door="linesc", delivery="hunk-1"), False, id="runs together"),
    ],
)
def test_a_delivery_is_known_by_its_name(other: Envelope, same: bool) -> None:
    deliveries = Deliveries()
    deliveries.add(delivery_digest(NAMED))
    assert deliveries.has(delivery_digest(other)) == same
    assert len(delivery_digest(other)) == 16


def test_a_delivery_is_known_for_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    deliveries, now = Deliveries(), time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    deliveries.add(b"old", age_seconds=DELIVERY_SECONDS - 10)
    deliveries.add(b"new")
    assert deliveries.has(b"old")
    monkeypatch.setattr(time, "monotonic", lambda: now + 11)
    assert not deliveries.has(b"old")
    assert deliveries.has(b"new")
    deliveries.add(b"newer")
    assert len(deliveries) == 2
