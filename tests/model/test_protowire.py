"""Protocol Buffers' wire format, against the real library and against any bytes."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model import protowire
from meshseal.wire.protos.spool_pb2 import Chunk, Envelope

UINT64 = st.integers(0, 2**64 - 1)


@given(value=UINT64, before=st.binary(max_size=3), after=st.binary(max_size=3))
def test_a_varint_comes_back(value: int, before: bytes, after: bytes) -> None:
    encoded = protowire.varint(value)
    data = before + encoded + after
    assert protowire.read_varint(data, len(before)) == (value, len(before) + len(encoded))


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, b"\0"),
        (127, b"\x7f"),
        (128, b"\x80\x01"),
        (300, b"\xac\x02"),
        (2**64 - 1, b"\xff" * 9 + b"\x01"),
    ],
)
def test_known_varints(value: int, encoded: bytes) -> None:
    assert protowire.varint(value) == encoded


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 9, b"\xff" * 11])
def test_a_varint_that_does_not_end(data: bytes) -> None:
    with pytest.raises(ValueError, match="varint"):
        protowire.read_varint(data, 0)


@given(agent=st.text(), epoch=UINT64, sequence=UINT64)
def test_fields_are_what_the_library_writes(agent: str, epoch: int, sequence: int) -> None:
    ours = (
        protowire.text_field(1, agent)
        + protowire.varint_field(2, epoch)
        + protowire.varint_field(3, sequence)
    )
    chunk = Chunk(agent=agent, epoch=epoch, sequence=sequence)
    assert ours == chunk.SerializeToString(deterministic=True)
    found = {
        number: value if isinstance(value, int) else bytes(value).decode()
        for number, value in protowire.fields(ours)
    }
    assert found == {n: v for n, v in ((1, agent), (2, epoch), (3, sequence)) if v}


@given(value=UINT64)
def test_fixed64_is_what_the_library_writes(value: int) -> None:
    ours = protowire.fixed64_field(2, value)
    assert ours == Envelope(received_unix_nano=value).SerializeToString()
    assert dict(protowire.fields(ours)) == ({2: value} if value else {})


@given(data=st.binary(max_size=100))
def test_any_bytes_are_a_message_or_a_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        for number, value in protowire.fields(data):
            assert number >= 0
            assert isinstance(value, int) or bytes(value) in data
