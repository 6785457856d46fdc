"""The tree that every query language is read into. Frozen values; times in nanoseconds.

A log query is a selector and a pipeline of stages. A metric query is an expression whose leaves
are ranges of log queries, and whose value at each step is a set of labelled numbers.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class MatchOp(enum.Enum):
    """How a label's value is compared with text."""

    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"
    NOT_REGEX = "!~"


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on a label as text; a regular expression must match the whole value."""

    label: str
    op: MatchOp
    value: str


class LineOp(enum.Enum):
    """How a line is searched."""

    CONTAINS = "|="
    NOT_CONTAINS = "!="
    REGEX = "|~"
    NOT_REGEX = "!~"


@dataclass(frozen=True, slots=True)
class LineFilter:
    """A condition on the line: true if any of the values is found (for the negated: if none is)."""

    op: LineOp
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JsonParser:
    """Labels from a JSON line: all of them, or those whose paths are given, by label."""

    fields: tuple[tuple[str, tuple[str | int, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class LogfmtParser:
    """Labels from a logfmt line: all of them, or those whose keys are given, by label."""

    fields: tuple[tuple[str, str], ...] = ()


class Unit(enum.Enum):
    """What a compared number counts."""

    NUMBER = "number"
    DURATION = "nanoseconds"
    BYTES = "bytes"


class CompareOp(enum.Enum):
    """How numbers are compared."""

    GREATER = ">"
    GREATER_EQUAL = ">="
    LESS = "<"
    LESS_EQUAL = "<="
    EQUAL = "=="
    NOT_EQUAL = "!="


@dataclass(frozen=True, slots=True)
class NumberFilter:
    """A condition on a label as a number of a unit."""

    label: str
    op: CompareOp
    value: float
    unit: Unit


@dataclass(frozen=True, slots=True)
class AllOf:
    """True if every part is."""

    parts: tuple[LabelCondition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True if at least one part is."""

    parts: tuple[LabelCondition, ...]


LabelCondition = Matcher | NumberFilter | AllOf | AnyOf


@dataclass(frozen=True, slots=True)
class LabelFilter:
    """A stage that keeps the records for which a condition on their labels holds."""

    condition: LabelCondition


@dataclass(frozen=True, slots=True)
class SelectLabels:
    """A stage that drops labels, or keeps only some.

    A label with a matcher is dropped, or kept, only if it matches.
    """

    keep: bool
    labels: tuple[str | Matcher, ...]


Stage = LineFilter | JsonParser | LogfmtParser | LabelFilter | SelectLabels


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Records: those of the streams that match, as far as the stages let them through."""

    matchers: tuple[Matcher, ...]
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True, slots=True)
class Grouping:
    """Labels to group by, or to group without."""

    labels: tuple[str, ...] = ()
    without: bool = False


@dataclass(frozen=True, slots=True)
class Unwrap:
    """Which label's value counts, as a number of a unit; durations count in seconds.

    `conditions` are those behind it: on what went wrong, mostly.
    """

    label: str
    unit: Unit = Unit.NUMBER
    conditions: tuple[LabelCondition, ...] = ()


@dataclass(frozen=True, slots=True)
class RangeAggregation:
    """A number per stream or group and step, over the records of the range before the step.

    `op` is one of `RANGE_OPS`, or with `unwrap` one of `UNWRAP_OPS`; `quantile` is which one
    `quantile_over_time` gives.
    """

    op: str
    query: LogQuery
    range_nanos: int
    offset_nanos: int = 0
    unwrap: Unwrap | None = None
    quantile: float = 0.0
    grouping: Grouping | None = None


@dataclass(frozen=True, slots=True)
class VectorAggregation:
    """A number per group and step, over the numbers of an expression. `op` is in `VECTOR_OPS`.

    `count` is how many `topk` and `bottomk` keep.
    """

    op: str
    inner: Metric
    grouping: Grouping = Grouping()
    count: int = 0


class Many(enum.Enum):
    """Which side of an operation may have several series for one of the other side."""

    NEITHER = ""
    LEFT = "group_left"
    RIGHT = "group_right"


@dataclass(frozen=True, slots=True)
class Matching:
    """Which series of two sides belong together: those that are equal in some labels.

    Attributes:
        labels: The labels, or with `on` false, those that need not be equal.
        on: Whether only `labels` count.
        many: Which side may have several series for one of the other side.
        include: Labels that these take over from the one.
    """

    labels: tuple[str, ...] = ()
    on: bool = False
    many: Many = Many.NEITHER
    include: tuple[str, ...] = ()


ALL_LABELS = Matching()
"""Series belong together that have the same labels."""


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic, a comparison or a set operation between two expressions.

    `op` is in `BINARY_OPS`. `as_bool` makes a comparison give 0 and 1 instead of leaving numbers
    out.
    """

    op: str
    left: Metric
    right: Metric
    as_bool: bool = False
    matching: Matching = ALL_LABELS


