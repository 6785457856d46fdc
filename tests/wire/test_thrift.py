"""Thrift: whatever is written is read, by either protocol, and no bytes make the readers grow."""

from __future__ import annotations

import contextlib
import random
import tracemalloc
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshseal.wire import jaeger_thrift, thrift, zipkin_v1
from meshseal.wire.protos.spool_pb2 import JaegerSpans
from tests.wire.thrift_bytes import (
    Typed,
    boolean,
    double,
    i16,
    i32,
    i64,
    jaeger_batch,
    jaeger_span,
    listed,
    log,
    record,
    reference,
    string,
    tag,
)

_INT64, _INT32 = st.integers(-(2**63), 2**63 - 1), st.integers(-(2**31), 2**31 - 1)
_SCALARS = st.one_of(
    st.builds(string, st.binary(max_size=20)), st.builds(i64, _INT64), st.builds(i32, _INT32),
    st.builds(i16, st.integers(-(2**15), 2**15 - 1)), st.builds(boolean, st.booleans()),
    st.builds(double, st.floats(allow_nan=False)),
    st.builds(lambda n: Typed(thrift.BYTE, n), st.integers(-128, 127)),
    st.builds(
        lambda pairs: Typed(thrift.MAP, pairs), st.dictionaries(st.text(), _INT32, max_size=3)),
)  # fmt: skip
_NUMBERS = st.integers(1, 2**15 - 1)


