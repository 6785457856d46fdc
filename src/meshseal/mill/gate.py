"""Keeps changes of how records are read out of the time in which a segment is milled."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from meshseal.model.errors import EngineError

_WAIT_SECONDS = 30.0


class Gate:
    """Lets segments through, several at a time, or one change between them."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._segments = 0
        self._changes = 0

    @contextmanager
    def segment(self) -> Iterator[None]:
        """Give time in which nothing changes."""
        with self._condition:
            self._condition.wait_for(lambda: not self._changes)
            self._segments += 1
        try:
            yield
        finally:
            with self._condition:
                self._segments -= 1
                self._condition.notify_all()

    @contextmanager
    def change(self) -> Iterator[None]:
        """Give time in which no segment is milled. Raises: EngineError when it does not come."""
        with self._condition:
            self._changes += 1
            try:
                if not self._condition.wait_for(lambda: not self._segments, _WAIT_SECONDS):
                    raise EngineError("the mill is busy: try again in a few seconds")
                yield
            finally:
                self._changes -= 1
                self._condition.notify_all()
