"""One message of the Forward protocol, in any of its modes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgpack
import msgspec

from meshseal.model.errors import PayloadError
from meshseal.receive.decompress import decompress
from meshseal.wire.forward_events import Rows, has_mark, read_entries, read_event, read_one
from meshseal.wire.forward_frames import array_head, text_bounds
from meshseal.wire.protocol import NOT_JSON

MAX_TAG_BYTES = 4096
MAX_CHUNK_BYTES = 1024
SIGNALS = {1: "metrics", 2: "traces", 3: "profiles"}
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        tag: Its tag, in UTF-8 unless the sender wrote something else.
        rows: Its events, if they are read already.
        event: The one event of a message that has only one, and says nothing more.
        signal: What is in it that is no event: metrics or traces; else ''.
        chunk: What the sender calls it, or ''.
        is_json: Whether it is JSON, and its answer too.
    """

    tag: bytes = b""
    rows: Rows | None = None
    event: list[Any] | None = None
    signal: str = ""
    chunk: str = ""
    is_json: bool = False

    def ack(self) -> bytes:
        """Return the answer to it; b'' where the sender waits for none."""
        if not self.chunk:
            return b""
        answer = {"ack": self.chunk}
        if self.is_json:
            return msgspec.json.encode(answer)
        return bytes(msgpack.packb(answer, unicode_errors="surrogateescape"))

    @property
    def delivery(self) -> str:
        """What its delivery is called: the same in every try."""
        if not self.chunk:
            return ""
        chunk = self.chunk.encode("utf-8", "surrogateescape")
        return f"{chunk.decode(errors='backslashreplace')} {self.tag.decode(errors='replace')}"


@dataclass(slots=True)
class _Option:
    """A message's option."""

    chunk: str = ""
    signal: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


def read_message(content: bytes, *, limit_bytes: int) -> Message | None:
    """Read a message of msgpack; None for a heartbeat, which is a nil.

    Raises: PayloadError when it is none of the four modes; TooLargeError.
    """
    if content == b"\xc0":
        return None
    head = array_head(content, 0)
    if head is None or head[0] < 2:
        raise PayloadError("a message is not [tag, events]")
    length, at = head
    bounds = text_bounds(content, at)
    if bounds is None:
        raise PayloadError("a message's tag is not text")
    tag, at = _tag(content[slice(*bounds)]), bounds[1]
    entries = array_head(content, at)
    if entries is not None:
        rows, size = read_entries(Rows(tag), content[entries[1] :], entries[0])
        option = _option(content[entries[1] + size :], length - 2)
        return Message(tag, rows, None, option.signal, option.chunk)
    packed = text_bounds(content, at)
    if packed is not None:
        option = _option(content[packed[1] :], length - 2)
        if option.signal:
            return Message(tag, signal=option.signal, chunk=option.chunk)
        events = _unpacked(content[slice(*packed)], limit_bytes)
        return Message(tag, read_entries(Rows(tag), events)[0], chunk=option.chunk)
    if length < 3:
        raise PayloadError("a message has a time and no record")
    event, size = read_event(content[at:])
    event_option = _option(content[at + size :], length - 3)
    event = _with(event, event_option)
    if event_option.signal or not event_option.chunk:
        return Message(tag, None, event, event_option.signal, event_option.chunk)
    rows = Rows(tag)
    rows.add([event], careful=has_mark(content))
    return Message(tag, rows, chunk=event_option.chunk)


def read_json(content: bytes) -> Message:
    """Read a message of JSON. Raises: PayloadError."""
    try:
        parts = msgspec.json.decode(content)
    except NOT_JSON as error:
        raise PayloadError(f"a message is not JSON: {str(error)[:100]}") from error
    if not isinstance(parts, list) or len(parts) < 2 or not isinstance(parts[0], str):
        raise PayloadError("a message is not [tag, events]")
    tag = _tag(parts[0].encode())
    if isinstance(parts[1], list):
        option = _known(parts[2] if len(parts) > 2 else None)
        rows = Rows(tag)
        rows.add(parts[1], careful=True)
        return Message(tag, rows, None, option.signal, option.chunk, is_json=True)
    if len(parts) < 3:
        raise PayloadError("a message has a time and no record")
    option = _known(parts[3] if len(parts) > 3 else None)
    rows = Rows(tag)
    rows.add([_with(parts[1:3], option)], careful=True)
    return Message(tag, rows, None, option.signal, option.chunk, is_json=True)


def _with(event: list[Any], option: _Option) -> list[Any]:
    """Return an event with the metadata of its message."""
    if not option.metadata:
        return event
    time, record = event
    own: Any = {}
    if isinstance(time, list) and time:
        time, own = time[0], time[1] if len(time) > 1 and isinstance(time[1], dict) else {}
    return [[time, {**option.metadata, **own}], record]


def _tag(tag: bytes) -> bytes:
    if len(tag) > MAX_TAG_BYTES:
        raise PayloadError(f"a tag is longer than {MAX_TAG_BYTES} bytes")
    return tag


def _unpacked(packed: bytes, limit_bytes: int) -> bytes:
    """Return packed entries as they were. Their first bytes say more than the option does."""
    for magic, encoding in _MAGIC.items():
        if packed.startswith(magic):
            return decompress(packed, encoding, limit_bytes=limit_bytes)
    return packed


def _option(content: bytes, parts: int) -> _Option:
    """Return the option behind the events. Raises: PayloadError."""
    if parts < 1:
        return _Option()
    return _known(read_one(content))


def _known(option: Any) -> _Option:
    """Return what is known of an option; what is no map says nothing."""
    known = _Option()
    if not isinstance(option, dict):
        return known
    chunk = option.get("chunk")
    if isinstance(chunk, str):
        if len(chunk) > MAX_CHUNK_BYTES:
            raise PayloadError(f"a chunk's name is longer than {MAX_CHUNK_BYTES} bytes")
        known.chunk = chunk
    signal = option.get("fluent_signal")
    known.signal = SIGNALS.get(signal, "") if type(signal) is int else ""
    metadata = option.get("metadata")
    known.metadata = metadata if isinstance(metadata, dict) else {}
    return known
