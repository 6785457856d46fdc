"""Jaeger's batches of spans in Thrift as those of its api_v2 in Protocol Buffers.

The engine reads no Thrift. A span is written over without being made an object first: most of it
is the same bytes behind other lengths. `_Plain` does so for spans in Thrift's binary protocol whose
fields stand in the order of their numbers, as every client's do; all others go by their fields.

Source: jaegertracing/jaeger-idl, thrift/jaeger.thrift and proto/api_v2/model.proto.
"""

from __future__ import annotations

import struct

from meshseal.model.protowire import varint
from meshseal.wire import thrift
from meshseal.wire.thrift import Fields, integer, octets, structs

_UNSIGNED = (1 << 64) - 1

# Of each of Thrift's TagTypes, the ValueType: STRING, DOUBLE, BOOL, LONG, BINARY.
_VALUE_TYPES = (0, 3, 1, 2, 4)


def batch(reader: thrift.Reader) -> tuple[bytes, int]:
    """Return a struct Batch as a PostSpansRequest, and how many spans it has.

    Raises: `thrift.BROKEN`; also when what Thrift requires is not there.
    """
    spans, process = bytearray(), None
    count = number = 0
    while True:
        kind, number = reader.field(number)
        if not kind:
            break
        if (kind, number) == (thrift.LIST, 2):
            element, more = reader.elements()
            if element != thrift.STRUCT and more:
                raise ValueError("the spans are no structs")
            _read_spans(reader, more, spans)
            count += more
        elif (kind, number) == (thrift.STRUCT, 1):
            process = _process(reader.whole())
        else:
            reader.value(kind)
    if process is None:
        raise ValueError("a batch without its process")
    return _field(b"\x0a", bytes(spans) + _field(b"\x12", process)), count


def _read_spans(reader: thrift.Reader, count: int, written: bytearray) -> None:
    plain = _Plain(reader.data) if isinstance(reader, thrift.Binary) else None
    for _ in range(count):
        content = None
        if plain:
            content, at = plain.span(reader.at)
            reader.at = at
        written += _field(b"\x0a", content or _span(reader.whole()))


# ---- By their fields -----------------------------------------------------------------------------


def _process(fields: Fields) -> bytes:
    return _text(b"\x0a", octets(fields.get(1))) + _tags(b"\x12", fields.get(2))


def _span(fields: Fields) -> bytes:
    for required in (1, 2, 3, 4, 5, 7, 8, 9):
        if required not in fields:
            raise ValueError(f"a span without its field {required}")
    low, high, own, parent = (_id(integer(fields[number])) for number in (1, 2, 3, 4))
    references = [
        (integer(one.get(1)), _id(integer(one.get(3))) + _id(integer(one.get(2))),
         _id(integer(one.get(4))))
        for one in structs(fields.get(6))
    ]  # fmt: skip
    return b"".join(
        (
            b"\x0a\x10", high, low, b"\x12\x08", own,
            _text(b"\x1a", octets(fields[5])),
            _references(high + low, parent, references),
            _number(b"\x28", integer(fields[7]) & 0xFFFFFFFF),
            _micros(b"\x32", integer(fields[8])),
            _micros(b"\x3a", integer(fields[9])),
            _tags(b"\x42", fields.get(10)),
            _INCOMPLETE if fields.get(12) else b"",
            *(
                _field(
                    b"\x4a",
                    _micros(b"\x0a", integer(one.get(1))) + _tags(b"\x12", one.get(2)),
                )
                for one in structs(fields.get(11))
            ),
        )
    )  # fmt: skip


def _references(trace: bytes, parent: bytes, references: list[tuple[int, bytes, bytes]]) -> bytes:
    """Return the field `references`; a parent that none of them names is the first."""
    if parent != _NO_ID and (0, trace, parent) not in references:
        references = [(0, trace, parent), *references]
    return b"".join(
        _field(
            b"\x22",
            b"\x0a\x10" + other + b"\x12\x08" + span + _number(b"\x18", kind & _UNSIGNED),
        )
        for kind, other, span in references
    )


_NO_ID = bytes(8)


