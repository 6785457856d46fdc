"""What happens to the shop: the rhythm of the day, a deploy that breaks a service, a scan."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass, field

from demo.shop import SERVICES

SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

BROKEN_SERVICE, BROKEN_VERSION = "payment", "v2.5.0"
SCANNER_ADDRESS = "203.0.113.66"
"""From a range kept for documentation (RFC 5737), like every address outside the shop."""

_LIVE_CYCLE = 8 * MINUTE
_LIVE_DEPLOY = (1 * MINUTE, 3 * MINUTE)
_LIVE_SCAN = (4 * MINUTE, 5 * MINUTE)
_LIVE_SCAN_PER_SECOND = 5.0


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that lasts from `start` until `end`, in nanoseconds since the epoch."""

    start: int
    end: int

    def covers(self, at: int) -> bool:
        """Say whether it goes on at a time."""
        return self.start <= at < self.end


@dataclass(frozen=True, slots=True)
class Deploy(Happening):
    """A new version that fails, until it is rolled back.

    Attributes:
        service: What is deployed.
        version: The version that fails.
    """

    service: str = BROKEN_SERVICE
    version: str = BROKEN_VERSION


@dataclass(frozen=True, slots=True)
class Scan(Happening):
    """Somebody outside who tries doors.

    Attributes:
        address: Where from.
        per_second: Requests per second.
    """

    address: str = SCANNER_ADDRESS
    per_second: float = _LIVE_SCAN_PER_SECOND


@dataclass(slots=True)
class Schedule:
    """All that happens, and so how the shop is at any time."""

    deploys: list[Deploy] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)

    def version(self, service: str, at: int) -> str:
        """Return the version that a service runs at a time."""
        return next(
            (d.version for d in self.deploys if d.service == service and d.covers(at)),
            SERVICES[service].version,
        )

    def is_broken(self, service: str, at: int) -> bool:
        """Say whether a service fails at a time."""
        return any(deploy.service == service and deploy.covers(at) for deploy in self.deploys)

    def scan_requests(self, start: int, end: int) -> list[tuple[Scan, float]]:
        """Return each scan that touches a span of time, with the requests that fall into it."""
        found = []
        for scan in self.scans:
            overlap = min(end, scan.end) - max(start, scan.start)
            if overlap > 0:
                found.append((scan, overlap / SECOND * scan.per_second))
        return found


def history(now: int, *, scan_requests: int) -> Schedule:
    """Return what happened yesterday and today: a deploy two hours ago, a scan five hours ago."""
    scan_start, scan_end = now - 5 * HOUR, now - 5 * HOUR + 4 * MINUTE
    per_second = scan_requests / ((scan_end - scan_start) / SECOND)
    return Schedule(
        deploys=[Deploy(now - 2 * HOUR, now - 2 * HOUR + 30 * MINUTE)],
        scans=[Scan(scan_start, scan_end, per_second=per_second)],
    )


def live(now: int, *, cycles: int = 1_000) -> Schedule:
    """Return what will happen from now on, again and again: first a deploy, after a minute."""
    starts = [now + number * _LIVE_CYCLE for number in range(cycles)]
    return Schedule(
        deploys=[Deploy(start + _LIVE_DEPLOY[0], start + _LIVE_DEPLOY[1]) for start in starts],
        scans=[Scan(start + _LIVE_SCAN[0], start + _LIVE_SCAN[1]) for start in starts],
    )


def rhythm(at: int) -> float:
    """Return how busy the shop is at a time, between 0 and 1: least at four, most in the evening.

    Args:
        at: Nanoseconds since the epoch; the day is that of UTC.
    """
    moment = datetime.datetime.fromtimestamp(at / SECOND, tz=datetime.UTC)
    hour = moment.hour + moment.minute / 60 + moment.second / 3600
    day = 0.5 - 0.5 * math.cos((hour - 4) / 24 * math.tau)
    evening = math.exp(-(((hour - 20) / 2.2) ** 2))
    return 0.12 + 0.55 * day + 0.33 * evening
