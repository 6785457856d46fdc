"""Istio ambient, Linkerd and Cilium Hubble: lines from their sources, and their odd relatives.

Sources of the samples: istio/ztunnel (README, src/proxy/metrics.rs, pull request 1500),
linkerd/linkerd2-proxy (linkerd/http/access-log), cilium/cilium (api/v1/flow/flow.proto, the tests
of hubble/pkg/printer).
"""

from __future__ import annotations

import pytest

from tests.shape.cases import Case, decode_all
from tests.shape.decoder import Decoder, Row
from tests.shape.sample_lines import check_mutations, check_samples
from tests.shape.varied import samples

pytestmark = pytest.mark.engine

FORMATS = [
    "ztunnel",
    "ztunnel_json",
    "linkerd_access",
    "linkerd_access_json",
    "linkerd_proxy",
    "hubble",
]
INFO = {"SeverityText": "INFO", "SeverityNumber": "9"}
WARN = {"SeverityText": "WARN", "SeverityNumber": "13"}
AT = "2026-09-21T14:00:00"
HUBBLE_TIME = '"time":"2026-09-21T14:00:00Z"'

CASES = [
    Case(
        "ztunnel, the shortest that it says of a connection",
        "2026-09-21T14:00:00Z\tdebug\taccess\tconnection opened\tsrc.addr=10.0.0.1:1 "
        'dst.addr=10.0.0.2:2 direction="outbound"',
        "ztunnel",
        {
            "SeverityText": "debug",
            "SeverityNumber": "5",
            "Reporter": "outbound",
            "ClientAddress": "10.0.0.1",
            "NetworkLocalAddress": "10.0.0.1",
            "NetworkLocalPort": "1",
            "NetworkPeerAddress": "10.0.0.2",
            "NetworkPeerPort": "2",
            "ServerPort": "2",
        },
        at=AT,
        other={"log.logger": "access", "message": "connection opened"},
    ),
    Case(
        "a line of istiod",
        "2026-09-21T14:00:00.000001Z\tinfo\tads\tPush debounce stable[7] 1 for config",
        "ztunnel",
        {"SeverityText": "info", "SeverityNumber": "9"},
        at="2026-09-21T14:00:00.000001",
        other={"log.logger": "ads", "message": "Push debounce stable[7] 1 for config"},
    ),
    Case(
        "ztunnel's JSON of other targets is JSON like any other",
        '{"level":"info","time":"2026-09-21T14:00:00Z","scope":"xds::client","message":"ready"}',
        "json",
        {"SeverityText": "info", "SeverityNumber": "9"},
        at=AT,
        other={
            "level": "info",
            "time": "2026-09-21T14:00:00Z",
            "scope": "xds::client",
            "message": "ready",
        },
    ),
    Case(
        "Linkerd JSON, fields missing, numbers as text",
        '{"client.addr":"10.42.0.1:2","client.id":"-","timestamp":"2026-09-21T14:00:00Z",'
        '"method":"GET","uri":"/","version":"HTTP/1.1","status":"204"}',
        "linkerd_access_json",
        {
            **INFO,
            "HttpRequestMethod": "GET",
            "UrlPath": "/",
            "NetworkProtocolName": "http",
            "NetworkProtocolVersion": "1.1",
            "HttpResponseStatusCode": "204",
            "ClientAddress": "10.42.0.1",
            "NetworkPeerAddress": "10.42.0.1",
            "NetworkPeerPort": "2",
            "Reporter": "inbound",
        },
        at=AT,
    ),
    Case(
        "Linkerd JSON, cut off, is kept whole",
        '{"client.addr":"10.42.0.1:2","client.id":"-","method":"GET","version":"HTTP/1.1","sta',
        "unparsed",
    ),
    Case(
        "Hubble, no endpoint is known",
        '{"flow":{"time":"2026-09-21T14:00:00Z","verdict":"FORWARDED",'
        '"IP":{"source":"10.0.0.1","destination":"10.0.0.2"}}}',
        "hubble",
        INFO,
        at=AT,
        other={
            "source.address": "10.0.0.1",
            "destination.address": "10.0.0.2",
            "hubble.verdict": "FORWARDED",
        },
    ),
    Case(
        "Hubble, an identity that was asked for and not proved proves nothing",
        '{"flow":{"time":"2026-09-21T14:00:00Z","verdict":"DROPPED","auth_type":"SPIRE",'
        '"drop_reason_desc":"AUTH_REQUIRED"}}',
        "hubble",
        {**WARN, "ErrorType": "AUTH_REQUIRED"},
        at=AT,
        other={
            "hubble.verdict": "DROPPED",
            "hubble.auth_type": "SPIRE",
            "hubble.drop_reason": "AUTH_REQUIRED",
        },
    ),
    Case(
        "Hubble, a service of Kubernetes goes before the pod behind it",
        '{"flow":{"time":"2026-09-21T14:00:00Z","verdict":"TRANSLATED","traffic_direction":"EGRESS",'
        '"is_reply":false,"destination":{"pod_name":"pg-0","namespace":"db"},'
        '"destination_service":{"name":"pg","namespace":"db"}}}',
        "hubble",
        {**INFO, "Reporter": "outbound", "PeerService": "pg", "PeerNamespace": "db"},
        at=AT,
        other={
            "hubble.verdict": "TRANSLATED",
            "hubble.traffic_direction": "EGRESS",
            "hubble.is_reply": "false",
            "hubble.destination.pod_name": "pg-0",
            "hubble.destination.namespace": "db",
        },
    ),
    Case(
        "Hubble, lost events without a source",
        '{"lost_events":{"num_events_lost":3},"node_name":"n",' + HUBBLE_TIME + "}",
        "hubble",
        WARN,
        at=AT,
        other={"hubble.lost_events.num_events_lost": "3"},
        resource={"k8s.node.name": "n"},
    ),
    Case(
        "a document with a flow of its own",
        '{"flow":{"step":1},"verdict":"ok"}',
        "unparsed",
    ),
]


@pytest.fixture(scope="module")
def rows(decoder: Decoder) -> dict[str, Row]:
    return decode_all(decoder, CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_line_gives_its_record(rows: dict[str, Row], case: Case) -> None:
    assert rows[case.id] == case.expected()


@pytest.mark.parametrize("format_name", FORMATS)
def test_samples_give_their_records(decoder: Decoder, format_name: str) -> None:
    assert len(samples()[format_name]) >= 2
    check_samples(decoder, format_name)


def test_no_broken_line_is_lost(decoder: Decoder) -> None:
    check_mutations(decoder, FORMATS)
