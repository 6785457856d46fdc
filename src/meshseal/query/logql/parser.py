"""Reads LogQL into the tree: selectors, filters, parsers, aggregations, arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from meshseal.model.errors import QueryError
from meshseal.query.logql.checks import checked_range, folded, selects
from meshseal.query.logql.lexer import Kind, Token, tokenize
from meshseal.query.logql.paths import json_path
from meshseal.query.tree import (
    BINARY_OPS,
    COMPARISONS,
    RANGE_OPS,
    UNWRAP_OPS,
    VECTOR_OPS,
    AllOf,
    AnyOf,
    Binary,
    CompareOp,
    Grouping,
    JsonParser,
    LabelCondition,
    LabelFilter,
    LineFilter,
    LineOp,
    LogfmtParser,
    LogQuery,
    Matcher,
    MatchOp,
    Metric,
    Number,
    NumberFilter,
    Query,
    RangeAggregation,
    SelectLabels,
    Stage,
    Unit,
    Unwrap,
    VectorAggregation,
    VectorOf,
)

_T = TypeVar("_T")
MAX_DEPTH = 64
_LINE_OPS = {op.value: op for op in LineOp}
_MATCH_OPS = {op.value: op for op in MatchOp}
_COMPARE_OPS = {**{op.value: op for op in CompareOp}, "=": CompareOp.EQUAL}
_UNITS = {Kind.NUMBER: Unit.NUMBER, Kind.DURATION: Unit.DURATION, Kind.BYTES: Unit.BYTES}
_UNWRAP_UNITS = {
    "duration": Unit.DURATION,
    "duration_seconds": Unit.DURATION,
    "bytes": Unit.BYTES,
}
_PRECEDENCE = {"^": 4, "*": 3, "/": 3, "%": 3, "+": 2, "-": 2, **dict.fromkeys(COMPARISONS, 1)}
_LATER = {
    "line_format": "line_format",
    "label_format": "label_format",
    "regexp": "the regexp parser",
    "pattern": "the pattern parser",
    "unpack": "unpack",
    "decolorize": "decolorize",
}


def parse(text: str) -> Query:
    """Return the tree of a query.

    Raises: QueryError with the position where the text stops being LogQL that is understood.
    """
    parser = _Parser(tokenize(text))
    query = parser.query()
    parser.expect_end()
    return query


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    # ---- Tokens ----------------------------------------------------------------------------

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _is(self, *texts: str) -> bool:
        return self._token.kind in (Kind.SYMBOL, Kind.NAME) and self._token.text in texts

    def _accept(self, *texts: str) -> str | None:
        if not self._is(*texts):
            return None
        self._at += 1
        return self._tokens[self._at - 1].text

    def _expect(self, *texts: str) -> str:
        found = self._accept(*texts)
        if found is None:
            raise self._unexpected(" or ".join(repr(text) for text in texts))
        return found

    def _take(self, *kinds: Kind) -> Token:
        token = self._token
        if token.kind not in kinds:
            raise self._unexpected(" or ".join(kind.value for kind in kinds))
        self._at += 1
        return token

    def _string(self) -> str:
        return str(self._take(Kind.STRING).value)

    def _unexpected(self, wanted: str) -> QueryError:
        token = self._token
        shown = repr(token.text[:40]) if token.kind is not Kind.END else "the end of the query"
        return QueryError(f"expected {wanted}, found {shown}", position=token.position)

    def expect_end(self) -> None:
        if self._token.kind is not Kind.END:
            raise self._unexpected("the end of the query")

    def _nested(self, read: Callable[[], _T]) -> _T:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise QueryError("the query is nested too deeply", position=self._token.position)
        result = read()
        self._depth -= 1
        return result

    def _listed(self, read: Callable[[], _T], closing: str) -> tuple[_T, ...]:
        """Read `a, b, c` and the closing symbol, which may also follow at once or after a comma."""
        items: list[_T] = []
        while not self._accept(closing):
            items.append(read())
            if not self._accept(","):
                self._expect(closing)
                break
        return tuple(items)

    # ---- Queries ---------------------------------------------------------------------------

    def query(self) -> Query:
        if self._is("{"):
            return self._log_query()
        return self._metric(0)

    def _log_query(self) -> LogQuery:
        start = self._token.position
        self._expect("{")
        matchers = self._listed(self._matcher, "}")
        if not any(selects(matcher) for matcher in matchers):
            raise QueryError(
                "a selector needs at least one matcher that does not match an empty value, such as "
                '{service_name=~".+"}',
                position=start,
            )
        stages: list[Stage] = []
        while (stage := self._stage()) is not None:
            stages.append(stage)
        return LogQuery(matchers, tuple(stages))

    def _matcher(self) -> Matcher:
        label = str(self._take(Kind.NAME).value)
        op = _MATCH_OPS[self._expect(*_MATCH_OPS)]
        return Matcher(label, op, self._string())

    # ---- Stages ----------------------------------------------------------------------------

    def _stage(self) -> Stage | None:
        if self._is("|>", "!>"):
            raise self._later("pattern filters")
        if self._is("|=", "|~", "!=", "!~"):
            return self._line_filter()
        if not self._accept("|") or self._is("unwrap"):
            return None
        if self._accept("json"):
            return JsonParser(self._fields(json_path))
        if self._accept("logfmt"):
            while self._accept("--strict", "--keep-empty"):
                pass
            return LogfmtParser(self._fields(lambda text, _: text))
        if self._is("drop", "keep"):
            return self._select_labels(keep=self._expect("drop", "keep") == "keep")
        if self._token.text in _LATER and self._token.kind is Kind.NAME:
            raise self._later(_LATER[self._token.text])
        return LabelFilter(self._condition())

    def _later(self, what: str) -> QueryError:
        return QueryError(f"{what} is not supported yet", position=self._token.position)

    def _line_filter(self) -> LineFilter:
        op = _LINE_OPS[self._expect(*_LINE_OPS)]
        values = [self._line_value()]
        while self._accept("or"):
            values.append(self._line_value())
        return LineFilter(op, tuple(values))

    def _line_value(self) -> str:
        if self._is("ip"):
            raise self._later("ip()")
        return self._string()

    def _fields(self, read: Callable[[str, int], _T]) -> tuple[tuple[str, _T], ...]:
        """Read the labels that a parser is limited to: `a="path", b`."""
        fields: list[tuple[str, _T]] = []
        while self._token.kind is Kind.NAME and not self._is("or", "and"):
            name = self._take(Kind.NAME)
            text, position = str(name.value), name.position
            if self._accept("="):
                position = self._token.position
                text = self._string()
            fields.append((str(name.value), read(text, position)))
            if not self._accept(","):
                break
        return tuple(fields)

    def _select_labels(self, *, keep: bool) -> SelectLabels:
        labels: list[str | Matcher] = []
        while True:
            name = str(self._take(Kind.NAME).value)
            op = self._accept(*_MATCH_OPS)
            labels.append(Matcher(name, _MATCH_OPS[op], self._string()) if op else name)
            if not self._accept(","):
                return SelectLabels(keep, tuple(labels))

    # ---- Conditions on labels --------------------------------------------------------------

    def _condition(self) -> LabelCondition:
        parts = [self._conjunction()]
        while self._accept("or"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _conjunction(self) -> LabelCondition:
        parts = [self._term()]
        while self._accept("and", ",") or self._is("(") or self._starts_term():
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _starts_term(self) -> bool:
        return self._token.kind is Kind.NAME and not self._is("or", "and", "offset")

    def _term(self) -> LabelCondition:
        if self._accept("("):
            inner = self._nested(self._condition)
            self._expect(")")
            return inner
        label = str(self._take(Kind.NAME).value)
        op = self._expect(*_MATCH_OPS, *_COMPARE_OPS)
        if self._token.kind is Kind.STRING:
            if op not in _MATCH_OPS and op != "==":
                raise self._unexpected("a number, a duration or bytes")
            return Matcher(label, _MATCH_OPS.get(op, MatchOp.EQUAL), self._string())
        if self._is("ip"):
            raise self._later("ip()")
        if op not in _COMPARE_OPS:
            raise self._unexpected("a string")
        negative = self._accept("-") is not None
        token = self._take(*_UNITS)
        value = float(token.value)
        unit = _UNITS[token.kind]
        return NumberFilter(label, _COMPARE_OPS[op], -value if negative else value, unit)

    # ---- Metrics ---------------------------------------------------------------------------

    def _metric(self, floor: int) -> Metric:
        left = self._nested(self._unary)
        while self._token.kind is Kind.SYMBOL and self._token.text in BINARY_OPS:
            op = self._token.text
            strength = _PRECEDENCE[op]
            if strength <= floor:
                break
            self._at += 1
            as_bool = op in COMPARISONS and self._accept("bool") is not None
            if self._is("on", "ignoring"):
                raise self._later("matching on labels")
            # Only ^ groups from the right.
            right_floor = strength - 1 if op == "^" else strength
            right = self._nested(lambda floor=right_floor: self._metric(floor))  # type: ignore[misc]
            left = folded(Binary(op, left, right, as_bool))
        return left

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
        if name:
            known = ", ".join((*dict.fromkeys((*RANGE_OPS, *UNWRAP_OPS, *VECTOR_OPS)), "vector"))
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

    def _grouping(self) -> Grouping | None:
        word = self._accept("by", "without")
        if word is None:
            return None
        self._expect("(")
        names = self._listed(lambda: str(self._take(Kind.NAME).value), ")")
        return Grouping(names, without=word == "without")
