"""What clouds push: deliveries, pushes and records, taken or refused in the cloud's own words."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model.envelope import Envelope, Payload
from meshseal.model.errors import OverloadedError, PayloadError, TooLargeError
from meshseal.wire import PROTOCOL
from meshseal.wire.protocol import Decoded, Protocol, Request

FIREHOSE, PUBSUB, AZURE = (PROTOCOL[n] for n in ("aws_firehose", "gcp_pubsub", "azure_records"))
NOW = 1_790_000_000_123_456_789


def decode(protocol: Protocol, body: bytes, **headers: str) -> Decoded:
    request = Request(
        path=protocol.paths[0],
        query={},
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        body=body,
        received_unix_nano=NOW,
        door=protocol.name,
        tenant="team-a",
        source="key:abc",
    )
    return protocol.decode(request)


def subscription(*messages: str, kind: str = "DATA_MESSAGE") -> bytes:
    events = [{"id": str(n), "timestamp": 1, "message": text} for n, text in enumerate(messages)]
    document = {"messageType": kind, "owner": "1", "logGroup": "g", "logEvents": events}
    return json.dumps(document).encode()


def delivery(*records: bytes, name: str = "request-1") -> bytes:
    data = [{"data": base64.b64encode(record).decode()} for record in records]
    return json.dumps({"requestId": name, "timestamp": 1, "records": data}).encode()


def shown(envelopes: tuple[Envelope, ...]) -> list[tuple[Payload, bytes, int]]:
    return [(one.kind, bytes(one.content), one.records) for one in envelopes]


LINES, EVENTS = Payload.LINES, Payload.CLOUDWATCH_LOGS
PACKED = gzip.compress(subscription("a", "b"))


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param([b"one\n", b"two\n"], [(LINES, b"one\n\ntwo\n", 2)], id="lines"),
        pytest.param([b"one\ntwo", b"three"], [(LINES, b"one\ntwo\nthree", 3)], id="joined lines"),
        pytest.param([], [], id="nothing"),
        pytest.param([b"", b"\n"], [], id="empty lines"),
        pytest.param([gzip.compress(b"a\nb")], [(LINES, b"a\nb", 2)], id="packed lines"),
        pytest.param([b'{"messageType":'], [(LINES, b'{"messageType":', 1)], id="half a message"),
        pytest.param([PACKED], [(EVENTS, subscription("a", "b"), 2)], id="a subscription"),
        pytest.param(
            [gzip.compress(subscription("a") + subscription("b", "c"))],
            [(EVENTS, subscription("a") + b"\n" + subscription("b", "c"), 3)],
            id="subscriptions in one record",
        ),
        pytest.param(
            [gzip.compress(json.dumps(json.loads(subscription("a")), indent=1).encode())],
            [(EVENTS, json.dumps(json.loads(subscription("a")), indent=1).replace("\n", " "), 1)],
            id="over several lines",
        ),
        pytest.param(
            [gzip.compress(subscription(kind="CONTROL_MESSAGE"))], [], id="a control message"
        ),
        pytest.param(
            [PACKED, b"a line"],
            [(LINES, b"a line", 1), (EVENTS, subscription("a", "b"), 2)],
            id="both",
        ),
    ],
)
def test_what_a_delivery_holds(records: list[bytes], expected: list[Any]) -> None:
    decoded = decode(FIREHOSE, delivery(*records), x_amz_firehose_request_id="request-1")
    wanted = [
        (kind, content if isinstance(content, bytes) else content.encode(), count)
        for kind, content, count in expected
    ]
    assert shown(decoded.envelopes) == wanted
    assert {one.delivery for one in decoded.envelopes} <= {"request-1"}
    assert decoded.reply.status == 200
    assert decoded.reply.media_type == "application/json"
    assert json.loads(decoded.reply.body) == {"requestId": "request-1", "timestamp": NOW // 10**6}


def test_common_attributes_are_labels() -> None:
    common = json.dumps({"commonAttributes": {"deployment.environment.name": "prod"}})
    decoded = decode(FIREHOSE, delivery(b"x"), x_amz_firehose_common_attributes=common)
    assert decoded.envelopes[0].labels == {"deployment.environment.name": "prod"}


@pytest.mark.parametrize(
    ("body", "headers", "message"),
    [
        pytest.param(b"", {}, "not a delivery", id="empty"),
        pytest.param(b"{}", {}, "not a delivery", id="no records"),
        pytest.param(b'{"records":[{"data":"%%"}]}', {}, "not a delivery", id="no base64"),
        pytest.param(delivery(b"x", name=""), {}, "request id", id="no request id"),
        pytest.param(delivery(b"\x1f\x8bxxxxxxxxxxxxxxxx"), {}, "not gzip", id="bent gzip"),
        pytest.param(delivery(PACKED[:-9]), {}, "too early", id="half a gzip"),
        pytest.param(
            delivery(b"x"), {"x_amz_firehose_common_attributes": "["}, "common", id="attributes"
        ),
    ],
)
def test_what_is_no_delivery_is_refused(body: bytes, headers: dict[str, str], message: str) -> None:
    with pytest.raises(PayloadError, match=message) as caught:
        decode(FIREHOSE, body, **headers)
    reply = FIREHOSE.refuse(caught.value, {"x-amz-firehose-request-id": "r"})
    assert reply.status == 400
    assert json.loads(reply.body) == {"requestId": "r", "errorMessage": str(caught.value)}


def test_a_bomb_is_refused_at_the_limit() -> None:
    bomb = gzip.compress(bytes(40 << 20))
    with pytest.raises(TooLargeError):
        decode(FIREHOSE, delivery(bomb, bomb))


@pytest.mark.parametrize("protocol", [FIREHOSE, PUBSUB, AZURE])
def test_an_overloaded_server_says_when_to_come_again(protocol: Any) -> None:
    reply = protocol.refuse(OverloadedError("full", retry_after_seconds=7), {})
    assert reply.status == 503
    assert ("Retry-After", "7") in reply.headers


@pytest.mark.parametrize(
    ("protocol", "query", "headers", "key"),
    [
        (FIREHOSE, {}, {"x-amz-firehose-access-key": "msk_1"}, "msk_1"),
        (FIREHOSE, {"key": ["msk_2"]}, {}, "msk_2"),
        (PUBSUB, {"key": ["msk_3"]}, {}, "msk_3"),
        (AZURE, {"code": ["msk_4"]}, {}, "msk_4"),
        (AZURE, {}, {"x-functions-key": "msk_5"}, "msk_5"),
        (PUBSUB, {}, {"authorization": "Bearer x"}, ""),
    ],
)
def test_where_the_key_is(protocol: Any, query: Any, headers: Any, key: str) -> None:
    assert protocol.credential(protocol.paths[0], query, headers) == key


def push(**message: Any) -> bytes:
    return json.dumps({"message": message, "subscription": "projects/p/s"}).encode()


def test_a_push_is_one_record_and_named() -> None:
    body = push(data="aGVsbG8=", messageId="7", publishTime="2026-01-01T00:00:00Z")
    decoded = decode(PUBSUB, json.dumps(json.loads(body), indent=2).encode())
    (one,) = decoded.envelopes
    assert (one.records, one.delivery, b"\n" in bytes(one.content)) == (1, "projects/p/s/7", False)
    assert decoded.reply.status == 204


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", push(data="aGVsbG8="), push(data="%", messageId="7")]
)
def test_what_is_no_push_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadError, match="not a push of Pub/Sub"):
        decode(PUBSUB, body)


@pytest.mark.parametrize(
    ("body", "content", "records"),
    [
        pytest.param(b'{"records":[{"a":1},{}]}', None, 2, id="an object"),
        pytest.param(b' [{"a":1}]', b'{"records": [{"a":1}]}', 1, id="an array"),
    ],
)
def test_azure_records(body: bytes, content: bytes | None, records: int) -> None:
    (one,) = decode(AZURE, body).envelopes
    assert (one.records, bytes(one.content)) == (records, content or body)


@pytest.mark.parametrize("body", [b"", b"[1]", b'{"records":1}', b'{"record":[]}', b"[{}"])
def test_what_has_no_azure_records_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadError, match="records of Azure Monitor"):
        decode(AZURE, body)


def test_no_azure_records_are_nothing() -> None:
    assert decode(AZURE, b"[]").envelopes == ()


@given(
    body=st.one_of(
        st.binary(max_size=300),
        st.lists(st.binary(max_size=60), max_size=4).map(lambda records: delivery(*records)),
        st.lists(st.binary(max_size=60).map(gzip.compress), max_size=4).map(
            lambda records: delivery(*records)
        ),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["message", "data", "records", "messageId", "a"]), inner
                )
            ),
            max_leaves=12,
        ).map(lambda value: json.dumps(value).encode()),
    ),
    protocol=st.sampled_from([FIREHOSE, PUBSUB, AZURE]),
)
def test_any_bytes_are_taken_or_refused(body: bytes, protocol: Any) -> None:
    try:
        decoded = decode(protocol, body)
    except PayloadError as error:
        refused = protocol.refuse(error, {})
    else:
        refused = None
        assert decoded.reply.status in (200, 202, 204)
        assert all(one.records > 0 for one in decoded.envelopes)
    assert refused is None or 400 <= refused.status < 500
