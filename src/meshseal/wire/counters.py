"""The names of the counters by which emitters tell how many records they sent and dropped.

A name is compared in the one form that every way of exposing it has in common: what is no letter
or digit is `_`, as Prometheus writes it, without `_total`.

Sources: Envoy, docs/root/configuration/observability/access_log/stats.rst; OpenTelemetry Collector,
exporter/exporterhelper/documentation.md and receiver/receiverhelper/documentation.md; Fluent Bit's
manual, administration/monitoring; fluent-plugin-prometheus, in_prometheus_output_monitor.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from meshseal.model.counters import Meaning


@dataclass(frozen=True, slots=True)
class Known:
    """A counter that tells of records. `door` is where those come in; '' is anywhere."""

    pattern: str
    meaning: Meaning
    door: str = ""


_PASSED, _DROPPED, _REFUSED = Meaning.PASSED, Meaning.DROPPED, Meaning.REFUSED
_GRPC = r"(?:.*_)?access_logs_grpc_access_log(?:_.*)?_logs"
_OTEL = r"(?:.*_)?access_logs_open_telemetry_access_log(?:_.*)?_logs"
_FLUENTD = r"(?:.*_)?access_logs_fluentd(?:_.*)?_entries"
_RECORDS = r"log_records(?:_+records)?"

KNOWN: tuple[Known, ...] = (
    # Envoy counts an entry as written when it is put into its buffer.
    Known(rf"{_GRPC}_written", _PASSED, "envoy_als"),
    Known(rf"{_GRPC}_dropped", _DROPPED, "envoy_als"),
    Known(rf"{_OTEL}_written", _PASSED, "otlp_"),
    Known(rf"{_OTEL}_dropped", _DROPPED, "otlp_"),
    # Of these, what was buffered may be lost afterwards and is counted as both.
    Known(rf"{_FLUENTD}_lost", _DROPPED, "forward"),
    Known(rf"{_FLUENTD}_buffered", Meaning.BUFFERED, "forward"),
    Known(rf"otelcol_exporter_sent_{_RECORDS}", _PASSED),
    Known(rf"otelcol_exporter_send_failed_{_RECORDS}", _DROPPED),
    Known(rf"otelcol_exporter_enqueue_failed_{_RECORDS}", _DROPPED),
    Known(rf"otelcol_receiver_refused_{_RECORDS}", _REFUSED),
    Known(r"fluentbit_output_proc_records", _PASSED),
    Known(r"fluentbit_output_dropped_records", _DROPPED),
    Known(r"fluentd_output_status_emit_records", _PASSED),
)

_HINTS = ("log", "record", "entries")
_COMPILED = tuple((re.compile(known.pattern), known) for known in KNOWN)
_OTHER = re.compile(r"[^A-Za-z0-9]+")
_LONGEST = 200


def known_counter(name: str) -> Known | None:
    """Return what a counter tells of records, if it is one that is known to."""
    if len(name) > _LONGEST or not any(hint in name for hint in _HINTS):
        return None
    common = plain_name(name)
    return next((known for pattern, known in _COMPILED if pattern.fullmatch(common)), None)


def plain_name(name: str) -> str:
    """Return a counter's name in the form in which names are compared."""
    return _OTHER.sub("_", name).strip("_").removesuffix("_total")


def series_name(name: str, labels: Iterable[tuple[str, str]]) -> str:
    """Return what tells one series of an emitter from its others."""
    listed = ",".join(f"{key}={value}" for key, value in sorted(labels))
    return (f"{name}{{{listed}}}" if listed else name)[:_LONGEST]
