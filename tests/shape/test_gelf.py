"""GELF messages: body, severity, additional fields under their names, and nothing lost."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from meshseal.model.envelope import Payload
from tests.shape.decoder import RECEIVED_UNIX_NANO, Decoder, Row

pytestmark = pytest.mark.engine
RECEIVED = str(RECEIVED_UNIX_NANO)


@dataclass(frozen=True, slots=True)
class Message:
    """One message, and what it must give besides its receipt as time and no service."""

    id: str
    text: str | bytes
    expected: dict[str, Any]

    def row(self) -> Row:
        base = {"Timestamp": RECEIVED, "ServiceName": "unknown_service", "Format": "unparsed"}
        return {**base, **self.expected}


MESSAGES = [
    Message(
        "what the specification shows",
        '{"version":"1.1","host":"example.org","short_message":"A short message",'
        '"full_message":"Backtrace here\\n\\nmore stuff","timestamp":1789899072.3072,"level":1,'
        '"_user_id":9001,"_some_info":"foo","_some_env_var":"bar"}',
        {
            "Timestamp": "1789899072307200000",
            "Body": "A short message",
            "SeverityText": "alert",
            "SeverityNumber": "19",
            "ResourceAttributes": {"host.name": "example.org"},
            "OtherAttributes": {
                "user_id": "9001",
                "some_info": "foo",
                "some_env_var": "bar",
                "gelf.full_message": "Backtrace here\n\nmore stuff",
            },
        },
    ),
    Message(
        "a full message that begins with the short one",
        '{"short_message":"failed","full_message":"failed\\n at a\\n at b"}',
        {"Body": "failed\n at a\n at b", "OtherAttributes": {"gelf.short_message": "failed"}},
    ),
    Message("both the same", '{"short_message":"a","full_message":"a"}', {"Body": "a"}),
    Message("a full message only", '{"full_message":"a","short_message":""}', {"Body": "a"}),
    Message("a short message only", '{"short_message":"a"}', {"Body": "a"}),
    Message(
        "no message",
        '{"host":"h","_a":"b"}',
        {
            "Body": '{"host":"h","_a":"b"}',
            "Format": "json",
            "ResourceAttributes": {"host.name": "h"},
            "OtherAttributes": {"a": "b", "host": "h", "_a": "b"},
        },
    ),
    Message(
        "a line of JSON as the message",
        '{"short_message":"{\\"msg\\":\\"x\\",\\"level\\":\\"error\\"}","level":6}',
        {
            "Body": '{"msg":"x","level":"error"}',
            "Format": "json",
            "SeverityText": "info",
            "SeverityNumber": "9",
            "OtherAttributes": {"msg": "x", "level": "error"},
        },
    ),
    Message(
        "Docker's driver",
        '{"version":"1.1","host":"vm-7","short_message":"placed","timestamp":1789899072.123,'
        '"level":3,"_command":"python -m cart","_container_id":"c0ffee","_container_name":"cart",'
        '"_created":"2026-09-20T10:00:00Z","_image_id":"sha256:1","_image_name":"shop/cart:1",'
        '"_tag":"c0ffee"}',
        {
            "Timestamp": "1789899072123000000",
            "Body": "placed",
            "SeverityText": "err",
            "SeverityNumber": "17",
            "ServiceName": "cart",
            "ResourceAttributes": {
                "host.name": "vm-7",
                "container.command": "python -m cart",
                "container.id": "c0ffee",
                "container.name": "cart",
                "container.image.id": "sha256:1",
                "container.image.name": "shop/cart:1",
            },
            "OtherAttributes": {"created": "2026-09-20T10:00:00Z", "tag": "c0ffee"},
        },
    ),
    Message(
        "version 1.0 with its fields",
        '{"version":"1.0","host":"h","short_message":"m","facility":"shop.web","file":"/app/web.py",'
        '"line":42,"_function":"pay","_pid":7,"_thread_name":"MainThread","_logger":"shop"}',
        {
            "Body": "m",
            "ResourceAttributes": {"host.name": "h", "process.pid": "7"},
            "OtherAttributes": {
                "facility": "shop.web",
                "code.file.path": "/app/web.py",
                "code.line.number": "42",
                "code.function.name": "pay",
                "thread.name": "MainThread",
                "logger": "shop",
            },
        },
    ),
    Message(
        "the id that should not be sent",
        '{"short_message":"m","_id":"7","__x":1,"_":2}',
        {"Body": "m", "OtherAttributes": {"gelf.id": "7", "_x": "1", "_": "2"}},
    ),
    Message(
        "names of OpenTelemetry and of the mesh",
        '{"short_message":"m","_service.name":"cart","_http.request.method":"GET",'
        '"_trace_id":"5B8EFFF798038103D269B633813FC60C","_span_id":"eee19b7ec3c1b174"}',
        {
            "Body": "m",
            "ServiceName": "cart",
            "HttpRequestMethod": "GET",
            "TraceId": "5b8efff798038103d269b633813fc60c",
            "SpanId": "eee19b7ec3c1b174",
            "ResourceAttributes": {"service.name": "cart"},
            "OtherAttributes": {
                "trace_id": "5B8EFFF798038103D269B633813FC60C",
                "span_id": "eee19b7ec3c1b174",
            },
        },
    ),
    Message(
        "values that GELF has not",
        '{"short_message":"m","_a":{"b":[1,{"c":2}]},"_n":null,"_t":true,"plain":1}',
        {"Body": "m", "OtherAttributes": {"a.b": '[1,{"c":2}]', "t": "true", "plain": "1"}},
    ),
    Message(
        "an application names itself",
        '{"short_message":"m","_app":"shop"}',
        {"Body": "m", "ServiceName": "shop", "OtherAttributes": {"app": "shop"}},
    ),
    Message(
        "a message that is no text",
        '{"short_message":{"a":1}}',
        {"Body": '{"a":1}', "Format": "json", "OtherAttributes": {"a": "1"}},
    ),
    Message(
        "bytes that are no UTF-8",
        b'{"short_message":"a\xff","host":"h"}',
        {
            "Body": "a\ufffd",
            "ResourceAttributes": {"host.name": "h"},
            "OtherAttributes": {"log.record.original": '{"short_message":"a\udcff","host":"h"}'},
        },
    ),
    Message(
        "a number the engine has no place for",
        '{"short_message":"m","_n":1e999}',
        {"Body": '{"short_message":"m","_n":1e999}'},
    ),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.id)
def test_a_message_becomes_its_record(decoder: Decoder, message: Message) -> None:
    text = message.text if isinstance(message.text, bytes) else message.text.encode()
    assert decoder.rows(Payload.GELF_MESSAGES, text, 1) == [message.row()]


LEVELS = {
    "0": ("emerg", "21"),
    "1": ("alert", "19"),
    "2": ("crit", "18"),
    "3": ("err", "17"),
    "4": ("warning", "13"),
    "5": ("notice", "10"),
    "6": ("info", "9"),
    "7": ("debug", "5"),
    '"4"': ("warning", "13"),
    '"ERROR"': ("ERROR", "17"),
    "35": ("35", None),
    "-1": ("-1", None),
    "null": (None, None),
}


@pytest.mark.parametrize(("level", "severity"), LEVELS.items())
def test_a_level_is_a_severity(
    decoder: Decoder, level: str, severity: tuple[str | None, str | None]
) -> None:
    text = f'{{"short_message":"m","level":{level}}}'
    (row,) = decoder.rows(Payload.GELF_MESSAGES, text.encode(), 1)
    assert (row.get("SeverityText"), row.get("SeverityNumber")) == severity


TIMES = {
    "1789899072.123456789": ("1789899072123456789", None),
    "1789899072": ("1789899072000000000", None),
    '"1789899072.5"': ("1789899072500000000", None),
    "1789899072123": ("1789899072123000000", None),
    "0": (RECEIVED, None),
    '"yesterday"': (RECEIVED, "yesterday"),
}


@pytest.mark.parametrize(("written", "expected"), TIMES.items())
def test_a_timestamp_is_read_or_kept(
    decoder: Decoder, written: str, expected: tuple[str, str | None]
) -> None:
    text = f'{{"_timestamp":"x","short_message":"m", "timestamp" : {written}}}'
    (row,) = decoder.rows(Payload.GELF_MESSAGES, text.encode(), 1)
    attributes = row["OtherAttributes"]
    assert isinstance(attributes, dict)
    assert (row["Timestamp"], attributes.get("gelf.timestamp")) == expected
    assert attributes["timestamp"] == "x"


def test_records_are_numbered_in_their_order(decoder: Decoder) -> None:
    lines = [json.dumps({"short_message": f"m{number}"}) for number in range(300)]
    rows = decoder.rows(Payload.GELF_MESSAGES, "\r\n".join(lines).encode(), 300)
    assert [row["Body"] for row in rows] == [f"m{number}" for number in range(300)]
