"""Lumberjack: frames, windows, acknowledgements, and everything that is none of them."""

from __future__ import annotations

import json
import struct
import tracemalloc
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model.envelope import Envelope, Payload
from meshseal.model.errors import MeshsealError, PayloadError, TooLargeError
from meshseal.wire.lumberjack import PROTOCOL
from meshseal.wire.stream import Connection, Say, Secrets, Sender, Session, Take

CAPTURES = Path(__file__).parent / "captures" / "lumberjack"
RECEIVED = 1_790_000_000 * 10**9
LIMIT = 1 << 20


def connection(limit_bytes: int = LIMIT, sender: Sender | None = None) -> Connection:
    return Connection(
        door="lumberjack",
        tenant="default",
        sender=sender or Sender("certificate:web-1", "team-a"),
        secrets=Secrets(),
        nonce=bytes(32),
        host="meshseal",
        limit_bytes=limit_bytes,
    )


def session(limit_bytes: int = LIMIT) -> Session:
    assert PROTOCOL.session is not None
    return PROTOCOL.session(connection(limit_bytes))


# ---- Frames as clients write them ------------------------------------------------------------


def window(size: int, version: bytes = b"2") -> bytes:
    return version + b"W" + struct.pack(">I", size)


def event(sequence: int, document: bytes, version: bytes = b"2") -> bytes:
    return version + b"J" + struct.pack(">II", sequence, len(document)) + document


def data(sequence: int, *pairs: tuple[bytes, bytes]) -> bytes:
    texts = b"".join(struct.pack(">I", len(text)) + text for pair in pairs for text in pair)
    return b"1D" + struct.pack(">II", sequence, len(pairs)) + texts


def packed(frames: bytes, version: bytes = b"2") -> bytes:
    content = zlib.compress(frames)
    return version + b"C" + struct.pack(">I", len(content)) + content


def ack(sequence: int, version: bytes = b"2") -> bytes:
    return version + b"A" + struct.pack(">I", sequence)


def events(*documents: bytes, first: int = 1, version: bytes = b"2") -> bytes:
    return b"".join(event(first + n, one, version) for n, one in enumerate(documents))


@dataclass(frozen=True, slots=True)
class Taken:
    """What a session made of some bytes: the lines of each window, and all answers, in order."""

    lines: list[list[bytes]]
    answers: list[bytes]


def talk(one: Session, *parts: bytes) -> Taken:
    lines: list[list[bytes]] = []
    answers: list[bytes] = []
    for part in parts:
        for step in one.received(part, RECEIVED):
            if isinstance(step, Take):
                (envelope,) = step.envelopes
                found = bytes(envelope.content).split(b"\n")
                assert len(found) == envelope.records
                lines.append(found)
                answers.append(step.reply)
            else:
                assert isinstance(step, Say)
                answers.append(step.data)
    return Taken(lines, answers)


A, B, C = b'{"message":"a"}', b'{"message":"b"}', b'{"message":"c"}'

