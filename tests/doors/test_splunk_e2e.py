"""Splunk's clients and a real server: every event there once, also when the server is killed."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from splunk_handler import SplunkHandler

from meshseal.access.identity import Role
from meshseal.spool.settings import SpoolSettings
from tests.doors.checks import check_conserved, check_found
from tests.doors.node_clients import node
from tests.receive.door import Door, DoorSettings, running_door
from tests.server import ServerProcess, free_port

RECORDS = 10_000
COUNT = 'sum(count_over_time({meshseal_door="splunk_hec"}[2h]))'
CHANNEL = "0aeeac95-ac74-4aa9-b30d-6c4c0ac581ba"


def kill_half_way(server: ServerProcess, go_on: Callable[[], object]) -> None:
    """Kill the server when the first half is stored and the second is being sent; start it."""
    server.wait_for_count(RECORDS // 2, COUNT)
    go_on()
    time.sleep(0.1)
    server.kill()
    time.sleep(0.2)
    server.start()


# ---- Real clients ------------------------------------------------------------------------------


@pytest.mark.e2e
def test_the_python_handler_loses_nothing_to_a_kill(tmp_path: Path) -> None:
    port, begun = free_port(), int(time.time()) - 60
    levels = ["debug", "info", "warning", "error"]

    def line(number: int) -> str:
        text = f"part {number // 1000}: order {number} costs 7 € }}{{"
        return json.dumps({"msg": text, "level": levels[number % 4], "order": {"id": number}})

    go_on = threading.Event()

    def send() -> None:
        for number in range(RECORDS):
            if number == RECORDS // 2:
                assert go_on.wait(60)
            extra = {"_time": begun + number / 1e6, "_host": f"host-{number % 11}"}
            log.info("%s", line(number), extra=extra)
            if number % 50 == 0:
                time.sleep(0.01)

    with ServerProcess(tmp_path / "data", "--set", f"doors.splunk_hec.port={port}") as server:
        handler = SplunkHandler(
            "127.0.0.1",
            port,
            "any",
            "main",
            allow_overrides=True,
            flush_interval=0.02,
            protocol="http",
            queue_size=0,
            retry_backoff=0.2,
            retry_count=30,
            source="python",
            sourcetype="_json",
            verify=False,
        )
        log = logging.Logger("orders")
        log.addHandler(handler)
        sender = threading.Thread(target=send)
        sender.start()
        kill_half_way(server, go_on.set)
        sender.join()
        handler.shutdown()
        check_found(
            server,
            "splunk_hec",
            [
                {
                    "line": line(number),
                    "time_unix_nano": begun * 10**9 + number * 1000,
                    "host_name": f"host-{number % 11}",
                    "com_splunk_source": "python",
                    "com_splunk_sourcetype": "_json",
                    "com_splunk_index": "main",
                    "service_name": "unknown_service",
                    "detected_level": levels[number % 4].removesuffix("ing"),
                    "level": levels[number % 4],
                    "order_id": str(number),
                    "msg": json.loads(line(number))["msg"],
                }
                for number in range(RECORDS)
            ],
        )
        check_conserved(server, "splunk_hec")
        assert server.verify().returncode == 0


@pytest.mark.e2e
def test_splunk_s_own_javascript_library_loses_nothing_to_a_kill(tmp_path: Path) -> None:
    port, begun = free_port(), int(time.time()) - 60
    severities = ["debug", "info", "warn", "error"]

    def text(number: int) -> str:
        return f"part {number // 1000}: order {number} costs 7 €"

    with ServerProcess(tmp_path / "data", "--set", f"doors.splunk_hec.port={port}") as server:
        process = node("splunk.js", port, 0, RECORDS, begun, "any")
        assert process.stdin is not None
        print(file=process.stdin)
        kill_half_way(server, process.stdin.flush)
        said = process.communicate(timeout=120)[0]
        assert process.returncode == 0, said[-500:]
        check_found(
            server,
            "splunk_hec",
            [
                {
                    "line": json.dumps(
                        {"message": text(number), "order": {"id": number, "a}{b": "}{"}},
                        ensure_ascii=False,
                        separators=(",", ":"),
                    ),
                    "message": text(number),
                    "time_unix_nano": begun * 10**9 + number * 10**6,
                    "host_name": f"host-{number % 11}",
                    "com_splunk_source": "node",
                    "com_splunk_sourcetype": "orders",
                    "com_splunk_index": "main",
                    "service_name": "unknown_service",
                    "detected_level": severities[number % 4],
                    "severity": severities[number % 4],
                    "order_id": str(number),
                    "order_a__b": "}{",
                }
                for number in range(RECORDS)
            ],
        )
        check_conserved(server, "splunk_hec")


# ---- The conversation --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Door, str]]:
    with running_door(tmp_path_factory.mktemp("hec"), DoorSettings(trial=False)) as door:
        key = door.credentials.create_key(name="hec", role=Role.SHIPPER, tenant="team-a")
        yield door, key.token


@pytest.mark.parametrize("how", ["splunk", "password", "query", "bearer"])
def test_a_token_is_taken_where_splunk_takes_it(locked: tuple[Door, str], how: str) -> None:
    door, token = locked
    basic = base64.b64encode(f"x:{token}".encode()).decode()
    headers = {
        "splunk": {"Authorization": f"Splunk {token}"},
        "password": {"Authorization": f"Basic {basic}"},
        "bearer": {"Authorization": f"Bearer {token}"},
        "query": {},
    }[how]
    path = "/services/collector/event" + (f"?token={token}" if how == "query" else "")
    body = json.dumps({"event": how}).encode()
    answer = door.post(path, body, headers)
    assert (answer.status_code, answer.json()) == (200, {"text": "Success", "code": 0})
    assert body in [one.content for one in door.spooled() if one.tenant == "team-a"]


@pytest.mark.parametrize(
    ("headers", "path", "status", "code"),
    [
        ({}, "/services/collector", 401, 2),
        ({"Authorization": "Splunk"}, "/services/collector", 403, 4),
        ({"Authorization": "Splunk msk_a_b"}, "/services/collector/raw", 403, 4),
        ({"Authorization": "abc"}, "/services/collector/ack", 401, 3),
        ({}, "/services/collector?token=x", 403, 4),
    ],
)
def test_nobody_gets_in_without_a_token(
    locked: tuple[Door, str], headers: dict[str, str], path: str, status: int, code: int
) -> None:
    door, _ = locked
    answer = door.post(path, b'{"event":"secret"}', headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert all(b"secret" not in bytes(one.content) for one in door.spooled())


def test_what_asks_for_no_token(locked: tuple[Door, str]) -> None:
    host, port = locked[0].address
    url = f"http://{host}:{port}/services/collector"
    health = requests.get(f"{url}/health", timeout=30)
    assert (health.status_code, health.json()["code"]) == (200, 17)
    options = requests.options(f"{url}/event/1.0", timeout=30)
    assert (options.status_code, options.headers["allow"]) == (200, "POST, OPTIONS")
    assert requests.get(f"{url}/other", timeout=30).status_code == 401


def test_the_conversation_of_a_sender_that_wants_acknowledgements(
    locked: tuple[Door, str],
) -> None:
    door, token = locked
    headers = {
        "Authorization": f"Splunk {token}",
        "X-Splunk-Request-Channel": CHANNEL,
        "Content-Encoding": "gzip",
    }
    ids = []
    for number in range(3):
        body = gzip.compress(b'{"event":"ack %d"}' % number)
        answer = door.post("/services/collector", body, headers)
        ids.append(answer.json()["ackId"])
    assert len(set(ids)) == 3
    del headers["Content-Encoding"]
    asked = json.dumps({"acks": [*ids, 1]}).encode()
    answer = door.post("/services/collector/ack", asked, headers)
    assert answer.json() == {"acks": {**{str(one): True for one in ids}, "1": False}}


def test_a_full_spool_is_a_busy_server(tmp_path: Path) -> None:
    spool = SpoolSettings(
        max_bytes=1 << 20, segment_age_seconds=60, min_free_bytes=0, audit_reserve_bytes=0
    )
    with running_door(tmp_path, DoorSettings(spool=spool)) as door:
        assert door.post("/services/collector/raw", b"x" * (1 << 20)).status_code == 200
        busy = door.post("/services/collector", b'{"event":"x"}')
        assert (busy.status_code, busy.json()["code"]) == (503, 9)
        assert int(busy.headers["retry-after"]) > 0
        url = f"http://{door.address[0]}:{door.address[1]}/services/collector/health/1.0"
        health = requests.get(url, timeout=30)
        assert (health.status_code, health.json()["code"]) == (503, 18)
        assert len(door.spooled()) == 1
