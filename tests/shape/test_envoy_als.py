"""Entries of Envoy's access log service, and the records they become."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meshseal.model import protowire as wire
from tests.shape.als import (
    INBOUND,
    OUTBOUND,
    OWN,
    PEER,
    Edit,
    full,
    message,
    other,
    pair,
    row,
    rows,
    tls,
)
from tests.shape.decoder import RECEIVED_UNIX_NANO, Decoder

pytestmark = pytest.mark.engine

FULL: dict[str, Any] = {
    "Timestamp": str(RECEIVED_UNIX_NANO + 123456789),
    "TraceId": "ab" * 16,
    "SpanId": "cd" * 8,
    "SeverityText": "ERROR",
    "SeverityNumber": "17",
    "ServiceName": "cart",
    "ResourceAttributes": {"service.name": "cart"},
    "Format": "envoy_als",
    "HttpRequestMethod": "POST",
    "UrlPath": "/a/b",
    "UrlQuery": "c=d",
    "HttpResponseStatusCode": "503",
    "NetworkProtocolName": "http",
    "NetworkProtocolVersion": "2",
    "DurationNanos": "1500000",
    "UpstreamServiceTimeNanos": "9000000",
    "HttpRequestBodySize": "11",
    "HttpResponseBodySize": "12",
    "ResponseFlags": "UF,UAEX,URX",
    "ResponseCodeDetails": "via_upstream",
    "ErrorType": "UpstreamConnectionFailure",
    "ServerAddress": "cart.shop",
    "ServerPort": "8000",
    "ClientAddress": "192.0.2.1",
    "NetworkPeerAddress": "10.0.0.1",
    "NetworkPeerPort": "1",
    "NetworkLocalAddress": "fd00::1",
    "NetworkLocalPort": "2",
    "UserAgentOriginal": 'agent "1"/\udcff',
    "RequestId": "id-1",
    "UpstreamCluster": INBOUND,
    "UpstreamHost": "/run/app.sock",
    "UpstreamLocalAddress": "envoy://main/7",
    "Route": "default",
    "Reporter": "inbound",
    "Mtls": "plaintext",
    "OtherAttributes": {
        "mesh.upstream_transport_failure_reason": "tls: bad",
        "mesh.access_log_type": "DownstreamPeriodic",
        "url.scheme": "https",
        "envoy.request.port": "8000",
        "http.request.header.referer": "http://r/",
        "http.request.header.x-envoy-original-path": "/before",
        "envoy.stream_id": "stream",
        "envoy.sample_rate": "0.5",
        "envoy.intermediate_log_entry": "true",
        "envoy.downstream_transport_failure_reason": "gone",
        "envoy.downstream_direct_remote_address": "10.0.0.9",
        "envoy.time_to_last_rx_byte_ms": "0.000001",
        "envoy.time_to_last_downstream_tx_byte_ms": "2000",
        "envoy.upstream_request_attempt_count": "3",
        "mesh.retries": "2",
        "envoy.downstream_wire_bytes_sent": "4",
        "envoy.request_headers_bytes": "10",
        "http.request.header.b3": f"{'ab' * 16}-{'cd' * 8}-1",
        "envoy.http.request.header.x-request-id": "another",
        "http.response.header.x-envoy-upstream-service-time": "9",
        "http.response.trailer.grpc-status": "0",
        "team": "blue",
        "envoy.mesh.mtls": "mutual",
    },
}


def test_every_field_of_a_request_is_kept(decoder: Decoder) -> None:
    ((found,),) = [rows(decoder, message(full), **{"service.name": "cart"})]
    body = str(found.pop("Body"))
    assert found == FULL
    # Not UTF-8, but for the bytes that are none it is the JSON that Istio writes.
    line = json.loads(body.replace("\udcff", "?"))
    assert line == {
        "start_time": "2026-09-21T14:13:20.123Z",
        "method": "POST",
        "path": "/a/b?c=d",
        "protocol": "HTTP/2",
        "response_code": 503,
        "response_flags": "UF,UAEX,URX",
        "response_code_details": "via_upstream",
        "upstream_transport_failure_reason": "tls: bad",
        "bytes_received": 11,
        "bytes_sent": 12,
        "duration": 1.5,
        "upstream_service_time": 9,
        "x_forwarded_for": "192.0.2.1, 10.0.0.2",
        "user_agent": 'agent "1"/?',
        "request_id": "id-1",
        "authority": "cart.shop:8000",
        "upstream_host": "/run/app.sock",
        "upstream_cluster": INBOUND,
        "upstream_local_address": "envoy://main/7",
        "downstream_local_address": "[fd00::1]:2",
        "downstream_remote_address": "10.0.0.1:1",
        "route_name": "default",
    }
    assert '"path":"/a/b?c=d"' in body


def test_a_connection(decoder: Decoder) -> None:
    def edit(entry: Any) -> None:
        common = entry.common_properties
        common.upstream_cluster = b"outbound|5432||db.shop.svc.cluster.local"
        common.upstream_remote_address.socket_address.address = b"10.0.0.3"
        common.upstream_remote_address.socket_address.named_port = b"sql"
        common.time_to_last_downstream_tx_byte.seconds = 3
        common.connection_termination_details = b"rbac"
        common.access_log_type = 2
        common.response_flags = b"\x38\x01"
        entry.connection_properties.received_bytes = 5
        entry.connection_properties.sent_bytes = 1 << 40

    found = row(decoder, edit, "tcp")
    assert json.loads(found.pop("Body")) == {
        "response_flags": "UC",
        "connection_termination_details": "rbac",
        "bytes_received": 5,
        "bytes_sent": 1 << 40,
        "duration": 3000,
        "upstream_host": "10.0.0.3:sql",
        "upstream_cluster": "outbound|5432||db.shop.svc.cluster.local",
    }
    assert found == {
        "Timestamp": str(RECEIVED_UNIX_NANO),
        "SeverityText": "WARN",
        "SeverityNumber": "13",
        "ServiceName": "unknown_service",
        "Format": "envoy_als",
        "DurationNanos": "3000000000",
        "HttpRequestBodySize": "5",
        "HttpResponseBodySize": str(1 << 40),
        "ResponseFlags": "UC",
        "ErrorType": "UpstreamConnectionTermination",
        "NetworkPeerAddress": "10.0.0.3",
        "UpstreamCluster": "outbound|5432||db.shop.svc.cluster.local",
        "Reporter": "outbound",
        "PeerService": "db",
        "PeerNamespace": "shop",
        "OtherAttributes": {
            "network.peer.port": "sql",
            "mesh.connection_termination_details": "rbac",
            "network.transport": "tcp",
            "mesh.access_log_type": "TcpPeriodic",
            "envoy.time_to_last_downstream_tx_byte_ms": "3000",
        },
    }


# ---- Response flags ----------------------------------------------------------------------------

FLAGS = {
    1: "LH", 2: "UH", 3: "UT", 4: "LR", 5: "UR", 6: "UF", 7: "UC", 8: "UO", 9: "NR", 10: "DI",
    11: "FI", 12: "RL", 14: "RLSE", 15: "DC", 16: "URX", 17: "SI", 18: "IH", 19: "DPE",
    20: "UMSDR", 21: "RFCF", 22: "NFCF", 23: "DT", 24: "UPE", 25: "NC", 26: "OM", 27: "DF",
    28: "DR", 29: "flag29", 40: "flag40", 300: "flag300",
}  # fmt: skip


def flag(number: int, value: int = 1) -> bytes:
    return wire.varint(number << 3) + bytes([value])


@pytest.mark.parametrize(
    ("encoded", "shown"),
    [
        *((flag(number), name) for number, name in FLAGS.items()),
        (b"\x6a\x00", "UAEX"),
        (b"\x6a\x02\x08\x01", "UAEX"),
        (b"".join(map(flag, FLAGS)), ",".join(FLAGS.values())),
        (flag(1, 0) + flag(16, 0) + flag(3), "UT"),
        (b"\xff\xff\xff", ""),
    ],
)
def test_response_flags(decoder: Decoder, encoded: bytes, shown: str) -> None:
    found = row(decoder, lambda entry: setattr(entry.common_properties, "response_flags", encoded))
    assert found.get("ResponseFlags", "") == shown


# ---- Mutual TLS --------------------------------------------------------------------------------

PROOFS: dict[str, tuple[Edit, tuple[str, str, str]]] = {
    "both ends": (tls(INBOUND, peer=PEER, own=OWN, version=4), ("mutual", PEER, OWN)),
    "no side said": (tls("app", peer=PEER, own=OWN, version=4), ("mutual", PEER, OWN)),
    "names that are no SPIFFE ids": (
        tls(INBOUND, peer="urn:a", own="urn:b", version=3),
        ("mutual", "", ""),
    ),
    "the server alone": (tls(INBOUND, own=OWN, version=4), ("", "", OWN)),
    "the client alone": (tls(INBOUND, peer=PEER, version=4), ("", PEER, "")),
    "names without TLS": (tls(INBOUND, peer=PEER, own=OWN), ("", PEER, OWN)),
    "no TLS at an inbound listener": (tls(INBOUND), ("plaintext", "", "")),
    "no TLS, and no socket": (tls(INBOUND, direct=""), ("", "", "")),
    "no TLS, and no side said": (tls("app"), ("", "", "")),
    "an outbound entry is of the other connection, and tells nothing of it": (
        tls(OUTBOUND, peer=PEER, own=OWN, version=4),
        ("", "", ""),
    ),
    "no TLS from the application": (tls(OUTBOUND), ("", "", "")),
}


@pytest.mark.parametrize(("edit", "proof"), PROOFS.values(), ids=PROOFS)
def test_what_proves_mutual_tls(decoder: Decoder, edit: Edit, proof: tuple[str, str, str]) -> None:
    found = row(decoder, edit)
    shown = tuple(found.get(name, "") for name in ("Mtls", "PeerSpiffeId", "LocalSpiffeId"))
    assert shown == proof


def details(cluster: str) -> Edit:
    def edit(entry: Any) -> None:
        tls(cluster, peer=PEER, own=OWN, version=3)(entry)
        properties = entry.common_properties.tls_properties
        properties.tls_cipher_suite.value = 0xC02B
        properties.tls_sni_hostname = b"cart.shop"
        properties.tls_session_id = b"session"
        properties.ja3_fingerprint = b"ja3"
        properties.peer_certificate_properties.subject = b"CN=web"
        properties.peer_certificate_properties.issuer = b"O=ca"
        properties.local_certificate_properties.subject = b"CN=cart"

    return edit


DETAILS = {
    "tls.protocol.name": "tls",
    "tls.protocol.version": "1.2",
    "tls.cipher": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "tls.client.subject": "CN=web",
    "tls.client.issuer": "O=ca",
    "tls.client.x509.alternative_names": f"{PEER},first.example",
    "tls.client.ja3": "ja3",
    "tls.server.subject": "CN=cart",
    "tls.server.x509.alternative_names": f"{OWN},first.example",
    "tls.session_id": "session",
}


def of_tls(found: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in other(found).items() if "tls" in name}


def test_the_details_of_tls(decoder: Decoder) -> None:
    found = row(decoder, details(INBOUND))
    assert found["TlsServerName"] == "cart.shop"
    assert of_tls(found) == DETAILS


def test_an_outbound_entry_speaks_of_its_upstream(decoder: Decoder) -> None:
    """What is known of TLS to the upstream comes as custom tags; the rest is of the application."""

    def edit(entry: Any) -> None:
        details(OUTBOUND)(entry)
        tags = entry.common_properties.custom_tags
        pair(tags, "meshseal", "upstream_tls")
        pair(tags, "mesh.upstream.tls_version", "TLSv1.3")
        pair(tags, "mesh.upstream.tls_cipher", "ECDHE-RSA-AES256-GCM-SHA384")
        pair(tags, "mesh.upstream.spiffe_id", OWN)
        pair(tags, "mesh.upstream.local_spiffe_id", PEER)
        pair(tags, "mesh.upstream.tls_subject", "CN=cart")
        pair(tags, "tls.server.not_after", "2026-11-23T07:20:34.000Z")

    found = row(decoder, edit)
    assert (found.get("Mtls"), found["PeerSpiffeId"], found["LocalSpiffeId"]) == (None, OWN, PEER)
    assert of_tls(found) == {
        **{f"mesh.downstream.{name}": value for name, value in DETAILS.items()},
        "tls.protocol.name": "tls",
        "tls.protocol.version": "1.3",
        "tls.cipher": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "tls.server.subject": "CN=cart",
        "tls.server.not_after": "2026-11-23T07:20:34.000Z",
    }
    assert "mesh.upstream.spiffe_id" not in other(found)


def upstream(
    *, mark: str = "upstream_tls", host: str = "10.0.0.3", own: str = "10.0.0.1", **more: bytes
) -> Edit:
    def edit(entry: Any) -> None:
        common = entry.common_properties
        common.upstream_cluster = OUTBOUND.encode()
        if host.startswith("/"):
            common.upstream_remote_address.pipe.path = host.encode()
        else:
            common.upstream_remote_address.socket_address.address = host.encode()
        common.upstream_local_address.socket_address.address = own.encode()
        for name, value in more.items():
            setattr(common, name, value)
        if mark:
            pair(common.custom_tags, "meshseal", mark)

    return edit


@pytest.mark.parametrize(
    ("edit", "mtls"),
    [
        (upstream(), "plaintext"),
        (upstream(mark=""), ""),
        (upstream(mark="other"), ""),
        (upstream(host="/run/app.sock"), ""),
        (upstream(host=""), ""),
        (upstream(own=""), ""),
        (upstream(upstream_transport_failure_reason=b"TLS_error"), ""),
        (upstream(response_flags=b"\x30\x01"), ""),
    ],
    ids=["known", "no mark", "another mark", "a pipe", "nobody", "no connection", "failed", "UF"],
)
def test_plaintext_to_the_upstream(decoder: Decoder, edit: Edit, mtls: str) -> None:
    found = row(decoder, edit)
    assert found.get("Mtls", "") == mtls
