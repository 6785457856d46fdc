"""What clouds push over HTTP: Amazon Data Firehose, Google Pub/Sub, records of Azure Monitor.

```
POST /cloud/aws/firehose     with CloudWatch Logs subscriptions inside, or lines of text
POST /cloud/gcp/pubsub       one message a request, such as a LogEntry of Cloud Logging's router
POST /cloud/azure/records    {"records": […]}, or an array of them, as a function posts them
```

Each is given its key in the place its cloud has for one; in the URL, `?key=`, all of them.

Sources: AWS, "Troubleshooting HTTP endpoints" and "HTTP endpoint delivery request and response
specifications" of Data Firehose; AWS, "Log group-level subscription filters" of CloudWatch Logs;
Google Cloud, "Push subscriptions" of Pub/Sub and the reference of LogEntry; Microsoft, "Common and
service-specific schemas for Azure resource logs".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from meshseal.model.envelope import Payload
from meshseal.model.errors import MeshsealError, PayloadError, TooLargeError
from meshseal.receive.decompress import decompress
from meshseal.wire.protocol import (
    MAX_REQUEST_BYTES,
    NOT_JSON,
    Decoded,
    Protocol,
    Query,
    Reply,
    Request,
    count_lines,
    refuse_plainly,
    retry_after,
)

_JSON = "application/json"
_GZIP = b"\x1f\x8b"
_REQUEST_ID = "x-amz-firehose-request-id"
_MAX_ATTRIBUTES = 64


class _FirehoseRecord(msgspec.Struct):
    data: bytes


class _Firehose(msgspec.Struct, rename="camel"):
    records: list[_FirehoseRecord]
    request_id: str = ""


class _CommonAttributes(msgspec.Struct, rename="camel"):
    common_attributes: dict[str, str] = {}


class _LogEvent(msgspec.Struct):
    id: str
    timestamp: int
    message: str


class _Subscription(msgspec.Struct, rename="camel"):
    message_type: Literal["DATA_MESSAGE", "CONTROL_MESSAGE"]
    log_events: list[_LogEvent] = []


class _PubSubMessage(msgspec.Struct, rename="camel"):
    message_id: str
    data: bytes = b""
    attributes: dict[str, str] = {}


class _PubSub(msgspec.Struct):
    message: _PubSubMessage
    subscription: str = ""


class _Azure(msgspec.Struct):
    records: list[dict[str, msgspec.Raw]]


_FIREHOSE = msgspec.json.Decoder(_Firehose)
_COMMON = msgspec.json.Decoder(_CommonAttributes)
_SUBSCRIPTION = msgspec.json.Decoder(_Subscription)
_PUBSUB = msgspec.json.Decoder(_PubSub)
_AZURE = msgspec.json.Decoder(_Azure)


# ---- Amazon Data Firehose ------------------------------------------------------------------------


def decode_firehose(request: Request) -> Decoded:
    """Take a delivery: its records are lines, or CloudWatch Logs subscriptions packed with gzip.

    Raises: PayloadError, TooLargeError.
    """
    try:
        delivery = _FIREHOSE.decode(request.body)
    except NOT_JSON as error:
        raise PayloadError(f"the body is not a delivery of Data Firehose: {error}") from error
    name = request.headers.get(_REQUEST_ID) or delivery.request_id
    if not name:
        raise PayloadError("a delivery of Data Firehose has a request id")
    lines: list[bytes] = []
    subscriptions: list[bytes] = []
    events = unpacked = 0
    for record in delivery.records:
        content = record.data
        if content.startswith(_GZIP):
            content = decompress(content, "gzip", limit_bytes=MAX_REQUEST_BYTES)
            unpacked += len(content)
            if unpacked > MAX_REQUEST_BYTES:
                raise TooLargeError(f"the delivery unpacks to more than {MAX_REQUEST_BYTES} bytes")
        found = _subscriptions(content)
        if found is None:
            lines.append(content)
        for document, count in found or ():
            subscriptions.append(document)
            events += count
    text = b"\n".join(lines)
    labels = _common_attributes(request.headers)
    envelopes = (
        request.envelope(Payload.LINES, text, count_lines(text), labels=labels, delivery=name),
        request.envelope(
            Payload.CLOUDWATCH_LOGS,
            b"\n".join(subscriptions),
            events,
            labels=labels,
            delivery=name,
        ),
    )
    reply = {"requestId": name, "timestamp": request.received_unix_nano // 1_000_000}
    return Decoded(
        tuple(envelope for envelope in envelopes if envelope.records),
        Reply(200, msgspec.json.encode(reply), _JSON),
    )


def refuse_firehose(error: MeshsealError, headers: Mapping[str, str]) -> Reply:
    """Answer with the request's id and the reason; Firehose tries again whatever the status."""
    content = {"requestId": headers.get(_REQUEST_ID, ""), "errorMessage": str(error)}
    return Reply(error.http_status, msgspec.json.encode(content), _JSON, retry_after(error))


