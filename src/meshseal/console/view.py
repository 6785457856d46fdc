"""The state of the page, as its address holds it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from meshseal.api.times import parse_step, parse_time
from meshseal.console.buckets import bucket_width
from meshseal.model.errors import QueryError
from meshseal.query.render_logs import Place, TimeRange

EVERYTHING = '{service_name=~".+"}'
"""The query of a page that names none: every record has a service."""

PRESETS = ("5m", "15m", "1h", "6h", "24h", "7d")
LIMITS = (100, 200, 500, 1000)
DEFAULT_SINCE = "1h"
DEFAULT_LIMIT = 200
CUSTOM = "custom"
"""What `since` says where the form's start and end count."""

_MAX = 2**63
_NAIVE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?")


@dataclass(frozen=True, slots=True)
class View:
    """What the page shows.

    Attributes:
        query: The query's text.
        since: How far back, such as `1h`; '' where `start` and `end` say it.
        start: Nanoseconds since the epoch, where `since` is ''.
        end: Nanoseconds since the epoch, where `since` is ''; 0 is now.
        newest_first: The order.
        limit: Records per page.
        tenant: Whose records; '' is the reader's own.
        record: The record whose panel is open.
        cursor: The record after which this page of results begins.
    """

    query: str = EVERYTHING
    since: str = DEFAULT_SINCE
    start: int = 0
    end: int = 0
    newest_first: bool = True
    limit: int = DEFAULT_LIMIT
    tenant: str = ""
    record: Place | None = None
    cursor: Place | None = None

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> View:
        """Return the view that an address asks for. Raises: QueryError."""
        given = {name: value.strip() for name, value in parameters.items()}
        view = _with_times(cls(), given)
        direction = given.get("direction") or "backward"
        if direction not in ("forward", "backward"):
            raise QueryError("direction is `forward` or `backward`")
        limit = given.get("limit") or str(DEFAULT_LIMIT)
        if not _is_number(limit) or int(limit) < 1:
            raise QueryError(f"limit={limit[:20]!r} is not a whole number above 0")
        return replace(
            view,
            query=given.get("query") or EVERYTHING,
            newest_first=direction == "backward",
            limit=int(limit),
            tenant=given.get("tenant", ""),
            record=parse_place(given["record"]) if given.get("record") else None,
            cursor=parse_place(given["cursor"]) if given.get("cursor") else None,
        )

    @classmethod
    def parse_leniently(cls, parameters: Mapping[str, str]) -> View:
        """Return as much of the view as can be understood, to show an error in."""
        return cls(
            query=parameters.get("query", "").strip() or EVERYTHING,
            tenant=parameters.get("tenant", "").strip(),
        )

    def times(self, now: int) -> TimeRange:
        """Return the time range, `now` being the time it is.

        A range that ends now is widened to whole steps of its histogram: then two pages a moment
        apart show the same bars, and the bars are exactly the records.
        """
        if not self.since:
            return TimeRange(self.start, self.end or now)
        span = parse_step(self.since, name="since")
        width = bucket_width(span)
        first = max(0, (now - span) // width * width)
        return TimeRange(first, -(-now // width) * width)

    def at(self, times: TimeRange) -> View:
        """Return the view with a fixed time range."""
        return replace(self, since="", start=times.start, end=times.end)

    def parameters(self) -> dict[str, str]:
        """Return the parameters of the address; what is as usual is left out."""
        found = {"query": self.query}
        if self.since:
            found["since"] = self.since
        else:
            found["start"] = shown_time(self.start)
            found |= {"end": shown_time(self.end)} if self.end else {}
        if not self.newest_first:
            found["direction"] = "forward"
        if self.limit != DEFAULT_LIMIT:
            found["limit"] = str(self.limit)
        if self.tenant:
            found["tenant"] = self.tenant
        places = {"record": self.record, "cursor": self.cursor}
        return found | {name: shown_place(place) for name, place in places.items() if place}

    def url(self, path: str = "/", **changes: Any) -> str:
        """Return the address of the view, with some of it changed."""
        return f"{path}?{urlencode(replace(self, **changes).parameters())}"


def parse_place(text: str) -> Place:
    """Return the place of a record. Raises: QueryError unless it is `<time>-<batch>-<position>`."""
    parts = text.split("-")
    if len(parts) != 3 or not all(_is_number(part) for part in parts):
        raise QueryError(f"{text[:80]!r} does not name a record")
    return Place(*map(int, parts))


def shown_place(place: Place) -> str:
    """Return the place of a record as an address holds it."""
    return f"{place.time_unix_nano}-{place.batch}-{place.seq}"


def shown_time(nanos: int) -> str:
    """Return a time as an address holds it: RFC 3339, in UTC, as short as it can be."""
    seconds, fraction = divmod(nanos, 10**9)
    text = f"{datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC):%Y-%m-%dT%H:%M:%S}"
    return f"{text}.{fraction:09}".rstrip("0") + "Z" if fraction else f"{text}Z"


def parse_moment(text: str, *, name: str) -> int:
    """Return nanoseconds since the epoch.

    As the APIs read it; a date and time without a zone, as a form's field gives it, is in UTC.
    Raises: QueryError.
    """
    return parse_time(f"{text.replace(' ', 'T')}Z" if _NAIVE.fullmatch(text) else text, name=name)


def _with_times(view: View, given: Mapping[str, str]) -> View:
    since = given.get("since", "")
    start, end = given.get("start", ""), given.get("end", "")
    if (since and since != CUSTOM) or not (start or end):
        since = since if since and since != CUSTOM else DEFAULT_SINCE
        parse_step(since, name="since")
        return replace(view, since=since)
    last = parse_moment(end, name="end") if end else 0
    if start:
        first = parse_moment(start, name="start")
    else:
        first = max(0, last - parse_step(DEFAULT_SINCE, name="since"))
    if last and last <= first:
        raise QueryError("the end is not after the start")
    return replace(view, since="", start=first, end=last)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 20 and int(text) < _MAX
