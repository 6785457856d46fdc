"""OpenTelemetry's AnyValue: the columns it is read into, and how it becomes text.

Scalars are turned into text by SQL. AnyValue is recursive and ClickHouse's types are not, and a
type written out to even four levels takes the engine 0.6 s to analyse in every statement, so the
few values that are arrays or maps go another way: SQL hands out their distinct bytes, `as_json`
makes text of each once, and SQL looks that text up in a Join table, by the bytes.

Source: opentelemetry-proto 1.10, `common.proto`; for OTLP/JSON the protocol's specification.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable
from typing import Any

import msgspec
from google.protobuf.message import DecodeError

from meshseal.shape import wellknown
from meshseal.wire.protocol import NOT_JSON
from meshseal.wire.protos.spool_pb2 import NestedAny, NestedArray, NestedMap

ANY_VALUE_TYPE = (
    "Tuple(string_value String, bool_value UInt8, int_value Int64, double_value Float64, "
    "array_value String, kvlist_value String, bytes_value String, "
    "value Enum8('' = 0, 'string_value' = 1, 'bool_value' = 2, 'int_value' = 3, "
    "'double_value' = 4, 'array_value' = 5, 'kvlist_value' = 6, 'bytes_value' = 7))"
)
ATTRIBUTES_TYPE = f"Array(Tuple(key String, value {ANY_VALUE_TYPE}))"

NESTED_TABLE_COLUMNS = "Encoded String, Json String"
"""The columns of the Join table that holds the text of nested values by their encoded form."""

_ARRAY, _KVLIST, _JSON = b"a", b"m", b"j"
_ANY, _METADATA = b"y", b"e"


def functions() -> list[str]:
    """Return the statements that create the functions.

    `meshseal_nested(value)` and `meshseal_nested_json(raw)` give a nested value's encoded form, or
    '' for any other value; `meshseal_any_text(value, texts)` and `meshseal_any_text_json(raw,
    texts)` give any value's text, `texts` being the name of the Join table; `meshseal_pairs` and
    `meshseal_pairs_json` do so for all of a record's attributes.
    """
    return [
        "CREATE OR REPLACE FUNCTION meshseal_nested AS (any) -> multiIf("
        f"any.value = 'array_value', concat('{_ARRAY.decode()}', any.array_value), "
        f"any.value = 'kvlist_value', concat('{_KVLIST.decode()}', any.kvlist_value), '')",
        "CREATE OR REPLACE FUNCTION meshseal_any_text AS (any, texts) -> multiIf("
        "any.value = 'string_value', any.string_value, "
        "any.value = 'int_value', toString(any.int_value), "
        "any.value = 'bool_value', if(any.bool_value, 'true', 'false'), "
        "any.value = 'double_value', toString(any.double_value), "
        "any.value = 'bytes_value', base64Encode(any.bytes_value), "
        "any.value = '', '', joinGet(texts, 'Json', meshseal_nested(any)))",
        "CREATE OR REPLACE FUNCTION meshseal_nested_json AS (raw) -> if("
        "JSONHas(raw, 'arrayValue') OR JSONHas(raw, 'kvlistValue'), "
        f"concat('{_JSON.decode()}', raw), '')",
        "CREATE OR REPLACE FUNCTION meshseal_any_text_json AS (raw, texts) -> multiIf("
        "JSONHas(raw, 'stringValue'), JSONExtractString(raw, 'stringValue'), "
        "JSONHas(raw, 'intValue'), trim(BOTH '\"' FROM JSONExtractRaw(raw, 'intValue')), "
        "JSONHas(raw, 'boolValue'), JSONExtractRaw(raw, 'boolValue'), "
        "JSONHas(raw, 'doubleValue'), trim(BOTH '\"' FROM JSONExtractRaw(raw, 'doubleValue')), "
        "JSONHas(raw, 'bytesValue'), JSONExtractString(raw, 'bytesValue'), "
        "meshseal_nested_json(raw) = '', '', joinGet(texts, 'Json', meshseal_nested_json(raw)))",
        "CREATE OR REPLACE FUNCTION meshseal_pairs AS (attributes, texts) -> arrayMap("
        "attribute -> (attribute.key, meshseal_any_text(attribute.value, texts)), attributes)",
        "CREATE OR REPLACE FUNCTION meshseal_pairs_json AS (attributes, texts) -> arrayMap("
        "attribute -> (attribute.key, meshseal_any_text_json(attribute.value, texts)), attributes)",
    ]


def as_json(encoded: bytes) -> str:
    """Return the JSON text of a nested value in the form that `meshseal_nested*` gives.

    Maps keep their order and every one of their entries, even where two have one key; bytes become
    base64; a double that JSON has no number for becomes a string, as in protobuf's own JSON. Bytes
    that are no nested value become base64 as a whole: nothing is refused here.
    """
    kind, content = encoded[:1], encoded[1:]
    try:
        if kind == _ARRAY:
            return _array(NestedArray.FromString(content))
        if kind == _KVLIST:
            return _map(NestedMap.FromString(content))
        if kind == _ANY:
            return wellknown.any_text(content)
        if kind == _METADATA:
            return wellknown.metadata_json(content)
        return _from_json(msgspec.json.decode(content))
    except (DecodeError, ValueError, *NOT_JSON):
        return _scalar(content)


def _array(array: NestedArray) -> str:
    return f"[{','.join(_any(item) for item in array.values)}]"


def _map(entries: NestedMap) -> str:
    return _object(f"{_text(entry.key)}:{_any(entry.value)}" for entry in entries.values)


def _object(members: Iterable[str]) -> str:
    return "{" + ",".join(members) + "}"


def _any(value: NestedAny) -> str:
    which = value.WhichOneof("value")
    if which is None:
        return "null"
    if which == "array_value":
        return _array(value.array_value)
    if which == "kvlist_value":
        return _map(value.kvlist_value)
    if which == "string_value":
        return _text(value.string_value)
    return _scalar(getattr(value, which))


def _from_json(value: Any) -> str:
    if not isinstance(value, dict):
        return "null"
    for name, content in value.items():
        if name == "arrayValue":
            return f"[{','.join(_from_json(item) for item in _values(content))}]"
        if name == "kvlistValue":
            entries = (entry for entry in _values(content) if isinstance(entry, dict))
            return _object(
                f"{_scalar(str(entry.get('key', '')))}:{_from_json(entry.get('value'))}"
                for entry in entries
            )
        return str(content) if name == "intValue" else _scalar(content)
    return "null"


def _values(content: Any) -> list[Any]:
    found = content.get("values") if isinstance(content, dict) else None
    return found if isinstance(found, list) else []


def _scalar(value: str | bytes | float) -> str:
    if isinstance(value, bytes):
        value = base64.b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        value = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return msgspec.json.encode(value).decode()


def _text(value: bytes) -> str:
    return msgspec.json.encode(value.decode(errors="backslashreplace")).decode()
