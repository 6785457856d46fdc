"""Datadog's spans: the columns that ClickHouse reads them into, from protobuf and from JSON.

Source: DataDog/datadog-agent, pkg/proto/datadog/trace/{agent_payload,tracer_payload,span}.proto.
"""

from __future__ import annotations

_TAGS = "Array(Tuple(key String, value String))"
_TAGS_JSON = "Map(String, String)"
_SCALAR = "type Int32, string_value String, bool_value Bool, int_value Int64, double_value Float64"
_VALUE = f"Tuple({_SCALAR}, array_value Tuple(values Array(Tuple({_SCALAR}))))"


def _payload(tags: str, number: str, metrics: str, attributes: str) -> str:
    """Return the type of a TracerPayload."""
    link = (
        f"trace_id UInt64, trace_id_high UInt64, span_id UInt64, attributes {tags}, "
        "tracestate String, flags UInt32"
    )
    event = f"time_unix_nano UInt64, name String, attributes {attributes}"
    span = (
        "service String, name String, resource String, trace_id UInt64, span_id UInt64, "
        f"parent_id UInt64, start Int64, duration Int64, error Int32, meta {tags}, "
        f"metrics {metrics}, type String, meta_struct {tags}, span_links Array(Tuple({link})), "
        f"span_events Array(Tuple({event}))"
    )
    chunk = f"priority {number}, origin String, tags {tags}, spans Array(Tuple({span}))"
    texts = (
        "container_id",
        "language_name",
        "language_version",
        "tracer_version",
        "runtime_id",
        "env",
        "hostname",
        "app_version",
    )
    columns = ", ".join(f"{name} String" for name in texts)
    return f"Tuple({columns}, tags {tags}, chunks Array(Tuple({chunk})))"


def _entries(value: str) -> str:
    return f"Array(Tuple(key String, value {value}))"


_PROTOBUF = _payload(_TAGS, "Int32", _entries("Float64"), _entries(_VALUE))
_BOTH = _payload(_TAGS, "Nullable(Int32)", _entries("Nullable(Float64)"), _entries(_VALUE))
_JSON = _payload(
    _TAGS_JSON, "Nullable(Int32)", "Map(String, Nullable(Float64))", f"Map(String, {_VALUE})"
)

STRUCTURE = (
    f"datadog_spans_host_name String, datadog_spans_env String, datadog_spans_tags {_TAGS}, "
    f"datadog_spans_tracer_json String, datadog_spans_tracer_payloads Array({_PROTOBUF})"
)
"""The columns of `spool.proto`'s `DatadogSpans`."""

TYPES = {
    "$datadog_payloads": f"Array({_BOTH})",
    "$datadog_payload": _BOTH,
    "$datadog_json": _JSON,
}
"""What `sql/payload/datadog_spans.sql` calls them; a missing number of JSON is NULL."""
