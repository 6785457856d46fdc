"""Events of Beats and Logstash: the Elastic Common Schema in OpenTelemetry's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from meshseal.model.envelope import Payload
from tests.shape.decoder import Decoder, Row, envelope, nanos
from tests.wire.test_lumberjack import capture_folders, session, talk

pytestmark = pytest.mark.engine
STAMP = "2026-09-20T10:11:12.123Z"
AT = nanos("2026-09-20T10:11:12.123")
BASE: Row = {"Timestamp": AT, "ServiceName": "unknown_service", "Body": "hello"}
PLAIN: Row = {**BASE, "Format": "unparsed"}

FILEBEAT = {
    "@timestamp": STAMP,
    "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.15.0", "pipeline": "p"},
    "message": 'level=warn msg="not \\"served\\"" path=/items',
    "host": {
        "name": "ip-10-0-0-1",
        "architecture": "x86_64",
        "os": {"name": "Debian", "kernel": "6.1"},
    },
    "agent": {"type": "filebeat", "version": "8.15.0", "id": "0f6b", "name": "ip-10-0-0-1"},
    "ecs": {"version": "8.0.0"},
    "log": {"offset": 1234, "file": {"path": "/var/log/containers/cart.log"}},
    "stream": "stderr",
    "input": {"type": "container"},
    "tags": ["a", "b"],
    "fields": {"team": "shop", "cost": 1.50},
    "cloud": {"provider": "aws", "region": "eu-1", "service": {"name": "EC2"}},
    "container": {"id": "0123", "runtime": "containerd", "image": {"name": "shop/cart:1.2"}},
    "kubernetes": {
        "namespace": "shop",
        "namespace_labels": {"kubernetes_io/metadata_name": "shop"},
        "node": {"name": "node-1", "hostname": "node-1", "labels": {"zone": "a"}},
        "pod": {"name": "cart-7d9f", "uid": "9f5b", "ip": "10.1.2.3"},
        "replicaset": {"name": "cart-7d9f"},
        "deployment": {"name": "cart"},
        "labels": {"app": "cart", "app_kubernetes_io/part-of": "shop"},
        "annotations": {"checksum": "1"},
        "container": {"name": "cart"},
    },
    "orchestrator": {"cluster": {"name": "eu1", "url": "https://k8s"}},
}
FILEBEAT_ROW: Row = {
    "Timestamp": AT,
    "ServiceName": "cart",
    "SeverityText": "warn",
    "SeverityNumber": "13",
    "Body": 'level=warn msg="not \\"served\\"" path=/items',
    "Format": "logfmt",
    "ResourceAttributes": {
        "cloud.platform": "EC2",
        "cloud.provider": "aws",
        "cloud.region": "eu-1",
        "container.id": "0123",
        "container.image.name": "shop/cart:1.2",
        "container.runtime.name": "containerd",
        "host.arch": "x86_64",
        "host.name": "ip-10-0-0-1",
        "host.os.kernel": "6.1",
        "k8s.cluster.name": "eu1",
        "k8s.container.name": "cart",
        "k8s.deployment.name": "cart",
        "k8s.namespace.label.kubernetes_io/metadata_name": "shop",
        "k8s.namespace.name": "shop",
        "k8s.node.label.zone": "a",
        "k8s.node.name": "node-1",
        "k8s.pod.annotation.checksum": "1",
        "k8s.pod.ip": "10.1.2.3",
        "k8s.pod.label.app": "cart",
        "k8s.pod.label.app_kubernetes_io/part-of": "shop",
        "k8s.pod.name": "cart-7d9f",
        "k8s.pod.uid": "9f5b",
        "k8s.replicaset.name": "cart-7d9f",
        "kubernetes.node.hostname": "node-1",
        "orchestrator.cluster.url": "https://k8s",
        "os.name": "Debian",
    },
    "OtherAttributes": {
        "@metadata.beat": "filebeat",
        "@metadata.pipeline": "p",
        "@metadata.type": "_doc",
        "@metadata.version": "8.15.0",
        "agent.id": "0f6b",
        "agent.name": "ip-10-0-0-1",
        "agent.type": "filebeat",
        "agent.version": "8.15.0",
        "ecs.version": "8.0.0",
        "fields.cost": "1.5",
        "fields.team": "shop",
        "input.type": "container",
        "level": "warn",
        "log.file.path": "/var/log/containers/cart.log",
        "log.iostream": "stderr",
        "log.offset": "1234",
        "msg": 'not "served"',
        "path": "/items",
        "tags": '["a","b"]',
    },
}

DOCUMENTS: dict[str, tuple[Any, Row]] = {
    "Filebeat with everything it knows": (FILEBEAT, FILEBEAT_ROW),
    "a message and its time": ({"@timestamp": STAMP, "message": "hello"}, PLAIN),
    "nothing but a message": (
        {"message": "hello"},
        {**PLAIN, "Timestamp": str(envelope(Payload.BEATS_EVENTS, b"", 0).received_unix_nano)},
    ),
    "the level and the ids go to their columns": (
        {
            "@timestamp": STAMP,
            "message": "hello",
            "log": {"level": "ERROR", "logger": "shop.cart"},
            "trace": {"id": "4bf92f3577b34da6a3ce929d0e0e4736"},
            "span.id": "00f067aa0ba902b7",
            "transaction": {"id": "00f067aa0ba902b7"},
        },
        {
            **PLAIN,
            "SeverityText": "ERROR",
            "SeverityNumber": "17",
            "TraceId": "4bf92f3577b34da6a3ce929d0e0e4736",
            "SpanId": "00f067aa0ba902b7",
            "OtherAttributes": {
                "log.logger": "shop.cart",
                "transaction.id": "00f067aa0ba902b7",
            },
        },
    ),
    "what a column cannot give back stays": (
        {
            "@timestamp": "soon",
            "message": "hello",
            "trace.id": "4BF92F3577B34DA6A3CE929D0E0E4736",
            "span.id": "none",
        },
        {
            **PLAIN,
            "Timestamp": str(envelope(Payload.BEATS_EVENTS, b"", 0).received_unix_nano),
            "TraceId": "4bf92f3577b34da6a3ce929d0e0e4736",
            "OtherAttributes": {
                "@timestamp": "soon",
                "span.id": "none",
                "trace.id": "4BF92F3577B34DA6A3CE929D0E0E4736",
            },
        },
    ),
    "a level by another name": (
        {"@timestamp": STAMP, "message": "hello", "level": "INFO"},
        {
            **PLAIN,
            "SeverityText": "INFO",
            "SeverityNumber": "9",
            "OtherAttributes": {"level": "INFO"},
        },
    ),
    "service, environment, process": (
        {
            "@timestamp": STAMP,
            "message": "hello",
            "service": {"name": "cart", "environment": "prod", "node": {"name": "cart-1"}},
            "process": {"pid": 7, "args": ["a", "b"], "thread": {"name": "main"}},
            "error": {"type": "E", "message": "m", "stack_trace": "a\n b"},
        },
        {
            **PLAIN,
            "ServiceName": "cart",
            "ErrorType": "E",
            "ResourceAttributes": {
                "deployment.environment.name": "prod",
                "process.command_args": '["a","b"]',
                "process.pid": "7",
                "service.instance.id": "cart-1",
                "service.name": "cart",
            },
            "OtherAttributes": {
                "exception.message": "m",
                "exception.stacktrace": "a\n b",
                "thread.name": "main",
            },
        },
    ),
    "old Beats and Logstash: host and service are texts": (
        {"@timestamp": STAMP, "message": "hello", "host": "web-1", "service": "cart"},
        {
            **PLAIN,
            "ServiceName": "cart",
            "ResourceAttributes": {"host.name": "web-1", "service.name": "cart"},
        },
    ),
    "names of Fluentd's filter": (
        {
            "@timestamp": STAMP,
            "message": "hello",
            "kubernetes": {"pod_name": "p", "namespace_name": "n", "host": "h", "docker_id": "d"},
        },
        {
            **PLAIN,
            "ServiceName": "p",
            "ResourceAttributes": {
                "container.id": "d",
                "k8s.namespace.name": "n",
                "k8s.node.name": "h",
                "k8s.pod.name": "p",
            },
        },
    ),
    "HTTP in the schema's names is promoted": (
        {
            "@timestamp": STAMP,
            "message": "hello",
            "http": {
                "request": {"method": "GET", "body": {"bytes": 12}},
                "response": {"status_code": 503, "body": {"bytes": 345}},
            },
            "url": {"path": "/a", "query": "b=c"},
            "user_agent": {"original": "curl"},
        },
        {
            **PLAIN,
            "HttpRequestMethod": "GET",
            "HttpRequestBodySize": "12",
            "HttpResponseStatusCode": "503",
            "HttpResponseBodySize": "345",
            "UrlPath": "/a",
            "UrlQuery": "b=c",
            "UserAgentOriginal": "curl",
        },
    ),
    "JSON in the message is recognised, and adds": (
        {"@timestamp": STAMP, "message": '{"level":"warn","a":{"b":1},"tags":"in"}', "tags": "out"},
        {
            **BASE,
            "Body": '{"level":"warn","a":{"b":1},"tags":"in"}',
            "Format": "json",
            "SeverityText": "warn",
            "SeverityNumber": "13",
            "OtherAttributes": {"a.b": "1", "level": "warn", "tags": "out"},
        },
    ),
    "no message: the document is the body, and not read twice": (
        {"@timestamp": STAMP, "host": {"name": "h"}, "n": 1},
        {
            **PLAIN,
            "Body": f'{{"@timestamp":"{STAMP}","host":{{"name":"h"}},"n":1}}',
            "ResourceAttributes": {"host.name": "h"},
            "OtherAttributes": {"n": "1"},
        },
    ),
    "an empty message, nulls, an empty object, depth": (
        {
            "@timestamp": STAMP,
            "message": "",
            "x": None,
            "y": {},
            "a": {"b": {"c": {"d": {"e": 1}}}},
        },
        {
            **PLAIN,
            "Body": f'{{"@timestamp":"{STAMP}","message":"","x":null,"y":{{}},'
            '"a":{"b":{"c":{"d":{"e":1}}}}}',
            "OtherAttributes": {"a.b.c.d": '{"e":1}', "message": "", "y": "{}"},
        },
    ),
}


def compact(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize(("document", "row"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_becomes_its_record(decoder: Decoder, document: Any, row: Row) -> None:
    assert decoder.rows(Payload.BEATS_EVENTS, compact(document), 1) == [row]


ISTIO = {
    "start_time": STAMP,
    "method": "GET",
    "path": "/cart?id=7",
    "protocol": "HTTP/1.1",
    "response_code": 503,
    "upstream_cluster": "inbound|8080||cart.shop.svc.cluster.local",
}


@pytest.mark.parametrize(
    "document",
    [{"@timestamp": STAMP, "message": compact(ISTIO).decode()}, {"@timestamp": STAMP, **ISTIO}],
    ids=["as the message", "as the document"],
)
def test_a_mesh_format_is_recognised(decoder: Decoder, document: Any) -> None:
    (row,) = decoder.rows(Payload.BEATS_EVENTS, compact(document), 1)
    found = {
        name: row[name] for name in ("Format", "UrlPath", "HttpResponseStatusCode", "ServiceName")
    }
    assert found == {
        "Format": "istio_json",
        "UrlPath": "/cart",
        "HttpResponseStatusCode": "503",
        "ServiceName": "cart",
    }


def test_documents_of_several_shippers_keep_their_order_and_their_own(decoder: Decoder) -> None:
    """What is shared is taken apart once; no shipper's words may stand at another's record."""
    documents = [
        {
            "message": f"m{number}",
            "host": {"name": f"h{number % 3}"},
            "agent": {"id": f"a{number % 2}"},
            "log": {"offset": number},
            **({"service": {"name": f"s{number % 5}"}} if number % 7 else {}),
        }
        for number in range(1000)
    ]
    windows = [
        envelope(Payload.BEATS_EVENTS, b"\n".join(map(compact, part)), len(part))
        for part in (documents[:300], documents[300:301], documents[301:])
    ]
    rows = [one.row() for one in decoder.decode(*windows)]
    assert [row["Seq"] if number else "0" for number, row in enumerate(rows)] == list(
        map(str, range(1000))
    )
    for number, row in enumerate(rows):
        service = {"service.name": f"s{number % 5}"} if number % 7 else {}
        assert (row["Body"], row["ResourceAttributes"], row["OtherAttributes"]) == (
            f"m{number}",
            {"host.name": f"h{number % 3}", **service},
            {"agent.id": f"a{number % 2}", "log.offset": str(number)},
        )


@pytest.mark.parametrize("folder", capture_folders(), ids=lambda path: path.name)
def test_a_capture_becomes_its_records(decoder: Decoder, folder: Path) -> None:
    windows = talk(session(), (folder / "sent.bin").read_bytes()).lines
    rows = [
        row
        for lines in windows
        for row in decoder.rows(Payload.BEATS_EVENTS, b"\n".join(lines), len(lines))
    ]
    assert rows == json.loads((folder / "expected.json").read_text())["rows"]
