"""Thrift's binary and compact protocols: any struct, as its fields by their numbers.

Nothing a sender writes makes a reader hold much more than it was given: nesting is bounded, a count
is never believed beyond the bytes that are left, and a struct that is read at once has a bound on
its values.

Source: apache/thrift, doc/specs/thrift-binary-protocol.md and thrift-compact-protocol.md.
"""

from __future__ import annotations

import struct
from typing import TypeAlias, cast

Value: TypeAlias = "int | float | bytes | Fields | list[Value]"
Fields: TypeAlias = "dict[int, Value]"

MAX_DEPTH = 16
MAX_VALUES = 100_000
"""How many values one struct may hold, with all that is in it."""

BROKEN = (ValueError, struct.error, IndexError)
"""What reading bytes that are not Thrift raises."""

BOOL, BYTE, DOUBLE, I16, I32, I64, STRING, STRUCT, MAP, SET, LIST = (
    2, 3, 4, 6, 8, 10, 11, 12, 13, 14, 15,
)  # fmt: skip

_NUMBERS = {
    BYTE: struct.Struct(">b"),
    DOUBLE: struct.Struct(">d"),
    I16: struct.Struct(">h"),
    I32: struct.Struct(">i"),
    I64: struct.Struct(">q"),
}
_FIELD = struct.Struct(">h").unpack_from
_COUNT = struct.Struct(">I").unpack_from
_COMPACT_DOUBLE = struct.Struct("<d").unpack_from

# The compact protocol's numbers of types, as the binary protocol has them; 1 is true, 2 false.
_TYPES = (0, BOOL, BOOL, BYTE, I16, I32, I64, DOUBLE, STRING, LIST, SET, MAP, STRUCT)

CALL, ONEWAY = 1, 4


