"""The tables, made from `model.columns`.

`logs` and `spans` hold the records. Two more are fed with every batch of logs, so that questions
about what there is need no scan: `streams`, how many records of which resource in which hour, and
`attribute_keys`. What came at all is in the tables of `completeness`, who called whom in that of
`mesh`.

Retention never uses a TTL: a deletion must be authorised, checked against holds and certified.
"""

from __future__ import annotations

from meshseal.model import columns
from meshseal.model.columns import PROMOTED, Column, Kind, Signal
from meshseal.shape import anyvalue, canonical, render
from meshseal.shape.assemble import RAW_COLUMNS
from meshseal.shape.formats import BUILT_IN
from meshseal.shape.networks import PRIVATE_NETWORKS, trusted_proxy_function
from meshseal.shape.spans import RAW_SPAN_COLUMNS
from meshseal.store import completeness, mesh

LOGS, SPANS = columns.LOGS.table, columns.SPANS.table
STREAMS, ATTRIBUTE_KEYS = "streams", "attribute_keys"
RECORDS = (LOGS, SPANS)
DEFINITIONS = (*completeness.DEFINITIONS, mesh.DEFINITION)
TABLES = (*RECORDS, STREAMS, ATTRIBUTE_KEYS, *(one.name for one in DEFINITIONS))

SEAL_HINT = "SealHint"
"""The first four bytes of the record's leaf. The tree's root is what proves; this only lets
`meshseal verify` name the record that differs."""

INDEX_GRANULARITY = 2048
_TOKEN_BYTES = 12 * INDEX_GRANULARITY
_TOKEN_HASHES = 2
"""Bloom filter of the body's words: 12 bytes a record, a seventh of a text index's size. With some
20 different words a record, two hashes miss as rarely as five and cost half (ADR 0003)."""

_MERGE_PARTS = 16
"""How many parts a merge must bring together: so each record of a day is merged once or twice, and
a burst of half a million lines is stored before merges begin. Fewer are left alone: each is one
more place to look for a query, and with 32 records were found half a second later."""

_MOST_PARTS = 300
"""From so many parts of a day on, inserts wait a little, so that merges keep up with a flood."""

_MERGE_BASE = 10
"""How much more than its largest part a merge must bring together, twice the engine's own choice:
large parts stay out of merges of small ones."""

_VERTICAL_MERGE_ROWS = 3_000_000
"""Merges of fewer rows go over all columns at once: that takes half the time of the engine's way
for tables of many columns, and the memory only larger merges need is no matter."""

INDEX_PROBES: dict[str, dict[str, str]] = {
    LOGS: {
        "body_words": "hasToken(Body, 'meshseal')",
        "trace_id": "TraceId = 'none'",
        "request_id": "RequestId = 'none'",
        "other_keys": "mapContains(OtherAttributes, 'none')",
        "other_values": "has(mapValues(OtherAttributes), 'none')",
        "resource_values": "has(mapValues(ResourceAttributes), 'none')",
        "status": "HttpResponseStatusCode = 999",
        "severity": "SeverityNumber = 99",
        "batch": "Batch = 18446744073709551615",
    },
    SPANS: {
        "trace_id": "TraceId = 'none'",
        "attribute_keys": "mapContains(SpanAttributes, 'none')",
        "attribute_values": "has(mapValues(SpanAttributes), 'none')",
        "resource_values": "has(mapValues(ResourceAttributes), 'none')",
        "duration": "Duration = 18446744073709551615",
        "batch": "Batch = 18446744073709551615",
    },
}
"""For each index of a table, a condition for which the engine reads the whole of it."""

_REPLACED_SECONDS = 120
"""How long the parts that a merge has replaced stay: until it is sure that what replaces them is on
the disk, whole (`parts.py`)."""

_DEDUPLICATION_WINDOW = 1000
_COMPACT_BYTES = 128 << 20


