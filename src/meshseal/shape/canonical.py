"""The canonical form of a record and its leaf, as SQL.

The form is the netstring (`<decimal length>:<bytes>,`) of every column of a signal in its order,
behind the version's name: `meshseal-record-v1` for logs, `meshseal-span-v1` for spans.
`meshseal.seal.canonical` has the same form in plain Python; a property test holds the two together.

leaf = SHA-256(0x00 || salt || canonical), salt = SHA-256(batch_key || uint64be(seq)).
"""

from __future__ import annotations

from meshseal.model.columns import Column, Kind, Signal


def text_of(column: Column) -> str:
    """Return the SQL expression for a column's text in the canonical form."""
    if column.kind is Kind.TEXTS:
        return f"meshseal_canonical_array({column.sql})"
    if column.kind in _ELEMENTS:
        element = _text(_ELEMENTS[column.kind], "element", "")
        return f"meshseal_canonical_array(arrayMap(element -> {element}, {column.sql}))"
    return _text(column.kind, column.sql, column.type)


_ELEMENTS = {Kind.TIMES: Kind.TIME, Kind.MAPS: Kind.MAP}


def _text(kind: Kind, value: str, type_: str) -> str:
    if kind is Kind.TIME:
        return f"toString(toUnixTimestamp64Nano({value}))"
    if kind is Kind.MAP:
        return f"meshseal_canonical_map({value})"
    if kind is Kind.INTEGER:
        plain = f"toString({value})"
        return f"ifNull({plain}, '')" if type_.startswith("Nullable") else plain
    return f"toString({value})" if type_.startswith("Enum") else value


def canonical_expression(signal: Signal) -> str:
    """Return the SQL expression for a record's canonical form, over the columns' names."""
    parts = [f"'{signal.version}'"]
    for column in signal.columns:
        text = text_of(column)
        parts += [f"toString(length({text}))", "':'", text, "','"]
    return f"concat({', '.join(parts)})"


def leaf_expression(signal: Signal, batch_key: str) -> str:
    """Return the SQL expression for a record's leaf hash, a FixedString(32).

    Args:
        signal: What the records are.
        batch_key: SQL that gives the 32 bytes of the key of the row's batch.
    """
    salt = f"SHA256(concat({batch_key}, meshseal_uint64be(Seq)))"
    return f"SHA256(concat('\\0', {salt}, {canonical_expression(signal)}))"


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
        "CREATE OR REPLACE FUNCTION meshseal_canonical_array AS (texts) -> if("
        "empty(texts), '', arrayStringConcat(arrayMap("
        "text -> concat(toString(length(text)), ':', text, ','), texts)))",
    ]
