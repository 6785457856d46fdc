"""Clients of the Forward protocol and a real server: every event there once, also after a kill."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import msgpack
import pytest
import requests
from fluent.sender import EventTime, FluentSender

from meshseal.spool.copies import DELIVERY_SECONDS
from tests.certificates import write_certificate
from tests.doors.checks import check_found, conserved, port_of
from tests.doors.envoy import cluster, http_listener, running_envoy
from tests.doors.forward_sender import chunk, event_time, send_all
from tests.doors.node_clients import node
from tests.server import ServerProcess, free_port

pytestmark = pytest.mark.e2e
RECORDS = 10_000
COUNT = 'sum(count_over_time({meshseal_door="forward"}[2h]))'
LEVELS = ("debug", "info", "warn", "error")


def text(number: int) -> str:
    return f"part {number // 1000}: order {number} costs 7 €"


def event(number: int) -> dict[str, Any]:
    """A record as Fluent Bit sends it, different for each number."""
    return {
        "log": text(number) + "\n",
        "level": LEVELS[number % 4],
        "stream": "stdout",
        "order": {"id": number},
        "kubernetes": {
            "pod_name": f"cart-{number % 7}",
            "namespace_name": "shop",
            "labels": {"app": "cart"},
        },
    }


def record(number: int, begun: int, tag: str) -> dict[str, Any]:
    """What must be found of it."""
    return {
        "line": text(number),
        "time_unix_nano": begun * 10**9 + number * 1001,
        "service_name": "cart",
        "detected_level": LEVELS[number % 4],
        "fluent_tag": tag,
        "log_iostream": "stdout",
        "order_id": str(number),
        "k8s_pod_name": f"cart-{number % 7}",
        "k8s_namespace_name": "shop",
        "namespace": "shop",
        "k8s_pod_label_app": "cart",
    }


def test_chunks_are_stored_once_although_the_server_is_killed(tmp_path: Path) -> None:
    port, begun = free_port(), int(time.time()) - 60
    assert DELIVERY_SECONDS > 3600
    batches = [
        chunk(
            f"shop.{first // 50 % 3}",
            [
                [event_time(begun * 10**9 + number * 1001), event(number)]
                for number in range(first, first + 50)
            ],
            compressed=first % 100 == 0,
        )
        for first in range(0, RECORDS, 50)
    ]
    with ServerProcess(tmp_path / "data", "--set", f"doors.forward.port={port}") as server:
        senders = [
            threading.Thread(target=send_all, args=(port, batches[part::3])) for part in range(3)
        ]
        for sender in senders:
            sender.start()
        for share in (4, 2):
            deadline = time.monotonic() + 60
            while server.metric(COUNT) < RECORDS / share:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            server.kill()
            server.start()
        for sender in senders:
            sender.join()
        wanted = [record(number, begun, f"shop.{number // 50 % 3}") for number in range(RECORDS)]
        check_found(server, "forward", wanted)
        server.kill()
        server.start()
        # All of it once more: a server that was started anew knows what it has.
        assert send_all(port, batches) == 0
        sums = conserved(server, "forward")
        assert (sums["deduplicated"], sums["refused"]) == (RECORDS, 0)
        check_found(server, "forward", wanted)
        assert server.verify().returncode == 0


def test_fluent_logger_for_python(tmp_path: Path) -> None:
    """The server is killed half-way: when it has the first half, for this client asks for no word
    that it was received. What it could not send it keeps, and sends with the next."""
    port, begun = free_port(), int(time.time()) - 60
    with ServerProcess(tmp_path / "data", "--set", f"doors.forward.port={port}") as server:
        sender = FluentSender("shop", host="127.0.0.1", port=port)
        for number in range(RECORDS):
            if number == RECORDS // 2:
                server.wait_for_count(number, COUNT)
                server.kill()
                server.start()
            at = EventTime.from_unix_nano(begun * 10**9 + number * 1001)
            sender.emit_with_time("web", at, event(number))
        sender.close()
        check_found(
            server, "forward", [record(number, begun, "shop.web") for number in range(RECORDS)]
        )
        # Since the kill: what was not yet stored then is counted again.
        assert RECORDS // 2 <= conserved(server, "forward")["stored"] <= RECORDS


SECURITY = {"sharedKey": "s3cret", "clientHostname": "web-1", "username": "alice"}


@pytest.mark.parametrize(
    ("client", "mode", "tls"),
    [
        ("fluent-org", "Message", False),
        ("fluent-org", "Forward", True),
        ("fluent-org", "CompressedPackedForward", False),
        ("fluent-logger", "PackedForward", False),
    ],
)
def test_clients_of_node_with_a_key_and_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: str, mode: str, tls: bool
) -> None:
    files = write_certificate(tmp_path)
    if tls:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(files.certificate))
    begun = int(time.time()) - 60
    events = tmp_path / "events"
    events.write_text(
        "".join(
            json.dumps(["web", event(number), begun, number * 1001]) + "\n"
            for number in range(RECORDS)
        )
    )
    options = (*secrets(tmp_path), *(files.options if tls else ()))
    with ServerProcess(tmp_path / "data", *options) as server:
        where: dict[str, Any] = {"host": "127.0.0.1", "port": port_of(server, "forward")}
        if tls:
            authority = files.certificate.read_text()
            where["tls"] = {"ca": authority, "servername": "localhost"}
        security = {**SECURITY, "password": "wonder"}
        own = {"tag": "shop", "eventMode": mode, "security": security, "parallel": 2500}
        if client == "fluent-org":
            own |= {"socket": where, "flushInterval": 20, "ack": {"ackTimeout": 60_000}}
        else:
            own |= {**where, "flushInterval": 20, "requireAckResponse": True}
        process = node("forward.js", client, json.dumps(own), str(events))
        said = process.communicate(timeout=120)[0]
        assert (process.returncode, said.split()[-1]) == (0, str(RECORDS)), said[-500:]
        check_found(
            server, "forward", [record(number, begun, "shop.web") for number in range(RECORDS)]
        )
        assert conserved(server, "forward")["stored"] == RECORDS


def test_a_wrong_password_is_told_so(tmp_path: Path) -> None:
    events = tmp_path / "events"
    events.write_text(json.dumps(["web", event(0), 1, 0]) + "\n")
    with ServerProcess(tmp_path / "data", *secrets(tmp_path)) as server:
        options = {
            "tag": "shop",
            "security": {**SECURITY, "password": "hatter"},
            "socket": {
                "host": "127.0.0.1",
                "port": port_of(server, "forward"),
            },
            "ack": {"ackTimeout": 3000},
        }
        process = node("forward.js", "fluent-org", json.dumps(options), str(events))
        said = process.communicate(timeout=120)[0]
        # The client gives up without a word; nothing was acknowledged.
        assert said == ""
        log = server.log()
        assert "username/password mismatch" in log
        assert not any(secret in log for secret in ("s3cret", "hatter", "wonder"))
        assert server.metric(COUNT) == 0


def test_envoy(tmp_path: Path) -> None:
    fields = {
        "start_time": "%START_TIME%",
        "method": "%REQ(:METHOD)%",
        "path": "%REQ(:PATH)%",
        "protocol": "%PROTOCOL%",
        "response_code": "%RESPONSE_CODE%",
        "authority": "%REQ(:AUTHORITY)%",
    }
    kind = "envoy.extensions.access_loggers.fluentd.v3.FluentdAccessLogConfig"
    log = {
        "name": "envoy.access_loggers.fluentd",
        "typed_config": {
            "@type": f"type.googleapis.com/{kind}",
            "cluster": "forward",
            "tag": "envoy.access",
            "stat_prefix": "forward",
            "buffer_flush_interval": "0.05s",
            "record": fields,
        },
    }
    with ServerProcess(tmp_path / "data") as server:
        listener = http_listener("web", "forward", [log])
        clusters = [cluster("forward", port_of(server, "forward"))]
        with (
            running_envoy(tmp_path, [listener], clusters) as envoy,
            requests.Session() as asking,
        ):
            for number in range(300):
                answer = asking.get(
                    envoy.url("web", f"/direct/{number}"), headers={"Host": "cart:8080"}, timeout=30
                )
                assert answer.status_code == 204
            server.wait_for_count(300, COUNT)
        found = server.records('{meshseal_door="forward"}')
        assert sorted(int(one["url_path"].rpartition("/")[2]) for one in found) == list(range(300))
        assert {
            (
                one["fluent_tag"],
                one["http_request_method"],
                one["http_response_status_code"],
                one["server_address"],
                one["meshseal_format"],
            )
            for one in found
        } == {("envoy.access", "GET", "204", "cart", "istio_json")}


def test_metrics_are_refused_loudly_and_heartbeats_answered(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as server:
        with socket.create_connection(
            ("127.0.0.1", port_of(server, "forward")), timeout=30
        ) as peer:
            peer.sendall(b"\xc0")
            peer.sendall(msgpack.packb(["m", b"\x82\x01", {"fluent_signal": 1, "chunk": "c1"}]))
            assert msgpack.unpackb(peer.recv(100)) == {"ack": "c1"}
            peer.sendall(msgpack.packb(["a", int(time.time()), {"log": "part 0"}, {"chunk": "c2"}]))
            assert msgpack.unpackb(peer.recv(100)) == {"ack": "c2"}
        server.wait_for_count(1, COUNT)
        sums = conserved(server, "forward")
        assert (sums["stored"], sums["refused"]) == (1, 1)
        assert "metrics cannot be kept" in server.log()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heart:
            heart.settimeout(30)
            heart.sendto(b"\0", ("127.0.0.1", port_of(server, "forward_udp")))
            assert heart.recv(10) == b"\0"


def secrets(folder: Path) -> list[str]:
    """Write a door's secrets, and return the options that name them."""
    key, users = folder / "key", folder / "users"
    key.write_text("s3cret\n")
    users.write_text("alice:wonder\nbob:builder\n")
    for file in (key, users):
        file.chmod(0o600)
    return [
        "--set",
        f"doors.forward.shared_key_file={key}",
        "--set",
        f"doors.forward.users_file={users}",
    ]
