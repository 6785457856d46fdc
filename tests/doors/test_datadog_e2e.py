"""Datadog's clients and a real server: every log there once, also when the server is killed."""

from __future__ import annotations

import gzip
import json
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3
from backports import zstd
from datadog_api_client import ApiClient, Configuration
from datadog_api_client.exceptions import ApiException, ForbiddenException
from datadog_api_client.v1.api.authentication_api import AuthenticationApi
from datadog_api_client.v2.api.logs_api import LogsApi
from datadog_api_client.v2.model.content_encoding import ContentEncoding
from datadog_api_client.v2.model.http_log import HTTPLog
from datadog_api_client.v2.model.http_log_item import HTTPLogItem

from meshseal.access.identity import Role
from meshseal.spool.settings import SpoolSettings
from meshseal.wire.protos.spool_pb2 import DatadogSpans
from tests.doors.checks import check_conserved, check_found
from tests.receive.door import DoorSettings, running_door
from tests.server import ServerProcess, free_port

RECORDS, A_REQUEST = 10_000, 100
COUNT = 'sum(count_over_time({meshseal_door="datadog"}[2h]))'
STATUSES = ["debug", "info", "warn", "error"]


def client(address: str, key: str = "any") -> ApiClient:
    return ApiClient(
        Configuration(
            server_index=1,
            server_variables={"name": address, "protocol": "http"},
            api_key={"apiKeyAuth": key},
        )
    )


def text(number: int) -> str:
    return f"part {number // 1000}: order {number} costs 7 €"


def item(number: int, begun: int) -> HTTPLogItem:
    return HTTPLogItem(
        message=text(number),
        status=STATUSES[number % 4],
        timestamp=begun * 1000 + number,
        hostname=f"host-{number % 11}",
        service=f"shop-{number % 3}",
        ddsource="python",
        ddtags=f"env:prod,version:1.{number % 5},customer:c{number}",
        order={"id": number},
    )


def expected(number: int, begun: int) -> dict[str, Any]:
    return {
        "line": text(number),
        "time_unix_nano": begun * 10**9 + number * 10**6,
        "host_name": f"host-{number % 11}",
        "service_name": f"shop-{number % 3}",
        "datadog_log_source": "python",
        "deployment_environment_name": "prod",
        "service_version": f"1.{number % 5}",
        "detected_level": STATUSES[number % 4],
        "customer": f"c{number}",
        "order_id": str(number),
    }


@pytest.mark.e2e
def test_datadog_s_own_client_loses_nothing_to_a_kill(tmp_path: Path) -> None:
    port, begun = free_port(), int(time.time()) - 60
    half, go_on, failures = threading.Event(), threading.Event(), []

    def send() -> None:
        api = LogsApi(client(f"127.0.0.1:{port}"))
        for first in range(0, RECORDS, A_REQUEST):
            body = HTTPLog([item(number, begun) for number in range(first, first + A_REQUEST)])
            if first == RECORDS // 2:
                half.set()
            while True:  # As the Agent does: what is not answered is sent again.
                try:
                    assert api.submit_log(body, content_encoding=ContentEncoding("gzip")) == {}
                    break
                except (ApiException, urllib3.exceptions.HTTPError) as error:
                    failures.append(error)
                    time.sleep(0.1)
            if first == RECORDS // 2:
                assert go_on.wait(60)

    with ServerProcess(tmp_path / "data", "--set", f"doors.datadog.port={port}") as server:
        sender = threading.Thread(target=send)
        sender.start()
        assert half.wait(60)
        server.kill()
        go_on.set()
        server.start()
        sender.join(120)
        assert not sender.is_alive()
        assert failures, "nothing was sent while the server was away"
        check_found(server, "datadog", [expected(number, begun) for number in range(RECORDS)])
        check_conserved(server, "datadog")
        assert server.verify().returncode == 0


@pytest.mark.e2e
def test_the_conversation_is_the_same_at_every_address(server: ServerProcess) -> None:
    bases = (server.urls["datadog"], f"{server.url}/datadog")
    body = json.dumps([{"message": "hello", "service": "web"}]).encode()
    for base in bases:
        for path, status in (("/api/v2/logs", 202), ("/v1/input/key", 200)):
            answer = requests.post(f"{base}{path}", data=body, timeout=10)
            assert (answer.status_code, answer.json()) == (status, {})
        assert requests.get(f"{base}/info", timeout=10).json()["client_drop_p0s"] is False
        answer = requests.get(f"{base}/api/v1/validate", params={"api_key": "k"}, timeout=10)
        assert (answer.status_code, answer.json()) == (200, {"valid": True})
        assert requests.post(f"{base}/api/v2/series", b"x", timeout=10).status_code == 202
        assert requests.get(f"{base}/nothing", timeout=10).status_code == 404
    assert server.post("/api/v2/logs", body).status_code == 202
    assert server.post("/v1/input?service=cart", b"one\ntwo").status_code == 200
    server.wait_for_count(7, COUNT)
    assert server.metric('sum(count_over_time({service_name="cart"}[2h]))') == 2
    counted = server.get("/metrics").text
    assert 'meshseal_requests_total{door="datadog",outcome="not_kept"} 2.0' in counted


