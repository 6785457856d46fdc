"""Renders questions about the mesh: SQL over the table of edges, with bound values.

Names of services are resolved by the register after rows of the same names are added up, so that
each is looked up once.

Both ends of a call report it. Of the reports of an edge those of the reporter with more requests in
the asked range count, the caller's where there are as many. What a service reports of callers that
it cannot name is the other end of what its callers report, as far as that goes, and then no edge of
its own. The calls to a service are those of the edges to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from meshseal.query.mesh_names import End, Pair
from meshseal.query.sql import Binder, Sql
from meshseal.store.mesh import EDGES, LATENCY, MINUTE, RESOLUTIONS

SUMS = {
    "requests": "Requests",
    "errors_4xx": "Errors4xx",
    "errors_5xx": "Errors5xx",
    "failed": "Failed",
    "request_bytes": "RequestBytes",
    "response_bytes": "ResponseBytes",
    "mutual": "Mutual",
    "plaintext": "Plaintext",
    "unknown": "Unknown",
    "retries": "Retries",
}
"""Figures that are added up, and their columns."""

ENDS = "source_namespace, source, destination_namespace, destination"

REPORTERS = ("outbound", "gateway", "", "inbound")
"""Who may report an edge; where several report as much, the first of these counts."""

_EXPLAINED = 1.01
"""How many times what callers report a service may report of callers without a name, before some of
them must be others: both ends do not report at quite the same time."""

_SECOND = 10**9
_LAST = 2**32 - 1
"""The last second that a column of the type DateTime can hold."""

_NAMESPACE_LABEL = "service_namespace"
"""The label of the register that is a service's namespace."""

_NAMES_LISTED = 20
_MERGED = LATENCY.replace("(", "Merge(", 1)
_STATE = LATENCY.replace("(", "MergeState(", 1)
_RAW = (
    "Source, Destination, SourceNamespace, DestinationNamespace, Reporter, Mesh, Cluster, Protocol"
)
_INBOUND = "Reporter = 'inbound'"
_BY_CALLER = f"NOT {_INBOUND} AND (source != '' OR Reporter = 'outbound')"
"""Whether the caller's side reports, and not the destination's own: its proxy may know neither the
caller nor the direction."""


