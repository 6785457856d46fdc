"""The few lines of Protocol Buffers' wire format that envelopes need.

An envelope embeds a payload of megabytes that must be neither parsed nor copied more than once;
a generated message class would do both. Only what is used is here: varints, fixed64 and
length-delimited fields.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, LENGTH_DELIMITED, FIXED32 = 0, 1, 2, 5


def varint(value: int) -> bytes:
    """Encode a non-negative integer below 2^64."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data: bytes | memoryview, offset: int) -> tuple[int, int]:
    """Return the integer at `offset` and the offset behind it.

    Raises: ValueError when the bytes end inside it or it is longer than ten bytes.
    """
    value = shift = 0
    for position in range(offset, min(offset + 10, len(data))):
        byte = data[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position + 1
        shift += 7
    raise ValueError("varint does not end")


def varint_field(number: int, value: int) -> bytes:
    """Encode an integer field; zero is left out, as proto3 does."""
    return varint(number << 3 | VARINT) + varint(value) if value else b""


def fixed64_field(number: int, value: int) -> bytes:
    """Encode a fixed64 field; zero is left out."""
    return varint(number << 3 | FIXED64) + value.to_bytes(8, "little") if value else b""


def bytes_head(number: int, length: int) -> bytes:
    """Encode what stands before a length-delimited field's bytes."""
    return varint(number << 3 | LENGTH_DELIMITED) + varint(length)


def text_field(number: int, value: str) -> bytes:
    """Encode a string field; an empty string is left out."""
    if not value:
        return b""
    content = value.encode()
    return bytes_head(number, len(content)) + content


def fields(data: bytes | memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield (field number, value) of one message; length-delimited values are views, not copies.

    Raises: ValueError when the bytes are not a message.
    """
    view = memoryview(data)
    offset, end = 0, len(view)
    while offset < end:
        tag, offset = read_varint(view, offset)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == VARINT:
            value, offset = read_varint(view, offset)
            yield number, value
            continue
        if wire_type == LENGTH_DELIMITED:
            length, offset = read_varint(view, offset)
        elif wire_type in (FIXED64, FIXED32):
            length = 8 if wire_type == FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire_type} is not used here")
        if offset + length > end:
            raise ValueError(f"field {number} ends behind the message")
        content = view[offset : offset + length]
        yield (
            number,
            content if wire_type == LENGTH_DELIMITED else int.from_bytes(content, "little"),
        )
        offset += length
