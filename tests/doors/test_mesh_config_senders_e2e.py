"""What `meshseal mesh config` prints, for a server that asks who sends, and for lines over TCP."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
import requests
import yaml

from tests.certificates import write_certificate
from tests.doors.envoy import cluster, http_listener, running_envoy
from tests.server import ServerProcess, free_port, meshseal
from tests.shape.varied import samples

pytestmark = pytest.mark.e2e


def make_key(data: Path, *options: str) -> str:
    done = meshseal("key", "create", "--data", str(data), "--name", "mesh", *options, check=True)
    return done.stdout.strip()


def stored(server: ServerProcess, key: str, door: str, tenant: str, records: int) -> bool:
    """Whether so many records of a tenant came by a door and are stored."""
    text = server.get("/metrics", headers={"Authorization": f"Bearer {key}"}).text
    wanted = f'meshseal_records_stored_total{{door="{door}",tenant="{tenant}"}} {records:.1f}'
    return wanted in text.splitlines()


def test_envoy_with_a_key_a_tenant_and_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, port = write_certificate(tmp_path), free_port()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(files.certificate))
    arguments = (*files.options, "--set", f"doors.otlp_grpc.port={port}")
    with ServerProcess(tmp_path / "data", *arguments, trial=False) as server:
        key = make_key(server.data, "--tenant", "*")
        reader = make_key(server.data, "--role", "auditor", "--tenant", "*")
        (tmp_path / "key").write_text(key)
        done = meshseal(
            *("mesh", "config", "envoy", "--to", f"https://127.0.0.1:{port}", "--tenant", "team-a"),
            *("--ca-file", str(files.certificate), "--labels", "service.name=edge"),
            *("--key-file", str(tmp_path / "key")),
            check=True,
        )
        config = yaml.safe_load(done.stdout)
        (tmp_path / "envoy").mkdir()
        listener = http_listener("edge", "nowhere", config["access_log"])
        clusters = [*config["clusters"], cluster("nowhere", 1)]
        with running_envoy(tmp_path / "envoy", [listener], clusters) as envoy:
            for number in range(5):
                answer = requests.get(envoy.url("edge", f"/direct/{number}"), timeout=30)
                assert answer.status_code == 204
            deadline = time.monotonic() + 60
            while not stored(server, reader, "otlp_grpc", "team-a", 5):
                assert time.monotonic() < deadline, server.log()[-2000:]
                time.sleep(0.05)
        headers = {"Authorization": f"Bearer {reader}", "X-Scope-OrgID": "team-a"}
        query = {"query": '{service_name="edge"}', "since": "2h"}
        found = server.get("/loki/api/v1/query_range", query, headers=headers).json()
        streams = [one["stream"] for one in found["data"]["result"]]
        assert {one["url_path"] for one in streams} == {f"/direct/{n}" for n in range(5)}
        assert {one["mesh_kind"] for one in streams} == {"envoy"}


def test_lines_of_json_over_tcp_as_kuma_sends_them(tmp_path: Path) -> None:
    """The address in Kuma's configuration is that of the door of syslog: it takes lines too."""
    line = next(one for one in samples()["meshseal_access"] if '"meshseal":"kuma"' in one)
    with ServerProcess(tmp_path / "data") as server:
        address = server.urls["syslog"].removeprefix("http://")
        done = meshseal(
            *("mesh", "config", "kuma", "--transport", "tcp", "--to", f"tcp://{address}"),
            check=True,
        )
        (policy,) = yaml.safe_load_all(done.stdout)
        (backend,) = policy["spec"]["rules"][0]["default"]["backends"]
        assert backend["tcp"]["address"] == address
        host, _, port = address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=30) as sock:
            sock.sendall("".join(f"{line}\n" for _ in range(3)).encode())
        server.wait_for_count(3, 'sum(count_over_time({meshseal_door="syslog"}[87600h]))')
        records = server.records('{meshseal_door="syslog"}')
    for record in records:
        assert record["line"] == line
        assert record["meshseal_format"] == "meshseal_access"
        assert record["service_name"] == "web"
        assert record["service_peer_name"] == "cart"
        assert record["mesh_kind"] == "kuma"
