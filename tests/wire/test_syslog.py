"""Syslog's sessions and datagrams: frames of every kind, cut anywhere, whole at the end."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meshseal.model.envelope import Payload
from meshseal.model.errors import TooLargeError
from meshseal.wire.protos.spool_pb2 import SyslogMessages
from meshseal.wire.stream import Connection, Datagram, Refuse, Secrets, Sender, Take
from meshseal.wire.syslog import MAX_MESSAGE_BYTES, STREAMS, SyslogDatagrams, SyslogSession

SENDER = Sender("address:192.0.2.7", "team-a")


def session() -> SyslogSession:
    return SyslogSession(
        Connection(
            door="syslog",
            tenant="team-a",
            sender=SENDER,
            secrets=Secrets(),
            nonce=bytes(32),
            host="here",
            limit_bytes=1 << 20,
        )
    )


def taken(step: object) -> list[bytes]:
    """Return the messages of a step that takes one envelope of them."""
    assert isinstance(step, Take)
    (envelope,) = step.envelopes
    messages = list(SyslogMessages.FromString(bytes(envelope.content)).messages)
    assert (envelope.kind, envelope.records) == (Payload.SYSLOG_MESSAGES, len(messages))
    assert (envelope.tenant, envelope.source) == (SENDER.tenant, SENDER.source)
    assert step.reply == b""
    return messages


def heard(*reads: bytes) -> list[bytes]:
    """Return all messages of a connection, to its end."""
    one = session()
    steps = [step for read in reads for step in one.received(read, 7)]
    steps += one.ended(8)
    assert one.buffered_bytes == 0
    return [message for step in steps for message in taken(step)]


FRAMES: dict[str, tuple[bytes, list[bytes]]] = {
    "lines": (b"<14>a\n<14>b\n", [b"<14>a", b"<14>b"]),
    "lines with CRLF": (b"<14>a\r\n<14>b\r\n", [b"<14>a", b"<14>b"]),
    "NUL, as Python's handler ends messages": (b"<14>a\0<14>b\0", [b"<14>a", b"<14>b"]),
    "LF and NUL mixed": (b"<14>a\0<14>b\n<14>c\n\0", [b"<14>a", b"<14>b", b"<14>c"]),
    "LF first and NUL then": (b"<14>a\n<14>b\0<14>c\n<14>d\0", [b"<14>%c" % c for c in b"abcd"]),
    "lines in messages that end with NUL": (
        b"<14>a\0<14>b\n at c\n at <14>\n\n<1\0<14>d\n e\0",
        [b"<14>a", b"<14>b\n at c\n at <14>\n\n<1", b"<14>d\n e"],
    ),
    "a NUL in a counted message ends nothing": (
        b"7 <14>a\0b<14>c\n<14>d\n",
        [b"<14>a\0b", b"<14>c", b"<14>d"],
    ),
    "counted": (b"5 <14>a7 <14>b\nc", [b"<14>a", b"<14>b\nc"]),
    "counted, with an end of line in the count": (b"6 <14>a\n6 <14>b\n", [b"<14>a", b"<14>b"]),
    "counted and an end of line behind it": (b"5 <14>a\n5 <14>b\n", [b"<14>a", b"<14>b"]),
    "each in its own way": (b"5 <14>a<14>b\n5 <14>c<14>d\0", [b"<14>%c" % c for c in b"abcd"]),
    "half a line at the end": (b"<14>a\n<14>b", [b"<14>a", b"<14>b"]),
    "half a counted message at the end": (b"5 <14>a99 <14>b", [b"<14>a", b"<14>b"]),
    "half a count at the end": (b"5 <14>a99", [b"<14>a", b"99"]),
    "empty lines are none": (b"\n\r\n\0\n<14>a\n\n", [b"<14>a"]),
    "a line that begins with a number": (b"12 monkeys\n<14>a\n", [b"12 monkeys", b"<14>a"]),
    "a line that is a date": (b"2026-09-21 x\n404\n", [b"2026-09-21 x", b"404"]),
    "a count with a zero before it is a line": (b"05 <14>a\n<14>b\n", [b"05 <14>a", b"<14>b"]),
    "a count of eleven digits is a line": (b"10000000000 <14>a\n", [b"10000000000 <14>a"]),
    "nothing": (b"", []),
}


@pytest.mark.parametrize(("stream", "messages"), FRAMES.values(), ids=FRAMES)
def test_a_stream_is_cut_into_its_messages(stream: bytes, messages: list[bytes]) -> None:
    assert heard(stream) == messages


@pytest.mark.parametrize(("stream", "messages"), FRAMES.values(), ids=FRAMES)
def test_a_stream_that_comes_byte_by_byte_gives_the_same(
    stream: bytes, messages: list[bytes]
) -> None:
    assert heard(*(bytes([byte]) for byte in stream)) == messages


def test_one_read_is_one_envelope() -> None:
    (step,) = session().received(b"<14>a\n<14>b\n5 <14>c<14>half", 7)
    assert taken(step) == [b"<14>a", b"<14>b", b"<14>c"]


_MESSAGES = st.lists(
    st.tuples(
        st.booleans(), st.binary(min_size=1, max_size=40).map(lambda text: b"<" + text + b">")
    ),
    max_size=20,
)


@given(_MESSAGES, st.lists(st.integers(0, 400), max_size=12))
def test_every_cut_of_framed_messages_gives_them_back(
    messages: list[tuple[bool, bytes]], cuts: list[int]
) -> None:
    stream, wanted = b"", []
    for counted, text in messages:
        message = text if counted else text.translate(None, b"\n\0")
        stream += b"%d %s" % (len(message), message) if counted else message + b"\n"
        wanted.append(message)
    places = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    assert heard(*(stream[begin:end] for begin, end in pairwise(places))) == wanted


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=12))
@example(b"12 <14>\n34 <", [2, 3, 4])
def test_any_bytes_are_taken_and_their_cuts_make_no_difference(
    stream: bytes, cuts: list[int]
) -> None:
    whole = heard(stream)
    places = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    assert heard(*(stream[begin:end] for begin, end in pairwise(places))) == whole


# ---- Length ------------------------------------------------------------------------------------


@pytest.mark.parametrize("reads", [1, 7], ids=["in one read", "in several"])
@pytest.mark.parametrize("frame", ["counted", "line"])
def test_the_longest_message_is_taken(reads: int, frame: str) -> None:
    message = b"<14>" + b"x" * (MAX_MESSAGE_BYTES - 4)
    stream = b"%d %s" % (len(message), message) if frame == "counted" else message + b"\n"
    step = -(-len(stream) // reads)
    assert heard(*(stream[at : at + step] for at in range(0, len(stream), step))) == [message]


TOO_LONG = {
    "counted": b"%d <14>" % (MAX_MESSAGE_BYTES + 1),
    "counted, beyond all measure": b"9999999999 <14>",
    "a line": b"<14>" + b"x" * MAX_MESSAGE_BYTES + b"\n",
    "a line without an end": b"<14>" + b"x" * MAX_MESSAGE_BYTES,
}


@pytest.mark.parametrize("stream", TOO_LONG.values(), ids=TOO_LONG)
def test_a_longer_message_is_refused_and_those_before_it_are_taken(stream: bytes) -> None:
    for reads in ([b"<14>a\n5 <14>b" + stream], [b"<14>a\n5 <14>b", stream[:3], stream[3:]]):
        one = session()
        steps = [step for read in reads for step in one.received(read, 7)]
        *takes, refused = steps
        assert [message for step in takes for message in taken(step)] == [b"<14>a", b"<14>b"]
        assert isinstance(refused, Refuse)
        assert isinstance(refused.error, TooLargeError)
        assert str(MAX_MESSAGE_BYTES) in str(refused.error)


def test_what_is_not_whole_is_counted() -> None:
    one = session()
    assert list(one.received(b"<14>half", 7)) == []
    assert one.buffered_bytes == 8
    (step,) = one.received(b" and half\n<14>ha", 7)
    assert taken(step) == [b"<14>half and half"]
    assert one.buffered_bytes == 6


# ---- Datagrams ---------------------------------------------------------------------------------


def test_a_datagram_is_a_message_and_each_sender_has_its_envelope() -> None:
    other = Sender("address:192.0.2.8", "team-b")
    batch = [
        Datagram(b"<14>a", ("192.0.2.7", 1), SENDER),
        Datagram(b"<14>b\n", ("192.0.2.8", 1), other),
        Datagram(b"12 <14>c\nd\0", ("192.0.2.7", 2), SENDER),
        Datagram(b"\n", ("192.0.2.7", 2), SENDER),
        Datagram(b"", ("192.0.2.8", 2), other),
        Datagram(b"\xff\x00\xfe", ("192.0.2.7", 2), SENDER),
    ]
    arrived = SyslogDatagrams("syslog_udp").received(batch, 7)
    assert (arrived.replies, arrived.refused) == ((), {})
    first, second = arrived.envelopes
    assert (first.tenant, first.source, first.records) == ("team-a", SENDER.source, 3)
    assert (second.tenant, second.source, second.records) == ("team-b", other.source, 1)
    assert first.door == second.door == "syslog_udp"
    assert first.received_unix_nano == 7
    assert list(SyslogMessages.FromString(bytes(first.content)).messages) == [
        b"<14>a",
        b"12 <14>c\nd",
        b"\xff\x00\xfe",
    ]


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_any_datagrams_are_taken(contents: list[bytes]) -> None:
    batch = [Datagram(content, ("192.0.2.7", 1), SENDER) for content in contents]
    arrived = SyslogDatagrams("syslog_udp").received(batch, 7)
    wanted = [content.rstrip(b"\r\n\0") for content in contents]
    found = [
        message
        for envelope in arrived.envelopes
        for message in SyslogMessages.FromString(bytes(envelope.content)).messages
    ]
    assert found == [content for content in wanted if content]


# ---- The rows ----------------------------------------------------------------------------------


def test_the_doors_are_where_senders_look_for_them() -> None:
    rows = {one.name: (one.native_port, one.tls_only, bool(one.datagrams)) for one in STREAMS}
    assert rows == {
        "syslog": (5514, False, False),
        "syslog_tls": (6514, True, False),
        "syslog_udp": (5514, False, True),
    }
    assert not any(one.answers for one in STREAMS)
