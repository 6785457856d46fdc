"""What the sources of every door mean in common: service, namespace, cluster, mesh, platform."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgpack
import pytest

from meshseal.model.envelope import Payload
from meshseal.wire.forward_message import read_message
from tests.shape.als import message
from tests.shape.decoder import Decoder

pytestmark = pytest.mark.engine

MEANING = (
    "SELECT ServiceName, meshseal_namespace(ResourceAttributes, OtherAttributes), "
    "meshseal_cluster(ResourceAttributes), "
    "meshseal_mesh(Format, UpstreamCluster, ResourceAttributes, OtherAttributes), "
    "meshseal_platform(ResourceAttributes), Reporter FROM work.stage_logs_0"
)
INBOUND = (
    '[2026-09-20T10:11:12.123Z] "GET /a HTTP/1.1" 200 - via_upstream - "-" 0 135 4 4 "-" "curl/8" '
    '"id-1" "reviews:9080" "10.44.1.27:80" inbound|9080|| 127.0.0.6:41854 10.44.1.27:9080 '
    "10.44.1.23:37652 outbound_.9080_._.reviews.shop.svc.cluster.local default"
)
OUTBOUND = INBOUND.replace(
    "inbound|9080|| 127", "outbound|9080||ratings.shop.svc.cluster.local 127"
)
CONSUL = json.dumps(
    {
        "start_time": "2026-09-20T10:11:12.123Z",
        "method": "GET",
        "response_code": 200,
        "upstream_cluster": "db.default.dc1.internal.0a1b.consul",
    }
)
APACHE = '10.0.0.1 - - [20/Sep/2026:10:11:12 +0000] "GET /a HTTP/1.1" 200 12 "-" "curl/8"'
Send = Callable[[Decoder], Any]


def lines(text: str, **labels: str) -> Send:
    return lambda decoder: decoder.rows(Payload.LINES, text.encode(), 1, labels=_dotted(labels))


def _dotted(labels: dict[str, str]) -> dict[str, str]:
    return {key.replace("__", "."): value for key, value in labels.items()}


def loki(text: str, **labels: str) -> Send:
    push = {"streams": [{"stream": labels, "values": [["1789899072123456789", text]]}]}
    return document(Payload.LOKI_PUSH_JSON, push)


def document(kind: Payload, content: Any, **labels: str) -> Send:
    body = json.dumps(content).encode()
    return lambda decoder: decoder.rows(kind, body, 1, labels=_dotted(labels))


def otlp(text: str, **resource: str) -> Send:
    attributes = [
        {"key": key, "value": {"stringValue": value}} for key, value in _dotted(resource).items()
    ]
    record = {"timeUnixNano": "1789899072123456789", "body": {"stringValue": text}}
    return document(
        Payload.OTLP_LOGS_JSON,
        {
            "resourceLogs": [
                {
                    "resource": {"attributes": attributes},
                    "scopeLogs": [{"logRecords": [record]}],
                }
            ]
        },
    )


def fluent(record: dict[str, Any]) -> Send:
    read = read_message(msgpack.packb(["kube.a", [[1_789_899_072, record]]]), limit_bytes=1 << 20)
    assert read is not None
    assert read.rows is not None
    content = read.rows.encode()
    return lambda decoder: decoder.rows(Payload.FLUENT_EVENTS, content, 1)


def datadog(tags: str, **more: str) -> Send:
    log = {"message": "hello", "ddtags": tags, **more}
    return document(Payload.DATADOG_LOGS, [log])


def als(**labels: str) -> Send:
    def inbound(entry: Any) -> None:
        entry.common_properties.upstream_cluster = b"inbound|8000||"

    content = message(inbound).SerializeToString()
    return lambda decoder: decoder.rows(Payload.ENVOY_ALS, content, 1, labels=_dotted(labels))


POD = "cart-7d9f8c6b5d-x2x9z"
KUBERNETES = {
    "pod_name": "reviews-v1-5d8f7c9b6d-x2x9z",
    "namespace_name": "shop",
    "host": "node-1",
    "container_name": "istio-proxy",
    "docker_id": "abc",
}
BEAT = {"@timestamp": "2026-09-20T10:11:12.123Z", "message": "hello"}
CONTAINER = {"container_id": "0123", "container_name": "/cart", "source": "stdout"}
TASK = "arn:aws:ecs:eu-1:1:task/shop/1"
SUBSCRIPTION = {
    "messageType": "DATA_MESSAGE",
    "owner": "123",
    "logGroup": "/mesh",
    "logStream": "s",
    "subscriptionFilters": ["m"],
    "logEvents": [{"id": "1", "timestamp": 1_789_899_072_000, "message": "hello"}],
}

# What is sent, and: service, namespace, cluster, mesh, platform, direction.
SOURCES: dict[str, tuple[Send, tuple[str, str, str, str, str, str]]] = {
    "lines, nothing known": (lines("x"), ("unknown_service", "", "", "", "", "")),
    "lines with labels": (
        lines(APACHE, service__name="front", k8s__cluster__name="eu-1"),
        ("front", "", "eu-1", "nginx", "kubernetes", "gateway"),
    ),
    "Consul's lines": (
        lines(CONSUL, service__name="web"),
        ("web", "", "", "consul", "", "outbound"),
    ),
    "Promtail": (
        loki("hello", namespace="shop", pod=POD, container="cart", app="cart", job="shop/cart",
             node_name="node-1", cluster="eu-1"),
        ("cart", "shop", "eu-1", "", "kubernetes", ""),
    ),
    "Alloy, the sidecar of a called service": (
        loki(INBOUND, namespace="shop", pod="reviews-v1-5d8f7c9b6d-x2x9z", container="istio-proxy",
             job="shop/istio-proxy", cluster="eu-1"),
        ("reviews", "shop", "eu-1", "istio", "kubernetes", "inbound"),
    ),
    "Alloy, the sidecar of a caller": (
        loki(OUTBOUND, namespace="shop", pod="web-5d8f7c9b6d-x2x9z", container="istio-proxy",
             job="shop/istio-proxy"),
        ("web", "shop", "", "istio", "kubernetes", "outbound"),
    ),
    "Loki's own OpenTelemetry names": (
        loki("hello", service_name="cart", k8s_namespace_name="shop", k8s_cluster_name="eu-1",
             k8s_pod_name="cart-1"),
        ("cart", "shop", "eu-1", "", "kubernetes", ""),
    ),
    "Promtail, the journal of a VM": (
        loki("hello", job="systemd-journal", unit="nginx.service", hostname="vm-7"),
        ("nginx.service", "", "", "", "vm", ""),
    ),
    "Loki's driver of Docker": (
        loki("hello", container_name="shop-cart-1", compose_service="cart", host="vm-1"),
        ("cart", "", "", "", "docker", ""),
    ),
    "Fluent Bit": (
        fluent({"log": "hello", "kubernetes": {**KUBERNETES, "labels": {"app": "reviews"}}}),
        ("reviews", "shop", "", "", "kubernetes", ""),
    ),
    "Fluent Bit, a sidecar without labels": (
        fluent({"log": OUTBOUND, "kubernetes": KUBERNETES}),
        ("reviews-v1", "shop", "", "istio", "kubernetes", "outbound"),
    ),
    "Docker's driver of Fluentd": (
        fluent({"log": "hello", **CONTAINER}), ("cart", "", "", "", "docker", "")
    ),
    "FireLens on ECS": (
        fluent({"log": "hello", **CONTAINER, "ecs_cluster": "shop", "ecs_task_arn": TASK}),
        ("cart", "", "shop", "", "aws", ""),
    ),
    "Filebeat": (
        document(Payload.BEATS_EVENTS, {
            **BEAT,
            "kubernetes": {"namespace": "shop", "pod": {"name": POD}, "labels": {"app": "cart"}},
            "orchestrator": {"cluster": {"name": "eu-1"}},
            "cloud": {"provider": "aws"},
            "host": {"name": "h"},
        }),
        ("cart", "shop", "eu-1", "", "kubernetes", ""),
    ),
    "Filebeat on a VM": (
        document(Payload.BEATS_EVENTS, {
            **BEAT, "host": {"name": "vm-7"}, "service": {"name": "a"}
        }),
        ("a", "", "", "", "vm", ""),
    ),
    "Datadog's agent": (
        datadog("kube_namespace:shop,kube_cluster_name:eu-1,pod_name:cart-1", service="cart",
                hostname="node-1"),
        ("cart", "shop", "eu-1", "", "kubernetes", ""),
    ),
    "Datadog's agent on a VM": (
        datadog("env:prod", service="cart", hostname="vm-7"), ("cart", "", "", "", "vm", "")
    ),
    "Datadog's agent on ECS": (
        datadog("ecs_cluster_name:shop,task_family:cart,region:eu-1,container_name:cart"),
        ("cart", "", "shop", "", "aws", ""),
    ),
    "OpenTelemetry": (
        otlp("hello", service__name="cart", service__namespace="store", k8s__namespace__name="shop",
             k8s__cluster__name="eu-1", k8s__pod__name="cart-1"),
        ("cart", "store", "eu-1", "", "kubernetes", ""),
    ),
    "a sidecar's file by OpenTelemetry's collector": (
        otlp(OUTBOUND, k8s__namespace__name="shop", k8s__pod__name="web-5d8f7c9b6d-x2x9z",
             k8s__container__name="istio-proxy", k8s__deployment__name="web"),
        ("web", "shop", "", "istio", "kubernetes", "outbound"),
    ),
    "OpenTelemetry on ECS": (
        otlp("hello", service__name="cart", cloud__provider="aws", cloud__platform="aws_ecs",
             aws__ecs__cluster__arn="arn:aws:ecs:eu-1:123:cluster/shop"),
        ("cart", "", "shop", "", "aws", ""),
    ),
    "OpenTelemetry on EKS": (
        otlp("hello", service__name="cart", cloud__provider="aws", cloud__platform="aws_eks"),
        ("cart", "", "", "", "kubernetes", ""),
    ),
    "OpenTelemetry on a VM of Google's": (
        otlp("hello", service__name="cart", cloud__provider="gcp", host__name="vm"),
        ("cart", "", "", "", "gcp", ""),
    ),
    "OpenTelemetry on a VM of Azure": (
        otlp("hello", service__name="cart", cloud__platform="azure_vm", cloud__provider="azure"),
        ("cart", "", "", "", "azure", ""),
    ),
    "OpenTelemetry on a VM": (
        otlp("hello", service__name="cart", host__name="vm-7"), ("cart", "", "", "", "vm", "")
    ),
    "OpenTelemetry in a container": (
        otlp("hello", service__name="cart", host__name="vm-7", container__id="0123"),
        ("cart", "", "", "", "docker", ""),
    ),
    "Splunk Connect for Kubernetes": (
        document(Payload.SPLUNK_EVENTS, {
            "time": 1_789_899_072, "host": "node-1", "sourcetype": "kube:container:cart",
            "event": "hello",
            "fields": {"namespace": "shop", "pod": POD, "container_name": "cart",
                       "cluster_name": "eu-1"},
        }),
        ("cart", "shop", "eu-1", "", "kubernetes", ""),
    ),
    "Splunk's collector": (
        document(Payload.SPLUNK_EVENTS, {
            "host": "node-1", "event": "hello",
            "fields": {"k8s.namespace.name": "shop", "k8s.pod.name": "cart-1",
                       "k8s.cluster.name": "eu-1", "k8s.container.name": "cart"},
        }),
        ("cart", "shop", "eu-1", "", "kubernetes", ""),
    ),
    "Docker's driver of GELF": (
        document(Payload.GELF_MESSAGES, {
            "version": "1.1", "host": "vm-7", "short_message": "hello",
            "_container_name": "cart", "_container_id": "0123",
        }),
        ("cart", "", "", "", "docker", ""),
    ),
    "GELF of a VM": (
        document(Payload.GELF_MESSAGES, {
            "version": "1.1", "host": "vm-7", "short_message": "hello", "_app": "cart"
        }),
        ("cart", "", "", "", "vm", ""),
    ),
    "CloudWatch": (
        document(Payload.CLOUDWATCH_LOGS, SUBSCRIPTION), ("unknown_service", "", "", "", "aws", "")
    ),
    "Envoy's access log service, a node of Istio": (
        als(service__name="cart", k8s__namespace__name="shop", k8s__cluster__name="eu-1",
            k8s__pod__name=POD, mesh__kind="istio"),
        ("cart", "shop", "eu-1", "istio", "kubernetes", "inbound"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("send", "expected"), SOURCES.values(), ids=SOURCES)
def test_a_source(decoder: Decoder, send: Send, expected: tuple[str, ...]) -> None:
    send(decoder)
    assert [tuple(row) for row in decoder.ask(MEANING)] == [expected]
