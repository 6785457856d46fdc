"""Puts the SELECT together that turns raw rows of one format into records.

Every attribute ends in exactly one place: in the column that `model.columns` declares for it, if
its text can be had back from that column to the letter, or else in `OtherAttributes`.
"""

from __future__ import annotations

from collections.abc import Iterator

from meshseal.model.columns import ATTRIBUTE_COLUMN, LOG_COLUMNS, PROMOTED, Column, Kind
from meshseal.shape import render
from meshseal.shape.envoy_formats import literals
from meshseal.shape.families.format import Format
from meshseal.shape.formats import BUILT_IN, OTLP, UNPARSED, Formats

UNKNOWN_SERVICE = "unknown_service"

RAW_COLUMNS: dict[str, str] = {
    "Tenant": "LowCardinality(String)",
    "Batch": "UInt64",
    "Seq": "UInt32",
    "Door": "LowCardinality(String)",
    "Source": "LowCardinality(String)",
    "Format": "LowCardinality(String)",
    "ReceivedUnixNano": "Int64",
    "ObservedUnixNano": "Int64",
    "TimeUnixNano": "Int64",
    "TraceId": "String",
    "SpanId": "String",
    "TraceFlags": "UInt8",
    "SeverityText": "LowCardinality(String)",
    "SeverityNumber": "UInt8",
    "ServiceName": "LowCardinality(String)",
    "ResourceSchemaUrl": "LowCardinality(String)",
    "ResourceAttributes": "Map(LowCardinality(String), String)",
    "ScopeSchemaUrl": "LowCardinality(String)",
    "ScopeName": "LowCardinality(String)",
    "ScopeVersion": "LowCardinality(String)",
    "ScopeAttributes": "Map(LowCardinality(String), String)",
    "Attributes": "Array(Tuple(String, String))",
    "EventName": "LowCardinality(String)",
    "Body": "String",
    "Nested": "Array(String)",
}
"""The columns of the `raw` table: a payload taken apart, its bodies not read yet.

`TimeUnixNano` 0 means that the payload gave no time. `Nested` holds the encoded forms of the
record's values that are arrays or maps (`anyvalue.py`).
"""

_PLAIN = """SELECT
    raw_row,
    true AS parsed,
    CAST([], 'Array(Tuple(String, String))') AS pairs,
    toInt64(0) AS time_unix_nano,
    '' AS severity_text,
    0 AS severity_number,
    '' AS service_name,
    '' AS trace_id,
    '' AS span_id
FROM raw"""

_PLAIN_ROW = Format(UNPARSED, "true", (), closed=True, mesh=False, title="Any line")

_KEPT = ", ".join(name for name in RAW_COLUMNS if name != "Nested")
_PACKED = f"SELECT tuple({_KEPT}) AS raw_row FROM raw"

# What the line itself says of what produced it adds to what the door knows.
_RESOURCE = """if(
    empty(resource_pairs) OR NOT parsed, raw_row.ResourceAttributes, meshseal_map(arrayConcat(
        CAST(raw_row.ResourceAttributes, 'Array(Tuple(String, String))'),
        arrayFilter(
            pair -> NOT mapContains(raw_row.ResourceAttributes, pair.1), resource_pairs))))"""

_META = (
    "time_unix_nano",
    "severity_text",
    "severity_number",
    "service_name",
    "trace_id",
    "span_id",
)
"""What every format's SELECT gives beside `raw_row`, `parsed` and its attributes."""

# Records may be ten years old or a day early; what is further off would spread over partitions
# without end. Its time is kept as an attribute.
OLDEST_NANOS = 3650 * 86_400 * 10**9
EARLIEST_NANOS = 86_400 * 10**9
ORIGINAL_TIMESTAMP = "meshseal.timestamp.original"


def record_select(
    format_name: str,
    *,
    own_attributes: bool,
    retention_days: int,
    formats: Formats = BUILT_IN,
) -> str:
    """Return the SELECT over `raw` that gives `LOG_COLUMNS`, for the rows of one format.

    Args:
        format_name: The name of one of `formats`, or `unparsed` or `otlp`.
        own_attributes: Whether the rows have attributes of their own beside those in their body.
        retention_days: How long the records are to be kept.
        formats: The formats of this installation.
    """
    row = _PLAIN_ROW if format_name in (UNPARSED, OTLP) else formats[format_name]
    select, keys = _format_select(row)
    positional = row.positional
    is_open = not positional and (own_attributes or not row.closed)
    if is_open:
        select = _looked_up(select, keys, row)
        values = {column.attribute: f"values[{index}]" for index, column in enumerate(PROMOTED, 1)}
    else:
        values = keys
    select = _checked(select, values, _if_parsed(keys, row) if not is_open else "*")
    others = _open_others() if is_open else _closed_others(values)
    if row.extra and not is_open:
        others = f"if(empty(pairs), {others}, arrayConcat({others}, pairs))"
    if positional:
        others = f"arrayConcat({others}, arraySlice(raw_row.Attributes, {positional + 1}))"
    if row.kind:
        others = f"arrayConcat({others}, if(parsed, [('mesh.kind', '{row.kind}')], []))"
    columns = _record_columns(format_name, values, others, retention_days)
    if row.resource:
        columns["ResourceAttributes"] = _RESOURCE
    listed = ",\n    ".join(f"{columns[column.name]} AS {column.name}" for column in LOG_COLUMNS)
    return f"SELECT\n    {listed}\nFROM (\n{select}\n)"