def create_statements() -> list[str]:
    """Return the statements that create what is missing, and the functions anew.

    Formats of an installation's own, and its trusted proxies, come later (`mill/definitions.py`).
    """
    return [
        *render.statements("functions.sql"),
        trusted_proxy_function(PRIVATE_NETWORKS),
        *render.statements("meaning.sql"),
        *render.statements("formats.sql"),
        *render.statements("stack_traces.sql"),
        *render.statements("ecs.sql"),
        *render.statements("fluent.sql"),
        *render.statements("datadog.sql"),
        *render.statements("envoy_als.sql"),
        *render.statements("envoy_formats.sql"),
        *render.statements("access.sql"),
        *render.statements("span_tags.sql"),
        *anyvalue.functions(),
        *BUILT_IN.functions(),
        *canonical.functions(),
        _create_logs(),
        _create_spans(),
        _create_streams(),
        _create_attribute_keys(),
        *(_defined(definition) for definition in DEFINITIONS),
        *_keep_replaced_parts(_REPLACED_SECONDS),
    ]


def clean_statements() -> list[str]:
    """Return the statements that remove the parts that merges have replaced, at once.

    No partition has this name: what counts is that the engine tidies up on the way.
    """
    return [
        *_keep_replaced_parts(0),
        *(f"ALTER TABLE {table} DROP PARTITION ID 'none'" for table in TABLES),
        *_keep_replaced_parts(_REPLACED_SECONDS),
    ]


def _keep_replaced_parts(seconds: int) -> list[str]:
    return [
        f"ALTER TABLE {table} MODIFY SETTING old_parts_lifetime = {seconds}" for table in TABLES
    ]


def log_attributes_expression() -> str:
    """Return the SQL of `LogAttributes`: all attributes of a record, wherever they are kept."""
    pairs = ", ".join(f"'{column.attribute}', {attribute_text(column)}" for column in PROMOTED)
    return (
        "CAST(mapConcat(mapFilter((key, value) -> value != '', "
        f"map({pairs})), OtherAttributes), 'Map(LowCardinality(String), String)')"
    )


def attribute_text(column: Column) -> str:
    """Return the SQL for a promoted column's value as its attribute's text; '' where absent."""
    name = column.name
    if column.unit_nanos:
        return f"ifNull(meshseal_milliseconds({name}), '')"
    if column.type.startswith("Enum"):
        return f"if({name} = {column.absent}, '', toString({name}))"
    if column.kind is Kind.TEXT:
        return name if column.type == "String" else f"toString({name})"
    if column.type.startswith("Nullable"):
        return f"ifNull(toString({name}), '')"
    return f"if({name} = 0, '', toString({name}))"


def stage_columns(signal: Signal) -> str:
    """Return the columns of a stage table: those of the signal's, and the whole leaf."""
    listed = ", ".join(f"{column.sql} {column.type}" for column in signal.columns)
    return f"{listed}, Leaf FixedString(32)"


def raw_columns(signal: Signal) -> str:
    """Return the columns of a `raw` table."""
    raw = RAW_SPAN_COLUMNS if signal is columns.SPANS else RAW_COLUMNS
    return ", ".join(f"{name} {type_}" for name, type_ in raw.items())


