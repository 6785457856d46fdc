"""Envoy's streams: what a first message says holds for the others, and any bytes get a status."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Struct
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model import protowire as wire
from meshseal.model.envelope import Envelope, Payload
from meshseal.model.errors import (
    AuthenticationError,
    ForbiddenError,
    MeshsealError,
    OverloadedError,
    PayloadError,
    RateLimitedError,
    TooLargeError,
    UnsupportedError,
)
from meshseal.wire.envoy_als import ENVOY_ALS, AccessLogStream, decode, labels_of
from meshseal.wire.protocol import Request
from meshseal.wire.protos.spool_pb2 import EnvoyAls
from tests.wire.bent import bent

REQUEST = Request(
    path=ENVOY_ALS.paths[0],
    query={},
    headers={},
    body=b"",
    received_unix_nano=7,
    door="envoy_als",
    tenant="t",
    source="s",
)


def field(number: int, content: bytes | str) -> bytes:
    data = content.encode() if isinstance(content, str) else content
    return wire.bytes_head(number, len(data)) + data


def node(**parts: Any) -> bytes:
    """An identifier: the log's name, and a node."""
    metadata = Struct()
    metadata.update(parts.get("metadata", {}))
    return field(
        1,
        field(1, parts.get("id", ""))
        + field(2, parts.get("cluster", ""))
        + field(3, metadata.SerializeToString())
        + field(4, parts.get("locality", b""))
        + field(8, parts.get("build", b""))
        + field(9, field(1, "envoy.filters.http.router")),
    ) + field(2, parts.get("log_name", "http_envoy_accesslog"))


def http(*paths: str, identifier: bytes = b"") -> bytes:
    message = EnvoyAls()
    for path in paths:
        message.http_logs.log_entry.add().request.path = path.encode()
    return (field(1, identifier) if identifier else b"") + message.SerializeToString()


def tcp(*clusters: str) -> bytes:
    message = EnvoyAls()
    for cluster in clusters:
        message.tcp_logs.log_entry.add().common_properties.upstream_cluster = cluster.encode()
    return message.SerializeToString()


def taken(*messages: bytes) -> list[Envelope]:
    return list(AccessLogStream(REQUEST).received(messages, 8))


def entries(envelope: Envelope) -> list[str]:
    message = EnvoyAls.FromString(bytes(envelope.content))
    return [one.request.path.decode() for one in message.http_logs.log_entry] + [
        one.common_properties.upstream_cluster.decode() for one in message.tcp_logs.log_entry
    ]


# ---- Entries -----------------------------------------------------------------------------------

A, B = node(cluster="a"), node(cluster="b")
CASES: dict[str, tuple[list[bytes], list[tuple[list[str], str]]]] = {
    "one message": ([http("/1", "/2", identifier=A)], [(["/1", "/2"], "a")]),
    "later messages are of the first one's node": (
        [http("/1", identifier=A), http("/2"), http("/3", "/4")],
        [(["/1", "/2", "/3", "/4"], "a")],
    ),
    "a message may name another node": (
        [http("/1", identifier=A), http("/2", identifier=B), http("/3")],
        [(["/1"], "a"), (["/2", "/3"], "b")],
    ),
    "an identifier alone": ([http(identifier=A), http("/1")], [(["/1"], "a")]),
    "both kinds": (
        [http("/1", identifier=A), tcp("x", "y"), http("/2")],
        [(["/1"], "a"), (["x", "y"], "a"), (["/2"], "a")],
    ),
    "nobody": ([http("/1")], [(["/1"], "")]),
    "nothing": ([b"", http(identifier=A)], []),
    "entries in several pieces": ([http("/1") + http("/2", identifier=A)], [(["/1", "/2"], "a")]),
    "unknown fields": ([field(15, b"x") + b"\x80\x01\x01" + http("/1")], [(["/1"], "")]),
}


@pytest.mark.parametrize(("messages", "wanted"), CASES.values(), ids=CASES)
def test_the_entries_of_a_stream(
    messages: list[bytes], wanted: list[tuple[list[str], str]]
) -> None:
    envelopes = taken(*messages)
    found = [(entries(one), one.labels.get("envoy.node.cluster", "")) for one in envelopes]
    assert found == wanted
    for envelope in envelopes:
        assert envelope.records == len(entries(envelope))
        assert envelope.kind is Payload.ENVOY_ALS
        assert (envelope.tenant, envelope.source, envelope.door) == ("t", "s", "envoy_als")
        assert envelope.received_unix_nano == 8


def test_what_is_known_outlives_a_batch() -> None:
    stream = AccessLogStream(REQUEST)
    assert list(stream.received([http(identifier=A)], 1)) == []
    (envelope,) = stream.received([http("/1")], 2)
    assert envelope.labels["service.name"] == "a"


