"""Set operations, matching on labels, `label_replace` and `sort`, through the real server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshseal.query.refusals import (
    DUPLICATE_LEFT,
    DUPLICATE_RIGHT,
    MANY_TO_ONE,
    NOT_UNIQUE,
    SAME_LABELS,
)
from tests.query.between_metrics import (
    A200,
    A500,
    ALL,
    B200,
    BOTH,
    C500,
    CASES,
    FAILED,
    NONE,
    RECORDS,
    TOTAL,
    A,
    B,
    C,
)
from tests.server import ServerProcess

pytestmark = [pytest.mark.e2e]

BASE = (int(time.time()) - 3600) // 300 * 300


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("between") / "data") as server:
        streams = [
            {
                "stream": {"app": "web", "svc": service, "code": code},
                "values": [[str((BASE + at) * 10**9), f"line {at}"]],
            }
            for at, service, code in RECORDS
        ]
        body = json.dumps({"streams": streams}).encode()
        headers = {"Content-Type": "application/json"}
        assert server.post("/loki/api/v1/push", body, headers=headers).status_code == 204
        server.wait_for_count(len(RECORDS), 'sum(count_over_time({app="web"}[2h]))')
        yield server


@pytest.mark.parametrize(("query", "expected"), CASES.values(), ids=CASES)
def test_at_one_moment(server: ServerProcess, query: str, expected: Mapping[str, float]) -> None:
    assert dict(ask(server, query)) == expected


LAST = {
    name: f"({query})".replace("[10m]", "[1m]")
    for name, query in (("all", ALL), ("failed", FAILED), ("both", BOTH))
}
STEPS: dict[str, tuple[str, Mapping[str, Mapping[int, float]]]] = {
    "all": ("{all}", {A: {60: 3, 120: 1}, B: {120: 1}, C: {180: 1}}),
    "failed": ("{failed}", {A: {60: 1}, C: {180: 1}}),
    "and": ("{all} and {failed}", {A: {60: 3}, C: {180: 1}}),
    "or": ("{failed} * 7 or {all}", {A: {60: 7, 120: 1}, B: {120: 1}, C: {180: 7}}),
    "unless": ("{all} unless {failed}", {A: {120: 1}, B: {120: 1}}),
    "unless on nothing": ("{all} unless on() {failed}", {A: {120: 1}, B: {120: 1}}),
    "group_left": (
        "{both} / on(svc) group_left {all} * 100",
        {A200: {60: 200 / 3, 120: 100}, A500: {60: 100 / 3}, B200: {120: 100}, C500: {180: 100}},
    ),
    "labels that are equal at different steps only": (
        'label_replace({all} and {failed}, "svc", "one", "svc", ".*")',
        {"svc=one": {60: 3, 180: 1}},
    ),
    "sort leaves series in their order": ("sort_desc({failed})", {A: {60: 1}, C: {180: 1}}),
}


@pytest.mark.parametrize(("query", "expected"), STEPS.values(), ids=STEPS)
def test_at_each_step(
    server: ServerProcess, query: str, expected: Mapping[str, Mapping[int, float]]
) -> None:
    for name, text in LAST.items():
        query = query.replace(f"{{{name}}}", text)
    parameters = {"query": query, "start": BASE + 60, "end": BASE + 180, "step": "60s"}
    response = server.get("/loki/api/v1/query_range", parameters)
    assert response.status_code == 200, response.text
    found = {
        shown(one["metric"]): {int(at) - BASE: float(value) for at, value in one["values"]}
        for one in response.json()["data"]["result"]
    }
    assert found == {
        labels: {at: pytest.approx(value) for at, value in points.items()}
        for labels, points in expected.items()
    }


ERRORS = {
    "several on the left": (f"{BOTH} / on(svc) {ALL}", MANY_TO_ONE),
    "several on the right": (f"{ALL} / on(svc) {BOTH}", DUPLICATE_RIGHT),
    "several on the right, and nothing on the left": (f"{NONE} / on(svc) {BOTH}", DUPLICATE_RIGHT),
    "several on the one side of group_left": (
        f"{ALL} / on(svc) group_left {BOTH}",
        DUPLICATE_RIGHT,
    ),
    "several on the one side of group_right": (
        f"{BOTH} / on(svc) group_right {ALL}",
        DUPLICATE_LEFT,
    ),
    "several that become equal": (
        f"{BOTH} / on(svc) group_left(code) {ALL}",
        NOT_UNIQUE,
    ),
    "several, though a comparison would leave them out": (
        f"{BOTH} > on(svc) ({ALL} * 100)",
        MANY_TO_ONE,
    ),
    "a label that makes series equal": (
        f'label_replace({ALL}, "svc", "one", "", "")',
        SAME_LABELS,
    ),
    "a dropped label that makes series equal": (
        f'label_replace({BOTH}, "code", "", "", "")',
        SAME_LABELS,
    ),
    "equal series that are only counted": (
        f'count(label_replace({ALL}, "svc", "one", "", ""))',
        SAME_LABELS,
    ),
    "no regular expression": (
        f'label_replace({ALL}, "x", "$1", "svc", "(a")',
        "invalid regex in label_replace: (a",
    ),
    "a reference back, which RE2 has not": (
        f'label_replace({ALL}, "x", "$1", "svc", "(a)\\\\1")',
        "invalid regex in label_replace: (a)\\1",
    ),
    "no regular expression, and nothing to match": (
        f'label_replace({NONE}, "x", "$1", "svc", "[a")',
        "invalid regex in label_replace: [a",
    ),
    "a number": (
        f"{ALL} or 1",
        "unexpected literal for right leg of logical/set binary operation (or): 1.000000",
    ),
    "too deep": (" and ".join([ALL] * 100), "the query is nested too deeply"),
}


@pytest.mark.parametrize(("query", "words"), ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("path", ["query", "query_range"])
def test_what_is_refused(server: ServerProcess, path: str, query: str, words: str) -> None:
    times: dict[str, Any] = {"time": BASE + 600}
    if path == "query_range":
        times = {"start": BASE + 540, "end": BASE + 600, "step": "60s"}
    response = server.get(f"/loki/api/v1/{path}", {"query": query, **times})
    assert response.status_code == 400, response.text
    assert words in response.text
    assert "DB::Exception" not in response.text


SORTS = {
    "up": (f"sort({BOTH})", [B200, A500, C500, A200]),
    "down": (f"sort_desc({BOTH})", [A200, B200, A500, C500]),
    "what is no number comes last": (
        f"sort_desc(({ALL} - 1) % ({ALL} - 1) or {TOTAL})",
        ["", A, B, C],
    ),
    "not the outermost": (f"sort_desc({ALL}) * -1", [A, B, C]),
}


@pytest.mark.parametrize(("query", "order"), SORTS.values(), ids=SORTS)
def test_sort(server: ServerProcess, query: str, order: list[str]) -> None:
    assert [labels for labels, _ in ask(server, query)] == order


def test_the_limit_of_series_holds(server: ServerProcess) -> None:
    at = str((BASE + 30) * 10**9)
    streams = [
        {"stream": {"app": app, "n": str(number)}, "values": [[at, "line"]]}
        for app in ("left", "right")
        for number in range(260)
    ]
    headers = {"Content-Type": "application/json", "X-Scope-OrgID": "many"}
    body = json.dumps({"streams": streams}).encode()
    assert server.post("/loki/api/v1/push", body, headers=headers).status_code == 204
    server.wait_for_count(520, 'sum(count_over_time({app=~".+"}[2h]))', tenant="many")
    left, right = (f'count_over_time({{app="{app}"}}[10m])' for app in ("left", "right"))

    def series(query: str) -> Any:
        parameters = {"query": query, "time": BASE + 600}
        return server.get("/loki/api/v1/query", parameters, headers={"X-Scope-OrgID": "many"})

    assert len(series(left).json()["data"]["result"]) == 260
    assert len(series(f"{left} + on(n) {right}").json()["data"]["result"]) == 260
    refused = series(f"{left} or {right}")
    assert refused.status_code == 400
    assert "more than 500 series" in refused.text


# ---- The laws of sets, against a model -----------------------------------------------------------

Labels = tuple[tuple[str, str], ...]
Vector = dict[Labels, int]
names = st.sampled_from(["x", "y", ""])
labelled = st.tuples(names, names).map(
    lambda pair: tuple((name, value) for name, value in zip("ab", pair, strict=True) if value)
)
sets = st.dictionaries(labelled, st.integers(1, 9), max_size=4)
matchings = st.sampled_from(
    ["", "on()", "on(a)", "on(b, a)", "on(c)", "ignoring()", "ignoring(a)", "ignoring(b, c)"]
)


def as_query(vector: Vector) -> str:
    """Return a query that gives a set of numbers."""
    parts = []
    for labels, value in vector.items():
        part = f"vector({value})"
        for name, text in labels:
            part = f'label_replace({part}, "{name}", "{text}", "", "")'
        parts.append(part)
    return f"({' or '.join(parts)})" if parts else "(vector(0) > 0)"


def key(labels: Labels, matching: str) -> Labels:
    word, _, listed = matching.rstrip(")").partition("(")
    named = listed.split(", ")
    return tuple(pair for pair in labels if (pair[0] in named) == (word == "on"))


@settings(max_examples=25, deadline=None)
@given(sets, sets, matchings)
def test_sets_are_as_the_model_has_them(
    server: ServerProcess, left: Vector, right: Vector, matching: str
) -> None:
    lefts = {key(labels, matching) for labels in left}
    rights = {key(labels, matching) for labels in right}
    expected = {
        "and": {one: n for one, n in left.items() if key(one, matching) in rights},
        "unless": {one: n for one, n in left.items() if key(one, matching) not in rights},
        "or": {**{one: n for one, n in right.items() if key(one, matching) not in lefts}, **left},
    }
    found = {
        op: vector_of(server, f"{as_query(left)} {op} {matching} {as_query(right)}")
        for op in expected
    }
    assert found == expected
    # What both sides have and what only the left has is the left, and nothing is in both.
    assert not found["and"].keys() & found["unless"].keys()
    assert {**found["and"], **found["unless"]} == left


@settings(max_examples=25, deadline=None)
@given(sets, sets, matchings)
def test_what_belongs_together_is_as_the_model_has_it(
    server: ServerProcess, left: Vector, right: Vector, matching: str
) -> None:
    query = f"{as_query(left)} - {matching} {as_query(right)}"
    pairs = [
        (key(one, matching), n - m)
        for one, n in left.items()
        for other, m in right.items()
        if key(one, matching) == key(other, matching)
    ]
    rights = [key(one, matching) for one in right]
    response = server.get("/loki/api/v1/query", {"query": query})
    if len(set(rights)) < len(rights):
        assert DUPLICATE_RIGHT in response.text or MANY_TO_ONE in response.text
    elif len({labels for labels, _ in pairs}) < len(pairs):
        assert MANY_TO_ONE in response.text
    else:
        assert vector_of(server, query) == dict(pairs)


def vector_of(server: ServerProcess, query: str) -> Vector:
    response = server.get("/loki/api/v1/query", {"query": query})
    assert response.status_code == 200, response.text
    return {
        tuple(sorted(one["metric"].items())): int(one["value"][1])
        for one in response.json()["data"]["result"]
    }


def ask(server: ServerProcess, query: str) -> list[tuple[str, float]]:
    response = server.get("/loki/api/v1/query", {"query": query, "time": BASE + 600})
    assert response.status_code == 200, response.text
    return [
        (shown(one["metric"]), float(one["value"][1])) for one in response.json()["data"]["result"]
    ]


def shown(labels: Mapping[str, str]) -> str:
    """Return labels as `a=1, b=2`."""
    return ", ".join(f"{name}={value}" for name, value in sorted(labels.items()))