CONVERSATIONS: dict[str, tuple[bytes, list[list[bytes]], list[bytes]]] = {
    "nothing": (b"", [], []),
    "go-lumber, plain": (window(2) + events(A, B), [[A, B]], [ack(2)]),
    "go-lumber, compressed": (window(2) + packed(events(A, B)), [[A, B]], [ack(2)]),
    "go-lumber counts anew in each window": (
        window(2) + events(A, B) + window(1) + events(C),
        [[A, B], [C]],
        [ack(2), ack(1)],
    ),
    "Filebeat sends the next window before the answer": (
        (window(1) + packed(events(A))) * 3,
        [[A], [A], [A]],
        [ack(1)] * 3,
    ),
    "pylogbeat counts over the connection": (
        window(2) + packed(events(A, B)) + window(1) + packed(events(C, first=3)),
        [[A, B], [C]],
        [ack(2), ack(3)],
    ),
    "Logstash's output: JSON in frames of version 1": (
        window(2, b"1") + packed(events(A, B, first=7, version=b"1"), b"1"),
        [[A, B]],
        [ack(8, b"1")],
    ),
    "logstash-forwarder: pairs, each frame compressed": (
        window(2, b"1")
        + packed(data(1, (b"line", b"a"), (b"host", b"web-1")), b"1")
        + packed(data(2, (b"line", b"b \xc3\xa4"), (b"file", b"/var/log/x")), b"1"),
        [[b'{"message":"a","host":"web-1"}', b'{"message":"b \xc3\xa4","file":"/var/log/x"}']],
        [ack(2, b"1")],
    ),
    "pairs with a message beside the line": (
        window(1, b"1") + data(1, (b"line", b"a"), (b"message", b"b")),
        [[b'{"line":"a","message":"b"}']],
        [ack(1, b"1")],
    ),
    "a key twice, a text that is not UTF-8, quotes": (
        window(1, b"1") + data(1, (b"k", b"1"), (b"k", b"\xff"), (b'"', b"\n")),
        [[b'{"k":"1","k":"\\\\xff","\\"":"\\n"}']],
        [ack(1, b"1")],
    ),
    "no pairs": (window(1, b"1") + data(1), [[b"{}"]], [ack(1, b"1")]),
    "the window inside the compressed frame": (
        packed(window(1) + events(A)),
        [[A]],
        [ack(1)],
    ),
    "a window in several compressed frames": (
        window(3) + packed(events(A)) + packed(events(B, C, first=2)),
        [[A, B, C]],
        [ack(3)],
    ),
    "a compressed frame that holds nothing": (window(1) + packed(b"") + events(A), [[A]], [ack(1)]),
    "an empty window": (window(0), [], [ack(0)]),
    "an empty window of version 1": (window(0, b"1"), [], [ack(0, b"1")]),
    "a new window before the last is full flushes it": (
        window(3) + events(A, B) + window(1) + events(C),
        [[A, B], [C]],
        [ack(2), ack(1)],
    ),
    "an empty window flushes too": (window(3) + events(A) + window(0), [[A]], [ack(1), ack(0)]),
    "a window announced once for all that follow": (
        window(2) + events(A, B, C, A),
        [[A, B], [C, A]],
        [ack(2), ack(4)],
    ),
    "numbers that go backwards": (
        window(2) + event(9, A) + event(4, B),
        [[A, B]],
        [ack(4)],
    ),
    "numbers that are all nothing": (
        window(2) + event(0, A) + event(0, B),
        [[A, B]],
        [ack(2)],
    ),
    "the largest number": (
        window(1) + event(0xFFFFFFFF, A),
        [[A]],
        [ack(0xFFFFFFFF)],
    ),
    "documents over several lines become one each": (
        window(2) + events(b'{\n  "message": "a\\nb"\r\n}\n', B),
        [[b'{   "message": "a\\nb"\r } ', B]],
        [ack(2)],
    ),
    "what is no JSON object is kept": (
        window(4) + events(b"[1]", b'{"a":NaN}', b"", b"two\nlines \xff"),
        [[b"[1]", b'{"a":NaN}', b"", b'{"message":"two\\nlines \\\\xff"}']],
        [ack(4)],
    ),
}


@pytest.mark.parametrize(("sent", "lines", "answers"), CONVERSATIONS.values(), ids=CONVERSATIONS)
def test_a_conversation(sent: bytes, lines: list[list[bytes]], answers: list[bytes]) -> None:
    assert talk(session(), sent) == Taken(lines, answers)


@pytest.mark.parametrize(("sent", "lines", "answers"), CONVERSATIONS.values(), ids=CONVERSATIONS)
def test_it_is_the_same_byte_by_byte(
    sent: bytes, lines: list[list[bytes]], answers: list[bytes]
) -> None:
    one = session()
    assert talk(one, *(bytes([byte]) for byte in sent)) == talk(session(), sent)
    assert one.buffered_bytes == 0


