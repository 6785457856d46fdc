"""Syslog over TCP, TLS and UDP: messages as the sender wrote them, without their frames.

A message is any bytes. What is in it (RFC 5424, RFC 3164 and their relatives) is told apart later,
in SQL; what is no syslog message is a record all the same, its text the body.

Sources: RFC 6587 (framing over TCP), RFC 5425 (TLS), RFC 5426 (UDP).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from meshseal.model.envelope import Envelope, Payload
from meshseal.model.errors import TooLargeError
from meshseal.wire.protos.spool_pb2 import SyslogMessages
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

MAX_MESSAGE_BYTES = 1 << 20
"""The longest message. RFC 5425 asks for 8 KiB; senders can be set to more."""

_ENDS = b"\r\n\0"
# A count is known by the `<` behind it, which every syslog message begins with: a line that merely
# begins with a number is a line.
_COUNT = re.compile(rb"([1-9][0-9]{0,9}) <")
_COUNT_BEGUN = re.compile(rb"[1-9][0-9]{0,9} ?")
# A sender that ends messages with NUL has lines in them: those end nothing, but for one that is
# clearly before another message.
_NUL_END = re.compile(rb"\0|\n(?=<[0-9]{1,3}>)")
_LONGEST_PRIORITY = 5


class SyslogFramer:
    """Cuts a stream into messages. How each is framed is decided anew for each.

    A message that begins with its length and a space has exactly that length. Any other ends with
    LF; or with NUL, as all do on this connection from the first that does so.
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        # No message can end before so many bytes are there, or at one of those seen already.
        self._wanted = 0
        self._is_too_long = False
        self._ends_with_nul = False
        self._searched = 0

    @property
    def buffered_bytes(self) -> int:
        """How many bytes of a message are here that is not whole yet."""
        return len(self._rest)

    def cut(self, data: bytes) -> tuple[list[bytes], bool]:
        """Take bytes; return the messages that are whole now, and whether the next is too long."""
        if self._rest:
            self._rest += data
            if len(self._rest) < self._wanted:
                return [], False
            data = bytes(self._rest)
        messages: list[bytes] = []
        position = self._walk(data, messages)
        self._rest = bytearray(memoryview(data)[position:])
        self._searched = max(0, self._searched - position)
        return messages, self._is_too_long

    def left(self) -> bytes:
        """Return the message that the stream ended in, and forget it."""
        rest, self._rest = bytes(self._rest), bytearray()
        count = _COUNT.match(rest)
        return rest[count.end() - 1 if count else 0 :].rstrip(_ENDS)

    def _walk(self, data: bytes, messages: list[bytes]) -> int:
        """Collect messages; return where the first one begins that is not whole."""
        position, size, searched = 0, len(data), self._searched
        nul = data.find(b"\0")
        self._wanted = self._searched = 0
        while position < size:
            begin, end = _counted(data, position)
            behind = end
            if not end:
                if -1 < nul < position:
                    nul = data.find(b"\0", position)
                begin, end = position, self._line_end(data, max(position, searched), nul)
                behind = end + 1
            self._is_too_long = (end if end >= 0 else size) - begin > MAX_MESSAGE_BYTES
            if end < 0:
                self._searched = max(position, size - _LONGEST_PRIORITY)
            elif end > size:
                self._wanted = end - position
            if self._is_too_long or not 0 <= end <= size:
                break
            if message := data[begin:end].rstrip(_ENDS):
                messages.append(message)
            position, searched = behind, 0
        return position

    def _line_end(self, data: bytes, begin: int, nul: int) -> int:
        """Return where a line ends, or -1; `nul` is where the next NUL is, or -1."""
        if not self._ends_with_nul:
            end = data.find(b"\n", begin)
            if nul < 0 or -1 < end < nul:
                return end
            self._ends_with_nul = True
            return nul
        found = _NUL_END.search(data, begin)
        return found.start() if found else -1


def _counted(data: bytes, position: int) -> tuple[int, int]:
    """Return where a message with a count begins and ends; (0, 0) if there is no count.

    The end is behind the data also where only part of a count is there.
    """
    if 0x31 <= data[position] <= 0x39:
        if count := _COUNT.match(data, position):
            return count.end() - 1, count.end() - 1 + int(count[1])
        begun = _COUNT_BEGUN.match(data, position)
        if begun and begun.end() == len(data):
            return position, len(data) + 1
    return 0, 0


class SyslogSession(Session):
    """One connection. Nothing is ever answered: the protocol has no words for it."""

    def __init__(self, connection: Connection) -> None:
        assert connection.sender is not None
        self._door = connection.door
        self._sender = connection.sender
        self._framer = SyslogFramer()

    @property
    def buffered_bytes(self) -> int:
        """How many bytes it holds of a message that is not whole yet."""
        return self._framer.buffered_bytes

    def received(self, data: bytes, received_unix_nano: int) -> Iterator[Step]:
        """Yield one envelope of all messages that are whole now."""
        messages, too_long = self._framer.cut(data)
        if messages:
            yield Take((_envelope(messages, self._door, self._sender, received_unix_nano),))
        if too_long:
            yield Refuse(TooLargeError(f"a message is longer than {MAX_MESSAGE_BYTES} bytes"))

    def ended(self, received_unix_nano: int) -> Iterator[Step]:
        """Yield what is left of a message: half of it is better than nothing."""
        if message := self._framer.left():
            yield Take((_envelope([message], self._door, self._sender, received_unix_nano),))


class SyslogDatagrams(Datagrams):
    """What one port gets; a datagram is a message."""

    def __init__(self, door: str) -> None:
        self._door = door

    def received(self, batch: Sequence[Datagram], received_unix_nano: int) -> Arrived:
        """Return one envelope for each sender. Nothing is refused."""
        envelopes: list[Envelope] = []
        for sender, datagrams in by_sender(batch):
            messages = [message for one in datagrams if (message := one.data.rstrip(_ENDS))]
            if messages:
                envelopes.append(_envelope(messages, self._door, sender, received_unix_nano))
        return Arrived(tuple(envelopes))


def _envelope(
    messages: list[bytes], door: str, sender: Sender, received_unix_nano: int
) -> Envelope:
    content = SyslogMessages(messages=messages).SerializeToString()
    kind = Payload.SYSLOG_MESSAGES
    return sender.envelope(door, received_unix_nano, kind, content, len(messages))


_CLIENTS = ("rsyslog", "syslog-ng", "NGINX", "HAProxy", "Python's SysLogHandler", "appliances")
_NOTHING = "nothing: the protocol has no answer; nothing more is read until it is on disk"

TCP = StreamProtocol(
    name="syslog",
    title="Syslog over TCP or TLS",
    native_port=5514,
    session=SyslogSession,
    acknowledges=_NOTHING,
    clients=_CLIENTS,
)

TLS = StreamProtocol(
    name="syslog_tls",
    title="Syslog over TLS",
    native_port=6514,
    session=SyslogSession,
    tls_only=True,
    acknowledges=_NOTHING,
    clients=_CLIENTS,
)

UDP = StreamProtocol(
    name="syslog_udp",
    title="Syslog over UDP",
    native_port=5514,
    datagrams=SyslogDatagrams,
    acknowledges="nothing: what finds no room is lost, and counted",
    clients=_CLIENTS,
)

STREAMS = (TCP, TLS, UDP)
