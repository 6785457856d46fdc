"""How a time range is cut for a chart, and the queries behind the charts. Times in nanoseconds."""

from __future__ import annotations

from meshseal.query.render_logs import TimeRange
from meshseal.query.render_metrics import Steps
from meshseal.query.tree import Grouping, LogQuery, Metric, RangeAggregation, VectorAggregation

LEVELS = ("fatal", "error", "warn", "info", "debug", "trace", "unknown")
"""The severities, from the bottom of the histogram's bars: the worst stand on its floor, where
heights can be compared."""

LEVEL_LABEL = "detected_level"
FEWEST, MOST = 60, 130

_SECOND = 10**9
_MINUTE, _HOUR, _DAY = 60 * _SECOND, 3600 * _SECOND, 86_400 * _SECOND
_ROUND: tuple[int, ...] = (
    *(n * 10**power for power in range(9) for n in (1, 2, 5)),
    *(n * _SECOND for n in (1, 2, 5, 10, 15, 20, 30)),
    *(n * _MINUTE for n in (1, 2, 3, 5, 10, 15, 20, 30)),
    *(n * _HOUR for n in (1, 2, 3, 4, 6, 12)),
    *(n * _DAY for n in (1, 2, 5, 7, 14, 30)),
)


def bucket_width(span: int) -> int:
    """Return the width of a histogram's bars: a round one if it fits, else a hundredth.

    A round width fits if `FEWEST` to `MOST` of it make the span exactly.
    """
    for width in _ROUND:
        if span % width == 0 and FEWEST <= span // width <= MOST:
            return width
    return max(1, -(-span // 100))


def histogram_steps(times: TimeRange) -> Steps:
    """Return the steps that count each record of a range once.

    A step counts what is after the step before it, up to and including itself; a bar is to hold
    its first moment and not its end. So each step is the last nanosecond of its bar.
    """
    span = max(1, times.end - times.start)
    width = bucket_width(span)
    return Steps(times.start + width - 1, width, -(-span // width))


def histogram(query: LogQuery, width: int) -> Metric:
    """Return the query that counts the records of a query by severity and step."""
    counted = RangeAggregation("count_over_time", query, width)
    return VectorAggregation("sum", counted, Grouping((LEVEL_LABEL,)))


def metric_steps(times: TimeRange) -> Steps:
    """Return the steps of a metric query: whole seconds, and no more than make a line."""
    span = max(1, times.end - times.start)
    width = -(-bucket_width(span) // _SECOND) * _SECOND
    return Steps(times.start, width, span // width + 1)


def shown_width(nanos: int) -> str:
    """Return a duration in words, such as `30 s`."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (_SECOND, "s")):
        if nanos % unit == 0:
            return f"{nanos // unit} {name}"
    if nanos >= _SECOND:
        return f"{nanos / _SECOND:.3g} s"
    return f"{nanos / 10**6:.3g} ms"
