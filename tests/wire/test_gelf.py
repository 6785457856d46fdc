"""GELF: messages cut from connections, datagrams and chunks; what is none is refused alone."""

from __future__ import annotations

import contextlib
import gzip
import json
import struct
import zlib
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model.envelope import Envelope, Payload
from meshseal.model.errors import MeshsealError, OverloadedError, PayloadError, TooLargeError
from meshseal.receive.decompress import decompress_by_magic
from meshseal.wire import gelf
from meshseal.wire.gelf import HTTP, GelfDatagrams, GelfSession
from meshseal.wire.protocol import Decoded, Request
from meshseal.wire.stream import Connection, Datagram, Refuse, Secrets, Sender, Step, Take

SENDER = Sender("address:10.0.0.1", "t")
SECOND = 10**9


def message(number: int, size: int = 0) -> bytes:
    return json.dumps({"version": "1.1", "short_message": f"m{number}" + "x" * size}).encode()


def lines(envelopes: Iterable[Envelope]) -> list[bytes]:
    found = [bytes(one.content).split(b"\n") for one in envelopes]
    assert [len(one) for one in found] == [one.records for one in envelopes]
    return [line for one in found for line in one]


# ---- TCP ---------------------------------------------------------------------------------------


def session(limit_bytes: int = 1000) -> GelfSession:
    return GelfSession(Connection("gelf", "t", SENDER, Secrets(), b"", "h", limit_bytes))


def told(steps: Iterable[Step]) -> tuple[list[bytes], int, bool]:
    """Return the messages taken, how many were refused, and whether the connection goes on."""
    taken: list[Envelope] = []
    refused = 0
    for step in steps:
        if isinstance(step, Take):
            assert step.reply == b""
            taken += step.envelopes
        else:
            assert isinstance(step, Refuse)
            refused += step.records
            if step.closes:
                return lines(taken), refused, False
    return lines(taken), refused, True


STREAMS: dict[str, tuple[bytes, list[bytes], int]] = {
    "one": (b'{"a":1}\0', [b'{"a":1}'], 0),
    "two": (b'{"a":1}\0{"b":2}\0', [b'{"a":1}', b'{"b":2}'], 0),
    "empty ones between": (b'\0\0{"a":1}\0 \n\0', [b'{"a":1}'], 0),
    "over several lines": (b'{\n"a":\r\n1}\0{}\0', [b'{ "a":\r 1}', b"{}"], 0),
    "several behind one another": (b'{"a":1}\n{"b":2}\0', [b'{"a":1}', b'{"b":2}'], 0),
    "one that is none": (b'{"a":1}\0hello\0{"b":2}\0', [b'{"a":1}', b'{"b":2}'], 1),
    "an array": (b'[{"a":1}]\0', [], 1),
    "without a NUL at the end": (b'{"a":1}\0{"b":2}', [b'{"a":1}', b'{"b":2}'], 0),
    "half a message at the end": (b'{"a":1}\0{"b":', [b'{"a":1}'], 1),
    "nothing": (b"", [], 0),
}


@pytest.mark.parametrize(("data", "messages", "refused"), STREAMS.values(), ids=STREAMS)
def test_a_connection_gives_its_messages(data: bytes, messages: list[bytes], refused: int) -> None:
    one = session()
    assert told([*one.received(data, 1), *one.ended(1)]) == (messages, refused, True)
    assert one.buffered_bytes == 0


@given(data=st.data())
def test_it_does_not_matter_how_the_network_cut_it(data: st.DataObject) -> None:
    whole, messages, refused = data.draw(st.sampled_from(list(STREAMS.values())))
    one, rest = session(), whole
    steps: list[Step] = []
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        steps += one.received(rest[:size], 1)
        rest = rest[size:]
        assert one.buffered_bytes <= len(whole)
    assert told([*steps, *one.ended(1)]) == (messages, refused, True)


@given(pieces=st.lists(st.binary(max_size=30), max_size=6))
def test_any_bytes_are_messages_or_refused(pieces: list[bytes]) -> None:
    one = session()
    steps = [step for piece in pieces for step in one.received(piece, 1)]
    _, refused, goes_on = told([*steps, *one.ended(1)])
    frames = [frame for frame in b"".join(pieces).split(b"\0") if frame.strip()]
    assert goes_on
    assert refused <= len(frames)


def test_a_message_without_end_closes_the_connection() -> None:
    one = session(limit_bytes=100)
    assert told(one.received(b'{"a":"' + b"x" * 94, 1)) == ([], 0, True)
    (step,) = one.received(b"x", 1)
    assert isinstance(step, Refuse)
    assert (type(step.error), step.closes, step.records) == (TooLargeError, True, 1)


