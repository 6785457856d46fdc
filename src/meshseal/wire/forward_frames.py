"""Where a message of the Forward protocol ends: msgpack or JSON, one behind the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

import msgpack

from meshseal.model.errors import PayloadError, TooLargeError

_JSON_LEADS = b"{["
_OUTSIDE = re.compile(rb'["\[\]{}]')
_INSIDE = re.compile(rb'["\\]')
_UNLIMITED = (1 << 31) - 1


class _Ends(Protocol):
    """Finds where the objects of a stream end, and reads nothing twice."""

    def feed(self, data: bytes) -> None:
        """Take what has come."""

    def next_end(self) -> int:
        """Return where in the stream the next object ends; 0 while it is not whole."""


class Frames:
    """Cuts a stream of bytes into messages. What its first byte shows it to be, all of it is.

    Attributes:
        limit_bytes: The largest message.
        is_json: Whether the messages are JSON.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.is_json = False
        self._buffer = bytearray()
        self._begin = 0
        self._ends: _Ends | None = None

    @property
    def waiting_bytes(self) -> int:
        """How many bytes have come of a message that is not whole."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes, and yield the messages that are whole.

        Raises: PayloadError when they are neither msgpack nor JSON; TooLargeError.
        """
        if not data:
            return
        if self._ends is None:
            self.is_json = data[0] in _JSON_LEADS
            self._ends = _JsonEnds() if self.is_json else _MsgpackEnds()
        self._buffer += data
        self._ends.feed(data)
        while end := self._ends.next_end():
            size = end - self._begin
            self._check(size)
            message = bytes(memoryview(self._buffer)[:size])
            del self._buffer[:size]
            self._begin = end
            yield message
        self._check(len(self._buffer))

    def _check(self, size: int) -> None:
        if size > self.limit_bytes:
            raise TooLargeError(f"a message is larger than {self.limit_bytes} bytes")


class _MsgpackEnds:
    def __init__(self) -> None:
        self._unpacker = msgpack.Unpacker(max_buffer_size=_UNLIMITED, read_size=4096)

    def feed(self, data: bytes) -> None:
        self._unpacker.feed(data)

    def next_end(self) -> int:
        try:
            self._unpacker.skip()
        except msgpack.OutOfData:
            return 0
        except (ValueError, msgpack.UnpackException) as error:
            raise PayloadError("the bytes are not msgpack") from error
        return int(self._unpacker.tell())


class _JsonEnds:
    """Counts brackets outside strings; whether it is JSON is seen when it is read."""

    def __init__(self) -> None:
        self._data = b""
        self._before = 0
        self._at = 0
        self._depth = 0
        self._in_string = False

    def feed(self, data: bytes) -> None:
        self._before += self._at
        self._data = self._data[self._at :] + data
        self._at = 0

    def next_end(self) -> int:
        while True:
            pattern = _INSIDE if self._in_string else _OUTSIDE
            found = pattern.search(self._data, self._at)
            if found is None:
                self._at = len(self._data)
                return 0
            mark = found[0]
            if mark == b"\\":
                if found.end() == len(self._data):
                    self._at = found.start()
                    return 0
                self._at = found.end() + 1
                continue
            self._at = found.end()
            if mark == b'"':
                self._in_string = not self._in_string
                continue
            self._depth += 1 if mark in b"[{" else -1
            if self._depth < 0:
                raise PayloadError("the bytes are not JSON")
            if not self._depth:
                return self._before + self._at


# ---- Heads of msgpack objects ------------------------------------------------------------------

_TEXT_HEADS = {0xD9: 1, 0xDA: 2, 0xDB: 4, 0xC4: 1, 0xC5: 2, 0xC6: 4}
_ARRAY_HEADS = {0xDC: 2, 0xDD: 4}


def array_head(content: bytes, at: int) -> tuple[int, int] | None:
    """Return (length, offset behind the head) of the array at an offset, or None for no array."""
    lead = content[at]
    if lead & 0xF0 == 0x90:
        return lead & 0x0F, at + 1
    size = _ARRAY_HEADS.get(lead)
    if size is None:
        return None
    return int.from_bytes(content[at + 1 : at + 1 + size], "big"), at + 1 + size


def text_bounds(content: bytes, at: int) -> tuple[int, int] | None:
    """Return where the `str` or `bin` at an offset begins and ends, or None for neither."""
    lead = content[at]
    if lead & 0xE0 == 0xA0:
        return at + 1, at + 1 + (lead & 0x1F)
    size = _TEXT_HEADS.get(lead)
    if size is None:
        return None
    begin = at + 1 + size
    return begin, begin + int.from_bytes(content[at + 1 : begin], "big")
