"""Taking records in: how fast, and how soon they are found."""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import (
    LogRecord,
    ResourceLogs,
    ScopeLogs,
    SeverityNumber,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from bench.lines import lines
from bench.machine import cpu_seconds
from meshseal.model.identifiers import PLATFORM_TENANT
from tests.server import ServerProcess

OTLP_RECORDS_PER_REQUEST = 2000
_CONNECTIONS = 2
_SECOND = 10**9
_DRAIN_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement of taking records in. Seconds count until everything is stored and sealed."""

    records: int
    seconds: float
    acknowledged_seconds: float
    main_cpu_seconds: float
    engine_cpu_seconds: float

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds

    def __str__(self) -> str:
        each = 1e6 / self.records
        return (
            f"{self.rate:,.0f} records/s ({self.records:,} in {self.seconds:.1f} s, acknowledged "
            f"after {self.acknowledged_seconds:.1f} s; a record costs "
            f"{self.main_cpu_seconds * each:.1f} µs in the main process, "
            f"{self.engine_cpu_seconds * each:.1f} µs in the engine)"
        )


class Clock:
    """Measures from its making until a server has stored and sealed all it took."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self._cpu = [cpu_seconds(server.pid), cpu_seconds(server.engine_pid())]
        self._started = time.monotonic()

    def finish(self, records: int) -> Run:
        """Return the measurement, once everything is stored and sealed."""
        acknowledged = time.monotonic() - self._started
        drain(self._server)
        seconds = time.monotonic() - self._started
        main = cpu_seconds(self._server.pid) - self._cpu[0]
        engine = cpu_seconds(self._server.engine_pid()) - self._cpu[1]
        return Run(records, seconds, acknowledged, main, engine)


def drain(server: ServerProcess) -> None:
    """Return when every record that was sent is stored and sealed; only audit records may wait."""
    signs = {"received": 1, "stored": -1, "refused": -1, "deduplicated": -1}
    deadline = time.monotonic() + _DRAIN_SECONDS
    while time.monotonic() < deadline:
        left = sum(
            signs.get(name.split("_")[2], 0) * value
            for (name, _, tenant), value in server.metrics().items()
            if tenant != PLATFORM_TENANT
        )
        if not left:
            return
        time.sleep(0.02)
    raise AssertionError(f"{left:,.0f} records are not stored after {_DRAIN_SECONDS:.0f} seconds")


def ship(server: ServerProcess, path: Path, count: int) -> Run:
    """Send a file of lines with `meshseal ship`."""
    clock = Clock(server)
    command = [sys.executable, "-m", "meshseal.app.main", "ship", "--server", server.url]
    state = server.data.parent / "ship-state"
    arguments = ["--restart", "--state", str(state), "--format", "istio_json", str(path)]
    subprocess.run([*command, *arguments], check=True, capture_output=True)
    return clock.finish(count)


def otlp_requests(count: int) -> list[bytes]:
    """Return encoded OTLP requests that hold so many records together."""
    made: list[bytes] = []
    now = time.time_ns()
    texts = lines(count, first_unix_nano=now - 600 * _SECOND, span_nanos=600 * _SECOND, seed=7)
    for first in range(0, count, OTLP_RECORDS_PER_REQUEST):
        records = [
            LogRecord(
                time_unix_nano=now - (count - first - n) * 1000,
                severity_number=SeverityNumber.SEVERITY_NUMBER_INFO,
                severity_text="INFO",
                body=AnyValue(string_value=next(texts)[:200]),
                attributes=[
                    KeyValue(key="http.request.method", value=AnyValue(string_value="GET")),
                    KeyValue(key="http.response.status_code", value=AnyValue(int_value=200)),
                    KeyValue(key="url.path", value=AnyValue(string_value=f"/items/{first + n}")),
                    KeyValue(key="app.order", value=AnyValue(string_value=f"order-{first + n}")),
                ],
                trace_id=(first + n + 1).to_bytes(16, "big"),
                span_id=(first + n + 1).to_bytes(8, "big"),
            )
            for n in range(min(OTLP_RECORDS_PER_REQUEST, count - first))
        ]
        service = KeyValue(key="service.name", value=AnyValue(string_value="checkout"))
        request = ExportLogsServiceRequest(
            resource_logs=[
                ResourceLogs(
                    resource=Resource(attributes=[service]),
                    scope_logs=[ScopeLogs(log_records=records)],
                )
            ]
        )
        made.append(request.SerializeToString())
    return made


def otlp(server: ServerProcess, requests: list[bytes], count: int) -> Run:
    """Send encoded OTLP requests over HTTP, uncompressed."""
    clock = Clock(server)
    shares = [requests[n::_CONNECTIONS] for n in range(_CONNECTIONS)]
    threads = [threading.Thread(target=_post_all, args=(server, share)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return clock.finish(count)


def _post_all(server: ServerProcess, requests: list[bytes]) -> None:
    address = urlsplit(server.urls["otlp_http"]).netloc
    connection = http.client.HTTPConnection(address, timeout=120)
    for body in requests:
        while True:
            connection.request("POST", "/v1/logs", body, {"Content-Type": "application/x-protobuf"})
            with connection.getresponse() as response:
                response.read()
                if response.status == 200:
                    break
            time.sleep(float(response.headers.get("Retry-After", "1")))
    connection.close()


def freshness(server: ServerProcess, *, records_per_second: int, seconds: int) -> list[float]:
    """Return how long records took to be found, in seconds, sorted.

    Twenty requests a second; the first record of each is looked for. The time counts from before
    the request is sent until a query returns the record; queries follow one another.
    """
    requests = 20 * seconds
    size = records_per_second // 20
    now = time.time_ns()
    texts = lines(requests * size, first_unix_nano=now, span_nanos=seconds * _SECOND, seed=11)
    bodies = ["".join(next(texts) for _ in range(size)) for _ in range(requests)]
    sent: dict[int, float] = {}
    found: dict[int, float] = {}
    looker = threading.Thread(target=_look, args=(server, requests, sent, found))
    looker.start()
    started = time.monotonic()
    for number, body in enumerate(bodies):
        time.sleep(max(0.0, started + number / 20 - time.monotonic()))
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        probe = f'{{"time":"{stamp}Z","probe":{number}}}\n'
        sent[number] = time.monotonic()
        response = server.post(
            "/ingest/v1/lines", (probe + body).encode(), params={"labels": "service.name=probe"}
        )
        response.raise_for_status()
    looker.join()
    return sorted(found[number] - sent[number] for number in found)


def _look(
    server: ServerProcess, requests: int, sent: dict[int, float], found: dict[int, float]
) -> None:
    query = '{service_name="probe"} |= "\\"probe\\":"'
    while len(found) < requests:
        records = server.records(query, since="1m", limit=1000)
        now = time.monotonic()
        for record in records:
            number = int(record["line"].rpartition(":")[2].rstrip("}"))
            if number in sent:
                found.setdefault(number, now)
        time.sleep(0.02)
