"""Asks which values the labels have that every mesh's records have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshseal.query.derived import AT_ONCE, DERIVED, MESH, OF_RESOURCE
from meshseal.query.labels import Keys
from meshseal.query.render_logs import TimeRange, filtered
from meshseal.query.sql import Binder, Sql
from meshseal.query.tree import LogQuery, Matcher
from meshseal.store.schema import LOGS, STREAMS

_SECOND = 10**9
_HOUR = 3600 * _SECOND

_RECENT = 100_000
_MOST_VALUES = 10_000


def derived_values(
    name: str, *, tenant: str, times: TimeRange, matchers: Sequence[Matcher], keys: Keys
) -> Iterator[Sql]:
    """Yield the queries that together tell which values such a label has.

    Small columns are asked of all records, what needs whole maps of the latest of them.

    Args:
        name: A label of `DERIVED`.
        tenant: Whose records.
        times: From when until when.
        matchers: Conditions that the records fulfil.
        keys: What the labels of the conditions stand for.
    """
    binder = Binder()
    query = LogQuery(tuple(matchers))
    where = filtered(query, tenant=tenant, times=times, keys=keys, binder=binder).where
    if name in AT_ONCE:
        yield _distinct(AT_ONCE[name], f"{LOGS}\nWHERE {where}", binder)
    if name not in AT_ONCE or name == MESH:
        latest = (
            f"(SELECT Format, UpstreamCluster, ResourceAttributes, OtherAttributes "
            f"FROM {LOGS}\nWHERE {where}\n"
            "ORDER BY toStartOfFiveMinutes(Timestamp) DESC, Timestamp DESC\n"
            f"LIMIT {_RECENT})"
        )
        yield _distinct(DERIVED[name], latest, binder)
    if name in OF_RESOURCE:
        streams = (
            "(SELECT DISTINCT JSONExtract(Labels, 'Map(String, String)') AS resource\n"
            f"FROM {STREAMS}\nWHERE {stream_times(binder, tenant, times)})"
        )
        if not matchers:
            yield _distinct(OF_RESOURCE[name].format(resource="resource"), streams, binder)


def derived_names(*, tenant: str, times: TimeRange) -> list[tuple[Sequence[str], Sql]]:
    """Return queries of one row that say which such labels have any value, and the labels' names.

    Args:
        tenant: Whose records.
        times: From when until when.
    """
    binder = Binder()
    where = filtered(LogQuery(()), tenant=tenant, times=times, keys={}, binder=binder).where
    of_records = ", ".join(f"max({sql} != '')" for sql in AT_ONCE.values())
    streams = Binder()
    resource = "JSONExtract(Labels, 'Map(String, String)')"
    of_streams = ", ".join(
        f"max({sql.format(resource=resource)} != '')" for sql in OF_RESOURCE.values()
    )
    return [
        (
            tuple(AT_ONCE),
            Sql(f"SELECT {of_records}\nFROM {LOGS}\nWHERE {where}", binder.parameters),
        ),
        (
            tuple(OF_RESOURCE),
            Sql(
                f"SELECT {of_streams}\nFROM {STREAMS}\n"
                f"WHERE {stream_times(streams, tenant, times)}",
                streams.parameters,
            ),
        ),
    ]


def stream_times(binder: Binder, tenant: str, times: TimeRange) -> str:
    """Return the conditions on `streams` that they are a tenant's and of the hours of a range."""
    first, last = times.start // _HOUR * 3600, times.end // _SECOND + 1
    return (
        f"Tenant = {binder.text(tenant)}\n"
        f"  AND Hour >= toDateTime({binder.integer(first)}, 'UTC')\n"
        f"  AND Hour < toDateTime({binder.integer(last)}, 'UTC')"
    )


def _distinct(value: str, source: str, binder: Binder) -> Sql:
    text = f"SELECT DISTINCT {value} AS value\nFROM {source}\nLIMIT {_MOST_VALUES}"
    return Sql(text, binder.parameters)
