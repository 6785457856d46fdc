"""The main job at size: real senders, every record found once, provable, and all of it verified."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

from meshseal.agent.client import Client
from meshseal.seal.note import Verifier
from meshseal.seal.proof import Proof
from tests.faults.load import wait_until
from tests.main_job.records import wait_sealed
from tests.server import ServerProcess, istio_line, meshseal
from tests.store_access import ask

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

OTLP_EACH = 50_000
LINES = 1_000_000
SAMPLE = 200


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("size") / "data") as process:
        yield process


def send_otlp(exporter: Any, first: int) -> None:
    """Send numbered records through the SDK, never more than its queue holds."""
    provider = LoggerProvider(resource=Resource.create({"service.name": "otlp"}))
    processor = BatchLogRecordProcessor(
        exporter, max_queue_size=60_000, max_export_batch_size=5_000, schedule_delay_millis=200
    )
    provider.add_log_record_processor(processor)
    logger = provider.get_logger("size")
    for number in range(first, first + OTLP_EACH):
        logger.emit(
            LogRecord(
                timestamp=time.time_ns(),
                severity_number=SeverityNumber.INFO,
                body=f"order {number} was placed",
                attributes={"order.number": number},
            )
        )
    assert provider.force_flush(120_000)
    provider.shutdown()


def counted(server: ServerProcess, query: str, expected: int, sql: str) -> None:
    """The number of records by LogQL, and of different ones by the store itself."""
    server.wait_for_count(expected, query)
    assert ask(server, sql)[0] == (expected, expected)


def test_a_hundred_thousand_otlp_records(server: ServerProcess) -> None:
    http = HttpExporter(endpoint=f"{server.urls['otlp_http']}/v1/logs")
    grpc = GrpcExporter(endpoint=server.urls["otlp_grpc"], insecure=True)
    send_otlp(http, 0)
    send_otlp(grpc, OTLP_EACH)
    counted(
        server,
        'sum(count_over_time({service_name="otlp"}[1h]))',
        2 * OTLP_EACH,
        "SELECT count(), uniqExact(Body) FROM logs WHERE ServiceName = 'otlp'",
    )


def test_a_million_lines_of_a_file(server: ServerProcess, tmp_path: Path) -> None:
    now = time.time_ns()
    template = istio_line(0, at_unix_nano=now, service="shipped")
    before, number, after = template.partition("request-00000000")
    assert number
    file = tmp_path / "access.log"
    with file.open("w") as out:
        for start in range(0, LINES, 10_000):
            out.writelines(
                f"{before}request-{n:08d}{after}\n" for n in range(start, start + 10_000)
            )
    shipped = meshseal(
        "ship", "--server", server.url, "--format", "istio_json", "--labels",
        "service.name=shipped", "--state", str(tmp_path / "state"), str(file), check=True,
    )  # fmt: skip
    assert f"{LINES} records stored durably" in shipped.stdout
    query = 'sum(count_over_time({service_name="shipped"}[1h]))'
    wait_until(lambda: server.metric(query) >= LINES, "storing every line", 240)
    counted(
        server,
        query,
        LINES,
        "SELECT count(), uniqExact(RequestId) FROM logs WHERE ServiceName = 'shipped'",
    )


def test_a_sample_of_them_is_proven(server: ServerProcess) -> None:
    wait_sealed(server)
    verifier = Verifier.parse(server.get("/ledger/key").text)
    rows = ask(server, "SELECT Batch, max(Seq) FROM logs WHERE Tenant = 'default' GROUP BY Batch")
    dice = random.Random(20261121)
    client = Client(server.url)
    # A few at a time from each batch, since its tree is made only once.
    for batch, last in (dice.choice(rows) for _ in range(SAMPLE // 20)):
        for seq in (dice.randint(0, last) for _ in range(20)):
            content = client.get("/meshseal/v1/proof", {"batch": batch, "seq": seq})
            assert Proof.decode(content).verify(verifier).record["Seq"] == b"%d" % seq


def test_nothing_was_lost_on_the_way(server: ServerProcess) -> None:
    """Received is stored, refused or deduplicated, for each door and tenant."""
    counters = server.metrics()
    doors = {(door, tenant) for _, door, tenant in counters if tenant == "default"}
    assert len(doors) >= 3

    def of(name: str, door: str, tenant: str) -> float:
        return counters.get((f"meshseal_records_{name}_total", door, tenant), 0.0)

    for door, tenant in doors:
        kept = sum(of(name, door, tenant) for name in ("stored", "refused", "deduplicated"))
        assert of("received", door, tenant) == kept > 0, (door, json.dumps(str(counters)))


def test_all_of_it_verifies(server: ServerProcess) -> None:
    assert server.stop() == 0
    verdict = server.verify()
    assert verdict.returncode == 0, verdict.stdout
