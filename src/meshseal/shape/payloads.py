"""The payload kinds: how ClickHouse reads each from a segment into the `raw` table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from meshseal.model.columns import LOGS, SPANS, Signal
from meshseal.model.envelope import Payload
from meshseal.shape import datadog, envoy, render
from meshseal.shape.anyvalue import ANY_VALUE_TYPE, ATTRIBUTES_TYPE
from meshseal.shape.assemble import RAW_COLUMNS
from meshseal.shape.formats import UNPARSED, fits
from meshseal.shape.spans import RAW_SPAN_COLUMNS

SCHEMA_FILE = "spool.proto"
SCHEMA_MESSAGE = "Envelope"

_ENVELOPE = (
    "tenant String, received_unix_nano UInt64, door String, source String, format String, "
    "labels Map(String, String), batch UInt64, first_seq UInt64"
)

_OTLP_LOGS = (
    f"otlp_logs_resource_logs Array(Tuple(resource_attributes {ATTRIBUTES_TYPE}, "
    "scope_logs Array(Tuple(scope_name String, scope_version String, "
    f"scope_attributes {ATTRIBUTES_TYPE}, "
    "log_records Array(Tuple(time_unix_nano UInt64, severity_number Int32, "
    f"severity_text String, body {ANY_VALUE_TYPE}, attributes {ATTRIBUTES_TYPE}, "
    "flags UInt32, trace_id String, span_id String, observed_time_unix_nano UInt64, "
    "event_name String)), schema_url String)), schema_url String))"
)

_EVENTS = (
    f"Array(Tuple(time_unix_nano UInt64, name String, attributes {ATTRIBUTES_TYPE}, "
    "dropped_attributes_count UInt32))"
)
_LINKS = (
    "Array(Tuple(trace_id String, span_id String, trace_state String, "
    f"attributes {ATTRIBUTES_TYPE}, dropped_attributes_count UInt32, flags UInt32))"
)

_OTLP_TRACES = (
    f"otlp_traces_resource_spans Array(Tuple(resource_attributes {ATTRIBUTES_TYPE}, "
    "scope_spans Array(Tuple(scope_name String, scope_version String, "
    f"scope_attributes {ATTRIBUTES_TYPE}, "
    "spans Array(Tuple(trace_id String, span_id String, trace_state String, "
    "parent_span_id String, name String, kind Int32, start_time_unix_nano UInt64, "
    f"end_time_unix_nano UInt64, attributes {ATTRIBUTES_TYPE}, dropped_attributes_count UInt32, "
    f"events {_EVENTS}, dropped_events_count UInt32, links {_LINKS}, dropped_links_count UInt32, "
    "status_message String, status_code Int32, flags UInt32)), schema_url String)), "
    "schema_url String))"
)

_ZIPKIN_SPANS = (
    "zipkin_spans_spans Array(Tuple(trace_id String, parent_id String, id String, kind Int32, "
    "name String, timestamp UInt64, duration UInt64, local_endpoint_service_name String, "
    "local_endpoint_ipv4 String, local_endpoint_ipv6 String, local_endpoint_port Int32, "
    "remote_endpoint_service_name String, remote_endpoint_ipv4 String, "
    "remote_endpoint_ipv6 String, remote_endpoint_port Int32, "
    "annotations Array(Tuple(timestamp UInt64, value String)), "
    "tags Array(Tuple(key String, value String)), debug Bool, shared Bool))"
)

_JAEGER_TAGS = (
    "Array(Tuple(key String, v_type Int32, v_str String, v_bool UInt8, v_int64 Int64, "
    "v_float64 Float64, v_binary String))"
)

_JAEGER_SPANS = (
    "jaeger_spans_batch Array(Tuple(spans Array(Tuple(trace_id String, span_id String, "
    "operation_name String, "
    "references Array(Tuple(trace_id String, span_id String, ref_type Int32)), flags UInt32, "
    "start_time_seconds Int64, start_time_nanos Int32, duration_seconds Int64, "
    f"duration_nanos Int32, tags {_JAEGER_TAGS}, "
    "logs Array(Tuple(timestamp_seconds Int64, timestamp_nanos Int32, "
    f"fields {_JAEGER_TAGS})), process_service_name String, process_tags {_JAEGER_TAGS}, "
    "process_id String, warnings Array(String))), "
    f"process_service_name String, process_tags {_JAEGER_TAGS}))"
)

_FLUENT_EVENTS = (
    "fluent_events_groups Array(Tuple(tag String, times Array(Int64), records String, "
    "metadata String))"
)

_LOKI_PUSH = (
    "loki_push_streams Array(Tuple(labels String, entries Array(Tuple("
    "timestamp_seconds Int64, timestamp_nanos Int32, line String, "
    "structured_metadata Array(Tuple(name String, value String))))))"
)


_BY_CONTENT = "meshseal_recognise"
_HINTED = (_BY_CONTENT, f"{_BY_CONTENT}_plain")


@dataclass(frozen=True, slots=True)
class PayloadShape:
    """How one payload kind becomes raw rows.

    Attributes:
        structure: The payload's columns, for ClickHouse's `file(path, 'Protobuf', structure)`.
        file: Its SELECT in `sql/payload/`.
        recognise: The function that finds a body's format from it and the sender's hint.
        version: Goes into the manifest; raised whenever the same bytes would give other records.
        signal: What it holds: its SELECT gives `RAW_COLUMNS` of logs, `RAW_SPAN_COLUMNS` of spans.
        nested_structure: Of a payload whose nested values are known beforehand, the columns with
            them; `<file>_nested.sql` gives their encoded forms.
        headers: Whether its SELECT stands over that of `syslog_headers.sql`.
    """

    structure: str
    file: str
    recognise: str = _BY_CONTENT
    version: int = 1
    nested_structure: str = ""
    signal: Signal = LOGS
    headers: bool = False


SHAPES: dict[Payload, PayloadShape] = {
    Payload.OTLP_LOGS: PayloadShape(_OTLP_LOGS, "otlp_logs", "meshseal_recognise_mesh"),
    Payload.OTLP_LOGS_JSON: PayloadShape(
        "otlp_logs_json String", "otlp_logs_json", "meshseal_recognise_mesh"
    ),
    Payload.OTLP_TRACES: PayloadShape(_OTLP_TRACES, "otlp_traces", signal=SPANS),
    Payload.OTLP_TRACES_JSON: PayloadShape(
        "otlp_traces_json String", "otlp_traces_json", signal=SPANS
    ),
    Payload.ZIPKIN_SPANS: PayloadShape(_ZIPKIN_SPANS, "zipkin_spans", signal=SPANS),
    Payload.ZIPKIN_SPANS_JSON: PayloadShape(
        "zipkin_spans_json String", "zipkin_spans_json", signal=SPANS
    ),
    Payload.JAEGER_SPANS: PayloadShape(_JAEGER_SPANS, "jaeger_spans", signal=SPANS),
    Payload.LOKI_PUSH: PayloadShape(_LOKI_PUSH, "loki_push"),
    Payload.ENVOY_ALS: PayloadShape(
        envoy.STRUCTURE,
        "envoy_als",
        nested_structure=envoy.NESTED_STRUCTURE,
        recognise="meshseal_recognise_envoy_als",
    ),
    Payload.LOKI_PUSH_JSON: PayloadShape("loki_push_json String", "loki_push_json"),
    Payload.FLUENT_EVENTS: PayloadShape(_FLUENT_EVENTS, "fluent_events"),
    Payload.BEATS_EVENTS: PayloadShape("beats_events String", "beats_events"),
    Payload.CLOUDWATCH_LOGS: PayloadShape("cloudwatch_logs String", "cloudwatch_logs"),
    Payload.PUBSUB_MESSAGES: PayloadShape("pubsub_messages String", "pubsub_messages"),
    Payload.AZURE_RECORDS: PayloadShape("azure_records String", "azure_records"),
    Payload.ELASTIC_DOCUMENTS: PayloadShape("elastic_documents String", "elastic_documents"),
    Payload.DOCUMENTS: PayloadShape("documents String", "lines"),
    Payload.LINES: PayloadShape("lines String", "lines"),
    Payload.DATADOG_LOGS: PayloadShape("datadog_logs String", "datadog_logs"),
    Payload.DATADOG_SPANS: PayloadShape(datadog.STRUCTURE, "datadog_spans", signal=SPANS),
    Payload.SYSLOG_MESSAGES: PayloadShape(
        "syslog_messages_messages Array(String)",
        "syslog_messages",
        headers=True,
        recognise=f"{_BY_CONTENT}_plain",
    ),
    Payload.SPLUNK_EVENTS: PayloadShape("splunk_events String", "splunk_events"),
    Payload.GELF_MESSAGES: PayloadShape("gelf_messages String", "gelf_messages"),
}


def raw_insert(
    kind: Payload, path: str, *, table: str, nested: str, hints: Iterable[str] = ()
) -> str:
    """Return the INSERT that reads a file of envelopes of one kind into a `raw` table.

    Args:
        kind: The one payload kind in the file.
        path: The file's path; the mill's own, such as `/proc/self/fd/7`.
        table: The `raw` table's name; the mill's own.
        nested: The name of the Join table with the text of nested values; the mill's own.
        hints: The formats that senders have named in these envelopes, of those that there are.
    """
    shape = SHAPES[kind]
    file = f"payload/{shape.file}.sql"
    content = f", {kind.field_name} AS content" if shape.file == "lines" else ""
    envelopes = (
        f"SELECT *{content} FROM file('{path}', 'Protobuf', $${_ENVELOPE}, {shape.structure}$$)"
    )
    if shape.headers:
        headers = render.over("syslog_headers.sql", "envelopes", envelopes)
        select = render.over(file, "headers", headers)
    else:
        select = render.over(file, "envelopes", envelopes).replace("$nested", nested)
    if shape.signal is SPANS:
        columns = ", ".join(name for name in render.columns(file) if name in RAW_SPAN_COLUMNS)
        return (
            f"INSERT INTO {table} ({columns}, Format)\n"
            f"SELECT {columns}, '{kind.field_name}' AS Format\nFROM (\n{select}\n)"
        )
    columns = ", ".join(name for name in render.columns(file) if name in RAW_COLUMNS)
    return (
        f"INSERT INTO {table} ({columns}, Format)\n"
        f"SELECT {columns}, {_recognised(shape, hints)} AS Format\n"
        f"FROM (\n{select}\n)"
    )


def _recognised(shape: PayloadShape, hints: Iterable[str]) -> str:
    """Return SQL for the format of a body: what the hint says, if the body is of it."""
    known = "''"
    if shape.recognise in _HINTED:
        cases = [f"Hint = '{name}', if({fits(name)}(Body), '{name}', '')" for name in sorted(hints)]
        cases.insert(0, f"Hint = '{UNPARSED}', '{UNPARSED}'")
        known = f"multiIf({', '.join(cases)}, '')"
    return f"{shape.recognise}(Body, {known})"


def nested_select(kind: Payload, path: str) -> str:
    """Return the SELECT of the nested values in a file of envelopes, where they can be had so.

    Otherwise it is '', and they are in the `raw` table.
    """
    shape = SHAPES[kind]
    if not shape.nested_structure:
        return ""
    envelopes = f"SELECT * FROM file('{path}', 'Protobuf', $${shape.nested_structure}$$)"
    return render.over(f"payload/{shape.file}_nested.sql", "envelopes", envelopes)
