"""What can be typed at the cursor. `^` marks it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.console.completion import (
    MAX_OFFERED,
    Offer,
    Wanted,
    matchings,
    offers,
    operations,
    operators,
    place_of,
    query_starts,
)
from meshseal.query.logql import parse


@pytest.mark.parametrize(
    ("marked", "wanted", "prefix"),
    [
        pytest.param("^", Wanted.QUERY, "", id="nothing yet"),
        pytest.param("su^", Wanted.QUERY, "su", id="a function begun"),
        pytest.param("sum(^", Wanted.QUERY, "", id="inside a function"),
        pytest.param("{^}", Wanted.MATCHER, "", id="a selector"),
        pytest.param("{serv^}", Wanted.MATCHER, "serv", id="a label begun"),
        pytest.param('{a="b", ^}', Wanted.MATCHER, "", id="the next label"),
        pytest.param("{a^", Wanted.MATCHER, "a", id="a label that may be whole"),
        pytest.param("{a ^}", Wanted.OPERATOR, "", id="an operator"),
        pytest.param('{a="^"}', Wanted.VALUE, "", id="a value"),
        pytest.param('{a="car^"}', Wanted.VALUE, "car", id="a value begun"),
        pytest.param("{a=~`car^`}", Wanted.VALUE, "car", id="a raw value begun"),
        pytest.param("{a=^}", Wanted.VALUE, "", id="a value without quotes"),
        pytest.param('{a="b"} | ^', Wanted.STAGE, "", id="a stage"),
        pytest.param('{a="b"} | js^', Wanted.STAGE, "js", id="a stage begun"),
        pytest.param('{a="b"} | json | c ^', Wanted.OPERATOR, "", id="an operator of a stage"),
        pytest.param('{a="b"} | json | c="^', Wanted.VALUE, "", id="a value of a stage"),
        pytest.param('{a="b"} | json | c="d" and ^', Wanted.STAGE, "", id="a second condition"),
        pytest.param('{a="b"} | unwrap mesh_^', Wanted.LABEL, "mesh_", id="what is a number"),
        pytest.param("sum by (^", Wanted.LABEL, "", id="a grouping"),
        pytest.param("sum by (a, b^", Wanted.LABEL, "b", id="the next label of a grouping"),
        pytest.param('{a="b"} |= "^', Wanted.NOTHING, "", id="a text to look for"),
        pytest.param('{a="b"} ^', Wanted.NOTHING, "", id="behind a selector"),
        pytest.param('rate({a="b"}[5m]) o^', Wanted.OPERATION, "o", id="behind a metric"),
        pytest.param('sum(rate({a="b"}[5m])) by (c) ^', Wanted.OPERATION, "", id="behind by"),
        pytest.param("sum by (c) ^", Wanted.NOTHING, "", id="behind by, before what it groups"),
        pytest.param('rate({a="b"} | (c="d") ^', Wanted.NOTHING, "", id="behind a condition"),
        pytest.param('rate({a="b"}[5m]) or ^', Wanted.RIGHT, "", id="behind a set operator"),
        pytest.param('rate({a="b"}[5m]) unless su^', Wanted.RIGHT, "su", id="its right side"),
        pytest.param('rate({a="b"}[5m]) / ^', Wanted.RIGHT, "", id="behind an operator"),
        pytest.param('rate({a="b"}[5m]) / on (^', Wanted.LABEL, "", id="labels to match on"),
        pytest.param('rate({a="b"}[5m]) / ignoring (c, d^', Wanted.LABEL, "d", id="or to ignore"),
        pytest.param('rate({a="b"}[5m]) / on (c) gro^', Wanted.RIGHT, "gro", id="behind matching"),
        pytest.param("label_replace(^", Wanted.QUERY, "", id="inside label_replace"),
        pytest.param(") ^", Wanted.NOTHING, "", id="a parenthesis that nothing opened"),
        pytest.param("# {^\n", Wanted.QUERY, "", id="inside a comment"),
    ],
)
def test_place(marked: str, wanted: Wanted, prefix: str) -> None:
    cursor = marked.index("^")
    place = place_of(marked.replace("^", "", 1), cursor)
    assert (place.wanted, place.prefix) == (wanted, prefix)


def test_a_value_knows_its_label_and_the_others_of_the_selector() -> None:
    text = '{service_name="cart", k8s_namespace_name=~"x", pod="'
    place = place_of(text, len(text))
    assert (place.label, place.equal) == ("pod", (("service_name", "cart"),))


@given(st.text(alphabet='{}()[]|=~!<>"`\\, abjsonpd_1.#\n😀é', max_size=60), st.integers(-5, 70))
def test_any_text_and_cursor_have_a_place_inside_the_text(text: str, cursor: int) -> None:
    place = place_of(text, cursor)
    assert 0 <= place.start <= place.end <= len(text)
    assert isinstance(offers(place, query_starts()), list)


@given(st.text(), st.integers())
def test_any_unicode_text_has_a_place(text: str, cursor: int) -> None:
    place = place_of(text, cursor)
    assert 0 <= place.start <= place.end <= len(text)


def test_those_that_begin_so_come_first() -> None:
    place = place_of("{ser}", 4)
    found = offers(place, [Offer(name, name, "") for name in ("my_server", "service", "other")])
    assert [offer.text for offer in found] == ["service", "my_server"]


def test_a_long_list_is_cut() -> None:
    place = place_of("{", 1)
    found = offers(place, [Offer(f"l{n}", f"l{n}", "") for n in range(1000)])
    assert len(found) == MAX_OFFERED


def test_every_start_is_a_query_once_it_is_filled_in() -> None:
    for offer in query_starts():
        at = len(offer.insert) - offer.back
        text = offer.insert[:at] + ('a="b"' if "{}" in offer.insert else 'rate({a="b"}[5m])')
        if offer.text.startswith(("topk", "bottomk")):
            text = text.replace("(", "(3, ", 1)
        parse(text + offer.insert[at:])


@pytest.mark.parametrize("offer", operations(), ids=lambda offer: offer.text)
def test_every_operation_joins_two_metrics(offer: Offer) -> None:
    parse(f"vector(1) {offer.insert}vector(2)")


@pytest.mark.parametrize("offer", matchings(), ids=lambda offer: offer.text)
def test_every_matching_says_what_belongs_together(offer: Offer) -> None:
    before = "on(b)" if offer.text.startswith("group") else ""
    parse(f"vector(1) / {before} {offer.insert.replace('()', '(a)')} vector(2)")


@pytest.mark.parametrize("in_selector", [True, False])
def test_every_operator_is_one_of_the_language(in_selector: bool) -> None:
    for offer in operators(in_selector=in_selector):
        condition = "a" + offer.insert.replace('""', '"b"')
        condition += "" if '"' in offer.insert else "1"
        if offer.text == "==":
            condition = "a==1"
        parse('{c="d", ' + condition + "}" if in_selector else '{c="d"} | ' + condition)
