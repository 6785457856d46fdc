r"""Fluentd's events, `[time, record]`, in the form that the spool keeps them in.

ClickHouse reads no maps of any shape from msgpack, so records become JSON here, in bulk: an
unpacker makes Python objects of a thousand entries at a time, and one call writes them as lines.

```
FluentEvents { groups: [ { tag, times: [int64], records: "{…}\n{…}", metadata: "{…}\n{…}" } ] }
```

* `times` are nanoseconds since the epoch; 0 says that the sender gave none.
* `records` has a line of JSON for each, `metadata` too, or is empty where no record has any.
* Text of msgpack's `str` and `bin` is one and the same. A byte that is no UTF-8, and each byte of
  the character U+10FFFF, is written as U+10FFFF and two hexadecimal digits, so that
  `meshseal_fluent_bytes` in SQL gives back to the letter what the sender wrote.
* Of a key that comes twice in a map, the last value counts, as in Fluentd.

Sources: Forward Protocol Specification v1; fluent/fluentd, lib/fluent/plugin/in_forward.rb and
lib/fluent/time.rb; fluent/fluent-bit, include/fluent-bit/flb_log_event.h (metadata and groups).
"""

from __future__ import annotations

import codecs
import math
import struct
import sys
from array import array
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import msgpack
import msgspec

from meshseal.model import protowire as wire
from meshseal.model.errors import PayloadError, TooLargeError

MARK = "\U0010ffff"
ORIGINAL_TIMESTAMP = "meshseal.timestamp.original"
_MARK_BYTES = MARK.encode()
_MARKED_MARK = b"".join(_MARK_BYTES + b"%02x" % byte for byte in _MARK_BYTES)
_BULK = 1000
_MAX_CONTAINERS = 500_000
"""How many maps and arrays a bulk of entries may hold: each takes 64 bytes and more, and may be one
byte on the wire."""

_EVENT_TIME = struct.Struct("!II").unpack
_JSON = msgspec.json.Encoder()
_GROUP_BEGINS, _GROUP_ENDS = 0xFFFFFFFF, 0xFFFFFFFE
_GROUP_NANOS = _GROUP_ENDS * 10**9
_ODD_VALUES = frozenset({bytes, float})
_ODD_KEYS = frozenset({bytes, int, float, bool, type(None), tuple, msgpack.Timestamp})
_NOT_MSGPACK = (ValueError, msgpack.UnpackException, RecursionError, UnicodeError)


class Stamp(int):
    """Nanoseconds since the epoch, of an EventTime."""


class Rows:
    """The events of one tag, in the order of their arrival."""

    def __init__(self, tag: bytes) -> None:
        self.tag = tag
        self.count = 0
        self._times = array("q")
        self._records: list[bytes] = []
        self._metadata: list[bytes] = []
        self._has_metadata = False
        self._group: Mapping[str, Any] = {}

    def add(self, entries: Sequence[Any], *, careful: bool = False) -> None:
        """Add entries.

        Args:
            entries: Each `[time, record]`.
            careful: Whether there may be U+10FFFF in them.

        Raises: PayloadError when one is something else.
        """
        if not all(type(entry) is list and len(entry) >= 2 for entry in entries):
            raise PayloadError("an entry is not [time, record]")
        times: list[int] = [entry[0] for entry in entries]
        records = [entry[1] for entry in entries]
        metadata: list[Any] = []
        plain = set(map(type, times)) == {Stamp} and max(times) < _GROUP_NANOS
        if not plain or self._group or None in records:
            times, records, metadata = self._looked_at(entries)
        self._times.extend(times)
        self._records.append(_lines(records, careful=careful))
        if any(metadata):
            self._has_metadata = True
            self._metadata.append(_lines(metadata, careful=careful))
        else:
            self._metadata.append(b"{}\n" * len(records))
        self.count += len(records)

    def encode(self) -> bytes:
        """Return the group as a field of `FluentEvents`."""
        times = self._times
        if sys.byteorder == "big":
            times = array("q", times)
            times.byteswap()
        packed = times.tobytes()
        records = b"".join(self._records)[:-1]
        metadata = b"".join(self._metadata)[:-1] if self._has_metadata else b""
        parts = [
            part
            for number, content in enumerate((self.tag, packed, records, metadata), 1)
            if content
            for part in (wire.bytes_head(number, len(content)), content)
        ]
        size = sum(map(len, parts))
        return b"".join((wire.bytes_head(1, size), *parts))

    def _looked_at(self, entries: Sequence[Any]) -> tuple[list[int], list[Any], list[Any]]:
        """Return times, records and metadata of entries whose times are not all EventTimes."""
        times: list[int] = []
        records: list[Any] = []
        metadata: list[Any] = []
        for given, record, *_ in entries:
            time: Any = given
            own: Any = {}
            if type(given) is list and given:
                time, own = given[0], given[1] if len(given) > 1 else {}
            if type(own) is not dict:
                own = {"metadata": own} if own else {}
            marker = _group_marker(time)
            if marker:
                begins = marker == _GROUP_BEGINS and type(record) is dict
                self._group = {**own, **record} if begins else {}
            elif record is not None:
                nanos = as_nanos(time)
                if nanos is None:
                    own = {**own, ORIGINAL_TIMESTAMP: str(time)[:200]}
                times.append(nanos or 0)
                records.append(record)
                metadata.append({**self._group, **own} if self._group else own)
        return times, records, metadata


