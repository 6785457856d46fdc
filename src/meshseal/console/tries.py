"""Limits how often a password can be tried."""

from __future__ import annotations

import time
from collections import OrderedDict, deque

from meshseal.model.errors import OverloadedError

MOST_FAILURES = 8
WINDOW_SECONDS = 300.0
_REMEMBERED = 10_000


class Tries:
    """Failed tries of the last minutes, by what is tried and from where.

    It counts by (address, name), so that a stranger cannot lock a user out from elsewhere, and by
    address, so that one address cannot try many names.
    """

    def __init__(self) -> None:
        self._failed: OrderedDict[tuple[str, ...], deque[float]] = OrderedDict()

    def check(self, address: str, name: str) -> None:
        """Raises: OverloadedError when there were too many failures: the password is not looked at.

        The answer is the same whether or not there is such a user.
        """
        now = time.monotonic()
        for key, most in _keys(address, name):
            failed = self._recent(key, now)
            if len(failed) >= most:
                seconds = int(failed[0] + WINDOW_SECONDS - now) + 1
                raise OverloadedError(
                    f"too many failed tries: wait {seconds} seconds", retry_after_seconds=seconds
                )

    def failed(self, address: str, name: str) -> None:
        """Note a failure."""
        for key, _ in _keys(address, name):
            self._failed.setdefault(key, deque(maxlen=MOST_FAILURES * 10)).append(time.monotonic())
            self._failed.move_to_end(key)
        while len(self._failed) > _REMEMBERED:
            self._failed.popitem(last=False)

    def succeeded(self, address: str, name: str) -> None:
        """Forget the failures of a user who has shown who they are."""
        self._failed.pop((address, name), None)

    def _recent(self, key: tuple[str, ...], now: float) -> deque[float]:
        failed = self._failed.get(key, deque())
        while failed and failed[0] <= now - WINDOW_SECONDS:
            failed.popleft()
        return failed


def _keys(address: str, name: str) -> list[tuple[tuple[str, ...], int]]:
    return [((address, name), MOST_FAILURES), ((address,), MOST_FAILURES * 10)]
