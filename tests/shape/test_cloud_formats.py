"""AWS and Kubernetes: lines from their documentation, and their odd relatives.

Sources of the samples: AWS's pages on the access logs of its load balancers, on flow log records
and on VPC Lattice, vectordotdev/vrl (parse_aws_alb_log), kubernetes/apiserver (audit/v1).
"""

from __future__ import annotations

import pytest

from tests.shape.cases import Case, decode_all
from tests.shape.decoder import Decoder, Row
from tests.shape.sample_lines import check_mutations, check_samples
from tests.shape.varied import samples

pytestmark = pytest.mark.engine

FORMATS = ["aws_alb", "aws_nlb", "aws_vpc_flow", "aws_vpc_lattice", "k8s_audit"]
INFO = {"SeverityText": "INFO", "SeverityNumber": "9"}
WARN = {"SeverityText": "WARN", "SeverityNumber": "13"}
ERROR = {"SeverityText": "ERROR", "SeverityNumber": "17"}
AT = "2026-09-21T14:00:00"
AUDIT = '{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","stage":'

CASES = [
    Case(
        "ALB, a WebSocket in the oldest form, without what came later",
        "ws 2026-09-21T14:00:00.186641Z app/shop/50dc6c495c0c9188 10.0.0.140:40914 10.0.1.192:8010 "
        '0.001 0.003 0.000 101 101 218 587 "GET http://10.0.0.30:80/ HTTP/1.1" "-" - - '
        'arn:aws:elasticloadbalancing:us-east-2:1:targetgroup/web/73e2 "-" "-" "-"',
        "aws_alb",
        {
            **INFO,
            "HttpRequestMethod": "GET",
            "UrlPath": "/",
            "NetworkProtocolName": "http",
            "NetworkProtocolVersion": "1.1",
            "HttpResponseStatusCode": "101",
            "HttpRequestBodySize": "218",
            "HttpResponseBodySize": "587",
            "DurationNanos": "4000000",
            "UpstreamServiceTimeNanos": "3000000",
            "ServerAddress": "10.0.0.30",
            "ServerPort": "80",
            "ClientAddress": "10.0.0.140",
            "NetworkPeerAddress": "10.0.1.192",
            "NetworkPeerPort": "8010",
            "DownstreamRemoteAddress": "10.0.0.140:40914",
            "UpstreamCluster": "arn:aws:elasticloadbalancing:us-east-2:1:targetgroup/web/73e2",
            "PeerService": "web",
            "Reporter": "gateway",
            "Mtls": "plaintext",
        },
        at="2026-09-21T14:00:00.186641",
        other={
            "aws.alb.type": "ws",
            "aws.alb.name": "app/shop/50dc6c495c0c9188",
            "aws.alb.request_processing_time_ms": "1",
            "aws.alb.response_processing_time_ms": "0",
            "aws.alb.target_status_code": "101",
            "url.scheme": "http",
        },
        service="shop",
        resource={
            "cloud.provider": "aws",
            "cloud.region": "us-east-2",
            "cloud.account.id": "1",
        },
    ),
    Case(
        "ALB, cut off",
        "https 2026-09-21T14:00:00Z app/shop/5 10.0.0.1:4 10.0.0.2:80 0.000 0.001 0.000 200 200",
        "unparsed",
    ),
    Case(
        "VPC flow, records were skipped",
        "2 123456789010 eni-1235b8ca123456789 - - - - - - - 1789999200 1789999260 - SKIPDATA",
        "aws_vpc_flow",
        WARN,
        at=AT,
        other={
            "aws.vpc.flow.version": "2",
            "aws.vpc.flow.interface_id": "eni-1235b8ca123456789",
            "aws.vpc.flow.end": "1789999260",
            "aws.vpc.flow.log_status": "SKIPDATA",
        },
        resource={"cloud.provider": "aws", "cloud.account.id": "123456789010"},
    ),
    Case("fourteen numbers", "2 3 4 5 6 7 8 9 10 11 12 13 14 15", "unparsed"),
    Case(
        "Kubernetes audit, a panic",
        AUDIT + '"Panic","verb":"get","responseStatus":{"code":500,"reason":"InternalError"},'
        '"stageTimestamp":"2026-09-21T14:00:00.000000Z"}',
        "k8s_audit",
        {
            **ERROR,
            "HttpResponseStatusCode": "500",
            "ErrorType": "InternalError",
            "Reporter": "inbound",
        },
        at=AT,
        other={
            "k8s.audit.auditID": "a",
            "k8s.audit.stage": "Panic",
            "k8s.audit.verb": "get",
            "k8s.audit.responseStatus.reason": "InternalError",
        },
        service="kube-apiserver",
    ),
    Case(
        "Kubernetes audit, fields of another kind than they should be",
        AUDIT + '"ResponseStarted","user":"x","sourceIPs":"y","responseStatus":7,'
        '"stageTimestamp":"2026-09-21T14:00:00Z","annotations":"z"}',
        "k8s_audit",
        {**INFO, "Reporter": "inbound"},
        at=AT,
        other={"k8s.audit.auditID": "a", "k8s.audit.stage": "ResponseStarted"},
        service="kube-apiserver",
    ),
    Case(
        "an event of Kubernetes that is no audit event",
        '{"kind":"Event","apiVersion":"v1","reason":"Pulled"}',
        "json",
        other={"kind": "Event", "apiVersion": "v1", "reason": "Pulled"},
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