def _id(number: int) -> bytes:
    return (number & _UNSIGNED).to_bytes(8, "big")


def _tags(head: bytes, value: thrift.Value | None) -> bytes:
    return b"".join(_field(head, _tag(fields)) for fields in structs(value))


def _tag(fields: Fields) -> bytes:
    if 1 not in fields or 2 not in fields:
        raise ValueError("a tag without its key or its type")
    kind = integer(fields[2])
    double = fields.get(4)
    if double is not None and not isinstance(double, float):
        raise ValueError("a double is of another type")
    return b"".join(
        (
            _text(b"\x0a", octets(fields[1])),
            _number(b"\x10", _VALUE_TYPES[kind] if 0 <= kind < len(_VALUE_TYPES) else 0),
            _text(b"\x1a", octets(fields.get(3))),
            b"\x20\x01" if integer(fields.get(5)) else b"",
            _number(b"\x28", integer(fields.get(6)) & _UNSIGNED),
            b"\x31" + _DOUBLE(double) if double is not None else b"",
            _text(b"\x3a", octets(fields.get(7))),
        )
    )


# ---- The plain order -----------------------------------------------------------------------------

_DOUBLE = struct.Struct("<d").pack
_COUNT = struct.Struct(">I").unpack_from
_LONG = struct.Struct(">q").unpack_from
_HEAD = struct.Struct(">3s8s3s8s3s8s3s8s3sI").unpack_from
_HEAD_FIELDS = (b"\x0a\0\1", b"\x0a\0\2", b"\x0a\0\3", b"\x0a\0\4", b"\x0b\0\5")
_REFERENCE = struct.Struct(">3si3s8s3s8s3s8sB").unpack_from
_REFERENCE_FIELDS = (b"\x08\0\1", b"\x0a\0\2", b"\x0a\0\3", b"\x0a\0\4", 0)
_TIMES = struct.Struct(">3sI3sq3sq").unpack_from
_TIMES_FIELDS = (b"\x08\0\7", b"\x0a\0\x08", b"\x0a\0\x09")
_KEY = struct.Struct(">3sI").unpack_from
_TYPED = struct.Struct(">3sI3s").unpack_from
_LOG = struct.Struct(">3sq3sBI").unpack_from
_REFERENCES, _TAGS, _LOGS = b"\x0f\0\6\x0c", b"\x0f\0\x0a\x0c", b"\x0f\0\x0b\x0c"


class _NotPlainError(Exception):
    """A span is written otherwise than `_Plain` reads it."""


