"""The page that says whether everything arrived: a timeline for each source, and the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from meshseal.api.completeness import asked_by, asked_range
from meshseal.api.reading import Read, ReadContext
from meshseal.console.frame import frame
from meshseal.console.view import CUSTOM, shown_time
from meshseal.model.errors import EngineError, QueryError
from meshseal.query.completeness import Completeness, Entry, Report
from meshseal.query.loss import HOUR, Balance
from meshseal.query.rhythm import Gap
from meshseal.query.sources import By, Heard, Span, Unit

PRESETS = ("1h", "6h", "24h", "7d", "30d")
_DEFAULT = "24h"
_BUCKETS = 120
_WIDTH, _HEIGHT = 1000, 24
_SECOND = 10**9
_LOSSES = 3
_HOURS = 7 * 24


@dataclass(frozen=True, slots=True)
class Mark:
    """A rectangle of a timeline, in parts of its width; `title` says what it is."""

    x: float
    width: float
    y: float
    height: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class Silence:
    """A gap, in words, and where the records around it are."""

    begin: str
    end: str
    length: str
    url: str


@dataclass(frozen=True, slots=True)
class Line:
    """One source."""

    unit: Unit
    state: str
    records: int
    last: str
    ago: str
    median: str
    p99: str
    silent_after: str
    marks: list[Mark]
    gaps: list[Silence]
    url: str


@dataclass(frozen=True, slots=True)
class Account:
    """One entry of the ledger."""

    unit: Unit
    emitters: str
    total: Balance
    hours: list[tuple[str, Balance]]
    marks: list[Mark]
    losses: str


class CompletenessPage:
    """What the template needs.

    Args:
        context: What reads need.
        completeness: What knows.
    """

    def __init__(self, context: ReadContext, completeness: Completeness) -> None:
        self._context = context
        self._completeness = completeness

    async def content(self, request: Request) -> tuple[dict[str, Any], int]:
        """Return what the template needs, and the status. Raises: MeshsealError."""
        asked = request.query_params
        tenant = asked.get("tenant", "").strip()
        async with self._context.reading(
            request, api="console", action="completeness.read", tenant=tenant or None
        ) as read:
            content = _frame(request, read, tenant)
            try:
                since = "" if asked.get("start") else asked.get("since", "").strip() or _DEFAULT
                start, end = asked_range(asked.get("start"), asked.get("end"), since)
                by = asked_by(asked.get("by"))
                read.details |= {"start": str(start), "end": str(end), "by": by.value}
                report = await self._completeness.report(
                    read.tenant, start, end, by, buckets=_BUCKETS
                )
            except (QueryError, EngineError) as error:
                status = 503 if isinstance(error, EngineError) else error.http_status
                return {**content, "error": str(error)}, status
            read.details["rows"] = len(report.sources)
        content |= {"since": since, "by": by.value, "report": report}
        content |= {
            "lines": _lines(report, tenant),
            "accounts": [_account(entry, report.span) for entry in report.ledger],
            "ticks": _ticks(report.span),
            "start": _short(start),
            "end": _short(end),
        }
        return content, 200


def _frame(request: Request, read: Read, tenant: str) -> dict[str, Any]:
    return {
        **frame(read.principal, read.tenant, tenant),
        "presets": PRESETS,
        "custom": CUSTOM,
        "since": request.query_params.get("since", "") or _DEFAULT,
        "by": request.query_params.get("by", By.SERVICE.value),
        "bys": [one.value for one in By],
        "width": _WIDTH,
        "height": _HEIGHT,
        "error": "",
        "report": None,
        "duration": duration,
        "short": _short,
    }


# ---- Sources -----------------------------------------------------------------------------------


def _lines(report: Report, tenant: str) -> list[Line]:
    """Return the sources, the silent ones first."""
    most = max((max(one.buckets, default=0) for one in report.sources), default=0) or 1
    ordered = sorted(report.sources, key=lambda one: (one.state != "silent", one.unit))
    return [
        Line(
            unit=one.unit,
            state=one.state,
            records=one.records,
            last=shown_time(one.last),
            ago=duration(max(0, report.span.end - one.last)),
            median=duration(one.median),
            p99=duration(one.p99),
            silent_after=duration(one.silent_after) if one.silent_after else "",
            marks=[*_bars(one, report, most), *(_hole(gap, report.span) for gap in one.gaps)],
            gaps=[_silence(gap, one.unit, report.span, tenant) for gap in one.gaps],
            url=_search(one.unit, report.span.start, report.span.end, tenant),
        )
        for one in ordered
    ]


def _bars(one: Heard, report: Report, most: int) -> list[Mark]:
    span, minute = report.span, 60 * _SECOND
    start = span.start // minute * minute
    marks = []
    for at, records in enumerate(one.buckets):
        if records:
            since = start + at * report.width
            x, width = _place(since, since + report.width, span)
            # By its root, so that a source that says little is seen beside one that says much.
            height = max(3.0, _HEIGHT * (records / most) ** 0.5)
            title = f"{_short(since)}: {records:,} records"
            marks.append(Mark(x, width, _HEIGHT - height, height, "bar", title))
    return marks


def _hole(gap: Gap, span: Span) -> Mark:
    end = gap.end or span.end
    x, width = _place(gap.begin, end, span)
    until = "now" if gap.end is None else _short(end)
    title = f"silent for {duration(end - gap.begin)}: {_short(gap.begin)} to {until}"
    return Mark(x, max(width, 3.0), 0, _HEIGHT, "gap", title)


def _silence(gap: Gap, unit: Unit, span: Span, tenant: str) -> Silence:
    end = gap.end or span.end
    around = 2 * 60 * _SECOND
    return Silence(
        begin=_short(gap.begin),
        end="" if gap.end is None else _short(end),
        length=duration(end - gap.begin),
        url=_search(unit, gap.begin - around, end + around, tenant),
    )


def _place(since: int, until: int, span: Span) -> tuple[float, float]:
    """Return where a time is in a timeline: its left end, and its width."""
    whole = max(1, span.end - span.start)
    left = max(0, since - span.start) * _WIDTH / whole
    right = min(span.end, until) - span.start
    return round(left, 2), round(max(0.5, right * _WIDTH / whole - left), 2)


def _search(unit: Unit, start: int, end: int, tenant: str) -> str:
    """Return the address of the records of a source."""
    labels = {"service_name": unit.service or None, "meshseal_door": unit.door or None}
    matchers = [f'{name}="{_quoted(value)}"' for name, value in labels.items() if value]
    parameters = {
        "query": "{" + (", ".join(matchers) or 'service_name=~".+"') + "}",
        "since": CUSTOM,
        "start": shown_time(max(0, start) // 10**6 * 10**6).removesuffix("Z"),
        "end": shown_time(end // 10**6 * 10**6).removesuffix("Z"),
    }
    if tenant:
        parameters["tenant"] = tenant
    return f"/?{urlencode(parameters)}"


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


# ---- The ledger --------------------------------------------------------------------------------

_KINDS = {
    "balanced": "balanced",
    "drops known": "drops",
    "unexplained": "unexplained",
    "no counters": "uncounted",
}


def _account(entry: Entry, span: Span) -> Account:
    return Account(
        unit=entry.unit,
        emitters=", ".join(entry.emitters),
        total=entry.total,
        hours=[(_short(one.hour), one) for one in reversed(entry.hours[-_HOURS:])],
        marks=[_hour_mark(one, span) for one in entry.hours],
        losses=_losses(entry.hours),
    )


def _losses(hours: Sequence[Balance]) -> str:
    """Return the newest hours in which records were lost, and how many."""
    found = []
    for one in reversed(hours):
        parts = [f"{one.dropped:,} dropped"] if one.dropped else []
        if one.unexplained:
            parts.append(f"{one.unexplained:,} unexplained")
        if parts:
            found.append(f"{' and '.join(parts)} at {_short(one.hour)[11:16]}")
    more = f", and in {len(found) - _LOSSES} hours more" if len(found) > _LOSSES else ""
    return ", ".join(found[:_LOSSES]) + more


def _hour_mark(one: Balance, span: Span) -> Mark:
    x, width = _place(max(one.hour, span.start), one.hour + HOUR, span)
    said = f"{_short(one.hour)}: {one.state}, {one.stored.records:,} stored"
    if one.dropped:
        said += f", {one.dropped:,} dropped"
    if one.unexplained:
        said += f", {one.unexplained:,} unexplained"
    return Mark(x, max(1.0, width - 1), 4, _HEIGHT - 8, _KINDS[one.state], said)


# ---- Words -------------------------------------------------------------------------------------


def _ticks(span: Span) -> list[tuple[float, str]]:
    """Return times along the timelines: their place in percent, and their words."""
    steps = 6
    long = span.end - span.start > 2 * 24 * HOUR
    found = []
    for at in range(1, steps):
        moment = span.start + (span.end - span.start) * at // steps
        text = shown_time(moment)
        found.append((round(100 * at / steps, 2), text[5:10] if long else text[11:16]))
    return found


def _short(nanos: int) -> str:
    """Return a time to the second."""
    return shown_time(nanos)[:19].replace("T", " ")


def duration(nanos: int) -> str:
    """Return a duration as people say it."""
    seconds = nanos / _SECOND
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


__all__: Sequence[str] = ("CompletenessPage", "duration")