BAD = {
    "no message": b"\xff",
    "cut short": http("/1")[:-1],
    "an entry that is none": field(2, field(1, b"\xff")),
    "a group": b"\x0b\x0c",
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_what_stands_before_a_bad_message_is_kept(bad: bytes) -> None:
    envelopes = AccessLogStream(REQUEST).received([http("/1"), bad, http("/2")], 1)
    assert entries(next(envelopes)) == ["/1"]
    with pytest.raises(PayloadError, match="StreamAccessLogsMessage"):
        next(envelopes)


@given(st.lists(st.one_of(st.binary(max_size=60), bent(http("/1", "/2", identifier=A) + tcp("x")))))
def test_any_messages_are_taken_or_refused_in_the_protocols_words(messages: list[bytes]) -> None:
    found: list[Envelope] = []
    good = []
    for message in messages:
        try:
            good.append(EnvoyAls.FromString(message))
        except DecodeError:
            break
    try:
        for envelope in AccessLogStream(REQUEST).received(messages, 1):
            found.append(envelope)  # noqa: PERF402 - an error keeps what came before it
    except PayloadError:
        pass
    else:
        assert len(good) == len(messages)
        counted = sum(len(m.http_logs.log_entry) + len(m.tcp_logs.log_entry) for m in good)
        assert sum(one.records for one in found) == counted
    for envelope in found:
        assert envelope.records == len(entries(envelope))


@given(st.lists(st.sampled_from([http("/1"), tcp("x"), http("/2", identifier=B), b""])), st.data())
def test_how_messages_come_makes_no_difference(messages: list[bytes], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(messages)))
    stream = AccessLogStream(REQUEST)
    halves = [*stream.received(messages[:cut], 1), *stream.received(messages[cut:], 1)]
    whole = taken(*messages)

    def flat(envelopes: list[Envelope]) -> list[tuple[str, str]]:
        return [(one, str(e.labels.get("service.name"))) for e in envelopes for one in entries(e)]

    assert flat(halves) == flat(whole)


# ---- Who logs ----------------------------------------------------------------------------------

NODES: dict[str, tuple[bytes, dict[str, str]]] = {
    "an Istio sidecar": (
        node(
            id="sidecar~10.1.2.3~web-1.shop~shop.svc.cluster.local",
            cluster="web.shop",
            locality=field(1, "eu-1") + field(2, "eu-1a") + field(3, "rack"),
            build=field(1, b"\x08\x01\x10\x21\x18\x02"),
            metadata={
                "LABELS": {"app": "web", "app.kubernetes.io/version": "7"},
                "OWNER": "kubernetes://apis/apps/v1/namespaces/shop/statefulsets/web",
                "WORKLOAD_NAME": "web-workload",
                "PROXY_CONFIG": {"concurrency": 2},
                "POD_PORTS": "[]",
                "COUNT": 3,
                "ON": True,
                "NOTHING": None,
            },
        ),
        {
            "log_name": "http_envoy_accesslog",
            "envoy.node.id": "sidecar~10.1.2.3~web-1.shop~shop.svc.cluster.local",
            "envoy.node.cluster": "web.shop",
            "envoy.node.sub_zone": "rack",
            "envoy.version": "1.33.2",
            "cloud.region": "eu-1",
            "cloud.availability_zone": "eu-1a",
            "istio.node.type": "sidecar",
            "istio.workload.name": "web-workload",
            "k8s.pod.ip": "10.1.2.3",
            "k8s.pod.name": "web-1",
            "k8s.namespace.name": "shop",
            "k8s.statefulset.name": "web",
            "k8s.pod.label.app": "web",
            "k8s.pod.label.app.kubernetes.io/version": "7",
            "envoy.node.metadata.POD_PORTS": "[]",
            "envoy.node.metadata.COUNT": "3",
            "envoy.node.metadata.ON": "true",
            "service.name": "web",
            "service.namespace": "shop",
            "service.version": "7",
        },
    ),
    "a pod's name with dots": (
        node(id="router~10.1.2.3~gw.v1-1.edge~x", cluster="gw"),
        {
            "log_name": "http_envoy_accesslog",
            "envoy.node.id": "router~10.1.2.3~gw.v1-1.edge~x",
            "envoy.node.cluster": "gw",
            "istio.node.type": "router",
            "k8s.pod.ip": "10.1.2.3",
            "k8s.pod.name": "gw.v1-1",
            "k8s.namespace.name": "edge",
            "service.name": "gw",
            "service.namespace": "edge",
        },
    ),
    "no Istio": (
        node(id="envoy-1", cluster="front", log_name="mine"),
        {
            "log_name": "mine",
            "envoy.node.id": "envoy-1",
            "envoy.node.cluster": "front",
            "service.name": "front",
        },
    ),
    "too long a value is left out": (
        node(id="x" * 257, cluster="c", metadata={"K": "y" * 257}),
        {"log_name": "http_envoy_accesslog", "envoy.node.cluster": "c", "service.name": "c"},
    ),
    "no identifier": (b"\xff", {}),
    "metadata that is none": (field(1, field(2, "c") + field(3, b"\xff")), {}),
}


@pytest.mark.parametrize(("identifier", "labels"), NODES.values(), ids=NODES)
def test_who_logs(identifier: bytes, labels: dict[str, str]) -> None:
    assert labels_of(identifier) == labels


@given(st.one_of(st.binary(max_size=100), bent(NODES["an Istio sidecar"][0])))
def test_any_identifier_says_something_or_nothing(identifier: bytes) -> None:
    for name, value in labels_of(identifier).items():
        assert name
        assert 0 < len(value) <= 256


def test_too_much_metadata_is_cut() -> None:
    found = labels_of(node(cluster="c", metadata={f"K{n}": "v" for n in range(500)}))
    assert len(found) == 128
    assert found["service.name"] == "c"


# ---- Refusals ----------------------------------------------------------------------------------

ERRORS: list[tuple[MeshsealError, int]] = [
    (PayloadError("x"), 3),
    (UnsupportedError("x"), 12),
    (TooLargeError("x"), 8),
    (AuthenticationError("x"), 16),
    (ForbiddenError("x"), 7),
    (OverloadedError("x"), 14),
    (RateLimitedError("x"), 14),
    (MeshsealError("x"), 13),
]


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=lambda value: type(value).__name__)
def test_an_error_has_its_status(error: MeshsealError, code: int) -> None:
    reply = ENVOY_ALS.refuse(error, {})
    assert reply.status == code
    status = Status.FromString(reply.body)
    assert (status.code, status.message) == (code, "x")


def test_the_method_is_a_stream() -> None:
    with pytest.raises(PayloadError, match="is a stream"):
        decode(REQUEST)
