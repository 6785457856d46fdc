"""A real Envoy streams its access logs to a real server: entries there once, also after a kill."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.doors.checks import conserved
from tests.doors.envoy import (
    Envoy,
    Json,
    access_log,
    cluster,
    http_listener,
    make_certificates,
    running_envoy,
    tcp_listener,
)
from tests.server import ServerProcess, free_port, meshseal

pytestmark = pytest.mark.e2e

REQUESTS = 10_000
CONNECTIONS = 300
DOOR = '{meshseal_door="envoy_als"}'
HTTP = 'sum(count_over_time({meshseal_door="envoy_als", log_name="http_envoy_accesslog"}[2h]))'
TCP = 'sum(count_over_time({meshseal_door="envoy_als", log_name="tcp_envoy_accesslog"}[2h]))'
DATABASE = "outbound|5432||db.shop.svc.cluster.local"
# So much that nothing is dropped while a server starts again: Envoy's own default is 16 KiB.
ROOMY: Json = {"buffer_size_bytes": 1 << 24}


@contextmanager
def echo_server() -> Iterator[int]:
    """What takes 3 bytes and answers with 5, at a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as sock:

        def serve() -> None:
            while True:
                try:
                    connection, _ = sock.accept()
                except OSError:
                    return
                with connection:
                    if connection.recv(3):
                        connection.sendall(b"hello")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield sock.getsockname()[1]
        sock.shutdown(socket.SHUT_RDWR)


@contextmanager
def mesh(folder: Path, port: int, **options: Any) -> Iterator[Envoy]:
    """An Envoy that logs to a door's port, over HTTP and TCP."""
    http = options.pop("http", access_log("http", ROOMY))
    tls = options.pop("tls", None)
    more: list[Json] = options.pop("listeners", [])
    with echo_server() as echo:
        listeners = [
            http_listener("web", "inbound|8000||", [http]),
            tcp_listener("database", DATABASE, [access_log("tcp", ROOMY)]),
            *more,
        ]
        clusters = [
            cluster("als", port, http2=True, tls=tls),
            cluster("inbound|8000||", echo),
            cluster(DATABASE, echo),
        ]
        with running_envoy(folder, listeners, clusters, **options) as envoy:
            yield envoy


def request(envoy: Envoy, first: int, last: int, listener: str = "web") -> None:
    """Ask for `/direct/<number>`, for every number of a range, one after the other."""
    with socket.create_connection(("127.0.0.1", envoy.ports[listener]), timeout=30) as sock:
        for number in range(first, last):
            sock.sendall(_request(number))
            assert sock.recv(1 << 16).startswith(b"HTTP/1.1 204"), number


def _request(number: int) -> bytes:
    trace = f"00-{number + 1:032x}-{number + 1:016x}-01"
    head = f"GET /direct/{number:05d}?page={number % 7} HTTP/1.1\r\nHost: cart.shop:8000\r\n"
    return f"{head}User-Agent: agent/{number}\r\ntraceparent: {trace}\r\n\r\n".encode()


def connect(envoy: Envoy, count: int) -> None:
    """Open and close connections through Envoy."""
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", envoy.ports["database"]), timeout=30) as sock:
            sock.sendall(b"abc")
            while sock.recv(100):
                pass


