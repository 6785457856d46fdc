"""GELF, the Graylog Extended Log Format: JSON messages over TCP, UDP and HTTP.

Over TCP and TLS a NUL ends each message; what is left at the end of a connection is a message too
if it is whole. Over UDP a message is one datagram, or up to 128 chunks that arrive within five
seconds, and may be packed with gzip or zlib, told by its first bytes; so may the body of a POST,
whatever its `Content-Encoding` says: two libraries write `gzip,deflate` and send zlib.

Any JSON object is a message. What is none is refused and counted, and the connection goes on: the
next NUL shows where the next message begins, and closing would lose what is on its way.

Over TCP and UDP there is no answer: a sender cannot know what was kept. Over TCP it is slowed down
instead while nothing can be.

Source: Graylog, "GELF Payload Specification" 1.1 and its chapters on TCP, UDP and HTTP;
moby/moby, daemon/logger/gelf (Apache-2.0).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from meshseal.model.envelope import Envelope, Payload
from meshseal.model.errors import PayloadError, TooLargeError
from meshseal.receive.decompress import decompress_by_magic
from meshseal.wire.jsontext import BadDocumentError, one_per_line
from meshseal.wire.protocol import NOT_JSON, Decoded, Protocol, Reply, Request, refuse_plainly
from meshseal.wire.stream import (
    Arrived,
    Connection,
    Datagram,
    Datagrams,
    Refuse,
    Sender,
    Session,
    Step,
    StreamProtocol,
    Take,
    by_sender,
)

MAX_CHUNKS = 128
CHUNK_NANOS = 5 * 10**9
MAX_MESSAGE_BYTES = 8 << 20
"""The largest message of datagrams, unpacked; Graylog's own limit."""

PENDING_BYTES = 32 << 20
"""What all messages that are not whole yet may hold; beyond it the oldest is given up."""

_PENDING_MESSAGES = 20_000
_UNPACKED_BYTES = 64 << 20
_CHUNK_MAGIC = b"\x1e\x0f"
_CHUNK_HEAD = 12


class _Message(msgspec.Struct):
    """An object with any members."""


_MESSAGE = msgspec.json.Decoder(_Message)


def gather(frames: Iterable[bytes]) -> tuple[bytes, int, int]:
    """Return messages as lines, how many they are, and how many frames are none."""
    given = [frame for frame in frames if frame.strip()]
    text = b"\n".join(given)
    try:
        if text.count(b"\n") < max(len(given), 1) and len(_MESSAGE.decode_lines(text)) == len(
            given
        ):
            return text, len(given), 0
    except NOT_JSON:
        pass
    lines: list[bytes] = []
    records = refused = 0
    for frame in given:
        try:
            line, count = one_per_line(frame, _MESSAGE)
        except BadDocumentError:
            refused += 1
        else:
            lines.append(line)
            records += count
    return b"\n".join(lines), records, refused


# ---- TCP ---------------------------------------------------------------------------------------


class GelfSession(Session):
    """One connection: messages that end with NUL."""

    def __init__(self, connection: Connection) -> None:
        assert connection.sender is not None
        self._sender = connection.sender
        self._door = connection.door
        self._limit_bytes = connection.limit_bytes
        self._rest = bytearray()

    @property
    def buffered_bytes(self) -> int:
        """How much of the next message there is."""
        return len(self._rest)

    def received(self, data: bytes, received_unix_nano: int) -> Iterator[Step]:
        """Take what is whole."""
        first, *others = data.split(b"\0")
        self._rest += first
        if len(self._rest) > self._limit_bytes:
            error = TooLargeError(f"a message is larger than {self._limit_bytes} bytes")
            yield Refuse(error, records=1)
            return
        if others:
            frames = [bytes(self._rest), *others[:-1]]
            self._rest = bytearray(others[-1])
            yield from self._take(frames, received_unix_nano)

    def ended(self, received_unix_nano: int) -> Iterator[Step]:
        """Take what no NUL stands behind."""
        frames = [bytes(self._rest)]
        self._rest.clear()
        yield from self._take(frames, received_unix_nano)

    def _take(self, frames: Sequence[bytes], received_unix_nano: int) -> Iterator[Step]:
        content, records, refused = gather(frames)
        if records:
            yield Take((_envelope(self._door, self._sender, content, records, received_unix_nano),))
        if refused:
            yield Refuse(
                PayloadError(f"{refused} messages are no JSON objects"),
                closes=False,
                records=refused,
            )


# ---- UDP ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Pending:
    """A message of which chunks are missing."""

    tenant: str
    total: int
    since_unix_nano: int
    size_bytes: int = 0
    parts: dict[int, bytes] = field(default_factory=dict)


