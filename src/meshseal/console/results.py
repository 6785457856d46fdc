"""What the page shows of a query: rows and a histogram, or series and their lines."""

from __future__ import annotations

import asyncio
import datetime
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from meshseal.console.buckets import (
    LEVEL_LABEL,
    LEVELS,
    histogram,
    histogram_steps,
    metric_steps,
    shown_width,
)
from meshseal.console.highlight import Needle, Piece, needles, pieces
from meshseal.console.view import View
from meshseal.model.errors import QueryError
from meshseal.query.reader import Reader, Record, Series
from meshseal.query.render_logs import Place, TimeRange
from meshseal.query.render_metrics import Steps
from meshseal.query.tree import LogQuery, Metric, Query

_SECOND = 10**9
_DRAWN_SERIES = 30


@dataclass(frozen=True, slots=True)
class Summary:
    """What an access log's line says, in short."""

    method: str
    path: str
    status: str
    duration: str
    flags: str

    @property
    def kind(self) -> str:
        """`good`, `bad`, `worse` or `none`, by the status."""
        return {"2": "good", "3": "good", "4": "bad", "5": "worse"}.get(self.status[:1], "none")


@dataclass(frozen=True, slots=True)
class Row:
    """A record as a row of the table."""

    place: Place
    day: str
    time: str
    level: str
    service: str
    summary: Summary | None
    pieces: list[Piece]


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of the histogram where there is no script: in hundredths of its width and height."""

    x: float
    y: float
    width: float
    height: float
    level: str


@dataclass(frozen=True, slots=True)
class Lines:
    """The result of a log query.

    Attributes:
        rows: The records of this page, in order.
        cursor: The last of them, if there may be more.
        total: How many the whole range holds.
        levels: How many of them there are by severity, the worst first; those that there are.
        chart: What the script draws the histogram from.
        bars: The same, drawn.
        width: How much time one bar is, in words.
        seconds: How long it took.
    """

    rows: list[Row]
    cursor: Place | None
    total: int = 0
    levels: dict[str, int] = field(default_factory=dict)
    chart: dict[str, Any] = field(default_factory=dict)
    bars: list[Bar] = field(default_factory=list)
    width: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Curve:
    """A series of a metric query, in numbers. `place` is its color's."""

    name: str
    labels: Mapping[str, str]
    last: str
    least: str
    most: str
    mean: str
    place: int | None


@dataclass(frozen=True, slots=True)
class Curves:
    """The result of a metric query."""

    curves: list[Curve]
    chart: dict[str, Any]
    drawn: int
    width: str
    seconds: float


async def find(
    reader: Reader, query: Query, view: View, *, tenant: str, times: TimeRange, whole: bool
) -> Lines | Curves:
    """Return what a query finds. Without `whole`, only the rows behind the view's cursor.

    Raises: QueryError, EngineError.
    """
    started = time.perf_counter()
    if not isinstance(query, LogQuery):
        return await _curves(reader, query, tenant=tenant, times=times, started=started)
    logs = _rows(reader, query, view, tenant=tenant, times=times)
    if not whole:
        return await logs
    steps = histogram_steps(times)
    counted = reader.metrics(histogram(query, steps.width), tenant=tenant, steps=steps)
    lines, series = await asyncio.gather(logs, counted)
    counts = _counts(series, steps)
    levels = {level: sum(values) for level, values in counts.items()}
    return Lines(
        rows=lines.rows,
        cursor=lines.cursor,
        total=sum(levels.values()),
        levels=levels,
        chart=_bar_chart(counts, steps, times),
        bars=_bars(counts, steps),
        width=shown_width(steps.width),
        seconds=time.perf_counter() - started,
    )


async def _rows(
    reader: Reader, query: LogQuery, view: View, *, tenant: str, times: TimeRange
) -> Lines:
    records = await reader.logs(
        query,
        tenant=tenant,
        times=times,
        limit=view.limit,
        newest_first=view.newest_first,
        after=view.cursor,
    )
    wanted = needles(query)
    last = place_of(records[-1]) if len(records) == view.limit else None
    return Lines([row(record, wanted) for record in records], last)


def place_of(record: Record) -> Place:
    """Return where a record stands."""
    return Place(record.time_unix_nano, record.batch, record.seq)


def row(record: Record, wanted: Sequence[Needle]) -> Row:
    """Return a record as a row."""
    day, moment = shown_moment(record.time_unix_nano)
    return Row(
        place=place_of(record),
        day=day,
        time=moment[:-6],
        level=record.level,
        service=record.stream.get("service_name", ""),
        summary=summary(record.metadata),
        pieces=pieces(record.line, wanted),
    )


def shown_moment(nanos: int) -> tuple[str, str]:
    """Return the day and the time of day in UTC, the latter to the nanosecond."""
    seconds, rest = divmod(nanos, _SECOND)
    moment = datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC)
    return f"{moment:%Y-%m-%d}", f"{moment:%H:%M:%S}.{rest:09}"


