"""Elasticsearch's own clients against the real server: every document once, through a kill."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.doors.node_clients import node
from tests.doors.python_clients import python
from tests.server import ServerProcess
from tests.store_access import ask

pytestmark = pytest.mark.e2e

VERSIONS = ("7.14.2", "8.19.3", "9.5.1")
DOCUMENTS = 10_000
LEVELS = ("debug", "info", "warn", "error")
SEVERITIES = {"debug": 5, "info": 9, "warn": 13, "error": 17}
COUNT = 'sum(count_over_time({service_name=~"shop-.*"}[24h]))'


def operation(number: int, at_unix_nano: int, *, named: bool) -> dict[str, Any]:
    """Return an operation as the clients' helpers take it, different for each number."""
    seconds, nanos = divmod(at_unix_nano + number * 10**6, 10**9)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return {
        "_op_type": ("create", "index")[number % 2],
        "_index": f"logs-shop-{number % 3}",
        **({"_id": f"order-{number}"} if named else {}),
        "@timestamp": f"{stamp}.{nanos // 10**6:03d}Z",
        "message": f"order {number} was placed by käufer {number * 7}",
        "log.level": LEVELS[number % 4],
        "service": {"name": f"shop-{number % 5}"},
        "order": {"number": number},
    }


COLUMNS = (
    "toUnixTimestamp64Nano(Timestamp), Body, SeverityText, SeverityNumber, ServiceName, "
    "CAST(ResourceAttributes, 'Map(String, String)'), CAST(OtherAttributes, 'Map(String, String)')"
)


def expected(number: int, at_unix_nano: int, *, named: bool) -> tuple[Any, ...]:
    """Return the columns of a document's record."""
    wanted = operation(number, at_unix_nano, named=named)
    level = LEVELS[number % 4]
    service = f"shop-{number % 5}"
    other = {
        "elasticsearch.index": f"logs-shop-{number % 3}",
        "data_stream.type": "logs",
        "data_stream.dataset": "shop",
        "data_stream.namespace": str(number % 3),
        "order.number": str(number),
    } | ({"elasticsearch.id": f"order-{number}"} if named else {})
    return (
        at_unix_nano + number * 10**6,
        wanted["message"],
        level,
        SEVERITIES[level],
        service,
        {"service.name": service},
        other,
    )


def check_records(server: ServerProcess, at_unix_nano: int, *, count: int, named: bool) -> None:
    """Fail unless every document is there once, as it was sent."""
    server.wait_for_count(count, COUNT)
    found = ask(
        server, f"SELECT {COLUMNS} FROM logs WHERE Door = 'elasticsearch' ORDER BY Timestamp"
    )
    assert len(found) == count
    for number, record in enumerate(found):
        assert record == expected(number, at_unix_nano, named=named)


def point(address: Path, server: ServerProcess) -> None:
    """Write where the server listens, at once: the client may read the file at any moment."""
    new = address.with_suffix(".new")
    new.write_text(server.urls["elasticsearch"])
    new.replace(address)


