"""Fluentd's Forward protocol: its modes, framings and times, and any bytes."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import msgpack
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model.errors import MeshsealError
from meshseal.wire.protos.spool_pb2 import FluentEvents
from meshseal.wire.stream import Take
from tests.wire.forward import (
    AT,
    ENTRY,
    ONE,
    RECEIVED,
    SEVEN,
    TAG,
    TWO,
    Event,
    Taken,
    entries,
    event_time,
    events_of,
    pack,
    session,
    str32,
    talk,
)

# ---- Modes -------------------------------------------------------------------------------------

MODES: dict[str, tuple[bytes, list[Event]]] = {
    "message": (pack(["app.web", *ENTRY]), [ONE]),
    "message with an option": (pack(["app.web", *ENTRY, {"size": 1}]), [ONE]),
    "message with metadata in its option": (
        pack(["app.web", *ENTRY, {"metadata": {"k": "v"}}]),
        [(*ONE[:3], {"k": "v"})],
    ),
    "message with a tag as bin": (pack([b"app.web", *ENTRY]), [ONE]),
    "forward": (pack(["app.web", [ENTRY, [event_time(AT, 7), {"log": "b"}]]]), [ONE, SEVEN]),
    "forward with an option": (pack(["app.web", [ENTRY], {"size": 1}]), [ONE]),
    "forward with a nil for an option": (pack(["app.web", [ENTRY], None]), [ONE]),
    "forward without entries": (pack(["app.web", []]), []),
    "packed in bin": (pack(["app.web", TWO]), [ONE, SEVEN]),
    "packed in str32, as Fluentd does": (b"\x92" + TAG + str32(TWO), [ONE, SEVEN]),
    "packed, said to be text": (
        b"\x93" + TAG + str32(TWO) + pack({"compressed": "text", "size": 2}),
        [ONE, SEVEN],
    ),
    "packed without entries": (pack(["app.web", b""]), []),
    "gzip": (pack(["app.web", gzip.compress(TWO), {"compressed": "gzip"}]), [ONE, SEVEN]),
    "gzip of several members": (
        pack(["app.web", gzip.compress(TWO[:3]) + gzip.compress(TWO[3:]), {"compressed": "gzip"}]),
        [ONE, SEVEN],
    ),
    "zstd": (pack(["app.web", zstd.compress(TWO), {"compressed": "zstd"}]), [ONE, SEVEN]),
    "gzip that is said to be text": (
        pack(["app.web", gzip.compress(TWO), {"compressed": "text"}]),
        [ONE, SEVEN],
    ),
    "zstd that is said to be gzip": (
        pack(["app.web", zstd.compress(TWO), {"compressed": "gzip"}]),
        [ONE, SEVEN],
    ),
    "gzip of which nothing is said": (pack(["app.web", gzip.compress(TWO)]), [ONE, SEVEN]),
    "no gzip that is said to be gzip": (
        pack(["app.web", TWO, {"compressed": "gzip"}]),
        [ONE, SEVEN],
    ),
    "a heartbeat": (b"\xc0", []),
    "several messages at once": (
        pack(["app.web", *ENTRY])
        + b"\xc0"
        + pack(["app.web", [[event_time(AT, 7), {"log": "b"}]]]),
        [ONE, SEVEN],
    ),
    "a tag that is no UTF-8": (b"\x93\xa1\xff" + entries(*ENTRY), [(b"\xff", *ONE[1:])]),
    "an array of 32 bits": (b"\xdd\0\0\0\x03" + TAG + entries(*ENTRY), [ONE]),
    "entries in an array of 16 bits": (b"\x92" + TAG + b"\xdc\0\x02" + TWO, [ONE, SEVEN]),
    "JSON, message": (
        b'["app.web", 1789899072, {"log": "a", "t": "]\\"[{"}]',
        [(b"app.web", AT * 10**9, {"log": "a", "t": ']"[{'}, {})],
    ),
    "JSON, forward, and one behind it": (
        b'["a", [[1789899072.25, {"n": 1}], [1, {}]], {"size": 2}]\n\n["b", null, {"m": [1, {}]}] ',
        [
            (b"a", AT * 10**9 + 250_000_000, {"n": 1}, {}),
            (b"a", 10**9, {}, {}),
            (b"b", 0, {"m": [1, {}]}, {}),
        ],
    ),
}


@pytest.mark.parametrize(("sent", "expected"), MODES.values(), ids=MODES)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_a_mode(sent: bytes, expected: list[Event], size: int) -> None:
    one = session()
    taken = talk(one, *(sent[at : at + size] for at in range(0, len(sent), size)))
    assert taken.events == expected
    assert taken.answers == b""
    assert taken.patient <= {True}
    assert one.buffered_bytes == len(sent) - len(sent.rstrip())


def test_messages_of_one_event_become_one_envelope() -> None:
    sent = b"".join(pack([f"t{n // 3}", AT + n, {"n": n}]) for n in range(8))
    (step,) = session().received(sent, RECEIVED)
    assert isinstance(step, Take)
    (envelope,) = step.envelopes
    assert [one[2]["n"] for one in events_of(envelope)] == list(range(8))
    assert [one[0] for one in events_of(envelope)] == [b"t0"] * 3 + [b"t1"] * 3 + [b"t2"] * 2
    assert len(FluentEvents.FromString(bytes(envelope.content)).groups) == 3
    assert (envelope.tenant, envelope.source) == ("team-a", "certificate:web-1")


# ---- Times -------------------------------------------------------------------------------------

ORIGINAL = "meshseal.timestamp.original"
TIMES: dict[str, tuple[Any, int, dict[str, Any]]] = {
    "EventTime": (event_time(AT, 123), AT * 10**9 + 123, {}),
    "EventTime in ext of a length": (b"\xc7\x08\x00" + struct.pack("!II", 7, 8), 7 * 10**9 + 8, {}),
    "EventTime after 2038": (event_time(1 << 31, 1), (1 << 31) * 10**9 + 1, {}),
    "seconds": (AT, AT * 10**9, {}),
    "seconds as a double": (AT + 0.123457, AT * 10**9 + 123_457_000, {}),
    "milliseconds": (AT * 1000 + 5, AT * 10**9 + 5_000_000, {}),
    "microseconds": (AT * 10**6 + 5, AT * 10**9 + 5000, {}),
    "nanoseconds": (AT * 10**9 + 5, AT * 10**9 + 5, {}),
    "a timestamp of msgpack": (msgpack.Timestamp(AT, 0), AT * 10**9, {}),
    "digits as text": (str(AT), AT * 10**9, {}),
    "before 1970": (-1000, -1000 * 10**9, {}),
    "none": (None, 0, {}),
    "zero": (0, 0, {}),
    "text": ("yesterday", 0, {ORIGINAL: "yesterday"}),
    "no number": (float("nan"), 0, {ORIGINAL: "NaN"}),
    "too far": (1 << 63, 0, {ORIGINAL: str(1 << 63)}),
    "true": (True, 0, {ORIGINAL: "True"}),
    "another extension": (msgpack.ExtType(5, b"x"), 0, {ORIGINAL: "{'type': 5, 'data': 'x'}"}),
    "Fluent Bit's with metadata": (
        [event_time(AT, 1), {"k": {"l": 1}}],
        AT * 10**9 + 1,
        {"k": {"l": 1}},
    ),
    "Fluent Bit's with nothing": ([event_time(AT, 1), {}], AT * 10**9 + 1, {}),
    "Fluent Bit's with what is no map": ([AT, "x"], AT * 10**9, {"metadata": "x"}),
    "an array of nothing": ([], 0, {ORIGINAL: "[]"}),
}


@pytest.mark.parametrize(("time", "nanos", "metadata"), TIMES.values(), ids=TIMES)
def test_a_time(time: Any, nanos: int, metadata: dict[str, Any]) -> None:
    packed = time if isinstance(time, bytes) else pack(time)
    sent = b"\x92" + TAG + pack(b"\x92" + packed + pack({"n": 1}) + entries(ENTRY))
    assert talk(session(), sent).events == [(b"app.web", nanos, {"n": 1}, metadata), ONE]


def test_groups_of_fluent_bit_give_their_records_what_they_say() -> None:
    begin = [[event_time(0xFFFFFFFF), {"schema": "otlp"}], {"resource": {"attributes": {"a": 1}}}]
    end = [[event_time(0xFFFFFFFE), {}], {}]
    own = [[event_time(AT, 5), {"otlp": {"severity_text": "WARN"}}], {"log": "in"}]
    sent = pack(["t", entries(begin, own, end, ENTRY, begin, [-2, {}], ENTRY)])
    group = {"schema": "otlp", "resource": {"attributes": {"a": 1}}}
    assert talk(session(), sent).events == [
        (b"t", AT * 10**9 + 5, {"log": "in"}, {**group, "otlp": {"severity_text": "WARN"}}),
        (b"t", *ONE[1:]),
        (b"t", *ONE[1:]),
    ]


# ---- Any bytes ---------------------------------------------------------------------------------

WHOLE = b"".join(sent for sent, _ in MODES.values() if not sent.startswith((b"[", b"{")))


def steps(data: bytes, cuts: Iterable[int]) -> tuple[list[Event], bytes, type[Exception] | None]:
    one, taken = session(), Taken()
    bounds = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    try:
        for begin, end in pairwise(bounds):
            for step in one.received(data[begin:end], RECEIVED):
                taken.step(step)
    except MeshsealError as error:
        return taken.events, taken.answers, type(error)
    return taken.events, taken.answers, None


@given(cuts=st.lists(st.integers(0, 5000), max_size=12))
def test_cuts_make_no_difference(cuts: list[int]) -> None:
    events, answers, error = steps(WHOLE, [])
    assert error is None
    assert steps(WHOLE, cuts) == (events, answers, None)


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.builds(msgpack.ExtType, st.integers(0, 127), st.binary(max_size=9)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=3) | st.binary(max_size=3) | st.integers(0, 9), inner, max_size=3
        )
    ),
    max_leaves=8,
)


def marks_a_group(time: Any) -> bool:
    """Whether Fluent Bit means the begin or the end of a group by a time."""
    if isinstance(time, list) and time:
        time = time[0]
    if isinstance(time, msgpack.ExtType):
        return time.code == 0 and len(time.data) == 8 and time.data[:4] >= b"\xff\xff\xff\xfe"
    return type(time) is int and time in (-1, -2)


@given(time=_VALUES, record=_VALUES, metadata=_VALUES)
def test_any_event_is_one_record(time: Any, record: Any, metadata: Any) -> None:
    sent = pack(["t", entries([[AT, metadata], record], [time, {"last": 1}])])
    events = talk(session(), sent).events
    if record is not None:
        assert events.pop(0)[:2] == (b"t", AT * 10**9)
    if not marks_a_group(time):
        assert events.pop()[2] == {"last": 1}
    assert events == []


@given(data=st.data())
def test_any_bytes_are_taken_or_refused_in_the_protocol_s_words(data: st.DataObject) -> None:
    valid = data.draw(st.sampled_from([sent for sent, _ in MODES.values()]))
    content = bytearray(valid)
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, max(len(content) - 1, 0)))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    steps(bytes(content), [data.draw(st.integers(0, 300))])
    steps(data.draw(st.binary(max_size=60)), [])
