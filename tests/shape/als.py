"""Entries of Envoy's access log service, for the tests of what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from google.protobuf import any_pb2
from google.protobuf.message import Message

from meshseal.model.envelope import Payload
from meshseal.wire.protos.spool_pb2 import EnvoyAls
from tests.shape.decoder import RECEIVED_UNIX_NANO, Decoder, Row

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
