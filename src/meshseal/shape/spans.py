"""Spans: what a trace payload's SELECT gives, and the SELECT that makes records of it.

A payload of spans needs one SELECT in `sql/payload/` that gives `RAW_SPAN_COLUMNS`; those that it
leaves out are empty, and `Format` is the kind of the payload for all. The rest is here: what keeps
its time, durations, words for numbers.

Nothing here throws, and no span is lost: what does not fit a column is kept as an attribute.
"""

from __future__ import annotations

from meshseal.model.columns import SPANS
from meshseal.shape.assemble import (
    EARLIEST_NANOS,
    OLDEST_NANOS,
    ORIGINAL_TIMESTAMP,
    UNKNOWN_SERVICE,
)

_PAIRS = "Array(Tuple(String, String))"

RAW_SPAN_COLUMNS: dict[str, str] = {
    "Tenant": "LowCardinality(String)",
    "Batch": "UInt64",
    "Seq": "UInt32",
    "Door": "LowCardinality(String)",
    "Source": "LowCardinality(String)",
    "Format": "LowCardinality(String)",
    "ReceivedUnixNano": "Int64",
    "StartUnixNano": "Int64",
    "EndUnixNano": "Int64",
    "TraceId": "String",
    "SpanId": "String",
    "ParentSpanId": "String",
    "TraceState": "String",
    "TraceFlags": "UInt32",
    "SpanName": "LowCardinality(String)",
    "KindNumber": "Int32",
    "ServiceName": "LowCardinality(String)",
    "ResourceSchemaUrl": "LowCardinality(String)",
    "ResourceAttributes": "Map(LowCardinality(String), String)",
    "ScopeSchemaUrl": "LowCardinality(String)",
    "ScopeName": "LowCardinality(String)",
    "ScopeVersion": "LowCardinality(String)",
    "ScopeAttributes": "Map(LowCardinality(String), String)",
    "Attributes": _PAIRS,
    "StatusNumber": "Int32",
    "StatusMessage": "String",
    "Events": f"Array(Tuple(Int64, String, {_PAIRS}))",
    "Links": f"Array(Tuple(String, String, String, {_PAIRS}))",
    "Nested": "Array(String)",
}
"""The columns of the `raw` table of spans.

Ids are lower-case hex digits, only zeros meaning none. `StartUnixNano` 0 means that there is none;
`KindNumber` and `StatusNumber` are OpenTelemetry's. `Attributes` are (key, value); an event is
(time, name, attributes), a link (trace id, span id, trace state, attributes). `Nested` holds the
encoded forms of values that are arrays or maps (`anyvalue.py`).
"""

_KINDS = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")
_STATUSES = ("Unset", "Ok", "Error")
ORIGINAL_END = "meshseal.end_timestamp.original"


def span_select(*, retention_days: int) -> str:
    """Return the SELECT over `raw` that gives `SPAN_COLUMNS`."""
    own = {
        "Timestamp": _time("if(in_time, StartUnixNano, ReceivedUnixNano)"),
        "ObservedTimestamp": _time("ReceivedUnixNano"),
        "TraceId": _id("TraceId"),
        "SpanId": _id("SpanId"),
        "ParentSpanId": _id("ParentSpanId"),
        "SpanKind": _word(_KINDS, "KindNumber"),
        "StatusCode": _word(_STATUSES, "StatusNumber"),
        "ServiceName": f"if(raw.ServiceName = '', '{UNKNOWN_SERVICE}', raw.ServiceName)",
        "Duration": "if(EndUnixNano > StartUnixNano AND StartUnixNano != 0, "
        "toUInt64(EndUnixNano - StartUnixNano), 0)",
        "SpanAttributes": f"""meshseal_map(arrayConcat(
        Attributes,
        if(in_time OR StartUnixNano = 0, [], [('{ORIGINAL_TIMESTAMP}', toString(StartUnixNano))]),
        if(EndUnixNano >= StartUnixNano AND (StartUnixNano != 0 OR EndUnixNano = 0),
            [], [('{ORIGINAL_END}', toString(EndUnixNano))])))""",
        "Events.Timestamp": f"arrayMap(event -> {_time('event.1')}, Events)",
        "Events.Name": "arrayMap(event -> event.2, Events)",
        "Events.Attributes": "arrayMap(event -> meshseal_map(event.3), Events)",
        "Links.TraceId": "arrayMap(link -> link.1, Links)",
        "Links.SpanId": "arrayMap(link -> link.2, Links)",
        "Links.TraceState": "arrayMap(link -> link.3, Links)",
        "Links.Attributes": "arrayMap(link -> meshseal_map(link.4), Links)",
        "RetentionDays": str(int(retention_days)),
    }
    listed = ",\n    ".join(
        f"{own.get(column.name, f'raw.{column.name}')} AS {column.sql}" for column in SPANS.columns
    )
    between = f"ReceivedUnixNano - {OLDEST_NANOS} AND ReceivedUnixNano + {EARLIEST_NANOS}"
    return f"""SELECT
    {listed}
FROM (
SELECT *, StartUnixNano BETWEEN {between} AS in_time
FROM raw
) AS raw"""


def _time(unix_nano: str) -> str:
    return f"fromUnixTimestamp64Nano({unix_nano}, 'UTC')"


def _id(column: str) -> str:
    return f"if(trim(LEADING '0' FROM raw.{column}) = '', '', raw.{column})"


def _word(words: tuple[str, ...], number: str) -> str:
    """Return SQL for the word of a number; a number that has none stays a number."""
    listed = ", ".join(f"'{word}'" for word in words)
    return f"transform({number}, {list(range(len(words)))}, [{listed}], toString({number}))"
