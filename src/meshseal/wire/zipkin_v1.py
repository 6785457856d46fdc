"""Zipkin's spans of version 1 in version 2's words.

In version 1, who a span belongs to is told by its annotations: `cs` and `cr` are a client's, `sr`
and `ss` a server's, `ms` a producer's, `mr` a consumer's, each with the endpoint of who wrote it;
the addresses `sa`, `ca` and `ma` name the other end. A span that both ends wrote to becomes two.

Source: openzipkin/zipkin, `V1SpanConverter`; openzipkin/zipkin-api, thrift/zipkinCore.thrift.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from meshseal.model.errors import PayloadError
from meshseal.wire import thrift
from meshseal.wire.protocol import NOT_JSON

_Micros = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_KINDS = {
    "cs": "CLIENT",
    "cr": "CLIENT",
    "sr": "SERVER",
    "ss": "SERVER",
    "ms": "PRODUCER",
    "mr": "CONSUMER",
}
_BEGINS = {"CLIENT": "cs", "SERVER": "sr", "PRODUCER": "ms", "CONSUMER": "mr"}
_ENDS = {"CLIENT": "cr", "SERVER": "ss"}
_ADDRESSES = {"sa": ("CLIENT",), "ca": ("SERVER",), "ma": ("PRODUCER", "CONSUMER")}


class Endpoint(msgspec.Struct, rename="camel", omit_defaults=True):
    """Where something was noted."""

    service_name: str | None = None
    ipv4: str | None = None
    ipv6: str | None = None
    port: int | None = None


class Annotation(msgspec.Struct):
    """That something happened, and when."""

    timestamp: _Micros
    value: str
    endpoint: Endpoint | None = None


class BinaryAnnotation(msgspec.Struct):
    """A key with its value; of an address, `true`."""

    key: str
    value: str | bool | int | float | None = ""
    endpoint: Endpoint | None = None


class Span(msgspec.Struct, rename="camel"):
    """A span of version 1."""

    trace_id: str
    id: str
    name: str | None = ""
    parent_id: str | None = None
    timestamp: _Micros | None = None
    duration: _Micros | None = None
    debug: bool | None = None
    annotations: list[Annotation] | None = None
    binary_annotations: list[BinaryAnnotation] | None = None


_SPANS = msgspec.json.Decoder(list[Span])


def from_json(body: bytes) -> tuple[bytes, int]:
    """Return spans of version 1 as JSON of version 2, and how many. Raises: PayloadError."""
    try:
        spans = _SPANS.decode(body)
    except NOT_JSON as error:
        raise PayloadError(f"the body is not a list of Zipkin spans: {error}") from error
    return _array(msgspec.json.encode(one) for span in spans for one in _converted(span))


def from_thrift(body: bytes) -> tuple[bytes, int]:
    """Return a list of Thrift's binary protocol as JSON of version 2, and how many spans.

    Raises: PayloadError.
    """
    reader = thrift.Binary(body)
    return from_reader(reader)


def from_reader(reader: thrift.Reader) -> tuple[bytes, int]:
    """Return a list of Thrift spans as JSON of version 2, and how many. Raises: PayloadError."""
    try:
        kind, count = reader.elements()
        if kind != thrift.STRUCT and count:
            raise ValueError("it is a list of something else")
        return _array(
            msgspec.json.encode(one)
            for _ in range(count)
            for one in _converted(_span(reader.whole()))
        )
    except thrift.BROKEN as error:
        raise PayloadError(f"this is not a Thrift list of Zipkin spans: {error}") from error


def _array(spans: Iterable[bytes]) -> tuple[bytes, int]:
    """Return encoded spans as one array. One at a time: a Thrift span is far smaller than ours."""
    written = bytearray()
    count = 0
    for span in spans:
        written += b"," + span
        count += 1
    return b"[" + bytes(written[1:]) + b"]", count


# ---- To version 2 --------------------------------------------------------------------------------


def _converted(span: Span) -> list[dict[str, Any]]:
    """Return the spans that one of version 1 is: two, where both ends have written to it."""
    noted, tagged = span.annotations or [], span.binary_annotations or []
    by_kind: dict[str, list[Annotation]] = {}
    for annotation in noted:
        if kind := _KINDS.get(annotation.value):
            by_kind.setdefault(kind, []).append(annotation)
    kinds = sorted(by_kind) or [_kind_by_address(tagged)]
    found = [_one(span, kind, by_kind, kinds) for kind in kinds]
    # What belongs to no end in particular stays with the first; so does what has a time of its own.
    found[0]["annotations"] = [
        {"timestamp": one.timestamp, "value": one.value}
        for one in noted
        if one.value not in _KINDS or not _is_shown(one.timestamp, found)
    ]
    found[0]["tags"] = {one.key: _tag(one) for one in tagged if not _is_remote(one, kinds)}
    if len(found) > 1 and "SERVER" in kinds:
        found[kinds.index("SERVER")]["shared"] = True
    return found


def _is_shown(at: int, found: list[dict[str, Any]]) -> bool:
    """Whether a span begins or ends then; clients round the duration by itself."""
    begins = [one.get("timestamp", 0) for one in found]
    ends = [one.get("timestamp", 0) + one.get("duration", 0) for one in found]
    return any(abs(at - time) <= 1 for time in begins + ends)


def _one(
    span: Span, kind: str, by_kind: dict[str, list[Annotation]], kinds: list[str]
) -> dict[str, Any]:
    core = by_kind.get(kind, [])
    content: dict[str, Any] = {"traceId": span.trace_id, "id": span.id, "name": span.name or ""}
    if span.parent_id:
        content["parentId"] = span.parent_id
    if kind:
        content["kind"] = kind
    if span.debug:
        content["debug"] = True
    begin = next((one.timestamp for one in core if one.value == _BEGINS.get(kind)), 0)
    end = next((one.timestamp for one in core if one.value == _ENDS.get(kind)), 0)
    # The span's own times are those of its client, if it has one.
    if span.timestamp and span.duration and kind == kinds[0]:
        timestamp, duration = span.timestamp, span.duration
    else:
        timestamp = begin or (kind == kinds[0] and span.timestamp) or end
        duration = end - begin if begin and end > begin else 0
        duration = duration or (span.duration if kind == kinds[0] else 0) or 0
    if timestamp:
        content["timestamp"] = timestamp
    if duration:
        content["duration"] = duration
    local = next((one.endpoint for one in core if one.endpoint), None)
    if local := local or _any_endpoint(span):
        content["localEndpoint"] = local
    for tagged in span.binary_annotations or []:
        if _is_remote(tagged, [kind]):
            content["remoteEndpoint"] = tagged.endpoint
    return content


def _is_remote(one: BinaryAnnotation, kinds: list[str]) -> bool:
    """Whether a binary annotation is the address of the other end of a span of such a kind."""
    if one.endpoint is None or one.value is not True:
        return False
    return any(kind in _ADDRESSES.get(one.key, ()) for kind in kinds)


def _kind_by_address(tagged: list[BinaryAnnotation]) -> str:
    keys = {one.key for one in tagged if one.value is True and one.endpoint}
    return "CLIENT" if "sa" in keys else "SERVER" if "ca" in keys else ""


def _any_endpoint(span: Span) -> Endpoint | None:
    noted = [one.endpoint for one in span.annotations or []]
    tagged = [one.endpoint for one in span.binary_annotations or [] if one.key not in _ADDRESSES]
    return next((endpoint for endpoint in noted + tagged if endpoint), None)


def _tag(one: BinaryAnnotation) -> str:
    if one.key in _ADDRESSES and one.value is True and one.endpoint:
        return msgspec.json.encode(one.endpoint).decode()
    return one.value if isinstance(one.value, str) else msgspec.json.encode(one.value).decode()


# ---- From thrift ---------------------------------------------------------------------------------


def _span(fields: thrift.Fields) -> Span:
    if not {1, 4} <= fields.keys():
        raise ValueError("a span without its ids")
    high, parent = _hex(fields.get(12)), fields.get(5)
    trace_id = _hex(fields[1])
    return Span(
        trace_id=high + trace_id if high.strip("0") else trace_id,
        id=_hex(fields[4]),
        name=_text(fields.get(3)),
        parent_id=_hex(parent) if parent is not None else None,
        timestamp=max(thrift.integer(fields.get(10)), 0),
        duration=max(thrift.integer(fields.get(11)), 0),
        debug=bool(fields.get(9, False)),
        annotations=[
            Annotation(max(thrift.integer(one.get(1)), 0), _text(one.get(2)), _endpoint(one.get(3)))
            for one in thrift.structs(fields.get(6))
        ],
        binary_annotations=[
            BinaryAnnotation(
                _text(one.get(1)),
                _binary(thrift.integer(one.get(3, 6)), thrift.octets(one.get(2))),
                _endpoint(one.get(4)),
            )
            for one in thrift.structs(fields.get(8))
        ],
    )


def _endpoint(fields: thrift.Value | None) -> Endpoint | None:
    if not isinstance(fields, dict):
        return None
    ipv4, ipv6 = thrift.integer(fields.get(1)), thrift.octets(fields.get(4))
    return Endpoint(
        service_name=_text(fields.get(3)),
        ipv4=str(ipaddress.IPv4Address(ipv4 & 0xFFFFFFFF)) if ipv4 else None,
        ipv6=str(ipaddress.IPv6Address(ipv6)) if len(ipv6) == 16 else None,
        port=thrift.integer(fields.get(2)) & 0xFFFF or None,
    )


_NUMBERS = {2: struct.Struct(">h"), 3: struct.Struct(">i"), 4: struct.Struct(">q"),
            5: struct.Struct(">d")}  # fmt: skip


def _binary(kind: int, value: bytes) -> str | bool | int | float:
    """Return a value by zipkinCore's AnnotationType; what is none of its type, as hexadecimals."""
    if kind == 0 and len(value) == 1:
        return value != b"\0"
    if kind in _NUMBERS and len(value) == _NUMBERS[kind].size:
        return _NUMBERS[kind].unpack(value)[0]  # type: ignore[no-any-return]
    return _text(value) if kind == 6 else value.hex()


def _text(value: thrift.Value | None) -> str:
    return thrift.octets(value).decode(errors="backslashreplace")


def _hex(value: thrift.Value | None) -> str:
    return f"{thrift.integer(value) & 0xFFFFFFFFFFFFFFFF:016x}"