def _group_marker(time: Any) -> int:
    """Return which of Fluent Bit's marks between records a time is, or 0 for none."""
    if isinstance(time, Stamp) and time >= _GROUP_NANOS:
        return int(time) // 10**9
    if type(time) is int and time in (-1, -2):
        return time + (1 << 32)
    return 0


def as_nanos(time: Any) -> int | None:
    """Return a time in nanoseconds; 0 for none, None for what is no time.

    A number is seconds, or milliseconds, microseconds or nanoseconds where only that makes it a
    date before the year 2286.
    """
    if isinstance(time, Stamp):
        return int(time)
    if time is None:
        return 0
    if isinstance(time, msgpack.Timestamp):
        time = time.seconds + time.nanoseconds / 10**9 if time.nanoseconds else time.seconds
    if isinstance(time, str):
        try:
            time = float(time) if "." in time else int(time)
        except ValueError:
            return None
    if isinstance(time, bool) or not isinstance(time, (int, float)) or not math.isfinite(time):
        return None
    for unit in (10**9, 10**6, 1000, 1):
        if abs(time) < 9_220_000_000 * (10**9 // unit):
            if isinstance(time, int):
                return time * unit
            # A double holds microseconds of our time, not nanoseconds.
            return round(time * 10**6) * 1000 if unit == 10**9 else round(time * unit)
    return None


# ---- msgpack -----------------------------------------------------------------------------------


class _Hooks:
    """What an unpacker asks for every map, array and extension type."""

    def __init__(self, *, pairs: bool = False) -> None:
        self.left = _MAX_CONTAINERS
        self._hook: dict[str, Any] = (
            {"object_pairs_hook": self.of_pairs} if pairs else {"object_hook": self.of_map}
        )

    def unpacker(self, content: bytes) -> msgpack.Unpacker:
        """Return an unpacker that has been fed."""
        unpacker = msgpack.Unpacker(
            max_buffer_size=len(content) + 1,
            raw=False,
            unicode_errors="surrogateescape",
            strict_map_key=False,
            list_hook=self.of_array,
            ext_hook=_extension,
            **self._hook,
        )
        unpacker.feed(content)
        return unpacker

    def of_map(self, found: dict[Any, Any]) -> dict[Any, Any]:
        self.left -= 1
        if self.left < 0:
            raise _too_many()
        if not _ODD_KEYS.isdisjoint(map(type, found)):
            found = {_key(key): value for key, value in found.items()}
        if not _ODD_VALUES.isdisjoint(map(type, found.values())):
            for key, value in found.items():
                if type(value) in _ODD_VALUES:
                    found[key] = _odd(value)
        return found

    def of_pairs(self, pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
        """Of a map that has keys of which Python makes no keys."""
        return self.of_map({_key(key): value for key, value in pairs})

    def of_array(self, found: list[Any]) -> list[Any]:
        self.left -= 1
        if self.left < 0:
            raise _too_many()
        if not _ODD_VALUES.isdisjoint(map(type, found)):
            return [_odd(value) if type(value) in _ODD_VALUES else value for value in found]
        return found


def _too_many() -> TooLargeError:
    return TooLargeError(f"more than {_MAX_CONTAINERS} maps and arrays in {_BULK} entries")


def _extension(code: int, data: bytes) -> Any:
    if code == 0 and len(data) == 8:
        seconds, nanos = _EVENT_TIME(data)
        return Stamp(seconds * 10**9 + nanos)
    return {"type": code, "data": data.decode("utf-8", "surrogateescape")}


def _odd(value: Any) -> Any:
    """Return a value that JSON has no form for in one that it has."""
    if type(value) is bytes:
        return value.decode("utf-8", "surrogateescape")
    if type(value) is float and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _key(key: Any) -> str:
    """Return a key of a map as text."""
    if isinstance(key, str):
        return key
    if type(key) is bytes:
        return key.decode("utf-8", "surrogateescape")
    return _JSON.encode(_plain(key)).decode()


def read_entries(rows: Rows, content: bytes, count: int | None = None) -> tuple[Rows, int]:
    """Return the entries in a message, and the offset behind them.

    Args:
        rows: Where they go, if it is the whole answer; nothing has been added to it yet.
        content: Msgpack objects that follow one another.
        count: How many of them are entries; None for all.

    Raises: PayloadError when they are not that; TooLargeError when they would fill the memory.
    """
    try:
        return rows, _read(rows, content, count, _Hooks())
    except TypeError:
        # There is a map with an array or a map as a key, which no `dict` can have.
        again = Rows(rows.tag)
        return again, _read(again, content, count, _Hooks(pairs=True))


def _read(rows: Rows, content: bytes, count: int | None, hooks: _Hooks) -> int:
    unpacker = hooks.unpacker(content)
    careful = _MARK_BYTES in content
    left = sys.maxsize if count is None else count
    try:
        while left:
            hooks.left = _MAX_CONTAINERS
            bulk = list(islice(unpacker, min(_BULK, left)))
            if not bulk:
                break
            left -= len(bulk)
            rows.add(bulk, careful=careful)
        offset = int(unpacker.tell())
        if count is None:
            # A nil behind an object that is not whole would become part of it.
            unpacker.feed(b"\xc0")
            left = unpacker.unpack() is not None
    except _NOT_MSGPACK as error:
        raise PayloadError(f"the entries are not msgpack: {str(error)[:100]}") from error
    if left:
        raise PayloadError("the entries are cut short")
    return offset


def read_event(content: bytes) -> tuple[list[Any], int]:
    """Return `[time, record]` from the beginning of `content`, and the offset behind them.

    Raises: PayloadError, TooLargeError.
    """
    try:
        return _read_event(content, _Hooks())
    except TypeError:
        return _read_event(content, _Hooks(pairs=True))


def read_one(content: bytes) -> Any:
    """Return the one object in `content`. Raises: PayloadError, TooLargeError."""
    try:
        return _Hooks().unpacker(content).unpack()
    except TypeError:
        return None  # A map with such keys says nothing that is known.
    except _NOT_MSGPACK as error:
        raise PayloadError(f"the message is not msgpack: {str(error)[:100]}") from error


def _read_event(content: bytes, hooks: _Hooks) -> tuple[list[Any], int]:
    unpacker = hooks.unpacker(content)
    try:
        return [unpacker.unpack(), unpacker.unpack()], int(unpacker.tell())
    except _NOT_MSGPACK as error:
        raise PayloadError(f"the event is not msgpack: {str(error)[:100]}") from error


# ---- JSON --------------------------------------------------------------------------------------


def _lines(values: list[Any], *, careful: bool) -> bytes:
    """Return values as JSON, a line for each. Raises: PayloadError when nested too deep."""
    try:
        if careful:
            return _JSON.encode_lines([_plain(value) for value in values])
        try:
            return _JSON.encode_lines(values)
        except (UnicodeEncodeError, TypeError):
            return _JSON.encode_lines([_plain(value) for value in values])
    except RecursionError as error:
        raise PayloadError("a record is nested too deep") from error


def _plain(value: Any) -> Any:
    """Return a value with every text in the form that this module's head describes."""
    if isinstance(value, str):
        return as_text(value.encode("utf-8", "surrogateescape"))
    if isinstance(value, dict):
        return {_plain(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, Stamp):
        return f"{value // 10**9}.{value % 10**9:09d}"
    if isinstance(value, msgpack.Timestamp):
        return f"{value.seconds}.{value.nanoseconds:09d}"
    return _odd(value)


def as_text(content: bytes) -> str:
    """Return text in the form that this module's head describes."""
    if _MARK_BYTES in content:
        content = content.replace(_MARK_BYTES, _MARKED_MARK)
    return content.decode("utf-8", "meshseal.kept")


def has_mark(content: bytes) -> bool:
    """Return whether there may be U+10FFFF in the text of a message."""
    return _MARK_BYTES in content


def _keep(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    kept = "".join(f"{MARK}{byte:02x}" for byte in error.object[error.start : error.end])
    return kept, error.end


codecs.register_error("meshseal.kept", _keep)
