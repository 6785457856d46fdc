"""Documents of bulk requests: each shipper's shape becomes its columns, and no bytes are lost."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshseal.model.envelope import Payload
from meshseal.model.errors import PayloadError
from meshseal.wire.elastic import decode
from meshseal.wire.protocol import Request
from tests.shape.cases import RECEIVED
from tests.shape.decoder import Decoder, Row, nanos
from tests.shape.test_access_logs import istio_json

pytestmark = pytest.mark.engine

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

_ISTIO = istio_json()

BODIES = [
    Case(
        "a document without a message is its own body",
        {"@timestamp": AT, "event": {"action": "login"}, "level": "warn", "host": {"name": "h"}},
        None,
        {"SeverityText": "warn", "SeverityNumber": "13"},
        {"host.name": "h"},
        {"@timestamp": AT, "event.action": "login", "level": "warn", "host.name": "h"},
    ),
    Case(
        "a message that is no text is part of the document",
        {"@timestamp": AT, "message": {"a": 1}},
        None,
        other={"@timestamp": AT, "message.a": "1"},
    ),
    Case(
        "an empty message gives way to the log",
        {"@timestamp": AT, "message": "", "log": "l"},
        "l",
        other={"message": ""},
    ),
    Case(
        "JSON in the message is read",
        {"@timestamp": AT, "message": '{"level":"error","orders":7,"service":"pay"}'},
        '{"level":"error","orders":7,"service":"pay"}',
        {
            "Format": "json",
            "SeverityText": "error",
            "SeverityNumber": "17",
            "ServiceName": "pay",
        },
        other={"level": "error", "orders": "7", "service": "pay"},
    ),
    Case("no object but an empty one", "{}", None, {"Timestamp": RECEIVED}),
]

TIMES = [
    Case(f"@timestamp={value!r}", {"@timestamp": value, "message": "m"}, "m")
    for value in (
        "2026-09-20T10:11:12.123Z",
        "2026-09-20T12:11:12.123+02:00",
        1789899072123,
        "1789899072123",
        1789899072.123,
    )
] + [
    Case(
        "a time that is none stays as it is",
        {"@timestamp": "yesterday", "message": "m"},
        "m",
        {"Timestamp": RECEIVED},
        other={"@timestamp": "yesterday"},
    ),
    Case(
        "seconds in `time`",
        {"time": 1789899072.123, "message": "m"},
        "m",
        other={"time": "1789899072.123"},
    ),
]

LEVELS = [
    Case(
        f"level in {name}",
        {"@timestamp": AT, "message": "m", **document},
        "m",
        {"SeverityText": "Warning", "SeverityNumber": "13"},
        other=other,
    )
    for name, document, other in (
        ("log.level, nested", {"log": {"level": "Warning"}}, {}),
        ("log.level, flat", {"log.level": "Warning"}, {}),
        ("level", {"level": "Warning"}, {"level": "Warning"}),
        ("severity", {"severity": "Warning"}, {"severity": "Warning"}),
    )
]

NAMES = [
    Case(
        "a data stream's parts are its index's",
        {"@timestamp": AT, "message": "m"},
        "m",
        action='{"create":{"_index":"logs-nginx.access-prod-eu"}}',
        named={
            "elasticsearch.index": "logs-nginx.access-prod-eu",
            "data_stream.type": "logs",
            "data_stream.dataset": "nginx.access",
            "data_stream.namespace": "prod-eu",
        },
    ),
    Case(
        "what the document says of its data stream holds",
        {"@timestamp": AT, "message": "m", "data_stream.dataset": "other"},
        "m",
        other={"data_stream.dataset": "other"},
        action='{"create":{"_index":"logs-nginx-prod"}}',
        named={
            "elasticsearch.index": "logs-nginx-prod",
            "data_stream.type": "logs",
            "data_stream.namespace": "prod",
        },
    ),
    Case(
        "a number as id, and all that an action says",
        {"@timestamp": AT, "message": "m"},
        "m",
        action='{"index":{"_index":"a\\"b","_id":7,"routing":"r","version":3,"_type":"t"}}',
        named={
            "elasticsearch.index": 'a"b',
            "elasticsearch.id": "7",
            "elasticsearch.routing": "r",
            "elasticsearch.version": "3",
            "elasticsearch.type": "t",
        },
    ),
    Case(
        "the index of the request where the action names none",
        {"@timestamp": AT, "message": "m"},
        "m",
        action='{"index":{}}',
        named={"elasticsearch.index": "of-the-path"},
    ),
]

BYTES = [
    Case(
        "bytes that are no UTF-8",
        b'{"@timestamp":"2026-09-20T10:11:12.123Z","message":"caf\xff","n":1}',
        "caf\N{REPLACEMENT CHARACTER}",
        other={
            "n": "1",
            "log.record.original": '{"@timestamp":"2026-09-20T10:11:12.123Z",'
            '"message":"caf\udcff","n":1}',
        },
    ),
    Case(
        "half a surrogate: JSON to its sender, no JSON to the engine",
        '{"message":"\\ud800"}',
        None,
        {"Timestamp": RECEIVED, "Format": "unparsed"},
    ),
    Case(
        "what is nested deeper than four levels stays JSON",
        {"@timestamp": AT, "message": "m", "a": {"b": {"c": {"d": {"e": 1}}}}},
        "m",
        other={"a.b.c.d": '{"e":1}'},
    ),
    Case(
        "null says nothing",
        {"@timestamp": AT, "message": "m", "a": None, "b": [None, 1.5], "c": False},
        "m",
        other={"b": "[null,1.5]", "c": "false"},
    ),
]

CASES = [*SHIPPERS, *BODIES, *TIMES, *LEVELS, *NAMES, *BYTES]


@pytest.fixture(scope="module")
def rows(decoder: Decoder) -> dict[str, Row]:
    """The row of each case, all decoded in one pass as one request."""
    content = b"\n".join(line for case in CASES for line in (case.action.encode(), case.source))
    found = decoder.rows(
        Payload.ELASTIC_DOCUMENTS,
        content,
        len(CASES),
        labels={"elasticsearch.index": "of-the-path"},
    )
    return {case.id: row for case, row in zip(CASES, found, strict=True)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_document_becomes_its_record(rows: dict[str, Row], case: Case) -> None:
    assert rows[case.id] == case.expected()


def test_an_access_log_is_read_wherever_it_is(decoder: Decoder) -> None:
    documents = [
        {"@timestamp": AT, "message": _ISTIO, "kubernetes": {"pod": {"name": "p"}}},
        {"@timestamp": AT, "log": _ISTIO + "\n"},
        json.loads(_ISTIO),
    ]
    lines = [line for one in documents for line in ('{"index":{"_index":"i"}}', json.dumps(one))]
    found = decoder.rows(Payload.ELASTIC_DOCUMENTS, "\n".join(lines).encode(), 3)
    plain = decoder.line(_ISTIO)
    assert [row["Format"] for row in found] == ["istio_json"] * 3
    same = ("HttpRequestMethod", "UrlPath", "HttpResponseStatusCode", "UpstreamCluster", "Reporter")
    for row in found:
        assert [row.get(name) for name in same] == [plain.get(name) for name in same]
    assert found[0]["ResourceAttributes"] == {"k8s.pod.name": "p"}
    assert [row["Body"] for row in found] == [_ISTIO, _ISTIO, json.dumps(documents[2])]


_ANY = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "message",
                    "log",
                    "level",
                    "@timestamp",
                    "host",
                    "service",
                    "name",
                    "a.b",
                    "",
                    "labels",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
_DOCUMENTS = st.dictionaries(st.text(max_size=8) | st.sampled_from(["log", "host"]), _JSON)
_ACTIONS = st.sampled_from(
    [
        '{"index":{"_index":"logs-a-b"}}',
        ' {"create" : {"_index":"i","_id":"\\u00e9","x":{"y":[1]}}} ',
        '{"create":{"_index":"i"},"create":{"_index":"j"}}',
    ]
)


@_ANY
@given(
    pairs=st.lists(
        st.tuples(_ACTIONS, _DOCUMENTS.map(json.dumps) | st.binary(max_size=20).map(repr)),
        min_size=1,
        max_size=5,
    ),
    junk=st.binary(max_size=8),
    end=st.sampled_from(["", "\n", "\r\n"]),
)
def test_the_engine_finds_as_many_records_as_the_door(
    decoder: Decoder, pairs: list[tuple[str, str]], junk: bytes, end: str
) -> None:
    text = (end or "\n").join(line for pair in pairs for line in pair) + end
    body = text.encode().replace(b"message", b"message" + junk.replace(b"\n", b"")[:1])
    try:
        decoded = decode(
            Request("/_bulk", {}, {}, body, 1, "elasticsearch", "t", "s", method="PUT")
        )
    except PayloadError:
        return
    for envelope in decoded.envelopes:
        # `rows` fails where the engine finds another number of records than the door.
        found = decoder.rows(Payload.ELASTIC_DOCUMENTS, bytes(envelope.content), envelope.records)
        assert len(found) == decoded.records
