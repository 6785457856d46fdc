"""Records what real clients send, for `tests/wire/captures`.

    python tools/record_captures.py [CASE...]

Each case is a folder `<protocol>/<client>-<version>[-<variant>]` with the request's path and
headers (`request.json`) and its body as it came (`body.bin`; for gRPC, the message behind its
framing). What must become of it stands in `expected.json`, which a person writes and this script
never touches.
Records have fixed times, so that a new recording differs only where the client does.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest import mock

import grpc
import logging_loki
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
    OTLPSpanExporter as GrpcSpanExporter,
)
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
    OTLPSpanExporter as HttpSpanExporter,
)
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.span import TraceState

CAPTURES = Path(__file__).resolve().parent.parent / "tests/wire/captures"
AT_UNIX_NANO = 1_789_899_072_123_456_789
EXPORT = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
EXPORT_TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_CURL = shutil.which("curl") or "curl"
_LEFT_OUT = ("host", "content-length", "connection")
_ACCESS_LOG = (
    '[2026-09-20T10:11:12.345Z] "GET /cart?id=7 HTTP/1.1" 503 UF upstream_reset - "-" 0 91 12 - '
    '"1.2.3.4" "curl/8.0" "r-1" "cart:8080" "10.0.0.1:8080" '
    "outbound|8080||cart.shop.svc.cluster.local 10.0.0.2:1 10.0.0.3:8080 10.0.0.2:2 - default\n"
)


class Recorder:
    """Takes one request, answers it with success, and writes it into a case's folder."""

    def __init__(self, case: str) -> None:
        self._folder = CAPTURES / case

    def write(self, path: str, headers: dict[str, str], body: bytes) -> None:
        """Write the capture."""
        self._folder.mkdir(parents=True, exist_ok=True)
        kept = {name: value for name, value in headers.items() if name not in _LEFT_OUT}
        request = {"path": path, "headers": dict(sorted(kept.items()))}
        (self._folder / "request.json").write_text(json.dumps(request, indent=2) + "\n")
        (self._folder / "body.bin").write_bytes(body)

    def over_http(self, send: Callable[[str], None]) -> None:
        """Record the request that `send`, given a base URL, sends by HTTP."""
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                recorder.write(self.path, headers, body)
                self.send_response(204 if "push" in self.path else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            send(f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def over_grpc(self, send: Callable[[str], None], method: str = EXPORT) -> None:
        """Record the call of a method that `send`, given an address, makes by gRPC."""

        def answer(message: bytes, context: grpc.ServicerContext) -> bytes:
            self.write(method, dict(context.invocation_metadata()), message)
            return b""

        handler = grpc.method_handlers_generic_handler(
            method.split("/")[1], {"Export": grpc.unary_unary_rpc_method_handler(answer)}
        )
        server = grpc.server(ThreadPoolExecutor(1), handlers=[handler])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            send(f"127.0.0.1:{port}")
        finally:
            server.stop(None).wait()


def otlp_records() -> list[ReadableLogRecord]:
    """Return two records with every kind of attribute that the SDK takes."""
    resource = Resource({"service.name": "checkout", "host.name": "vm-7", "process.pid": 42})
    scope = InstrumentationScope("shop.checkout", "1.4.0")
    attributes: dict[str, Any] = {
        "http.request.method": "POST",
        "http.response.status_code": 502,
        "retry": True,
        "ratio": 0.25,
        "items": ["a", "b"],
        "nested": {"deep": {"er": [1, None]}},
        "blob": b"\x00\xff",
    }
    first = LogRecord(
        timestamp=AT_UNIX_NANO,
        observed_timestamp=AT_UNIX_NANO + 1000,
        trace_id=0x5B8EFFF798038103D269B633813FC60C,
        span_id=0xEEE19B7EC3C1B174,
        trace_flags=TraceFlags(1),
        severity_text="ERROR",
        severity_number=SeverityNumber.ERROR,
        body="payment failed: Käse",
        attributes=attributes,
    )
    first.event_name = "payment.failed"
    second = LogRecord(
        timestamp=AT_UNIX_NANO + 1,
        observed_timestamp=AT_UNIX_NANO + 1001,
        severity_number=SeverityNumber.INFO,
        body={"message": "structured", "n": 1},
    )
    return [ReadableLogRecord(one, resource, scope) for one in (first, second)]


def otlp_spans() -> list[ReadableSpan]:
    """Return two spans: one with events, links and an error, and its parent, with little."""
    resource = Resource({"service.name": "checkout", "host.name": "vm-7", "process.pid": 42})
    scope = InstrumentationScope("shop.checkout", "1.4.0")
    trace, flags = 0x5B8EFFF798038103D269B633813FC60C, TraceFlags(1)
    parent = SpanContext(trace, 0xEEE19B7EC3C1B174, is_remote=False, trace_flags=flags)
    state = TraceState([("vendor", "a1")])
    own = SpanContext(trace, 0x00F067AA0BA902B7, False, flags, state)
    other = SpanContext(0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x1, is_remote=True)
    failing = ReadableSpan(
        "POST /pay",
        context=own,
        parent=parent,
        resource=resource,
        instrumentation_scope=scope,
        kind=SpanKind.CLIENT,
        attributes={"http.response.status_code": 502, "retry": True, "items": ["a", "b"]},
        events=[Event("exception", {"exception.type": "Timeout"}, AT_UNIX_NANO + 4000)],
        links=[Link(other, {"why": "retry of"})],
        status=Status(StatusCode.ERROR, "payment failed: Käse"),
        start_time=AT_UNIX_NANO,
        end_time=AT_UNIX_NANO + 5000,
    )
    plain = ReadableSpan(
        "GET /cart",
        context=parent,
        resource=resource,
        kind=SpanKind.SERVER,
        start_time=AT_UNIX_NANO - 1000,
        end_time=AT_UNIX_NANO + 9000,
    )
    return [failing, plain]


def _traces_http(url: str) -> None:
    exporter = HttpSpanExporter(endpoint=f"{url}/v1/traces")
    exporter.export(otlp_spans())
    exporter.shutdown()  # type: ignore[no-untyped-call]


def _traces_grpc(address: str) -> None:
    exporter = GrpcSpanExporter(endpoint=address, insecure=True)
    exporter.export(otlp_spans())
    exporter.shutdown()


def _otlp_http(compression: Compression) -> Callable[[str], None]:
    def send(url: str) -> None:
        exporter = HttpExporter(endpoint=f"{url}/v1/logs", compression=compression)
        exporter.export(otlp_records())
        exporter.shutdown()  # type: ignore[no-untyped-call]

    return send


def _otlp_grpc(address: str) -> None:
    exporter = GrpcExporter(endpoint=address, insecure=True)
    exporter.export(otlp_records())
    exporter.shutdown()


def _logging_loki(url: str) -> None:
    handler = logging_loki.LokiHandler(
        url=f"{url}/loki/api/v1/push", tags={"application": "shop"}, version="1"
    )
    record = logging.LogRecord("shop.web", logging.WARNING, "", 0, 'slow "page" %d', (7,), None)
    record.tags = {"user-id": "u1"}
    # The client takes the time of sending.
    with mock.patch("logging_loki.emitter.time.time", return_value=AT_UNIX_NANO / 10**9):
        handler.emit(record)
    handler.close()


def _curl(path: str, content: str, *options: str) -> Callable[[str], None]:
    def send(url: str) -> None:
        command = [_CURL, "-sS", "--data-binary", "@-", *options, url + path]
        subprocess.run(command, input=content.encode(), check=True, capture_output=True)

    return send


def _cases() -> dict[str, Callable[[Recorder], None]]:
    otlp = "opentelemetry-python-{}".format(version("opentelemetry-exporter-otlp"))
    found = re.match(r"curl (\S+)", subprocess.check_output([_CURL, "--version"], text=True))
    curl = f"curl-{found[1]}" if found else "curl"
    loki = f"python-logging-loki-{version('python-logging-loki')}"
    labels = "?format=istio_text&labels=k8s.cluster.name=eu1,service.name=web"
    documents = '{"level":"warn","msg":"low stock","n":3}\n\n{"level":"info","msg":"ok"}\n'
    json_type = "Content-Type: application/x-ndjson"
    return {
        f"otlp_http/{otlp}-{name}": lambda r, c=compression: r.over_http(_otlp_http(c))
        for name, compression in (
            ("none", Compression.NoCompression),
            ("gzip", Compression.Gzip),
            ("deflate", Compression.Deflate),
        )
    } | {
        f"otlp_grpc/{otlp}": lambda r: r.over_grpc(_otlp_grpc),
        f"otlp_http/{otlp}-traces": lambda r: r.over_http(_traces_http),
        f"otlp_grpc/{otlp}-traces": lambda r: r.over_grpc(_traces_grpc, EXPORT_TRACES),
        f"loki/{loki}": lambda r: r.over_http(_logging_loki),
        f"lines/{curl}": lambda r: r.over_http(_curl("/ingest/v1/lines" + labels, _ACCESS_LOG)),
        f"documents/{curl}": lambda r: r.over_http(
            _curl("/ingest/v1/documents", documents, "-H", json_type)
        ),
    }


def main() -> int:
    """Record the cases that are named, or all."""
    cases = _cases()
    for name in sys.argv[1:] or cases:
        cases[name](Recorder(name))
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
