"""Values of any kind in Envoy's entries, the other end of a connection, traces, and any bytes."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import any_pb2, struct_pb2, wrappers_pb2
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings

from meshseal.model import protowire as wire
from meshseal.model.envelope import Payload
from meshseal.shape.repair import repaired
from meshseal.wire.protos.spool_pb2 import EnvoyAls
from tests.shape.als import (
    INBOUND,
    OUTBOUND,
    PEER,
    full,
    message,
    other,
    packed,
    pair,
    row,
    rows,
    tls,
)
from tests.shape.decoder import Decoder
from tests.wire.bent import bent

pytestmark = pytest.mark.engine

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
