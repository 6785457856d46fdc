"""The map of a mesh: its services, who calls whom, what is new and what is gone; and its course."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from meshseal.model.errors import QueryError
from meshseal.query.asking import ask
from meshseal.query.mesh_findings import Edge, Figures, Findings, Home, milliseconds, read
from meshseal.query.mesh_names import End, Pair, edge_query, ends_of, pairs_of
from meshseal.query.mesh_sql import (
    Scope,
    Span,
    cover,
    render_map,
    render_timeline,
)
from meshseal.store.client import Store
from meshseal.store.mesh import DAY, MINUTE, RESOLUTIONS

_T = TypeVar("_T")
_NO_HOME = Home("", "")

MOST_EDGES = 5000
_MOST_FOUND = 50_000
"""Of edges, and of services, before what part of the map is wanted is looked at."""
_POINTS = 150
_MOST_POINTS = 4000
_MOST_READINGS = 64
"""In how many ways an id may be cut into names."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which part of the map is wanted; what is empty does not matter."""

    namespace: str = ""
    service: str = ""
    cluster: str = ""

    def takes(self, pair: Pair) -> bool:
        """Say whether an edge is part of it."""
        ends = (pair.source, pair.destination)
        return (not self.namespace or any(end.namespace == self.namespace for end in ends)) and (
            not self.service or any(self.service in (end.id, end.name) for end in ends)
        )


class Mesh:
    """Reads the mesh of one tenant at a time.

    Args:
        store: Where edges are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def map(
        self, span: Span, *, tenant: str, wanted: Filter, seconds: float
    ) -> dict[str, Any]:
        """Return the map of a range as the API shows it.

        Args:
            span: The range.
            tenant: Whose mesh.
            wanted: Which part of it.
            seconds: How much of the range is over, for rates.

        Raises: QueryError, EngineError.
        """
        now = await self._findings(span, tenant, wanted, latency=True)
        earlier = await self._findings(span.before(), tenant, wanted, latency=False)
        edges = [edge for pair, edge in now.edges.items() if wanted.takes(pair)]
        gone = [
            edge
            for pair, edge in earlier.edges.items()
            if wanted.takes(pair) and pair not in now.edges
        ]
        room = max(0, MOST_EDGES - len(edges))
        kept = edges[:MOST_EDGES]
        vanished = await self._measured(span.before(), tenant, wanted, gone[:room])
        shown = [
            _edge(edge, "steady" if edge.pair in earlier.edges else "new", seconds) for edge in kept
        ] + [_vanished(edge, span.seconds) for edge in vanished]
        return {
            "start": str(span.start * 10**9),
            "end": str(span.end * 10**9),
            "resolution_seconds": MINUTE,
            "services": _services(now, [*kept, *vanished], seconds),
            "edges": shown,
            **({"truncated": True} if len(edges) + len(gone) > len(shown) else {}),
        }

    async def timeline(
        self, span: Span, *, tenant: str, edge: str = "", service: str = ""
    ) -> dict[str, Any]:
        """Return how the calls of a mesh, of an edge or to a service went, as the API shows it.

        Args:
            span: The range.
            tenant: Whose mesh.
            edge: An edge's id; or else
            service: A service's; or neither.

        Raises: QueryError, EngineError.
        """
        pairs, ends = _readings(pairs_of(edge)), _readings(ends_of(service))
        if (edge and service) or (edge and not pairs) or (service and not ends):
            raise QueryError("give the id of one edge or of one service, as the map has it")
        step = _step(span)
        whole = span.aligned(step)
        count = whole.seconds // step
        if count > _MOST_POINTS:
            raise QueryError(f"the time range is longer than {_MOST_POINTS} days")
        sql = render_timeline(tenant, whole, step, pairs=pairs, ends=ends)
        found = {row[0]: row[1:] for row in await ask(self._store, sql)}
        return {
            "start": str(whole.start * 10**9),
            "end": str(whole.end * 10**9),
            "step_seconds": step,
            "points": [
                _point(time, found.get(time, _NO_POINT))
                for time in range(whole.start, whole.end, step)
            ],
        }

    async def _findings(
        self,
        span: Span,
        tenant: str,
        wanted: Filter,
        *,
        latency: bool,
        only: Sequence[Edge] | None = None,
    ) -> Findings:
        """Ask for what there is in a range; with `only`, at least for these edges."""
        scope = Scope(tenant, cover(span), wanted.cluster)
        if only is not None:
            sources = {end.name for edge in only for end in edge.sources}
            destinations = {end.name for edge in only for end in edge.destinations}
            scope = replace(
                scope, sources=tuple(sorted(sources)), destinations=tuple(sorted(destinations))
            )
        sql = render_map(scope, latency=latency, limit=_MOST_FOUND)
        return read(await ask(self._store, sql))

    async def _measured(
        self, span: Span, tenant: str, wanted: Filter, edges: Sequence[Edge]
    ) -> list[Edge]:
        """Return edges with their latencies."""
        if not edges:
            return []
        found = await self._findings(span, tenant, wanted, latency=True, only=edges)
        return [found.edges.get(edge.pair, edge) for edge in edges]


def _edge(edge: Edge, state: str, seconds: float) -> dict[str, Any]:
    return {
        "id": edge.pair.id,
        "source": edge.pair.source.id,
        "destination": edge.pair.destination.id,
        "protocol": edge.protocol,
        "reporter": edge.reporter,
        **edge.figures.shown(seconds),
        "state": state,
        "query": edge_query(edge.reporter, edge.sources, edge.destinations),
    }


def _vanished(edge: Edge, seconds: float) -> dict[str, Any]:
    """Return an edge that was there before, and is not any more."""
    figures = {**Figures().shown(seconds), "before": edge.figures.shown(seconds)}
    return _edge(edge, "vanished", seconds) | figures


def _services(now: Findings, edges: Sequence[Edge], seconds: float) -> list[dict[str, Any]]:
    """Return all that is at an end of an edge, with the calls to it."""
    homes: dict[End, Home] = {}
    for edge in edges:
        for end, home in (
            (edge.pair.source, edge.source_home),
            (edge.pair.destination, edge.destination_home),
        ):
            if end not in homes or homes[end] == _NO_HOME:
                homes[end] = home if end.name else _NO_HOME
    shown = [
        {
            "id": end.id,
            "name": end.name,
            "namespace": end.namespace,
            "cluster": home.cluster,
            "mesh": home.mesh,
            **now.services.get(end, Figures()).golden(seconds),
        }
        for end, home in homes.items()
    ]
    return sorted(shown, key=lambda service: (-service["requests"], service["id"]))


def _step(span: Span) -> int:
    """Return how many seconds a point stands for: there are some hundred points, except of years.

    A finer course would read more rows than can be waited for.
    """
    for step in RESOLUTIONS:
        if span.seconds <= _POINTS * step:
            return step
    return DAY


_NO_POINT = (0, 0, 0, ())


def _point(time: int, values: Sequence[Any]) -> dict[str, Any]:
    requests, errors, plaintext, quantiles = values
    p50, p95, p99 = milliseconds(quantiles)
    return {
        "time": str(time * 10**9),
        "requests": requests,
        "errors": errors,
        "plaintext": plaintext,
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
    }


def _readings(found: Sequence[_T]) -> Sequence[_T]:
    if len(found) > _MOST_READINGS:
        raise QueryError("the id has more slashes and angle brackets than a name may have")
    return found
