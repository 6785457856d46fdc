"""Sends orders as spans with Jaeger's own client or with OpenTelemetry's exporters to Jaeger.

python -S jaeger_sender.py udp|http|grpc PORT_FILE COUNT BEGUN_UNIX_MICROS

The port is read from the file again after every failure: the server may have been started anew. A
line is written when half of the spans are sent; the sender goes on when it gets one.
"""

# ruff: noqa: BLE001, PLC0415
from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import Any

BATCH = 100
KINDS = ("server", "client", "producer")


def jaeger_client(address: Path, count: int, begun: int) -> None:
    from jaeger_client import Config
    from opentracing import Reference, ReferenceType

    host, port = "127.0.0.1", int(address.read_text())
    config = Config(
        {"sampler": {"type": "const", "param": 1}, "max_tag_value_length": 4096,
         "local_agent": {"reporting_host": host, "reporting_port": port},
         "reporter_batch_size": 20, "reporter_queue_size": 2 * count + 20,
         "reporter_flush_interval": 0.01, "generate_128bit_trace_id": True,
         "tags": {"region": "eu"}},
        service_name="shop", validate=False,
    )  # fmt: skip
    tracer = config.new_tracer()
    parent: Any = None
    for n in range(count):
        at = (begun + n) / 1e6
        references = None
        if n % 10:
            kind = ReferenceType.CHILD_OF if n % 10 < 9 else ReferenceType.FOLLOWS_FROM
            references = [Reference(kind, parent.context)]
        span = tracer.start_span(
            f"order {n}", references=references, start_time=at,
            tags={"span.kind": KINDS[n % 3], "order.id": n, "half": n / 2, "paid": n % 2 == 0},
        )  # fmt: skip
        if n % 7 == 0:
            span.set_tag("error", True)
        span.log_kv({"event": "paid", "order": n}, timestamp=at)
        span.finish(finish_time=at + (1 + n) / 1e6)
        parent = parent if n % 10 else span
        if n % 100 == 99:
            time.sleep(0.02)
    closed = tracer.close()
    while not closed.done():
        time.sleep(0.01)


def otel(exporter_of: Any, address: Path, count: int, begun: int) -> None:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
    from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

    kept: list[Any] = []

    class Keeper(SpanExporter):
        def export(self, spans: Any) -> Any:
            kept.extend(spans)
            return SpanExportResult.SUCCESS

    def send() -> None:
        while kept:
            try:
                exporter = exporter_of(int(address.read_text()))
                result = exporter.export(kept)
            except Exception:
                result = SpanExportResult.FAILURE
            if result is SpanExportResult.SUCCESS:
                kept.clear()
            else:
                time.sleep(0.2)

    provider = TracerProvider(resource=Resource.create({"service.name": "shop", "region": "eu"}))
    provider.add_span_processor(SimpleSpanProcessor(Keeper()))
    tracer = provider.get_tracer("orders", "1.2")
    kinds = (SpanKind.SERVER, SpanKind.CLIENT, SpanKind.PRODUCER)
    parent: Any = None
    for n in range(count):
        at = (begun + n) * 1000
        span = tracer.start_span(
            f"order {n}", context=set_span_in_context(parent) if n % 10 else None,
            kind=kinds[n % 3], start_time=at,
            attributes={"order.id": n, "half": n / 2, "paid": n % 2 == 0},
        )  # fmt: skip
        if n % 7 == 0:
            span.set_status(Status(StatusCode.ERROR, "late"))
        span.add_event("paid", {"order": n}, timestamp=at)
        span.end(end_time=at + 1000 * (1 + n))
        parent = parent if n % 10 else span
        if len(kept) == BATCH or n == count - 1:
            send()
        if n == count // 2 - 1 and count > BATCH:
            print("half", flush=True)
            sys.stdin.readline()
    send()


def over_http() -> Any:
    from opentelemetry.exporter.jaeger.thrift import JaegerExporter

    return lambda port: JaegerExporter(
        collector_endpoint=f"http://127.0.0.1:{port}/api/traces", timeout=30
    )


def over_grpc() -> Any:
    from opentelemetry.exporter.jaeger.proto.grpc import JaegerExporter

    return lambda port: JaegerExporter(
        collector_endpoint=f"127.0.0.1:{port}", insecure=True, timeout=30
    )


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    how, file, number, start = sys.argv[1:5]
    if how == "udp":
        jaeger_client(Path(file), int(number), int(start))
    else:
        otel(over_http() if how == "http" else over_grpc(), Path(file), int(number), int(start))