class Reader:
    """What both protocols have in common. `at` is where the next value begins."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at
        self._values = 0

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self.data) - self.at

    def message(self) -> str:
        """Read the head of a call, and return the name of the method. Raises: `BROKEN`."""
        raise NotImplementedError

    def field(self, last: int) -> tuple[int, int]:
        """Read the head of a field behind the field `last`: its type and number; (0, 0) at the end.

        Raises: `BROKEN`.
        """
        raise NotImplementedError

    def elements(self) -> tuple[int, int]:
        """Read the head of a list or set: the type of its elements and their count.

        Raises: `BROKEN`; also when there are fewer bytes than elements.
        """
        raise NotImplementedError

    def whole(self) -> Fields:
        """Read a struct with all that is in it. Raises: `BROKEN`."""
        self._values = 0
        return self._struct(0)

    def value(self, kind: int) -> Value:
        """Read a value of a type of the binary protocol. Raises: `BROKEN`."""
        self._values = 0
        return self._value(kind, 0)

    def _struct(self, depth: int) -> Fields:
        found: Fields = {}
        number = 0
        while True:
            kind, number = self.field(number)
            if not kind:
                return found
            found[number] = self._value(kind, depth + 1)

    def _value(self, kind: int, depth: int) -> Value:
        raise NotImplementedError

    def _nested(self, kind: int, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise ValueError("nested too deeply")
        if kind == STRUCT:
            return self._struct(depth)
        if kind in (LIST, SET):
            element, count = self.elements()
            return [self._value(element, depth + 1) for _ in range(count)]
        raise ValueError(f"there is no type {kind}")

    def _count(self) -> None:
        self._values += 1
        if self._values > MAX_VALUES:
            raise ValueError(f"a struct of more than {MAX_VALUES} values")

    def _bytes(self, length: int) -> bytes:
        begin = self.at
        self.at = begin + length
        if self.at > len(self.data):
            raise ValueError("the bytes end inside a text")
        return self.data[begin : self.at]

    def _bounded(self, count: int) -> int:
        if count > self.left:
            raise ValueError("a list of more elements than there are bytes")
        return count


class Binary(Reader):
    """The binary protocol."""

    def message(self) -> str:
        """Read the head of a call: strict, or as of old."""
        (first,) = _COUNT(self.data, self.at)
        self.at += 4
        if first & 0x80000000:
            if first & 0xFFFF0000 != 0x80010000:
                raise ValueError("another version of the binary protocol")
            kind, name = first & 0xFF, self._text()
        else:
            name, kind = self._bytes(first), self.data[self.at]
            self.at += 1
        self.at += 4
        return _called(kind, name)

    def field(self, last: int) -> tuple[int, int]:
        """Read the head of a field."""
        del last
        kind = self.data[self.at]
        if not kind:
            self.at += 1
            return 0, 0
        (number,) = _FIELD(self.data, self.at + 1)
        self.at += 3
        return kind, number

    def elements(self) -> tuple[int, int]:
        """Read the head of a list."""
        kind = self.data[self.at]
        (count,) = _COUNT(self.data, self.at + 1)
        self.at += 5
        return kind, self._bounded(count)

    def _text(self) -> bytes:
        (length,) = _COUNT(self.data, self.at)
        self.at += 4
        return self._bytes(length)

    def _value(self, kind: int, depth: int) -> Value:
        self._count()
        if kind == STRING:
            return self._text()
        if kind in _NUMBERS:
            number = _NUMBERS[kind]
            (found,) = number.unpack_from(self.data, self.at)
            self.at += number.size
            return cast("int | float", found)
        if kind == BOOL:
            self.at += 1
            return self.data[self.at - 1] != 0
        if kind == MAP:
            keys, values = self.data[self.at], self.data[self.at + 1]
            (count,) = _COUNT(self.data, self.at + 2)
            self.at += 6
            return self._map(keys, values, self._bounded(count), depth)
        return self._nested(kind, depth)

    def _map(self, keys: int, values: int, count: int, depth: int) -> list[Value]:
        if depth > MAX_DEPTH:
            raise ValueError("nested too deeply")
        return [self._value(kind, depth + 1) for _ in range(count) for kind in (keys, values)]


class Compact(Reader):
    """The compact protocol."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        super().__init__(data, at)
        self._bool: bool | None = None

    def message(self) -> str:
        """Read the head of a call."""
        if self.data[self.at] != 0x82 or self.data[self.at + 1] & 0x1F != 1:
            raise ValueError("another version of the compact protocol")
        kind = self.data[self.at + 1] >> 5
        self.at += 2
        self._varint()
        return _called(kind, self._bytes(self._varint()))

    def field(self, last: int) -> tuple[int, int]:
        """Read the head of a field; the value of a boolean one is in it."""
        head = self.data[self.at]
        self.at += 1
        if not head:
            return 0, 0
        kind = head & 0x0F
        number = last + (head >> 4) if head >> 4 else self._zigzag()
        self._bool = kind == 1 if kind in (1, 2) else None
        return _type(kind), number

    def elements(self) -> tuple[int, int]:
        """Read the head of a list."""
        head = self.data[self.at]
        self.at += 1
        count = head >> 4 if head >> 4 != 15 else self._varint()
        return _type(head & 0x0F), self._bounded(count)

    def _varint(self) -> int:
        value = shift = 0
        for byte in self.data[self.at : self.at + 10]:
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                self.at += shift // 7
                return value
        raise ValueError("a number does not end")

    def _zigzag(self) -> int:
        value = self._varint()
        signed = (value >> 1) ^ -(value & 1)
        if not -(2**63) <= signed < 2**63:
            raise ValueError("a number of more than 64 bits")
        return signed

    def _value(self, kind: int, depth: int) -> Value:
        self._count()
        if kind == STRING:
            return self._bytes(self._varint())
        if kind in (I16, I32, I64):
            return self._zigzag()
        if kind == BOOL:
            return self._boolean()
        if kind == BYTE:
            return int.from_bytes(self._bytes(1), signed=True)
        if kind == DOUBLE:
            (found,) = _COMPACT_DOUBLE(self.data, self.at)
            self.at += 8
            return cast("float", found)
        if kind == MAP:
            return self._map(depth)
        self._bool = None
        return self._nested(kind, depth)

    def _boolean(self) -> bool:
        """Return what the head of the field said, or read it: in a list it is a byte."""
        known, self._bool = self._bool, None
        return self._bytes(1) == b"\x01" if known is None else known

    def _map(self, depth: int) -> list[Value]:
        if depth > MAX_DEPTH:
            raise ValueError("nested too deeply")
        count = self._bounded(self._varint())
        if not count:
            return []
        (kinds,) = self._bytes(1)
        keys, values = _type(kinds >> 4), _type(kinds & 0x0F)
        return [self._value(kind, depth + 1) for _ in range(count) for kind in (keys, values)]


def _type(kind: int) -> int:
    if not 0 < kind < len(_TYPES):
        raise ValueError(f"there is no type {kind}")
    return _TYPES[kind]


def _called(kind: int, name: bytes) -> str:
    if kind not in (CALL, ONEWAY):
        raise ValueError("this is no call")
    return name.decode("ascii", errors="replace")


# ---- Fields of the type they should have ---------------------------------------------------------


def integer(value: Value | None) -> int:
    """Return a number, 0 for one that is absent. Raises: ValueError."""
    if value is None:
        return 0
    if not isinstance(value, int):
        raise ValueError("a number is of another type")
    return value


def octets(value: Value | None) -> bytes:
    """Return a text's bytes, none for one that is absent. Raises: ValueError."""
    if value is None:
        return b""
    if not isinstance(value, bytes):
        raise ValueError("a text is of another type")
    return value


def structs(value: Value | None) -> list[Fields]:
    """Return a list of structs, an empty one where it is absent. Raises: ValueError."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ValueError("a list of structs is of another type")
    return cast("list[Fields]", value)
