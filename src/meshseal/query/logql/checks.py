"""What the parser asks of what it has read."""

from __future__ import annotations

import re

from meshseal.model.errors import QueryError
from meshseal.query.arithmetic import calculate
from meshseal.query.tree import (
    ALL_LABELS,
    COMPARISONS,
    RANGE_OPS,
    SET_OPS,
    UNWRAP_OPS,
    Binary,
    LabelReplace,
    Many,
    Matcher,
    MatchOp,
    Metric,
    Number,
    RangeAggregation,
)


def selects(matcher: Matcher) -> bool:
    """Say whether a matcher leaves records without the label out, as far as it shows."""
    match matcher.op:
        case MatchOp.EQUAL:
            return matcher.value != ""
        case MatchOp.NOT_EQUAL:
            return matcher.value == ""
        case MatchOp.REGEX:
            return not _may_be_empty(matcher.value)
        case _:
            return False


def _may_be_empty(regex: str) -> bool:
    return regex in ("", ".*", ".?") or any(part in ("", ".*") for part in regex.split("|"))


_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def checked_binary(found: Binary, position: int) -> Metric:
    """Return an operation, or the number that it gives. Raises: QueryError.

    The words are those of Loki's `pkg/logql/syntax/ast.go`, and where it lets pass what has no
    effect, those of Prometheus' `promql/parser/parse.go`.
    """
    if found.op in SET_OPS:
        for side, leg in (("left", found.left), ("right", found.right)):
            if isinstance(leg, Number):
                raise QueryError(
                    f"unexpected literal for {side} leg of logical/set binary operation "
                    f"({found.op}): {leg.value:f}",
                    position=position,
                )
        if found.matching.many is not Many.NEITHER:
            raise QueryError(f'no grouping allowed for "{found.op}" operation', position=position)
    if found.as_bool and found.op not in COMPARISONS:
        raise QueryError(
            "bool modifier can only be used on comparison operators", position=position
        )
    if found.matching != ALL_LABELS and Number in (type(found.left), type(found.right)):
        raise QueryError("vector matching only allowed between instant vectors", position=position)
    return folded(found)


def checked_replace(found: LabelReplace, position: int) -> LabelReplace:
    """Return a `label_replace`. Raises: QueryError, in Prometheus' words."""
    if isinstance(found.inner, Number):
        raise QueryError("label_replace takes a vector, not a number", position=position)
    if not _LABEL.fullmatch(found.target):
        raise QueryError(
            f"invalid destination label name in label_replace(): {found.target[:80]}",
            position=position,
        )
    return found


def folded(binary: Binary) -> Metric:
    """Return the number that an operation on two numbers gives, or the operation."""
    if not isinstance(binary.left, Number) or not isinstance(binary.right, Number):
        return binary
    left, right = binary.left.value, binary.right.value
    return Number(calculate(binary.op, left, right))


def checked_range(found: RangeAggregation, position: int) -> RangeAggregation:
    """Return an aggregation over a range. Raises: QueryError when it has no meaning."""
    if found.range_nanos <= 0:
        raise QueryError("a range must be longer than nothing", position=position)
    if found.unwrap and found.op not in UNWRAP_OPS:
        raise QueryError(f"{found.op} counts records, and takes no unwrap", position=position)
    if not found.unwrap and found.op not in RANGE_OPS:
        raise QueryError(
            f"{found.op} needs numbers: name the label that has them, as in `| unwrap label`",
            position=position,
        )
    return found