class _Plain:
    """Writes over spans whose fields stand in the order of their numbers."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def span(self, at: int) -> tuple[bytes | None, int]:
        """Return the span at `at` and where it ends; None where it is not plain, or broken."""
        try:
            return self._span(at)
        except (_NotPlainError, *thrift.BROKEN):
            return None, at

    def _span(self, at: int) -> tuple[bytes, int]:
        data = self._data
        f1, low, f2, high, f3, own, f4, parent, f5, length = _HEAD(data, at)
        if (f1, f2, f3, f4, f5) != _HEAD_FIELDS:
            raise _NotPlainError
        name = data[at + 51 : at + 51 + length]
        at += 51 + length
        references: list[tuple[int, bytes, bytes]] = []
        if data[at : at + 4] == _REFERENCES:
            references, at = self._references(at + 4)
        f7, flags, f8, start, f9, duration = _TIMES(data, at)
        if (f7, f8, f9) != _TIMES_FIELDS:
            raise _NotPlainError
        at += 29
        tags = logs = b""
        if data[at : at + 4] == _TAGS:
            (count,) = _COUNT(data, at + 4)
            tags, at = self._tags(at + 8, count, b"\x42")
        if data[at : at + 4] == _LOGS:
            logs, at = self._logs(at + 4)
        if data[at]:
            raise _NotPlainError
        found = b"".join(
            (
                b"\x0a\x10", high, low, b"\x12\x08", own, _text(b"\x1a", name),
                _references(high + low, parent, references), _number(b"\x28", flags),
                _micros(b"\x32", start), _micros(b"\x3a", duration), tags, logs,
            )
        )  # fmt: skip
        return found, at + 1

    def _references(self, at: int) -> tuple[list[tuple[int, bytes, bytes]], int]:
        (count,) = _COUNT(self._data, at)
        at += 4
        found = []
        for _ in range(count):
            f1, kind, f2, low, f3, high, f4, span, stop = _REFERENCE(self._data, at)
            if (f1, f2, f3, f4, stop) != _REFERENCE_FIELDS:
                raise _NotPlainError
            found.append((kind, high + low, span))
            at += 41
        return found, at

    def _logs(self, at: int) -> tuple[bytes, int]:
        (count,) = _COUNT(self._data, at)
        at += 4
        written = bytearray()
        for _ in range(count):
            f1, time, f2, kind, fields = _LOG(self._data, at)
            if (f1, f2, kind) != (b"\x0a\0\1", b"\x0f\0\2", thrift.STRUCT):
                raise _NotPlainError
            tags, at = self._tags(at + 19, fields, b"\x12")
            if self._data[at]:
                raise _NotPlainError
            at += 1
            written += _field(b"\x4a", _micros(b"\x0a", time) + tags)
        return bytes(written), at

    def _tags(self, at: int, count: int, head: bytes) -> tuple[bytes, int]:
        data = self._data
        written = bytearray()
        for _ in range(count):
            f1, length = _KEY(data, at)
            at += 7
            key = data[at : at + length]
            at += length
            f2, kind, f3 = _TYPED(data, at)
            at += 10
            if f1 != b"\x0b\0\1" or f2 != b"\x08\0\2":
                raise _NotPlainError
            if kind == 0 and f3 == b"\x0b\0\3":
                (size,) = _COUNT(data, at)
                at += 4
                value = data[at : at + size]
                at += size
                content = _text(b"\x0a", key) + (
                    b"\x1a" + (_LENGTHS[size] if size < 2048 else varint(size)) + value
                    if size
                    else b""
                )
            else:
                value, at = self._other_value(kind, f3, at)
                content = _text(b"\x0a", key) + value
            if data[at]:
                raise _NotPlainError
            at += 1
            size = len(content)
            written += head + (_LENGTHS[size] if size < 2048 else varint(size)) + content
        return bytes(written), at

    def _other_value(self, kind: int, field: bytes, at: int) -> tuple[bytes, int]:
        """Return a value that is no text, with its type, and where it ends."""
        data = self._data
        if kind == 3 and field == b"\x0a\0\6":
            (number,) = _LONG(data, at)
            return b"\x10\2" + _number(b"\x28", number & _UNSIGNED), at + 8
        if kind == 2 and field == b"\x02\0\5":
            return b"\x10\1\x20\1" if data[at] else b"\x10\1", at + 1
        if kind == 1 and field == b"\x04\0\4":
            return b"\x10\3\x31" + data[at : at + 8][::-1], at + 8
        if kind == 4 and field == b"\x0b\0\7":
            (size,) = _COUNT(data, at)
            return b"\x10\4" + _text(b"\x3a", data[at + 4 : at + 4 + size]), at + 4 + size
        raise _NotPlainError


# ---- Writing -------------------------------------------------------------------------------------

_LENGTHS = [varint(length) for length in range(2048)]


def _field(head: bytes, content: bytes) -> bytes:
    length = len(content)
    return head + (_LENGTHS[length] if length < 2048 else varint(length)) + content


def _text(head: bytes, content: bytes) -> bytes:
    return _field(head, content) if content else b""


def _number(head: bytes, number: int) -> bytes:
    if not number:
        return b""
    return head + (_LENGTHS[number] if number < 2048 else varint(number))


def _micros(head: bytes, micros: int) -> bytes:
    """Return a Timestamp or Duration."""
    seconds, rest = divmod(micros, 1_000_000)
    return _field(head, _number(b"\x08", seconds & _UNSIGNED) + _number(b"\x10", rest * 1000))


_INCOMPLETE = _field(b"\x42", _text(b"\x0a", b"jaeger.incomplete") + b"\x10\1\x20\1")
