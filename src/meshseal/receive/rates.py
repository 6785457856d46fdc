"""How fast one sender may send: a bucket of records and one of bytes for each."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from meshseal.model.errors import RateLimitedError
from meshseal.receive.settings import LimitSettings

_MAX_SENDERS = 100_000
_BURST_SECONDS = 10.0


class Rates:
    """The buckets of all senders. Use it from one event loop.

    A bucket holds ten seconds of what its sender may send. What is taken may empty it to below
    zero, so that a request larger than the bucket passes, once it is full, and is paid off after.

    Args:
        limits: What each may send in a second; 0 is no limit.
        clock: Seconds that only grow.
    """

    def __init__(
        self, limits: LimitSettings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._allowed = (limits.max_records_per_second, limits.max_bytes_per_second)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, list[float]]] = OrderedDict()

    def spend(self, sender: str, *, records: int, size_bytes: int) -> None:
        """Take from a sender's buckets. Raises: RateLimitedError, and takes nothing then."""
        if not any(self._allowed):
            return
        now = self._clock()
        last, levels = self._buckets.pop(sender, (now, [a * _BURST_SECONDS for a in self._allowed]))
        filled = [
            min(level + (now - last) * allowed, allowed * _BURST_SECONDS)
            for level, allowed in zip(levels, self._allowed, strict=True)
        ]
        wait = 0.0
        for level, allowed, cost in zip(filled, self._allowed, (records, size_bytes), strict=True):
            if allowed:
                wait = max(wait, (min(cost, allowed * _BURST_SECONDS) - level) / allowed)
        if wait <= 0:
            filled = [filled[0] - records, filled[1] - size_bytes]
        self._buckets[sender] = (now, filled)
        if len(self._buckets) > _MAX_SENDERS:
            self._buckets.popitem(last=False)
        if wait > 0:
            raise RateLimitedError(
                f"{sender} may send {self._words()}: slow down",
                retry_after_seconds=int(wait) + 1,
            )

    def _words(self) -> str:
        units = ("records", "bytes")
        return " and ".join(
            f"{allowed} {unit} a second"
            for allowed, unit in zip(self._allowed, units, strict=True)
            if allowed
        )
