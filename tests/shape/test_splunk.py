"""Splunk's events: what stands where, times to the last digit, and nothing lost."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from meshseal.model.envelope import Payload
from tests.shape.decoder import RECEIVED_UNIX_NANO, Decoder, Row

pytestmark = pytest.mark.engine
RECEIVED = str(RECEIVED_UNIX_NANO)


@dataclass(frozen=True, slots=True)
class Event:
    """One event, and what it must give besides its receipt as time and no service."""

    id: str
    text: str | bytes
    expected: dict[str, Any]
    labels: dict[str, str] = field(default_factory=dict)

    def row(self) -> Row:
        base = {"Timestamp": RECEIVED, "ServiceName": "unknown_service", "Format": "unparsed"}
        return {**base, **self.expected}


EVENTS = [
    Event(
        "text with all metadata",
        '{"time":1789899072.123456789,"host":"vm-7","source":"/var/log/a","sourcetype":"st",'
        '"index":"main","event":"hello"}',
        {
            "Timestamp": "1789899072123456789",
            "Body": "hello",
            "ResourceAttributes": {
                "host.name": "vm-7",
                "com.splunk.source": "/var/log/a",
                "com.splunk.sourcetype": "st",
                "com.splunk.index": "main",
            },
        },
    ),
    Event("text only", '{"event":"hello"}', {"Body": "hello"}),
    Event("a blank", '{"event":" "}', {"Body": " "}),
    Event("escapes", '{"event":"a\\n\\"b\\u00e9\\\\"}', {"Body": 'a\n"bé\\'}),
    Event(
        "text in a known format",
        '{"event":"level=warn msg=slow","fields":{"level":"odd"}}',
        {
            "Body": "level=warn msg=slow",
            "Format": "logfmt",
            "SeverityText": "odd",
            "OtherAttributes": {"level": "odd", "msg": "slow"},
        },
    ),
    Event(
        "an object with a message",
        '{"event":{"message":"placed","level":"info","order":{"id":7,"lines":[1,2]},"no":null}}',
        {
            "Body": "placed",
            "SeverityText": "info",
            "SeverityNumber": "9",
            "OtherAttributes": {"level": "info", "order.id": "7", "order.lines": "[1,2]"},
        },
    ),
    Event(
        "Docker's driver",
        '{"event":{"line":"hi","source":"stdout","tag":"abc","attrs":{"env":"prod"}},'
        '"time":"1789899072.123456","host":"vm-7"}',
        {
            "Timestamp": "1789899072123456000",
            "Body": "hi",
            "ResourceAttributes": {"host.name": "vm-7"},
            "OtherAttributes": {"source": "stdout", "tag": "abc", "attrs.env": "prod"},
        },
    ),
    Event(
        "Docker's driver with lines of JSON",
        '{"event":{"line":{"msg":"x","level":"error"},"source":"stderr"}}',
        {
            "Body": '{"msg":"x","level":"error"}',
            "Format": "json",
            "SeverityText": "error",
            "SeverityNumber": "17",
            "OtherAttributes": {"source": "stderr", "msg": "x", "level": "error"},
        },
    ),
    Event(
        "an object without a message",
        '{"event":{"a":1,"level":"warn","b":{"c":"d"}}}',
        {
            "Body": '{"a":1,"level":"warn","b":{"c":"d"}}',
            "Format": "json",
            "SeverityText": "warn",
            "SeverityNumber": "13",
            "OtherAttributes": {"a": "1", "level": "warn", "b.c": "d"},
        },
    ),
    Event("a number", '{"event":7}', {"Body": "7"}),
    Event("false", '{"event":false}', {"Body": "false"}),
    Event("an array", '{"event":["a",1]}', {"Body": '["a",1]'}),
    Event(
        "fields",
        '{"event":"x","fields":{"region":"eu","roles":["a","b"],"n":1,"deep":{"er":true}}}',
        {
            "Body": "x",
            "OtherAttributes": {
                "region": "eu",
                "roles": '["a","b"]',
                "n": "1",
                "deep.er": "true",
            },
        },
    ),
    Event(
        "fields of the OpenTelemetry exporter",
        '{"event":"x","fields":{"service.name":"cart","k8s.pod.name":"cart-1",'
        '"otel.log.severity.text":"WARN2","otel.log.severity.number":14,'
        '"trace_id":"5B8EFFF798038103D269B633813FC60C","span_id":"eee19b7ec3c1b174",'
        '"http.request.method":"GET"}}',
        {
            "Body": "x",
            "ServiceName": "cart",
            "SeverityText": "WARN2",
            "SeverityNumber": "14",
            "TraceId": "5b8efff798038103d269b633813fc60c",
            "SpanId": "eee19b7ec3c1b174",
            "HttpRequestMethod": "GET",
            "ResourceAttributes": {"service.name": "cart", "k8s.pod.name": "cart-1"},
            "OtherAttributes": {
                "otel.log.severity.text": "WARN2",
                "otel.log.severity.number": "14",
                "trace_id": "5B8EFFF798038103D269B633813FC60C",
                "span_id": "eee19b7ec3c1b174",
            },
        },
    ),
    Event(
        "a name in the event and in the fields",
        '{"event":{"message":"x","region":"us"},"fields":{"region":"eu"}}',
        {"Body": "x", "OtherAttributes": {"region": "eu", "event.region": "us"}},
    ),
    Event(
        "members that Splunk has not",
        '{"event":"x","channel":"c","app":"shop","more":{"a":1}}',
        {
            "Body": "x",
            "ServiceName": "shop",
            "OtherAttributes": {"channel": "c", "app": "shop", "more.a": "1"},
        },
    ),
    Event(
        "metadata of the request gives way",
        '{"event":"x","host":"own"}',
        {
            "Body": "x",
            "ResourceAttributes": {"com.splunk.index": "i", "host.name": "own"},
        },
        {"host.name": "asked", "com.splunk.index": "i"},
    ),
    Event(
        "bytes that are no UTF-8",
        b'{"event":"a\xff","host":"h"}',
        {
            "Body": "a\ufffd",
            "ResourceAttributes": {"host.name": "h"},
            "OtherAttributes": {"log.record.original": '{"event":"a\udcff","host":"h"}'},
        },
    ),
    Event(
        "a number the engine has no place for",
        '{"event":"x","n":1e999}',
        {"Body": '{"event":"x","n":1e999}'},
    ),
    Event(
        "half of a pair of surrogates",
        '{"event":"\\ud800x"}',
        {"Body": '{"event":"\\ud800x"}'},
    ),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.id)
def test_an_event_becomes_its_record(decoder: Decoder, event: Event) -> None:
    text = event.text if isinstance(event.text, bytes) else event.text.encode()
    rows = decoder.rows(Payload.SPLUNK_EVENTS, text, 1, labels=event.labels)
    assert rows == [event.row()]


TIMES = {
    "1789899072": "1789899072000000000",
    "1789899072.5": "1789899072500000000",
    "1789899072.123": "1789899072123000000",
    "1789899072.123456": "1789899072123456000",
    "1789899072.123456789": "1789899072123456789",
    "1789899072.1234567891": "1789899072123456789",
    "1789899072.100000000": "1789899072100000000",
    '"1789899072.123456789"': "1789899072123456789",
    '"1789899072"': "1789899072000000000",
    "1789899072123": "1789899072123000000",
    "1.789899072123E9": "1789899072123000000",
    '"1.789899072123E9"': "1789899072123000000",
    '"2026-09-20T10:11:12.5Z"': "1789899072500000000",
    "0": RECEIVED,
    "null": RECEIVED,
    '""': RECEIVED,
}


@pytest.mark.parametrize(("written", "nanos"), TIMES.items())
def test_a_time_is_read_to_its_last_digit(decoder: Decoder, written: str, nanos: str) -> None:
    text = f'{{"event":{{"time":1.5,"message":"m"}}, "time" : {written}}}'
    (row,) = decoder.rows(Payload.SPLUNK_EVENTS, text.encode(), 1)
    assert (row["Timestamp"], row["OtherAttributes"]) == (nanos, {"time": "1.5"})


@pytest.mark.parametrize("written", ['"now"', "7", "-1789899072", "[1]", "1e300", "true"])
def test_a_time_that_is_none_is_kept(decoder: Decoder, written: str) -> None:
    text = f'{{"event":"x","time":{written}}}'
    (row,) = decoder.rows(Payload.SPLUNK_EVENTS, text.encode(), 1)
    attributes = row["OtherAttributes"]
    assert isinstance(attributes, dict)
    kept = {"1e300": ("1e300",), '"now"': ("now",)}.get(written, (written,))
    assert (row["Timestamp"], attributes["com.splunk.time"]) == (RECEIVED, *kept)


def test_records_are_numbered_in_their_order(decoder: Decoder) -> None:
    lines = [json.dumps({"event": f"e{number}"}) for number in range(300)]
    rows = decoder.rows(Payload.SPLUNK_EVENTS, "\r\n\r\n".join(lines).encode(), 300)
    assert [row["Body"] for row in rows] == [f"e{number}" for number in range(300)]