def found(server: ServerProcess, requests: int) -> list[dict[str, Any]]:
    """Return the records of HTTP requests, in the order of their paths."""
    records: list[dict[str, Any]] = []
    for thousand in range(-(-requests // 1000)):
        records += server.records(f'{DOOR} |= "/direct/{thousand:02d}"')
    return sorted(records, key=lambda one: str(one["url_path"]))


TRACED = access_log("http", ROOMY, additional_request_headers_to_log=["traceparent"])


def test_every_entry_is_there_once_when_the_server_starts_again(tmp_path: Path) -> None:
    port, begun = free_port(), time.time_ns()
    with ServerProcess(tmp_path / "data", "--set", f"doors.envoy_als.port={port}") as server:
        with mesh(tmp_path, port, http=TRACED) as envoy:
            request(envoy, 0, REQUESTS // 2)
            connect(envoy, CONNECTIONS // 2)
            server.wait_for_count(REQUESTS // 2, HTTP)
            server.wait_for_count(CONNECTIONS // 2, TCP)
            conserved(server, "envoy_als")
            server.kill()
            server.start()
            request(envoy, REQUESTS // 2, REQUESTS)
            connect(envoy, CONNECTIONS // 2)
            server.wait_for_count(REQUESTS, HTTP)
            server.wait_for_count(CONNECTIONS, TCP)
            assert envoy.stat("access_logs.grpc_access_log.logs_dropped") == 0
        sums = conserved(server, "envoy_als")
        assert sums["stored"] == (REQUESTS + CONNECTIONS) // 2
        for number, record in enumerate(found(server, REQUESTS)):
            check_request(record, number, begun)
        tcp = server.records('{meshseal_door="envoy_als", log_name="tcp_envoy_accesslog"}')
        assert len(tcp) == CONNECTIONS
        for record in tcp:
            check_connection(record, begun)


def check_request(record: dict[str, Any], number: int, begun: int) -> None:
    wanted = {
        "url_path": f"/direct/{number:05d}",
        "url_query": f"page={number % 7}",
        "user_agent_original": f"agent/{number}",
        "trace_id": f"{number + 1:032x}",
        "span_id": f"{number + 1:016x}",
        "http_request_method": "GET",
        "http_response_status_code": "204",
        "network_protocol_version": "1.1",
        "mesh_response_code_details": "direct_response",
        "mesh_route": "direct",
        "server_address": "cart.shop",
        "server_port": "8000",
        "mesh_access_log_type": "DownstreamEnd",
        "service_name": "cart",
        "service_namespace": "shop",
        "k8s_pod_name": "cart-7d4b9c-x2x9p",
        "meshseal_format": "envoy_als",
        "detected_level": "info",
    }
    assert {name: record.get(name) for name in wanted} == wanted
    assert begun < record["time_unix_nano"] < time.time_ns()
    assert f'"path":"/direct/{number:05d}?page={number % 7}"' in record["line"]


def check_connection(record: dict[str, Any], begun: int) -> None:
    wanted = {
        "network_transport": "tcp",
        "http_request_body_size": "3",
        "http_response_body_size": "5",
        "mesh_access_log_type": "TcpConnectionEnd",
        "mesh_upstream_cluster": DATABASE,
        "mesh_reporter": "outbound",
        "service_peer_name": "db",
        "service_peer_namespace": "shop",
        "service_name": "cart",
    }
    assert {name: record.get(name) for name in wanted} == wanted
    assert begun < record["time_unix_nano"] < time.time_ns()


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_no_entry_is_there_twice_when_the_server_ends_under_load(tmp_path: Path, end: str) -> None:
    port = free_port()
    with ServerProcess(tmp_path / "data", "--set", f"doors.envoy_als.port={port}") as server:
        with mesh(tmp_path, port, workers=2) as envoy:
            halves = [
                threading.Thread(target=request, args=(envoy, first, first + REQUESTS // 2))
                for first in (0, REQUESTS // 2)
            ]
            for half in halves:
                half.start()
            time.sleep(0.5)
            getattr(server, end)()
            for half in halves:
                half.join()
            server.start()
            # Envoy opens its streams again, and what it logs from now on is there.
            request(envoy, REQUESTS, REQUESTS + 1000)
            deadline = time.monotonic() + 60
            while len(found(server, REQUESTS + 1000)[-1000:]) < 1000 or not all(
                str(one["url_path"]) >= f"/direct/{REQUESTS:05d}"
                for one in found(server, REQUESTS + 1000)[-1000:]
            ):
                assert time.monotonic() < deadline, "what was logged afterwards is not there"
                time.sleep(0.2)
        paths = [str(one["url_path"]) for one in found(server, REQUESTS + 1000)]
        assert len(paths) == len(set(paths))
        assert paths[-1000:] == [f"/direct/{n:05d}" for n in range(REQUESTS, REQUESTS + 1000)]
        assert server.verify().returncode == 0


def test_mutual_tls_between_workloads_is_proved(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    listener = http_listener(
        "secure",
        "inbound|8000||",
        [access_log("http", ROOMY)],
        transport_socket=certificates.context("cart"),
    )
    with ServerProcess(tmp_path / "data") as server:
        port = int(server.urls["envoy_als"].rpartition(":")[2])
        with mesh(tmp_path, port, listeners=[listener]) as envoy:
            context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
            context.check_hostname = False
            context.load_cert_chain(str(tmp_path / "web.pem"), str(tmp_path / "web.key"))
            plain = socket.create_connection(("127.0.0.1", envoy.ports["secure"]), timeout=30)
            with context.wrap_socket(plain, server_hostname="cart.shop") as sock:
                sock.sendall(_request(7))
                assert b" 204 " in sock.recv(1000)
            server.wait_for_count(1, HTTP)
        (record,) = server.records(DOOR)
        wanted = {
            "mesh_mtls": "mutual",
            "mesh_peer_spiffe_id": "spiffe://cluster.local/ns/shop/sa/web",
            "mesh_local_spiffe_id": "spiffe://cluster.local/ns/shop/sa/cart",
            "service_peer_namespace": "shop",
            "tls_client_server_name": "cart.shop",
            "tls_protocol_version": "1.3",
            "tls_client_subject": "CN=web",
            "tls_client_issuer": "O=cluster.local",
            "tls_server_subject": "CN=cart",
            "service_name": "cart",
            "url_scheme": "https",
        }
        assert {name: record.get(name) for name in wanted} == wanted


# ---- Who sends ---------------------------------------------------------------------------------


def make_key(data: Path, *options: str) -> str:
    return meshseal("key", "create", "--data", str(data), *options, check=True).stdout.strip()


def test_a_key_in_the_streams_metadata_says_who_sends(tmp_path: Path) -> None:
    port = free_port()
    with secured(tmp_path, port) as server:
        key = make_key(server.data, "--name", "mesh", "--tenant", "team-a")
        metadata = [{"key": "authorization", "value": f"Bearer {key}"}]
        service = {"envoy_grpc": {"cluster_name": "als"}, "initial_metadata": metadata}
        logger = access_log("http", {**ROOMY, "grpc_service": service})
        with mesh(tmp_path, port, http=logger) as envoy:
            request(envoy, 0, 10)
            wait_for_stored(server, "team-a", 10)


def test_an_address_that_is_let_in_needs_no_key(tmp_path: Path) -> None:
    port = free_port()
    allowed = '[doors.envoy_als]\nallow = "127.0.0.0/8"\ntenant = "team-b"\n'
    with secured(tmp_path, port, allowed) as server, mesh(tmp_path, port) as envoy:
        request(envoy, 0, 10)
        wait_for_stored(server, "team-b", 10)


def test_who_is_not_known_is_told_so(tmp_path: Path) -> None:
    port = free_port()
    with secured(tmp_path, port) as server, mesh(tmp_path, port) as envoy:
        request(envoy, 0, 10)
        deadline = time.monotonic() + 60
        while "doors.envoy_als.allow" not in server.log():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        wait_for_stored(server, "default", 0)


def secured(folder: Path, port: int, config: str = "") -> ServerProcess:
    """A server that asks who sends."""
    file = folder / "meshseal.toml"
    file.write_text(config)
    arguments = ("--config", str(file), "--set", f"doors.envoy_als.port={port}")
    return ServerProcess(folder / "data", *arguments, trial=False)


def wait_for_stored(server: ServerProcess, tenant: str, records: int) -> None:
    """Return when so many records of a tenant are stored."""
    key = make_key(server.data, "--name", "reader", "--role", "auditor", "--tenant", "*")
    wanted = f'door="envoy_als",tenant="{tenant}"}} {records:.1f}'
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        text = server.get("/metrics", headers={"Authorization": f"Bearer {key}"}).text
        stored = [line for line in text.splitlines() if "records_stored_total{" in line]
        if any(line.endswith(wanted) for line in stored) or (
            not records and not any("envoy_als" in line for line in stored)
        ):
            return
        time.sleep(0.05)
    raise AssertionError(f"{stored} is not {records} of {tenant}")
