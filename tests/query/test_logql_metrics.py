"""What stands between metrics in LogQL: how it is read, what is refused, and what replaces what."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model.errors import QueryError
from meshseal.query.logql import parse
from meshseal.query.matching import group_numbers, template
from meshseal.query.render_metrics import Steps, render_metrics
from meshseal.query.tree import (
    ALL_LABELS,
    BINARY_OPS,
    COMPARISONS,
    SET_OPS,
    Binary,
    Grouping,
    LabelReplace,
    Many,
    Matching,
    Metric,
    Number,
    Query,
    Sorted,
    VectorAggregation,
    VectorOf,
)

# ---- How it groups ---------------------------------------------------------------------------

A, B, C, D = (f"vector({number})" for number in range(1, 5))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        pytest.param(f"{A} or {B} and {C}", f"{A} or ({B} and {C})", id="and before or"),
        pytest.param(f"{A} or {B} unless {C}", f"{A} or ({B} unless {C})", id="unless before or"),
        pytest.param(f"{A} and {B} or {C}", f"({A} and {B}) or {C}", id="and, then or"),
        pytest.param(f"{A} unless {B} and {C}", f"({A} unless {B}) and {C}", id="unless like and"),
        pytest.param(f"{A} and {B} unless {C}", f"({A} and {B}) unless {C}", id="and like unless"),
        pytest.param(f"{A} or {B} or {C}", f"({A} or {B}) or {C}", id="or from the left"),
        pytest.param(f"{A} and {B} > {C}", f"{A} and ({B} > {C})", id="comparison before and"),
        pytest.param(f"{A} > {B} + {C}", f"{A} > ({B} + {C})", id="sum before comparison"),
        pytest.param(f"{A} + {B} * {C}", f"{A} + ({B} * {C})", id="product before sum"),
        pytest.param(f"{A} * {B} ^ {C}", f"{A} * ({B} ^ {C})", id="power before product"),
        pytest.param(f"{A} ^ {B} ^ {C}", f"{A} ^ ({B} ^ {C})", id="powers from the right"),
        pytest.param(f"{A} - {B} - {C}", f"({A} - {B}) - {C}", id="differences from the left"),
        pytest.param(f"{A} == {B} != {C}", f"({A} == {B}) != {C}", id="comparisons from the left"),
        pytest.param(
            f"{A} or on(a) {B} / ignoring(b) group_left(c) {C}",
            f"{A} or on(a) ({B} / ignoring(b) group_left(c) {C})",
            id="with labels to match on",
        ),
        pytest.param(f"sort({A} or {B})", f"sort(({A} or {B}))", id="inside sort"),
        pytest.param(f"{A} + on(a) group_left ({B})", f"{A} + on(a) group_left() {B}", id="group"),
        pytest.param(
            f"{A} + on(a) group_left ({B} + {C})",
            f"{A} + on(a) group_left() ({B} + {C})",
            id="a parenthesis behind group_left is the right side",
        ),
    ],
)
def test_precedence(text: str, meant: str) -> None:
    assert parse(text) == parse(meant)


# ---- What is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        pytest.param(
            "1 or vector(1)",
            2,
            "unexpected literal for left leg of logical/set binary operation (or): 1.000000",
            id="a number on the left of or",
        ),
        pytest.param(
            "vector(1) and 2.5",
            10,
            "unexpected literal for right leg of logical/set binary operation (and): 2.500000",
            id="a number on the right of and",
        ),
        pytest.param(
            "vector(1) unless (1 + 1)",
            10,
            "unexpected literal for right leg of logical/set binary operation (unless): 2.000000",
            id="a number that was calculated",
        ),
        pytest.param(
            "vector(1) or bool vector(2)",
            10,
            "bool modifier can only be used on comparison operators",
            id="bool of a set operation",
        ),
        pytest.param(
            "vector(1) + bool vector(2)",
            10,
            "bool modifier can only be used on comparison operators",
            id="bool of a sum",
        ),
        pytest.param(
            "vector(1) or on(a) group_left vector(2)",
            10,
            'no grouping allowed for "or" operation',
            id="several in a set operation",
        ),
        pytest.param(
            "vector(1) + on(a) 1",
            10,
            "vector matching only allowed between instant vectors",
            id="a number matched on labels",
        ),
        pytest.param("vector(1) or", 12, "expected a selector, a function or", id="or nothing"),
        pytest.param("or vector(1)", 0, "'or' is not a function", id="nothing or"),
        pytest.param("vector(1) + on a vector(2)", 15, "expected '('", id="on without labels"),
        pytest.param('vector(1) + on("a") vector(2)', 15, "expected name", id="on a text"),
        pytest.param("vector(1) + on(a) group_left(", 29, "expected", id="group_left of nothing"),
        pytest.param(
            "vector(1) + group_left vector(2)", 12, "'group_left' is not a function", id="no on"
        ),
        pytest.param("sort by (a) (vector(1))", 5, "expected '('", id="sort takes no grouping"),
        pytest.param("sort(2, vector(1))", 6, "expected ')'", id="sort takes no number"),
        pytest.param(
            'label_replace(vector(1), "a", "b", "c")', 38, "expected ','", id="a regex is missing"
        ),
        pytest.param(
            'label_replace(vector(1), a, "b", "c", "d")', 25, "expected string", id="a bare label"
        ),
        pytest.param(
            'label_replace(vector(1), "a-b", "c", "d", "e")',
            0,
            "invalid destination label name in label_replace(): a-b",
            id="no name of a label",
        ),
        pytest.param(
            'label_replace(vector(1), "", "c", "d", "e")',
            0,
            "invalid destination label name in label_replace(): ",
            id="an empty name of a label",
        ),
        pytest.param('label_replace(1, "a", "b", "c", "d")', 0, "not a number", id="of a number"),
        pytest.param(
            " or ".join(["vector(1)"] * 200), 1310, "more than 100 operations", id="too many"
        ),
    ],
)
def test_what_is_refused_and_where(text: str, position: int, message: str) -> None:
    with pytest.raises(QueryError) as raised:
        parse(text)
    assert message in str(raised.value)
    assert raised.value.position == position


# ---- Trees, as text and read again -----------------------------------------------------------

labels = st.lists(st.sampled_from(["a", "b", "mesh", "on", "or", "bool"]), max_size=3).map(tuple)
texts = st.text(st.characters(codec="utf-8", exclude_characters='\\"\n`'), max_size=8)
numbers = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: value + 0.0)
vectors = numbers.map(VectorOf)


def binaries(inner: st.SearchStrategy[Metric]) -> st.SearchStrategy[Metric]:
    many = st.sampled_from(Many)
    matching = st.just(ALL_LABELS) | st.builds(Matching, labels, st.just(True))
    grouped = matching | st.builds(Matching, labels, st.booleans(), many).map(
        lambda found: found if found.labels or found.on else ALL_LABELS
    )
    included = st.builds(
        Matching, labels, st.just(True), st.sampled_from([Many.LEFT, Many.RIGHT]), labels
    )
    operators = st.sampled_from([op for op in BINARY_OPS if op not in SET_OPS])
    return st.one_of(
        st.builds(Binary, st.sampled_from(SET_OPS), inner, inner, st.just(False), matching),
        st.builds(Binary, operators, inner, inner, st.just(False), grouped | included),
        st.builds(Binary, st.sampled_from(COMPARISONS), inner, inner, st.just(True), grouped),
        st.builds(Binary, operators, inner, numbers.map(Number)),
        st.builds(Binary, operators, numbers.map(Number), inner),
    )


metrics: st.SearchStrategy[Metric] = st.recursive(
    vectors,
    lambda inner: st.one_of(
        binaries(inner),
        st.builds(LabelReplace, inner, st.sampled_from(["a", "_b1"]), texts, texts, texts),
        st.builds(Sorted, inner, st.booleans()),
        st.builds(
            VectorAggregation,
            st.sampled_from(["sum", "max"]),
            inner,
            st.builds(Grouping, labels, st.booleans()),
        ),
    ),
    max_leaves=8,
)


def text_of(metric: Query) -> str:
    """Return a tree as LogQL, in parentheses wherever there may be any."""
    match metric:
        case Number():
            return f"({metric.value!r})"
        case VectorOf():
            return f"vector({metric.value!r})"
        case Sorted():
            return f"sort{'_desc' if metric.descending else ''}({text_of(metric.inner)})"
        case LabelReplace():
            quoted = (metric.target, metric.replacement, metric.source, metric.regex)
            listed = ", ".join(f'"{escaped(text)}"' for text in quoted)
            return f"label_replace({text_of(metric.inner)}, {listed})"
        case VectorAggregation():
            word = "without" if metric.grouping.without else "by"
            names = ", ".join(metric.grouping.labels)
            return f"{metric.op} {word} ({names}) ({text_of(metric.inner)})"
        case Binary():
            bool_ = " bool" if metric.as_bool else ""
            between = f"{metric.op}{bool_}{text_of_matching(metric.matching)}"
            return f"(({text_of(metric.left)}) {between} ({text_of(metric.right)}))"
        case _:
            raise AssertionError(metric)


def text_of_matching(matching: Matching) -> str:
    if matching == ALL_LABELS:
        return ""
    text = f" {'on' if matching.on else 'ignoring'}({', '.join(matching.labels)})"
    if matching.many is not Many.NEITHER:
        text += f" {matching.many.value}({', '.join(matching.include)})"
    return text


def escaped(text: str) -> str:
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in text)


@given(metrics)
def test_a_tree_as_text_is_read_as_the_same_tree(metric: Metric) -> None:
    assert parse(text_of(metric)) == metric


@given(metrics)
def test_what_is_between_metrics_is_bound_and_never_in_the_sql(metric: Metric) -> None:
    marked = LabelReplace(metric, "zq_target", "zq$1", "zqsource", "zq(.*)")
    matching = Matching(("zqon",), True, Many.LEFT, ("zqinclude",))
    whole = Binary("+", marked, metric, matching=matching)
    sql = render_metrics(whole, tenant="acme", steps=Steps(10**18, 10**9, 3), keys={}, limit=10)
    assert "zq" not in sql.text
    bound = json.dumps(list(sql.parameters.values()))
    words = ("zq_target", "zqsource", "zqon", "zqinclude")
    assert all(f'"{word}"' in bound for word in words)


# ---- Templates of label_replace --------------------------------------------------------------


@pytest.mark.parametrize(
    ("replacement", "pieces"),
    [
        pytest.param("", [("", -1)], id="nothing"),
        pytest.param("p95 ms", [("p95 ms", -1)], id="a text"),
        pytest.param("$1", [("", 1), ("", -1)], id="a group"),
        pytest.param("a${2}b", [("a", 2), ("b", -1)], id="in braces"),
        pytest.param("$1b", [("", -1), ("", -1)], id="a name is as long as it can be"),
        pytest.param("$1-$0", [("", 1), ("-", 0), ("", -1)], id="two groups"),
        pytest.param("$name.$n", [("", 3), (".", -1), ("", -1)], id="by name"),
        pytest.param("$$1", [("$1", -1)], id="a dollar sign"),
        pytest.param("a$", [("a$", -1)], id="a dollar sign at the end"),
        pytest.param("$-${1", [("$-${1", -1)], id="what is no reference stays"),
        pytest.param("$01", [("", -1), ("", -1)], id="no number begins with zero"),
        pytest.param("$99999999999", [("", 1_000_000), ("", -1)], id="a group too far"),
    ],
)
def test_template(replacement: str, pieces: list[tuple[str, int]]) -> None:
    assert template(replacement, {"name": 3}) == pieces


@pytest.mark.parametrize(
    ("regex", "names"),
    [
        pytest.param("(a)(b)", {}, id="none has a name"),
        pytest.param("(a)(?P<x>b)(?<y>c)", {"x": 2, "y": 3}, id="both ways to name"),
        pytest.param("(?:a)(?i:b)(?i)(?P<x>c)", {"x": 1}, id="what is no group"),
        pytest.param(r"\((?P<x>a)", {"x": 1}, id="an escaped parenthesis"),
        pytest.param(r"[(](?P<x>a)", {"x": 1}, id="a parenthesis in a class"),
        pytest.param(r"[]\](](?P<x>a)", {"x": 1}, id="brackets in a class"),
        pytest.param(r"[[:alpha:](](?P<x>a)", {"x": 1}, id="a class in a class"),
        pytest.param(r"\Q(\E(?P<x>a)", {"x": 1}, id="a quoted parenthesis"),
        pytest.param("((?P<x>a))", {"x": 2}, id="a group in a group"),
        # Looked through from each bracket, these would take minutes.
        pytest.param("[" * 120_000, {}, id="a long row of brackets"),
        pytest.param("[" * 120_000 + "\\", {}, id="a long row, and a backslash"),
    ],
)
def test_numbers_of_named_groups(regex: str, names: dict[str, int]) -> None:
    assert group_numbers(regex) == names


@given(st.text(), st.text())
def test_any_texts_are_a_template(replacement: str, regex: str) -> None:
    pieces = template(replacement, group_numbers(regex))
    if "$" not in replacement:
        assert pieces == [(replacement, -1)]
