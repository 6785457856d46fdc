"""Events of Beats that are no documents, or odd ones: none is lost, none is refused."""

from __future__ import annotations

from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshseal.model.envelope import Payload
from tests.shape.decoder import Decoder, envelope
from tests.shape.test_beats import compact

pytestmark = pytest.mark.engine
NO_DOCUMENTS = {
    "text": b"just text",
    "nothing": b"",
    "an array": b"[1,2]",
    "a string": b'"x"',
    "NaN": b'{"a":NaN}',
    "bytes that are not UTF-8": b'\xff{"message":"\xfe"}',
    "deep": b'{"a":' * 5000,
    "cut short": b'{"message":"a"',
    "a control character": b'{"message":"a\x01b"}',
}


@pytest.mark.parametrize("line", NO_DOCUMENTS.values(), ids=NO_DOCUMENTS)
def test_what_is_no_document_is_kept_as_text(decoder: Decoder, line: bytes) -> None:
    (row,) = decoder.rows(Payload.BEATS_EVENTS, line, 1)
    assert row.get("Body", "") == line.decode(errors="surrogateescape")


def test_a_key_that_comes_twice_is_kept_twice(decoder: Decoder) -> None:
    line = b'{"message":"a","message":"b","log.level":"info","log":{"level":"warn"}}'
    (one,) = decoder.decode(envelope(Payload.BEATS_EVENTS, line, 1))
    assert one.record["Body"] == b"a"
    assert one.record["SeverityText"] == b"info"
    others = cast("list[tuple[bytes, bytes]]", one.record["OtherAttributes"])
    assert sorted(others) == [(b"log.level", b"warn"), (b"message", b"b")]


_KEYS = st.sampled_from(
    [
        "@timestamp",
        "message",
        "log",
        "level",
        "trace",
        "id",
        "host",
        "kubernetes",
        "labels",
        "tags",
        "x",
    ]
)
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=4)),
    max_leaves=12,
)
_LINES = st.one_of(
    st.binary(max_size=60).map(lambda line: line.replace(b"\n", b"")),
    st.dictionaries(_KEYS, _VALUES, max_size=6).map(compact),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(_LINES, min_size=1, max_size=12))
def test_any_lines_are_as_many_records(decoder: Decoder, lines: list[bytes]) -> None:
    rows = decoder.rows(Payload.BEATS_EVENTS, b"\n".join(lines), len(lines))
    assert len(rows) == len(lines)
