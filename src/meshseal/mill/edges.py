"""Counts the calls of a stage into the table of edges, exactly once."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Sequence

from meshseal.store.engine import Handle
from meshseal.store.mesh import ALL, EDGES, OF_DAYS, OF_MONTHS, Share, edges_insert, is_edge

_DAYS_PER_INSERT = 45
"""An insert may touch a hundred partitions; a day is one, and its month another."""

Counted = tuple[int, datetime.date]


class EdgesWriter:
    """Counts what is in one worker's stage of logs.

    Args:
        handle: The worker's own.
        stage: The table.
    """

    def __init__(self, handle: Handle, stage: str) -> None:
        self._handle = handle
        self._stage = stage

    def write(self, segment: int, batches: Iterable[int], *, again: bool) -> None:
        """Count the stage's calls; nothing happens where there are none.

        Args:
            segment: The segment's number.
            batches: Its batches.
            again: Whether an earlier try may have counted some of them.

        Raises: EngineError.
        """
        if again:
            self._write_missing(batches)
            return
        for days in _portions(self._days()):
            # Two portions may share a month: what tells an insert from its copy must differ.
            token = f"insert_deduplication_token = '{int(segment)}.{days[0].isoformat()}'"
            self._insert(ALL, _of_days(days), token)

    def _write_missing(self, batches: Iterable[int]) -> None:
        """Count, day by day, the batches that are not noted as counted.

        The engine's memory of an earlier try is not asked: it may be of a part that turned out
        broken.
        """
        numbers = ", ".join(str(int(batch)) for batch in batches)
        there = self._counted(
            f"SELECT DISTINCT Batch, toDate(Timestamp) FROM {self._stage} WHERE {is_edge()}"
        )
        for share in (OF_DAYS, OF_MONTHS):
            known = self._counted(
                f"SELECT DISTINCT Batch, toDate(Start) FROM {EDGES} "
                f"WHERE Tenant = '' AND Resolution = {share.notes[0]} AND Batch IN ({numbers})"
            )
            missing = there - known
            for days in _portions({day for _, day in missing}):
                pairs = ", ".join(
                    f"({batch}, '{day.isoformat()}')"
                    for batch, day in sorted(missing)
                    if day in days
                )
                where = f"(Batch, toDate(Timestamp)) IN ({pairs})"
                self._insert(share, where, "insert_deduplicate = 0")

    def _insert(self, share: Share, where: str, settings: str) -> None:
        sql = edges_insert(self._stage, share, where=(where,))
        self._handle.execute(f"{sql}\nSETTINGS {settings}")

    def _days(self) -> set[datetime.date]:
        rows = self._handle.execute(
            f"SELECT DISTINCT toDate(Timestamp) FROM {self._stage} WHERE {is_edge()}"
        ).decode()
        return {datetime.date.fromisoformat(line) for line in rows.splitlines()}

    def _counted(self, sql: str) -> set[Counted]:
        rows = (line.split("\t") for line in self._handle.execute(sql).decode().splitlines())
        return {(int(batch), datetime.date.fromisoformat(day)) for batch, day in rows}


def _portions(days: Iterable[datetime.date]) -> Iterator[Sequence[datetime.date]]:
    ordered = sorted(days)
    for start in range(0, len(ordered), _DAYS_PER_INSERT):
        yield ordered[start : start + _DAYS_PER_INSERT]


def _of_days(days: Sequence[datetime.date]) -> str:
    listed = ", ".join(f"'{day.isoformat()}'" for day in days)
    return f"toDate(Timestamp) IN ({listed})"
