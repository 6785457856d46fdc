"""Times and durations as request parameters write them."""

from __future__ import annotations

import datetime
import time

from meshseal.model.errors import QueryError
from meshseal.query.logql.lexer import parse_duration
from meshseal.query.render_logs import TimeRange

_SECOND = 10**9
_HOUR = 3600 * _SECOND
_MAX_NANOS = 2**63 - 1
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def parse_time(text: str, *, name: str) -> int:
    """Return nanoseconds since the epoch.

    Text is an integer (of more than ten digits: nanoseconds, else seconds), a decimal number of
    seconds, or an RFC 3339 time. Raises: QueryError.
    """
    try:
        nanos = _nanos(text.strip())
    except (ValueError, OverflowError) as error:
        raise QueryError(
            f"{name}={text[:60]!r} is not a time: give nanoseconds, seconds or RFC 3339"
        ) from error
    if not 0 <= nanos <= _MAX_NANOS:
        raise QueryError(f"{name}={text[:60]!r} is out of range")
    return nanos


def parse_step(text: str, *, name: str) -> int:
    """Return a duration in nanoseconds, from `90s`, `1m30s` or a number of seconds."""
    nanos = parse_duration(text)
    if nanos is None:
        try:
            nanos = int(float(text) * _SECOND)
        except (ValueError, OverflowError) as error:
            raise QueryError(f"{name}={text[:60]!r} is not a duration, such as 30s") from error
    if not 0 < nanos <= _MAX_NANOS:
        raise QueryError(f"{name}={text[:60]!r} must be longer than nothing")
    return nanos


def time_range(start: str, end: str, since: str) -> TimeRange:
    """Return the range that the parameters give: the last hour if they give nothing."""
    last = parse_time(end, name="end") if end else time.time_ns()
    if start:
        first = parse_time(start, name="start")
    else:
        first = max(0, last - (parse_step(since, name="since") if since else _HOUR))
    if last < first:
        raise QueryError("the end is before the start")
    return TimeRange(first, last)


def default_step(times: TimeRange) -> int:
    """Return the step of a range query that names none: 250 points, of whole seconds."""
    return max(_SECOND, (times.end - times.start) // 250 // _SECOND * _SECOND)


def _nanos(text: str) -> int:
    if text.lstrip("-").isdigit():
        number = int(text)
        return number if len(text.lstrip("-")) > 10 else number * _SECOND
    try:
        seconds = float(text)
    except ValueError:
        return _rfc3339(text)
    return int(seconds * _SECOND)


def _rfc3339(text: str) -> int:
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    whole = moment.replace(microsecond=0) - _EPOCH
    fraction = text.partition(".")[2]
    digits = ""
    for character in fraction:
        if not character.isdigit():
            break
        digits += character
    return (whole.days * 86_400 + whole.seconds) * _SECOND + int(digits[:9].ljust(9, "0") or 0)
