"""A real Envoy loses access logs: what it says it dropped is known, to the record; what it does
not know it lost is unexplained, to the record."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.completeness.asking import SOON, Json, entry, wait_for
from tests.doors.envoy import Envoy, access_log, cluster, http_listener, running_envoy
from tests.server import ServerProcess, free_port

pytestmark = pytest.mark.e2e

DROPS = 1000
DROPPED = "access_logs.grpc_access_log.logs_dropped"
WRITTEN = "access_logs.grpc_access_log.logs_written"
SINK: Json = {
    "name": "envoy.stat_sinks.open_telemetry",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.stat_sinks.open_telemetry.v3.SinkConfig",
        "grpc_service": {"envoy_grpc": {"cluster_name": "metrics"}},
    },
}
TINY: Json = {"buffer_size_bytes": 2048, "buffer_flush_interval": "0.1s"}


@contextmanager
def dropping_envoy(
    folder: Path, port: int, admin_port: int, *, metrics_port: int = 0
) -> Iterator[Envoy]:
    """An Envoy with little room for the logs that it sends to a port; it may push metrics too."""
    folder.mkdir()
    logger = access_log("http", TINY, additional_request_headers_to_log=["x-filler"])
    upstream = cluster("als", port, http2=True)
    upstream["per_connection_buffer_limit_bytes"] = 4096
    listeners = [http_listener("web", "als", [logger])]
    clusters = [upstream]
    more: Json = {}
    if metrics_port:
        clusters.append(cluster("metrics", metrics_port, http2=True))
        more = {"stats_flush_interval": "1s", "stats_sinks": [SINK]}
    running = running_envoy(folder, listeners, clusters, admin_port=admin_port, more=more)
    with running as envoy:
        yield envoy


@contextmanager
def asking_server(folder: Path, port: int, admin_port: int) -> Iterator[ServerProcess]:
    """A server, not started, that asks an Envoy for its counters."""
    file = folder / "meshseal.toml"
    file.write_text(
        f"""[emitters.edge]
url = "http://127.0.0.1:{admin_port}/stats?format=json&filter=(access_logs|server.uptime)"
kind = "envoy"
service = "cart"
interval_seconds = 1
"""
    )
    arguments = ("--config", str(file), "--set", f"doors.envoy_als.port={port}", *SOON)
    server = ServerProcess(folder / "data", *arguments)
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def ports() -> tuple[int, int]:
    """The port of the door, and that of Envoy's statistics."""
    return free_port(), free_port()


def ask(envoy: Envoy, count: int, filler: int = 1000) -> None:
    with requests.Session() as session:
        for number in range(count):
            url = envoy.url("web", f"/direct/{number}")
            assert session.get(url, headers={"x-filler": "x" * filler}).status_code == 204


def counted(found: Json, emitted: int, stored: int) -> bool:
    one = entry(found, service="cart")
    total = one["total"] if one else {}
    return bool(total and (total["emitted"], total["stored"]) == (emitted, stored))


def test_what_a_real_envoy_drops_is_known_to_the_record(
    tmp_path: Path, ports: tuple[int, int]
) -> None:
    with asking_server(tmp_path, *ports) as server:
        server.start()
        with dropping_envoy(tmp_path / "first", *ports) as envoy:
            written = drop(envoy, server)
            found = wait_for(server, lambda one: counted(one, written + DROPS, written))
        one = entry(found, service="cart")
        assert one is not None
        total = one["total"]
        assert (one["emitters"], total["state"]) == (["edge"], "drops known")
        assert (total["known_drops"], total["unexplained"]) == (DROPS, 0)
        assert total["emitted"] == total["stored"] + total["known_drops"]
        assert found["complete"], "drops that are known are no failure"
        told = server.run("completeness", "--server", server.url)
        assert told.returncode == 0, told.stdout
        assert "drops known" in told.stdout

        # One that starts anew begins at zero. It pushes its counters as well.
        metrics = int(server.urls["otlp_grpc"].rpartition(":")[2])
        with dropping_envoy(tmp_path / "second", *ports, metrics_port=metrics) as envoy:
            ask(envoy, 40)
            records = written + 40
            found = wait_for(server, lambda one: counted(one, records + DROPS, records))
            wait_for(server, pushed)
        one = entry(found, service="cart")
        assert one is not None
        assert (one["total"]["known_drops"], one["total"]["unexplained"]) == (DROPS, 0)


def pushed(found: Json) -> bool:
    """Say whether what Envoy pushed is balanced; what came before it started is not compared."""
    one = entry(found, service="")
    total = one["total"] if one else {}
    return bool(total and (total["emitted"], total["state"]) == (40, "balanced"))


def drop(envoy: Envoy, server: ServerProcess) -> int:
    """Let Envoy drop 1,000 entries, exactly; returns how many it did not."""
    ask(envoy, 50)
    # A server that takes connections and reads nothing: Envoy's buffers fill up.
    os.kill(server.pid, signal.SIGSTOP)
    try:
        while not envoy.stat(DROPPED):
            ask(envoy, 100, filler=8000)
        ask(envoy, DROPS - envoy.stat(DROPPED), filler=8000)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert envoy.stat(DROPPED) == DROPS
    return envoy.stat(WRITTEN)


def test_what_a_real_envoy_does_not_know_it_lost_is_unexplained(
    tmp_path: Path, ports: tuple[int, int]
) -> None:
    """Where nobody listens, Envoy counts entries as written and flushed, and they are gone."""
    with (
        dropping_envoy(tmp_path / "envoy", *ports) as envoy,
        asking_server(tmp_path, *ports) as server,
    ):
        ask(envoy, 200)
        lost = envoy.stat(WRITTEN)
        assert (lost, envoy.stat(DROPPED)) == (200, 0)
        server.start()
        ask(envoy, 100)

        def told(found: Json) -> bool:
            one = entry(found, service="cart")
            return bool(one and one["total"]["emitted"] == 300 and one["total"]["stored"] >= 100)

        found = wait_for(server, told)
        one = entry(found, service="cart")
        assert one is not None
        total = one["total"]
        # The last of the first entries may have waited for the server.
        assert total["unexplained"] == 300 - total["stored"]
        assert 150 < total["unexplained"] <= 200
        assert total["state"] == "unexplained"
        assert not found["complete"]
        command = server.run("completeness", "--server", server.url, "--json")
        assert command.returncode == 1
