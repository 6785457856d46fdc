"""Real Envoys with what `meshseal mesh config envoy` prints: what their records prove."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from cryptography import x509

from tests.doors.envoy import (
    Certificates,
    Envoy,
    Json,
    cluster,
    http_listener,
    make_certificates,
    running_envoy,
    tcp_listener,
)
from tests.server import ServerProcess, meshseal

pytestmark = pytest.mark.e2e

DOORS = {"otlp": "otlp_grpc", "als": "envoy_als", "fluentd": "forward"}
LISTENERS = ("mutual", "tls", "plain")
WEB, CART = (f"spiffe://cluster.local/ns/shop/sa/{name}" for name in ("web", "cart"))
CALLS = 5


def printed(transport: str, to: str, *options: str) -> dict[str, Any]:
    """What the command prints, as Envoy reads it."""
    done = meshseal("mesh", "config", "envoy", "--to", to, "--transport", transport, *options)
    assert done.returncode == 0, done.stderr
    found = next(iter(yaml.safe_load_all(done.stdout)))
    assert isinstance(found, dict)
    return found


@contextmanager
def two_envoys(folder: Path, certificates: Certificates, config: Json) -> Iterator[list[Envoy]]:
    """The proxy of `web`, which asks the proxy of `cart` in three ways: mutual TLS, TLS, and none.

    Gives the asked and the asking one.
    """
    logs: list[Json] = config["access_log"]
    clusters: list[Json] = config.get("clusters", [])
    one_sided = certificates.context("cart")
    one_sided["typed_config"]["require_client_certificate"] = False
    del one_sided["typed_config"]["common_tls_context"]["validation_context"]
    sockets = {"mutual": certificates.context("cart"), "tls": one_sided, "plain": None}
    inbound = [
        http_listener(name, "inbound|8000||", logs, transport_socket=socket)
        for name, socket in sockets.items()
    ]
    own = [cluster("inbound|8000||", 1), cluster("database", 1)]
    tcp = tcp_listener("tcp", "database", config.get("tcp_access_log") or logs)
    for name in ("cart", "web"):
        (folder / name).mkdir()
    with running_envoy(folder / "cart", [*inbound, tcp], [*clusters, *own]) as cart:
        outbound, towards = [], []
        for name in LISTENERS:
            chosen = f"outbound|80|{name}|cart.shop.svc.cluster.local"
            outbound.append(http_listener(name, chosen, logs, stat_prefix=name))
            tls = None if name == "plain" else certificates.context("web", client=True)
            towards.append(cluster(chosen, cart.ports[name], tls=tls))
        node = {"id": "sidecar~10.44.1.9~web-1.shop~shop.svc.cluster.local", "cluster": "web.shop"}
        with running_envoy(folder / "web", outbound, [*clusters, *towards], node=node) as web:
            yield [cart, web]


def call(web: Envoy) -> None:
    """Ask for `/direct/<way>/<number>`, which `cart` answers, in each way."""
    for name in LISTENERS:
        for number in range(CALLS):
            with requests.Session() as session:
                trace = f"00-{number + 1:032x}-{number + 1:016x}-01"
                # `web` itself answers `/direct`; it is not to.
                answer = session.get(
                    web.url(name, f"/items/{name}/{number}?page=1"),
                    headers={"traceparent": trace, "User-Agent": 'a "1"\\', "Host": "cart.shop"},
                    timeout=30,
                )
            assert answer.status_code == 503  # `cart` has no application behind it.


def expected(certificates: Certificates) -> dict[tuple[str, str], dict[str, str | None]]:
    """What each side's records must say of each way; None: nothing at all."""
    times = {
        name: certificate_times(certificates.folder / f"{name}.pem") for name in ("web", "cart")
    }
    tls = {
        "tls_protocol_name": "tls",
        "tls_protocol_version": "1.2",
        "tls_cipher": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    }
    nothing = dict.fromkeys((*tls, "mesh_peer_spiffe_id", "tls_client_subject"))
    client = {
        "tls_client_subject": "CN=web",
        "tls_client_issuer": "O=cluster.local",
        "tls_client_not_before": times["web"][0],
        "tls_client_not_after": times["web"][1],
    }
    server = {
        "mesh_mtls": None,
        "mesh_peer_spiffe_id": CART,
        "mesh_local_spiffe_id": WEB,
        "tls_server_subject": "CN=cart",
        "tls_server_not_before": times["cart"][0],
        "tls_server_not_after": times["cart"][1],
        "tls_client_subject": None,
        **tls,
    }
    mutual = {"mesh_mtls": "mutual", "mesh_peer_spiffe_id": WEB, "mesh_local_spiffe_id": CART}
    one_sided = {"mesh_mtls": None, "mesh_peer_spiffe_id": None, "mesh_local_spiffe_id": CART}
    return {
        ("inbound", "mutual"): {**mutual, **tls, **client, "tls_server_subject": "CN=cart"},
        ("inbound", "tls"): {**one_sided, **tls, "tls_client_subject": None},
        ("inbound", "plain"): {"mesh_mtls": "plaintext", "mesh_local_spiffe_id": None, **nothing},
        # The server's identity is proved. That ours was asked for is not: Envoy logs the same.
        ("outbound", "mutual"): dict(server),
        ("outbound", "tls"): dict(server),
        ("outbound", "plain"): {"mesh_mtls": "plaintext", "mesh_local_spiffe_id": None, **nothing},
    }


