"""Splunk's HTTP Event Collector: events as JSON objects one after another, and raw lines.

```
POST /services/collector[/event[/1.0]]   {"time": …, "host": …, "event": …, "fields": {…}}{…}…
POST /services/collector/raw[/1.0]       lines of text
POST /services/collector/ack?channel=…   {"acks": [1, 2]} -> {"acks": {"1": true, "2": true}}
GET  /services/collector/health[/1.0]    {"text": "HEC is healthy", "code": 17}
```

Splunk indexes the events before a bad one and refuses the rest; here a refused request changes
nothing, and `invalid-event-number` says which event to mend. What Splunk's own index settings would
refuse (an unknown index, nested `fields`, a time that is none) is kept as it came.

A success leaves only when the records are on disk, so that every `ackId` ever given is true. It is
the time of receipt in microseconds: whatever this server cannot have given yet, or never gives, is
answered false. The channel is the sender's own bookkeeping and is not stored.

Source: Splunk Enterprise, "Troubleshoot HTTP Event Collector" (codes and texts) and REST reference
of `services/collector`; vectordotdev/vector, src/sources/splunk_hec (MPL-2.0, read for behaviour);
moby/moby, daemon/logger/splunk (Apache-2.0).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

import msgspec

from meshseal.model.envelope import Payload
from meshseal.model.errors import (
    AuthenticationError,
    ForbiddenError,
    MeshsealError,
    NotFoundError,
    OverloadedError,
    PayloadError,
)
from meshseal.wire.jsontext import BadDocumentError, one_per_line
from meshseal.wire.protocol import (
    NOT_JSON,
    Decoded,
    Protocol,
    Query,
    Reply,
    Request,
    count_lines,
    retry_after,
)

ROOT = "/services/collector"
_EVENTS = frozenset(("", "/event", "/event/1.0"))
_RAW = frozenset(("/raw", "/raw/1.0"))
_ACK = frozenset(("/ack", "/ack/1.0"))
_HEALTH = frozenset(("/health", "/health/1.0"))

TEXTS = {
    0: "Success",
    1: "Token disabled",
    2: "Token is required",
    3: "Invalid authorization",
    4: "Invalid token",
    5: "No data",
    6: "Invalid data format",
    8: "Internal server error",
    9: "Server is busy",
    10: "Data channel is missing",
    11: "Invalid data channel",
    12: "Event field is required",
    13: "Event field cannot be blank",
    15: "Error in handling indexed fields",
    17: "HEC is healthy",
    18: "HEC is unhealthy, queues are full",
}
"""What Splunk says, by its codes; those that have a meaning here."""

_LABELS = {
    "host": "host.name",
    "source": "com.splunk.source",
    "sourcetype": "com.splunk.sourcetype",
    "index": "com.splunk.index",
    "time": "com.splunk.time",
}
"""Metadata of a whole request stands in its query."""

_CHANNEL_HEADER = "x-splunk-request-channel"
_CHANNEL = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9A-Fa-f]{32}")
_BLANK = re.compile(rb'\s*(?:""|null|\{\s*\})\s*')
_MAYBE_BLANK = re.compile(rb'"event"\s*:\s*(?:""|null|\{\s*\})')
_FIRST_ACK = 1_700_000_000_000_000
"""Before this, in microseconds, nothing was acknowledged."""


class HecError(PayloadError):
    """An error that Splunk has a code of its own for."""

    def __init__(
        self, code: int, reason: str, *, event: int | None = None, http_status: int = 400
    ) -> None:
        super().__init__(reason)
        self.hec_code = code
        self.event = event
        self.http_status = http_status  # type: ignore[misc]


class _Anything(msgspec.Struct):
    """An object with any members."""


class _Event(msgspec.Struct):
    event: msgspec.Raw
    fields: _Anything | None = None


class _Acks(msgspec.Struct):
    acks: list[Annotated[int, msgspec.Meta(ge=-(2**62), lt=2**62)]]


_EVENT = msgspec.json.Decoder(_Event)
_ACKS = msgspec.json.Decoder(_Acks)


def decode(request: Request) -> Decoded:
    """Take events or lines, or answer what is no delivery. Raises: PayloadError, NotFoundError."""
    path = request.path.removeprefix(ROOT).rstrip("/")
    posts = path in _EVENTS or path in _RAW or path in _ACK
    if not posts and path not in _HEALTH:
        raise NotFoundError(f"there is no {request.path[:80]!r} in the event collector")
    if request.method == "OPTIONS":
        allowed = "POST, OPTIONS" if posts else "GET, OPTIONS"
        return Decoded((), Reply(200, headers=(("Allow", allowed),)))
    if path in _HEALTH:
        return Decoded((), _reply(200, 17))
    if request.method != "POST":
        raise HecError(6, f"use POST, not {request.method}", http_status=405)
    if path in _ACK:
        return Decoded((), _acknowledged(request))
    if path in _RAW:
        return _taken(request, Payload.LINES, request.body, count_lines(request.body))
    if not request.body.strip():
        raise HecError(5, "the request has no body")
    try:
        content, records = one_per_line(request.body, _EVENT)
    except BadDocumentError as error:
        raise _event_error(error) from error
    if _MAYBE_BLANK.search(content):
        _refuse_blank(content)
    return _taken(request, Payload.SPLUNK_EVENTS, content, records)


def credential(_path: str, query: Query, headers: Mapping[str, str]) -> str:
    """Return the token of `Authorization: Splunk <token>` or `?token=`, or ''."""
    kind, _, token = headers.get("authorization", "").strip().partition(" ")
    if kind.lower() == "splunk":
        return token.strip() or "empty"
    return query.get("token", [""])[-1]


def refuse(error: MeshsealError, headers: Mapping[str, str]) -> Reply:
    """Answer with Splunk's code and text, and with what is wrong as `detail`."""
    if isinstance(error, OverloadedError):
        # A sender over its rate hears the same: Splunk has no 429, and some senders give up at one.
        path = headers.get(":path", "").partition("?")[0]
        code = 18 if path.removeprefix(ROOT) in _HEALTH else 9
        return _reply(503, code, detail=str(error), headers=retry_after(error))
    if isinstance(error, HecError):
        return _reply(error.http_status, error.hec_code, event=error.event, detail=str(error))
    if isinstance(error, AuthenticationError):
        code = _authentication_code(headers)
        return _reply(403 if code == 4 else 401, code, detail=str(error))
    if isinstance(error, ForbiddenError):
        return _reply(403, 1, detail=str(error))
    if isinstance(error, NotFoundError):
        body = {"text": "The requested URL was not found on this server.", "code": 404}
        return Reply(404, msgspec.json.encode(body), "application/json")
    code = 6 if isinstance(error, PayloadError) else 8
    return _reply(error.http_status, code, detail=str(error))


