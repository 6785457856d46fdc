"""Documents as each shipper writes them to Elasticsearch, and the records they must give."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tests.shape.decoder import Row, nanos

TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
AT = "2026-09-20T10:11:12.123Z"
MOMENT = nanos("2026-09-20T10:11:12.123")


@dataclass(frozen=True, slots=True)
class Case:
    """One document, and the record it must give."""

    id: str
    document: dict[str, Any] | str | bytes
    body: str | None
    columns: dict[str, str] = field(default_factory=dict)
    resource: dict[str, str] = field(default_factory=dict)
    other: dict[str, str] = field(default_factory=dict)
    action: str = '{"index":{"_index":"i"}}'
    named: dict[str, str] = field(default_factory=lambda: {"elasticsearch.index": "i"})

    @property
    def source(self) -> bytes:
        """The document's line."""
        if isinstance(self.document, bytes):
            return self.document
        text = self.document if isinstance(self.document, str) else json.dumps(self.document)
        return text.encode()

    def expected(self) -> Row:
        """The whole row; a body of None is the whole document."""
        body = self.source.decode(errors="surrogateescape") if self.body is None else self.body
        row: Row = {
            "Timestamp": MOMENT,
            "ServiceName": "unknown_service",
            "Format": "unparsed" if self.body is not None else "json",
            "Body": body,
            **self.columns,
        }
        if self.resource:
            row["ResourceAttributes"] = self.resource
        return row | {"OtherAttributes": self.named | self.other}


_AGENT = {
    "name": "vm-7",
    "type": "filebeat",
    "version": "8.15.3",
    "ephemeral_id": "5f2d",
    "id": "9c1e",
}

