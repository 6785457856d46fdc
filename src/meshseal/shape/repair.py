"""Writes a payload anew, where a door could read it and the engine cannot.

The two read the same formats with different leniency: Protocol Buffers let a reader skip a field of
the wrong wire type, or take 5 for true; JSON lets one key stand twice. What is written here says
what the door understood, with nothing left to be understood in two ways.
"""

from __future__ import annotations

import json
import math

from google.protobuf.message import DecodeError, Message

from meshseal.model.envelope import Payload
from meshseal.wire.protos.spool_pb2 import (
    DatadogSpans,
    EnvoyAls,
    JaegerSpans,
    LokiPush,
    OtlpLogs,
    OtlpTraces,
    ZipkinSpans,
)

_MESSAGES: dict[Payload, type[Message]] = {
    Payload.OTLP_LOGS: OtlpLogs,
    Payload.OTLP_TRACES: OtlpTraces,
    Payload.LOKI_PUSH: LokiPush,
    Payload.ZIPKIN_SPANS: ZipkinSpans,
    Payload.JAEGER_SPANS: JaegerSpans,
    Payload.ENVOY_ALS: EnvoyAls,
    Payload.DATADOG_SPANS: DatadogSpans,
}
_JSON = (
    Payload.OTLP_LOGS_JSON,
    Payload.OTLP_TRACES_JSON,
    Payload.ZIPKIN_SPANS_JSON,
    Payload.LOKI_PUSH_JSON,
    Payload.PUBSUB_MESSAGES,
    Payload.AZURE_RECORDS,
    Payload.DATADOG_LOGS,
)
_JSON_LINES = (Payload.CLOUDWATCH_LOGS,)


def repaired(kind: Payload, content: bytes) -> bytes | None:
    """Return the payload written anew, or None if that gives nothing new."""
    try:
        if kind in _MESSAGES:
            message = _MESSAGES[kind].FromString(content)
            message.DiscardUnknownFields()
            anew = message.SerializeToString()
        elif kind in _JSON:
            anew = _json(content)
        elif kind in _JSON_LINES:
            anew = b"\n".join(map(_json, content.split(b"\n")))
        else:
            return None
    except (DecodeError, ValueError, RecursionError):
        return None
    return anew if anew != content else None


def _json(content: bytes) -> bytes:
    """Return a document without what only some readers take.

    What a door skips, it does not read as text or as a number: bytes that are no UTF-8 and halves
    of characters become the replacement character, and numbers that no double holds text.

    Raises: ValueError, RecursionError.
    """
    value = json.loads(
        content.decode(errors="replace"), parse_float=_number, parse_int=_whole, parse_constant=str
    )
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _number(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _whole(text: str) -> int | str:
    return int(text) if len(text) < 20 else text
