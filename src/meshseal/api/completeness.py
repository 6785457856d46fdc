"""Whether everything arrived: `GET /meshseal/v1/completeness`."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from meshseal.api.own import answering
from meshseal.api.reading import ReadContext
from meshseal.api.times import parse_step, parse_time
from meshseal.model.errors import QueryError
from meshseal.query.completeness import Completeness, Entry, Missing, Report
from meshseal.query.loss import HOUR, Balance
from meshseal.query.sources import By, Heard, Unit

_API = "meshseal"
_SECOND = 10**9
_DAY = 24 * HOUR


class CompletenessApi:
    """The route.

    Args:
        context: What reads need.
        completeness: What knows.
    """

    def __init__(self, context: ReadContext, completeness: Completeness) -> None:
        self._context = context
        self._completeness = completeness

    def routes(self) -> list[Route]:
        """Return the route."""
        return [Route("/meshseal/v1/completeness", answering(self._completeness_of))]

    async def _completeness_of(self, request: Request) -> Response:
        async with self._context.reading(
            request, api=_API, action="completeness.read", tenant=request.query_params.get("tenant")
        ) as read:
            asked = request.query_params
            start, end = asked_range(asked.get("start"), asked.get("end"), asked.get("since"))
            by = asked_by(asked.get("by"))
            read.details |= {"start": str(start), "end": str(end), "by": by.value}
            report = await self._completeness.report(read.tenant, start, end, by)
            read.details["rows"] = len(report.sources)
            return Response(msgspec.json.encode(shown(report)), media_type="application/json")


def asked_range(start: str | None, end: str | None, since: str | None) -> tuple[int, int]:
    """Return the range that parameters ask for: the last day, if they say nothing.

    Raises: QueryError.
    """
    last = parse_time(end, name="end") if end else time.time_ns()
    if start:
        first = parse_time(start, name="start")
    else:
        first = max(0, last - (parse_step(since, name="since") if since else _DAY))
    if last < first:
        raise QueryError("the end is before the start")
    return first, last


def asked_by(text: str | None) -> By:
    """Return what is to count as one source. Raises: QueryError."""
    try:
        return By(text or By.SERVICE)
    except ValueError as error:
        names = ", ".join(By)
        raise QueryError(f"by={text!r:.40} is none of {names}") from error


def shown(report: Report) -> dict[str, Any]:
    """Return a report as JSON has it: times in nanoseconds and as text, durations in seconds."""
    return {
        "start": str(report.span.start),
        "end": str(report.span.end),
        "by": report.by.value,
        "complete": report.is_complete,
        "open_gaps": report.open_gaps,
        "sources": [_source(one) for one in report.sources],
        "gaps": [gap for one in report.sources for gap in _gaps(one, report.span.end)],
        "ledger": [_entry(entry) for entry in report.ledger],
        "missing_chunks": [_missing(one) for one in report.missing],
    }


def _unit(unit: Unit) -> dict[str, str]:
    return {
        "source": unit.source,
        "door": unit.door,
        "service": unit.service,
        "instance": unit.instance,
    }


def _source(one: Heard) -> dict[str, Any]:
    return {
        **_unit(one.unit),
        "state": one.state,
        "records": one.records,
        "bytes": one.size_bytes,
        "first_received": str(one.first),
        "last_received": str(one.last),
        "median_pause_seconds": round(one.median / _SECOND, 3),
        "p99_pause_seconds": round(one.p99 / _SECOND, 3),
        "silent_after_seconds": round(one.silent_after / _SECOND, 3),
    }


def _gaps(one: Heard, now: int) -> list[dict[str, Any]]:
    return [
        {
            **_unit(one.unit),
            "begin": str(gap.begin),
            "end": None if gap.end is None else str(gap.end),
            "open": gap.end is None,
            "seconds": round(((gap.end or now) - gap.begin) / _SECOND, 3),
        }
        for gap in one.gaps
    ]


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        **_unit(entry.unit),
        "emitters": entry.emitters,
        "total": _balance(entry.total),
        "hours": [{"hour": str(one.hour), **_balance(one)} for one in entry.hours],
    }


def _balance(one: Balance) -> dict[str, Any]:
    return {
        "state": one.state,
        "emitted": one.emitted,
        "share": one.share,
        "received": one.received,
        "stored": one.stored.records,
        "refused": one.stored.refused,
        "deduplicated": one.stored.deduplicated,
        "known_drops": one.dropped,
        "unexplained": one.unexplained,
        "uncounted": one.uncounted,
        "refused_by_emitter": one.refused_by_emitter,
    }


def _missing(one: Missing) -> dict[str, Any]:
    return {
        "agent": one.agent,
        "epoch": one.epoch,
        "missing": [{"first": first, "last": last} for first, last in one.runs],
        "since": str(one.since),
    }
