"""How a time range is cut for a chart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.console.buckets import (
    MOST,
    bucket_width,
    histogram,
    histogram_steps,
    metric_steps,
    shown_width,
)
from meshseal.query.logql import parse
from meshseal.query.render_logs import TimeRange
from meshseal.query.tree import LogQuery

_SECOND = 10**9
RANGES = st.builds(
    lambda start, span: TimeRange(start, start + span),
    st.integers(0, 4 * 10**18),
    st.integers(0, 4 * 10**18),
)


@pytest.mark.parametrize(
    ("span_seconds", "width_seconds"),
    [
        pytest.param(300, 5, id="5 minutes"),
        pytest.param(900, 10, id="15 minutes"),
        pytest.param(3600, 30, id="1 hour"),
        pytest.param(6 * 3600, 180, id="6 hours"),
        pytest.param(86_400, 900, id="a day"),
        pytest.param(7 * 86_400, 2 * 3600, id="a week"),
    ],
)
def test_presets_have_round_bars(span_seconds: int, width_seconds: int) -> None:
    assert bucket_width(span_seconds * _SECOND) == width_seconds * _SECOND


@given(RANGES, st.data())
def test_each_moment_of_a_range_is_in_exactly_one_bar(
    times: TimeRange, data: st.DataObject
) -> None:
    steps = histogram_steps(times)
    assert 1 <= steps.count <= MOST
    moment = data.draw(st.integers(times.start, max(times.start, times.end - 1)))
    holding = [
        step
        for step in range(steps.count)
        if steps.start + (step - 1) * steps.width < moment <= steps.start + step * steps.width
    ]
    assert holding == [(moment - times.start) // steps.width]


@given(RANGES)
def test_the_lines_of_a_metric_query_have_few_points_at_whole_seconds(times: TimeRange) -> None:
    steps = metric_steps(times)
    assert steps.width % _SECOND == 0
    assert 1 <= steps.count <= MOST + 1
    assert steps.start + (steps.count - 1) * steps.width <= max(times.end, times.start + 1)


def test_the_histogram_counts_by_severity() -> None:
    query = parse('{a="b"} |= "c"')
    assert isinstance(query, LogQuery)
    assert histogram(query, 30 * _SECOND) == parse(
        'sum by (detected_level) (count_over_time({a="b"} |= "c" [30s]))'
    )


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        pytest.param(30 * _SECOND, "30 s", id="seconds"),
        pytest.param(60 * _SECOND, "1 min", id="a minute"),
        pytest.param(2 * 86_400 * _SECOND, "2 d", id="days"),
        pytest.param(1_500_000_000, "1.5 s", id="a broken number"),
        pytest.param(20_000_000, "20 ms", id="milliseconds"),
    ],
)
def test_widths_in_words(nanos: int, text: str) -> None:
    assert shown_width(nanos) == text
