"""Events of Fluentd as records: what becomes of what Fluent Bit, Docker and others write."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshseal.model.envelope import Payload
from meshseal.wire.forward_events import MARK
from meshseal.wire.forward_message import read_message
from meshseal.wire.stream import Take
from tests.shape.decoder import RECEIVED_UNIX_NANO, Decoder, Row
from tests.wire.forward import AT, capture_folders, capture_secrets, event_time, session

pytestmark = pytest.mark.engine
NANOS = str(AT * 10**9 + 5)
TAG = {"fluent.tag": "app.web"}


def rows(decoder: Decoder, *entries: Any, tag: str = "app.web") -> list[Row]:
    packed = msgpack.packb([tag, list(entries)], unicode_errors="surrogateescape")
    message = read_message(packed, limit_bytes=1 << 26)
    assert message is not None
    assert message.rows is not None
    return decoder.rows(Payload.FLUENT_EVENTS, message.rows.encode(), message.rows.count)


@dataclass(frozen=True, slots=True)
class Case:
    """One record, and what it must give beside its time."""

    id: str
    record: Any
    body: str
    attributes: dict[str, str] = field(default_factory=dict)
    resource: dict[str, str] = field(default_factory=dict)
    service: str = "unknown_service"
    format: str = "unparsed"
    more: dict[str, str] = field(default_factory=dict)
    metadata: dict[Any, Any] = field(default_factory=dict)

    def expected(self) -> Row:
        row: Row = {"Timestamp": NANOS, "ServiceName": self.service, "Format": self.format}
        row["OtherAttributes"] = {**TAG, **self.attributes}
        if self.body:
            row["Body"] = self.body
        if self.resource:
            row["ResourceAttributes"] = self.resource
        return {**row, **self.more}


KUBERNETES = {
    "pod_name": "cart-1",
    "namespace_name": "shop",
    "pod_id": "0d9f",
    "pod_ip": "10.0.0.1",
    "labels": {"app": "cart", "version": "v1"},
    "annotations": {"a/b": "c"},
    "namespace_labels": {"team": "x"},
    "host": "node-1",
    "container_name": "main",
    "docker_id": "abc",
    "container_hash": "sha256:1",
    "container_image": "shop/cart:1",
}
POD = {
    "k8s.pod.name": "cart-1",
    "k8s.namespace.name": "shop",
    "k8s.pod.uid": "0d9f",
    "k8s.pod.ip": "10.0.0.1",
    "k8s.pod.label.app": "cart",
    "k8s.pod.label.version": "v1",
    "k8s.pod.annotation.a/b": "c",
    "k8s.namespace.label.team": "x",
    "k8s.node.name": "node-1",
    "k8s.container.name": "main",
    "container.id": "abc",
    "kubernetes.container_hash": "sha256:1",
    "container.image.name": "shop/cart:1",
}
ACCESS = {
    "start_time": "2026-09-20T10:11:12.345Z",
    "method": "GET",
    "path": "/cart?id=7",
    "protocol": "HTTP/1.1",
    "response_code": 503,
    "response_flags": "UF",
    "duration": 12,
    "authority": "cart:8080",
    "upstream_cluster": "outbound|8080||cart.shop.svc.cluster.local",
}
MESH = {
    "SeverityText": "ERROR",
    "SeverityNumber": "17",
    "HttpRequestMethod": "GET",
    "UrlPath": "/cart",
    "UrlQuery": "id=7",
    "HttpResponseStatusCode": "503",
    "NetworkProtocolName": "http",
    "NetworkProtocolVersion": "1.1",
    "DurationNanos": "12000000",
    "ResponseFlags": "UF",
    "ErrorType": "UpstreamConnectionFailure",
    "ServerAddress": "cart",
    "ServerPort": "8080",
    "UpstreamCluster": "outbound|8080||cart.shop.svc.cluster.local",
    "Reporter": "outbound",
    "PeerService": "cart",
    "PeerNamespace": "shop",
}
TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"


def access(**more: Any) -> str:
    return json.dumps({**ACCESS, **more}, separators=(",", ":"))


CASES = [
    Case("a message alone", {"message": "hello"}, "hello"),
    Case(
        "every kind of value",
        {"log": "x", "n": -1, "f": 1.5, "b": False, "z": None, "l": [1, {"a": 2}], "e": {}},
        "x",
        {"n": "-1", "f": "1.5", "b": "false", "l": '[1,{"a":2}]', "e": "{}"},
    ),
    Case(
        "nested deeper than four levels",
        {"log": "x", "a": {"b": {"c": {"d": {"e": 1}}}}},
        "x",
        {"a.b.c.d": '{"e":1}'},
    ),
    Case(
        "Fluent Bit's filter for Kubernetes",
        {"log": "hello\n", "stream": "stdout", "kubernetes": KUBERNETES},
        "hello",
        {"log.iostream": "stdout"},
        POD,
        "cart",
    ),
    Case(
        "Kubernetes' own label names the service before others",
        {"log": "x", "kubernetes": {"labels": {"app": "a", "app.kubernetes.io/name": "b"}}},
        "x",
        {},
        {"k8s.pod.label.app": "a", "k8s.pod.label.app.kubernetes.io/name": "b"},
        "b",
    ),
    Case(
        "a container without labels",
        {"log": "x", "kubernetes": {"container_name": "c"}, "docker": {"container_id": "d"}},
        "x",
        {},
        {"k8s.container.name": "c", "container.id": "d"},
        "c",
    ),
    Case(
        "Docker's driver",
        {"container_id": "abc", "container_name": "/web-1", "source": "stderr", "log": "boom"},
        "boom",
        {"log.iostream": "stderr"},
        {"container.id": "abc", "container.name": "web-1"},
        "web-1",
    ),
    Case(
        "FireLens",
        {"log": "x", "ecs_cluster": "c", "ecs_task_arn": "arn", "ec2_instance_id": "i-1"},
        "x",
        {},
        {"aws.ecs.cluster.name": "c", "aws.ecs.task.arn": "arn", "host.id": "i-1"},
    ),
    Case(
        "journald",
        {"MESSAGE": "started", "_HOSTNAME": "vm-7", "_PID": "42", "PRIORITY": "6"},
        "started",
        {"PRIORITY": "6"},
        {"host.name": "vm-7", "process.pid": "42"},
    ),
    Case("a source that is no stream", {"log": "x", "source": "db"}, "x", {"source": "db"}),
    Case(
        "host and environment",
        {"message": "x", "hostname": "vm-7", "env": "prod", "service": "cart"},
        "x",
        {},
        {"host.name": "vm-7", "deployment.environment.name": "prod", "service.name": "cart"},
        "cart",
    ),
    Case(
        "a level",
        {"message": "x", "level": "Warning"},
        "x",
        more={"SeverityText": "Warning", "SeverityNumber": "13"},
    ),
    Case(
        "of two levels the other stays",
        {"message": "x", "level": "error", "severity": "high"},
        "x",
        {"severity": "high"},
        more={"SeverityText": "error", "SeverityNumber": "17"},
    ),
    Case(
        "ids of a trace",
        {"message": "x", "trace_id": TRACE, "span_id": SPAN.upper()},
        "x",
        {"span_id": SPAN.upper()},
        more={"TraceId": TRACE, "SpanId": SPAN},
    ),
    Case(
        "what is no id",
        {"message": "x", "traceId": "abc", "spanId": 5},
        "x",
        {"traceId": "abc", "spanId": "5"},
    ),
    Case("log before message", {"message": "m", "log": "l"}, "l", {"message": "m"}),
    Case(
        "a message that is no text",
        {"message": {"a": 1}, "log": 5},
        '{"message":{"a":1},"log":5}',
        {"message.a": "1", "log": "5"},
    ),
    Case("an empty line", {"log": ""}, ""),
    Case("a line with its end", {"log": "a\r\n"}, "a"),
    Case("several lines", {"log": "a\nb\n\n"}, "a\nb\n"),
    Case("quotes, backslashes and controls", {"log": 'a"\\\0\t\u2028'}, 'a"\\\0\t\u2028'),
    Case("no message", {"a": 1, "b": {"c": "d"}}, '{"a":1,"b":{"c":"d"}}', {"a": "1", "b.c": "d"}),
    Case("an empty record", {}, "{}"),
    Case(
        "a record that is text",
        "level=info a=1",
        "level=info a=1",
        {"level": "info", "a": "1"},
        format="logfmt",
        more={"SeverityText": "info", "SeverityNumber": "9"},
    ),
    Case("a record that is an array", [1, 2], "[1,2]"),
    Case(
        "a line of JSON, its values beside the record's",
        {"log": '{"level":"error","msg":"in","n":1}\n', "n": 2},
        '{"level":"error","msg":"in","n":1}',
        {"n": "2", "level": "error", "msg": "in"},
        format="json",
        more={"SeverityText": "error", "SeverityNumber": "17"},
    ),
    Case(
        "a mesh's access log in a line",
        {"log": access() + "\n", "kubernetes": {"container_name": "istio-proxy"}},
        access(),
        {},
        {"k8s.container.name": "istio-proxy"},
        "unknown_service",
        "istio_json",
        MESH,
    ),
    Case(
        "a mesh's access log as a record",
        {**ACCESS, "own": {"a": 1}},
        access(own={"a": 1}),
        {"own.a": "1"},
        format="istio_json",
        more=MESH,
    ),
    Case(
        "bytes that are no UTF-8",
        {"log": b"a\xff" + MARK.encode(), b"k\xfe": b"v\xfd", "service": b"\xfc"},
        "a\udcff" + MARK,
        {"k\udcfe": "v\udcfd"},
        {"service.name": "\udcfc"},
        "\udcfc",
    ),
    Case(
        "such bytes in a record without a message",
        {"a": b"\xff"},
        '{"a":"\udcff"}',
        {"a": "\udcff"},
    ),
    Case(
        "metadata of Fluent Bit",
        {"log": "x"},
        "x",
        {"k": "v", "n.m": "1"},
        metadata={"k": "v", "n": {"m": 1}},
    ),
    Case(
        "metadata of OpenTelemetry's records",
        {"log": "x", "a": 1},
        "x",
        {"a": "1", "q": "2", "otlp.severity_number": "14", "scope.name": "s"},
        {"service.name": "cart", "region": "eu", "host.name": "h"},
        "cart",
        more={"SeverityText": "WARN2", "SeverityNumber": "14", "TraceId": TRACE, "SpanId": SPAN},
        metadata={
            "otlp": {
                "attributes": {"q": 2, "host.name": "h"},
                "severity_number": 14,
                "severity_text": "WARN2",
                "trace_id": bytes.fromhex(TRACE),
                "span_id": bytes.fromhex(SPAN),
            },
            "resource": {"attributes": {"service.name": "cart", "region": "eu"}},
            "scope": {"name": "s"},
        },
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_record(decoder: Decoder, case: Case) -> None:
    time: Any = event_time(AT, 5)
    (row,) = rows(decoder, [[time, case.metadata] if case.metadata else time, case.record])
    assert row == case.expected()


TIMES = {
    "none": (None, str(RECEIVED_UNIX_NANO), {}),
    "zero": (0, str(RECEIVED_UNIX_NANO), {}),
    "seconds": (AT, str(AT * 10**9), {}),
    "no time": ("now", str(RECEIVED_UNIX_NANO), {"meshseal.timestamp.original": "now"}),
    "before 1970": (
        -1000,
        str(RECEIVED_UNIX_NANO),
        {"meshseal.timestamp.original": "-1000000000000"},
    ),
}


@pytest.mark.parametrize(("time", "stamp", "attributes"), TIMES.values(), ids=TIMES)
def test_a_time(decoder: Decoder, time: Any, stamp: str, attributes: dict[str, str]) -> None:
    (row,) = rows(decoder, [time, {"log": "x"}])
    assert (row["Timestamp"], row["OtherAttributes"]) == (stamp, {**TAG, **attributes})


def test_records_keep_their_order_and_their_own(decoder: Decoder) -> None:
    """Records that have something in common are read together, and told apart again."""
    entries = [
        [AT + n, {"log": str(n), **({"kubernetes": {"pod_name": f"p{n % 3}"}} if n % 4 else {})}]
        for n in range(50)
    ]
    found = rows(decoder, *entries)
    assert [row["Body"] for row in found] == [str(n) for n in range(50)]
    assert [row["Timestamp"] for row in found] == [str((AT + n) * 10**9) for n in range(50)]
    assert [row.get("ResourceAttributes") for row in found] == [
        {"k8s.pod.name": f"p{n % 3}"} if n % 4 else None for n in range(50)
    ]


def test_a_record_as_deep_as_may_be_is_kept(decoder: Decoder) -> None:
    deep: Any = 1
    for _ in range(600):
        deep = {"a": deep}
    (row,) = rows(decoder, [event_time(AT, 5), {"log": "x", "deep": deep}])
    assert row["Body"] == "x"
    text = json.dumps(deep, separators=(",", ":"))
    assert row["OtherAttributes"] == {**TAG, "deep.a.a.a": text[15 : len(text) - 3]}


_TEXT = st.text(max_size=6) | st.binary(max_size=6)
_KEYS = st.sampled_from(
    ["log", "message", "kubernetes", "labels", "docker", "container_name", "level", "trace_id"]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS | _TEXT, inner, max_size=4),
    max_leaves=10,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    records=st.lists(st.dictionaries(_KEYS | _TEXT, _VALUES, max_size=5), min_size=1, max_size=9)
)
def test_any_records_are_decoded_and_counted(
    decoder: Decoder, records: list[dict[Any, Any]]
) -> None:
    entries = [[[AT, one], one] for one in records]
    found = rows(decoder, *entries)
    assert len(found) == len(records)
    for row, record in zip(found, records, strict=True):
        if isinstance(record.get("log"), str) and record["log"].isalnum():
            assert row["Body"] == record["log"]


@pytest.mark.parametrize("folder", capture_folders(), ids=lambda path: path.name)
def test_a_capture_becomes_its_records(decoder: Decoder, folder: Path) -> None:
    one = session(capture_secrets(folder))
    received = 1_800_000_000 * 10**9
    steps = one.received((folder / "sent.bin").read_bytes(), received)
    envelopes = [e for step in steps if isinstance(step, Take) for e in step.envelopes]
    expected = json.loads((folder / "expected.json").read_text())["rows"]
    left_out = ("Batch", "Seq", "RetentionDays", "ObservedTimestamp", "Tenant", "Source", "Door")
    found = [record.row() for record in decoder.decode(*envelopes)]
    assert {row["Door"] for row in found} == {"forward"}
    assert [{k: v for k, v in row.items() if k not in left_out} for row in found] == expected
