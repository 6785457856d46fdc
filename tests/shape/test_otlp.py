"""OpenTelemetry's records: every kind of value, protobuf and JSON, and the fields around them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from meshseal.model.envelope import Payload
from tests.shape.decoder import RECEIVED_UNIX_NANO, Decoder, Row
from tests.shape.test_access_logs import ISTIO_CLIENT, istio_json
from tests.wire.samples import otlp_json

pytestmark = pytest.mark.engine
AT = 1_789_899_072_123_456_789
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


def any_value(value: Any) -> AnyValue:
    """Return a Python value as AnyValue."""
    if value is None:
        return AnyValue()
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, bytes):
        return AnyValue(bytes_value=value)
    message = AnyValue()
    if isinstance(value, list):
        message.array_value.SetInParent()
        message.array_value.values.extend(any_value(one) for one in value)
    else:
        message.kvlist_value.SetInParent()
        put(message.kvlist_value, value)
    return message


def put(target: KeyValueList, values: dict[str, Any]) -> None:
    for key, value in values.items():
        target.values.add(key=key).value.CopyFrom(any_value(value))


def any_json(value: Any) -> dict[str, Any]:
    """Return a Python value as OTLP/JSON's AnyValue."""
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, bytes):
        return {"bytesValue": base64.b64encode(value).decode()}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_json(one) for one in value]}}
    pairs = [{"key": key, "value": any_json(one)} for key, one in value.items()]
    return {"kvlistValue": {"values": pairs}}


VALUES = [
    pytest.param("text", "text", id="text"),
    pytest.param("", "", id="empty text"),
    pytest.param("käse \U0001f512 \n\0", "käse \U0001f512 \n\0", id="any text"),
    pytest.param(True, "true", id="true"),
    pytest.param(False, "false", id="false"),
    pytest.param(0, "0", id="zero"),
    pytest.param(INT64_MIN, str(INT64_MIN), id="smallest"),
    pytest.param(INT64_MAX, str(INT64_MAX), id="largest"),
    pytest.param(0.25, "0.25", id="double"),
    pytest.param(-1.5, "-1.5", id="negative double"),
    pytest.param(b"\x00\xff", "AP8=", id="bytes"),
    pytest.param(b"", "", id="no bytes"),
    pytest.param(None, "", id="no value"),
    pytest.param([], "[]", id="empty array"),
    pytest.param({}, "{}", id="empty map"),
    pytest.param(
        ["a", 1, True, 0.5, None, b"\x00", INT64_MAX],
        f'["a",1,true,0.5,null,"AA==",{INT64_MAX}]',
        id="array of all kinds",
    ),
    pytest.param(
        {"z": 1, "a": {"b": ["c", {"d": {"e": [1, 2]}}]}, "": 'q"\\'},
        '{"z":1,"a":{"b":["c",{"d":{"e":[1,2]}}]},"":"q\\"\\\\"}',
        id="map, six levels deep, in its order",
    ),
]


def protobuf_request(record: LogRecord) -> bytes:
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.append(record)
    return request.SerializeToString()


def json_request(record: dict[str, Any]) -> bytes:
    scopes = [{"logRecords": [record]}]
    return json.dumps({"resourceLogs": [{"scopeLogs": scopes}]}, ensure_ascii=False).encode()


@pytest.mark.parametrize(("value", "text"), VALUES)
def test_a_value_becomes_text(decoder: Decoder, value: object, text: str) -> None:
    record = LogRecord(time_unix_nano=AT, body=any_value(value))
    record.attributes.add(key="key").value.CopyFrom(any_value(value))
    (row,) = decoder.rows(Payload.OTLP_LOGS, protobuf_request(record), 1)
    assert row.get("Body", "") == text
    assert row["OtherAttributes"] == {"key": text}


@pytest.mark.parametrize(("value", "text"), VALUES)
def test_a_value_in_json_becomes_the_same_text(decoder: Decoder, value: object, text: str) -> None:
    content = any_json(value)
    record = {
        "timeUnixNano": str(AT),
        "body": content,
        "attributes": [{"key": "key", "value": content}],
    }
    (row,) = decoder.rows(Payload.OTLP_LOGS_JSON, json_request(record), 1)
    assert row.get("Body", "") == text
    assert row["OtherAttributes"] == {"key": text}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(float("nan"), "nan", id="not a number"),
        pytest.param(float("inf"), "inf", id="infinity"),
        pytest.param([float("-inf"), float("nan")], '["-Infinity","NaN"]', id="inside an array"),
    ],
)
def test_a_double_that_is_no_number_has_a_text(decoder: Decoder, value: Any, text: str) -> None:
    record = LogRecord(time_unix_nano=AT, body=any_value(value))
    (row,) = decoder.rows(Payload.OTLP_LOGS, protobuf_request(record), 1)
    assert row["Body"] == text


def test_text_that_is_no_utf8_is_kept(decoder: Decoder) -> None:
    record = LogRecord(time_unix_nano=AT, body=any_value("abc"))
    content = protobuf_request(record).replace(b"abc", b"a\xffc")
    (row,) = decoder.rows(Payload.OTLP_LOGS, content, 1)
    assert row["Body"] == "a\udcffc"