def _format_select(row: Format) -> tuple[str, dict[str, str]]:
    """Return a format's SELECT over `raw`, and the column of each attribute that it gives."""
    if row is _PLAIN_ROW:
        return _PLAIN.replace("FROM raw", f"FROM (\n{_PACKED}\n)"), {}
    columns = {key: f"a{number}" for number, key in enumerate(row.attributes, 1)}
    keys: list[str] = []
    files = [f"format/{name}.sql" for name in row.files]
    if row.select:
        select = row.select.replace("FROM raw", f"FROM (\n{_PACKED}\n)")
    else:
        first = files.pop(0)
        select = render.over(first, "raw", _PACKED)
        keys += render.attributes(first)
    for name in files:
        select = render.over(name, "fields", select)
        keys += render.attributes(name)
    return select, columns | {key: f"`{key}`" for key in keys}


def _looked_up(select: str, keys: dict[str, str], row: Format) -> str:
    """Return `select` with all attributes of a row looked through.

    Three columns more: `all_pairs`, every attribute; `ids`, for each of them the number of its
    column in `PROMOTED` or 0; `values`, one for each of `PROMOTED`.
    """
    found = "pairs"
    if keys:
        columns = ", ".join(f"({literals.text(key)}, {column})" for key, column in keys.items())
        found = f"arrayFilter(pair -> pair.2 != '', [{columns}])"
        found = f"arrayConcat({found}, pairs)" if row.extra else found
    promoted = ", ".join(f"'{column.attribute}'" for column in PROMOTED)
    numbers = ", ".join(str(index) for index in range(1, len(PROMOTED) + 1))
    meta = ", ".join(("raw_row", "parsed", *_META, *(["resource_pairs"] if row.resource else [])))
    own = "raw_row.Attributes"
    if row.reads:
        read = ", ".join(f"'{name}'" for name in row.reads)
        kept = f"arrayFilter(pair -> NOT has([{read}], pair.1), raw_row.Attributes)"
        own = f"if(parsed AND NOT startsWith(raw_row.Body, '{{'), {kept}, raw_row.Attributes)"
    return f"""SELECT
    *,
    arrayMap(number -> all_pairs[indexOf(ids, number)].2, [{numbers}]) AS values
FROM (
SELECT
    *,
    arrayMap(key -> transform(key, [{promoted}], [{numbers}], 0), all_pairs.1) AS ids
FROM (
SELECT
    {meta},
    if(empty(own), found, arrayConcat(
        own,
        arrayFilter(pair -> NOT has(own.1, pair.1), found))) AS all_pairs
FROM (
SELECT
    {meta},
    {own} AS own,
    if(parsed, {found}, []) AS found
FROM (
{select}
))))"""


def _if_parsed(keys: dict[str, str], row: Format) -> str:
    """Return all columns of a format's SELECT, without attributes where the line did not parse."""
    if not keys or row.positional or row.silent:
        return "*"
    kept = [f"if(parsed, {column}, '') AS {column}" for column in keys.values()]
    if row.extra:
        kept.append("if(parsed, pairs, []) AS pairs")
    return f"* REPLACE ({', '.join(kept)})"


def _checked(select: str, values: dict[str, str], everything: str) -> str:
    """Return `select` with what several columns of the record ask for.

    `given` is the time that the record claims; `in_time`, whether it may keep it; and `fits_<n>`,
    for each promoted value that is not text, whether its column can give it back to the letter.
    """
    checks = [
        f"{_fits(column, values[column.attribute])} AS fits_{index}"
        for index, column in _typed()
        if column.attribute in values
    ]
    received = "raw_row.ReceivedUnixNano"
    between = f"{received} - {OLDEST_NANOS} AND {received} + {EARLIEST_NANOS}"
    return f"""SELECT
    *,
    {"".join(f"{check}, " for check in checks)}given BETWEEN {between} AS in_time
FROM (
SELECT
    {everything},
    multiIf(raw_row.TimeUnixNano != 0, raw_row.TimeUnixNano,
        parsed AND time_unix_nano != 0, time_unix_nano,
        raw_row.ObservedUnixNano) AS given
FROM (
{select}
))"""


