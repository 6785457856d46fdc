"""The page's state and its address."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.console.buckets import histogram_steps
from meshseal.console.view import EVERYTHING, View, parse_moment, parse_place, shown_place
from meshseal.model.errors import QueryError
from meshseal.query.render_logs import Place, TimeRange

_DAY = 86_400 * 10**9
_NOON = 1_795_262_400 * 10**9  # 2026-11-21T12:00:00Z

PLACES = st.builds(
    Place, st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1), st.integers(0, 2**32)
)
QUERIES = st.text(min_size=1).map(str.strip).filter(bool)
RELATIVE = st.builds(
    View,
    query=QUERIES,
    since=st.sampled_from(["5m", "1h", "90s", "7d", "1h30m"]),
    newest_first=st.booleans(),
    limit=st.integers(1, 10**6),
    tenant=st.sampled_from(["", "shop", "_platform"]),
    record=st.none() | PLACES,
    cursor=st.none() | PLACES,
)
FIXED = st.builds(
    lambda start, span, query: View(query=query, since="", start=start, end=start + span),
    st.integers(10**10, 4 * 10**18),
    st.integers(1, 10**18),
    QUERIES,
)


def address(view: View) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(view.url()).query, keep_blank_values=True))


@given(RELATIVE | FIXED)
def test_a_view_is_its_address(view: View) -> None:
    assert View.parse(address(view)) == view


@given(
    st.dictionaries(
        st.sampled_from(
            ["query", "since", "start", "end", "limit", "record", "direction", "cursor", "tenant"]
        ),
        st.text(),
    )
)
def test_any_parameters_are_a_view_or_a_query_error(parameters: dict[str, str]) -> None:
    try:
        view = View.parse(parameters)
    except QueryError:
        view = View.parse_leniently(parameters)
    assert view.query
    assert view.url()


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        pytest.param({}, View(), id="nothing"),
        pytest.param({"query": "  "}, View(query=EVERYTHING), id="an empty query"),
        pytest.param({"since": "6h"}, View(since="6h"), id="a preset"),
        pytest.param({"since": "custom"}, View(), id="custom without times"),
        pytest.param(
            {"since": "6h", "start": "2026-11-21T12:00"}, View(since="6h"), id="preset before start"
        ),
        pytest.param(
            {"since": "custom", "start": "2026-11-21T12:00", "end": "2026-11-21T13:00:00.5"},
            View(since="", start=_NOON, end=_NOON + 3600 * 10**9 + 5 * 10**8),
            id="a form's times are in UTC",
        ),
        pytest.param(
            {"end": "2026-11-21T12:00:00Z"},
            View(since="", start=_NOON - 3600 * 10**9, end=_NOON),
            id="an end alone has an hour before it",
        ),
        pytest.param({"direction": "forward"}, View(newest_first=False), id="the order"),
        pytest.param({"record": "5-6-7"}, View(record=Place(5, 6, 7)), id="a record"),
    ],
)
def test_parameters(parameters: dict[str, str], expected: View) -> None:
    assert View.parse(parameters) == expected


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        pytest.param({"since": "yesterday"}, "since", id="since"),
        pytest.param({"start": "noon"}, "start", id="start"),
        pytest.param({"start": "2", "end": "1"}, "end", id="end before start"),
        pytest.param({"limit": "0"}, "limit", id="no rows"),
        pytest.param({"limit": "-1"}, "limit", id="fewer than no rows"),
        pytest.param({"direction": "up"}, "direction", id="direction"),
        pytest.param({"record": "1-2"}, "record", id="a record of two parts"),
        pytest.param({"cursor": f"{2**63}-1-1"}, "record", id="a cursor after all time"),
    ],
)
def test_what_is_wrong_is_named(parameters: dict[str, str], word: str) -> None:
    with pytest.raises(QueryError, match=word):
        View.parse(parameters)


@given(PLACES)
def test_a_place_is_its_text(place: Place) -> None:
    assert parse_place(shown_place(place)) == place


@given(
    st.integers(10**18, 4 * 10**18),
    st.sampled_from(["5m", "15m", "1h", "6h", "24h", "7d", "1s", "37s"]),
)
def test_a_range_that_ends_now_holds_now_and_whole_bars(now: int, since: str) -> None:
    times = View(since=since).times(now)
    steps = histogram_steps(times)
    assert times.start <= now <= times.end
    assert times.start + steps.count * steps.width == times.end


def test_a_fixed_range_stays() -> None:
    times = TimeRange(_NOON, _NOON + _DAY)
    assert View().at(times).times(now=5) == times


@given(st.text())
def test_any_moment_is_a_time_or_a_query_error(text: str) -> None:
    try:
        found = parse_moment(text, name="start")
    except QueryError:
        found = 0
    assert 0 <= found < 2**63
