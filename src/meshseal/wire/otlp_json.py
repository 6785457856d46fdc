"""OTLP's requests as JSON: what they must be, so that the engine can read them.

OTLP/JSON is not the JSON of Protocol Buffers: ids are hexadecimal, enumerations are numbers, and
unknown members are ignored.

Source: OTLP specification 1.11, "JSON Protobuf Encoding".
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from meshseal.model.errors import PayloadError
from meshseal.wire.protocol import NOT_JSON

_HexId = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-fA-F]{2})*$", max_length=64)]
_Nanos = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,20}$")] | Annotated[int, msgspec.Meta(ge=0)]


class _KeyValue(msgspec.Struct):
    key: str = ""
    value: dict[str, msgspec.Raw] | None = None


class _Attributed(msgspec.Struct):
    attributes: list[_KeyValue] = []


class _LogRecord(msgspec.Struct, rename="camel"):
    time_unix_nano: _Nanos = 0
    observed_time_unix_nano: _Nanos = 0
    severity_number: Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)] = 0
    severity_text: str = ""
    body: dict[str, msgspec.Raw] | None = None
    attributes: list[_KeyValue] = []
    flags: Annotated[int, msgspec.Meta(ge=0, lt=2**32)] = 0
    trace_id: _HexId = ""
    span_id: _HexId = ""
    event_name: str = ""


class _ScopeLogs(msgspec.Struct, rename="camel"):
    scope: _Attributed | None = None
    log_records: list[_LogRecord] = []
    schema_url: str = ""


class _ResourceLogs(msgspec.Struct, rename="camel"):
    resource: _Attributed | None = None
    scope_logs: list[_ScopeLogs] = []
    schema_url: str = ""


class _ExportLogs(msgspec.Struct, rename="camel"):
    resource_logs: list[_ResourceLogs] = []


_UInt32 = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
_Enum = Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)]


class _Event(msgspec.Struct, rename="camel"):
    time_unix_nano: _Nanos = 0
    name: str = ""
    attributes: list[_KeyValue] = []
    dropped_attributes_count: _UInt32 = 0


class _Link(msgspec.Struct, rename="camel"):
    trace_id: _HexId = ""
    span_id: _HexId = ""
    trace_state: str = ""
    attributes: list[_KeyValue] = []
    dropped_attributes_count: _UInt32 = 0
    flags: _UInt32 = 0


class _Status(msgspec.Struct):
    code: _Enum = 0
    message: str = ""


class _Span(msgspec.Struct, rename="camel"):
    trace_id: _HexId = ""
    span_id: _HexId = ""
    trace_state: str = ""
    parent_span_id: _HexId = ""
    name: str = ""
    kind: _Enum = 0
    start_time_unix_nano: _Nanos = 0
    end_time_unix_nano: _Nanos = 0
    attributes: list[_KeyValue] = []
    dropped_attributes_count: _UInt32 = 0
    events: list[_Event] = []
    dropped_events_count: _UInt32 = 0
    links: list[_Link] = []
    dropped_links_count: _UInt32 = 0
    status: _Status | None = None
    flags: _UInt32 = 0


class _ScopeSpans(msgspec.Struct, rename="camel"):
    scope: _Attributed | None = None
    spans: list[_Span] = []
    schema_url: str = ""


class _ResourceSpans(msgspec.Struct, rename="camel"):
    resource: _Attributed | None = None
    scope_spans: list[_ScopeSpans] = []
    schema_url: str = ""


class _ExportTraces(msgspec.Struct, rename="camel"):
    resource_spans: list[_ResourceSpans] = []


_LOGS = msgspec.json.Decoder(_ExportLogs)
_TRACES = msgspec.json.Decoder(_ExportTraces)


def count_logs(body: bytes) -> int:
    """Return how many log records an ExportLogsServiceRequest holds. Raises: PayloadError."""
    try:
        message = _LOGS.decode(body)
    except NOT_JSON as error:
        raise PayloadError(f"the body is not an ExportLogsServiceRequest: {error}") from error
    return sum(
        len(scope.log_records)
        for resource in message.resource_logs
        for scope in resource.scope_logs
    )


def count_spans(body: bytes) -> int:
    """Return how many spans an ExportTraceServiceRequest holds. Raises: PayloadError."""
    try:
        message = _TRACES.decode(body)
    except NOT_JSON as error:
        raise PayloadError(f"the body is not an ExportTraceServiceRequest: {error}") from error
    return sum(
        len(scope.spans) for resource in message.resource_spans for scope in resource.scope_spans
    )
