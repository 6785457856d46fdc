"""The canonical form of a record and its leaf, in plain Python: what an auditor reads.

`meshseal-record-v1`: the netstring (`<decimal length>:<bytes>,`) of each column of `LOG_COLUMNS`,
in that order, behind the version's name. Text is its bytes; an integer its decimal digits, or
nothing where it is absent; a time its nanoseconds since the epoch; a map the netstrings of key and
value, pair by pair, sorted by key and then by value. `meshseal.shape.canonical` renders the same as
SQL.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from meshseal.model.columns import LOG_COLUMNS, RECORD_VERSION, Kind

Pairs = Sequence[tuple[bytes, bytes]]
Record = Mapping[str, bytes | Pairs]
"""A record by column: a map as its pairs, anything else as its text in the canonical form."""


def netstring(content: bytes) -> bytes:
    """Return `<length>:<content>,`."""
    return b"%d:%b," % (len(content), content)


def canonical(record: Record) -> bytes:
    """Return the canonical form.

    Raises: KeyError, TypeError when a column is missing or of the wrong kind.
    """
    parts = [RECORD_VERSION.encode()]
    for column in LOG_COLUMNS:
        value = record[column.name]
        if column.kind is Kind.MAP:
            if isinstance(value, bytes):
                raise TypeError(f"{column.name} must be pairs")
            value = b"".join(netstring(k) + netstring(v) for k, v in sorted(value))
        elif not isinstance(value, bytes):
            raise TypeError(f"{column.name} must be text")
        parts.append(netstring(value))
    return b"".join(parts)


def salt(batch_key: bytes, seq: int) -> bytes:
    """Return the salt of one record: SHA-256(batch_key || uint64be(seq))."""
    return hashlib.sha256(batch_key + seq.to_bytes(8, "big")).digest()


def leaf(record: Record, salt_: bytes) -> bytes:
    """Return the record's leaf: SHA-256(0x00 || salt || canonical)."""
    return hashlib.sha256(b"\x00" + salt_ + canonical(record)).digest()
