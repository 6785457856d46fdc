"""Regular expressions of matchers that need none."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.query.labels import Labels
from meshseal.query.sql import Binder
from meshseal.query.tree import Matcher, MatchOp

_PATTERNS = st.text(alphabet="ab-.|\\()[]*+?^${} ü", max_size=8)


def values_of(pattern: str) -> list[str] | None:
    """Return the values that a pattern is read as a list of, or None."""
    binder = Binder()
    sql = Labels(binder, {}).matches(Matcher("service_name", MatchOp.REGEX, pattern))
    if " IN " not in sql:
        return None
    (bound,) = binder.parameters.values()
    assert isinstance(bound, list)
    return bound


@pytest.mark.parametrize(
    ("pattern", "values"),
    [
        pytest.param("cart", ["cart"], id="one"),
        pytest.param("cart|shop-v2", ["cart", "shop-v2"], id="several"),
        pytest.param("(cart|shop)", ["cart", "shop"], id="in_parentheses"),
        pytest.param(r"a\.b|c\-d", ["a.b", "c-d"], id="escaped"),
        pytest.param("cart|", None, id="or_nothing"),
        pytest.param("ca.t", None, id="any_character"),
        pytest.param(r"\d", None, id="a_class"),
        pytest.param("(?i)cart", None, id="flags"),
        pytest.param("(a)|(b)", None, id="groups"),
        pytest.param("^cart$", None, id="anchors"),
        pytest.param("", None, id="empty"),
    ],
)
def test_lists(pattern: str, values: list[str] | None) -> None:
    assert values_of(pattern) == values


@given(pattern=_PATTERNS, text=st.text(alphabet="ab-.| ü", max_size=4))
def test_a_list_matches_what_its_pattern_matches(pattern: str, text: str) -> None:
    values = values_of(pattern)
    if values is None:
        return
    assert (re.fullmatch(pattern, text) is not None) == (text in values)
    assert all(re.fullmatch(pattern, value) for value in values)


@pytest.mark.parametrize(
    ("pattern", "sql"),
    [
        pytest.param(".*", "true", id="anything"),
        pytest.param(".+", "(ServiceName != '')", id="something"),
    ],
)
def test_what_says_anything_is_no_pattern(pattern: str, sql: str) -> None:
    binder = Binder()
    found = Labels(binder, {}).matches(Matcher("service_name", MatchOp.REGEX, pattern))
    assert (found, binder.parameters) == (sql, {})
