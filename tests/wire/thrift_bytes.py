"""Writes Thrift's binary and compact protocols, for tests: values with their types."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from meshseal.model.protowire import varint
from meshseal.wire.thrift import BOOL, BYTE, DOUBLE, I16, I32, I64, LIST, MAP, STRING, STRUCT

_COMPACT = {BOOL: 1, BYTE: 3, I16: 4, I32: 5, I64: 6, DOUBLE: 7, STRING: 8, LIST: 9, MAP: 11,
            STRUCT: 12}  # fmt: skip
_FORMATS = {BOOL: ">?", BYTE: ">b", DOUBLE: ">d", I16: ">h", I32: ">i", I64: ">q"}


@dataclass(frozen=True)
class Typed:
    """A value of one of Thrift's types; a list also has its elements' type."""

    kind: int
    value: Any
    element: int = 0

    def binary(self) -> bytes:
        """Return it in the binary protocol."""
        if self.kind in _FORMATS:
            return struct.pack(_FORMATS[self.kind], self.value)
        if self.kind == STRING:
            return struct.pack(">I", len(self.value)) + bytes(self.value)
        if self.kind == LIST:
            head = struct.pack(">BI", self.element, len(self.value))
            return head + b"".join(one.binary() for one in self.value)
        if self.kind == MAP:
            return struct.pack(">BBI", STRING, I32, len(self.value)) + b"".join(
                string(key).binary() + i32(one).binary() for key, one in self.value.items()
            )
        fields = (struct.pack(">Bh", one.kind, n) + one.binary() for n, one in self.value.items())
        return b"".join(fields) + b"\0"

    def compact(self) -> bytes:
        """Return it in the compact protocol."""
        if self.kind == BOOL:
            return b"\1" if self.value else b"\2"
        if self.kind == BYTE:
            return struct.pack(">b", self.value)
        if self.kind in (I16, I32, I64):
            return varint((self.value << 1) ^ (self.value >> 63))
        if self.kind == DOUBLE:
            return struct.pack("<d", self.value)
        if self.kind == STRING:
            return varint(len(self.value)) + bytes(self.value)
        if self.kind == LIST:
            element, count = _COMPACT[self.element], len(self.value)
            head = bytes([count << 4 | element]) if count < 15 else bytes([0xF0 | element])
            head += varint(count) if count >= 15 else b""
            return head + b"".join(one.compact() for one in self.value)
        if self.kind == MAP:
            head = varint(len(self.value)) + (b"\x85" if self.value else b"")
            pairs = self.value.items()
            return head + b"".join(string(k).compact() + i32(one).compact() for k, one in pairs)
        return b"".join(self._compact_fields()) + b"\0"

    def _compact_fields(self) -> list[bytes]:
        written, last = [], 0
        for number, one in self.value.items():
            kind = _COMPACT[one.kind]
            if one.kind == BOOL and not one.value:
                kind = 2
            if 0 < number - last < 16:
                written.append(bytes([number - last << 4 | kind]))
            else:
                written.append(bytes([kind]) + i16(number).compact())
            if one.kind != BOOL:
                written.append(one.compact())
            last = number
        return written


def string(value: str | bytes) -> Typed:
    return Typed(STRING, value.encode() if isinstance(value, str) else value)


def i16(value: int) -> Typed:
    return Typed(I16, value)


def i32(value: int) -> Typed:
    return Typed(I32, value)


def i64(value: int) -> Typed:
    return Typed(I64, value)


def double(value: float) -> Typed:
    return Typed(DOUBLE, value)


def boolean(value: bool) -> Typed:
    return Typed(BOOL, value)


def record(**fields: Typed | None) -> Typed:
    """Return a struct; the fields are `_1`, `_2` and so on."""
    return Typed(STRUCT, {int(name[1:]): one for name, one in fields.items() if one is not None})


def listed(*structs: Typed) -> Typed:
    return Typed(LIST, list(structs), STRUCT)


# ---- Jaeger's structs ----------------------------------------------------------------------------


def tag(key: str | bytes, value: str | bytes | bool | int | float) -> Typed:
    """Return a Tag; bytes are of its type BINARY."""
    match value:
        case bool():
            return record(_1=string(key), _2=i32(2), _5=boolean(value))
        case int():
            return record(_1=string(key), _2=i32(3), _6=i64(value))
        case float():
            return record(_1=string(key), _2=i32(1), _4=double(value))
        case bytes():
            return record(_1=string(key), _2=i32(4), _7=string(value))
    return record(_1=string(key), _2=i32(0), _3=string(value))


def log(at_micros: int, **fields: str | bytes | bool | int | float) -> Typed:
    """Return a Log."""
    return record(_1=i64(at_micros), _2=listed(*(tag(key, one) for key, one in fields.items())))


def reference(kind: int, low: int, high: int, span: int) -> Typed:
    """Return a SpanRef; 0 is CHILD_OF, 1 FOLLOWS_FROM."""
    return record(_1=i32(kind), _2=i64(low), _3=i64(high), _4=i64(span))


def jaeger_span(
    name: str | bytes = "op", *, low: int = 1, high: int = 0, own: int = 2, parent: int = 0,
    start: int = 1_789_899_072_123_456, duration: int = 1000, flags: int = 1,
    tags: list[Typed] | None = None, logs: list[Typed] | None = None,
    references: list[Typed] | None = None, **more: Typed,
) -> Typed:  # fmt: skip
    """Return a Span; times in microseconds."""
    lists = {"_6": references, "_10": tags, "_11": logs}
    ids = {"_1": i64(low), "_2": i64(high), "_3": i64(own), "_4": i64(parent)}
    fields = {**ids, "_5": string(name), "_7": i32(flags), "_8": i64(start), "_9": i64(duration)}
    fields |= {number: listed(*one) for number, one in lists.items() if one is not None} | more
    return record(**{name: fields[name] for name in sorted(fields, key=lambda n: int(n[1:]))})


def jaeger_batch(*spans: Typed, service: str = "shop", tags: list[Typed] | None = None) -> Typed:
    """Return a Batch."""
    return record(
        _1=record(_1=string(service), _2=listed(*tags) if tags else None), _2=listed(*spans)
    )


def called(method: str, argument: Typed) -> tuple[bytes, bytes]:
    """Return a oneway call of a method, in the compact protocol and in the binary one."""
    arguments = record(_1=argument)
    name = method.encode()
    compact = b"\x82\x81\x07" + varint(len(name)) + name
    binary = b"\x80\x01\0\x04" + struct.pack(">I", len(name)) + name + bytes(4)
    return compact + arguments.compact(), binary + arguments.binary()
