"""Datadog's spans: from its tracers, in MessagePack, and from its Agent, in protobuf.

What tracers send is written anew as JSON, all of it at once, because the engine reads no
MessagePack; what an Agent sends is kept as it came. Both are a `DatadogSpans` of `spool.proto`.

A tracer says in `X-Datadog-Trace-Count` how many traces it sends, for the Agent's statistics. It is
not looked at: a body that was cut short is not MessagePack, and is refused.

Source: DataDog/datadog-agent, pkg/proto/datadog/trace/*.proto, pkg/proto/pbgo/trace/decoder_v05.go,
pkg/trace/api/version.go (Apache-2.0).
"""

from __future__ import annotations

from typing import Annotated

import msgpack
import msgspec
from google.protobuf.message import DecodeError

from meshseal.model import protowire
from meshseal.model.envelope import Payload
from meshseal.model.errors import PayloadError
from meshseal.wire.datadog_idx import payload_of
from meshseal.wire.protocol import NOT_JSON, Decoded, Reply, Request
from meshseal.wire.protos.spool_pb2 import DatadogSpans

JSON_FIELD = 100
"""The field of `DatadogSpans` that holds a tracer's payload as JSON."""

AGENT_PATH = "/api/v0.2/traces"
PATHS = ("/v0.3/traces", "/v0.4/traces", "/v0.5/traces", "/v0.7/traces", AGENT_PATH)

INFO = msgspec.json.encode(
    {
        "version": "7.0.0",
        "endpoints": [
            *(path for path in PATHS if path != AGENT_PATH),
            "/v0.6/stats",
            "/telemetry/proxy/",
        ],
        "client_drop_p0s": False,
        "span_events": True,
        "span_meta_structs": True,
        "long_running_spans": False,
        "config": {"max_request_bytes": 64 << 20},
    }
)
"""What a tracer learns of its Agent: which versions of the protocol it may choose from."""

_JSON_TYPES = ("application/json", "text/json")
_RATES = b'{"rate_by_service":{}}'

_Id = Annotated[int, msgspec.Meta(ge=0)]
_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
_UInt32 = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
_Text = str | None
_Tags = dict[str, str | None] | None


class _Link(msgspec.Struct, omit_defaults=True):
    trace_id: _Id = 0
    trace_id_high: _Id = 0
    span_id: _Id = 0
    attributes: _Tags = None
    tracestate: _Text = None
    flags: _UInt32 | None = None


class _Scalar(msgspec.Struct, omit_defaults=True):
    type: _Int32 | None = None
    string_value: _Text = None
    bool_value: bool | None = None
    int_value: _Int64 | None = None
    double_value: float | None = None


class _Array(msgspec.Struct, omit_defaults=True):
    values: list[_Scalar] | None = None


class _Value(_Scalar, omit_defaults=True):
    array_value: _Array | None = None


class _Event(msgspec.Struct, omit_defaults=True):
    time_unix_nano: _Id = 0
    name: _Text = None
    attributes: dict[str, _Value | None] | None = None


class _Span(msgspec.Struct, omit_defaults=True):
    """A span. Its two ids are always written, so that the engine finds something in each."""

    trace_id: _Id
    span_id: _Id
    service: _Text = None
    name: _Text = None
    resource: _Text = None
    parent_id: _Id | None = None
    start: _Int64 | None = None
    duration: _Int64 | None = None
    error: _Int32 | None = None
    meta: _Tags = None
    metrics: dict[str, float | None] | None = None
    type: _Text = None
    meta_struct: dict[str, bytes | None] | None = None
    span_links: list[_Link] | None = None
    span_events: list[_Event] | None = None


