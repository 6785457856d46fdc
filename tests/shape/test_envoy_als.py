"""Entries of Envoy's access log service, and the records they become."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

import pytest
from google.protobuf import any_pb2, struct_pb2, wrappers_pb2
from google.protobuf.message import DecodeError, Message
from hypothesis import HealthCheck, given, settings

from meshseal.model import protowire as wire
from meshseal.model.envelope import Payload
from meshseal.shape.repair import repaired
from meshseal.wire.protos.spool_pb2 import EnvoyAls
from tests.shape.decoder import RECEIVED_UNIX_NANO, Decoder, Row
from tests.wire.bent import bent

pytestmark = pytest.mark.engine

INBOUND, OUTBOUND = "inbound|8000||", "outbound|80|v1|cart.shop.svc.cluster.local"
Edit = Callable[[Any], None]


def message(*edits: Edit, kind: str = "http") -> EnvoyAls:
    """Entries, each made by a function."""
    made = EnvoyAls()
    logs = getattr(made, f"{kind}_logs")
    for edit in edits:
        edit(logs.log_entry.add())
    return made


def rows(decoder: Decoder, made: EnvoyAls, **labels: str) -> list[Row]:
    records = len(made.http_logs.log_entry) + len(made.tcp_logs.log_entry)
    return decoder.rows(Payload.ENVOY_ALS, made.SerializeToString(), records, labels=labels)


def row(decoder: Decoder, edit: Edit, kind: str = "http") -> dict[str, Any]:
    (found,) = rows(decoder, message(edit, kind=kind))
    return dict(found)


def other(found: dict[str, Any]) -> dict[str, str]:
    return cast("dict[str, str]", found.get("OtherAttributes", {}))


def pair(pairs: Any, key: str, value: bytes | str) -> None:
    pairs.add(key=key.encode(), value=value if isinstance(value, bytes) else value.encode())


def packed(content: Message) -> bytes:
    found = any_pb2.Any()
    found.Pack(content)
    return found.SerializeToString()


def full(entry: Any) -> None:
    """An entry in which nearly every field says something."""
    common, request, response = entry.common_properties, entry.request, entry.response
    entry.protocol_version = 3
    common.sample_rate = 0.5
    common.downstream_remote_address.socket_address.address = b"10.0.0.1"
    common.downstream_remote_address.socket_address.port_value = 1
    common.downstream_local_address.socket_address.address = b"fd00::1"
    common.downstream_local_address.socket_address.port_value = 2
    common.downstream_direct_remote_address.socket_address.address = b"10.0.0.9"
    common.upstream_remote_address.pipe.path = b"/run/app.sock"
    common.upstream_local_address.envoy_internal_address.server_listener_name = b"main"
    common.upstream_local_address.envoy_internal_address.endpoint_id = b"7"
    common.start_time.seconds = RECEIVED_UNIX_NANO // 10**9
    common.start_time.nanos = 123456789
    common.time_to_last_rx_byte.nanos = 1
    common.time_to_last_downstream_tx_byte.seconds = 2
    common.upstream_cluster = INBOUND.encode()
    common.response_flags = b"\x30\x01\x6a\x02\x08\x01\x80\x01\x01"
    common.upstream_transport_failure_reason = b"tls: bad"
    common.route_name = b"default"
    pair(common.custom_tags, "team", "blue")
    pair(common.custom_tags, "mesh.mtls", "mutual")
    common.duration.nanos = 1_500_000
    common.upstream_request_attempt_count = 3
    common.stream_id = b"stream"
    common.intermediate_log_entry = True
    common.downstream_transport_failure_reason = b"gone"
    common.downstream_wire_bytes_sent = 4
    common.access_log_type = 5
    request.request_method = 3
    request.scheme = b"https"
    request.authority = b"cart.shop:8000"
    request.port.value = 8000
    request.path = b"/a/b?c=d"
    request.user_agent = b'agent "1"/\xff'
    request.referer = b"http://r/"
    request.forwarded_for = b"192.0.2.1, 10.0.0.2"
    request.request_id = b"id-1"
    request.original_path = b"/before"
    request.request_headers_bytes = 10
    request.request_body_bytes = 11
    pair(request.request_headers, "b3", f"{'ab' * 16}-{'cd' * 8}-1")
    pair(request.request_headers, "x-request-id", "another")
    response.response_code.value = 503
    response.response_body_bytes = 12
    response.response_code_details = b"via_upstream"
    pair(response.response_headers, "x-envoy-upstream-service-time", "9")
    pair(response.response_trailers, "grpc-status", "0")


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

PEER, OWN = "spiffe://td/ns/shop/sa/web", "spiffe://td/ns/shop/sa/cart"


def tls(
    cluster: str, *, peer: str = "", own: str = "", version: int = 0, direct: str = "10.0.0.1"
) -> Edit:
    def edit(entry: Any) -> None:
        common = entry.common_properties
        common.upstream_cluster = cluster.encode()
        common.downstream_direct_remote_address.socket_address.address = direct.encode()
        common.tls_properties.tls_version = version
        for certificate, name in (
            (common.tls_properties.peer_certificate_properties, peer),
            (common.tls_properties.local_certificate_properties, own),
        ):
            if name:
                certificate.subject_alt_name.add(dns=b"first.example")
                certificate.subject_alt_name.add(uri=name.encode())

    return edit


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
    "an outbound entry is of the other connection": (
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


def test_the_details_of_tls(decoder: Decoder) -> None:
    def edit(entry: Any) -> None:
        tls(OUTBOUND, peer=PEER, own=OWN, version=3)(entry)
        properties = entry.common_properties.tls_properties
        properties.tls_cipher_suite.value = 0xC02B
        properties.tls_sni_hostname = b"cart.shop"
        properties.tls_session_id = b"session"
        properties.ja3_fingerprint = b"ja3"
        properties.peer_certificate_properties.subject = b"CN=web"
        properties.peer_certificate_properties.issuer = b"O=ca"
        properties.local_certificate_properties.subject = b"CN=cart"

    found = row(decoder, edit)
    assert found["TlsServerName"] == "cart.shop"
    assert {name: value for name, value in other(found).items() if name.startswith("tls.")} == {
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


# ---- Values of any kind ------------------------------------------------------------------------


def struct(**members: Any) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(members)
    return made


STATES: dict[str, tuple[bytes, str]] = {
    "an object": (packed(struct(b="x", a=1)), '{"a":1,"b":"x"}'),
    "a nested one": (packed(struct(a={"b": [1.5, None, True]})), '{"a":{"b":[1.5,null,true]}}'),
    "text": (packed(wrappers_pb2.StringValue(value='a "b"')), 'a "b"'),
    "bytes": (packed(wrappers_pb2.BytesValue(value=b"\x00\xff")), "AP8="),
    "a number": (packed(wrappers_pb2.UInt64Value(value=7)), "7"),
    "what JSON has no number for": (packed(struct(a=float("inf"))), '{"a":"Infinity"}'),
    "an unknown type": (
        any_pb2.Any(type_url="x/my.Type", value=b"abc").SerializeToString(),
        '{"@type":"x/my.Type","value":"YWJj"}',
    ),
    "what is no Any": (b"\xff", '"/w=="'),
}


@pytest.mark.parametrize(("encoded", "text"), STATES.values(), ids=STATES)
def test_the_state_of_filters(decoder: Decoder, encoded: bytes, text: str) -> None:
    found = row(
        decoder, lambda entry: pair(entry.common_properties.filter_state_objects, "s", encoded)
    )
    assert other(found) == {"envoy.filter_state.s": text}


def said(number: int, name: str, content: bytes) -> bytes:
    entry = wire.bytes_head(1, len(name)) + name.encode()
    entry += wire.bytes_head(2, len(content)) + content
    return wire.bytes_head(number, len(entry)) + entry


METADATA: dict[str, tuple[bytes, dict[str, str]]] = {
    "of two filters": (
        said(1, "a", struct(k="v").SerializeToString())
        + said(2, "b", packed(wrappers_pb2.StringValue(value="w"))),
        {"envoy.metadata.a": '{"k":"v"}', "envoy.metadata.b": "w"},
    ),
    "that is none": (b"\xff", {"envoy.metadata": '"/w=="'}),
}


@pytest.mark.parametrize(("encoded", "wanted"), METADATA.values(), ids=METADATA)
def test_the_metadata_of_filters(decoder: Decoder, encoded: bytes, wanted: dict[str, str]) -> None:
    found = row(decoder, lambda entry: setattr(entry.common_properties, "metadata", encoded))
    assert other(found) == wanted


ISTIO = packed(struct(namespace="front", workload="web-v1", service="web", app="a"))
PEERS: dict[str, tuple[str, str, str, tuple[str, str]]] = {
    "inbound: who called": (INBOUND, "downstream_peer", PEER, ("web", "front")),
    "outbound: the cluster says it": (OUTBOUND, "upstream_peer", "", ("cart", "shop")),
    "passthrough: who was called": ("PassthroughCluster", "upstream_peer", "", ("web", "front")),
    "inbound: not who was called": (INBOUND, "upstream_peer", "", ("", "")),
    "inbound: the namespace is in the certificate": (INBOUND, "x", PEER, ("", "shop")),
}


@pytest.mark.parametrize(("cluster", "key", "peer", "wanted"), PEERS.values(), ids=PEERS)
def test_the_service_at_the_other_end(
    decoder: Decoder, cluster: str, key: str, peer: str, wanted: tuple[str, str]
) -> None:
    def edit(entry: Any) -> None:
        tls(cluster, peer=peer, version=4)(entry)
        common = entry.common_properties
        common.upstream_remote_address.socket_address.address = b"10.0.0.2"
        pair(common.filter_state_objects, key, ISTIO)

    found = row(decoder, edit)
    assert (found.get("PeerService", ""), found.get("PeerNamespace", "")) == wanted


# ---- Traces ------------------------------------------------------------------------------------

T, S = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACES: dict[str, tuple[dict[str, str], tuple[str, str, str]]] = {
    "W3C": ({"traceparent": f"00-{T}-{S}-01"}, (T, S, "1")),
    "W3C before B3": ({"b3": f"{S}-{S}", "traceparent": f"00-{T}-{S}-00"}, (T, S, "")),
    "B3 in one": ({"b3": f"{T}-{S}-1-{S}"}, (T, S, "")),
    "B3 in many": ({"x-b3-traceid": S, "x-b3-spanid": S}, ("0" * 16 + S, S, "")),
    "B3 that only says no": ({"b3": "0"}, ("", "", "")),
    "none": ({"traceparent": "nothing"}, ("", "", "")),
}


@pytest.mark.parametrize(("headers", "wanted"), TRACES.values(), ids=TRACES)
def test_the_trace_of_a_request(
    decoder: Decoder, headers: dict[str, str], wanted: tuple[str, str, str]
) -> None:
    def edit(entry: Any) -> None:
        for name, value in headers.items():
            pair(entry.request.request_headers, name, value)

    found = row(decoder, edit)
    assert tuple(found.get(name, "") for name in ("TraceId", "SpanId", "TraceFlags")) == wanted


# ---- Whatever a sender writes ------------------------------------------------------------------


def test_what_does_not_fit_is_kept_as_text(decoder: Decoder) -> None:
    def edit(entry: Any) -> None:
        common = entry.common_properties
        common.start_time.seconds = 1 << 60
        common.duration.seconds = -5
        common.duration.nanos = -7
        common.access_log_type = 99
        common.tls_properties.tls_version = 9
        common.tls_properties.tls_cipher_suite.value = 0xABCDEF
        entry.request.request_method = 77
        entry.response.response_code.value = 70000

    found = row(decoder, edit)
    assert found["HttpRequestMethod"] == "77"
    assert other(found) == {
        "meshseal.timestamp.original": "-1",
        "http.response.status_code": "70000",
        "mesh.duration_ms": "-5s-7ns",
        "mesh.access_log_type": "99",
        "tls.protocol.name": "tls",
        "tls.protocol.version": "9",
        "tls.cipher": "0xCDEF",
    }


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(bent(message(full, full).SerializeToString()))
def test_any_entries_that_a_door_takes_become_records(decoder: Decoder, content: bytes) -> None:
    try:
        made = EnvoyAls.FromString(content)
    except DecodeError:
        return
    # What Protocol Buffers take and the engine does not is written anew, as the mill does.
    made = EnvoyAls.FromString(repaired(Payload.ENVOY_ALS, content) or content)
    count = len(made.http_logs.log_entry) + len(made.tcp_logs.log_entry)
    if count:
        assert len(rows(decoder, made)) == count