FULL: Row = {
    "Timestamp": str(AT),
    "TraceId": "000102030405060708090a0b0c0d0e0f",
    "SpanId": "0001020304050607",
    "TraceFlags": "1",
    "SeverityText": "WARN",
    "SeverityNumber": "13",
    "ServiceName": "cart",
    "Body": "late",
    "ResourceSchemaUrl": "https://r",
    "ResourceAttributes": {"service.name": "cart", "cpus": "8"},
    "ScopeSchemaUrl": "https://s",
    "ScopeName": "orders",
    "ScopeVersion": "1.2",
    "ScopeAttributes": {"scope": "[1]"},
    "OtherAttributes": {"k": "v"},
    "EventName": "order.late",
    "Format": "otlp",
    "HttpRequestMethod": "GET",
    "HttpResponseStatusCode": "404",
    "DurationNanos": "1500000",
}


def full_request() -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add(schema_url="https://r")
    resource.resource.attributes.add(key="service.name").value.string_value = "cart"
    resource.resource.attributes.add(key="cpus").value.int_value = 8
    scope = resource.scope_logs.add(schema_url="https://s")
    scope.scope.name, scope.scope.version = "orders", "1.2"
    scope.scope.attributes.add(key="scope").value.CopyFrom(any_value([1]))
    record = scope.log_records.add(
        time_unix_nano=AT,
        observed_time_unix_nano=AT + 5,
        severity_number=13,
        severity_text="WARN",
        trace_id=bytes(range(16)),
        span_id=bytes(range(8)),
        flags=0xFF01,
        event_name="order.late",
    )
    record.body.string_value = "late"
    for key, value in {
        "k": "v",
        "http.request.method": "GET",
        "http.response.status_code": 404,
        "mesh.duration_ms": 1.5,
    }.items():
        record.attributes.add(key=key).value.CopyFrom(any_value(value))
    return request


def test_every_field_has_its_column(decoder: Decoder) -> None:
    content = full_request().SerializeToString()
    (row,) = decoder.rows(Payload.OTLP_LOGS, content, 1)
    assert row == FULL


def test_every_field_of_json_has_its_column(decoder: Decoder) -> None:
    attributes = {"service.name": "cart", "cpus": 8}
    record = {
        "timeUnixNano": str(AT),
        "observedTimeUnixNano": AT + 5,
        "severityNumber": 13,
        "severityText": "WARN",
        "traceId": "000102030405060708090A0B0C0D0E0F",
        "spanId": "0001020304050607",
        "flags": 0xFF01,
        "eventName": "order.late",
        "body": any_json("late"),
        "attributes": _pairs(
            {
                "k": "v",
                "http.request.method": "GET",
                "http.response.status_code": 404,
                "mesh.duration_ms": 1.5,
            }
        ),
        "unknownField": {"a": [1]},
    }
    scope = {
        "scope": {"name": "orders", "version": "1.2", "attributes": _pairs({"scope": [1]})},
        "logRecords": [record],
        "schemaUrl": "https://s",
    }
    resource = {
        "resource": {"attributes": _pairs(attributes)},
        "scopeLogs": [scope],
        "schemaUrl": "https://r",
    }
    content = json.dumps({"resourceLogs": [resource]}).encode()
    (row,) = decoder.rows(Payload.OTLP_LOGS_JSON, content, 1)
    assert row == FULL


def _pairs(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": any_json(value)} for key, value in values.items()]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, str(RECEIVED_UNIX_NANO), id="no time: of receipt"),
        pytest.param({"observed_time_unix_nano": AT}, str(AT), id="no time: as observed"),
        pytest.param({"time_unix_nano": AT, "observed_time_unix_nano": 1}, str(AT), id="its own"),
        pytest.param({"time_unix_nano": 1}, str(RECEIVED_UNIX_NANO), id="1970 is not believed"),
        pytest.param({"time_unix_nano": 2**64 - 1}, str(RECEIVED_UNIX_NANO), id="2554 is not"),
    ],
)
def test_a_record_s_time(decoder: Decoder, fields: dict[str, int], expected: str) -> None:
    record = LogRecord(body=any_value("x"))
    for name, value in fields.items():
        setattr(record, name, value)
    (row,) = decoder.rows(Payload.OTLP_LOGS, protobuf_request(record), 1)
    assert row["Timestamp"] == expected


@pytest.mark.parametrize(
    ("text", "number", "expected"),
    [
        pytest.param("", 0, ("", ""), id="none"),
        pytest.param("", 17, ("", "17"), id="number only"),
        pytest.param("fatal", 0, ("fatal", "21"), id="text only"),
        pytest.param("odd", 0, ("odd", ""), id="unknown text"),
        pytest.param("INFO", 24, ("INFO", "24"), id="both"),
        pytest.param("", 25, ("", ""), id="over the range"),
        pytest.param("", -1, ("", ""), id="below the range"),
    ],
)
def test_severity(decoder: Decoder, text: str, number: int, expected: tuple[str, str]) -> None:
    raw = LogRecord(time_unix_nano=AT, severity_text=text)
    raw.MergeFromString(b"\x10" + _varint(number))
    (row,) = decoder.rows(Payload.OTLP_LOGS, protobuf_request(raw), 1)
    assert (row.get("SeverityText", ""), row.get("SeverityNumber", "")) == expected


