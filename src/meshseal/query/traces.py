"""Finds the spans of a trace."""

from __future__ import annotations

import re
from typing import Any

from meshseal.model.columns import SPANS, Column, Kind
from meshseal.model.errors import NotFoundError, QueryError
from meshseal.query.sql import Binder
from meshseal.store.client import Store
from meshseal.store.settings import QuerySettings

_TRACE_ID = re.compile(r"[0-9a-fA-F]{1,32}")


class Traces:
    """Reads traces for one tenant at a time.

    Args:
        store: Where spans are.
        settings: Limits of one read.
    """

    def __init__(self, store: Store, settings: QuerySettings) -> None:
        self._store = store
        self._settings = settings

    async def trace(self, trace_id: str, *, tenant: str, limit: int) -> list[dict[str, Any]]:
        """Return the spans of a trace by column, the earliest first.

        Shape: every column of `SPAN_COLUMNS`; times are nanoseconds since the epoch, and they and
            the batch's number are text, so that no reader rounds them.
        Raises: QueryError when the limit or the id cannot be one; NotFoundError when the tenant has
            no such trace; EngineError.
        """
        most = self._settings.max_entries
        if not 0 < limit <= most:
            raise QueryError(f"the limit must be between 1 and {most}")
        if not _TRACE_ID.fullmatch(trace_id):
            raise QueryError("a trace id is up to 32 hexadecimal digits")
        binder = Binder()
        found = (trace_id.lower(), trace_id.lower().rjust(32, "0"))
        columns = ", ".join(f"{_shown(column)} AS c{at}" for at, column in enumerate(SPANS.columns))
        sql = (
            f"SELECT {columns}\nFROM {SPANS.table}\n"
            f"WHERE Tenant = {binder.text(tenant)}\n"
            f"  AND TraceId IN ({binder.text(found[0])}, {binder.text(found[1])})\n"
            f"ORDER BY Timestamp, Batch, Seq\nLIMIT {int(limit)}"
        )
        rows = (await self._store.query(sql, binder.parameters)).rows
        if not rows:
            raise NotFoundError(f"there is no trace {trace_id}")
        names = [column.name for column in SPANS.columns]
        return [dict(zip(names, row, strict=True)) for row in rows]


def _shown(column: Column) -> str:
    """Return SQL for a column's value as JSON can have it; what is not UTF-8 is replaced."""
    match column.kind:
        case Kind.TIME:
            return f"toString(toUnixTimestamp64Nano({column.sql}))"
        case Kind.TIMES:
            return f"arrayMap(one -> toString(toUnixTimestamp64Nano(one)), {column.sql})"
        case Kind.MAP:
            return f"meshseal_shown({column.sql})"
        case Kind.MAPS:
            return f"arrayMap(one -> meshseal_shown(one), {column.sql})"
        case Kind.TEXTS:
            return f"arrayMap(one -> toValidUTF8(one), {column.sql})"
        case Kind.TEXT:
            return f"toValidUTF8({column.sql})"
    return f"toString({column.sql})" if column.type == "UInt64" else column.sql