def _authentication_code(headers: Mapping[str, str]) -> int:
    """Return 2 where nothing was said, 3 where it was said otherwise, 4 where it does not hold."""
    query = headers.get(":path", "").partition("?")[2]
    said = headers.get("authorization", "").strip()
    if said:
        return 4 if said.partition(" ")[0].lower() in ("splunk", "basic", "bearer") else 3
    elsewhere = ("x-api-key", "meshseal-key")
    return 4 if "token=" in query or any(name in headers for name in elsewhere) else 2


def _event_error(error: BadDocumentError) -> HecError:
    if "required field `event`" in error.reason:
        code = 12
    else:
        code = 15 if error.reason.endswith("$.fields`") else 6
    return HecError(code, str(error), event=error.number)


def _refuse_blank(content: bytes) -> None:
    """Raises: HecError when an event says nothing."""
    for number, one in enumerate(_EVENT.decode_lines(content)):
        if _BLANK.fullmatch(bytes(one.event)):
            raise HecError(13, f"document {number}: the event is blank", event=number)


def _taken(request: Request, kind: Payload, content: bytes, records: int) -> Decoded:
    if not records:
        raise HecError(5, "the request has no line")
    labels = {label: value for name, label in _LABELS.items() if (value := request.parameter(name))}
    envelope = request.envelope(kind, content, records, labels=labels)
    ack = request.received_unix_nano // 1000 if _channel(request) else None
    return Decoded((envelope,), _reply(200, 0, ack=ack))


def _channel(request: Request) -> str:
    return request.headers.get(_CHANNEL_HEADER, "") or request.parameter("channel")


def _acknowledged(request: Request) -> Reply:
    """Say of acknowledgement ids whether their events are durable. Raises: HecError."""
    channel = _channel(request)
    if not channel:
        raise HecError(10, "send the channel as X-Splunk-Request-Channel or ?channel=")
    if not _CHANNEL.fullmatch(channel):
        raise HecError(11, "a channel is a GUID")
    try:
        asked = _ACKS.decode(request.body).acks
    except NOT_JSON as error:
        raise HecError(6, 'send {"acks": [<whole numbers>]}') from error
    now = request.received_unix_nano // 1000
    acks = {str(number): _FIRST_ACK <= number <= now for number in asked}
    return Reply(200, msgspec.json.encode({"acks": acks}), "application/json")


def _reply(
    status: int,
    code: int,
    *,
    ack: int | None = None,
    event: int | None = None,
    detail: str = "",
    headers: tuple[tuple[str, str], ...] = (),
) -> Reply:
    content: dict[str, str | int] = {"text": TEXTS[code], "code": code}
    if event is not None:
        content["invalid-event-number"] = event
    if ack is not None:
        content["ackId"] = ack
    if detail:
        content["detail"] = detail
    return Reply(status, msgspec.json.encode(content), "application/json", headers)


HEC = Protocol(
    name="splunk_hec",
    title="Splunk HTTP Event Collector",
    paths=tuple(ROOT + path for group in (_EVENTS, _RAW, _ACK, _HEALTH) for path in sorted(group)),
    prefix=ROOT,
    methods=("POST", "GET", "HEAD", "OPTIONS"),
    open_paths=frozenset(ROOT + path for path in _HEALTH),
    open_methods=frozenset(("OPTIONS",)),
    credential=credential,
    decode=decode,
    refuse=refuse,
    native_port=8088,
    acknowledges='200 and {"text":"Success","code":0} after fsync, so that every ackId is true',
    clients=(
        "Fluent Bit",
        "Vector",
        "Docker driver",
        "OpenTelemetry Collector",
        "Splunk libraries",
    ),
)

PROTOCOLS = (HEC,)
