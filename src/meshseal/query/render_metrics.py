"""Renders metric queries: numbers by labels and step.

Every part renders to a SELECT of three columns: `labels`, a sorted map of text; `step`, the number
of the step from 0; and `value`. A record at time t counts at each step s with s - range < t <= s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from meshseal.model.errors import QueryError
from meshseal.query.arithmetic import calculate
from meshseal.query.labels import Keys, Labels
from meshseal.query.matching import chosen, only, paired, replaced
from meshseal.query.render_logs import Filtered, TimeRange, filtered
from meshseal.query.sql import Binder, Sql
from meshseal.query.tree import (
    ALL_LABELS,
    COMPARISONS,
    SET_OPS,
    Binary,
    Grouping,
    LabelReplace,
    Metric,
    Number,
    RangeAggregation,
    Sorted,
    VectorAggregation,
    VectorOf,
)
from meshseal.store.schema import LOGS

_SECOND = 10**9
_VALUES = {
    "count_over_time": "count()",
    "rate": "count()",
    "bytes_over_time": "sum(length(Body))",
    "bytes_rate": "sum(length(Body))",
}
_UNWRAPPED = {
    "rate": "sum",
    "sum_over_time": "sum",
    "avg_over_time": "avg",
    "min_over_time": "min",
    "max_over_time": "max",
    "first_over_time": "argMin",
    "last_over_time": "argMax",
    "stddev_over_time": "stddevPop",
    "stdvar_over_time": "varPop",
    "quantile_over_time": "quantileExactInclusive",
}
"""What each makes of the numbers in a range. Loki's quantiles lie between two numbers, too."""

_AGGREGATES = {
    "sum": "sum(amount)",
    "avg": "avg(amount)",
    "min": "min(amount)",
    "max": "max(amount)",
    "count": "toFloat64(count())",
    "stddev": "stddevPop(amount)",
    "stdvar": "varPop(amount)",
}
_EMPTY_LABELS = "CAST(map(), 'Map(String, String)')"


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a metric query: `count` of them, the first at `start`, `width` apart.

    Times are in nanoseconds. An instant query has one step.
    """

    start: int
    width: int
    count: int


@dataclass(frozen=True, slots=True)
class _Amounts:
    """What a range counts: SQL of a bucket's part of it, and of the whole of all parts.

    `where` says which records count, and `labels` what labels they have.
    """

    of_bucket: str
    of_range: str
    where: str
    labels: Labels


def render_metrics(query: Metric, *, tenant: str, steps: Steps, keys: Keys, limit: int) -> Sql:
    """Return the SQL of a metric query: a row for each series: labels, steps, amounts.

    Args:
        query: The query.
        tenant: Whose records.
        steps: When.
        keys: What the query's labels stand for.
        limit: Most series.

    Raises: QueryError when it combines what cannot be combined.
    """
    if isinstance(query, Number):
        query = VectorOf(query.value)
    renderer = _Renderer(Binder(), tenant, steps, keys)
    order = "labels"
    if isinstance(query, Sorted) and steps.count == 1:
        order = f"points.2[1] {'DESC' if query.descending else 'ASC'}, labels"
    text = (
        "SELECT labels, points.1 AS steps, points.2 AS amounts\n"
        "FROM (\nSELECT labels, arraySort(groupArray((step, value))) AS points\n"
        f"FROM (\n{renderer.metric(query)}\n)\nGROUP BY labels\n)\n"
        f"ORDER BY {order}\nLIMIT {int(limit)}"
    )
    return Sql(text, renderer.binder.parameters)


@dataclass(frozen=True, slots=True)
class _Renderer:
    binder: Binder
    tenant: str
    steps: Steps
    keys: Keys

    def metric(self, query: Metric) -> str:
        match query:
            case Number() | VectorOf():
                return (
                    f"SELECT {_EMPTY_LABELS} AS labels, toInt64(number) AS step, "
                    f"{self.binder.number(query.value)} AS value FROM numbers({self.steps.count})"
                )
            case RangeAggregation():
                return self._range(query, None)
            case VectorAggregation():
                return self._vector(query)
            case Binary():
                return self._binary(query)
            case LabelReplace():
                return replaced(self.binder, query, self.metric(query.inner))
            case Sorted():
                return self.metric(query.inner)

    # ---- Ranges ----------------------------------------------------------------------------

    def _range(self, query: RangeAggregation, grouping: Grouping | None) -> str:
        """Render a range; with a grouping, its sum by those labels at once."""
        width = self.steps.width if self.steps.count > 1 else query.range_nanos
        grain = math.gcd(width, query.range_nanos)
        origin = self.steps.start - query.offset_nanos
        last = origin + width * (self.steps.count - 1)
        # Windows are open at their start and closed at their end.
        times = TimeRange(origin - query.range_nanos + 1, last + 1)
        found = filtered(
            query.query, tenant=self.tenant, times=times, keys=self.keys, binder=self.binder
        )
        amounts = self._amounts(query, found)
        keys, labels = self._group_keys(amounts.labels, query.grouping or grouping)
        listed = "".join(f"{sql} AS {name},\n    " for name, sql in keys.items())
        names = "".join(f"{name}, " for name in keys)
        per_range, per_step = query.range_nanos // grain, width // grain
        # A bucket is how many grains after the origin its records are, rounded up. Counted from
        # before the first window, that is never below zero, and one division rounds as it should.
        before = self.binder.integer(origin - query.range_nanos - grain + 1)
        bucketed = f"""SELECT
    {listed}intDiv(toUnixTimestamp64Nano(Timestamp) - {before}, {grain}) - {per_range} AS bucket,
    {amounts.of_bucket} AS amount