@dataclass(frozen=True, slots=True)
class LabelReplace:
    """The series of an expression, with a label made of another one.

    Where `regex` matches the whole of label `source`, label `target` becomes `replacement`, in
    which `$1` and `${name}` stand for groups.
    """

    inner: Metric
    target: str
    replacement: str
    source: str
    regex: str


@dataclass(frozen=True, slots=True)
class Sorted:
    """The numbers of an expression; as the outermost one of one step, in their order."""

    inner: Metric
    descending: bool


@dataclass(frozen=True, slots=True)
class Number:
    """A number that is the same at every step."""

    value: float


@dataclass(frozen=True, slots=True)
class VectorOf:
    """A set of one number without labels: `vector(n)`."""

    value: float


Metric = RangeAggregation | VectorAggregation | Binary | LabelReplace | Sorted | Number | VectorOf
Query = LogQuery | Metric

RANGE_OPS = ("count_over_time", "rate", "bytes_over_time", "bytes_rate")
UNWRAP_OPS = (
    "rate",
    "sum_over_time",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "first_over_time",
    "last_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "quantile_over_time",
)
VECTOR_OPS = ("sum", "avg", "min", "max", "count", "stddev", "stdvar", "topk", "bottomk")
COMPARISONS = ("==", "!=", ">", ">=", "<", "<=")
SET_OPS = ("and", "or", "unless")
BINARY_OPS = ("+", "-", "*", "/", "%", "^", *COMPARISONS, *SET_OPS)
SORTS = ("sort", "sort_desc")


def selectors(query: Query) -> list[LogQuery]:
    """Return every log query inside a query."""
    match query:
        case LogQuery():
            return [query]
        case RangeAggregation():
            return [query.query]
        case VectorAggregation() | LabelReplace() | Sorted():
            return selectors(query.inner)
        case Binary():
            return [*selectors(query.left), *selectors(query.right)]
        case _:
            return []


def replacements(query: Query) -> list[LabelReplace]:
    """Return every `label_replace` inside a query."""
    match query:
        case LabelReplace():
            return [query, *replacements(query.inner)]
        case VectorAggregation() | Sorted():
            return replacements(query.inner)
        case Binary():
            return [*replacements(query.left), *replacements(query.right)]
        case _:
            return []


def label_names(query: Query) -> set[str]:
    """Return every label that a query names."""
    names: set[str] = set()
    for log_query in selectors(query):
        names |= {matcher.label for matcher in log_query.matchers}
        for stage in log_query.stages:
            if isinstance(stage, LabelFilter):
                names |= _condition_labels(stage.condition)
            elif isinstance(stage, SelectLabels):
                names |= {x if isinstance(x, str) else x.label for x in stage.labels}
    return names | _number_labels(query)


def kept_labels(query: LogQuery) -> frozenset[str] | None:
    """Return the only labels that `keep` stages leave, or None if there is no such stage."""
    kept: frozenset[str] | None = None
    for stage in query.stages:
        if isinstance(stage, SelectLabels) and stage.keep:
            names = frozenset(x if isinstance(x, str) else x.label for x in stage.labels)
            kept = names if kept is None else kept & names
    return kept


def _condition_labels(condition: LabelCondition) -> set[str]:
    if isinstance(condition, AllOf | AnyOf):
        return set().union(*(_condition_labels(part) for part in condition.parts))
    return {condition.label}


def _number_labels(query: Query) -> set[str]:
    """Return the labels that a metric query groups by or takes numbers from."""
    match query:
        case RangeAggregation():
            names = set(query.grouping.labels) if query.grouping else set()
            if query.unwrap:
                names.add(query.unwrap.label)
                names = names.union(*map(_condition_labels, query.unwrap.conditions))
            return names
        case VectorAggregation():
            return set(query.grouping.labels) | _number_labels(query.inner)
        case LabelReplace() | Sorted():
            return _number_labels(query.inner)
        case Binary():
            return _number_labels(query.left) | _number_labels(query.right)
        case _:
            return set()
