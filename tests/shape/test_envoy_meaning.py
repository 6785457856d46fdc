"""What lines of Envoy formats of one's own say, field by field."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from meshseal.model.envelope import Payload
from meshseal.shape.custom import compile_format
from tests.shape.decoder import Decoder, Row, envelope

pytestmark = pytest.mark.engine


def read(decoder: Decoder, pairs: Sequence[tuple[Any, str]]) -> list[Row]:
    """Return the record of each line, read by the definition beside it."""
    names = [f"mine_{number}" for number in range(len(pairs))]
    decoder.use(*(compile_format(name, one) for name, (one, _) in zip(names, pairs, strict=True)))
    envelopes = [
        replace(envelope(Payload.LINES, line.encode(), 1), format=name)
        for name, (_, line) in zip(names, pairs, strict=True)
    ]
    found = [decoded.row() for decoded in decoder.decode(*envelopes)]
    decoder.use()
    return [{key: value for key, value in row.items() if key not in SAME_FOR_ALL} for row in found]


SAME_FOR_ALL = ("Tenant", "Source", "Batch", "Seq", "RetentionDays", "ObservedTimestamp", "Door")


READ: dict[str, tuple[Any, str, Row]] = {
    "a trace of B3 in one header": (
        "%REQ(B3)% %DURATION%",
        "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1 5",
        {
            "TraceId": "80f198ee56343ba864fe8b2a57d3eff7",
            "SpanId": "e457b5a2e4d86bd1",
            "DurationNanos": "5000000",
            "OtherAttributes": {
                "http.request.header.b3": "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1"
            },
        },
    ),
    "traces of Datadog, decimal whatever they look like": (
        "%REQ(X-DATADOG-TRACE-ID)% %REQ(X-DATADOG-PARENT-ID)%",
        "1234567890123456 18446744073709551615",
        {"TraceId": "0000000000000000000462d53c8abac0", "SpanId": "ffffffffffffffff"},
    ),
    "a trace that is none is kept": (
        "%REQ(X-B3-TRACEID)% %TRACE_ID%",
        "nonsense -",
        {"OtherAttributes": {"http.request.header.x-b3-traceid": "nonsense"}},
    ),
    "a common log": (
        "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% - - [%START_TIME(%d/%b/%Y:%H:%M:%S %z)%] "
        '"%REQ(:METHOD)% %PATH(NQ)%?%QUERY_PARAMS% %PROTOCOL%" %RESPONSE_CODE% %BYTES_SENT%',
        '2001:db8::1 - - [20/Sep/2026:12:11:12 +0200] "GET /a?b=c HTTP/1.1" 404 12',
        {
            "Timestamp": "1789899072000000000",
            "SeverityText": "WARN",
            "SeverityNumber": "13",
            "ClientAddress": "2001:db8::1",
            "NetworkPeerAddress": "2001:db8::1",
            "HttpRequestMethod": "GET",
            "UrlPath": "/a",
            "UrlQuery": "b=c",
            "NetworkProtocolName": "http",
            "NetworkProtocolVersion": "1.1",
            "HttpResponseStatusCode": "404",
            "HttpResponseBodySize": "12",
        },
    ),
    "an address and its port apart": (
        "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_REMOTE_PORT% %UPSTREAM_LOCAL_PORT%",
        "2001:db8::1 443 80",
        {
            "ClientAddress": "2001:db8::1",
            "NetworkPeerAddress": "2001:db8::1",
            "NetworkPeerPort": "443",
            "OtherAttributes": {"envoy.upstream_local_port": "80"},
        },
    ),
    "long names of flags": (
        "%RESPONSE_FLAGS_LONG% %RESPONSE_CODE%",
        "UpstreamConnectionFailure,UpstreamRetryLimitExceeded 503",
        {
            "SeverityText": "ERROR",
            "SeverityNumber": "17",
            "HttpResponseStatusCode": "503",
            "ErrorType": "UpstreamConnectionFailure",
            "OtherAttributes": {
                "envoy.response_flags_long": "UpstreamConnectionFailure,UpstreamRetryLimitExceeded"
            },
        },
    ),
    "retries and the status of gRPC": (
        "%UPSTREAM_REQUEST_ATTEMPT_COUNT% %GRPC_STATUS% %TRAILER(GRPC-STATUS)%",
        "3 DeadlineExceeded 4",
        {
            "OtherAttributes": {
                "mesh.retries": "2",
                "rpc.status_code": "DeadlineExceeded",
                "http.response.trailer.grpc-status": "4",
            }
        },
    ),
    "the upstream's connection, of an outbound proxy": (
        "%UPSTREAM_CLUSTER% %UPSTREAM_HOST% %DOWNSTREAM_TLS_VERSION% %UPSTREAM_TLS_VERSION% "
        "%UPSTREAM_PEER_URI_SAN% %UPSTREAM_LOCAL_URI_SAN% %UPSTREAM_PEER_SUBJECT%",
        "outbound|80||cart.shop.svc.cluster.local 10.0.0.1:80 - TLSv1.3 spiffe://a/ns/shop/sa/cart "
        "spiffe://a/ns/shop/sa/web -",
        {
            "UpstreamCluster": "outbound|80||cart.shop.svc.cluster.local",
            "Reporter": "outbound",
            "PeerService": "cart",
            "PeerNamespace": "shop",
            "NetworkPeerAddress": "10.0.0.1",
            "NetworkPeerPort": "80",
            "PeerSpiffeId": "spiffe://a/ns/shop/sa/cart",
            "LocalSpiffeId": "spiffe://a/ns/shop/sa/web",
            "OtherAttributes": {"tls.protocol.name": "tls", "tls.protocol.version": "1.3"},
        },
    ),
    "the server alone proves nothing of the client": (
        "%UPSTREAM_HOST% %UPSTREAM_TLS_VERSION% %UPSTREAM_PEER_URI_SAN% %UPSTREAM_LOCAL_URI_SAN%",
        "10.0.0.1:80 TLSv1.2 spiffe://a/ns/shop/sa/cart -",
        {
            "NetworkPeerAddress": "10.0.0.1",
            "NetworkPeerPort": "80",
            "PeerSpiffeId": "spiffe://a/ns/shop/sa/cart",
            "OtherAttributes": {"tls.protocol.name": "tls", "tls.protocol.version": "1.2"},
        },
    ),
    "no connection, no plaintext": (
        "%UPSTREAM_HOST% %UPSTREAM_TLS_VERSION% %DURATION%",
        "- - 5",
        {"DurationNanos": "5000000"},
    ),
    "an upstream without TLS": (
        "%UPSTREAM_HOST% %UPSTREAM_TLS_VERSION%",
        "10.0.0.1:80 -",
        {"NetworkPeerAddress": "10.0.0.1", "NetworkPeerPort": "80", "Mtls": "plaintext"},
    ),
    "an outbound proxy's own client is not its peer": (
        "%UPSTREAM_CLUSTER% %DOWNSTREAM_TLS_VERSION% %DOWNSTREAM_PEER_URI_SAN%",
        "outbound|80||cart.shop.svc.cluster.local TLSv1.3 spiffe://a/b",
        {
            "UpstreamCluster": "outbound|80||cart.shop.svc.cluster.local",
            "Reporter": "outbound",
            "PeerService": "cart",
            "PeerNamespace": "shop",
            "OtherAttributes": {
                "tls.protocol.name": "tls",
                "tls.protocol.version": "1.3",
                "envoy.downstream_peer_uri_san": "spiffe://a/b",
            },
        },
    ),
    "Kuma says which side": (
        "%KUMA_TRAFFIC_DIRECTION% %KUMA_SOURCE_SERVICE% %KUMA_DESTINATION_SERVICE% %KUMA_MESH%",
        "INBOUND web cart_shop_svc_80 default",
        {
            "ServiceName": "cart",
            "Reporter": "inbound",
            "PeerService": "web",
            "OtherAttributes": {
                "service.namespace": "shop",
                "kuma.destination_service": "cart_shop_svc_80",
                "mesh.name": "default",
            },
        },
    ),
    "the environment is of the resource": (
        "%ENVIRONMENT(POD_NAME)% %ENVIRONMENT(POD_NAMESPACE)% %ENVIRONMENT(SERVICE_NAME)% "
        "%ENVIRONMENT(TEAM)%",
        "pod-1 shop cart blue",
        {
            "ServiceName": "cart",
            "ResourceAttributes": {"k8s.namespace.name": "shop", "k8s.pod.name": "pod-1"},
            "OtherAttributes": {"envoy.environment.TEAM": "blue"},
        },
    ),
    "one operator twice, and two for one field": (
        "%DURATION% %DURATION% %UPSTREAM_HOST% %UPSTREAM_REMOTE_ADDRESS% %REQ(X-A)% %REQ(X-A?X-B)%",
        "5 5 10.0.0.1:80 10.0.0.2:81 a b",
        {
            "DurationNanos": "5000000",
            "NetworkPeerAddress": "10.0.0.1",
            "NetworkPeerPort": "80",
            "OtherAttributes": {
                "envoy.upstream_remote_address": "10.0.0.2:81",
                "http.request.header.x-a": "a",
                "http.request.header.x-a.2": "b",
            },
        },
    ),
    "a template within JSON that its value does not fit": (
        {"a": "%REQ(:METHOD)% to %REQ(:AUTHORITY)%", "b": "%DURATION%"},
        '{"a":"nonsense","b":5}',
        {"DurationNanos": "5000000", "OtherAttributes": {"a": "nonsense"}},
    ),
    "keys that the format does not know": (
        {"a": "%DURATION%", "b": {"c": "%PROTOCOL%"}},
        '{"a":5,"b":{"c":"HTTP/2"},"new":"x","more":{"y":1}}',
        {
            "DurationNanos": "5000000",
            "NetworkProtocolName": "http",
            "NetworkProtocolVersion": "2",
            "OtherAttributes": {"new": "x", "more.y": "1"},
        },
    ),
    "JSON of another structure": (
        {"a": "%DURATION%", "b": ["%PROTOCOL%"]},
        '{"a":{"x":1},"b":"HTTP/2"}',
        {"OtherAttributes": {"mesh.duration_ms": '{"x":1}'}},
    ),
    "text that looks like JSON": (
        {"text_format": '{"m":"%REQ(:METHOD)%","ua":"%REQ(USER-AGENT)%","d":%DURATION%}'},
        '{"m":"GET","ua":"say "hi", "d":7","d":9}',
        {
            "HttpRequestMethod": "GET",
            "UserAgentOriginal": 'say "hi", "d":7',
            "DurationNanos": "9000000",
        },
    ),
}
PLAIN = {
    "Timestamp": "1790000000000000000",
    "SeverityText": "INFO",
    "SeverityNumber": "9",
    "ServiceName": "unknown_service",
}


@pytest.fixture(scope="module")
def rows(decoder: Decoder) -> dict[str, Row]:
    found = read(decoder, [(definition, line) for definition, line, _ in READ.values()])
    return dict(zip(READ, found, strict=True))


@pytest.mark.parametrize("name", READ)
def test_a_line_gives_its_record(rows: dict[str, Row], name: str) -> None:
    _, line, wanted = READ[name]
    mine = f"mine_{list(READ).index(name)}"
    assert rows[name] == PLAIN | wanted | {"Body": line, "Format": mine}


@pytest.mark.parametrize(
    "name", ["the environment is of the resource", "keys that the format does not know"]
)
def test_a_body_gives_its_record_beside_its_own_attributes(decoder: Decoder, name: str) -> None:
    definition, line, wanted = READ[name]
    decoder.use(compile_format("mine", definition))
    request = json.dumps(_otlp(line, {"own": "1"})).encode()
    (row,) = decoder.rows(Payload.OTLP_LOGS_JSON, request, 1)
    decoder.use()
    other = {**wanted.get("OtherAttributes", {}), "own": "1"}
    assert row == PLAIN | wanted | {"Body": line, "Format": "mine", "OtherAttributes": other}


def _otlp(body: str, attributes: dict[str, str]) -> dict[str, Any]:
    pairs = [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]
    record = {"body": {"stringValue": body}, "attributes": pairs}
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}


TIMES: dict[str, tuple[str, str, int]] = {
    "seconds": ("%START_TIME(%s)%", "1789899072", 0),
    "milliseconds": ("%START_TIME(%s%3f)%", "1789899072345", 345_000_000),
    "seconds and nanoseconds": ("%START_TIME(%s.%9f)%", "1789899072.000000001", 1),
    "ISO with a slash": ("%START_TIME(%Y/%m/%dT%H:%M:%S%z)%", "2026/09/20T10:11:12+0000", 0),
    "ISO in short": ("%START_TIME(%F %T.%3f)%", "2026-09-20 10:11:12.345", 345_000_000),
    "a clock of twelve hours": ("%START_TIME(%b %e %I:%M:%S %p %Y)%", "Sep 20 10:11:12 AM 2026", 0),
    "the afternoon": ("%START_TIME(%D %I:%M:%S %p)%", "09/19/26 10:11:12 PM", -43200 * 10**9),
    "with a fraction": (
        "%START_TIME(%m-%d-%Y %H:%M:%E3S)%",
        "09-20-2026 10:11:12.345",
        345_000_000,
    ),
    "local time with its zone": (
        "%START_TIME_LOCAL(%Y-%m-%dT%H:%M:%S%z)%",
        "2026-09-20T12:11:12+0200",
        0,
    ),
    "local time as it is": ("%START_TIME_LOCAL%", "2026-09-20T12:11:12.000+0200", 0),
    "the time of writing, where there is no other": ("%EMIT_TIME%", "2026-09-20T10:11:12Z", 0),
}


def test_a_time_is_read_as_its_pattern_says(decoder: Decoder) -> None:
    pairs = [(f"<{one}> %DURATION%", f"<{text}> 5") for one, text, _ in TIMES.values()]
    for name, row in zip(TIMES, read(decoder, pairs), strict=True):
        assert row["Timestamp"] == str(1789899072 * 10**9 + TIMES[name][2]), name
        assert "OtherAttributes" not in row, name


NO_MOMENT = {
    "%START_TIME(%H:%M)%": ("10:11", "envoy.start_time.%H:%M"),
    "%START_TIME(%ms)%": ("11s", "envoy.start_time.%ms"),
    "%START_TIME(%j %Y)%": ("326 2026", "envoy.start_time.%j %Y"),
    "%START_TIME_LOCAL(%F %T)%": ("2026-09-20 10:11:12", "envoy.start_time_local.%F %T"),
}


def test_what_does_not_say_a_moment_is_kept(decoder: Decoder) -> None:
    pairs = [(f"<{one}> %DURATION%", f"<{text}> 5") for one, (text, _) in NO_MOMENT.items()]
    for row, (text, name) in zip(read(decoder, pairs), NO_MOMENT.values(), strict=True):
        assert row["Timestamp"] == PLAIN["Timestamp"]
        assert row["OtherAttributes"] == {name: text}
