"""Reads LogQL into the tree: what is not in `pipeline` is aggregations and arithmetic."""

from __future__ import annotations

from meshseal.model.errors import QueryError
from meshseal.query.logql.checks import checked_binary, checked_range, checked_replace
from meshseal.query.logql.lexer import Kind, tokenize
from meshseal.query.logql.pipeline import PipelineReader
from meshseal.query.tree import (
    BINARY_OPS,
    COMPARISONS,
    RANGE_OPS,
    SORTS,
    UNWRAP_OPS,
    VECTOR_OPS,
    Binary,
    Grouping,
    LabelReplace,
    LogQuery,
    Many,
    Matching,
    Metric,
    Number,
    Query,
    RangeAggregation,
    Sorted,
    Unit,
    Unwrap,
    VectorAggregation,
    VectorOf,
)

_UNWRAP_UNITS = {
    "duration": Unit.DURATION,
    "duration_seconds": Unit.DURATION,
    "bytes": Unit.BYTES,
}
_PRECEDENCE = {
    **dict.fromkeys(("or",), 1),
    **dict.fromkeys(("and", "unless"), 2),
    **dict.fromkeys(COMPARISONS, 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%"), 5),
    **dict.fromkeys(("^",), 6),
}
"""Source: grafana/loki, pkg/logql/syntax/expr.y."""

_FUNCTIONS = tuple(
    dict.fromkeys((*RANGE_OPS, *UNWRAP_OPS, *VECTOR_OPS, *SORTS, "label_replace", "vector"))
)
MAX_OPERATIONS = 100


def parse(text: str) -> Query:
    """Return the tree of a query.

    Raises: QueryError with the position where the text stops being LogQL that is understood.
    """
    parser = _Parser(tokenize(text))
    query = parser.query()
    parser.expect_end()
    return query


class _Parser(PipelineReader):
    _operations = 0

    def query(self) -> Query:
        if self._is("{"):
            return self._log_query()
        return self._metric(0)

    # ---- Metrics ---------------------------------------------------------------------------

    def _metric(self, floor: int) -> Metric:
        left = self._nested(self._unary)
        while self._is(*BINARY_OPS):
            op, position = self._token.text, self._token.position
            strength = _PRECEDENCE[op]
            if strength <= floor:
                break
            self._at += 1
            self._counted(position)
            as_bool = self._accept("bool") is not None
            matching = self._matching()
            # Only ^ groups from the right.
            right_floor = strength - 1 if op == "^" else strength
            right = self._nested(lambda floor=right_floor: self._metric(floor))  # type: ignore[misc]
            left = checked_binary(Binary(op, left, right, as_bool, matching), position)
        return left

    def _counted(self, position: int) -> None:
        """Count an operation between metrics: each makes the tree deeper."""
        self._operations += 1
        if self._operations > MAX_OPERATIONS:
            raise QueryError(
                f"the query has more than {MAX_OPERATIONS} operations", position=position
            )

    def _matching(self) -> Matching:
        word = self._accept("on", "ignoring")
        if word is None:
            return Matching()
        labels = self._names()
        group = self._accept(Many.LEFT.value, Many.RIGHT.value)
        if group is None:
            return Matching(labels, on=word == "on")
        include = self._names() if self._is("(") and self._is_names() else ()
        return Matching(labels, word == "on", Many(group), include)

    def _is_names(self) -> bool:
        """Say whether a parenthesis holds names: else it is the operation's right side."""
        first, *rest = self._tokens[self._at + 1 : self._at + 3]
        if first.kind is Kind.NAME:
            return bool(rest) and rest[0].text in (",", ")")
        return first.text == ")"

    def _names(self) -> tuple[str, ...]:
        self._expect("(")
        return self._listed(lambda: str(self._take(Kind.NAME).value), ")")

    def _unary(self) -> Metric:
        if self._accept("-"):
            inner = self._nested(lambda: self._metric(_PRECEDENCE["*"]))
            if isinstance(inner, Number):
                return Number(-inner.value)
            return Binary("*", inner, Number(-1.0))
        if self._accept("("):
            inner = self._nested(lambda: self._metric(0))
            self._expect(")")
            return inner
        if self._token.kind is Kind.NUMBER:
            return Number(float(self._take(Kind.NUMBER).value))
        return self._call()

    def _call(self) -> Metric:
        name = self._token.text if self._token.kind is Kind.NAME else ""
        if name == "vector":
            self._at += 1
            self._expect("(")
            negative = self._accept("-") is not None
            value = float(self._take(Kind.NUMBER).value)
            self._expect(")")
            return VectorOf(-value if negative else value)
        if name in (*RANGE_OPS, *UNWRAP_OPS):
            self._at += 1
            return self._range_aggregation(name)
        if name in VECTOR_OPS:
            self._at += 1
            return self._vector_aggregation(name)
        if name in SORTS:
            self._at += 1
            self._expect("(")
            inner = self._nested(lambda: self._metric(0))
            self._expect(")")
            return Sorted(inner, descending=name == "sort_desc")
        if name == "label_replace":
            return self._label_replace()
        if name:
            known = ", ".join(_FUNCTIONS)
            raise QueryError(
                f"{name[:40]!r} is not a function that is supported: use one of {known}",
                position=self._token.position,
            )
        raise self._unexpected("a selector, a function or a number")

    def _range_aggregation(self, op: str) -> RangeAggregation:
        self._expect("(")
        quantile = 0.0
        if op == "quantile_over_time":
            quantile = self._quantile()
            self._expect(",")
        start = self._token.position
        query = self._log_query()
        unwrap = self._unwrap()
        self._expect("[")
        nanos = self._duration()
        self._expect("]")
        # The range may stand before the pipeline too.
        stages = list(query.stages)
        while unwrap is None and (stage := self._stage()) is not None:
            stages.append(stage)
        unwrap = unwrap or self._unwrap()
        offset = self._offset()
        self._expect(")")
        grouping = self._grouping() if unwrap else None
        found = LogQuery(query.matchers, tuple(stages))
        return checked_range(
            RangeAggregation(op, found, nanos, offset, unwrap, quantile, grouping), start
        )

    def _quantile(self) -> float:
        token = self._take(Kind.NUMBER)
        if not 0 <= float(token.value) <= 1:
            raise QueryError("a quantile is between 0 and 1", position=token.position)
        return float(token.value)

    def _unwrap(self) -> Unwrap | None:
        if self._accept("unwrap") is None:
            return None
        label, unit = str(self._take(Kind.NAME).value), Unit.NUMBER
        if label in _UNWRAP_UNITS and self._accept("("):
            unit = _UNWRAP_UNITS[label]
            label = str(self._take(Kind.NAME).value)
            self._expect(")")
        conditions = []
        while self._accept("|"):
            conditions.append(self._condition())
        return Unwrap(label, unit, tuple(conditions))

    def _duration(self) -> int:
        return int(self._take(Kind.DURATION).value)

    def _offset(self) -> int:
        if not self._accept("offset"):
            return 0
        negative = self._accept("-") is not None
        nanos = self._duration()
        return -nanos if negative else nanos

    def _vector_aggregation(self, op: str) -> VectorAggregation:
        grouping = self._grouping()
        self._expect("(")
        count = 0
        if op in ("topk", "bottomk"):
            token = self._take(Kind.NUMBER)
            count = int(float(token.value))
            if count < 1 or count != float(token.value):
                raise QueryError(f"{op} takes a whole number above 0", position=token.position)
            self._expect(",")
        inner = self._nested(lambda: self._metric(0))
        self._expect(")")
        return VectorAggregation(op, inner, grouping or self._grouping() or Grouping(), count)

    def _label_replace(self) -> LabelReplace:
        position = self._take(Kind.NAME).position
        self._counted(position)
        self._expect("(")
        inner = self._nested(lambda: self._metric(0))
        texts = []
        for _ in range(4):
            self._expect(",")
            texts.append(self._string())
        self._expect(")")
        return checked_replace(LabelReplace(inner, *texts), position)

    def _grouping(self) -> Grouping | None:
        word = self._accept("by", "without")
        if word is None:
            return None
        return Grouping(self._names(), without=word == "without")
