"""Whether everything arrived: sources and their gaps, and the loss ledger of each, hour by hour.

emitted (the emitter's own counters) = stored + refused + deduplicated + known drops, or else the
difference is unexplained.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, select

from meshseal.access.state import CHUNKS
from meshseal.model.counters import PUSHED, Meaning
from meshseal.model.errors import QueryError
from meshseal.query.loss import HOUR, Account, Balance, Point, Rise, Stored, rise_of, total_of
from meshseal.query.rhythm import Rules
from meshseal.query.sources import MOST_ROWS, By, Heard, Sources, Span, Unit
from meshseal.query.sql import Binder
from meshseal.store.client import Store
from meshseal.store.completeness import ARRIVALS, COUNTERS
from meshseal.store.settings import CompletenessSettings

_SECOND = 10**9
_LOOK_BACK = 2 * 3600
"""Samples are looked for so many seconds before the range, so that its beginning lies between two
of them."""
_MOST_HOURS = 31 * 24
_BESIDE = 64
"""More chunks than any sender has on their way at one time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The ledger of one source: its emitters, its balance by hour, and their sum."""

    unit: Unit
    emitters: list[str]
    hours: list[Balance]
    total: Balance


@dataclass(frozen=True, slots=True)
class Missing:
    """Chunks of an agent that never came, though later ones did: (first, last) of each run."""

    agent: str
    epoch: int
    runs: list[tuple[int, int]]
    since: int


@dataclass(slots=True)
class Report:
    """All of it."""

    span: Span
    by: By
    sources: list[Heard]
    ledger: list[Entry]
    missing: list[Missing]
    width: int = 0

    @property
    def open_gaps(self) -> int:
        """How many sources are silent."""
        return sum(1 for one in self.sources if one.state == "silent")

    @property
    def is_complete(self) -> bool:
        """Whether no source is silent and no loss is unexplained."""
        unexplained = any(entry.total.unexplained for entry in self.ledger)
        return not (self.open_gaps or unexplained or self.missing)


_Key = tuple[str, str, str, str, str, str]


@dataclass(slots=True)
class _Series:
    """The samples of one counter."""

    unit: Unit
    emitter: str
    meaning: Meaning
    points: list[Point] = field(default_factory=list)


class Completeness:
    """Reads for one tenant at a time.

    Args:
        store: Where arrivals and counters are.
        state: Where chunks are.
        settings: When a source is silent.
    """

    def __init__(self, store: Store, state: Engine, settings: CompletenessSettings) -> None:
        self._store = store
        self._state = state
        self._sources = Sources(store)
        self._settle = int(settings.settle_seconds * _SECOND)
        self._rules = Rules(
            silent=int(settings.silent_seconds * _SECOND),
            factor=settings.rhythm_factor,
            learn=int(settings.learn_minutes * 60 * _SECOND),
        )

    async def report(
        self, tenant: str, start: int, end: int, by: By = By.SERVICE, *, buckets: int = 0
    ) -> Report:
        """Return what is known of a range; its end is the clock.

        Raises: QueryError when the range is too long, or there is too much in it; EngineError.
        """
        span = Span(start, end)
        hours = range(start // HOUR * HOUR, end, HOUR)
        if len(hours) > _MOST_HOURS:
            raise QueryError("the range is longer than 31 days")
        heard = await self._sources.heard(tenant, span, by, self._rules)
        ledger = await self._ledger(tenant, span, hours)
        missing = await asyncio.to_thread(self._missing, tenant, end)
        report = Report(span, by, heard, ledger, missing)
        if buckets:
            report.width = await self._sources.fill_buckets(tenant, span, by, heard, buckets)
        return report

    # ---- The ledger ------------------------------------------------------------------------

    async def _ledger(self, tenant: str, span: Span, hours: range) -> list[Entry]:
        series = await self._counters(tenant, span)
        named = any(one.unit.instance for one in series)
        arrived = await self._arrived(tenant, span, with_instance=named)
        accounts: dict[Unit, Account] = {}
        emitters: dict[Unit, set[str]] = defaultdict(set)
        for one in series:
            pushed = one.emitter.startswith(PUSHED)
            unit = _resolved(one.unit, arrived) if pushed else one.unit
            account = accounts.setdefault(unit, Account(settle=self._settle))
            emitters[unit].add(one.emitter)
            rises = {
                Meaning.PASSED: account.passed,
                Meaning.DROPPED: account.dropped,
                Meaning.REFUSED: account.refused,
            }.get(one.meaning)
            if rises is not None:
                rises.append(rise_of(one.points))
        for unit, account in accounts.items():
            account.stored = _sum(by_hour for one, by_hour in arrived.items() if _covers(unit, one))
        for unit, group in _uncounted(arrived, list(accounts)).items():
            accounts[unit], emitters[unit] = Account(stored=_sum(group)), set()
        await self._fill_seconds(tenant, span, accounts)
        found = []
        for unit, names in sorted(emitters.items()):
            balances = [one for one in accounts[unit].balances(hours) if _says_something(one)]
            if balances:
                found.append(Entry(unit, sorted(names - {""}), balances, total_of(balances)))
        return found

    async def _counters(self, tenant: str, span: Span) -> list[_Series]:
        """Return the samples that matter: each hour's first and last, and those at restarts."""
        binder = Binder()
        # What was counted a moment ago may be on its way still.
        last = span.end - self._settle
        sql = f"""SELECT Emitter, Source, Door, ServiceName, Instance, Counter, Meaning, At, Value,
    Began
FROM (
    SELECT *,
        lagInFrame(At) OVER w AS EarlierAt, lagInFrame(Value) OVER w AS EarlierValue,
        lagInFrame(Began) OVER w AS EarlierBegan,
        leadInFrame(At) OVER w AS LaterAt, leadInFrame(Value) OVER w AS LaterValue,
        leadInFrame(Began) OVER w AS LaterBegan
    FROM (
        SELECT Emitter, Source, Door, ServiceName, Instance, Counter, Meaning,
            toUnixTimestamp64Nano(Time) AS At, max(Value) AS Value,
            toUnixTimestamp64Nano(max(Start)) AS Began
        FROM {COUNTERS}
        WHERE Tenant = {binder.text(tenant)}
            AND Time >= fromUnixTimestamp64Nano({_nanos(span.start - _LOOK_BACK * _SECOND)})
            AND Time <= fromUnixTimestamp64Nano({_nanos(last)})
        GROUP BY Emitter, Source, Door, ServiceName, Instance, Counter, Meaning, At
    )
    WINDOW w AS (PARTITION BY Emitter, Source, Door, ServiceName, Instance, Counter ORDER BY At
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
)
WHERE intDiv(EarlierAt, {HOUR}) != intDiv(At, {HOUR})
    OR intDiv(LaterAt, {HOUR}) != intDiv(At, {HOUR})
    OR Value < EarlierValue OR LaterValue < Value
    OR Began > EarlierAt OR LaterBegan > At
ORDER BY Emitter, Source, Door, ServiceName, Instance, Counter, At
LIMIT {MOST_ROWS + 1}"""
        found: dict[_Key, _Series] = {}
        for *key, meaning, at, value, start in await self._rows(sql, binder):
            emitter, source, door, service, instance, _ = key
            one = found.setdefault(
                tuple(key),
                _Series(Unit(source, door, service, instance), emitter, Meaning(meaning)),
            )
            one.points.append(Point(at, value, max(0, start)))
        return list(found.values())

    async def _arrived(
        self, tenant: str, span: Span, *, with_instance: bool
    ) -> dict[Unit, dict[int, Stored]]:
        """Return what arrived of each source, by hour."""
        binder = Binder()
        instance = "Instance" if with_instance else "''"
        sql = f"""SELECT Source, Door, ServiceName, {instance} AS KeyInstance,
    toUnixTimestamp(toStartOfHour(Minute)) AS Hour,
    sum(Records), sum(Refused), sum(Deduplicated), sum(Lost)
FROM {ARRIVALS}
WHERE Tenant = {binder.text(tenant)} AND {_minutes(span.start // HOUR * HOUR, span.end)}
GROUP BY Source, Door, ServiceName, KeyInstance, Hour
HAVING sum(Records) + sum(Refused) + sum(Deduplicated) > 0
LIMIT {MOST_ROWS + 1}"""
        found: dict[Unit, dict[int, Stored]] = {}
        for *key, hour, records, refused, deduplicated, lost in await self._rows(sql, binder):
            stored = Stored(records, refused, deduplicated, lost)
            found.setdefault(Unit(*key), {})[hour * _SECOND] = stored
        return found

    async def _fill_seconds(
        self, tenant: str, span: Span, accounts: Mapping[Unit, Account]
    ) -> None:
        """Fill in what arrived in the hours in which counting begins, ends or has a hole."""
        edges = {time for account in accounts.values() for time in account.edges()}
        if not edges:
            return
        hours = ", ".join(str(hour) for hour in sorted({time // HOUR * 3600 for time in edges}))
        near = ", ".join(
            str(minute) for minute in sorted({time // _SECOND // 60 * 60 for time in edges})
        )
        binder = Binder()
        sql = f"""SELECT Source, Door, ServiceName, Instance, toUnixTimestamp(Minute) AS At,
    sum(Records), if(At IN ({near}), sumMap(Seconds.1, Seconds.2), ([], []))
FROM {ARRIVALS}
WHERE Tenant = {binder.text(tenant)} AND Records > 0 AND {_minutes(0, span.end)}
    AND toUnixTimestamp(toStartOfHour(Minute)) IN ({hours})
GROUP BY Source, Door, ServiceName, Instance, At
LIMIT {MOST_ROWS + 1}"""
        rows = await self._rows(sql, binder)
        for unit, account in accounts.items():
            if not account.edges():
                continue
            seconds: dict[int, int] = defaultdict(int)
            for *key, minute, records, (places, counts) in rows:
                if not _covers(unit, Unit(*key)):
                    continue
                if not places:
                    seconds[minute * _SECOND] += records
                for place, count in zip(places, counts, strict=True):
                    seconds[(minute + place) * _SECOND] += count
            account.seconds = seconds

    async def _rows(self, sql: str, binder: Binder) -> Sequence[Sequence[Any]]:
        rows = (await self._store.query(sql, binder.parameters)).rows
        if len(rows) > MOST_ROWS:
            raise QueryError("there are too many sources for this range: narrow it")
        return rows

    # ---- Chunks ----------------------------------------------------------------------------

    def _missing(self, tenant: str, now: int) -> list[Missing]:
        """Return the holes in the sequences of agents, if they are not just being filled."""
        query = select(CHUNKS).where(CHUNKS.c.tenant == tenant).where(CHUNKS.c.beyond != "[]")
        with self._state.connect() as connection:
            rows = connection.execute(query).all()
        return [
            Missing(row.agent, row.epoch, runs, row.touched_unix_nano)
            for row in rows
            if (
                runs := holes(
                    row.next_sequence,
                    json.loads(row.beyond),
                    # While chunks come, one may be overtaken by some that were sent beside it.
                    overtaken=0 if row.touched_unix_nano <= now - self._rules.silent else _BESIDE,
                )
            )
        ]


def holes(
    next_sequence: int, beyond: Iterable[int], *, overtaken: int = 0
) -> list[tuple[int, int]]:
    """Return the runs of numbers that did not come, though more than `overtaken` later ones did."""
    runs = []
    expected = next_sequence
    ordered = sorted(beyond)
    for at, number in enumerate(ordered):
        if number > expected and len(ordered) - at > overtaken:
            runs.append((expected, number - 1))
        expected = max(expected, number + 1)
    return runs


def _resolved(unit: Unit, arrived: Mapping[Unit, object]) -> Unit:
    """Return whose records a counter counts.

    A pushed counter names its own service and instance. Where records of that name have come, it is
    theirs; where none has, it is that of a forwarder, and counts all that its sender sends.
    """
    wide = Unit(unit.source, unit.door)
    service = Unit(unit.source, unit.door, unit.service)
    return next(
        (one for one in (unit, service) if one.service and any(_covers(one, a) for a in arrived)),
        wide if unit.service and any(_covers(wide, one) for one in arrived) else unit,
    )


def _covers(unit: Unit, other: Unit) -> bool:
    """Say whether a source is one of those that a wider one means; a door may be a beginning."""
    return (
        unit.source in ("", other.source)
        and (other.door.startswith(unit.door) if unit.door.endswith("_") else _is(unit.door, other))
        and unit.service in ("", other.service)
        and unit.instance in ("", other.instance)
    )


def _is(door: str, other: Unit) -> bool:
    return door in ("", other.door)


def _uncounted(
    arrived: Mapping[Unit, Mapping[int, Stored]], counted: Sequence[Unit]
) -> dict[Unit, list[Mapping[int, Stored]]]:
    """Return what arrived of sources without counters."""
    found: dict[Unit, list[Mapping[int, Stored]]] = {}
    for unit, by_hour in arrived.items():
        if not any(_covers(one, unit) for one in counted):
            key = Unit(unit.source, unit.door, unit.service)
            found.setdefault(key, []).append(by_hour)
    return found


def _sum(parts: Iterable[Mapping[int, Stored]]) -> dict[int, Stored]:
    found: dict[int, Stored] = {}
    for part in parts:
        for hour, stored in part.items():
            found[hour] = found.get(hour, Stored()) + stored
    return found


def _says_something(balance: Balance) -> bool:
    return bool(balance.received or balance.passed or balance.dropped or balance.refused_by_emitter)


def _minutes(start: int, end: int) -> str:
    return (
        f"Minute >= toStartOfMinute(toDateTime({int(start // _SECOND)}, 'UTC')) "
        f"AND Minute <= toDateTime({int(end // _SECOND)}, 'UTC')"
    )


def _nanos(time: int) -> str:
    return f"toInt64({max(0, int(time))})"


__all__ = ["Completeness", "Entry", "Missing", "Report", "Rise", "holes"]
