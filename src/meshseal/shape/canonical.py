"""The canonical form of a record and its leaf, as SQL.

`meshseal-record-v1` is the netstring (`<decimal length>:<bytes>,`) of every column of
`LOG_COLUMNS` in that order, behind the version's name. `meshseal.seal.canonical` has the same form
in plain Python; a property test holds the two together.

leaf = SHA-256(0x00 || salt || canonical), salt = SHA-256(batch_key || uint64be(seq)).
"""

from __future__ import annotations

from meshseal.model.columns import LOG_COLUMNS, RECORD_VERSION, Column, Kind


def text_of(column: Column) -> str:
    """Return the SQL expression for a column's text in the canonical form."""
    if column.kind is Kind.TIME:
        return f"toString(toUnixTimestamp64Nano({column.name}))"
    if column.kind is Kind.MAP:
        return f"meshseal_canonical_map({column.name})"
    if column.kind is Kind.INTEGER:
        plain = f"toString({column.name})"
        return f"ifNull({plain}, '')" if column.type.startswith("Nullable") else plain
    return f"toString({column.name})" if column.type.startswith("Enum") else column.name


def canonical_expression() -> str:
    """Return the SQL expression for a record's canonical form, over the columns' names."""
    parts = [f"'{RECORD_VERSION}'"]
    for column in LOG_COLUMNS:
        text = text_of(column)
        parts += [f"toString(length({text}))", "':'", text, "','"]
    return f"concat({', '.join(parts)})"


def leaf_expression(batch_key: str) -> str:
    """Return the SQL expression for a record's leaf hash, a FixedString(32).

    Args:
        batch_key: SQL that gives the 32 bytes of the key of the row's batch.
    """
    salt = f"SHA256(concat({batch_key}, meshseal_uint64be(Seq)))"
    return f"SHA256(concat('\\0', {salt}, {canonical_expression()}))"


def functions() -> list[str]:
    """Return the statements that create the functions the expressions call."""
    pair = "concat(toString(length({0})), ':', {0}, ',')"
    key, value = (pair.format(f"tupleElement(pair, {index})") for index in (1, 2))
    return [
        "CREATE OR REPLACE FUNCTION meshseal_uint64be AS (number) -> "
        "reinterpretAsFixedString(byteSwap(toUInt64(number)))",
        "CREATE OR REPLACE FUNCTION meshseal_canonical_map AS (attributes) -> if("
        "empty(attributes), '', arrayStringConcat(arrayMap("
        f"pair -> concat({key}, {value}), "
        "arraySort(CAST(attributes, 'Array(Tuple(String, String))')))))",
    ]