@pytest.mark.parametrize("version", VERSIONS)
def test_ten_thousand_documents_through_a_kill(tmp_path: Path, version: str) -> None:
    # Whether documents have names decides by what a second copy of a request is known.
    named = version == VERSIONS[1]
    at = (time.time_ns() // 10**9 - 3600) * 10**9
    operations = [operation(number, at, named=named) for number in range(DOCUMENTS)]
    address = tmp_path / "address"
    with ServerProcess(tmp_path / "data") as server:
        point(address, server)
        with python(f"elasticsearch-{version}", "elastic_sender.py", address) as client:
            assert client.stdin is not None
            assert client.stdout is not None
            client.stdin.write("".join(json.dumps(one) + "\n" for one in operations))
            client.stdin.close()
            lines = []
            for line in client.stdout:
                lines.append(line.strip())
                if line.strip() == str(DOCUMENTS // 2):
                    server.kill()
                    server.start()
                    point(address, server)
        assert (client.returncode, lines[-1]) == (0, str(DOCUMENTS))
        check_records(server, at, count=DOCUMENTS, named=named)
        check_counters(server)
        assert server.verify().returncode == 0


def check_counters(server: ServerProcess) -> None:
    """Fail unless received = stored + refused + deduplicated, since the server's start."""
    deadline = time.monotonic() + 30
    while True:
        counted: Counter[str] = Counter()
        for (name, door, _), value in server.metrics().items():
            if door == "elasticsearch":
                counted[name.removeprefix("meshseal_records_").removesuffix("_total")] += int(value)
        left = counted["received"] - counted["refused"] - counted["deduplicated"]
        if left <= counted["stored"] or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    assert counted["received"] > 0
    # What was spooled before the kill is stored after it.
    assert left <= counted["stored"] <= DOCUMENTS


def test_the_client_for_node(server: ServerProcess) -> None:
    first = time.time_ns() // 10**9 * 1000 - 3_600_000
    client = node("elastic.js", server.urls["elasticsearch"], 3000, first)
    output, _ = client.communicate(timeout=120)
    assert (client.returncode, output.strip()) == (0, "3000 0")
    check_records(server, first * 10**6, count=3000, named=False)
    check_counters(server)


def test_a_mixed_request_is_answered_item_by_item_and_counted(server: ServerProcess) -> None:
    url = server.urls["elasticsearch"]
    body = (
        '{"create":{"_index":"a"}}\n{"message":"one","service":{"name":"shop-1"}}\n'
        '{"update":{"_index":"a","_id":"1"}}\n{"doc":{}}\n'
        '{"delete":{"_index":"a","_id":"1"}}\n'
        '{"index":{"_index":"a"}}\nnonsense\n'
    )
    answer = requests.post(f"{url}/_bulk", data=body, timeout=30)
    assert answer.status_code == 200
    assert answer.headers["X-Elastic-Product"] == "Elasticsearch"
    statuses = [one["status"] for item in answer.json()["items"] for one in item.values()]
    assert statuses == [201, 400, 400, 400]
    server.wait_for_count(1, COUNT)
    counted = server.get("/metrics").text
    door = 'door="elasticsearch"'
    assert f'records_received_total{{{door},tenant="default"}} 3.0' in counted
    refused = f'{{{door},reason="invalid_payload",tenant="default"}} 2.0'
    assert f"records_refused_total{refused}" in counted
    malformed = requests.post(f"{url}/_bulk", data=body + "[]\n", timeout=30)
    assert malformed.status_code == 400
    assert "line [8]" in malformed.json()["error"]["reason"]


WAYS = {
    "native": ("elasticsearch", ""),
    "native, under the prefix's name too": ("elasticsearch", "/shop"),
    "main, under the prefix": ("main", "/elasticsearch"),
    "main, under the prefix, with an index": ("main", "/elasticsearch/shop"),
    "main": ("main", ""),
}


def test_the_door_is_where_senders_look_for_it(server: ServerProcess) -> None:
    body = '{"create":{"_index":"a"}}\n{"message":"m","service":{"name":"shop-1"}}\n'
    for listener, prefix in WAYS.values():
        url = server.urls[listener] + prefix
        assert requests.put(f"{url}/_bulk", data=body, timeout=30).status_code == 200
    server.wait_for_count(len(WAYS), COUNT)
    for base in (server.urls["elasticsearch"], server.url + "/elasticsearch"):
        for path in ("", "/", "/_license", "/_cluster/health"):
            answer = requests.get(base + path, timeout=30)
            assert answer.status_code == 200, path
            assert answer.headers["X-Elastic-Product"] == "Elasticsearch"
            assert answer.json()
        head = requests.head(base + "/_index_template/x", timeout=30)
        assert (head.status_code, head.content) == (200, b"")
        search = requests.post(base + "/shop/_search", json={}, timeout=30)
        assert search.status_code == 400
        assert search.json()["error"]["type"] == "illegal_argument_exception"
