"""The real clients that carry records to the doors, one class per client library."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Any, Protocol

import requests
from logging_loki import LokiHandler
from logging_loki.emitter import LokiEmitterV1
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import (
    OTLPLogExporter as GrpcLogExporter,
)
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import (
    OTLPLogExporter as HttpLogExporter,
)
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import TraceFlags
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from demo.formats import Record
from demo.shop import Door

_TIMEOUT_SECONDS = 30.0
_SEVERITIES = {"INFO": SeverityNumber.INFO, "ERROR": SeverityNumber.ERROR}
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class Sender(Protocol):
    """Carries records of one door."""

    def send(self, batch: Sequence[Record]) -> int:
        """Send records; return how many the server acknowledged."""

    def close(self) -> None:
        """Let go of the connection."""


def open_senders(urls: Mapping[str, str]) -> dict[Door, Sender]:
    """Return a sender for every door.

    Args:
        urls: Address of each listener: `main`, `otlp_http`, `otlp_grpc`, `loki`.
    """
    http = HttpLogExporter(
        endpoint=f"{urls['otlp_http']}/v1/logs",
        compression=Compression.Gzip,
        timeout=_TIMEOUT_SECONDS,
    )
    grpc = GrpcLogExporter(endpoint=urls["otlp_grpc"], insecure=True, timeout=_TIMEOUT_SECONDS)
    return {
        Door.OTLP_HTTP: OtlpSender(http),
        Door.OTLP_GRPC: OtlpSender(grpc),
        Door.LOKI: LokiSender(f"{urls['loki']}/loki/api/v1/push"),
        Door.LINES: PlainSender(f"{urls['main']}/ingest/v1/lines"),
        Door.DOCUMENTS: PlainSender(f"{urls['main']}/ingest/v1/documents"),
    }


class OtlpSender:
    """Sends with an exporter of the OpenTelemetry SDK."""

    def __init__(self, exporter: LogRecordExporter) -> None:
        self._exporter = exporter

    def send(self, batch: Sequence[Record]) -> int:
        """Send records; return how many the server acknowledged."""
        result = self._exporter.export([_otlp(record) for record in batch])
        return len(batch) if result is LogRecordExportResult.SUCCESS else 0

    def close(self) -> None:
        """Let go of the connection."""
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class LokiSender:
    """Sends with python-logging-loki."""

    def __init__(self, url: str) -> None:
        self._handler = _Handler(url=url, tags={"job": "linkerd-proxy"}, version="1")

    def send(self, batch: Sequence[Record]) -> int:
        """Send records; return how many the server acknowledged."""
        log_record = logging.LogRecord("linkerd", logging.INFO, "", 0, "", (), None)
        log_record.batch = batch
        self._handler.failed = False
        self._handler.handle(log_record)
        return 0 if self._handler.failed else len(batch)

    def close(self) -> None:
        """Let go of the connection."""
        self._handler.emitter.close()
        self._handler.close()


class PlainSender:
    """Sends lines or documents with requests; what they are about goes into the labels."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        retry = Retry(total=8, status_forcelist=(429, 503), allowed_methods=("POST",))
        self._session.mount("http://", HTTPAdapter(max_retries=retry))

    def send(self, batch: Sequence[Record]) -> int:
        """Send records; return how many the server acknowledged."""
        return sum(self._post(stream) for stream in _streams(batch))

    def close(self) -> None:
        """Let go of the connection."""
        self._session.close()

    def _post(self, stream: Sequence[Record]) -> int:
        first = stream[0]
        parameters = {"labels": ",".join(f"{k}={v}" for k, v in first.resource.items())}
        if first.format:
            parameters["format"] = first.format
        body = "\n".join(record.body for record in stream).encode()
        try:
            answer = self._session.post(
                self._url, params=parameters, data=body, timeout=_TIMEOUT_SECONDS
            )
            return int(answer.json()["records"]) if answer.ok else 0
        except (requests.RequestException, ValueError, KeyError):
            return 0


class _Emitter(LokiEmitterV1):  # type: ignore[misc]  # the library has no types
    """The library's emitter, for many lines at once and with their own times.

    Left to itself it sends one line a request, with the time of sending.
    """

    def build_payload(self, record: logging.LogRecord, line: str) -> dict[str, Any]:
        return {"streams": [self._stream(stream) for stream in _streams(record.__dict__["batch"])]}

    def _stream(self, stream: Sequence[Record]) -> dict[str, Any]:
        labels = {self.format_label(key): value for key, value in stream[0].resource.items()}
        values = [[str(record.at), record.body] for record in stream]
        return {"stream": {**self.tags, **labels}, "values": values}


class _Handler(LokiHandler):  # type: ignore[misc]  # the library has no types
    """The library's handler, which notes a failure instead of printing it."""

    emitters = {"1": _Emitter}  # noqa: RUF012  (as the library declares it)
    failed = False

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802
        self.emitter.close()
        self.failed = True


def _otlp(record: Record) -> ReadableLogRecord:
    log_record = LogRecord(
        timestamp=record.at,
        observed_timestamp=record.at,
        trace_id=record.trace_id,
        span_id=record.span_id,
        trace_flags=_SAMPLED,
        severity_text=record.severity or None,
        severity_number=_SEVERITIES.get(record.severity),
        body=record.body,
        attributes=dict(record.attributes),
    )
    scope = "envoy.access" if not record.severity else f"shop.{record.service.name}"
    return ReadableLogRecord(
        log_record,
        resource=_resource(tuple(record.resource.items())),
        instrumentation_scope=_scope(scope),
    )


@lru_cache(maxsize=256)
def _resource(attributes: tuple[tuple[str, str], ...]) -> Resource:
    return Resource(dict(attributes))


@lru_cache(maxsize=64)
def _scope(name: str) -> InstrumentationScope:
    return InstrumentationScope(name)


_KIND = attrgetter("service.name", "version", "worker", "format")


def _streams(batch: Sequence[Record]) -> list[list[Record]]:
    """Return the records by what they share: service, version, worker and format."""
    return [list(group) for _, group in groupby(sorted(batch, key=_KIND), key=_KIND)]
