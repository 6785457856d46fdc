"""Whether both ends proved who they are: every source, with its evidence, and what proves nothing.

`mutual` needs an identity that the other end proved in TLS, `plaintext` a source that says there
was no TLS; everything else is unknown. Neither ports nor names of clusters or servers prove
anything. `test_mtls_sources.py` has what proxies write by themselves.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.shape.cases import Case, decode_all
from tests.shape.decoder import Decoder, Row

pytestmark = pytest.mark.engine

WEB, CART = (f"spiffe://cluster.local/ns/shop/sa/{name}" for name in ("web", "cart"))
Evidence = dict[str, str]
Proof = tuple[str, str, str, Evidence]
"""A line, its format, what `Mtls` must say ('' is unknown), and all that it says of identities."""


def document(fields: dict[str, Any]) -> str:
    return json.dumps(fields, separators=(",", ":"))


# ---- What `meshseal mesh config` has proxies write ----------------------------------------------

COMMON = {
    "meshseal": "envoy",
    "start_time": "2026-09-21T14:00:00.000Z",
    "method": "GET",
    "response_code": 200,
    "response_flags": "-",
    "upstream_host": "10.0.0.2:8080",
    "upstream_local_address": "10.0.0.1:40000",
    "upstream_transport_failure_reason": None,
    "downstream_remote_address": "10.0.0.3:50000",
    "downstream_direct_remote_address": "10.0.0.3:50000",
    "downstream_tls_version": None,
    "upstream_tls_version": None,
}
DOWNSTREAM = {
    "downstream_tls_version": "TLSv1.3",
    "downstream_tls_cipher": "TLS_AES_128_GCM_SHA256",
    "downstream_peer_uri_san": WEB,
    "downstream_local_uri_san": CART,
    "downstream_peer_subject": "CN=web",
    "downstream_local_subject": "CN=cart",
    "downstream_peer_issuer": "O=cluster.local",
    "downstream_peer_serial": "7C8741",
    "downstream_peer_fingerprint_256": "0C8951",
    "downstream_peer_cert_v_start": "2026-09-21T13:00:00.000Z",
    "downstream_peer_cert_v_end": "2026-09-22T13:00:00.000Z",
}
UPSTREAM = {
    "upstream_tls_version": "TLSv1.2",
    "upstream_tls_cipher": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "upstream_peer_uri_san": CART,
    "upstream_local_uri_san": WEB,
    "upstream_peer_subject": "CN=cart",
    "upstream_peer_issuer": "O=cluster.local",
    "upstream_peer_cert_v_start": "2026-09-21T13:00:00.000Z",
    "upstream_peer_cert_v_end": "2026-09-22T13:00:00.000Z",
}
INBOUND = {"upstream_cluster": "inbound|8080||"}
OUTBOUND = {"upstream_cluster": "outbound|80||cart.shop.svc.cluster.local"}


def envoy(*parts: dict[str, Any], without: str = "", **more: Any) -> str:
    fields = COMMON | {key: value for part in parts for key, value in part.items()} | more
    fields.pop(without, None)
    return document(fields)


TLS13 = {
    "tls.protocol.name": "tls",
    "tls.protocol.version": "1.3",
    "tls.cipher": "TLS_AES_128_GCM_SHA256",
}
CLIENT = {
    "tls.client.subject": "CN=web",
    "tls.client.issuer": "O=cluster.local",
    "tls.client.x509.serial_number": "7c8741",
    "tls.client.hash.sha256": "0c8951",
    "tls.client.not_before": "2026-09-21T13:00:00.000Z",
    "tls.client.not_after": "2026-09-22T13:00:00.000Z",
    "tls.server.subject": "CN=cart",
}
SERVER = {
    "PeerSpiffeId": CART,
    "LocalSpiffeId": WEB,
    "tls.protocol.name": "tls",
    "tls.protocol.version": "1.2",
    "tls.cipher": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "tls.server.subject": "CN=cart",
    "tls.server.issuer": "O=cluster.local",
    "tls.server.not_before": "2026-09-21T13:00:00.000Z",
    "tls.server.not_after": "2026-09-22T13:00:00.000Z",
}
BOTH = {"PeerSpiffeId": WEB, "LocalSpiffeId": CART, **TLS13, **CLIENT}
ONE_SIDED = {"downstream_tls_version": "TLSv1.3", "downstream_local_uri_san": CART}

OWN: dict[str, Proof] = {
    "inbound, both": (envoy(INBOUND, DOWNSTREAM), "meshseal_access", "mutual", BOTH),
    "inbound, no TLS": (envoy(INBOUND), "meshseal_access", "plaintext", {}),
    "inbound, the server alone": (
        envoy(INBOUND, ONE_SIDED),
        "meshseal_access",
        "",
        {
            "LocalSpiffeId": CART,
            "tls.protocol.name": "tls",
            "tls.protocol.version": "1.3",
        },
    ),
    "inbound, a certificate without TLS": (
        envoy(INBOUND, downstream_peer_uri_san=WEB),
        "meshseal_access",
        "",
        {"PeerSpiffeId": WEB},
    ),
    "inbound, the version is not logged": (
        envoy(INBOUND, without="downstream_tls_version"),
        "meshseal_access",
        "",
        {},
    ),
    "inbound, a listener inside Envoy": (
        envoy(INBOUND, downstream_direct_remote_address="envoy://internal_client_address/"),
        "meshseal_access",
        "",
        {},
    ),
    "inbound, a pipe": (
        envoy(INBOUND, downstream_direct_remote_address="/run/proxy.sock"),
        "meshseal_access",
        "",
        {},
    ),
    "no side said, no TLS": (envoy(upstream_cluster="app"), "meshseal_access", "", {}),
    "no side said, both": (
        envoy(DOWNSTREAM, upstream_cluster="app"),
        "meshseal_access",
        "mutual",
        BOTH,
    ),
    "outbound, both": (envoy(OUTBOUND, UPSTREAM), "meshseal_access", "", SERVER),
    "outbound, no TLS": (envoy(OUTBOUND), "meshseal_access", "plaintext", {}),
    "outbound, the version is not logged": (
        envoy(OUTBOUND, without="upstream_tls_version"),
        "meshseal_access",
        "",
        {},
    ),
    "outbound, the application speaks TLS": (
        envoy(OUTBOUND, DOWNSTREAM, without="upstream_tls_version"),
        "meshseal_access",
        "",
        {},
    ),
    "outbound, never connected": (
        envoy(OUTBOUND, upstream_local_address=None),
        "meshseal_access",
        "",
        {},
    ),
    "outbound, TLS failed": (
        envoy(OUTBOUND, upstream_transport_failure_reason="TLS_error:CERTIFICATE_VERIFY_FAILED"),
        "meshseal_access",
        "",
        {},
    ),
    "outbound, the connection failed": (
        envoy(OUTBOUND, response_flags="UF,URX"),
        "meshseal_access",
        "",
        {},
    ),
    "outbound, through a tunnel": (
        envoy(OUTBOUND, upstream_host="envoy://connect_originate/10.0.0.2:8080"),
        "meshseal_access",
        "",
        {},
    ),
}


def gateway(kind: str, **more: Any) -> str:
    fields = {
        "meshseal": kind,
        "reporter": "gateway",
        "end_time": "1790000000.500",
        "duration_s": "0.250",
        "response_code": "200",
        "downstream_remote_address": "192.0.2.7:50000",
        "downstream_tls_version": "",
    }
    return document(fields | more)


NGINX_TLS = {
    "downstream_secure": "on",
    "downstream_tls_version": "TLSv1.2",
    "downstream_tls_cipher": "ECDHE-RSA-AES256-GCM-SHA384",
    "downstream_peer_verify": "NONE",
}
NGINX_CLIENT = {
    "downstream_peer_subject": "CN=web,O=shop",
    "downstream_peer_issuer": "CN=ca",
    "downstream_peer_serial": "0A",
    "downstream_peer_fingerprint_1": "ABCDEF",
    "downstream_peer_cert_v_start": "Sep 21 07:00:00 2026 GMT",
    "downstream_peer_cert_v_end": "Oct  1 07:00:00 2026 GMT",
}
NGINX_EVIDENCE = {
    "tls.protocol.name": "tls",
    "tls.protocol.version": "1.2",
    "tls.cipher": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
}
NGINX_PROOF = {
    "tls.client.subject": "CN=web,O=shop",
    "tls.client.issuer": "CN=ca",
    "tls.client.x509.serial_number": "0a",
    "tls.client.hash.sha1": "abcdef",
    "tls.client.not_before": "2026-09-21T07:00:00.000Z",
    "tls.client.not_after": "2026-10-01T07:00:00.000Z",
}
HAPROXY = {"downstream_secure": "1", "downstream_tls_version": "TLSv1.3"}

GATEWAYS: dict[str, Proof] = {
    "nginx, verified": (
        gateway("nginx", **NGINX_TLS | NGINX_CLIENT | {"downstream_peer_verify": "SUCCESS"}),
        "meshseal_access",
        "mutual",
        {**NGINX_EVIDENCE, **NGINX_PROOF, "tls.client.verify": "SUCCESS"},
    ),
    "nginx, not verified": (
        gateway("nginx", **NGINX_TLS | NGINX_CLIENT | {"downstream_peer_verify": "FAILED:expired"}),
        "meshseal_access",
        "",
        {**NGINX_EVIDENCE, **NGINX_PROOF, "tls.client.verify": "FAILED:expired"},
    ),
    "nginx, no certificate": (
        gateway("nginx", **NGINX_TLS),
        "meshseal_access",
        "",
        {**NGINX_EVIDENCE, "tls.client.verify": "NONE"},
    ),
    "nginx, no TLS": (gateway("nginx", downstream_secure=""), "meshseal_access", "plaintext", {}),
    "nginx, a pipe": (
        gateway("nginx", downstream_remote_address="unix::"),
        "meshseal_access",
        "",
        {},
    ),
    "haproxy, verified": (
        gateway(
            "haproxy",
            **HAPROXY,
            downstream_peer_verify="1:0",
            downstream_peer_subject="/CN=web",
            downstream_peer_cert_v_end="261001070000Z",
        ),
        "meshseal_access",
        "mutual",
        {
            "tls.protocol.name": "tls",
            "tls.protocol.version": "1.3",
            "tls.client.subject": "/CN=web",
            "tls.client.not_after": "2026-10-01T07:00:00.000Z",
            "tls.client.verify": "1:0",
        },
    ),
    # HAProxy says 0, no error, of a certificate that was never shown too.
    "haproxy, no certificate": (
        gateway("haproxy", **HAPROXY, downstream_peer_verify="0:0"),
        "meshseal_access",
        "",
        {
            "tls.protocol.name": "tls",
            "tls.protocol.version": "1.3",
            "tls.client.verify": "0:0",
        },
    ),
    "haproxy, not verified": (
        gateway(
            "haproxy", **HAPROXY, downstream_peer_verify="1:19", downstream_peer_subject="/CN=web"
        ),
        "meshseal_access",
        "",
        {
            "tls.protocol.name": "tls",
            "tls.protocol.version": "1.3",
            "tls.client.subject": "/CN=web",
            "tls.client.verify": "1:19",
        },
    ),
    "haproxy, no TLS": (
        gateway("haproxy", downstream_secure="0", downstream_tls_version="-"),
        "meshseal_access",
        "plaintext",
        {},
    ),
}


def evidence(row: Row) -> Evidence:
    """Return all that a record says of identities and encryption."""
    other = row.get("OtherAttributes", {})
    columns = {key: row[key] for key in ("PeerSpiffeId", "LocalSpiffeId") if key in row}
    return columns | {key: value for key, value in other.items() if key.startswith("tls.")}


def decoded(decoder: Decoder, lines: dict[str, str]) -> dict[str, Row]:
    """Return the records of lines, all read in one pass."""
    return decode_all(decoder, [Case(name, line, "") for name, line in lines.items()])


PROOFS = {**{f"own: {name}": proof for name, proof in OWN.items()}, **GATEWAYS}


@pytest.fixture(scope="module")
def rows(decoder: Decoder) -> dict[str, Row]:
    return decoded(decoder, {name: proof[0] for name, proof in PROOFS.items()})


@pytest.mark.parametrize("name", PROOFS)
def test_what_a_line_proves(rows: dict[str, Row], name: str) -> None:
    _, format_name, mtls, wanted = PROOFS[name]
    row = rows[name]
    assert (row["Format"], row.get("Mtls", "")) == (format_name, mtls)
    assert evidence(row) == wanted