def _typed() -> Iterator[tuple[int, Column]]:
    """Yield (number, column) of the promoted columns that do not simply hold text."""
    for index, column in enumerate(PROMOTED, 1):
        if column.kind is not Kind.TEXT or column.type.startswith("Enum"):
            yield index, column


def _fits(column: Column, value: str) -> str:
    if column.type.startswith("Enum"):
        return f"{value} IN ('plaintext', 'mutual')"
    if column.unit_nanos:
        return f"match({value}, '^(0|[1-9][0-9]{{0,11}})([.][0-9]{{0,5}}[1-9])?$')"
    if column.type.startswith("Nullable"):
        return f"toString(toUInt64OrZero({value})) = {value}"
    return f"{value} != '0' AND toString(to{column.type}OrZero({value})) = {value}"


def _promoted(index: int, column: Column, value: str) -> str:
    """Return the expression of a promoted column."""
    if column.type.startswith("Enum"):
        return f"CAST(if(fits_{index}, {value}, 'unknown'), $${column.type}$$)"
    if column.kind is Kind.TEXT:
        return value
    if column.unit_nanos:
        return f"if(fits_{index}, meshseal_nanos({value}), NULL)"
    if column.type.startswith("Nullable"):
        return f"if(fits_{index}, toUInt64OrZero({value}), NULL)"
    return f"if(fits_{index}, to{column.type}OrZero({value}), 0)"


def _closed_others(values: dict[str, str]) -> str:
    """Return what goes to `OtherAttributes` where the format's attributes are columns."""
    number = {column.attribute: index for index, column in _typed()}
    entries = [f"('{ORIGINAL_TIMESTAMP}', if(in_time, '', toString(given)))"]
    for key, value in values.items():
        if key not in ATTRIBUTE_COLUMN:
            entries.append(f"({literals.text(key)}, {value})")
        elif key in number:
            entries.append(f"('{key}', if(fits_{number[key]}, '', {value}))")
    return f"arrayFilter(pair -> pair.2 != '', [{', '.join(entries)}])"


def _open_others() -> str:
    """Return what goes to `OtherAttributes` where the attributes are an array of pairs."""
    misfits = ", ".join(f"if(fits_{index}, 0, {index})" for index, _ in _typed())
    return f"""arrayConcat(
        arrayFilter(
            (pair, id, position) -> id = 0 OR pair.2 = '' OR indexOf(ids, id) != position
                OR has([{misfits}], id),
            all_pairs, ids, arrayEnumerate(ids)),
        if(in_time, [], [('{ORIGINAL_TIMESTAMP}', toString(given))]))"""


def _record_columns(
    format_name: str, values: dict[str, str], others: str, retention_days: int
) -> dict[str, str]:
    columns = {column.name: column.absent for column in LOG_COLUMNS}
    for index, column in enumerate(PROMOTED, 1):
        if column.attribute in values:
            columns[column.name] = _promoted(index, column, values[column.attribute])
    columns |= {name: f"raw_row.{name}" for name in RAW_COLUMNS if name in columns}
    own = {name: f"raw_row.{name}" for name in RAW_COLUMNS}
    text, number = own["SeverityText"], own["SeverityNumber"]
    columns |= {
        "Timestamp": _time(f"if(in_time, given, {own['ReceivedUnixNano']})"),
        "ObservedTimestamp": _time(own["ObservedUnixNano"]),
        "TraceId": f"if({own['TraceId']} != '' OR NOT parsed, {own['TraceId']}, trace_id)",
        "SpanId": f"if({own['SpanId']} != '' OR NOT parsed, {own['SpanId']}, span_id)",
        "SeverityText": f"if({text} != '' OR NOT parsed, {text}, severity_text)",
        "SeverityNumber": f"multiIf({number} != 0, {number}, "
        f"{text} != '', meshseal_severity({text}), parsed, severity_number, 0)",
        "ServiceName": f"multiIf({own['ServiceName']} != '', {own['ServiceName']}, "
        "parsed AND service_name != '', service_name, "
        f"meshseal_workload({own['ResourceAttributes']}, '{UNKNOWN_SERVICE}'))",
        "OtherAttributes": f"meshseal_map({others})",
        "Format": f"if(parsed, '{format_name}', '{UNPARSED}')",
        "RetentionDays": str(int(retention_days)),
    }
    return columns


def _time(unix_nano: str) -> str:
    return f"fromUnixTimestamp64Nano({unix_nano}, 'UTC')"