def test_only_a_key_that_holds_is_valid(tmp_path: Path) -> None:
    with running_door(tmp_path, DoorSettings(trial=False)) as door:
        key = door.credentials.create_key(name="dd", role=Role.SHIPPER, tenant="team-a").token
        address = f"{door.address[0]}:{door.address[1]}"
        assert AuthenticationApi(client(address, key)).validate().valid is True
        with pytest.raises(ForbiddenException):
            AuthenticationApi(client(address, "msk_a_b")).validate()
        LogsApi(client(address, key)).submit_log(HTTPLog([item(1, 0)]))
        for path, parameters in (
            ("/api/v2/logs", {"dd-api-key": key}),
            ("/datadog/v1/input", {"api_key": key}),
            (f"/datadog/v1/input/{key}", {}),
            (f"/datadog/key/{key}/api/v2/logs", {}),
        ):
            assert door.post(path, b'[{"message":"a"}]', params=parameters).status_code // 100 == 2
        assert door.post("/api/v2/logs", b"[{}]").status_code == 401
        assert door.post("/datadog/v1/input/msk_a_b", b"[{}]").status_code == 403
        assert door.post("/datadog/v0.4/traces", b"\x90").status_code == 401
        assert [one.tenant for one in door.spooled()] == ["team-a"] * 5


# What the Agent sends, after comp/logs-library/client/http/destination.go and
# pkg/trace/writer/sender.go of DataDog/datadog-agent: it cannot be installed from a package index.
AGENT = {
    "User-Agent": "datadog-agent/7.70.0",
    "DD-PROTOCOL": "agent-json",
    "DD-EVP-ORIGIN": "agent",
    "DD-EVP-ORIGIN-VERSION": "7.70.0",
    "dd-message-timestamp": "1789899072123",
    "dd-current-timestamp": "1789899072125",
}
ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstd.compress,
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_agent_s_requests_are_taken_in_each_of_its_encodings(
    tmp_path: Path, encoding: str
) -> None:
    logs = json.dumps([{"message": "hello", "status": "info", "ddtags": "env:prod"}]).encode()
    spans = DatadogSpans(host_name=b"h", agent_version=b"7.70.0")
    spans.tracer_payloads.add().chunks.add().spans.add(service=b"web", trace_id=1, span_id=2)
    with running_door(tmp_path, DoorSettings(trial=False)) as door:
        key = door.credentials.create_key(name="dd", role=Role.SHIPPER, tenant="team-a").token
        headers = {**AGENT, "DD-API-KEY": key, "Content-Encoding": encoding}
        pack = ENCODINGS[encoding]

        def post(path: str, body: bytes, media_type: str) -> int:
            sent = {**headers, "Content-Type": media_type}
            return door.post(f"/datadog{path}", pack(body), sent).status_code

        json_type, protobuf = "application/json", "application/x-protobuf"
        assert post("/api/v2/logs", b"{}", json_type) == 202
        assert post("/api/v2/logs", logs, json_type) == 202
        assert post("/api/v0.2/traces", spans.SerializeToString(), protobuf) == 200
        assert post("/api/v0.2/stats", b"\x80", "application/msgpack") == 200
        assert post("/api/v2/series", b"\x0a\x00", protobuf) == 202
        assert post("/api/v1/check_run", b"[]", json_type) == 202
        assert post("/intake/", b"{}", json_type) == 202
        found = door.spooled()
    assert [bytes(one.content) for one in found] == [logs, spans.SerializeToString()]
    assert [one.records for one in found] == [1, 1]


def test_what_an_agent_must_send_again_it_is_told_to(tmp_path: Path) -> None:
    spool = SpoolSettings(
        max_bytes=1 << 20, segment_age_seconds=60, min_free_bytes=0, audit_reserve_bytes=0
    )
    with running_door(tmp_path, DoorSettings(spool=spool)) as door:
        body = json.dumps([{"message": "x" * (1 << 20)}]).encode()
        assert door.post("/api/v2/logs", body, AGENT).status_code == 202
        answer = door.post("/api/v2/logs", body, AGENT)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json()["errors"][0]["status"] == "503"
