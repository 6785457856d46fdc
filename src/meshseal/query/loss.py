"""The arithmetic of the loss ledger: counters into hours, and hours into balances. Pure.

A counter is cumulative and begins at 0 when its emitter starts. What it rose by between two samples
belongs to the time between them; where that lies in several hours, each gets its linear share, and
the hour says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

HOUR = 3600 * 10**9
_SECOND = 10**9
_SNAP = 10**9
"""A sample this close to an hour's end lies at it."""
_START_MARGIN = 10**9
"""A start that is later than the sample before by this is a restart, whatever the value."""

_MOST_HOURS = 40 * 24
"""Shares of hours longer ago than any range is long are not worked out."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Point:
    """A sample of one counter; `start` is when it was 0, or 0 where that is not known."""

    time: int
    value: int
    start: int = 0


@dataclass(slots=True)
class Rise:
    """What a counter rose by, hour by hour.

    Attributes:
        amounts: By the hour's beginning.
        linear: The hours whose amount is a share of a longer time.
        counted: From when to when it counted; None where there is no sample to go by.
        holes: Times before a restart of which nothing is known.
    """

    amounts: dict[int, int] = field(default_factory=dict)
    linear: set[int] = field(default_factory=set)
    counted: Span | None = None
    holes: list[Span] = field(default_factory=list)

    def add(self, since: int, until: int, amount: int) -> None:
        """Add what it rose by in a time."""
        begin, end = self.counted or (since, until)
        self.counted = (min(begin, since), max(end, until))
        since, until = _snapped(since), _snapped(until)
        last = max(since, until - 1) // HOUR
        first = max(since // HOUR, last - _MOST_HOURS)
        skipped = max(0, first * HOUR - since)
        done = amount * skipped // (until - since) if skipped else 0
        for hour in range(first, last + 1):
            boundary = min((hour + 1) * HOUR, until)
            upto = amount if hour == last else amount * (boundary - since) // (until - since)
            self.amounts[hour * HOUR] = self.amounts.get(hour * HOUR, 0) + upto - done
            done = upto
            if (first != last or skipped) and amount:
                self.linear.add(hour * HOUR)


def _snapped(time: int) -> int:
    nearest = (time + HOUR // 2) // HOUR * HOUR
    return nearest if abs(time - nearest) <= _SNAP else time


def rise_of(points: Sequence[Point]) -> Rise:
    """Return what a counter rose by; `points` are in the order of time."""
    rise = Rise()
    before: Point | None = None
    for point in points:
        start = point.start if 0 < point.start <= point.time else 0
        if before is None:
            if start:
                rise.add(start, point.time, point.value)
        elif point.value < before.value or start >= before.time + _START_MARGIN:
            # Started anew. What it counted after the sample before and until then, nobody knows.
            since = max(start, before.time) if start else before.time
            rise.holes.append((before.time, since if start else point.time))
            rise.add(since, point.time, point.value)
        else:
            rise.add(before.time, point.time, point.value - before.value)
        before = point
    return rise


@dataclass(frozen=True, slots=True)
class Stored:
    """What arrived in an hour."""

    records: int = 0
    refused: int = 0
    deduplicated: int = 0
    lost: int = 0

    def __add__(self, other: Stored) -> Stored:
        return Stored(
            self.records + other.records,
            self.refused + other.refused,
            self.deduplicated + other.deduplicated,
            self.lost + other.lost,
        )


BALANCED, DROPS_KNOWN, UNEXPLAINED, NO_COUNTERS = (
    "balanced",
    "drops known",
    "unexplained",
    "no counters",
)


@dataclass(slots=True)
class Balance:
    """One hour of a source, or its whole range.

    Attributes:
        hour: Its beginning.
        emitted: Records that the emitter had: handed over or dropped; None where nothing says so.
        share: `exact`, `linear`, or `derived` where only drops are counted.
        received: Records that came: stored, refused or found to be copies.
        dropped: Records the emitter knows it lost.
        refused_by_emitter: Records it did not take from its own senders.
        unexplained: Records that are missing, or, below 0, too many.
        uncounted: Records that arrived at times that no counter covers.
    """

    hour: int
    stored: Stored = Stored()
    passed: int | None = None
    dropped: int = 0
    refused_by_emitter: int = 0
    share: str = "exact"
    unexplained: int = 0
    uncounted: int = 0

    @property
    def received(self) -> int:
        """Records that came."""
        return self.stored.records + self.stored.refused + self.stored.deduplicated

    @property
    def emitted(self) -> int | None:
        """Records that the emitter had."""
        if self.passed is not None:
            return self.passed + self.dropped
        return self.stored.records + self.dropped if self.dropped else None

    @property
    def state(self) -> str:
        """What is to be said of it in a word."""
        if self.unexplained:
            return UNEXPLAINED
        if self.dropped:
            return DROPS_KNOWN
        return NO_COUNTERS if self.passed is None else BALANCED


@dataclass(slots=True)
class Account:
    """All that is known of one source in a range.

    Attributes:
        passed: Counters of records handed over; `dropped` and `refused` likewise.
        stored: What arrived, by the hour's beginning.
        seconds: What arrived in each second of the hours `edges`, by the second's beginning; a
            minute that holds no edge may be one entry, at its beginning.
        settle: For how long records may be on their way.
    """

    passed: list[Rise] = field(default_factory=list)
    dropped: list[Rise] = field(default_factory=list)
    refused: list[Rise] = field(default_factory=list)
    stored: Mapping[int, Stored] = field(default_factory=dict)
    seconds: Mapping[int, int] = field(default_factory=dict)
    settle: int = 0

    def edges(self) -> set[int]:
        """Return the times around which what arrived must be known to the second."""
        counted, holes = self._counted(), self._holes()
        ends = [*(counted or ()), *(time for hole in holes for time in hole)]
        return {time for end in ends for time in (end, end + self.settle)}

    def balances(self, hours: Iterable[int]) -> list[Balance]:
        """Return the balance of each hour; hours are their beginnings, in order."""
        found = [self._balance(hour, self._counted()) for hour in hours]
        _settle(found)
        return found

    def _counted(self) -> Span | None:
        spans = [rise.counted for rise in self.passed if rise.counted]
        return (min(s for s, _ in spans), max(e for _, e in spans)) if spans else None

    def _holes(self) -> list[Span]:
        return [hole for rise in self.passed for hole in rise.holes]

    def _balance(self, hour: int, counted: Span | None) -> Balance:
        balance = Balance(hour, self.stored.get(hour, Stored()))
        balance.dropped = sum(rise.amounts.get(hour, 0) for rise in self.dropped)
        balance.dropped += balance.stored.lost
        balance.refused_by_emitter = sum(rise.amounts.get(hour, 0) for rise in self.refused)
        linear = any(hour in rise.linear for rise in (*self.passed, *self.dropped))
        balance.share = "linear" if linear else "exact"
        if counted is None or hour + HOUR <= counted[0] or counted[0] < counted[1] <= hour:
            balance.share = "derived" if balance.dropped else balance.share
            balance.uncounted = balance.stored.records if counted else 0
            return balance
        balance.passed = sum(rise.amounts.get(hour, 0) for rise in self.passed)
        self._compare(balance, counted)
        return balance

    def _compare(self, balance: Balance, counted: Span) -> None:
        """Hold what was handed over against what arrived while it was counted."""
        assert balance.passed is not None
        hour = balance.hour
        first, last = (time // _SECOND * _SECOND for time in counted)
        arrived = _Arrived(self.seconds, hour)
        before = arrived.within(0, first)
        late = arrived.within(last + _SECOND, last + _SECOND + self.settle)
        after = arrived.within(last + _SECOND + self.settle, hour + HOUR)
        missing = balance.passed - (balance.stored.records - before - late - after)
        if missing > 0:
            # Refused, or found to be copies, at a door; or on their way at the last sample.
            missing -= min(missing, balance.stored.refused + balance.stored.deduplicated)
            settled = min(missing, late)
            missing, late = missing - settled, late - settled
        elif missing < 0:
            # On their way at the first sample; or emitted shortly before the emitter ended.
            unsure = arrived.within(first, first + _SECOND + self.settle)
            unsure += arrived.within(last, last + _SECOND)
            for since, until in self._holes():
                unsure += arrived.within(since, until + self.settle)
            early = min(-missing, unsure)
            missing, before = missing + early, before + early
        balance.uncounted = before + late + after
        balance.unexplained = missing


@dataclass(frozen=True, slots=True)
class _Arrived:
    """What arrived within one hour."""

    seconds: Mapping[int, int]
    hour: int

    def within(self, since: int, until: int) -> int:
        """Return how many records arrived from one time up to another."""
        begin, end = max(since, self.hour), min(until, self.hour + HOUR)
        if begin >= end:
            return 0
        return sum(records for time, records in self.seconds.items() if begin <= time < end)


def _settle(balances: Sequence[Balance]) -> None:
    """Let hours settle with one another: what arrives late was missing in an hour before.

    Too many in an hour settle what was missing before it, the oldest first. Too many may also come
    an hour early, where an hour's end cut a linear share.
    """
    for at, balance in enumerate(balances):
        for other in balances[:at]:
            if balance.unexplained >= 0:
                break
            if other.unexplained > 0:
                _transfer(other, balance)
        if balance.unexplained > 0 and at and balances[at - 1].unexplained < 0:
            _transfer(balance, balances[at - 1])


def _transfer(missing: Balance, surplus: Balance) -> None:
    amount = min(missing.unexplained, -surplus.unexplained)
    missing.unexplained -= amount
    surplus.unexplained += amount


def total_of(balances: Sequence[Balance]) -> Balance:
    """Return the sum over a range; what is missing in one hour is not made up for by another."""
    whole = Balance(balances[0].hour if balances else 0)
    shares = {balance.share for balance in balances}
    whole.share = next((one for one in ("linear", "derived") if one in shares), "exact")
    missing = surplus = 0
    for balance in balances:
        whole.stored += balance.stored
        if balance.passed is not None:
            whole.passed = (whole.passed or 0) + balance.passed
        whole.dropped += balance.dropped
        whole.refused_by_emitter += balance.refused_by_emitter
        whole.uncounted += balance.uncounted
        missing += max(0, balance.unexplained)
        surplus += min(0, balance.unexplained)
    whole.unexplained = missing or surplus
    return whole