SHIPPERS = [
    Case(
        "Filebeat: a container of Kubernetes",
        {
            "@timestamp": AT,
            "message": "GET /items 200",
            "stream": "stdout",
            "log": {"offset": 4711, "file": {"path": "/var/log/containers/cart.log"}},
            "input": {"type": "filestream"},
            "kubernetes": {
                "pod": {"name": "cart-1", "uid": "u-1", "ip": "10.0.0.7"},
                "namespace": "shop",
                "namespace_labels": {"kubernetes_io/metadata_name": "shop"},
                "labels": {"app": "cart"},
                "node": {"name": "node-1"},
                "container": {"name": "cart"},
                "deployment": {"name": "cart"},
            },
            "container": {"id": "c-1", "runtime": "containerd", "image": {"name": "cart:1.4"}},
            "host": {"name": "node-1", "os": {"type": "linux"}},
            "cloud": {"provider": "aws", "region": "eu-central-1"},
            "ecs": {"version": "8.0.0"},
            "agent": _AGENT,
            "tags": ["prod", "web"],
        },
        "GET /items 200",
        {"ServiceName": "cart"},
        {
            "k8s.pod.name": "cart-1",
            "k8s.pod.uid": "u-1",
            "k8s.pod.ip": "10.0.0.7",
            "k8s.namespace.name": "shop",
            "k8s.namespace.label.kubernetes_io/metadata_name": "shop",
            "k8s.pod.label.app": "cart",
            "k8s.node.name": "node-1",
            "k8s.container.name": "cart",
            "k8s.deployment.name": "cart",
            "container.id": "c-1",
            "container.runtime.name": "containerd",
            "container.image.name": "cart:1.4",
            "host.name": "node-1",
            "os.type": "linux",
            "cloud.provider": "aws",
            "cloud.region": "eu-central-1",
        },
        {
            "log.iostream": "stdout",
            "log.offset": "4711",
            "log.file.path": "/var/log/containers/cart.log",
            "input.type": "filestream",
            "ecs.version": "8.0.0",
            "agent.name": "vm-7",
            "agent.type": "filebeat",
            "agent.version": "8.15.3",
            "agent.ephemeral_id": "5f2d",
            "agent.id": "9c1e",
            "tags": '["prod","web"]',
        },
        action='{"create":{"_index":"filebeat-8.15.3","pipeline":"nginx"}}',
        named={"elasticsearch.index": "filebeat-8.15.3", "elasticsearch.pipeline": "nginx"},
    ),
    Case(
        "Filebeat: an application that writes ECS, names with dots",
        {
            "@timestamp": AT,
            "log.level": "ERROR",
            "message": "no stock",
            "service.name": "cart",
            "service.version": "1.4.0",
            "service.environment": "prod",
            "process.pid": 42,
            "process.thread.name": "main",
            "log.logger": "shop.Cart",
            "trace.id": TRACE.upper(),
            "span.id": SPAN,
            "event.dataset": "cart.log",
            "error.message": "sold out",
        },
        "no stock",
        {
            "SeverityText": "ERROR",
            "SeverityNumber": "17",
            "TraceId": TRACE,
            "SpanId": SPAN,
            "ServiceName": "cart",
        },
        {
            "service.name": "cart",
            "service.version": "1.4.0",
            "deployment.environment.name": "prod",
            "process.pid": "42",
        },
        {
            "thread.name": "main",
            "log.logger": "shop.Cart",
            "trace.id": TRACE.upper(),
            "event.dataset": "cart.log",
            "exception.message": "sold out",
        },
    ),
    Case(
        "Logstash: a data stream",
        {
            "@timestamp": AT,
            "@version": "1",
            "message": "started",
            "event": {"original": "<14>started"},
            "host": {"name": "vm-7"},
            "data_stream": {"type": "logs", "dataset": "generic", "namespace": "default"},
        },
        "started",
        {},
        {"host.name": "vm-7"},
        {
            "@version": "1",
            "event.original": "<14>started",
            "data_stream.type": "logs",
            "data_stream.dataset": "generic",
            "data_stream.namespace": "default",
        },
        action='{"create":{"_id":null,"_index":"logs-generic-default","routing":null}}',
        named={"elasticsearch.index": "logs-generic-default"},
    ),
    Case(
        "Fluent Bit: a container of Kubernetes",
        {
            "@timestamp": "2026-09-20T10:11:12.123Z",
            "stream": "stderr",
            "_p": "F",
            "log": "level=warn msg=slow took=3s\n",
            "kubernetes": {
                "pod_name": "cart-1",
                "namespace_name": "shop",
                "pod_id": "u-1",
                "host": "node-1",
                "container_name": "cart",
                "container_image": "cart:1.4",
                "docker_id": "c-1",
                "labels": {"app": "cart"},
            },
        },
        "level=warn msg=slow took=3s",
        {
            "ServiceName": "cart",
            "Format": "logfmt",
            "SeverityText": "warn",
            "SeverityNumber": "13",
        },
        {
            "k8s.pod.name": "cart-1",
            "k8s.namespace.name": "shop",
            "k8s.pod.uid": "u-1",
            "k8s.node.name": "node-1",
            "k8s.container.name": "cart",
            "container.image.name": "cart:1.4",
            "container.id": "c-1",
            "k8s.pod.label.app": "cart",
        },
        {"log.iostream": "stderr", "_p": "F", "level": "warn", "msg": "slow", "took": "3s"},
        action='{"create":{"_index":"fluent-bit","_type":"_doc","_id":"g-1"}}',
        named={
            "elasticsearch.index": "fluent-bit",
            "elasticsearch.type": "_doc",
            "elasticsearch.id": "g-1",
        },
    ),
    Case(
        "Vector: a file",
        {
            "file": "/var/log/app.log",
            "host": "vm-7",
            "message": "ready",
            "source_type": "file",
            "timestamp": "2026-09-20T10:11:12.123Z",
            "data_stream": {"type": "logs", "dataset": "vector", "namespace": "prod"},
        },
        "ready",
        {},
        {"host.name": "vm-7"},
        {
            "file": "/var/log/app.log",
            "source_type": "file",
            "timestamp": "2026-09-20T10:11:12.123Z",
            "data_stream.type": "logs",
            "data_stream.dataset": "vector",
            "data_stream.namespace": "prod",
        },
        action='{"create":{"_index":"logs-vector-prod","_type":"_doc"}}',
        named={"elasticsearch.index": "logs-vector-prod", "elasticsearch.type": "_doc"},
    ),
    Case(
        "rsyslog: its own JSON",
        {
            "message": "upstream timed out",
            "fromhost": "vm-7",
            "facility": "daemon",
            "priority": "err",
            "timereported": "2026-09-20T10:11:12.123+00:00",
            "timegenerated": "2026-09-20T10:11:12.200+00:00",
        },
        "upstream timed out",
        {"SeverityText": "err", "SeverityNumber": "17"},
        {},
        {
            "fromhost": "vm-7",
            "facility": "daemon",
            "priority": "err",
            "timereported": "2026-09-20T10:11:12.123+00:00",
            "timegenerated": "2026-09-20T10:11:12.200+00:00",
        },
    ),
]