FROM {LOGS}
WHERE {amounts.where}
GROUP BY {names}bucket"""
        divisor = query.range_nanos / _SECOND if query.op in ("rate", "bytes_rate") else 1
        value = amounts.of_range
        if divisor != 1:
            value = f"{value} / {self.binder.number(divisor)}"
        return f"""SELECT {labels} AS labels, step, toFloat64({value}) AS value
FROM (
{bucketed}
)
ARRAY JOIN range(
    greatest(0, toInt64(ceil(bucket / {per_step}))),
    least({self.steps.count}, toInt64(floor((bucket + {per_range - 1}) / {per_step})) + 1)) AS step
GROUP BY labels, step"""

    def _amounts(self, query: RangeAggregation, found: Filtered) -> _Amounts:
        """Return what is counted: records, or the numbers of a label."""
        if query.unwrap is None:
            return _Amounts(_VALUES[query.op], "sum(amount)", found.where, found.labels)
        number, labels = found.labels.number(query.unwrap)
        conditions = [*found.conditions, f"isNotNull({number})"]
        for condition in query.unwrap.conditions:
            sql, labels = labels.holds(condition)
            conditions.append(f"({sql})")
        function, arguments = _UNWRAPPED[query.op], f"assumeNotNull({number})"
        if query.op in ("first_over_time", "last_over_time"):
            arguments += ", (Timestamp, Batch, Seq)"
        parameter = ""
        if query.op == "quantile_over_time":
            parameter = f"({float(query.quantile)!r})"
        return _Amounts(
            f"{function}State{parameter}({arguments})",
            f"{function}Merge{parameter}(amount)",
            "\n  AND ".join(conditions),
            # What was counted tells streams apart no more, nor can it fail from here on.
            replace(
                labels,
                errors=found.labels.errors,
                hidden={**labels.hidden, query.unwrap.label: "true"},
            ),
        )

    def _group_keys(self, labels: Labels, grouping: Grouping | None) -> tuple[dict[str, str], str]:
        """Return what to group records by, and the SQL that makes labels of it."""
        if grouping is not None and not grouping.without:
            keys = {f"key_{at}": labels.text(name) for at, name in enumerate(grouping.labels)}
            pairs = ", ".join(
                f"({self.binder.text(name)}, key_{at})" for at, name in enumerate(grouping.labels)
            )
            return keys, f"meshseal_labels([{pairs}])" if pairs else _EMPTY_LABELS
        # A stream's labels: its resource and service, and what parsers found.
        keys = {"service": "ServiceName", "resource": "ResourceAttributes"}
        made = (
            "mapUpdate(meshseal_labels(CAST(resource, 'Array(Tuple(String, String))')), "
            "map('service_name', service))"
        )
        kept = self.binder.texts(tuple(sorted(labels.kept or ())))
        if labels.parsed:
            only = f"mapFilter((name, text) -> has({kept}, name), {labels.parsed})"
            keys["parsed"] = labels.parsed if labels.kept is None else only
            made = f"mapUpdate(parsed, {made})"
        if labels.errors:
            keys["error"] = labels.text("__error__")
            made = f"if(error = '', {made}, mapUpdate({made}, map('__error__', error)))"
        for name in labels.hidden:
            keep = self.binder.text(name)
            made = f"mapFilter((name, text) -> name != {keep}, {made})"
        if labels.kept is not None:
            made = f"mapFilter((name, text) -> has({kept}, name), {made})"
        if grouping is not None:
            made = self._grouped(grouping, made)
        return keys, f"mapSort({made})"

    # ---- Vectors ---------------------------------------------------------------------------

    def _vector(self, query: VectorAggregation) -> str:
        if _is_fusible(query):
            assert isinstance(query.inner, RangeAggregation)
            return self._range(query.inner, query.grouping)
        inner = self.metric(query.inner)
        if query.op in ("topk", "bottomk"):
            direction = "DESC" if query.op == "topk" else "ASC"
            return (
                f"SELECT labels, step, value FROM (\n{inner}\n)\n"
                f"ORDER BY value {direction}, labels\n"
                f"LIMIT {query.count} BY step, {self._grouped(query.grouping, 'labels')}"
            )
        return (
            f"SELECT {self._grouped(query.grouping, 'all_labels')} AS labels, step, "
            f"{_AGGREGATES[query.op]} AS value\n"
            f"FROM (SELECT labels AS all_labels, step, value AS amount FROM (\n{inner}\n))\n"
            "GROUP BY labels, step"
        )

    def _grouped(self, grouping: Grouping, labels: str) -> str:
        names = self.binder.texts(grouping.labels)
        found = f"has({names}, name)"
        condition = f"NOT {found}" if grouping.without else found
        return f"mapFilter((name, text) -> {condition}, {labels})"

    # ---- Arithmetic ------------------------------------------------------------------------

    def _binary(self, query: Binary) -> str:
        left, right = query.left, query.right
        if query.op in SET_OPS:
            return self._set(query)
        if isinstance(left, Number) and isinstance(right, Number):
            return self.metric(VectorOf(calculate(query.op, left.value, right.value)))
        if isinstance(right, Number):
            number = self.binder.number(right.value)
            return self._with_number(query, left, "amount", number)
        if isinstance(left, Number):
            number = self.binder.number(left.value)
            return self._with_number(query, right, number, "amount")
        if query.matching != ALL_LABELS:
            pairs = paired(self.binder, query.matching, self.metric(left), self.metric(right))
            result, where = _compared(query, "a", "b", kept="a")
            return f"SELECT labels, step, {result} AS value\nFROM (\n{pairs}\n){where}"
        result, where = _compared(query, "a.value", "b.value", kept="a.value")
        return (
            f"SELECT a.labels AS labels, a.step AS step, {result} AS value\n"
            f"FROM (\n{self.metric(left)}\n) AS a\n"
            f"INNER JOIN (\n{self.metric(right)}\n) AS b\n"
            f"ON a.labels = b.labels AND a.step = b.step{where}"
        )

    def _set(self, query: Binary) -> str:
        """Render a set operation; several `or` in a row as one, so that they nest less."""
        parts = [query.right]
        rest = query.left
        while query.op == "or" and isinstance(rest, Binary) and rest.op == "or":
            if rest.matching != query.matching:
                break
            parts.append(rest.right)
            rest = rest.left
        parts.append(rest)
        sides = [self.metric(part) for part in reversed(parts)]
        if query.op == "or":
            return chosen(self.binder, query.matching, sides)
        return only(self.binder, query.matching, sides, there=query.op == "and")

    def _with_number(self, query: Binary, vector: Metric, left: str, right: str) -> str:
        result, where = _compared(query, left, right, kept="amount")
        return (
            f"SELECT labels, step, {result} AS value\n"
            f"FROM (SELECT labels, step, value AS amount FROM (\n{self.metric(vector)}\n)){where}"
        )


def _is_fusible(query: VectorAggregation) -> bool:
    """Say whether a sum over streams is the sum over their records."""
    inner = query.inner
    return (
        query.op == "sum"
        and not query.grouping.without
        and isinstance(inner, RangeAggregation)
        and inner.grouping is None
        and (inner.unwrap is None or inner.op in ("rate", "sum_over_time"))
    )


def _compared(query: Binary, left: str, right: str, *, kept: str) -> tuple[str, str]:
    """Return the SQL of an operation's number, and which rows a comparison leaves."""
    result = _operation(query.op, left, right)
    if query.op in COMPARISONS and not query.as_bool:
        return kept, f"\nWHERE {result} = 1"
    return result, ""


def _operation(op: str, left: str, right: str) -> str:
    """Return the SQL of an operation on two numbers."""
    if op == "%":
        # The engine's own modulo is for integers and refuses a zero.
        return f"if({right} = 0, nan, {left} - {right} * trunc({left} / {right}))"
    if op == "^":
        return f"pow({left}, {right})"
    if op in COMPARISONS:
        sql = "=" if op == "==" else op
        return f"toFloat64({left} {sql} {right})"
    return f"({left} {op} {right})"


def check_steps(start: int, end: int, width: int, *, most: int) -> Steps:
    """Return the steps of a range query. Raises: QueryError when there are too many or none."""
    if end < start:
        raise QueryError("the end is before the start")
    if width <= 0:
        raise QueryError("the step must be longer than nothing")
    count = (end - start) // width + 1
    if count > most:
        raise QueryError(
            f"the query asks for {count} points per series, more than the {most} that are "
            "allowed: use a longer step or a shorter time"
        )
    return Steps(start, width, count)
