"""The Lumberjack protocol, versions 1 and 2: Beats, Logstash, and libraries that speak as they do.

Every frame is a version byte, a type byte and big-endian numbers of 32 bits:

```
W size                          how many events until the sender waits for an acknowledgement
J sequence, length, JSON        one event
D sequence, pairs, {k, v}...    one event of version 1; each text behind its length
C length, zlib                  frames, compressed
A sequence                      the server's answer: durable up to this event
```

The events of one window become one envelope of lines, in their order, so that a window that is sent
again is the same bytes again. It is acknowledged whole, with the sequence number of its last event:
senders count anew in every window (go-lumber) or over the whole connection (pylogbeat, Ruby), and
both wait for the number they wrote last. The numbers are used for nothing else. While a window is
being made durable, senders of version 2 hear `A 0`; those of version 1 would take it for the
answer. A new window before the last one is full flushes it short, as Logstash does; so does the end
of a connection of version 1, some of whose senders announce one window for all that they will ever
send and read no answers.

An event that is not a JSON object is kept as text. Closing the connection, as the peers do, would
have its sender send the window again for ever, with all that is behind it; and Python's encoder
writes `NaN`, which is not JSON. What is no frame closes the connection: there is no mark from which
to read on.

Source: logstash-plugins/logstash-input-beats, PROTOCOL.md, BeatsParser.java, BeatsHandler.java;
elastic/go-lumber, client/v2, server/v2; logstash-input-lumberjack for the fields of version 1.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import msgspec

from meshseal.model.envelope import Payload
from meshseal.model.errors import PayloadError, TooLargeError
from meshseal.wire.protocol import NOT_JSON
from meshseal.wire.stream import Connection, Say, Sender, Session, Step, StreamProtocol, Take

_VERSIONS = b"12"
_WINDOW, _JSON, _DATA, _COMPRESSED, _ACK = b"WJDCA"
_NUMBER = struct.Struct(">I")
_HEAD = struct.Struct(">BBI")
_JSON_HEAD = struct.Struct(">BBII")
_DATA_HEAD = _JSON_HEAD

_EVENT_BYTES = 64
"""What an event costs beside its text, so that a window of empty ones has an end too."""


class _AnyObject(msgspec.Struct):
    """A JSON object, whatever it holds."""


_OBJECT = msgspec.json.Decoder(_AnyObject)


class LumberjackSession(Session):
    """One connection of a Beat or its like.

    Args:
        connection: What is known of it.
        sender: Who is at the other end.
    """

    def __init__(self, connection: Connection, sender: Sender) -> None:
        self._connection = connection
        self._sender = sender
        self._limit = connection.limit_bytes
        self._unread = bytearray()
        self._pairs: _Pairs | None = None
        self._version = _VERSIONS[1]
        self._size = 0
        self._events: list[bytes] = []
        self._event_bytes = 0
        self._sequence = 0

    @property
    def buffered_bytes(self) -> int:
        """What is read of a frame and of a window that are not whole yet."""
        return len(self._unread) + self._event_bytes

    def received(self, data: bytes, received_unix_nano: int) -> Iterator[Step]:
        """Take bytes; yield what each whole window asks for.

        Raises: PayloadError for what is no frame, TooLargeError for a frame or a window over the
            limit. Neither can be read on from.
        """
        self._unread += data
        start = 0
        try:
            while (end := self._frame_end(start)) is not None:
                frame = bytes(memoryview(self._unread)[start:end])
                start = end
                yield from self._frame(frame, received_unix_nano, nested=False)
        finally:
            del self._unread[:start]

    def ended(self, received_unix_nano: int) -> Iterator[Step]:
        """Yield what a sender of version 1 leaves of a window; those of version 2 send it again."""
        if self._version == _VERSIONS[0]:
            yield from self._flush(received_unix_nano)

    def keep_alive(self) -> bytes:
        """Return `A 0`, which says that the server is at work."""
        return self._ack(0) if self._version == _VERSIONS[1] else b""

    # ---- Frames --------------------------------------------------------------------------------

    def _frame_end(self, start: int) -> int | None:
        """Return where the frame at `start` ends, or None where it is not whole yet.

        Raises: PayloadError, TooLargeError.
        """
        unread = self._unread
        end = _frame_end(unread, start, self._limit, self._pairs)
        self._pairs = None
        if isinstance(end, _Pairs):
            self._pairs, end = end, None
        return end if end is not None and end <= len(unread) else None

    def _frame(self, frame: bytes, now: int, *, nested: bool) -> Iterator[Step]:
        """Yield what a whole frame asks for."""
        self._version, kind = frame[0], frame[1]
        if kind == _WINDOW:
            yield from self._flush(now)
            (self._size,) = _NUMBER.unpack_from(frame, 2)
            if not self._size:
                yield Say(self._ack(0))
        elif kind == _COMPRESSED:
            if nested:
                raise PayloadError("a compressed frame holds another")
            yield from self._frames(_inflated(memoryview(frame)[6:], self._limit), now)
        else:
            (sequence,) = _NUMBER.unpack_from(frame, 2)
            event = frame[10:] if kind == _JSON else _object(frame)
            yield from self._event(event, sequence, now)

    def _frames(self, frames: bytes, now: int) -> Iterator[Step]:
        """Yield what the frames inside a compressed one ask for."""
        start, length = 0, len(frames)
        while start < length:
            if frames[start + 1 : start + 2] == b"J" and start + 10 <= length:
                version, _, sequence, size = _JSON_HEAD.unpack_from(frames, start)
                end = start + 10 + size
                if end <= length and version in _VERSIONS:
                    # Nearly all events come this way: no detours.
                    self._version = version
                    yield from self._event(frames[start + 10 : end], sequence, now)
                    start = end
                    continue
            found = _frame_end(frames, start, self._limit, None)
            if not isinstance(found, int) or found > length:
                raise PayloadError("a compressed frame holds a part of a frame")
            yield from self._frame(frames[start:found], now, nested=True)
            start = found

    # ---- Windows -------------------------------------------------------------------------------

    def _event(self, event: bytes, sequence: int, now: int) -> Iterator[Step]:
        if not self._size:
            raise PayloadError("an event comes before its window")
        self._event_bytes += len(event) + _EVENT_BYTES
        if self._event_bytes > self._limit:
            raise TooLargeError(f"a window is larger than {self._limit} bytes")
        self._events.append(event)
        self._sequence = sequence
        if len(self._events) >= self._size:
            yield from self._flush(now)

    def _flush(self, now: int) -> Iterator[Step]:
        """Yield the window so far, whole or not."""
        count = len(self._events)
        if not count:
            return
        content = _lines(self._events)
        self._events, self._event_bytes = [], 0
        door, kind = self._connection.door, Payload.BEATS_EVENTS
        envelope = self._sender.envelope(door, now, kind, content, count)
        # A sender that numbers nothing would never hear the end of it.
        yield Take((envelope,), self._ack(self._sequence or count))

    def _ack(self, sequence: int) -> bytes:
        return _HEAD.pack(self._version, _ACK, sequence)


class _Pairs:
    """How far the pairs of a frame of version 1 have been found: `texts` are left at `offset`."""

    __slots__ = ("offset", "texts")

    def __init__(self, offset: int, texts: int) -> None:
        self.offset = offset
        self.texts = texts


def _frame_end(
    data: bytes | bytearray, start: int, limit: int, pairs: _Pairs | None
) -> int | _Pairs | None:
    """Return where the frame at `start` ends, which may be behind the data.

    None, or how far its pairs were found, where too little of it is there to say.
    Raises: PayloadError, TooLargeError.
    """
    there = len(data) - start
    if there >= 1 and data[start] not in _VERSIONS:
        raise PayloadError("what should be a frame is of no version of Lumberjack")
    if there < 2:
        return None
    kind = data[start + 1]
    if kind == _WINDOW:
        return start + 6
    if kind not in (_JSON, _DATA, _COMPRESSED):
        raise PayloadError(f"there is no frame of type {kind:#04x}")
    head = 6 if kind == _COMPRESSED else 10
    if there < head:
        return None
    (number,) = _NUMBER.unpack_from(data, start + head - 4)
    if kind == _DATA:
        return _pairs_end(data, start, limit, pairs or _Pairs(head, 2 * number))
    if number > limit:
        raise TooLargeError(f"a frame is larger than {limit} bytes")
    return start + head + int(number)


def _pairs_end(data: bytes | bytearray, start: int, limit: int, pairs: _Pairs) -> int | _Pairs:
    """Return the end of a frame of pairs, or how far it was found."""
    while pairs.texts:
        if start + pairs.offset + 4 > len(data):
            return pairs
        (size,) = _NUMBER.unpack_from(data, start + pairs.offset)
        pairs.offset += 4 + size
        pairs.texts -= 1
        if pairs.offset > limit:
            raise TooLargeError(f"a frame is larger than {limit} bytes")
    return start + pairs.offset


def _inflated(compressed: memoryview, limit: int) -> bytes:
    """Return what was compressed. Raises: PayloadError, TooLargeError."""
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(compressed, limit + 1)
    except zlib.error as error:
        raise PayloadError(f"a compressed frame cannot be read: {error}") from error
    if len(content) > limit:
        raise TooLargeError(f"a compressed frame unpacks to more than {limit} bytes")
    if not inflater.eof:
        raise PayloadError("a compressed frame is cut short")
    return content


def _object(frame: bytes) -> bytes:
    """Return the pairs of a frame of version 1 as a JSON object.

    Its senders call the message `line`, as Logstash's input knows.
    """
    (count,) = _NUMBER.unpack_from(frame, 6)
    offset = 10
    texts: list[bytes] = []
    for _ in range(2 * count):
        (size,) = _NUMBER.unpack_from(frame, offset)
        text = frame[offset + 4 : offset + 4 + size].decode(errors="backslashreplace")
        texts.append(msgspec.json.encode(text))
        offset += 4 + size
    keys = texts[::2]
    if b'"message"' not in keys:
        keys = [b'"message"' if key == b'"line"' else key for key in keys]
    members = (b"%b:%b" % pair for pair in zip(keys, texts[1::2], strict=True))
    return b"{%b}" % b",".join(members)


# ---- Lines -------------------------------------------------------------------------------------


def _lines(events: list[bytes]) -> bytes:
    """Return events as lines, one each."""
    content = b"\n".join(events)
    if content.count(b"\n") == len(events) - 1:
        return content
    return b"\n".join(_line(event) if b"\n" in event else event for event in events)


def _line(event: bytes) -> bytes:
    """Return an event of several lines as one: in JSON, line breaks are space between values."""
    try:
        _OBJECT.decode(event)
    except NOT_JSON:
        return msgspec.json.encode({"message": event.decode(errors="backslashreplace")})
    return event.replace(b"\n", b" ")


def _session(connection: Connection) -> LumberjackSession:
    if connection.sender is None:
        raise PayloadError("nothing says who sends: the protocol has no words for it")
    return LumberjackSession(connection, connection.sender)


PROTOCOL = StreamProtocol(
    name="lumberjack",
    title="Lumberjack 1 and 2: Beats and Logstash",
    native_port=5044,
    session=_session,
    answers=True,
    acknowledges="the window's last sequence number after fsync; `A 0` every few seconds before",
    clients=("Filebeat and other Beats", "Logstash's lumberjack output", "python-logstash-async"),
)

STREAMS = (PROTOCOL,)
