"""Loki's pushes: labels, structured metadata, times, protobuf and JSON alike."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from meshseal.model.envelope import Payload
from meshseal.wire.protos.spool_pb2 import LokiPush
from tests.shape.decoder import RECEIVED_UNIX_NANO, Decoder, Row

pytestmark = pytest.mark.engine
AT = 1_789_899_072_123_456_789


@dataclass(frozen=True, slots=True)
class Push:
    """One record, and what it must give."""

    id: str
    text: str
    labels: dict[str, str]
    expected: Row
    line: str = "hello"
    metadata: dict[str, str] = field(default_factory=dict)
    at: int = AT

    def protobuf(self) -> bytes:
        push = LokiPush()
        entry = push.streams.add(labels=self.text.encode()).entries.add(line=self.line.encode())
        entry.timestamp.seconds, entry.timestamp.nanos = divmod(self.at, 10**9)
        for name, value in self.metadata.items():
            entry.structured_metadata.add(name=name.encode(), value=value.encode())
        return push.SerializeToString()

    def json(self) -> bytes:
        entry = [str(self.at), self.line, *([self.metadata] if self.metadata else [])]
        return json.dumps({"streams": [{"stream": self.labels, "values": [entry]}]}).encode()


BASE: Row = {"Timestamp": str(AT), "Body": "hello", "Format": "unparsed"}
PUSHES = [
    Push(
        "labels name the service",
        '{app="web", env="prod"}',
        {"app": "web", "env": "prod"},
        {**BASE, "ServiceName": "web", "ResourceAttributes": {"app": "web", "env": "prod"}},
    ),
    Push("no labels", "{}", {}, {**BASE, "ServiceName": "unknown_service"}),
    Push(
        "odd characters in values",
        '{ job = "a\\"b\\\\c,d=\\"e\\"}" , x="käse\\n\\u2028" }',
        {"job": 'a"b\\c,d="e"}', "x": "käse\n\u2028"},
        {
            **BASE,
            "ServiceName": 'a"b\\c,d="e"}',
            "ResourceAttributes": {"job": 'a"b\\c,d="e"}', "x": "käse\n\u2028"},
        },
    ),
    Push(
        "structured metadata",
        '{job="j"}',
        {"job": "j"},
        {
            **BASE,
            "ServiceName": "j",
            "ResourceAttributes": {"job": "j"},
            "OtherAttributes": {"pod": "web-1", "trace_id": "abc", "empty": ""},
        },
        metadata={"pod": "web-1", "trace_id": "abc", "empty": ""},
    ),
    Push(
        "metadata of a mesh attribute is promoted",
        '{job="j"}',
        {"job": "j"},
        {
            **BASE,
            "ServiceName": "j",
            "ResourceAttributes": {"job": "j"},
            "HttpRequestMethod": "GET",
        },
        metadata={"http.request.method": "GET"},
    ),
    Push(
        "a JSON line with metadata beside",
        '{job="j"}',
        {"job": "j"},
        {
            **BASE,
            "Body": '{"level":"error","pod":"in"}',
            "Format": "json",
            "ServiceName": "j",
            "SeverityText": "error",
            "SeverityNumber": "17",
            "ResourceAttributes": {"job": "j"},
            "OtherAttributes": {"pod": "out", "level": "error"},
        },
        line='{"level":"error","pod":"in"}',
        metadata={"pod": "out"},
    ),
    Push(
        "the level is a label, and comes before that of the line",
        '{job="j",level="warning"}',
        {"job": "j", "level": "warning"},
        {
            **BASE,
            "Body": '{"level":"error"}',
            "Format": "json",
            "ServiceName": "j",
            "SeverityText": "warning",
            "SeverityNumber": "13",
            "ResourceAttributes": {"job": "j", "level": "warning"},
            "OtherAttributes": {"level": "error"},
        },
        line='{"level":"error"}',
    ),
    Push(
        "the level is metadata",
        '{job="j"}',
        {"job": "j"},
        {
            **BASE,
            "ServiceName": "j",
            "SeverityText": "debug",
            "SeverityNumber": "5",
            "ResourceAttributes": {"job": "j"},
            "OtherAttributes": {"detected_level": "debug"},
        },
        metadata={"detected_level": "debug"},
    ),
    Push(
        "a time before 1970",
        "{}",
        {},
        {
            **BASE,
            "ServiceName": "unknown_service",
            "Timestamp": str(RECEIVED_UNIX_NANO),
            "OtherAttributes": {"meshseal.timestamp.original": "-1500000000"},
        },
        at=-1_500_000_000,
    ),
    Push(
        "no time is the time of receipt",
        "{}",
        {},
        {**BASE, "ServiceName": "unknown_service", "Timestamp": str(RECEIVED_UNIX_NANO)},
        at=0,
    ),
    Push(
        "an empty line is a record",
        "{}",
        {},
        {"Timestamp": str(AT), "Format": "unparsed", "ServiceName": "unknown_service"},
        line="",
    ),
    Push(
        "a line of several lines is one record",
        "{}",
        {},
        {**BASE, "Body": "a\nb\r\n", "ServiceName": "unknown_service"},
        line="a\nb\r\n",
    ),
]


@pytest.mark.parametrize("push", PUSHES, ids=lambda push: push.id)
def test_a_push_in_protobuf_gives_its_record(decoder: Decoder, push: Push) -> None:
    assert decoder.rows(Payload.LOKI_PUSH, push.protobuf(), 1) == [push.expected]


@pytest.mark.parametrize("push", PUSHES, ids=lambda push: push.id)
def test_a_push_in_json_gives_the_same(decoder: Decoder, push: Push) -> None:
    assert decoder.rows(Payload.LOKI_PUSH_JSON, push.json(), 1) == [push.expected]


def test_records_are_numbered_in_their_order(decoder: Decoder) -> None:
    push, streams, lines = LokiPush(), [], []
    for stream_number in range(4):
        stream = push.streams.add(labels=b'{n="%d"}' % stream_number)
        values = []
        for number in range(stream_number):
            line = f"{stream_number}.{number}"
            entry = stream.entries.add(line=line.encode())
            entry.timestamp.seconds = AT // 10**9
            values.append([str(AT), line])
            lines.append(line)
        streams.append({"stream": {"n": str(stream_number)}, "values": values})
    content = json.dumps({"streams": streams}).encode()
    for kind, body in (
        (Payload.LOKI_PUSH, push.SerializeToString()),
        (Payload.LOKI_PUSH_JSON, content),
    ):
        rows = decoder.rows(kind, body, len(lines))
        assert [row["Body"] for row in rows] == lines
        assert [row["ResourceAttributes"] for row in rows] == [
            {"n": line.partition(".")[0]} for line in lines
        ]