def _nested(values: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    structs = st.builds(
        lambda fields: Typed(thrift.STRUCT, fields), st.dictionaries(_NUMBERS, values, max_size=4)
    )
    lists = st.builds(lambda many: listed(*many), st.lists(structs, max_size=20))
    flags = st.builds(
        lambda many: Typed(thrift.LIST, [boolean(one) for one in many], thrift.BOOL),
        st.lists(st.booleans(), max_size=20),
    )
    return st.one_of(structs, lists, flags)


_STRUCTS = st.builds(
    lambda fields: Typed(thrift.STRUCT, fields),
    st.dictionaries(_NUMBERS, st.recursive(_SCALARS, _nested, max_leaves=10), max_size=6),
)


def plain(value: Typed) -> Any:
    if value.kind == thrift.STRUCT:
        return {number: plain(one) for number, one in value.value.items()}
    if value.kind == thrift.LIST:
        return [plain(one) for one in value.value]
    if value.kind == thrift.MAP:
        return [part for key, one in value.value.items() for part in (key.encode(), one)]
    return value.value


@given(_STRUCTS)
def test_what_is_written_is_read(value: Typed) -> None:
    for reader in (thrift.Binary(value.binary()), thrift.Compact(value.compact())):
        assert reader.whole() == plain(value)
        assert reader.left == 0


_PARTS = [b"\x0f\0\1\x0c", b"\x0c\0\1", b"\x0b\0\1", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff\x0f",
          b"\x0f\x0f", b"\x0d\0\1\x02\x02", b"\x1c", b"\x19\xfc", b"\x18", b"\x1b", b"\0" * 50,
          b"\0\0\0\1", b"\x0f\0\2\x0c", b"\x0c\0\1\x0b\0\1\0\0\0\1x\0"]  # fmt: skip
_HOSTILE = st.lists(st.sampled_from(_PARTS) | st.binary(max_size=8), max_size=30).map(b"".join)


@given(_HOSTILE)
@settings(deadline=None, max_examples=300)
def test_no_bytes_make_a_reader_hold_much(data: bytes) -> None:
    tracemalloc.start()
    try:
        for read in (
            lambda: thrift.Binary(data).whole(),
            lambda: thrift.Compact(data).whole(),
            lambda: jaeger_thrift.batch(thrift.Binary(data)),
            lambda: jaeger_thrift.batch(thrift.Compact(data)),
        ):
            with contextlib.suppress(*thrift.BROKEN):
                read()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize("count", [2**31 - 1, 2**32 - 1, 10_000_000])
def test_a_list_is_no_longer_than_the_bytes(count: int) -> None:
    data = b"\x0f\0\1\x0c" + count.to_bytes(4, "big") + bytes(1000)
    with pytest.raises(ValueError, match="more elements"):
        thrift.Binary(data).whole()


def test_a_struct_has_so_many_values_at_most() -> None:
    many = listed(*(record() for _ in range(thrift.MAX_VALUES)))
    for reader in (
        thrift.Binary(record(_1=many).binary()),
        thrift.Compact(record(_1=many).compact()),
    ):
        with pytest.raises(ValueError, match="more than"):
            reader.whole()
    # Each span is a struct by itself: there may be more of them.
    spans = [jaeger_span(tags=[tag("a", "b")] * 30) for _ in range(2000)]
    _, count = jaeger_thrift.batch(thrift.Compact(jaeger_batch(*spans).compact()))
    assert count == 2000


@pytest.mark.parametrize("kind", [thrift.STRUCT, thrift.LIST, thrift.MAP])
def test_nesting_is_bounded(kind: int) -> None:
    heads = {thrift.STRUCT: b"\x0c\0\1", thrift.LIST: b"\x0f\0\1\x0f\0\0\0\1",
             thrift.MAP: b"\x0d\0\1\x0b\x0d\0\0\0\1\0\0\0\0"}  # fmt: skip
    rest = {thrift.STRUCT: b"\x0c\0\1", thrift.LIST: b"\x0f\0\0\0\1",
            thrift.MAP: b"\x0b\x0d\0\0\0\1\0\0\0\0"}  # fmt: skip
    with pytest.raises(ValueError, match="deeply"):
        thrift.Binary(heads[kind] + rest[kind] * 100_000).whole()


# ---- Jaeger's spans ------------------------------------------------------------------------------

_VALUES: st.SearchStrategy[Any] = st.one_of(
    st.text(max_size=300), st.binary(max_size=20), st.booleans(), _INT64, st.floats(allow_nan=False)
)
_TAGS = st.lists(st.builds(tag, st.text(max_size=5), _VALUES), max_size=4)
_LOGS = st.lists(
    st.builds(lambda at, tags: record(_1=i64(at), _2=listed(*tags)), _INT64, _TAGS), max_size=3
)
_REFERENCES = st.lists(st.builds(reference, _INT32, _INT64, _INT64, _INT64), max_size=3)
_SPANS = st.lists(
    st.builds(
        jaeger_span, st.binary(max_size=8), low=_INT64, high=_INT64, own=_INT64, parent=_INT64,
        start=_INT64, duration=_INT64, flags=_INT32, tags=st.none() | _TAGS,
        logs=st.none() | _LOGS, references=st.none() | _REFERENCES,
    ),
    max_size=4,
)  # fmt: skip


@given(_SPANS)
def test_the_short_way_and_the_long_way_agree(spans: list[Typed]) -> None:
    batch = jaeger_batch(*spans)
    short = jaeger_thrift.batch(thrift.Binary(batch.binary()))
    assert short == jaeger_thrift.batch(thrift.Compact(batch.compact()))
    with mock.patch.object(jaeger_thrift._Plain, "_span", side_effect=ValueError):
        assert short == jaeger_thrift.batch(thrift.Binary(batch.binary()))
    content, count = short
    (found,) = JaegerSpans.FromString(content).batch
    assert [one.operation_name for one in found.spans] == [one.value[5].value for one in spans]
    assert count == len(spans)


@given(st.binary(max_size=40), st.integers(0, 400))
def test_a_broken_span_is_broken_both_ways(data: bytes, at: int) -> None:
    span = jaeger_span(tags=[tag("a", "b"), tag("n", 7)], logs=[log(9, event="x")], parent=3)
    whole = jaeger_batch(span).binary()
    bent = whole[: at % len(whole)] + data
    results = []
    for way in (jaeger_thrift._Plain._span, ValueError):
        patched = mock.patch.object(
            jaeger_thrift._Plain,
            "_span",
            **({"side_effect": way} if way is ValueError else {"new": way}),
        )
        with patched:
            try:
                results.append(jaeger_thrift.batch(thrift.Binary(bent)))
            except thrift.BROKEN:
                results.append((b"", -1))
    assert results[0] == results[1]


@pytest.mark.parametrize("seed", range(5))
def test_fields_in_any_order_are_read(seed: int) -> None:
    span = jaeger_span(tags=[tag("a", "b")], logs=[log(9, event="x")], parent=3)
    fields = list(span.value.items())
    random.Random(seed).shuffle(fields)
    other = Typed(thrift.STRUCT, dict(fields) | {99: listed(record(_1=i64(1)))})
    assert jaeger_thrift.batch(thrift.Binary(jaeger_batch(other).binary())) == jaeger_thrift.batch(
        thrift.Binary(jaeger_batch(span).binary())
    )
    assert jaeger_thrift.batch(thrift.Compact(jaeger_batch(other).compact()))[1] == 1


def test_what_zipkin_s_spans_become_is_not_held_twice() -> None:
    spans = listed(*(record(_1=i64(5), _4=i64(n), _3=string("x")) for n in range(5000)))
    data = spans.binary()
    tracemalloc.start()
    content, count = zipkin_v1.from_thrift(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 5000
    assert peak < 4 * len(content)
