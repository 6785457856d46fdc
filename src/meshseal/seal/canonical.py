"""The canonical form of a record and its leaf, in plain Python: what an auditor reads.

`meshseal-record-v1`: the netstring (`<decimal length>:<bytes>,`) of each column of `LOG_COLUMNS`,
in that order, behind the version's name; `meshseal-span-v1`, the same of `SPAN_COLUMNS`.
Text is its bytes; an integer its decimal digits, or nothing where it is absent; a time its
nanoseconds since the epoch; a map the netstrings of key and value, pair by pair, sorted by key and
then by value; an array the netstrings of its elements. `meshseal.shape.canonical` renders the same
as SQL.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from meshseal.model.columns import LOGS, Kind, Signal

Pairs = Sequence[tuple[bytes, bytes]]
Value = bytes | Pairs | Sequence[bytes] | Sequence[Pairs]
Record = Mapping[str, Value]
"""A record by column: a map as its pairs, an array as its elements, anything else as its text in
the canonical form."""


def netstring(content: bytes) -> bytes:
    """Return `<length>:<content>,`."""
    return b"%d:%b," % (len(content), content)


def canonical(record: Record, signal: Signal = LOGS) -> bytes:
    """Return the canonical form.

    Raises: KeyError, TypeError when a column is missing or of the wrong kind.
    """
    forms = (_form(column.name, column.kind, record[column.name]) for column in signal.columns)
    return signal.version.encode() + b"".join(map(netstring, forms))


_ELEMENTS = {Kind.TEXTS: Kind.TEXT, Kind.TIMES: Kind.TIME, Kind.MAPS: Kind.MAP}


def _form(name: str, kind: Kind, value: object) -> bytes:
    if kind in _ELEMENTS:
        if not isinstance(value, Sequence) or isinstance(value, bytes):
            raise TypeError(f"{name} must be a list")
        return b"".join(netstring(_form(name, _ELEMENTS[kind], one)) for one in value)
    if kind is Kind.MAP:
        if not isinstance(value, Sequence) or isinstance(value, bytes):
            raise TypeError(f"{name} must be pairs")
        return b"".join(netstring(k) + netstring(v) for k, v in sorted(value))
    if not isinstance(value, bytes):
        raise TypeError(f"{name} must be text")
    return value


def salt(batch_key: bytes, seq: int) -> bytes:
    """Return the salt of one record: SHA-256(batch_key || uint64be(seq))."""
    return hashlib.sha256(batch_key + seq.to_bytes(8, "big")).digest()


def leaf(record: Record, salt_: bytes, signal: Signal = LOGS) -> bytes:
    """Return the record's leaf: SHA-256(0x00 || salt || canonical)."""
    return hashlib.sha256(b"\x00" + salt_ + canonical(record, signal)).digest()