@dataclass(frozen=True, slots=True)
class Span:
    """A range of time in whole minutes: seconds since the epoch, the end not part of it."""

    start: int
    end: int

    @property
    def seconds(self) -> int:
        """How long it is."""
        return self.end - self.start

    def over(self, now: float) -> float:
        """Return how many seconds of it are over."""
        return min(self.end, max(now, self.start + MINUTE)) - self.start

    def aligned(self, step: int) -> Span:
        """Return the shortest range of whole steps that holds it."""
        return Span(self.start // step * step, -(-self.end // step) * step)

    def before(self) -> Span:
        """Return the range of the same length that ends where this begins."""
        return Span(max(0, self.start - self.seconds), self.start)


def span_of(start: int, end: int) -> Span:
    """Return the shortest range that holds one in nanoseconds since the epoch."""
    last_minute = _LAST // MINUTE * MINUTE
    first = min(start // _SECOND // MINUTE * MINUTE, last_minute - MINUTE)
    last = min(-(-end // (MINUTE * _SECOND)) * MINUTE, last_minute)
    return Span(first, max(last, first + MINUTE))


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one resolution that lie in a range."""

    resolution: int
    start: int
    end: int


def cover(span: Span) -> list[Piece]:
    """Return a range as the largest steps that fit: days inside, shorter ones at its ends."""
    return list(_cover(span.start, span.end, RESOLUTIONS[::-1]))


def _cover(start: int, end: int, resolutions: Sequence[int]) -> Iterator[Piece]:
    if start >= end:
        return
    resolution, *finer = resolutions
    first, last = -(-start // resolution) * resolution, end // resolution * resolution
    if not finer or first < last:
        yield from _cover(start, first, finer) if finer else ()
        yield Piece(resolution, first, last)
        yield from _cover(last, end, finer) if finer else ()
    else:
        yield from _cover(start, end, finer)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows a question is about.

    Attributes:
        tenant: Whose.
        pieces: When.
        cluster: If given, only what was reported from this cluster.
        sources: If given, only edges whose caller has one of these names in its records…
        destinations: … and who is called, one of these.
        only: If given, only what meets one of these conditions, whose values are bound.
    """

    tenant: str
    pieces: Sequence[Piece]
    cluster: str = ""
    sources: tuple[str, ...] | None = None
    destinations: tuple[str, ...] | None = None
    only: tuple[str, ...] = ()

    def where(self, binder: Binder) -> str:
        """Return the condition; the tenant's is always there."""
        times = " OR ".join(
            f"(Resolution = {piece.resolution} AND Start >= {_time(binder, piece.start)}"
            f" AND Start < {_time(binder, piece.end)})"
            for piece in self.pieces
        )
        conditions = [f"Tenant = {binder.text(self.tenant)}", f"({times or 'false'})"]
        if self.cluster:
            conditions.append(f"Cluster = {binder.text(self.cluster)}")
        for column, names in (("Source", self.sources), ("Destination", self.destinations)):
            if names is not None:
                conditions.append(f"{column} IN {binder.texts(names)}")
        if self.only:
            conditions.append(f"({' OR '.join(self.only)})")
        return "\n  AND ".join(conditions)


def render_map(scope: Scope, *, latency: bool, limit: int) -> Sql:
    """Return the SQL of the edges of a range, and of the services that are called.

    A row: whether it is of a service; the four names of `ENDS`; of an edge its reporter, all
    (namespace, name) that records have for either end, its protocol; mesh and cluster of the
    caller, and of who is called; the `SUMS`; the quantiles in nanoseconds (none without `latency`);
    flags; first and last time in nanoseconds.

    Args:
        scope: Which rows.
        latency: Whether quantiles are wanted.
        limit: Most rows of edges, and most of services; those with most requests.
    """
    binder = Binder()
    listed = ",\n    ".join(f"sum({name}) AS {name}_" for name in SUMS)
    quantiles = f"{_MERGED}(latency)" if latency else "[]"
    homes = "source_mesh, source_cluster, destination_mesh, destination_cluster"
    text = f"""SELECT
    grouping(source) = 1 AS of_service,
    [{ENDS}] AS ends,
    any(Reporter), any(source_names), any(destination_names), any(protocol),
    any([{homes}]),
    {listed},
    {quantiles},
    sumMap(flags),
    toUnixTimestamp64Nano(min(first_seen)),
    toUnixTimestamp64Nano(max(last_seen))
FROM (
{_counting(_reports(scope, binder, figures=True, latency=latency), homes=True)}
)
GROUP BY GROUPING SETS (({ENDS}), (destination_namespace, destination))
ORDER BY of_service, requests_ DESC, {ENDS}
LIMIT {int(limit)} BY of_service"""
    return Sql(text, binder.parameters)


def render_timeline(
    tenant: str, span: Span, step: int, *, pairs: Sequence[Pair], ends: Sequence[End]
) -> Sql:
    """Return the SQL of the course of some calls: time, requests, errors, plaintext, quantiles.

    What counts is what the map counts over the same range.

    Args:
        tenant: Whose.
        span: The range, in whole steps.
        step: A resolution.
        pairs: The edge; or else
        ends: The service that is called; or, with neither, all of them.
    """
    binder = Binder()
    source, destination = _resolved(binder, tenant)
    wanted = [
        f"({source}, {destination}) = ({_bound(binder, pair.source)}, "
        f"{_bound(binder, pair.destination)})"
        for pair in pairs
    ] or [f"({destination}) = ({_bound(binder, end)})" for end in ends]
    scope = Scope(tenant, [Piece(step, span.start, span.end)], only=tuple(wanted))
    reports = _reports(scope, binder, figures=False, latency=False)
    chosen = _best(reports) if pairs else _counting(reports, homes=False)
    text = f"""SELECT
    toUnixTimestamp(Start) AS time,
    sum(Requests),
    sum(Errors5xx) + sum(Failed),
    sum(Plaintext),
    {_MERGED}(Latency)
FROM {EDGES}
WHERE {scope.where(binder)}
  AND ({source}, {destination}, Reporter) IN (
SELECT {ENDS}, Reporter FROM (
{chosen}
))
GROUP BY time
ORDER BY time"""
    return Sql(text, binder.parameters)


def _reports(scope: Scope, binder: Binder, *, figures: bool, latency: bool) -> str:
    """Return the SELECT of the edges of a range, by who reports them, with resolved names."""
    sums = SUMS if figures else {"requests": "Requests"}
    added = "".join(f",\n        sum({column}) AS {name}" for name, column in sums.items())
    again = "".join(f",\n    sum({name}) AS {name}" for name in sums)
    if figures:
        added += (
            ",\n        sumMap(Flags) AS flags"
            ",\n        min(FirstSeen) AS first_seen, max(LastSeen) AS last_seen"
        )
        again += (
            ",\n    sumMap(flags) AS flags"
            ",\n    min(first_seen) AS first_seen, max(last_seen) AS last_seen"
            f",\n    groupUniqArray({_NAMES_LISTED})([SourceNamespace, Source]) AS source_names"
            f",\n    groupUniqArray({_NAMES_LISTED})([DestinationNamespace, Destination])"
            " AS destination_names"
            ",\n    argMax(Protocol, (Protocol != '', counted, Protocol)) AS protocol"
            ",\n    argMax((Mesh, Cluster), (Cluster != '', counted, Mesh, Cluster)) AS home"
        )
    if latency:
        added += f",\n        {_STATE}(Latency) AS state"
        again += f",\n    {_STATE}(state) AS latency"
    source, destination = _resolved(binder, scope.tenant)
    return f"""SELECT
    names.1 AS source_namespace, names.2 AS source,
    names.3 AS destination_namespace, names.4 AS destination,
    Reporter{again}
FROM (
    SELECT
        {_RAW},
        ({source}, {destination}) AS names,
        sum(Requests) AS counted{added}
    FROM {EDGES}
    WHERE {scope.where(binder)}
    GROUP BY {_RAW}
)
GROUP BY names, Reporter"""


def _best(reports: str) -> str:
    """Return the SELECT of the report that counts for each edge."""
    return f"""SELECT *
FROM (
{reports}
)
ORDER BY requests DESC, indexOf({list(REPORTERS)}, Reporter)
LIMIT 1 BY {ENDS}"""


def _counting(reports: str, *, homes: bool) -> str:
    """Return the SELECT of the reports that count, for all edges to the services in question.

    With `homes`, also where each end runs, as it says itself.
    """
    added = ""
    if homes:
        told = f"NOT ({_BY_CALLER})"
        added = f""",
    argMaxIf(home, requests, {_BY_CALLER}) OVER caller AS caller_home,
    argMaxIf(home, requests, {told}) OVER called AS called_home,
    caller_home.1 AS source_mesh, caller_home.2 AS source_cluster,
    called_home.1 AS destination_mesh, called_home.2 AS destination_cluster"""
    windows = "called AS (PARTITION BY destination_namespace, destination)" + (
        ", caller AS (PARTITION BY source_namespace, source)" if homes else ""
    )
    known = f"""SELECT
    *,
    toInt64(sumIf(requests, {_BY_CALLER}) OVER called)
        - toInt64(sumIf(requests, {_INBOUND} AND source != '') OVER called) AS explained{added}
FROM (
{reports}
)
WINDOW {windows}"""
    return f"""SELECT *
FROM (
{_best(known)}
)
WHERE NOT ({_INBOUND} AND source = '' AND requests <= explained * {_EXPLAINED})"""


def _resolved(binder: Binder, tenant: str) -> tuple[str, str]:
    """Return the SQL of the namespace and the name of both ends, as the register knows them."""
    bound = binder.text(tenant)
    found = []
    for end in ("Source", "Destination"):
        name = f"meshseal_alias({bound}, {end})"
        given = f"meshseal_service_label({bound}, {name}, '{_NAMESPACE_LABEL}')"
        namespace = f"if({end}Namespace != '' OR {end} = '', {end}Namespace, {given})"
        found.append(f"{namespace}, {name}")
    return found[0], found[1]


def _bound(binder: Binder, end: End) -> str:
    return f"{binder.text(end.namespace)}, {binder.text(end.name)}"


def _time(binder: Binder, seconds: int) -> str:
    return f"toDateTime({binder.integer(seconds)}, 'UTC')"