def key_of_firehose(_path: str, query: Query, headers: Mapping[str, str]) -> str:
    """Return the access key of a delivery stream."""
    return headers.get("x-amz-firehose-access-key", "") or _key_in_url(query)


def _common_attributes(headers: Mapping[str, str]) -> dict[str, str]:
    text = headers.get("x-amz-firehose-common-attributes", "")
    if not text:
        return {}
    try:
        attributes = _COMMON.decode(text).common_attributes
    except NOT_JSON as error:
        raise PayloadError(f"the common attributes are not JSON: {error}") from error
    if len(attributes) > _MAX_ATTRIBUTES:
        raise PayloadError(f"more than {_MAX_ATTRIBUTES} common attributes")
    return attributes


def _subscriptions(content: bytes) -> list[tuple[bytes, int]] | None:
    """Return the messages of CloudWatch Logs in a record, each on one line with its count of
    events; None if the record is something else. Messages without log events give none.
    """  # noqa: D205
    if b'"messageType"' not in content:
        return None
    found: list[tuple[bytes, int]] = []
    for document in _documents(content):
        try:
            message = _SUBSCRIPTION.decode(document)
        except NOT_JSON:
            return None
        if message.message_type == "DATA_MESSAGE" and message.log_events:
            # In JSON, an end of line is never but between tokens.
            found.append((document.replace(b"\n", b" "), len(message.log_events)))
    return found


def _documents(content: bytes) -> Iterator[bytes]:
    """Yield the JSON documents that follow one another: Firehose may join small records."""
    try:
        _SUBSCRIPTION.decode(content)
    except NOT_JSON:
        pass
    else:
        yield content
        return
    text, decoder, start = content.decode(errors="replace"), json.JSONDecoder(), 0
    while start < len(text):
        if text[start].isspace():
            start += 1
            continue
        try:
            _, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            end = len(text)
        yield text[start:end].encode()
        start = end


# ---- Google Pub/Sub ------------------------------------------------------------------------------


def decode_pubsub(request: Request) -> Decoded:
    """Take a push: one message. Raises: PayloadError."""
    try:
        push = _PUBSUB.decode(request.body)
    except NOT_JSON as error:
        raise PayloadError(f"the body is not a push of Pub/Sub: {error}") from error
    content = request.body.replace(b"\n", b" ")
    name = f"{push.subscription}/{push.message.message_id}"
    envelope = request.envelope(Payload.PUBSUB_MESSAGES, content, 1, delivery=name)
    return Decoded((envelope,), Reply(204))


def key_in_url(_path: str, query: Query, headers: Mapping[str, str]) -> str:
    """Return the key of a push subscription, or of a function that posts."""
    return headers.get("x-functions-key", "") or _key_in_url(query)


# ---- Azure ---------------------------------------------------------------------------------------


def decode_azure(request: Request) -> Decoded:
    """Take records of Azure Monitor: an object that has them, or an array. Raises: PayloadError."""
    body = request.body
    if body.lstrip()[:1] == b"[":
        body = b'{"records":' + body + b"}"
    try:
        records = len(_AZURE.decode(body).records)
    except NOT_JSON as error:
        raise PayloadError(f"the body does not hold records of Azure Monitor: {error}") from error
    envelope = request.envelope(Payload.AZURE_RECORDS, body, records)
    return Decoded((envelope,) if records else (), Reply(202))


# ---- All of them ---------------------------------------------------------------------------------


def _key_in_url(query: Query) -> str:
    return next((query[name][-1] for name in ("key", "code") if query.get(name)), "")


PROTOCOLS = (
    Protocol(
        name="aws_firehose",
        title="Amazon Data Firehose, and CloudWatch Logs through it",
        paths=("/cloud/aws/firehose",),
        decode=decode_firehose,
        refuse=refuse_firehose,
        credential=key_of_firehose,
        acknowledges="200 with the request's id after fsync; a request id is stored once a day",
        clients=("Amazon Data Firehose", "CloudWatch Logs subscriptions"),
    ),
    Protocol(
        name="gcp_pubsub",
        title="Google Pub/Sub push, and Cloud Logging through it",
        paths=("/cloud/gcp/pubsub",),
        decode=decode_pubsub,
        refuse=refuse_plainly,
        credential=key_in_url,
        acknowledges="204 after fsync; a message id is stored once a day",
        clients=("Google Pub/Sub", "Cloud Logging's router"),
    ),
    Protocol(
        name="azure_records",
        title="Records of Azure Monitor",
        paths=("/cloud/azure/records",),
        decode=decode_azure,
        refuse=refuse_plainly,
        credential=key_in_url,
        acknowledges="202 after fsync",
        clients=("Azure Functions", "Logic Apps"),
    ),
)
