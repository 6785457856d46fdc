"""Fluentd's Forward protocol, version 1: events of Fluentd, Fluent Bit, Docker and Envoy over TCP.

```
[tag, time, record, option?]              Message
[tag, [[time, record], …], option?]       Forward
[tag, "<[time, record]…>", option?]       PackedForward; compressed with gzip or zstd, if so said
-> {"ack": <option's chunk>}              once the events are on disk, if there is a chunk
```

A message is msgpack, or JSON where the first byte of a connection is `{` or `[`. What has a chunk
is answered, and its sender sends it again without an answer: its delivery is called by the chunk's
name and its tag (Fluent Bit's name is a hash of the events alone, which may go by several tags).
What has none is lost to its sender once it has left, so that it waits until it can be made durable.
Metrics and traces (`fluent_signal`) cannot be kept: they are counted as refused, and answered,
since their sender would send them for ever.

Sources: Forward Protocol Specification v1; fluent/fluentd, lib/fluent/plugin/in_forward.rb;
fluent/fluent-bit, plugins/in_forward/fw_prot.c and plugins/out_forward/forward_format.c;
envoyproxy/envoy, source/extensions/common/fluentd/fluentd_base.cc.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from meshseal.model.envelope import Envelope, Payload
from meshseal.model.errors import (
    AuthenticationError,
    MeshsealError,
    PayloadError,
    UnsupportedError,
)
from meshseal.wire.forward_auth import MAX_PING_BYTES, Handshake, refusal
from meshseal.wire.forward_events import Rows, has_mark
from meshseal.wire.forward_frames import Frames
from meshseal.wire.forward_message import Message, read_json, read_message
from meshseal.wire.stream import (
    Arrived,
    Connection,
    Datagram,
    Datagrams,
    Refuse,
    Say,
    Sender,
    Session,
    Step,
    StreamProtocol,
    Take,
)

PORT = 24224


class _Gathered:
    """What has been read and is not durable: all of it becomes so together.

    A message without a chunk may be a single event, so that all of those go into one envelope;
    each with a chunk is an envelope of its own.
    """

    def __init__(self, connection: Connection, sender: Sender, received_unix_nano: int) -> None:
        self._connection = connection
        self._sender = sender
        self._now = received_unix_nano
        self._named: list[Envelope] = []
        self._loose: list[bytes] = []
        self._loose_records = 0
        self._reply: list[bytes] = []
        self._tag = b""
        self._events: list[Any] = []
        self._careful = False
        self._error: PayloadError | None = None

    def add(self, message: Message, *, careful: bool) -> None:
        """Add a message; `careful` is as `Rows.add` has it."""
        if message.event is not None:
            if message.tag != self._tag:
                self._close_group()
            self._tag = message.tag
            self._events.append(message.event)
            self._careful |= careful
            return
        self._reply.append(message.ack())
        rows = message.rows
        if rows is None or not rows.count:
            return
        if message.chunk:
            envelope = self._envelope(rows.encode(), rows.count, message.delivery)
            self._named.append(envelope)
        else:
            self._close_group()
            self._add_rows(rows)

    def take(self) -> Iterator[Take]:
        """Yield what to do with it, if there is anything. Raises: PayloadError."""
        self._close_group()
        envelopes = [*self._named]
        if self._loose:
            envelopes.append(self._envelope(b"".join(self._loose), self._loose_records))
        reply = b"".join(self._reply)
        if envelopes or reply:
            yield Take(tuple(envelopes), reply, patient=bool(self._loose))
        if self._error:
            raise self._error

    def _close_group(self) -> None:
        """Make one group of the single events that have come."""
        events, self._events = self._events, []
        careful, self._careful = self._careful, False
        if not events:
            return
        rows = Rows(self._tag)
        try:
            rows.add(events, careful=careful)
        except PayloadError as error:
            self._error = error
            # Nobody would send the good ones again.
            for event in events if len(events) > 1 else ():
                self._events, self._careful = [event], careful
                self._close_group()
        else:
            self._add_rows(rows)

    def _add_rows(self, rows: Rows) -> None:
        if rows.count:
            self._loose.append(rows.encode())
            self._loose_records += rows.count

    def _envelope(self, content: bytes, records: int, delivery: str = "") -> Envelope:
        kind, door = Payload.FLUENT_EVENTS, self._connection.door
        return self._sender.envelope(door, self._now, kind, content, records, delivery=delivery)


class ForwardSession(Session):
    """One connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._handshake = Handshake(connection) if connection.secrets.shared_key else None
        self._sender = None if self._handshake else connection.sender
        limit = MAX_PING_BYTES if self._handshake else connection.limit_bytes
        self._frames = Frames(limit)

    @property
    def buffered_bytes(self) -> int:
        """How many bytes it holds of a message that is not whole yet."""
        return self._frames.waiting_bytes

    def opened(self) -> bytes:
        """Return the HELO, where the door has a shared key."""
        return self._handshake.hello() if self._handshake else b""

    def received(self, data: bytes, received_unix_nano: int) -> Iterable[Step]:
        """Take bytes. Raises: PayloadError, TooLargeError, AuthenticationError."""
        messages = self._frames.feed(data)
        if self._sender is None:
            ping = next(messages, None)
            if ping is None:
                return
            try:
                pong = self._shake(ping)
            except AuthenticationError as error:
                yield Refuse(error, refusal(str(error)))
                return
            yield Say(pong)
        yield from self._take(messages, received_unix_nano)

    def _shake(self, ping: bytes) -> bytes:
        """Return the PONG. Raises: PayloadError, AuthenticationError."""
        if self._handshake is None:
            raise AuthenticationError("nothing says who sends")
        self._sender, pong = self._handshake.check(ping)
        self._frames.limit_bytes = self._connection.limit_bytes
        return pong

    def _take(self, messages: Iterator[bytes], now: int) -> Iterator[Step]:
        """Yield what to do with messages. What came whole before a bad one is taken."""
        assert self._sender is not None
        gathered = _Gathered(self._connection, self._sender, now)
        try:
            for content in messages:
                message = self._read(content)
                if message is None:
                    continue
                if message.signal:
                    yield from gathered.take()
                    gathered = _Gathered(self._connection, self._sender, now)
                    error = UnsupportedError(f"{message.signal} cannot be kept: send logs only")
                    yield Refuse(error, message.ack(), closes=False, records=1)
                    continue
                gathered.add(message, careful=has_mark(content))
        except MeshsealError:
            yield from gathered.take()
            raise
        yield from gathered.take()

    def _read(self, content: bytes) -> Message | None:
        if self._frames.is_json:
            return read_json(content)
        return read_message(content, limit_bytes=self._connection.limit_bytes)


class Heartbeats(Datagrams):
    """Fluentd's heartbeats over UDP: each is answered."""

    def received(self, batch: Sequence[Datagram], received_unix_nano: int) -> Arrived:
        """Answer. There are no records in them."""
        del received_unix_nano
        return Arrived(replies=tuple((b"\0", datagram.address) for datagram in batch))


FORWARD = StreamProtocol(
    name="forward",
    title="Fluentd Forward",
    native_port=PORT,
    session=ForwardSession,
    answers=True,
    mixed=True,
    handshake=True,
    acknowledges='{"ack": chunk} after fsync; without a chunk, nothing more is read until then',
    clients=("Fluentd", "Fluent Bit", "Docker", "Envoy", "fluent-logger"),
)

FORWARD_UDP = StreamProtocol(
    name="forward_udp",
    title="Fluentd Forward's heartbeat over UDP",
    native_port=PORT,
    datagrams=lambda _door: Heartbeats(),
    heartbeat_of=FORWARD.name,
    acknowledges="each datagram is answered with one zero byte; there are no records in it",
    clients=("Fluentd with heartbeat_type udp",),
)

STREAMS = (FORWARD, FORWARD_UDP)