def certificate_times(path: Path) -> tuple[str, str]:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return f"{first:%Y-%m-%dT%H:%M:%S.000Z}", f"{last:%Y-%m-%dT%H:%M:%S.000Z}"


def check_records(records: list[dict[str, Any]], certificates: Certificates) -> None:
    wanted = expected(certificates)
    seen: dict[tuple[str, str], list[int]] = {}
    for record in records:
        _, _, way, number = record["url_path"].split("/")
        side = (record["mesh_reporter"], way)
        seen.setdefault(side, []).append(int(number))
        assert {name: record.get(name) for name in wanted[side]} == wanted[side], (side, record)
        assert record["trace_id"] == f"{int(number) + 1:032x}"
        assert record["user_agent_original"] == 'a "1"\\'
        assert record["http_response_status_code"] == "503"
        assert record["url_query"] == "page=1"
        assert record["server_address"] == "cart.shop"
    assert {side: sorted(numbers) for side, numbers in seen.items()} == {
        side: list(range(CALLS)) for side in wanted
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("server") / "data") as running:
        yield running


@pytest.mark.parametrize("transport", ["otlp", "als", "fluentd"])
def test_what_two_envoys_prove(server: ServerProcess, tmp_path: Path, transport: str) -> None:
    certificates, door = make_certificates(tmp_path), DOORS[transport]
    config = printed(transport, server.urls[door])
    with two_envoys(tmp_path, certificates, config) as (_, web):
        call(web)
        count = f'sum(count_over_time({{meshseal_door="{door}"}} |= "/items/" [2h]))'
        server.wait_for_count(2 * CALLS * len(LISTENERS), count)
    check_records(server.records(f'{{meshseal_door="{door}"}} |= "/items/"'), certificates)


def test_a_file_and_the_agent(server: ServerProcess, tmp_path: Path) -> None:
    certificates, path = make_certificates(tmp_path), tmp_path / "access.log"
    config = printed("file", server.url, "--labels", "service.name=fallback", "--explain")
    config["access_log"][0]["typed_config"]["path"] = str(path)
    wanted = 2 * CALLS * len(LISTENERS)
    with two_envoys(tmp_path, certificates, config) as (_, web):
        call(web)
        deadline = time.monotonic() + 60
        while not path.exists() or path.read_text().count("\n") < wanted:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    for line in path.read_text().splitlines():
        assert json.loads(line)["meshseal"] == "envoy"
    meshseal("ship", "--server", server.url, str(path), check=True)
    server.wait_for_count(wanted, 'sum(count_over_time({meshseal_door="lines"}[2h]))')
    records = server.records('{meshseal_door="lines"}')
    assert {record["service_name"] for record in records} == {"fallback"}
    check_records(records, certificates)