class _TableSpan(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """A span of version 0.5: every text is its number in the table of strings."""

    service: _Id
    name: _Id
    resource: _Id
    trace_id: _Id
    span_id: _Id
    parent_id: _Id
    start: _Int64
    duration: _Int64
    error: _Int32
    meta: dict[_Id, _Id] | None
    metrics: dict[_Id, float | None] | None
    type: _Id


class _Chunk(msgspec.Struct, omit_defaults=True):
    spans: list[_Span] | None = None
    priority: _Int32 | None = None
    origin: _Text = None
    tags: _Tags = None
    dropped_trace: bool | None = None


class _Payload(msgspec.Struct, omit_defaults=True):
    """A TracerPayload, as version 0.7 has it."""

    container_id: _Text = None
    language_name: _Text = None
    language_version: _Text = None
    tracer_version: _Text = None
    runtime_id: _Text = None
    chunks: list[_Chunk] | None = None
    tags: _Tags = None
    env: _Text = None
    hostname: _Text = None
    app_version: _Text = None


_TRACES = msgspec.msgpack.Decoder(list[list[_Span]])
_TRACES_JSON = msgspec.json.Decoder(list[list[_Span]])
_TABLE = msgspec.msgpack.Decoder(tuple[list[_Text], list[list[_TableSpan]]])
_PAYLOAD = msgspec.msgpack.Decoder(_Payload)
_BAD = (*NOT_JSON, msgpack.UnpackException, OverflowError, ValueError, TypeError)


def decode_spans(request: Request, path: str) -> Decoded:
    """Take the spans of a request to one of `PATHS`. Raises: PayloadError."""
    if path == AGENT_PATH:
        contents, reply = _agent_contents(request.body), Reply(200, b"{}", "application/json")
    else:
        payload = _payload(request, path)
        records = sum(len(chunk.spans or ()) for chunk in payload.chunks or ())
        contents = [(_with_json(b"", payload), records)]
        reply = Reply(200, _RATES, "application/json")
    return Decoded(
        tuple(
            request.envelope(Payload.DATADOG_SPANS, content, records)
            for content, records in contents
            if records
        ),
        reply,
    )


def _with_json(message: bytes, payload: object) -> bytes:
    """Return a `DatadogSpans` with a tracer's payload as JSON."""
    text = msgspec.json.encode(payload)
    return message + protowire.bytes_head(JSON_FIELD, len(text)) + text


def _payload(request: Request, path: str) -> _Payload:
    if not request.body:
        return _Payload()
    try:
        try:
            return _read(request, path, request.body)
        except UnicodeDecodeError:
            return _read(request, path, _mended(request.body))
    except _BAD as error:
        raise PayloadError(f"the body is not what {path} takes: {error}") from error
    except IndexError as error:
        raise PayloadError("a number is not in the table of strings") from error


def _read(request: Request, path: str, body: bytes) -> _Payload:
    if path == "/v0.7/traces":
        return _PAYLOAD.decode(body)
    if path == "/v0.5/traces":
        traces = _from_table(*_TABLE.decode(body))
    elif request.media_type in _JSON_TYPES:
        traces = _TRACES_JSON.decode(body)
        msgspec.msgpack.encode(traces)  # Numbers of more than 64 bits do not pass.
    else:
        traces = _TRACES.decode(body)
    headers = request.headers
    return _Payload(
        container_id=headers.get("datadog-container-id"),
        language_name=headers.get("datadog-meta-lang"),
        language_version=headers.get("datadog-meta-lang-version"),
        tracer_version=headers.get("datadog-meta-tracer-version"),
        chunks=[_Chunk(spans) for spans in traces],
    )


def _mended(body: bytes) -> bytes:
    """Return MessagePack with the replacement character for what is no UTF-8, as the Agent does."""
    content = msgpack.unpackb(body, unicode_errors="replace", strict_map_key=False)
    return msgspec.msgpack.encode(content)


def _from_table(strings: list[_Text], traces: list[list[_TableSpan]]) -> list[list[_Span]]:
    """Return the spans of version 0.5 with their texts. Raises: IndexError."""
    text = [string or "" for string in strings]
    return [
        [
            _Span(
                one.trace_id,
                one.span_id,
                text[one.service],
                text[one.name],
                text[one.resource],
                one.parent_id,
                one.start,
                one.duration,
                one.error,
                {text[key]: text[value] for key, value in one.meta.items()} if one.meta else None,
                {text[key]: value for key, value in one.metrics.items()} if one.metrics else None,
                text[one.type],
            )
            for one in spans
        ]
        for spans in traces
    ]


def _agent_contents(body: bytes) -> list[tuple[bytes, int]]:
    """Return what an Agent sent as it came, and each payload with a table of strings as JSON.

    Raises: PayloadError.
    """
    try:
        message = DatadogSpans.FromString(body)
        told = [payload_of(payload) for payload in message.idx_tracer_payloads]
    except DecodeError as error:
        raise PayloadError("the body is not an AgentPayload") from error
    except IndexError as error:
        raise PayloadError("a number is not in the table of strings") from error
    if message.tracer_json:
        raise PayloadError("the body is not an AgentPayload: nothing has the number 100 there")
    records = sum(
        len(chunk.spans) for payload in message.tracer_payloads for chunk in payload.chunks
    )
    if not told:
        return [(body, records)]
    about = DatadogSpans(host_name=message.host_name, env=message.env, tags=message.tags)
    head = about.SerializeToString(deterministic=True)
    message.ClearField("idx_tracer_payloads")
    kept = message.SerializeToString(deterministic=True)
    return [(kept, records), *((_with_json(head, payload), count) for payload, count in told)]
