"""The envelope: what a door hands to the spool, and the mill reads back.

One envelope holds one payload exactly as the sender wrote it, with what the door knew about it.
A decrypted segment is a sequence of envelopes, each behind its length as a varint, so that
ClickHouse reads it as format `Protobuf` with `spool.proto` as its schema.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from meshseal.model import protowire as wire


class Payload(enum.IntEnum):
    """The payload kinds; the value is the field number in `spool.proto`."""

    OTLP_LOGS = 20
    OTLP_TRACES = 21
    LOKI_PUSH = 22
    ENVOY_ALS = 23
    ZIPKIN_SPANS = 24
    DOCUMENTS = 25
    LINES = 26
    OTLP_LOGS_JSON = 27
    LOKI_PUSH_JSON = 28
    OTLP_TRACES_JSON = 29
    ZIPKIN_SPANS_JSON = 30
    JAEGER_SPANS = 41
    FLUENT_EVENTS = 33
    BEATS_EVENTS = 32
    ELASTIC_DOCUMENTS = 31
    DATADOG_LOGS = 34
    DATADOG_SPANS = 43
    SPLUNK_EVENTS = 35
    GELF_MESSAGES = 36
    CLOUDWATCH_LOGS = 38
    PUBSUB_MESSAGES = 39
    AZURE_RECORDS = 40
    SYSLOG_MESSAGES = 37

    @property
    def field_name(self) -> str:
        """The field's name in `spool.proto`."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A sender's own number for what it sent, so that a re-sent chunk is stored once.

    `epoch` changes when the sender starts counting anew; `sequence` counts from 0 within it.
    """

    agent: str
    epoch: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Envelope:
    """One payload of one sender.

    Units: `received_unix_nano` is nanoseconds since the epoch; `records` is the number of records
    the door counted in the payload, and the mill must find exactly as many.

    `delivery` is what the sender calls this payload, however often it sends it: a name, where
    `chunk` is a number.
    """

    tenant: str
    received_unix_nano: int
    door: str
    source: str
    kind: Payload
    content: bytes | memoryview
    records: int
    format: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    chunk: Chunk | None = None
    delivery: str = ""

    def encode(self) -> bytes:
        """Return the message, without its length in front."""
        head = b"".join(
            (
                wire.text_field(1, self.tenant),
                wire.fixed64_field(2, self.received_unix_nano),
                wire.text_field(3, self.door),
                wire.text_field(4, self.source),
                wire.text_field(5, self.format),
                *(_map_entry(6, key, value) for key, value in self.labels.items()),
                _chunk_field(7, self.chunk),
                wire.varint_field(8, self.records),
                wire.text_field(9, self.delivery),
            )
        )
        return head + wire.bytes_head(self.kind, len(self.content)) + self.content


NO_RECORDS = "-"
"""A tally's source where what was refused is no record at all, such as a metric's data points."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What a door refused or found to be a copy, since the segment before this one.

    It travels in the spool, as an envelope without a payload, so that the manifest of the batch
    can state it.
    """

    tenant: str
    door: str
    refused: int
    deduplicated: int
    source: str = ""

    def encode(self) -> bytes:
        """Return the message, without its length in front."""
        return b"".join(
            (
                wire.text_field(1, self.tenant),
                wire.text_field(3, self.door),
                wire.text_field(4, self.source),
                wire.varint_field(10, self.refused),
                wire.varint_field(11, self.deduplicated),
            )
        )


def delimited(message: bytes) -> bytes:
    """Return a message behind its length."""
    return wire.varint(len(message)) + message


def with_numbers(message: bytes | memoryview, *, batch: int, first_seq: int) -> bytes:
    """Return an encoded envelope, delimited, with the numbers that the mill assigns added.

    A later field of a message may simply be appended to it.
    """
    numbers = wire.varint_field(12, batch) + wire.varint_field(13, first_seq)
    return wire.varint(len(message) + len(numbers)) + bytes(message) + numbers


def read_delimited(data: bytes | memoryview) -> Iterator[memoryview]:
    """Yield each message of a sequence. Raises: ValueError when the last one is cut short."""
    view = memoryview(data)
    offset = 0
    while offset < len(view):
        length, offset = wire.read_varint(view, offset)
        if offset + length > len(view):
            raise ValueError("the last envelope is cut short")
        yield view[offset : offset + length]
        offset += length


_PAYLOAD_FIELDS = frozenset(int(kind) for kind in Payload)


def decode(message: bytes | memoryview) -> Envelope | Tally:
    """Decode one message. The payload is a view into `message`, not a copy.

    Raises: ValueError when the bytes are not an envelope that this version wrote.
    """
    scalars: dict[int, int | memoryview] = {}
    labels: dict[str, str] = {}
    kind: Payload | None = None
    for number, value in wire.fields(message):
        if number in _PAYLOAD_FIELDS:
            kind = Payload(number)
            scalars[0] = value
        elif number == 6:
            key, label = _pair(value)
            labels[key] = label
        else:
            scalars[number] = value
    if kind is None:
        return Tally(
            tenant=_text(scalars, 1),
            door=_text(scalars, 3),
            refused=_integer(scalars, 10),
            deduplicated=_integer(scalars, 11),
            source=_text(scalars, 4),
        )
    content = scalars[0]
    if isinstance(content, int):
        raise ValueError("a payload must be length-delimited")
    return Envelope(
        tenant=_text(scalars, 1),
        received_unix_nano=_integer(scalars, 2),
        door=_text(scalars, 3),
        source=_text(scalars, 4),
        kind=kind,
        content=content,
        records=_integer(scalars, 8),
        format=_text(scalars, 5),
        labels=labels,
        chunk=_read_chunk(scalars.get(7)),
        delivery=_text(scalars, 9),
    )


def _map_entry(number: int, key: str, value: str) -> bytes:
    entry = wire.text_field(1, key) + wire.text_field(2, value)
    return wire.bytes_head(number, len(entry)) + entry


def _chunk_field(number: int, chunk: Chunk | None) -> bytes:
    if chunk is None:
        return b""
    content = (
        wire.text_field(1, chunk.agent)
        + wire.varint_field(2, chunk.epoch)
        + wire.varint_field(3, chunk.sequence)
    )
    return wire.bytes_head(number, len(content)) + content


def _read_chunk(value: int | memoryview | None) -> Chunk | None:
    if not isinstance(value, memoryview):
        return None
    found = dict(wire.fields(value))
    return Chunk(agent=_text(found, 1), epoch=_integer(found, 2), sequence=_integer(found, 3))


def _pair(value: int | memoryview) -> tuple[str, str]:
    if not isinstance(value, memoryview):
        raise ValueError("a label must be a message")
    found = dict(wire.fields(value))
    return _text(found, 1), _text(found, 2)


def _text(values: Mapping[int, int | memoryview], number: int) -> str:
    value = values.get(number, b"")
    if isinstance(value, int):
        raise ValueError(f"field {number} must be text")
    return bytes(value).decode()


def _integer(values: Mapping[int, int | memoryview], number: int) -> int:
    value = values.get(number, 0)
    if not isinstance(value, int):
        raise ValueError(f"field {number} must be a number")
    return value
