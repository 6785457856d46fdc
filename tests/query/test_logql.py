"""What is not LogQL is refused with its place; whatever is, becomes SQL with bound values only."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meshseal.model.errors import QueryError
from meshseal.query.labels import Key
from meshseal.query.logql import parse
from meshseal.query.render_logs import TimeRange, render_logs
from meshseal.query.render_metrics import Steps, render_metrics
from meshseal.query.sql import Sql
from meshseal.query.tree import LogQuery, Query

TIMES = TimeRange(1_000, 2_000)
STEPS = Steps(10**18, 60 * 10**9, 5)
KEYS = {"app": [Key("resource", "app")], "k8s_pod_name": [Key("resource", "k8s.pod.name")]}


def rendered(query: Query) -> Sql:
    if isinstance(query, LogQuery):
        return render_logs(
            query, tenant="acme", times=TIMES, limit=10, newest_first=True, keys=KEYS
        )
    return render_metrics(query, tenant="acme", steps=STEPS, keys=KEYS, limit=10)


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        pytest.param("", 0, "expected a selector, a function or a number", id="nothing"),
        pytest.param("{", 1, "expected name, found the end of the query", id="open"),
        pytest.param("{}", 0, "at least one matcher", id="empty_selector"),
        pytest.param('{app=""}', 0, "at least one matcher", id="only_an_empty_value"),
        pytest.param('{app=~".*"}', 0, "at least one matcher", id="only_what_may_be_empty"),
        pytest.param('{app!="x"}', 0, "at least one matcher", id="only_a_negation"),
        pytest.param('{app="x"', 8, "expected '}'", id="unclosed_selector"),
        pytest.param('{app="x}', 5, "a string does not end", id="unclosed_string"),
        pytest.param("{app=x}", 5, "expected string, found 'x'", id="bare_value"),
        pytest.param('{app=="x"}', 4, "expected '='", id="double_equals"),
        pytest.param('{"app"="x"}', 1, "expected name", id="quoted_name"),
        pytest.param('{app="x"} |= error', 13, "expected string, found 'error'", id="bare_filter"),
        pytest.param('{app="x"} |', 11, "expected name", id="pipe_to_nothing"),
        pytest.param('{app="x"} | json |', 18, "expected name", id="pipe_behind_a_stage"),
        pytest.param('{app="x"} | json a="["', 19, "is not a path into JSON", id="json_path"),
        pytest.param('{app="x"} | status >', 20, "expected number or duration", id="no_number"),
        pytest.param('{app="x"} | status > "5"', 21, "expected a number", id="text_for_a_number"),
        pytest.param('{app="x"} | a=1 or', 18, "expected name", id="or_nothing"),
        pytest.param('{app="x"} | (a=1', 16, "expected ')'", id="unclosed_parenthesis"),
        pytest.param('{app="x"} | line_format "x"', 12, "line_format is not supported", id="later"),
        pytest.param('{app="x"} |> "<_>"', 10, "pattern filters is not supported", id="pattern"),
        pytest.param('{app="x"} extra', 10, "expected the end of the query", id="more_behind"),
        pytest.param('{app="x"} "y"', 10, "expected the end of the query", id="text_behind"),
        pytest.param('rate({app="x"})', 14, "expected '['", id="no_range"),
        pytest.param('rate({app="x"}[5])', 15, "expected duration", id="range_without_unit"),
        pytest.param('rate({app="x"}[0s])', 5, "a range must be longer", id="range_of_nothing"),
        pytest.param('rate({app="x"}[5m]', 18, "expected ')'", id="unclosed_range"),
        pytest.param("sum(1", 5, "expected ')'", id="unclosed_sum"),
        pytest.param('topk(0, rate({app="x"}[5m]))', 5, "whole number above 0", id="topk_0"),
        pytest.param('topk(1.5, rate({app="x"}[5m]))', 5, "whole number above 0", id="topk_half"),
        pytest.param("frobnicate(1)", 0, "is not a function that is supported", id="function"),
        pytest.param("1 +", 3, "expected a selector, a function or a number", id="half_a_sum"),
        pytest.param("@", 0, "unexpected character", id="character"),
        pytest.param('{app="\\q"}', 5, "unknown escape", id="escape"),
        pytest.param("(" * 100 + "1", 32, "nested too deeply", id="depth"),
    ],
)
def test_what_is_refused_and_where(text: str, position: int, message: str) -> None:
    with pytest.raises(QueryError) as raised:
        parse(text)
    assert message in str(raised.value)
    assert raised.value.position == position


words = st.sampled_from(
    ["{", "}", "(", ")", "[", "]", ",", "|", "|=", "!=", "|~", "=", "=~", ">", "and", "or", "by",
     "json", "logfmt", "drop", "sum", "rate", "count_over_time", "topk", "vector", "offset", "bool",
     "unless", "on", "ignoring", "group_left", "group_right", "label_replace", "sort", "sort_desc",
     "app", '"x"', "`y`", "5m", "1", "2KB", "0.5", "+", "-", "*", "/", "%", "^", "#", "\n", "'"]
)  # fmt: skip


@given(st.text(max_size=60) | st.lists(words, max_size=25).map(" ".join))
@example("٣")
@example("{a='b'}" * 50)
@example("-" * 5000)
@example("(" * 5000)
@example("1^" * 3000 + "1")
@example('{a="b"} | ' + "(" * 3000)
@example("9" * 400)
@example("1e999")
@example("9" * 30 + "y")
def test_any_text_is_a_query_or_a_query_error(text: str) -> None:
    try:
        query = parse(text)
    except QueryError:
        return
    rendered(query)


# ---- Generated queries ---------------------------------------------------------------------

names = st.sampled_from(["app", "k8s_pod_name", "status", "http_response_status_code", "msg"])
values = st.text(min_size=1, max_size=12).map(lambda text: f"zq{text}zq")


def quoted(text: str) -> str:
    escaped = "".join(
        f"\\U{ord(c):08x}" if ord(c) < 32 or c in '"\\' or ord(c) > 126 else c for c in text
    )
    return f'"{escaped}"'


matchers = st.tuples(names, st.sampled_from(["=", "!="]), values)


@st.composite
def conditions(draw: st.DrawFn, depth: int = 2) -> str:
    kind = draw(st.integers(0, 3 if depth else 1))
    if kind == 0:
        name, op, value = draw(matchers)
        return f"{name}{op}{quoted(value)}"
    if kind == 1:
        name, op = draw(names), draw(st.sampled_from([">", ">=", "<", "<=", "=", "==", "!="]))
        unit = draw(st.sampled_from(["", "ms", "s", "KB", "MiB"]))
        return f"{name} {op} {draw(st.integers(7_000_000, 7_999_999))}{unit}"
    word = draw(st.sampled_from([" and ", " or ", ", "]))
    parts = draw(st.lists(conditions(depth - 1), min_size=2, max_size=3))
    return f"({word.join(parts)})"


@st.composite
def stages(draw: st.DrawFn) -> str:
    kind = draw(st.integers(0, 5))
    if kind == 0:
        op = draw(st.sampled_from(["|=", "!=", "|~", "!~"]))
        texts = draw(st.lists(values, min_size=1, max_size=3))
        return f"{op} " + " or ".join(quoted(text) for text in texts)
    if kind == 1:
        fields = draw(st.lists(names, max_size=2))
        return "| json " + ", ".join(f'{name}="zq[7654321].zqk"' for name in fields)
    if kind == 2:
        return "| logfmt"
    if kind == 3:
        word = draw(st.sampled_from(["drop", "keep"]))
        return f'| {word} {draw(names)} | app!="zqnone"'  # else a filter behind it reads as its
    return f"| {draw(conditions())}"


@st.composite
def log_queries(draw: st.DrawFn) -> str:
    value = draw(values)
    pipeline = " ".join(draw(st.lists(stages(), max_size=4)))
    return f"{{app={quoted(value)}}} {pipeline}"


@st.composite
def metric_queries(draw: st.DrawFn) -> str:
    op = draw(st.sampled_from(["count_over_time", "rate", "bytes_over_time", "bytes_rate"]))
    inner = f"{op}({draw(log_queries())} [{draw(st.sampled_from(['5m', '1h', '90s']))}])"
    for outer in draw(st.lists(st.sampled_from(["sum", "avg", "max", "topk"]), max_size=2)):
        group = draw(st.sampled_from(["", "by (app)", "without (status, msg)", "by ()"]))
        count = "3, " if outer == "topk" else ""
        inner = f"{outer} {group} ({count}{inner})"
    if draw(st.booleans()):
        inner += f" {draw(st.sampled_from(['+', '*', '/', '%', '>', '== bool']))} 7654321.5"
    return inner


@given(log_queries() | metric_queries())
def test_values_are_bound_and_never_in_the_sql(text: str) -> None:
    sql = rendered(parse(text))
    assert "zq" not in sql.text
    assert not re.search(r"\b7[0-9]{6}\b", sql.text)
    used = set(re.findall(r"\{(p[0-9]+):", sql.text))
    assert used <= set(sql.parameters)


@given(log_queries() | metric_queries())
def test_the_tenant_is_always_asked_for(text: str) -> None:
    sql = rendered(parse(text))
    [name] = [key for key, value in sql.parameters.items() if value == "acme"]
    scans = sql.text.count("FROM logs")
    assert scans >= 1
    assert sql.text.count(f"Tenant = {{{name}:String}}") == scans


@pytest.mark.parametrize(
    "value",
    ["'; DROP TABLE logs; --", "{p0:String}", "') OR ('1'='1", "\\'", "`", "/*", "\x00", "💥"],
)
def test_a_hostile_value_is_only_ever_a_parameter(value: str) -> None:
    sql = rendered(parse(f"{{app={quoted(value)}}} |= {quoted(value)} | x={quoted(value)}"))
    if len(value) > 2 and value != "{p0:String}":  # which is how parameters are written
        assert value not in sql.text
    assert value in sql.parameters.values()


def test_two_queries_of_one_shape_have_one_text() -> None:
    first = rendered(parse('{app="a"} |= "b" | json | x > 5'))
    second = rendered(parse('{app="c"} |= "d" | json | x > 6'))
    assert first.text == second.text
    assert first.parameters != second.parameters
