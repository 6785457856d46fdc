"""What the parser asks of what it has read."""

from __future__ import annotations

from meshseal.model.errors import QueryError
from meshseal.query.arithmetic import calculate
from meshseal.query.tree import (
    RANGE_OPS,
    UNWRAP_OPS,
    Binary,
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