# ---- UDP ---------------------------------------------------------------------------------------


def chunks(data: bytes, size: int, *, name: bytes = b"12345678") -> list[bytes]:
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    return [
        b"\x1e\x0f" + name + struct.pack("BB", number, len(parts)) + part
        for number, part in enumerate(parts)
    ]


def sent(
    door: GelfDatagrams,
    *data: bytes,
    at: int = 0,
    address: tuple[str, int] = ("10.0.0.1", 1),
    sender: Sender = SENDER,
) -> tuple[list[bytes], int]:
    """Return the messages that datagrams gave, and how many were refused."""
    arrived = door.received([Datagram(one, address, sender) for one in data], at)
    assert arrived.replies == ()
    assert all(one.kind is Payload.GELF_MESSAGES for one in arrived.envelopes)
    return lines(arrived.envelopes), sum(arrived.refused.values())


PACKED = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "zlib, fast": lambda data: zlib.compress(data, 1),
    "zlib, best": lambda data: zlib.compress(data, 9),
}


@pytest.mark.parametrize("pack", PACKED.values(), ids=PACKED)
def test_datagrams_whole_or_in_chunks(pack: object) -> None:
    assert callable(pack)
    door = GelfDatagrams("gelf_udp")
    bodies = [message(number, 300) for number in range(5)]
    assert sent(door, *(pack(body) for body in bodies)) == (bodies, 0)
    parts = chunks(pack(bodies[0]), 20)
    assert 1 < len(parts) <= gelf.MAX_CHUNKS
    assert sent(door, *parts) == (bodies[:1], 0)
    assert sent(door, *reversed(parts)) == (bodies[:1], 0)
    assert sent(door, *parts[:2], *parts) == (bodies[:1], 0)
    assert [sent(door, part) for part in parts][-1] == (bodies[:1], 0)
    assert door.pending_bytes == 0


BAD_DATAGRAMS = {
    "text": b"hello",
    "an array": b"[]",
    "nothing": b"",
    "blanks": b" \n",
    "half a message": b'{"a":',
    "broken gzip": gzip.compress(b"{}")[:-9],
    "broken zlib": zlib.compress(b'{"a":1}')[:-5],
    "gzip of no message": gzip.compress(b"hello"),
    "a message of one chunk with nothing in it": b"\x1e\x0f12345678\x00\x01",
    "less than a chunk's head": b"\x1e\x0f1234",
    "a chunk beyond the last": b"\x1e\x0f12345678\x02\x02x",
    "a chunk of none": b"\x1e\x0f12345678\x00\x00x",
    "129 chunks": b"\x1e\x0f12345678\x00\x81x",
    "a chunk that is no message": b"\x1e\x0f12345678\x00\x01x",
    "larger than a message may be": zlib.compress(bytes(gelf.MAX_MESSAGE_BYTES + 1)),
}


@pytest.mark.parametrize("data", BAD_DATAGRAMS.values(), ids=BAD_DATAGRAMS)
def test_what_is_no_message_is_refused_alone(data: bytes) -> None:
    door = GelfDatagrams("gelf_udp")
    assert sent(door, message(1), data, message(2)) == ([message(1), message(2)], 1)
    assert door.pending_bytes == 0


def test_chunks_of_others_are_others() -> None:
    door = GelfDatagrams("gelf_udp")
    first, second = chunks(message(1), 30)
    assert sent(door, first, address=("10.0.0.1", 1)) == ([], 0)
    assert sent(door, second, address=("10.0.0.1", 2)) == ([], 0)
    assert sent(door, second, sender=Sender("address:10.0.0.2", "u")) == ([], 0)
    assert sent(door, second, address=("10.0.0.1", 1)) == ([message(1)], 0)
    assert door.pending_bytes == 2 * len(second)


def test_the_last_chunk_may_be_empty() -> None:
    body = message(1)
    whole, empty = b"\x1e\x0f12345678\x00\x02" + body, b"\x1e\x0f12345678\x01\x02"
    assert sent(GelfDatagrams("gelf_udp"), whole, empty) == ([body], 0)


def test_another_number_of_chunks_is_refused() -> None:
    door = GelfDatagrams("gelf_udp")
    first, second = chunks(message(1), 30)
    other = second[:11] + b"\x03" + second[12:]
    assert sent(door, first, other) == ([], 1)
    assert sent(door, second) == ([message(1)], 0)


