"""Brings records to their doors: a queue and a thread for each, and the count of what arrived."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping, Sequence

from demo.formats import Record
from demo.senders import Sender
from demo.shop import Door

_BATCH_RECORDS = 1_000
_WAITING_BATCHES = 4


class Courier:
    """Hands records to the senders, and knows what the server acknowledged.

    Args:
        senders: The sender of every door.
    """

    def __init__(self, senders: Mapping[Door, Sender]) -> None:
        self._lines = {door: _Line(sender) for door, sender in senders.items()}

    def bring(self, records: Sequence[Record]) -> None:
        """Send records; waits where a door is behind."""
        by_door: dict[Door, list[Record]] = {}
        for record in records:
            by_door.setdefault(record.door, []).append(record)
        for door, found in by_door.items():
            self._lines[door].put(found)

    def close(self) -> None:
        """Send what waits, and let go of the connections."""
        for line in self._lines.values():
            line.end()
        for line in self._lines.values():
            line.join()

    def settle(self) -> None:
        """Return when nothing waits."""
        while any(line.waiting for line in self._lines.values()):
            time.sleep(0.02)

    @property
    def sent(self) -> dict[Door, int]:
        """Records handed over so far."""
        return {door: line.sent for door, line in self._lines.items()}

    @property
    def acknowledged(self) -> dict[Door, int]:
        """Records that the server has said to have."""
        return {door: line.acknowledged for door, line in self._lines.items()}


class _Line:
    """One sender with its thread."""

    def __init__(self, sender: Sender) -> None:
        self.sent = 0
        self.acknowledged = 0
        self._sender = sender
        self._queue: queue.Queue[list[Record] | None] = queue.Queue(_WAITING_BATCHES)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> bool:
        return self._queue.unfinished_tasks > 0

    def put(self, records: list[Record]) -> None:
        for first in range(0, len(records), _BATCH_RECORDS):
            batch = records[first : first + _BATCH_RECORDS]
            self.sent += len(batch)
            self._queue.put(batch)

    def end(self) -> None:
        self._queue.put(None)

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        while (batch := self._queue.get()) is not None:
            try:
                self.acknowledged += self._sender.send(batch)
            finally:
                self._queue.task_done()
        self._sender.close()
