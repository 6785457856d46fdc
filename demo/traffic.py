"""Turns spans of time into the records of the shop's traffic."""

from __future__ import annotations

import random
from collections.abc import Iterator
from operator import attrgetter

from demo.formats import Record, records
from demo.happenings import HOUR, MINUTE, Schedule, rhythm
from demo.visits import scan_request, visit

DAY = 24 * HOUR
_AT = attrgetter("at")


class Traffic:
    """The shop's traffic, as many records of it as are asked for.

    Args:
        rng: Where chance comes from.
        schedule: What happens.
    """

    def __init__(self, rng: random.Random, schedule: Schedule) -> None:
        self._rng = rng
        self._schedule = schedule
        self._owed_records = 0.0
        self._owed_scans = 0.0

    def between(self, start: int, end: int, wanted: float) -> list[Record]:
        """Return the records of a span of time, in its order.

        What a visit gives too much is taken from the next span. The requests of scans come on top.

        Args:
            start: Nanoseconds since the epoch.
            end: Nanoseconds since the epoch; behind `start`.
            wanted: How many records.
        """
        found: list[Record] = []
        self._owed_records += wanted
        while self._owed_records > 0:
            before = len(found)
            for hop in visit(self._rng, self._schedule, self._rng.randrange(start, end)):
                found += records(hop)
            self._owed_records -= len(found) - before
        for scan, requests in self._schedule.scan_requests(start, end):
            self._owed_scans += requests
            first, last = max(start, scan.start), min(end, scan.end)
            while self._owed_scans >= 1:
                self._owed_scans -= 1
                at = self._rng.randrange(first, last)
                found += records(scan_request(self._rng, self._schedule, scan, at))
        return sorted(found, key=_AT)

    def history(self, start: int, end: int, per_day: int) -> Iterator[list[Record]]:
        """Yield the records of a span of time minute by minute, in the rhythm of the day.

        Args:
            start: Nanoseconds since the epoch.
            end: Nanoseconds since the epoch.
            per_day: How many records a whole day has.
        """
        busy = sum(rhythm(end - minute * MINUTE) for minute in range(DAY // MINUTE))
        for minute in range(start, end, MINUTE):
            last = min(minute + MINUTE, end)
            share = rhythm(minute) / busy * (last - minute) / MINUTE
            yield self.between(minute, last, per_day * share)