def _varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


@pytest.mark.parametrize(
    ("line", "format_name"),
    [
        pytest.param(ISTIO_CLIENT, "istio_text", id="Istio text"),
        pytest.param(istio_json(), "istio_json", id="Istio JSON"),
        pytest.param('{"level":"error"}', "otlp", id="other JSON stays text"),
        pytest.param("level=error", "otlp", id="logfmt stays text"),
    ],
)
def test_a_mesh_s_line_in_a_body_is_read(decoder: Decoder, line: str, format_name: str) -> None:
    record = LogRecord(time_unix_nano=AT, body=any_value(line))
    record.attributes.add(key="k").value.string_value = "v"
    (row,) = decoder.rows(Payload.OTLP_LOGS, protobuf_request(record), 1)
    assert row["Format"] == format_name
    assert row["Body"] == line
    assert row["Timestamp"] == str(AT)
    assert row["OtherAttributes"] == {"k": "v"}
    assert ("HttpRequestMethod" in row) == format_name.startswith("istio")


def test_an_attribute_wins_over_the_same_in_the_body(decoder: Decoder) -> None:
    record = LogRecord(time_unix_nano=AT, body=any_value(istio_json(method="GET")))
    record.attributes.add(key="http.request.method").value.string_value = "POST"
    (row,) = decoder.rows(Payload.OTLP_LOGS, protobuf_request(record), 1)
    assert row["HttpRequestMethod"] == "POST"


def test_records_are_numbered_in_their_order(decoder: Decoder) -> None:
    request = ExportLogsServiceRequest()
    names = []
    for resource_number in range(3):
        resource = request.resource_logs.add()
        for scope_number in range(resource_number + 1):
            scope = resource.scope_logs.add()
            for number in range(scope_number):
                name = f"{resource_number}.{scope_number}.{number}"
                scope.log_records.add(time_unix_nano=AT).body.string_value = name
                names.append(name)
    rows = decoder.rows(Payload.OTLP_LOGS, request.SerializeToString(), len(names))
    assert [row["Body"] for row in rows] == names


def test_int64_in_json_is_a_string_or_a_number(decoder: Decoder) -> None:
    record = {
        "timeUnixNano": AT,
        "attributes": [
            {"key": "text", "value": {"intValue": str(INT64_MAX)}},
            {"key": "number", "value": {"intValue": 5}},
            {"key": "double", "value": {"doubleValue": "NaN"}},
            {"key": "nothing"},
        ],
    }
    (row,) = decoder.rows(Payload.OTLP_LOGS_JSON, json_request(record), 1)
    assert row["Timestamp"] == str(AT)
    assert row["OtherAttributes"] == {
        "text": str(INT64_MAX),
        "number": "5",
        "double": "NaN",
        "nothing": "",
    }


def test_the_sample_of_the_specification(decoder: Decoder) -> None:
    first, second = decoder.rows(Payload.OTLP_LOGS_JSON, otlp_json(at_unix_nano=AT), 2)
    assert first["TraceId"] == "5b8efff798038103d269b633813fc60c"
    assert first["OtherAttributes"] == {"n": "3", "m": "{}"}
    assert (first["Body"], second["Body"]) == ("late", "7")


@pytest.mark.parametrize("depth", [7, 50, 90, 200])
@pytest.mark.parametrize("kind", [Payload.OTLP_LOGS, Payload.OTLP_LOGS_JSON])
def test_a_value_nested_to_any_depth_is_kept(decoder: Decoder, kind: Payload, depth: int) -> None:
    if kind is Payload.OTLP_LOGS:
        content = _message(1, b"deepest")
        for _ in range(depth):
            content = _message(5, _message(1, content))
        record = _message(6, _message(1, b"key") + _message(2, content)) + _message(5, content)
        body = _message(1, _message(2, _message(2, record)))
    else:
        opening, closing = '{"arrayValue":{"values":[' * depth, "]}}" * depth
        value = f'{opening}{{"stringValue":"deepest"}}{closing}'
        attribute = f'{{"key":"key","value":{value}}}'
        record_text = f'{{"body":{value},"attributes":[{attribute}]}}'
        body = f'{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{record_text}]}}]}}]}}'.encode()
    (row,) = decoder.rows(kind, body, 1)
    text = row["Body"]
    assert isinstance(text, str)
    assert row["OtherAttributes"] == {"key": text}
    if depth <= 50:
        assert text == "[" * depth + '"deepest"' + "]" * depth
    else:
        # Too deep for the readers of the format: its bytes are kept, as base64 or as they came.
        assert len(text) > depth


def _message(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content
