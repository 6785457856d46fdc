"""Renders questions about the mesh: SQL over the table of edges, with bound values.

Names of services are resolved by the register of aliases after rows of the same names are added up,
so that each name is looked up once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from meshseal.query.mesh_names import End, Pair
from meshseal.query.sql import Binder, Sql
from meshseal.store.mesh import DAY, EDGES, HOUR, LATENCY, MINUTE

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

ENDS = ("source_namespace", "source", "destination_namespace", "destination")
CLIENT, EDGE, INBOUND = SIDES = ("client", "edge", "inbound")
"""The sides that tell of calls to a service: those who call it; where neither caller nor direction
is known, its own proxy; and itself. Where several tell as much, the first of these counts."""

REPORTERS = ("outbound", "gateway", "", INBOUND)
"""The reporters of an edge, likewise."""

_SECOND = 10**9
_LAST = 2**32 - 1
"""The last second that a column of the type DateTime can hold."""

_NAMES_LISTED = 20
_MERGED = LATENCY.replace("(", "Merge(", 1)
_STATE = LATENCY.replace("(", "MergeState(", 1)
_KEYS = (
    "Source, Destination, SourceNamespace, DestinationNamespace, Reporter, Mesh, Cluster, Protocol"
)
_SIDE = (
    f"multiIf(Reporter = '{INBOUND}', '{INBOUND}',"
    f" Source = '' AND Reporter != 'outbound', '{EDGE}', '{CLIENT}')"
)


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
    """Return a range as the largest steps that fit: days inside, hours and minutes at its ends."""
    return list(_cover(span.start, span.end, (DAY, HOUR, MINUTE)))


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
        sources: If given, only edges that have one of these names at one end…
        destinations: … and one of these at the other.
    """

    tenant: str
    pieces: Sequence[Piece]
    cluster: str = ""
    sources: tuple[str, ...] | None = None
    destinations: tuple[str, ...] | None = None

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
        return "\n  AND ".join(conditions)


def render_map(scope: Scope, *, latency: bool, limit: int) -> Sql:
    """Return the SQL of all edges by reporter, and of all services by the side that tells of them.

    A row: whether it is of a service, the four names of `ENDS`, the reporter or the side, the names
    that the records have for both ends, protocol, mesh and cluster, the `SUMS`, the quantiles in
    nanoseconds (none without `latency`), flags, and first and last time in nanoseconds.

    Args:
        scope: Which rows.
        latency: Whether quantiles are wanted.
        limit: Most rows of edges, and most of services; those with most requests.
    """
    binder = Binder()
    state = f"{_STATE}(Latency)" if latency else "0"
    quantiles = f"{_MERGED}(Latency)" if latency else "[]"
    added = ",\n        ".join(f"sum({column}) AS {name}" for name, column in SUMS.items())
    again = ",\n    ".join(f"sum({name}) AS {name}_" for name in SUMS)
    tenant = binder.text(scope.tenant)
    text = f"""SELECT
    grouping(source) = 1 AS of_service,
    SourceNamespace, source, DestinationNamespace, destination, if(of_service, side, Reporter),
    groupUniqArray({_NAMES_LISTED})(Source), groupUniqArray({_NAMES_LISTED})(Destination),
    argMax(Protocol, (Protocol != '', requests, Protocol)),
    argMax(Mesh, (Mesh != '', requests, Mesh)),
    argMax(Cluster, (Cluster != '', requests, Cluster)),
    {again},
    {quantiles},
    sumMap(flags),
    toUnixTimestamp64Nano(min(first_seen)),
    toUnixTimestamp64Nano(max(last_seen))
FROM (
    SELECT
        {_KEYS},
        meshseal_alias({tenant}, Source) AS source,
        meshseal_alias({tenant}, Destination) AS destination,
        {_SIDE} AS side,
        {added},
        {state} AS Latency,
        sumMap(Flags) AS flags,
        min(FirstSeen) AS first_seen,
        max(LastSeen) AS last_seen
    FROM {EDGES}
    WHERE {scope.where(binder)}
    GROUP BY {_KEYS}
)
GROUP BY GROUPING SETS (
    (SourceNamespace, source, DestinationNamespace, destination, Reporter),
    (DestinationNamespace, destination, side))
ORDER BY of_service, requests_ DESC, SourceNamespace, source, DestinationNamespace, destination
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
    scope = Scope(tenant, [Piece(step, span.start, span.end)])
    alias = {
        name: f"meshseal_alias({binder.text(tenant)}, {name})" for name in ("Source", "Destination")
    }
    called = f"DestinationNamespace, {alias['Destination']}"
    wanted = [
        f"(SourceNamespace, {alias['Source']}, {called}) = ({_listed(binder, *_names(pair))})"
        for pair in pairs
    ] or [f"({called}) = ({_listed(binder, end.namespace, end.name)})" for end in ends]
    where = scope.where(binder)
    if wanted:
        where += f"\n  AND ({' OR '.join(wanted)})"
    if pairs:
        chosen = f"""Reporter = (
    SELECT Reporter
    FROM {EDGES}
    WHERE {where}
    GROUP BY Reporter
    ORDER BY sum(Requests) DESC, indexOf({list(REPORTERS)}, Reporter)
    LIMIT 1)"""
    else:
        chosen = f"""({called}, {_SIDE}) IN (
    SELECT DestinationNamespace AS namespace, {alias["Destination"]} AS name, {_SIDE} AS side
    FROM {EDGES}
    WHERE {where}
    GROUP BY namespace, name, side
    ORDER BY sum(Requests) DESC, indexOf({list(SIDES)}, side)
    LIMIT 1 BY namespace, name)"""
    text = f"""SELECT
    toUnixTimestamp(Start) AS time,
    sum(Requests),
    sum(Errors5xx) + sum(Failed),
    sum(Plaintext),
    {_MERGED}(Latency)
FROM {EDGES}
WHERE {where}
  AND {chosen}
GROUP BY time
ORDER BY time"""
    return Sql(text, binder.parameters)


def _names(pair: Pair) -> tuple[str, ...]:
    source, destination = pair.source, pair.destination
    return source.namespace, source.name, destination.namespace, destination.name


def _listed(binder: Binder, *names: str) -> str:
    return ", ".join(binder.text(name) for name in names)


def _time(binder: Binder, seconds: int) -> str:
    return f"toDateTime({binder.integer(seconds)}, 'UTC')"
