"""Datadog's payloads with a table of strings, as newer Agents send them, as a `TracerPayload`.

Every text is the number of a string in the payload's table, and attributes have types. What it
becomes is what an older Agent would have sent: texts and truth values are tags, numbers metrics,
arrays and maps JSON.

Source: DataDog/datadog-agent, pkg/proto/datadog/trace/idx/{tracer_payload,span}.proto (Apache-2.0).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

import msgspec

from meshseal.wire.protos.spool_pb2 import (
    DatadogIdxChunk,
    DatadogIdxEntry,
    DatadogIdxEvent,
    DatadogIdxLink,
    DatadogIdxSpan,
    DatadogIdxTracer,
    DatadogIdxValue,
)

_KINDS = ("", "internal", "server", "client", "producer", "consumer")
_MAX_EXACT = 2**53
_TEXTS = (
    "container_id",
    "language_name",
    "language_version",
    "tracer_version",
    "runtime_id",
    "env",
    "hostname",
    "app_version",
)


def payload_of(body: bytes) -> tuple[dict[str, Any], int]:
    """Return a payload as `TracerPayload` in JSON's types, and how many spans it has.

    Raises: google.protobuf.message.DecodeError; IndexError when a string is not in the table.
    """
    message = DatadogIdxTracer.FromString(body)
    reader = _Reader([string.decode(errors="replace") for string in message.strings])
    payload: dict[str, Any] = {name: reader.text(getattr(message, name)) for name in _TEXTS}
    payload["tags"] = reader.tags(message.attributes)
    payload["chunks"] = [reader.chunk(chunk) for chunk in message.chunks]
    return payload, sum(len(chunk.spans) for chunk in message.chunks)


class _Reader:
    """Looks texts up.

    Args:
        strings: The table; an empty one has the empty text all the same.
    """

    def __init__(self, strings: list[str]) -> None:
        self._strings = strings or [""]

    def text(self, number: int) -> str:
        return self._strings[number]

    def chunk(self, chunk: DatadogIdxChunk) -> dict[str, Any]:
        trace_id = int.from_bytes(chunk.trace_id[-16:], "big")
        tags = self.tags(chunk.attributes) | self._named(
            {"_dd.p.dm": chunk.decision_maker, "_dd.origin": chunk.origin}
        )
        if trace_id >> 64:
            tags["_dd.p.tid"] = f"{trace_id >> 64:016x}"
        lower = trace_id & (2**64 - 1)
        spans = [self._span(span, lower) for span in chunk.spans]
        return {"priority": chunk.priority, "tags": tags, "spans": spans}

    def _span(self, span: DatadogIdxSpan, trace_id: int) -> dict[str, Any]:
        meta, metrics = self._attributes(span.attributes)
        meta |= self._named({"env": span.env, "version": span.version, "component": span.component})
        if 0 < span.kind < len(_KINDS):
            meta["span.kind"] = _KINDS[span.kind]
        return {
            "service": self.text(span.service),
            "name": self.text(span.name),
            "resource": self.text(span.resource),
            "trace_id": trace_id,
            "span_id": span.span_id,
            "parent_id": span.parent_id,
            "start": min(span.start, 2**63 - 1),
            "duration": min(span.duration, 2**63 - 1),
            "error": int(span.error),
            "meta": meta,
            "metrics": metrics,
            "type": self.text(span.type),
            "span_links": [self._link(link) for link in span.span_links],
            "span_events": [self._event(event) for event in span.span_events],
        }

    def _link(self, link: DatadogIdxLink) -> dict[str, Any]:
        trace_id = int.from_bytes(link.trace_id[-16:], "big")
        return {
            "trace_id": trace_id & (2**64 - 1),
            "trace_id_high": trace_id >> 64,
            "span_id": link.span_id,
            "attributes": self.tags(link.attributes),
            "tracestate": self.text(link.tracestate),
            "flags": link.flags,
        }

    def _event(self, event: DatadogIdxEvent) -> dict[str, Any]:
        texts = self.tags(event.attributes)
        return {
            "time_unix_nano": event.time,
            "name": self.text(event.name),
            "attributes": {key: {"type": 0, "string_value": text} for key, text in texts.items()},
        }

    def tags(self, entries: Iterable[DatadogIdxEntry]) -> dict[str, str]:
        """Return attributes that are all to be text."""
        meta, metrics = self._attributes(entries)
        return meta | {key: _plain(number) for key, number in metrics.items()}

    def _named(self, numbers: dict[str, int]) -> dict[str, str]:
        return {name: text for name, number in numbers.items() if (text := self.text(number))}

    def _attributes(
        self, entries: Iterable[DatadogIdxEntry]
    ) -> tuple[dict[str, str], dict[str, float]]:
        meta: dict[str, str] = {}
        metrics: dict[str, float] = {}
        for entry in entries:
            key, value = self.text(entry.key), self._value(entry.value)
            if isinstance(value, float) or (type(value) is int and abs(value) <= _MAX_EXACT):
                metrics[key] = value
            elif isinstance(value, str):
                meta[key] = value
            else:
                meta[key] = msgspec.json.encode(value).decode()
        return meta, metrics

    def _value(self, value: DatadogIdxValue) -> Any:
        """Return a value in JSON's types. Its nesting is bounded by the message's reader."""
        which = value.WhichOneof("value")
        if which == "string_ref":
            return self.text(value.string_ref)
        if which == "bytes_value":
            return base64.b64encode(value.bytes_value).decode()
        if which == "array_value":
            return [self._value(one) for one in value.array_value.values]
        if which == "map_value":
            return {self.text(one.key): self._value(one.value) for one in value.map_value.values}
        return getattr(value, which) if which else ""


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)