REFUSED: dict[str, tuple[bytes, type[MeshsealError]]] = {
    "HTTP": (b"GET / HTTP/1.1\r\n", PayloadError),
    "TLS where there is none": (b"\x16\x03\x01\x02\x00", PayloadError),
    "version 3": (b"3W\x00\x00\x00\x01", PayloadError),
    "an acknowledgement": (ack(1), PayloadError),
    "an event before any window": (event(1, A), PayloadError),
    "a compressed event before any window": (packed(events(A)), PayloadError),
    "an event in an empty window": (window(0) + event(1, A), PayloadError),
    "compressed inside compressed": (window(1) + packed(packed(events(A))), PayloadError),
    "not zlib": (window(1) + b"2C\x00\x00\x00\x04none", PayloadError),
    "zlib cut short": (
        window(1) + b"2C" + struct.pack(">I", 20) + zlib.compress(events(A, B, C))[:20],
        PayloadError,
    ),
    "compressed part of a frame": (window(1) + packed(events(A)[:-1]), PayloadError),
    "compressed part of a head": (window(1) + packed(b"2J\0"), PayloadError),
    "compressed garbage": (window(1) + packed(b"garbage"), PayloadError),
    "an event over the limit": (
        window(1) + b"2J\0\0\0\1" + struct.pack(">I", LIMIT + 1),
        TooLargeError,
    ),
    "a compressed frame over the limit": (b"2C" + struct.pack(">I", LIMIT + 1), TooLargeError),
    "pairs over the limit": (b"1D\0\0\0\1\0\0\0\1" + struct.pack(">I", LIMIT), TooLargeError),
    "a window over the limit": (window(3) + events(*[b" " * (LIMIT // 2)] * 3), TooLargeError),
    "a window of countless empty events": (
        window(0xFFFFFFFF) + packed(event(1, b"") * (LIMIT // 64 + 1)),
        TooLargeError,
    ),
}


@pytest.mark.parametrize(("sent", "error"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(sent: bytes, error: type[MeshsealError]) -> None:
    with pytest.raises(error) as found:
        talk(session(), sent)
    assert type(found.value) is error
    with pytest.raises(error):
        talk(session(), *(bytes([byte]) for byte in sent))


def test_windows_before_a_bad_frame_are_taken() -> None:
    found = []
    steps = iter(session().received(window(1) + events(A) + b"garbage", RECEIVED))
    found.append(next(steps))
    with pytest.raises(PayloadError):
        next(steps)
    assert [type(step) for step in found] == [Take]


def test_a_bomb_is_refused_without_being_unpacked() -> None:
    """A gigabyte of zeros: what is unpacked of it stays under the limit."""
    squeezer = zlib.compressobj(9)
    zeros = bytes(1 << 20)
    bomb = b"".join([*(squeezer.compress(zeros) for _ in range(1024)), squeezer.flush()])
    sent = window(1) + b"2C" + struct.pack(">I", len(bomb)) + bomb
    assert len(sent) < 2 << 20
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError, match="unpacks to more than 4194304 bytes"):
            talk(session(4 << 20), sent)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 32 << 20


def test_the_envelope_says_where_it_is_from() -> None:
    (step,) = session().received(window(2) + events(A, B), RECEIVED)
    assert step == Take(
        (
            Envelope(
                tenant="team-a",
                received_unix_nano=RECEIVED,
                door="lumberjack",
                source="certificate:web-1",
                kind=Payload.BEATS_EVENTS,
                content=A + b"\n" + B,
                records=2,
            ),
        ),
        ack(2),
    )


def test_the_same_window_is_the_same_payload_however_it_was_sent() -> None:
    plain = talk(session(), window(3) + events(A, B, C))
    for sent in (
        packed(window(3) + events(A, B, C)),
        window(3) + packed(events(A)) + events(B, C, first=2),
        window(3) + packed(events(A, B, C, first=40)),
    ):
        assert talk(session(), sent).lines == plain.lines


def test_what_is_not_whole_is_counted_and_not_taken() -> None:
    one = session()
    assert talk(one, window(2) + events(A) + event(2, B)[:-1]) == Taken([], [])
    assert one.buffered_bytes >= len(A) + len(B)
    assert list(one.ended(RECEIVED)) == []


def test_version_1_leaves_what_it_sent_of_a_window() -> None:
    one = session()
    assert talk(one, window(1000, b"1") + data(5, (b"line", b"a"))) == Taken([], [])
    (step,) = one.ended(RECEIVED)
    assert isinstance(step, Take)
    assert (step.envelopes[0].content, step.reply) == (A, ack(5, b"1"))
    assert list(one.ended(RECEIVED)) == []


@pytest.mark.parametrize(
    ("version", "says"), [(b"2", ack(0)), (b"1", b"")], ids=["version 2", "version 1"]
)
def test_who_waits_is_told_so(version: bytes, says: bytes) -> None:
    one = session()
    talk(one, window(1, version) + events(A, version=version))
    assert one.keep_alive() == says


def test_nobody_is_let_in_without_a_name() -> None:
    assert PROTOCOL.session is not None
    unknown = Connection("lumberjack", "default", None, Secrets(), bytes(32), "h", LIMIT)
    with pytest.raises(PayloadError):
        PROTOCOL.session(unknown)


# ---- Properties ------------------------------------------------------------------------------

_DOCUMENTS = st.lists(
    st.one_of(st.binary(max_size=30), st.sampled_from([A, B, C, b'{"a":\n1}'])), max_size=5
)


@given(st.lists(_DOCUMENTS, max_size=4), st.booleans(), st.data())
def test_any_cut_gives_the_same(
    windows: list[list[bytes]], compressed: bool, draws: st.DataObject
) -> None:
    sent = b"".join(
        window(len(one)) + (packed(events(*one)) if compressed else events(*one)) for one in windows
    )
    cuts = sorted(draws.draw(st.lists(st.integers(0, len(sent)), max_size=6)))
    parts = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    whole, cut = talk(session(), sent), talk(session(), *parts)
    assert cut == whole
    assert [len(lines) for lines in whole.lines] == [len(one) for one in windows if one]
    assert whole.answers == [ack(len(one)) for one in windows]


_FRAGMENTS = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([window(1), window(2), window(0), event(1, A), event(2, b"\n"), b"2", b"1D"]),
    st.builds(packed, st.sampled_from([events(A), events(A, B), window(1), b"x", b""])),
    st.builds(lambda pair: data(1, pair), st.tuples(st.binary(max_size=9), st.binary(max_size=9))),
)


@given(st.lists(_FRAGMENTS, max_size=8))
def test_any_bytes_are_taken_or_refused(fragments: list[bytes]) -> None:
    one = session()
    try:
        taken = talk(one, *fragments)
    except PayloadError:
        return
    assert one.buffered_bytes <= sum(map(len, fragments)) * 70
    assert all(answer[:2] in (b"1A", b"2A") and len(answer) == 6 for answer in taken.answers)


# ---- Captures --------------------------------------------------------------------------------


def capture_folders() -> Iterable[Path]:
    return sorted(path.parent for path in CAPTURES.glob("*/sent.bin"))


@pytest.mark.parametrize("folder", capture_folders(), ids=lambda path: path.name)
def test_a_capture_of_a_real_client(folder: Path) -> None:
    """What the client wrote on one connection, and the answer that it was content with."""
    sent = (folder / "sent.bin").read_bytes()
    expected = json.loads((folder / "expected.json").read_text())
    taken = talk(session(), *(sent[n : n + 7] for n in range(0, len(sent), 7)))
    assert b"".join(taken.answers) == (folder / "answered.bin").read_bytes()
    assert [[json.loads(line) for line in one] for one in taken.lines] == expected["windows"]


def test_there_are_captures() -> None:
    assert [path.name.rpartition("-")[0] for path in capture_folders()] == [
        "lumberjack-client",
        "pylogbeat",
        "python-logstash-async",
    ]