def _create_logs() -> str:
    lines = _column_lines(columns.LOGS)
    lines += [
        f"LogAttributes Map(LowCardinality(String), String) ALIAS {log_attributes_expression()}",
        "TimestampTime DateTime ALIAS toDateTime(Timestamp)",
        f"INDEX body_words Body TYPE tokenbf_v1({_TOKEN_BYTES}, {_TOKEN_HASHES}, 0) GRANULARITY 1",
        "INDEX trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1",
        "INDEX request_id RequestId TYPE bloom_filter(0.001) GRANULARITY 1",
        "INDEX other_keys mapKeys(OtherAttributes) TYPE bloom_filter(0.01) GRANULARITY 1",
        "INDEX other_values mapValues(OtherAttributes) TYPE bloom_filter(0.01) GRANULARITY 1",
        "INDEX resource_values mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1",
        "INDEX status HttpResponseStatusCode TYPE set(64) GRANULARITY 1",
        "INDEX severity SeverityNumber TYPE set(24) GRANULARITY 1",
        "INDEX batch Batch TYPE minmax GRANULARITY 1",
    ]
    return _table(
        LOGS,
        lines,
        engine="MergeTree",
        partition="(RetentionDays, toDate(Timestamp))",
        order="(Tenant, toStartOfFiveMinutes(Timestamp), ServiceName, Timestamp)",
    )


def _column_lines(signal: Signal) -> list[str]:
    lines = [f"{column.sql} {column.type} CODEC({column.codec})" for column in signal.columns]
    return [*lines, f"{SEAL_HINT} UInt32 CODEC(NONE)"]


def _create_spans() -> str:
    lines = [
        *_column_lines(columns.SPANS),
        "TimestampTime DateTime ALIAS toDateTime(Timestamp)",
        "INDEX trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1",
        "INDEX attribute_keys mapKeys(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1",
        "INDEX attribute_values mapValues(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1",
        "INDEX resource_values mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1",
        "INDEX duration Duration TYPE minmax GRANULARITY 1",
        "INDEX batch Batch TYPE minmax GRANULARITY 1",
    ]
    return _table(
        SPANS,
        lines,
        engine="MergeTree",
        partition="(RetentionDays, toDate(Timestamp))",
        order="(Tenant, toStartOfFiveMinutes(Timestamp), ServiceName, SpanName, Timestamp)",
    )


def _create_streams() -> str:
    return _table(
        STREAMS,
        [
            "Tenant LowCardinality(String)",
            "Hour DateTime('UTC')",
            "ServiceName LowCardinality(String)",
            "Labels String CODEC(ZSTD(1))",
            "Records UInt64",
            "Bytes UInt64",
        ],
        engine="SummingMergeTree((Records, Bytes))",
        partition="toYYYYMM(Hour)",
        order="(Tenant, Hour, ServiceName, Labels)",
    )


def _create_attribute_keys() -> str:
    return _table(
        ATTRIBUTE_KEYS,
        [
            "Tenant LowCardinality(String)",
            "Scope LowCardinality(String)",
            "Key String",
            "Day Date",
        ],
        engine="ReplacingMergeTree",
        partition="toYYYYMM(Day)",
        order="(Tenant, Scope, Key, Day)",
    )


def _defined(definition: completeness.Definition) -> str:
    return _table(
        definition.name,
        definition.lines,
        engine=definition.engine,
        partition=definition.partition,
        order=definition.order,
    )


def _table(name: str, lines: list[str], *, engine: str, partition: str, order: str) -> str:
    listed = ",\n    ".join(lines)
    return f"""CREATE TABLE IF NOT EXISTS {name} (
    {listed}
)
ENGINE = {engine}
PARTITION BY {partition}
ORDER BY {order}
SETTINGS
    storage_policy = 'sealed',
    index_granularity = {INDEX_GRANULARITY},
    non_replicated_deduplication_window = {_DEDUPLICATION_WINDOW},
    min_bytes_for_wide_part = {_COMPACT_BYTES},
    fsync_after_insert = 1,
    min_rows_to_fsync_after_merge = 1,
    min_parts_to_merge_at_once = {_MERGE_PARTS},
    merge_selector_base = {_MERGE_BASE},
    vertical_merge_algorithm_min_rows_to_activate = {_VERTICAL_MERGE_ROWS},
    min_columns_to_activate_adaptive_write_buffer = 1,
    parts_to_delay_insert = {_MOST_PARTS},
    old_parts_lifetime = {_REPLACED_SECONDS},
    allow_nullable_key = 0"""