def summary(metadata: Mapping[str, str]) -> Summary | None:
    """Return what an access log's line says, in short; None if it is not one."""
    method = metadata.get("http_request_method", "")
    status = metadata.get("http_response_status_code", "")
    if not method or not (status or "url_path" in metadata):
        return None
    return Summary(
        method=method[:16],
        path=metadata.get("url_path", "")[:300],
        status=status,
        duration=metadata.get("mesh_duration_ms", ""),
        flags=metadata.get("mesh_response_flags", ""),
    )


# ---- The histogram ---------------------------------------------------------------------------


def _counts(series: Sequence[Series], steps: Steps) -> dict[str, list[int]]:
    """Return the counts of each severity that there is, by step."""
    found: dict[str, list[int]] = {}
    for one in series:
        level = one.labels.get(LEVEL_LABEL, "")
        values = found.setdefault(level if level in LEVELS else "unknown", [0] * steps.count)
        for step, value in one.points:
            values[step] += int(value)
    return {level: found[level] for level in LEVELS if level in found}


def _bar_chart(counts: Mapping[str, list[int]], steps: Steps, times: TimeRange) -> dict[str, Any]:
    return {
        "kind": "bars",
        "start": times.start / _SECOND,
        "width": steps.width / _SECOND,
        "count": steps.count,
        "series": [{"name": level, "values": values} for level, values in counts.items()],
    }


def _bars(counts: Mapping[str, list[int]], steps: Steps) -> list[Bar]:
    heights = [sum(column) for column in zip(*counts.values(), strict=True)]
    highest = max(heights, default=0)
    if not highest:
        return []
    width = 100 / steps.count
    floors = [100.0] * steps.count
    bars = []
    for level, values in counts.items():
        for at, value in enumerate(values):
            if value:
                height = 100 * value / highest
                floors[at] -= height
                x, y = round(at * width, 2), round(floors[at], 2)
                bars.append(Bar(x, y, round(width * 0.9, 2), round(height, 2), level))
    return bars


# ---- Metric queries --------------------------------------------------------------------------


async def _curves(
    reader: Reader, query: Metric, *, tenant: str, times: TimeRange, started: float
) -> Curves:
    steps = metric_steps(times)
    series = await reader.metrics(query, tenant=tenant, steps=steps)
    ordered = sorted(series, key=lambda one: -_highest(one))
    drawn = ordered[:_DRAWN_SERIES]
    chart = {
        "kind": "lines",
        "start": steps.start / _SECOND,
        "width": steps.width / _SECOND,
        "count": steps.count,
        "series": [
            {"name": _name(one.labels), "values": _line(one, steps), "percent": percent}
            for one, percent in zip(drawn, _percent(drawn), strict=True)
        ],
    }
    curves = [_curve(one, at if at < len(drawn) else None) for at, one in enumerate(ordered)]
    seconds = time.perf_counter() - started
    return Curves(curves, chart, len(drawn), shown_width(steps.width), seconds)


def _percent(drawn: Sequence[Series]) -> list[bool]:
    """Return which series have an axis of their own, where some are shares and others are not.

    A share is told by a label whose value ends in `%`, as `label_replace` may give it.
    """
    found = [any(text.endswith("%") for text in one.labels.values()) for one in drawn]
    return found if not all(found) else [False] * len(found)


def _highest(series: Series) -> float:
    return max((value for _, value in series.points if math.isfinite(value)), default=-math.inf)


def _line(series: Series, steps: Steps) -> list[float | None]:
    values: list[float | None] = [None] * steps.count
    for step, value in series.points:
        values[step] = value if math.isfinite(value) else None
    return values


def _curve(series: Series, place: int | None) -> Curve:
    values = [value for _, value in series.points]
    finite = [value for value in values if math.isfinite(value)]
    return Curve(
        name=_name(series.labels),
        labels=series.labels,
        last=shown_number(values[-1]) if values else "",
        least=shown_number(min(finite)) if finite else "",
        most=shown_number(max(finite)) if finite else "",
        mean=shown_number(math.fsum(finite) / len(finite)) if finite else "",
        place=place,
    )


def _name(labels: Mapping[str, str]) -> str:
    if not labels:
        return "all"
    if len(labels) == 1:
        return next(iter(labels.values())) or "(none)"
    return ", ".join(f"{name}={value}" for name, value in labels.items())


def shown_number(value: float) -> str:
    """Return a number for reading: whole ones in groups of three, others to four digits."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4g}"


def check_length(text: str, *, most: int) -> None:
    """Raises: QueryError when a query is too long for an address."""
    if len(text) > most:
        raise QueryError(
            f"the query has {len(text):,} characters, and the console takes {most:,}: "
            "send longer ones to the API"
        )
