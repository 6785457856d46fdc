"""What a click on a field makes of a query."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.console.edits import quoted, searching, with_condition
from meshseal.query.logql import parse
from meshseal.query.tree import LabelFilter, LogQuery, Matcher, MatchOp


@pytest.mark.parametrize(
    ("query", "op", "parsed", "expected"),
    [
        pytest.param("{}", "=", False, '{a="x"}', id="an empty selector"),
        pytest.param('{b="c"}', "=", False, '{b="c", a="x"}', id="one more"),
        pytest.param('{b="c"}', "!=", False, '{b="c", a!="x"}', id="without"),
        pytest.param('{b="c",}', "=", False, '{b="c",a="x"}', id="behind a comma"),
        pytest.param('{a=~".+"}', "=", False, '{a="x"}', id="in the place of any value"),
        pytest.param('{a=~".+"}', "!=", False, '{a=~".+", a!="x"}', id="any value but one"),
        pytest.param('{b="}"} |= "{"', "=", False, '{b="}", a="x"} |= "{"', id="braces in text"),
        pytest.param('{b="c"} | json', "=", True, '{b="c"} | json | a="x"', id="parsed"),
        pytest.param(
            '{b="c"} | json # d', "=", True, '{b="c"} | json # d\n| a="x"', id="behind a comment"
        ),
        pytest.param(
            'sum(rate({b="c"}[5m]))', "=", False, 'sum(rate({b="c", a="x"}[5m]))', id="in a metric"
        ),
        pytest.param('{b="c', "=", False, '{b="c', id="what is no query stays"),
    ],
)
def test_with_condition(query: str, op: str, parsed: bool, expected: str) -> None:
    assert with_condition(query, "a", op, "x", parsed=parsed) == expected


@given(st.text(), st.sampled_from(["=", "!="]))
def test_any_value_is_asked_for_exactly(value: str, op: str) -> None:
    query = parse(with_condition('{b=~".+"}', "a", op, value))
    assert isinstance(query, LogQuery)
    assert query.matchers[-1] == Matcher("a", MatchOp(op), value)


@given(st.text())
def test_any_parsed_value_is_asked_for_behind_the_pipeline(value: str) -> None:
    query = parse(with_condition('{b=~".+"} | json', "a", "=", value, parsed=True))
    assert isinstance(query, LogQuery)
    assert query.stages[-1] == LabelFilter(Matcher("a", MatchOp.EQUAL, value))


@given(st.text(), st.text(), st.booleans())
def test_any_query_text_can_be_edited(query: str, value: str, parsed: bool) -> None:
    assert isinstance(with_condition(query, "a", "=", value, parsed=parsed), str)


@given(st.text(min_size=1))
def test_a_text_is_searched_for_exactly(text: str) -> None:
    query = parse(searching(text))
    assert isinstance(query, LogQuery)
    assert quoted(text) in searching(text)
