"""Asks the store who sent when: the sources of a tenant, their rhythm and their gaps."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from meshseal.model.errors import QueryError
from meshseal.query.rhythm import FEWEST_PAUSES, Gap, Pause, Rules, gaps_of, without_life
from meshseal.query.sql import Binder
from meshseal.store.client import Store
from meshseal.store.completeness import ARRIVALS

_SECOND = 10**9
PAST_SECONDS = 86_400
"""How far before the range a source's rhythm is learned, and a silent source is remembered."""
MOST_ROWS = 200_000
_PART_ROWS = 1_000_000


class By(enum.StrEnum):
    """What counts as one source."""

    SOURCE = "source"
    SERVICE = "service"
    INSTANCE = "instance"


_KEYS = {
    By.SOURCE: ("Source", "''", "''", "''"),
    By.SERVICE: ("Source", "Door", "ServiceName", "''"),
    By.INSTANCE: ("Source", "Door", "ServiceName", "Instance"),
}
_UNIT = "KeySource, KeyDoor, KeyService, KeyInstance"


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """One source: who sends, by which door, of which service and instance; '' is any."""

    source: str = ""
    door: str = ""
    service: str = ""
    instance: str = ""


@dataclass(slots=True)
class Heard:
    """What is known of one source; times in nanoseconds.

    Attributes:
        unit: The source.
        records: Records in the range, and `size_bytes` of their bodies.
        first: When it was first heard, since a day before the range; `last` when it was last.
        minutes: In how many minutes since then it spoke.
        median: The median of its pauses, and `p99` their 99th percentile.
        silent_after: After how long it is silent.
        gaps: When it was silent.
        state: `speaking`, `silent`, or `learning` while it has no rhythm.
        buckets: Records by part of the range.
    """

    unit: Unit
    records: int = 0
    size_bytes: int = 0
    first: int = 0
    last: int = 0
    minutes: int = 0
    median: int = 0
    p99: int = 0
    silent_after: int = 0
    gaps: list[Gap] = field(default_factory=list)
    state: str = "speaking"
    buckets: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Span:
    """A range of time, in nanoseconds; its end is the clock."""

    start: int
    end: int

    @property
    def since(self) -> int:
        """Since when arrivals are looked at, in seconds."""
        return max(0, self.start // _SECOND - PAST_SECONDS)


@dataclass(frozen=True, slots=True)
class _Part:
    """Some of the sources, told by a hash of their names."""

    number: int
    count: int


class Sources:
    """Reads for one tenant at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def heard(self, tenant: str, span: Span, by: By, rules: Rules) -> list[Heard]:
        """Return the sources that were heard in a range, or in the day before it, with their gaps.

        Raises: QueryError when there are too many, EngineError.
        """
        found: list[Heard] = []
        pauses: dict[Unit, list[Pause]] = {}
        parts = await self._parts(tenant, span)
        for part in range(parts):
            for one, own in await self._some(tenant, span, by, rules, _Part(part, parts)):
                found.append(one)
                pauses[one.unit] = own
        found.sort(key=lambda one: one.unit)
        for one in found:
            one.gaps = [
                gap
                for gap in gaps_of(
                    pauses.get(one.unit, []),
                    minutes=one.minutes,
                    first=one.first,
                    last=one.last,
                    now=span.end,
                    rules=rules,
                )
                if gap.end is None or gap.end > span.start
            ]
            one.silent_after = _threshold(pauses.get(one.unit, []), one, rules)
        await self._forgive(tenant, span, found)
        for one in found:
            one.state = _state(one, rules, span.end)
        return [one for one in found if one.records or one.gaps]

    async def _parts(self, tenant: str, span: Span) -> int:
        """Return into how many parts the sources are divided, so that each fits into memory."""
        binder = Binder()
        sql = f"""SELECT count() FROM {ARRIVALS}
WHERE Tenant = {binder.text(tenant)} AND {_within(span.since, span.end)}"""
        ((count,),) = await self._rows(sql, binder)
        return 1 + int(count) // _PART_ROWS

    async def _some(
        self, tenant: str, span: Span, by: By, rules: Rules, part: _Part
    ) -> list[tuple[Heard, list[Pause]]]:
        """Return some of the sources, each with its notable pauses."""
        begin = span.start // _SECOND // 60 * 60
        binder = Binder()
        sql = f"""SELECT {_UNIT}, sumIf(Total, At >= {begin}), sumIf(Size, At >= {begin}),
    min(First), max(Last), count(), quantileExact(0.5)(Pause), quantileExact(0.99)(Pause),
    groupArrayIf([Number, Before, First, Pause, toInt64(Between)], Pause > {rules.notable})
FROM ({_minutes(binder, tenant, span, by, part)})
GROUP BY {_UNIT}
LIMIT {MOST_ROWS + 1}"""
        return [
            (
                Heard(Unit(*row[:4]), *row[4:-1]),
                [
                    # A long mean within a minute is part of the rhythm, and no gap.
                    Pause(number, before, first if between else 0, pause)
                    for number, before, first, pause, between in sorted(row[-1])
                ],
            )
            for row in await self._rows(sql, binder)
        ]

    async def _forgive(self, tenant: str, span: Span, found: list[Heard]) -> None:
        """Take out of the gaps what signs of life fill."""
        silent = [one for one in found if one.gaps]
        if not silent:
            return
        begin = min(gap.begin for one in silent for gap in one.gaps) // _SECOND - 60
        binder = Binder()
        names = binder.texts(tuple(sorted({one.unit.source for one in silent})))
        sql = f"""SELECT Source, Door, ServiceName, Instance,
    toUnixTimestamp64Nano(min(FirstReceived)), toUnixTimestamp64Nano(max(LastReceived))
FROM {ARRIVALS}
WHERE Tenant = {binder.text(tenant)} AND has({names}, Source)
    AND Minute BETWEEN toDateTime({int(begin)}, 'UTC')
    AND toDateTime({int(span.end // _SECOND)}, 'UTC')
GROUP BY Source, Door, ServiceName, Instance, Minute
HAVING sum(Records) = 0
LIMIT {MOST_ROWS + 1}"""
        rows = await self._rows(sql, binder)
        for one in silent:
            others = [other.unit for other in found if other is not one]
            alone = not any(
                (other.source, other.door) == (one.unit.source, one.unit.door) for other in others
            )
            signs = [(row[4], row[5]) for row in rows if _is_of(Unit(*row[:4]), one.unit, alone)]
            one.gaps = [rest for gap in one.gaps for rest in without_life(gap, signs, span.end)]

    async def fill_buckets(
        self, tenant: str, span: Span, by: By, found: Sequence[Heard], count: int
    ) -> int:
        """Count the records of each source by parts of the range; returns a part's nanoseconds."""
        minute = 60 * _SECOND
        width = max(minute, -(-(span.end - span.start) // count // minute) * minute)
        start = span.start // minute * minute
        parts = -(-(span.end - start) // width) or 1
        keys = ", ".join(
            f"{key} AS {name}" for key, name in zip(_KEYS[by], _UNIT.split(", "), strict=True)
        )
        binder = Binder()
        sql = f"""SELECT {keys}, intDiv(toUnixTimestamp(Minute) - {start // _SECOND},
    {width // _SECOND}) AS Part, sum(Records)
FROM {ARRIVALS}
WHERE Tenant = {binder.text(tenant)} AND {_within(start // _SECOND, span.end)} AND Records > 0
GROUP BY {_UNIT}, Part
LIMIT {MOST_ROWS + 1}"""
        known = {one.unit: one for one in found}
        for one in found:
            one.buckets = [0] * parts
        for *key, part, records in await self._rows(sql, binder):
            heard = known.get(Unit(*key))
            if heard and 0 <= part < parts:
                heard.buckets[part] += records
        return width

    async def _rows(self, sql: str, binder: Binder) -> Sequence[Sequence[Any]]:
        rows = (await self._store.query(sql, binder.parameters)).rows
        if len(rows) > MOST_ROWS:
            raise QueryError("there are too many sources for this range: narrow it")
        return rows


def _minutes(binder: Binder, tenant: str, span: Span, by: By, part: _Part) -> str:
    """Return SQL for the minutes in which sources spoke, numbered, each with its pause."""
    keys = ", ".join(
        f"{key} AS {name}" for key, name in zip(_KEYS[by], _UNIT.split(", "), strict=True)
    )
    return f"""SELECT {_UNIT}, At, Total, Size, First, Last,
    toInt64(row_number() OVER w) AS Number,
    lagInFrame(Last) OVER w AS Before,
    if(Number = 1, toInt64(0), greatest(First - Before, toInt64(0))) AS Around,
    if(Times > 1, intDiv(Last - First, toInt64(Times) - 1), toInt64(0)) AS Inside,
    greatest(Around, Inside) AS Pause,
    Around >= Inside AS Between
FROM (
    SELECT {keys}, toUnixTimestamp(Minute) AS At, sum(Records) AS Total, sum(Bytes) AS Size,
        sum(Arrivals) AS Times, toUnixTimestamp64Nano(min(FirstReceived)) AS First,
        toUnixTimestamp64Nano(max(LastReceived)) AS Last
    FROM {ARRIVALS}
    WHERE Tenant = {binder.text(tenant)} AND Records > 0 AND {_within(span.since, span.end)}
        AND cityHash64({", ".join(_KEYS[by])}) % {part.count} = {part.number}
    GROUP BY {_UNIT}, At
)
WINDOW w AS (PARTITION BY {_UNIT} ORDER BY At ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"""


def _within(since: int, end_unix_nano: int) -> str:
    """Return the condition on minutes: from a time in seconds to one in nanoseconds."""
    return (
        f"Minute >= toStartOfMinute(toDateTime({int(since)}, 'UTC')) "
        f"AND Minute <= toDateTime({int(end_unix_nano // _SECOND)}, 'UTC')"
    )


def _is_of(sign: Unit, unit: Unit, alone: bool) -> bool:
    """Say whether a sign of life is one of a source's.

    One that names a service is of that service, by whatever door. One that names none says nothing
    of which service of its sender lives, so it counts for a sender's only one.
    """
    if sign.source != unit.source:
        return False
    if not unit.door:
        return True
    if sign.service:
        same = not unit.instance or sign.instance == unit.instance
        return sign.service == unit.service and same
    return sign.door == unit.door and alone


def _threshold(pauses: Sequence[Pause], one: Heard, rules: Rules) -> int:
    gap = gaps_of(pauses, minutes=one.minutes, first=0, last=one.last, now=2**62, rules=rules)
    return gap[-1].threshold if gap and gap[-1].end is None else 0


def _state(one: Heard, rules: Rules, now: int) -> str:
    if one.gaps and one.gaps[-1].end is None:
        return "silent"
    known = one.minutes >= FEWEST_PAUSES and now - one.first >= rules.learn
    return "speaking" if known else "learning"
