"""What clouds push against the real server: every record once, through two kills.

The senders live in their clouds; what stands for them here sends as their documentation says they
do: a delivery again and again, under its name, until it is answered as taken.
"""

from __future__ import annotations

import base64
import gzip
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.doors.checks import conserved, counted, until
from tests.server import ServerProcess, free_port
from tests.store_access import ask

pytestmark = pytest.mark.e2e

RECORDS = 10_000
BEGUN_MS = 1_790_000_000_000
SENDERS = 4
_SQL = (
    "SELECT Body, toUnixTimestamp64Milli(Timestamp), ResourceAttributes['cloud.provider'], "
    "SeverityNumber, Door FROM logs WHERE Door = '{}' ORDER BY Body"
)


def text(number: int) -> str:
    return f"order {number:05} costs 7 €"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request, the same whenever it is sent again."""

    path: str
    headers: dict[str, str]
    body: bytes


def firehose(name: str, records: list[bytes]) -> Delivery:
    data = [{"data": base64.b64encode(record).decode()} for record in records]
    document = {"requestId": name, "timestamp": BEGUN_MS, "records": data}
    headers = {"X-Amz-Firehose-Request-Id": name, "X-Amz-Firehose-Protocol-Version": "1.0"}
    return Delivery("/cloud/aws/firehose", headers, json.dumps(document).encode())


def lines(numbers: range) -> Delivery:
    """Return a delivery of logfmt lines, which carry their times."""
    return firehose(
        f"lines-{numbers.start}", [f"{logfmt(number)}\n".encode() for number in numbers]
    )


def logfmt(number: int) -> str:
    return f'ts={BEGUN_MS + number} level=warn msg="{text(number)}"'


def cloudwatch(numbers: range) -> Delivery:
    """Return a delivery of two subscriptions' messages."""
    middle = numbers.start + len(numbers) // 2
    records = []
    for part in (range(numbers.start, middle), range(middle, numbers.stop)):
        events = [
            {"id": str(number), "timestamp": BEGUN_MS + number, "message": text(number)}
            for number in part
        ]
        document = {
            "messageType": "DATA_MESSAGE",
            "owner": "123",
            "logGroup": "/eks/mesh",
            "logStream": "pod-1",
            "logEvents": events,
        }
        # The same bytes each time: no time in the header.
        records.append(gzip.compress(json.dumps(document).encode(), mtime=0))
    return firehose(f"cloudwatch-{numbers.start}", records)


def pubsub(numbers: range) -> Delivery:
    """Return the push of one entry of Cloud Logging."""
    (number,) = numbers
    seconds, millis = divmod(BEGUN_MS + number, 1000)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    entry = {
        "logName": "projects/shop/logs/orders",
        "resource": {"type": "k8s_container"},
        "timestamp": f"{stamp}.{millis:03}Z",
        "severity": "WARNING",
        "insertId": f"i{number}",
        "textPayload": text(number),
    }
    message = {
        "data": base64.b64encode(json.dumps(entry).encode()).decode(),
        "messageId": str(10**15 + number),
        "publishTime": "2026-09-21T14:13:20Z",
    }
    document = {"message": message, "subscription": "projects/shop/subscriptions/meshseal"}
    return Delivery("/cloud/gcp/pubsub", {}, json.dumps(document).encode())


def azure(numbers: range) -> Delivery:
    records = [
        {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime((BEGUN_MS + number) // 1000))
            + f".{(BEGUN_MS + number) % 1000:03}Z",
            "resourceId": "/SUBSCRIPTIONS/S/AKS",
            "category": "kube-audit",
            "level": "Warning",
            "properties": {"log": text(number)},
        }
        for number in numbers
    ]
    return Delivery("/cloud/azure/records", {}, json.dumps({"records": records}).encode())


@dataclass(frozen=True, slots=True)
class Cloud:
    """How a cloud sends, and what is to be found.

    Attributes:
        door: The protocol.
        make: Makes the delivery of some orders.
        at_once: How many orders a delivery has.
        provider: What the records say of the cloud.
        body: What is the body of an order's record.
        severity: Its severity.
        named: Whether a delivery has a name, by which it is known for a day.
    """

    door: str
    make: Callable[[range], Delivery]
    at_once: int
    provider: str
    body: Callable[[int], str] = text
    severity: int = 13
    named: bool = True

    def deliveries(self) -> list[Delivery]:
        return [self.make(range(n, n + self.at_once)) for n in range(0, RECORDS, self.at_once)]


CLOUDS = {
    "Firehose": Cloud("aws_firehose", lines, 50, "", logfmt),
    "CloudWatch": Cloud("aws_firehose", cloudwatch, 50, "aws", severity=0),
    "Pub/Sub": Cloud("gcp_pubsub", pubsub, 1, "gcp"),
    "Azure": Cloud("azure_records", azure, 50, "azure", named=False),
}


@pytest.mark.parametrize("name", CLOUDS)
def test_every_record_is_there_once(tmp_path: Path, name: str) -> None:
    cloud, port = CLOUDS[name], free_port()
    deliveries = cloud.deliveries()
    with ServerProcess(tmp_path / "data", "--set", f"main.port={port}") as server:
        done: list[int] = []
        senders = [
            threading.Thread(target=send, args=(port, deliveries[part::SENDERS], done))
            for part in range(SENDERS)
        ]
        for sender in senders:
            sender.start()
        for enough in (len(deliveries) // 4, len(deliveries) // 2):
            while len(done) < enough:
                time.sleep(0.01)
            server.kill()
            server.start()
        for sender in senders:
            sender.join(120)
        check_found(server, cloud)
        if cloud.named:
            send(port, deliveries, done)
            assert counted(server, cloud.door)["deduplicated"] >= RECORDS
            check_found(server, cloud)
        assert server.verify().returncode == 0


def send(port: int, deliveries: list[Delivery], done: list[int]) -> None:
    """Send deliveries, each until it is taken, as the documentation of the senders says."""
    with requests.Session() as session:
        for delivery in deliveries:
            while not _taken(session, port, delivery):
                time.sleep(0.05)
            done.append(1)


def _taken(session: requests.Session, port: int, delivery: Delivery) -> bool:
    try:
        answer = session.post(
            f"http://127.0.0.1:{port}{delivery.path}",
            delivery.body,
            headers={"Content-Type": "application/json", **delivery.headers},
            timeout=60,
        )
    except requests.RequestException:
        return False
    assert answer.status_code in (200, 202, 204, 429, 503), answer.text
    return answer.ok


def check_found(server: ServerProcess, cloud: Cloud) -> None:
    """Check that there are these records and no others, each once, and that all are counted."""
    until(lambda: len(ask(server, _SQL.format(cloud.door))) >= RECORDS)
    conserved(server, cloud.door)
    assert ask(server, _SQL.format(cloud.door)) == [
        (cloud.body(number), BEGUN_MS + number, cloud.provider, cloud.severity, cloud.door)
        for number in range(RECORDS)
    ]
