"""What clouds push: CloudWatch Logs, Pub/Sub with and without a LogEntry, Azure Monitor."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from meshseal.model.envelope import Payload
from tests.shape.decoder import Decoder, Row, nanos

pytestmark = pytest.mark.engine

AT = nanos("2026-09-20T10:11:12.123")
AT_MILLIS = int(AT) // 10**6
ISTIO = '[2026-09-20T10:11:12.123Z] "GET /status/418 HTTP/1.1" 418 - via_upstream - "-" 0 135 4 4 "-" "curl/8" "id-1" "httpbin:8000" "10.44.1.27:80" outbound|8000||httpbin.foo.svc.cluster.local 10.44.1.23:37652 10.0.45.184:8000 10.44.1.23:46520 - default'  # noqa: E501

AWS = {"cloud.provider": "aws", "cloud.account.id": "123", "aws.log.group.names": "/eks/mesh"}


def subscription(*messages: str, stream: str = "pod-1") -> dict[str, Any]:
    """Return a message of a CloudWatch Logs subscription."""
    return {
        "messageType": "DATA_MESSAGE",
        "owner": "123",
        "logGroup": "/eks/mesh",
        "logStream": stream,
        "subscriptionFilters": ["meshseal"],
        "logEvents": [
            {"id": f"{stream}-{number}", "timestamp": AT_MILLIS + number, "message": message}
            for number, message in enumerate(messages)
        ],
    }


def ndjson(*documents: object) -> bytes:
    return b"\n".join(json.dumps(document).encode() for document in documents)


def test_the_events_of_several_streams_keep_their_order(decoder: Decoder) -> None:
    content = ndjson(subscription("a", "käse\nb"), subscription("c", stream="pod-2"))
    rows = decoder.rows(Payload.CLOUDWATCH_LOGS, content, 3, labels={"team": "x"})
    assert rows == [
        {
            "Timestamp": str((AT_MILLIS + number) * 10**6),
            "Body": body,
            "Format": "unparsed",
            "ServiceName": "unknown_service",
            "ResourceAttributes": {**AWS, "aws.log.stream.names": stream, "team": "x"},
            "OtherAttributes": {"log.record.uid": f"{stream}-{number}"},
        }
        for stream, number, body in (("pod-1", 0, "a"), ("pod-1", 1, "käse\nb"), ("pod-2", 0, "c"))
    ]


def test_a_mesh_line_in_cloudwatch_is_read(decoder: Decoder) -> None:
    (row,) = decoder.rows(Payload.CLOUDWATCH_LOGS, ndjson(subscription(ISTIO)), 1)
    assert (row["Format"], row["HttpResponseStatusCode"], row["Body"]) == (
        "istio_text",
        "418",
        ISTIO,
    )
    assert row["OtherAttributes"] == {"log.record.uid": "pod-1-0"}


def pubsub(data: bytes, **attributes: str) -> bytes:
    """Return a push of Pub/Sub."""
    message = {
        "data": base64.b64encode(data).decode(),
        "attributes": attributes,
        "messageId": "m-1",
        "publishTime": "2026-09-20T10:11:12.123Z",
    }
    return json.dumps({"message": message, "subscription": "projects/p/subscriptions/s"}).encode()


MESSAGE = {
    "messaging.message.id": "m-1",
    "messaging.destination.subscription.name": "projects/p/subscriptions/s",
}
BASE: Row = {"Timestamp": AT, "Format": "unparsed", "ServiceName": "unknown_service"}


@pytest.mark.parametrize("data", [b"hello", b"", b"\xff\x00", b'{"logName": 1', b"[1]"])
def test_a_message_that_is_no_log_entry_is_its_data(decoder: Decoder, data: bytes) -> None:
    (row,) = decoder.rows(Payload.PUBSUB_MESSAGES, pubsub(data, colour="red"), 1)
    body = {"Body": data.decode(errors="surrogateescape")} if data else {}
    assert row == {**BASE, **body, "OtherAttributes": {**MESSAGE, "colour": "red"}}


def test_a_log_entry_of_an_http_request(decoder: Decoder) -> None:
    entry = {
        "logName": "projects/p/logs/server-accesslog-stackdriver",
        "resource": {
            "type": "k8s_container",
            "labels": {
                "project_id": "p",
                "location": "europe-west1",
                "cluster_name": "eu1",
                "namespace_name": "shop",
                "pod_name": "cart-1",
                "container_name": "istio-proxy",
                "other": "x",
            },
        },
        "timestamp": "2026-09-20T10:11:12.000000001Z",
        "severity": "WARNING",
        "insertId": "i-1",
        "trace": "projects/p/traces/4bf92f3577b34da6a3ce929d0e0e4736",
        "spanId": "00f067aa0ba902b7",
        "traceSampled": True,
        "labels": {"mesh_uid": "proj-1"},
        "httpRequest": {
            "requestMethod": "GET",
            "requestUrl": "http://cart/items?page=1",
            "status": 503,
            "responseSize": "42",
            "latency": "0.125s",
            "userAgent": "curl/8",
            "remoteIp": "10.0.0.1",
        },
        "jsonPayload": {"message": "upstream is gone", "retries": 2, "peer": {"app": "web"}},
    }
    (row,) = decoder.rows(Payload.PUBSUB_MESSAGES, pubsub(json.dumps(entry).encode()), 1)
    assert row == {
        "Timestamp": nanos("2026-09-20T10:11:12.000000001"),
        "TraceId": "4bf92f3577b34da6a3ce929d0e0e4736",
        "SpanId": "00f067aa0ba902b7",
        "TraceFlags": "1",
        "SeverityText": "WARNING",
        "SeverityNumber": "13",
        "ServiceName": "cart",
        "Body": "upstream is gone",
        "Format": "unparsed",
        "HttpRequestMethod": "GET",
        "HttpResponseStatusCode": "503",
        "HttpResponseBodySize": "42",
        "DurationNanos": "125000000",
        "UserAgentOriginal": "curl/8",
        "ClientAddress": "10.0.0.1",
        "ResourceAttributes": {
            "cloud.provider": "gcp",
            "gcp.resource_type": "k8s_container",
            "cloud.account.id": "p",
            "cloud.region": "europe-west1",
            "k8s.cluster.name": "eu1",
            "k8s.namespace.name": "shop",
            "k8s.pod.name": "cart-1",
            "k8s.container.name": "istio-proxy",
            "gcp.resource.other": "x",
        },
        "OtherAttributes": {
            **MESSAGE,
            "log.record.uid": "i-1",
            "gcp.log_name": "projects/p/logs/server-accesslog-stackdriver",
            "gcp.label.mesh_uid": "proj-1",
            "url.full": "http://cart/items?page=1",
            "retries": "2",
            "peer.app": "web",
        },
    }


@pytest.mark.parametrize(
    ("payload", "body", "attributes"),
    [
        pytest.param({"textPayload": "plain"}, "plain", {}, id="text"),
        pytest.param({"jsonPayload": {"a": 1}}, '{"a":1}', {"a": "1"}, id="no message"),
        pytest.param(
            {"protoPayload": {"@type": "t", "methodName": "m"}},
            '{"@type":"t","methodName":"m"}',
            {"methodName": "m"},
            id="audit",
        ),
    ],
)
def test_the_payloads_of_a_log_entry(
    decoder: Decoder, payload: dict[str, Any], body: str, attributes: dict[str, str]
) -> None:
    entry = {"logName": "l", "resource": {"type": "global"}, "timestamp": None, **payload}
    data = json.dumps(entry, separators=(",", ":")).encode()
    (row,) = decoder.rows(Payload.PUBSUB_MESSAGES, pubsub(data), 1)
    assert (row["Body"], row["Timestamp"]) == (body, AT)
    assert row["OtherAttributes"] == {**MESSAGE, "gcp.log_name": "l", **attributes}


def test_records_of_azure(decoder: Decoder) -> None:
    container = {
        "time": "2026-09-20T10:11:12.123Z",
        "resourceId": "/SUBSCRIPTIONS/S/AKS",
        "operationName": "Microsoft.ContainerService/read",
        "category": "kube-audit",
        "level": "Error",
        "location": "westeurope",
        "callerIpAddress": "10.0.0.9",
        "properties": {"log": "it broke", "pod": "api-1", "stream": "stderr"},
    }
    bare = {"time": "2026-09-20T10:11:12.123Z", "category": "Administrative", "n": {"a": [1]}}
    content = json.dumps({"records": [container, bare]}, separators=(",", ":")).encode()
    first, second = decoder.rows(Payload.AZURE_RECORDS, content, 2)
    assert first == {
        **BASE,
        "ServiceName": "api",
        "SeverityText": "Error",
        "SeverityNumber": "17",
        "Body": "it broke",
        "ClientAddress": "10.0.0.9",
        "ResourceAttributes": {
            "cloud.provider": "azure",
            "cloud.resource_id": "/SUBSCRIPTIONS/S/AKS",
            "cloud.region": "westeurope",
            "k8s.pod.name": "api-1",
        },
        "OtherAttributes": {
            "azure.operation.name": "Microsoft.ContainerService/read",
            "azure.category": "kube-audit",
            "properties.stream": "stderr",
        },
    }
    assert second["Body"] == json.dumps(bare, separators=(",", ":"))
    assert second["Timestamp"] == AT
    assert second["OtherAttributes"] == {"azure.category": "Administrative", "n.a": "[1]"}
