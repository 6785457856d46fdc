"""Envelopes: written by hand, read by the library and by ourselves, and cut anywhere."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model.envelope import (
    Chunk,
    Envelope,
    Payload,
    Tally,
    decode,
    delimited,
    read_delimited,
    with_numbers,
)
from meshseal.wire.protos import spool_pb2

UINT63 = st.integers(0, 2**63 - 1)
TEXT = st.text(max_size=20)
RAW_KINDS = (
    Payload.LINES,
    Payload.DOCUMENTS,
    Payload.OTLP_LOGS_JSON,
    Payload.LOKI_PUSH_JSON,
)
ENVELOPES = st.builds(
    Envelope,
    tenant=TEXT,
    received_unix_nano=UINT63,
    door=TEXT,
    source=TEXT,
    kind=st.sampled_from(Payload),
    content=st.binary(max_size=200),
    records=UINT63,
    format=TEXT,
    labels=st.dictionaries(TEXT, TEXT, max_size=4),
    chunk=st.none() | st.builds(Chunk, TEXT, UINT63, UINT63),
)
TALLIES = st.builds(Tally, TEXT, TEXT, UINT63, UINT63)


@given(messages=st.lists(ENVELOPES | TALLIES, max_size=5))
def test_a_sequence_of_messages_comes_back(messages: list[Envelope | Tally]) -> None:
    data = b"".join(delimited(one.encode()) for one in messages)
    assert [decode(one) for one in read_delimited(data)] == messages


@given(envelope=ENVELOPES.filter(lambda one: one.kind in RAW_KINDS))
def test_the_library_reads_the_same(envelope: Envelope) -> None:
    message = spool_pb2.Envelope.FromString(envelope.encode())
    assert (message.tenant, message.door, message.source, message.format) == (
        envelope.tenant,
        envelope.door,
        envelope.source,
        envelope.format,
    )
    assert message.received_unix_nano == envelope.received_unix_nano
    assert message.records == envelope.records
    assert dict(message.labels) == envelope.labels
    assert getattr(message, envelope.kind.field_name) == envelope.content
    assert message.HasField("chunk") == (envelope.chunk is not None)


@given(envelope=ENVELOPES, batch=UINT63, first=st.integers(0, 2**32 - 1))
def test_numbers_are_added_behind(envelope: Envelope, batch: int, first: int) -> None:
    (message,) = read_delimited(with_numbers(envelope.encode(), batch=batch, first_seq=first))
    assert decode(message) == envelope
    if envelope.kind in RAW_KINDS:
        found = spool_pb2.Envelope.FromString(bytes(message))
        assert (found.batch, found.first_seq) == (batch, first)


@given(messages=st.lists(ENVELOPES, min_size=1, max_size=3), data=st.data())
def test_a_cut_sequence_gives_what_is_whole_and_then_an_error(
    messages: list[Envelope], data: st.DataObject
) -> None:
    parts = [delimited(one.encode()) for one in messages]
    whole = b"".join(parts)
    cut = data.draw(st.integers(0, len(whole) - 1))
    ends = [sum(map(len, parts[: count + 1])) for count in range(len(parts))]
    found: list[Envelope | Tally] = []
    on_border = cut == 0 or cut in ends
    with contextlib.nullcontext() if on_border else pytest.raises(ValueError, match=r"cut|end"):
        found.extend(decode(one) for one in read_delimited(whole[:cut]))
    if on_border:
        assert found == messages[: len(found)]
        assert len(found) == sum(1 for end in ends if end <= cut)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(decode(data), Envelope | Tally)


def test_the_payload_is_not_copied() -> None:
    message = Envelope("t", 1, "d", "s", Payload.LINES, b"x" * 1000, 1).encode()
    found = decode(message)
    assert isinstance(found, Envelope)
    assert isinstance(found.content, memoryview)
    assert found.content.obj is message


def test_field_numbers_are_those_of_the_schema() -> None:
    fields = spool_pb2.Envelope.DESCRIPTOR.fields_by_name
    assert {kind.field_name: int(kind) for kind in Payload} == {
        kind.field_name: fields[kind.field_name].number for kind in Payload
    }
