"""Renders log queries: which records, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

from meshseal.query.derived import shown
from meshseal.query.labels import Keys, Labels
from meshseal.query.sql import Binder, Sql
from meshseal.query.tree import (
    JsonParser,
    LabelFilter,
    LineFilter,
    LineOp,
    LogfmtParser,
    LogQuery,
    SelectLabels,
)
from meshseal.store.schema import LOGS

RECORD_COLUMNS = (
    "toUnixTimestamp64Nano(Timestamp) AS time_unix_nano",
    "toValidUTF8(Body) AS line",
    "Batch AS batch",
    "Seq AS seq",
    "toString(ServiceName) AS service_name",
    "meshseal_shown(ResourceAttributes) AS resource",
    "meshseal_shown(LogAttributes) AS attributes",
    "meshseal_level(SeverityNumber) AS level",
    "TraceId AS trace_id",
    "SpanId AS span_id",
    "toString(ScopeName) AS scope_name",
    "toString(Format) AS format",
    "toString(Door) AS door",
)
"""What a log query returns of each record, beside `parsed`, `error`, `dropped` and `derived`."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From `start` on up to but not including `end`, in nanoseconds since the epoch."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a record stands: its time, its batch and its position there. It names the record."""

    time_unix_nano: int
    batch: int
    seq: int


@dataclass(frozen=True, slots=True)
class Filtered:
    """A log query as conditions, and its labels behind the last stage."""

    conditions: list[str]
    labels: Labels

    @property
    def where(self) -> str:
        """The conditions as one."""
        return "\n  AND ".join(self.conditions)


def filtered(
    query: LogQuery, *, tenant: str, times: TimeRange, keys: Keys, binder: Binder
) -> Filtered:
    """Return a log query as conditions on `logs`. The tenant's is always among them."""
    labels = Labels(binder, keys, tenant)
    conditions = [
        f"Tenant = {binder.text(tenant)}",
        f"Timestamp >= fromUnixTimestamp64Nano({binder.integer(times.start)}, 'UTC')",
        f"Timestamp < fromUnixTimestamp64Nano({binder.integer(times.end)}, 'UTC')",
    ]
    conditions += [labels.matches(matcher) for matcher in query.matchers]
    for stage in query.stages:
        match stage:
            case LineFilter():
                conditions.append(_line(stage, binder))
            case JsonParser():
                labels = labels.after_json(stage)
            case LogfmtParser():
                labels = labels.after_logfmt(stage)
            case SelectLabels():
                labels = labels.after_selection(stage)
            case LabelFilter():
                sql, labels = labels.holds(stage.condition)
                conditions.append(f"({sql})")
    return Filtered(conditions, labels)


def render_logs(
    query: LogQuery,
    *,
    tenant: str,
    times: TimeRange,
    limit: int,
    newest_first: bool,
    keys: Keys,
    batches: tuple[int, ...] = (),
    after: Place | None = None,
) -> Sql:
    """Return the SQL of a log query.

    Args:
        query: The query.
        tenant: Whose records.
        times: From when until when.
        limit: Most records.
        newest_first: The order.
        keys: What the query's labels stand for.
        batches: If given, only records of these batches.
        after: If given, only records that come after this place in the order.
    """
    binder = Binder()
    found = filtered(query, tenant=tenant, times=times, keys=keys, binder=binder)
    conditions = list(found.conditions)
    if batches:
        listed = ", ".join(str(int(batch)) for batch in batches)
        conditions.append(f"Batch IN ({listed})")
    if after:
        conditions += _after(after, binder, newest_first=newest_first)
    if not query.stages and not batches:
        conditions.append(_near_end(conditions, limit, newest_first=newest_first))
    direction = "DESC" if newest_first else "ASC"
    parsed = found.labels.parsed or "map()"
    columns = ",\n    ".join(
        (
            *RECORD_COLUMNS,
            f"meshseal_shown({parsed}) AS parsed",
            f"{found.labels.error()} AS error",
            f"{found.labels.dropped()} AS dropped",
            f"{shown()} AS derived",
        )
    )
    where = "\n  AND ".join(conditions)
    # The order begins as the table's does, so that the engine stops at the limit.
    order = ", ".join(
        f"{key} {direction}"
        for key in ("toStartOfFiveMinutes(Timestamp)", "Timestamp", "Batch", "Seq")
    )
    text = (
        f"SELECT\n    {columns}\nFROM {LOGS}\nWHERE {where}\nORDER BY {order}\nLIMIT {int(limit)}"
    )
    return Sql(text, binder.parameters)


def _near_end(conditions: list[str], limit: int, *, newest_first: bool) -> str:
    """Return the condition that a record's time is among the first `limit` in the order.

    In the order of the table alone the engine stops reading at the limit; where times are equal,
    the whole order needs a sort, and that is then over few. It pays only where finding the times is
    cheap, so not where lines are searched.
    """
    direction, outermost, op = ("DESC", "min", ">=") if newest_first else ("ASC", "max", "<=")
    where = "\n  AND ".join(conditions)
    return (
        f"Timestamp {op} (SELECT {outermost}(Timestamp) FROM (\n"
        f"SELECT Timestamp\nFROM {LOGS}\nWHERE {where}\n"
        f"ORDER BY toStartOfFiveMinutes(Timestamp) {direction}, Timestamp {direction}\n"
        f"LIMIT {int(limit)}))"
    )


def _after(place: Place, binder: Binder, *, newest_first: bool) -> list[str]:
    """Return the conditions of what comes after a place in the order.

    The first of them follows from the second, and lets the engine leave out parts of the table.
    """
    op = "<" if newest_first else ">"
    time = f"fromUnixTimestamp64Nano({binder.integer(place.time_unix_nano)}, 'UTC')"
    batch, seq = binder.integer(place.batch), binder.integer(place.seq)
    return [f"Timestamp {op}= {time}", f"(Timestamp, Batch, Seq) {op} ({time}, {batch}, {seq})"]


def _line(stage: LineFilter, binder: Binder) -> str:
    negated = stage.op in (LineOp.NOT_CONTAINS, LineOp.NOT_REGEX)
    if stage.op in (LineOp.CONTAINS, LineOp.NOT_CONTAINS):
        # LIKE, because the index on the body's words understands it.
        parts = [f"Body LIKE {binder.text(f'%{_escaped(value)}%')}" for value in stage.values]
    else:
        parts = [f"match(Body, {binder.text(f'(?-s){value}')})" for value in stage.values]
    joined = " OR ".join(parts)
    return f"NOT ({joined})" if negated else f"({joined})"


def _escaped(needle: str) -> str:
    return needle.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
