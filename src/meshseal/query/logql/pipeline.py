"""Reads selectors and pipelines: log queries, and what metric queries count."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from meshseal.model.errors import QueryError
from meshseal.query.logql.checks import selects
from meshseal.query.logql.cursor import Cursor
from meshseal.query.logql.lexer import Kind
from meshseal.query.logql.paths import json_path
from meshseal.query.tree import (
    AllOf,
    AnyOf,
    CompareOp,
    JsonParser,
    LabelCondition,
    LabelFilter,
    LineFilter,
    LineOp,
    LogfmtParser,
    LogQuery,
    Matcher,
    MatchOp,
    NumberFilter,
    SelectLabels,
    Stage,
    Unit,
)

_T = TypeVar("_T")
_LINE_OPS = {op.value: op for op in LineOp}
_MATCH_OPS = {op.value: op for op in MatchOp}
_COMPARE_OPS = {**{op.value: op for op in CompareOp}, "=": CompareOp.EQUAL}
_UNITS = {Kind.NUMBER: Unit.NUMBER, Kind.DURATION: Unit.DURATION, Kind.BYTES: Unit.BYTES}
_LATER = {
    "line_format": "line_format",
    "label_format": "label_format",
    "regexp": "the regexp parser",
    "pattern": "the pattern parser",
    "unpack": "unpack",
    "decolorize": "decolorize",
}


class PipelineReader(Cursor):
    """Reads log queries."""

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
