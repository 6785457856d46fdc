"""OTLP's metrics: counted, and of them the counters that tell of log records are read.

Metrics are not kept. But a sender of metrics lives; and Envoy, the OpenTelemetry Collector and
others push counters that say how many log records they sent and how many they dropped.

Source: opentelemetry-proto 1.10, metrics/v1/metrics.proto; OTLP specification 1.11.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from meshseal.model.counters import PUSHED, Alive, Reading, whole
from meshseal.model.errors import PayloadError
from meshseal.wire.counters import Known, known_counter, series_name
from meshseal.wire.protocol import NOT_JSON

MAX_READINGS = 1000
"""Most counters that are read of one request."""
_DELTA = 1
_MAX_TEXT = 256
_EARLIEST = 10**18
"""September 2001: no emitter has been running since before."""
_INSTANCES = ("service.instance.id", "k8s.pod.name", "host.name")


@dataclass(slots=True)
class Metrics:
    """What a request holds."""

    points: int = 0
    readings: list[Reading] = field(default_factory=list)
    alive: list[Alive] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Point:
    value: float
    time: int
    start: int
    labels: Mapping[str, str]


def read_protobuf(body: bytes, received_unix_nano: int) -> Metrics:
    """Read an ExportMetricsServiceRequest. Raises: PayloadError."""
    try:
        message = ExportMetricsServiceRequest.FromString(body)
    except DecodeError as error:
        raise PayloadError("the body is not an ExportMetricsServiceRequest") from error
    found = Metrics()
    for resource in message.resource_metrics:
        who = _identity(_texts(resource.resource.attributes))
        found.alive.append(who)
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                kind = metric.WhichOneof("data")
                if not kind:
                    continue
                data = getattr(metric, kind)
                found.points += len(data.data_points)
                known = _counter(metric.name, kind)
                if known:
                    delta = kind == "sum" and data.aggregation_temporality == _DELTA
                    points = (_point(point) for point in data.data_points)
                    _add(found, known, metric.name, who, points, received_unix_nano, delta=delta)
    return found


def _counter(name: str, kind: str) -> Known | None:
    return known_counter(name) if kind in ("sum", "gauge") else None


def _point(point: Any) -> _Point:
    value = point.as_int if point.WhichOneof("value") == "as_int" else point.as_double
    labels = _texts(point.attributes)
    return _Point(value, point.time_unix_nano, point.start_time_unix_nano, labels)


def _texts(attributes: Any) -> dict[str, str]:
    return {
        one.key[:_MAX_TEXT]: one.value.string_value[:_MAX_TEXT]
        for one in attributes
        if one.value.WhichOneof("value") == "string_value"
    }


def _identity(attributes: Mapping[str, str]) -> Alive:
    instance = next((attributes[key] for key in _INSTANCES if attributes.get(key)), "")
    return Alive(attributes.get("service.name", ""), instance)


def _add(
    found: Metrics,
    known: Known,
    name: str,
    who: Alive,
    points: Iterable[_Point],
    received: int,
    *,
    delta: bool,
) -> None:
    for point in points:
        value = whole(point.value)
        if value is None or len(found.readings) >= MAX_READINGS:
            continue
        time = min(point.time or received, received)
        found.readings.append(
            Reading(
                counter=series_name(name, point.labels.items()),
                meaning=known.meaning,
                value=value,
                time_unix_nano=time,
                start_unix_nano=_start(point.start, time),
                emitter=f"{PUSHED}{who.service or 'unknown'}"[:_MAX_TEXT],
                door=known.door,
                service=who.service,
                instance=who.instance,
                delta=delta,
            )
        )


def _start(start: int, time: int) -> int:
    """Return when a counter began, or 0 where that cannot be.

    Envoy writes microseconds where nanoseconds should be.
    """
    for told in (start, start * 1000):
        if _EARLIEST <= told <= time:
            return told
    return 0


# ---- JSON --------------------------------------------------------------------------------------


class _Value(msgspec.Struct, rename="camel"):
    string_value: str | None = None


class _KeyValue(msgspec.Struct):
    key: str = ""
    value: _Value | None = None


class _JsonPoint(msgspec.Struct, rename="camel"):
    as_int: int | None = None
    as_double: float | None = None
    time_unix_nano: int = 0
    start_time_unix_nano: int = 0
    attributes: list[_KeyValue] = []


class _Data(msgspec.Struct, rename="camel"):
    data_points: list[msgspec.Raw] = []
    aggregation_temporality: msgspec.Raw = msgspec.Raw()


class _Metric(msgspec.Struct, rename="camel"):
    name: str = ""
    gauge: _Data | None = None
    sum: _Data | None = None
    histogram: _Data | None = None
    exponential_histogram: _Data | None = None
    summary: _Data | None = None


class _Scope(msgspec.Struct):
    metrics: list[_Metric] = []


class _Resource(msgspec.Struct):
    attributes: list[msgspec.Raw] = []


class _ResourceMetrics(msgspec.Struct, rename="camel"):
    resource: _Resource | None = None
    scope_metrics: list[_Scope] = []


class _Export(msgspec.Struct, rename="camel"):
    resource_metrics: list[_ResourceMetrics] = []


_REQUEST = msgspec.json.Decoder(_Export)
_POINT = msgspec.json.Decoder(_JsonPoint, strict=False)
_ATTRIBUTE = msgspec.json.Decoder(_KeyValue)
_DELTAS = (b"1", b'"1"', b'"AGGREGATION_TEMPORALITY_DELTA"')


def read_json(body: bytes, received_unix_nano: int) -> Metrics:
    """Read an ExportMetricsServiceRequest as JSON. Raises: PayloadError."""
    try:
        message = _REQUEST.decode(body)
    except NOT_JSON as error:
        raise PayloadError(f"the body is not an ExportMetricsServiceRequest: {error}") from error
    found = Metrics()
    for resource in message.resource_metrics:
        who = _identity(_json_texts(resource.resource.attributes if resource.resource else []))
        found.alive.append(who)
        for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
            for kind in ("gauge", "sum", "histogram", "exponential_histogram", "summary"):
                data: _Data | None = getattr(metric, kind)
                if data is None:
                    continue
                found.points += len(data.data_points)
                known = _counter(metric.name, kind)
                if known:
                    delta = bytes(data.aggregation_temporality) in _DELTAS
                    points = _json_points(data.data_points)
                    _add(found, known, metric.name, who, points, received_unix_nano, delta=delta)
    return found


def _json_points(points: list[msgspec.Raw]) -> Iterable[_Point]:
    """Yield the points that can be read; what cannot is not kept, as every other metric."""
    for raw in points:
        try:
            point = _POINT.decode(raw)
            labels = {
                one.key[:_MAX_TEXT]: one.value.string_value[:_MAX_TEXT]
                for one in point.attributes
                if one.value and one.value.string_value
            }
        except NOT_JSON:
            continue
        value = point.as_int if point.as_int is not None else point.as_double
        if value is not None and point.time_unix_nano >= 0 and point.start_time_unix_nano >= 0:
            yield _Point(value, point.time_unix_nano, point.start_time_unix_nano, labels)


def _json_texts(attributes: list[msgspec.Raw]) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw in attributes:
        try:
            one = _ATTRIBUTE.decode(raw)
        except NOT_JSON:
            continue
        if one.value and one.value.string_value:
            found[one.key[:_MAX_TEXT]] = one.value.string_value[:_MAX_TEXT]
    return found
