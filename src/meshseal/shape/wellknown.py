"""Text of the messages that Protocol Buffers and Envoy use for values of any kind.

They are as recursive as OpenTelemetry's AnyValue, and go the same way: SQL hands out their distinct
bytes, and looks the text up by them (`anyvalue.py`).

Sources: google/protobuf/any.proto, struct.proto, wrappers.proto; envoyproxy/envoy,
`api/envoy/config/core/v3/base.proto` for Metadata.
"""

from __future__ import annotations

import base64
import math
from typing import Any

import msgspec
from google.protobuf import struct_pb2, wrappers_pb2
from google.protobuf.message import DecodeError, Message

from meshseal.model import protowire as wire

_STRINGS = "google.protobuf.StringValue"
_BYTES = "google.protobuf.BytesValue"
_TREES: dict[str, type[Message]] = {
    f"google.protobuf.{one.DESCRIPTOR.name}": one
    for one in (struct_pb2.Struct, struct_pb2.Value, struct_pb2.ListValue)
}
_WRAPPERS: dict[str, type[Message]] = {
    f"google.protobuf.{one.DESCRIPTOR.name}": one
    for one in (
        wrappers_pb2.BoolValue,
        wrappers_pb2.DoubleValue,
        wrappers_pb2.FloatValue,
        wrappers_pb2.Int32Value,
        wrappers_pb2.Int64Value,
        wrappers_pb2.UInt32Value,
        wrappers_pb2.UInt64Value,
    )
}


def any_text(encoded: bytes) -> str:
    """Return the text of a google.protobuf.Any: of a string itself, of bytes base64, else JSON.

    A message of an unknown type is an object of its type and its bytes. Raises: ValueError,
    DecodeError when the bytes are no Any.
    """
    value = _any(encoded)
    return value if isinstance(value, str) else _json(value)


def metadata_json(encoded: bytes) -> str:
    """Return Envoy's Metadata as JSON: an object of what each filter has said.

    Raises: ValueError, DecodeError when the bytes are no Metadata.
    """
    found: dict[str, Any] = {}
    for number, entry in wire.fields(encoded):
        pair = dict(wire.fields(_bytes(entry)))
        name, value = _bytes(pair.get(1, b"")).decode(errors="replace"), _bytes(pair.get(2, b""))
        if number == 1:
            found[name] = _tree(struct_pb2.Struct.FromString(value))
        elif number == 2:
            found[name] = _any(value)
    return _json(found)


def _any(encoded: bytes) -> Any:
    fields = dict(wire.fields(encoded))
    url = _bytes(fields.get(1, b"")).decode(errors="replace")
    content = _bytes(fields.get(2, b""))
    name = url.rpartition("/")[2]
    if name == _STRINGS:
        return wrappers_pb2.StringValue.FromString(content).value
    if name == _BYTES:
        return base64.b64encode(wrappers_pb2.BytesValue.FromString(content).value).decode()
    if name in _WRAPPERS:
        return _number(_WRAPPERS[name].FromString(content).value)  # type: ignore[attr-defined]
    if name in _TREES:
        return _tree(_TREES[name].FromString(content))
    return {"@type": url, "value": base64.b64encode(content).decode()}


def _tree(message: Any) -> Any:
    if isinstance(message, struct_pb2.Struct):
        # A map's order is that of its keys: the same value has the same text.
        return {key: _tree(value) for key, value in sorted(message.fields.items())}
    if isinstance(message, struct_pb2.ListValue):
        return [_tree(value) for value in message.values]
    kind = message.WhichOneof("kind")
    if kind in ("struct_value", "list_value"):
        return _tree(getattr(message, kind))
    return None if kind in (None, "null_value") else _number(getattr(message, kind))


def _number(value: Any) -> Any:
    """Return a number as JSON can have it; a Struct's are all doubles."""
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return int(value) if value.is_integer() and abs(value) < 1 << 53 else value


def _bytes(value: int | bytes | memoryview) -> bytes:
    if isinstance(value, int):
        raise DecodeError("a number where a message must be")
    return bytes(value)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