class GelfDatagrams(Datagrams):
    """Messages in datagrams: whole, packed, or in chunks."""

    def __init__(self, door: str) -> None:
        self._door = door
        self._pending: dict[tuple[str, tuple[str, int], bytes], _Pending] = {}
        self._pending_bytes = 0
        self._refused: Counter[str] = Counter()

    @property
    def pending_bytes(self) -> int:
        """What the messages that are not whole yet hold."""
        return self._pending_bytes

    def received(self, batch: Sequence[Datagram], received_unix_nano: int) -> Arrived:
        """Take datagrams, and give up messages that did not become whole in time."""
        self._give_up(received_unix_nano)
        envelopes: list[Envelope] = []
        budget = _UNPACKED_BYTES
        for sender, datagrams in by_sender(batch):
            frames: list[bytes] = []
            for datagram in datagrams:
                whole = self._whole(datagram, received_unix_nano)
                if whole is None:
                    continue
                try:
                    limit = min(MAX_MESSAGE_BYTES, budget)
                    frame = decompress_by_magic(whole, limit_bytes=limit)
                except PayloadError:
                    self._refused[sender.tenant] += 1
                    continue
                budget -= len(frame)
                frames.append(frame)
            content, records, refused = gather(frames)
            blank = sum(1 for frame in frames if not frame.strip())
            self._refused[sender.tenant] += refused + blank
            if records:
                envelopes.append(
                    _envelope(self._door, sender, content, records, received_unix_nano)
                )
        refusals, self._refused = +self._refused, Counter()
        return Arrived(tuple(envelopes), refused=refusals)

    def _whole(self, datagram: Datagram, now: int) -> bytes | None:
        """Return a message that is whole with this datagram, or None."""
        data = datagram.data
        if not data.startswith(_CHUNK_MAGIC):
            return data
        tenant = datagram.sender.tenant
        if len(data) < _CHUNK_HEAD:  # gelf-pro may send a last chunk with nothing in it
            self._refused[tenant] += 1
            return None
        number, total = data[10], data[11]
        key = (datagram.sender.source, datagram.address, data[2:10])
        pending = self._pending.get(key)
        fits = number < total <= MAX_CHUNKS and (pending is None or pending.total == total)
        if not fits:
            self._refused[tenant] += 1
            return None
        if pending is None:
            pending = self._pending[key] = _Pending(tenant, total, now)
        if number not in pending.parts:
            pending.parts[number] = data[_CHUNK_HEAD:]
            pending.size_bytes += len(data)
            self._pending_bytes += len(data)
        if len(pending.parts) < total:
            self._make_room()
            return None
        del self._pending[key]
        self._pending_bytes -= pending.size_bytes
        return b"".join(pending.parts[number] for number in range(total))

    def _give_up(self, now: int) -> None:
        """Refuse messages whose first chunk came too long ago; they stand in that order."""
        while self._pending:
            oldest = next(iter(self._pending.values()))
            if oldest.since_unix_nano > now - CHUNK_NANOS:
                return
            self._drop_oldest()

    def _make_room(self) -> None:
        while self._pending_bytes > PENDING_BYTES or len(self._pending) > _PENDING_MESSAGES:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        oldest = self._pending.pop(next(iter(self._pending)))
        self._pending_bytes -= oldest.size_bytes
        self._refused[oldest.tenant] += 1


def _envelope(
    door: str, sender: Sender, content: bytes, records: int, received_unix_nano: int
) -> Envelope:
    return sender.envelope(door, received_unix_nano, Payload.GELF_MESSAGES, content, records)


# ---- HTTP --------------------------------------------------------------------------------------


def decode(request: Request) -> Decoded:
    """Take one message, or several that follow one another. Raises: PayloadError."""
    try:
        content, records = one_per_line(request.body, _MESSAGE)
    except BadDocumentError as error:
        raise PayloadError(f"the body is not a GELF message: {error}") from error
    if not records:
        raise PayloadError("the body is empty")
    envelope = request.envelope(Payload.GELF_MESSAGES, content, records)
    return Decoded((envelope,), Reply(202))


HTTP = Protocol(
    name="gelf_http",
    title="GELF over HTTP",
    paths=("/gelf",),
    methods=("POST",),
    decode=decode,
    refuse=refuse_plainly,
    packed_by_magic=True,
    native_port=12202,
    acknowledges="202 after fsync",
    clients=("graypy", "pygelf", "Graylog libraries"),
)

TCP = StreamProtocol(
    name="gelf",
    title="GELF over TCP and TLS",
    native_port=12201,
    session=GelfSession,
    acknowledges="nothing; nothing more is read while nothing can be made durable",
    clients=("Docker driver", "graypy", "pygelf", "gelf-pro", "Logstash"),
)

UDP = StreamProtocol(
    name="gelf_udp",
    title="GELF over UDP",
    native_port=12201,
    datagrams=GelfDatagrams,
    acknowledges="nothing",
    clients=("Docker driver", "graypy", "pygelf", "gelf-pro", "Logstash"),
)

PROTOCOLS = (HTTP,)
STREAMS = (TCP, UDP)