def test_chunks_that_come_too_late_are_given_up_and_counted() -> None:
    door = GelfDatagrams("gelf_udp")
    first, second = chunks(message(1), 30)
    assert sent(door, first, at=0) == ([], 0)
    assert sent(door, second, at=gelf.CHUNK_NANOS - 1) == ([message(1)], 0)
    assert sent(door, first, at=10 * SECOND) == ([], 0)
    assert sent(door, at=10 * SECOND + gelf.CHUNK_NANOS) == ([], 1)
    assert door.pending_bytes == 0
    assert sent(door, second, at=16 * SECOND) == ([], 0)


def test_what_is_not_whole_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gelf, "PENDING_BYTES", 1000)
    door = GelfDatagrams("gelf_udp")
    refused = 0
    for number in range(100):
        first, second = chunks(message(number, 50), 60, name=b"%08d" % number)
        refused += sent(door, first)[1]
        assert door.pending_bytes <= 1000
    assert refused == 100 - 1000 // len(first)
    assert sent(door, second) == ([message(99, 50)], 0)


def test_messages_are_each_their_sender_s() -> None:
    door = GelfDatagrams("gelf_udp")
    others = [Sender(f"address:10.0.0.{number}", f"t{number % 2}") for number in range(3)]
    batch = [Datagram(message(number), ("10.0.0.1", 1), others[number % 3]) for number in range(9)]
    arrived = door.received([*batch, Datagram(b"x", ("10.0.0.1", 1), others[1])], 5)
    assert [(one.source, one.tenant, one.records) for one in arrived.envelopes] == [
        (one.source, one.tenant, 3) for one in others
    ]
    assert {one.received_unix_nano for one in arrived.envelopes} == {5}
    assert arrived.refused == {"t1": 1}


def test_a_flood_of_packed_messages_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gelf, "_UNPACKED_BYTES", 10_000)
    door = GelfDatagrams("gelf_udp")
    packed = zlib.compress(message(1, 3000))
    assert sent(door, *[packed] * 10) == ([message(1, 3000)] * 3, 7)


@given(
    batches=st.lists(
        st.lists(
            st.binary(max_size=30)
            | st.binary(max_size=14).map(b"\x1e\x0f".__add__)
            | st.sampled_from([*chunks(message(1), 20), message(2), zlib.compress(message(3))]),
            max_size=4,
        ),
        max_size=4,
    )
)
def test_any_datagrams_are_messages_or_refused(batches: list[list[bytes]]) -> None:
    door = GelfDatagrams("gelf_udp")
    kept = refused = 0
    for number, batch in enumerate(batches):
        messages, bad = sent(door, *batch, at=number * SECOND)
        kept, refused = kept + len(messages), refused + bad
    refused += sent(door, at=60 * SECOND)[1]
    count = sum(len(batch) for batch in batches)
    assert refused <= count
    assert (kept + refused > 0) == (count > 0)
    assert door.pending_bytes == 0


# ---- HTTP --------------------------------------------------------------------------------------


def post(body: bytes) -> Decoded:
    return HTTP.decode(
        Request(
            path="/gelf",
            query={},
            headers={},
            body=body,
            received_unix_nano=7,
            door="gelf_http",
            tenant="t",
            source="s",
        )
    )


def test_a_message_is_accepted() -> None:
    decoded = post(b'{"version":"1.1",\n"short_message":"a"}')
    (envelope,) = decoded.envelopes
    assert envelope.content == b'{"version":"1.1", "short_message":"a"}'
    assert (envelope.kind, envelope.records) == (Payload.GELF_MESSAGES, 1)
    assert (decoded.reply.status, decoded.reply.body) == (202, b"")


def test_several_messages_are_accepted() -> None:
    assert post(b'{"a":1}\n{"b":2}\r\n{"c":3}').records == 3


@pytest.mark.parametrize("body", [b"", b" ", b"hello", b"[]", b'{"a":1} x', b'{"a":'])
def test_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadError) as caught:
        post(body)
    reply = HTTP.refuse(caught.value, {})
    assert (reply.status, reply.media_type) == (400, "text/plain; charset=utf-8")


def test_overload_says_when_to_come_again() -> None:
    reply = HTTP.refuse(OverloadedError("later", retry_after_seconds=3), {})
    assert (reply.status, reply.headers) == (503, (("Retry-After", "3"),))


@given(body=st.binary(max_size=60))
def test_any_body_is_messages_or_refused(body: bytes) -> None:
    with contextlib.suppress(MeshsealError):
        assert post(body).records > 0


@given(body=st.text(max_size=60).map(lambda text: json.dumps({text: text}).encode()))
def test_json_is_never_taken_for_packed(body: bytes) -> None:
    assert decompress_by_magic(body, limit_bytes=1000) == body
    assert decompress_by_magic(zlib.compress(gzip.compress(body)), limit_bytes=1000) == body
