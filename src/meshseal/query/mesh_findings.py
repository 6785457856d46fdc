"""What the table of edges says of a range of time, and which of its reports count.

Both ends of a call report it. Of the reports of an edge those of the reporter with more requests in
the asked range count, the caller's where there are as many; of the calls to a service those of the
side with more. What a service reports of callers that it cannot name is the other end of what its
callers report, as far as that goes, and then no edge of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from meshseal.query.mesh_names import End, Pair
from meshseal.query.mesh_sql import CLIENT, EDGE, INBOUND, REPORTERS, SIDES, SUMS

Quantiles = tuple[float | None, float | None, float | None]

_MOST_FLAGS = 20
_NO_QUANTILES = (math.nan,) * 3
_EXPLAINED = 1.01
"""How many times what callers report a service may report of callers without a name, before some of
them must be others: both ends do not report at quite the same time."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of some calls. Latencies in milliseconds, times in nanoseconds."""

    requests: int = 0
    errors_4xx: int = 0
    errors_5xx: int = 0
    failed: int = 0
    request_bytes: int = 0
    response_bytes: int = 0
    mutual: int = 0
    plaintext: int = 0
    unknown: int = 0
    retries: int = 0
    quantiles_ms: Quantiles = (None, None, None)
    flags: Mapping[str, int] = field(default_factory=dict)
    first_seen: int = 0
    last_seen: int = 0

    @property
    def errors(self) -> int:
        """Calls that failed at the service: an answer of 500 or more, or none."""
        return self.errors_5xx + self.failed

    def shown(self, seconds: float) -> dict[str, Any]:
        """Return the figures as the API shows them, for a range of so many seconds."""
        most = sorted(self.flags.items(), key=lambda flag: (-flag[1], flag[0]))[:_MOST_FLAGS]
        return {
            **{name: getattr(self, name) for name in SUMS},
            **self._shares(seconds),
            "flags": dict(most),
            "first_seen": str(self.first_seen) if self.requests else None,
            "last_seen": str(self.last_seen) if self.requests else None,
        }

    def golden(self, seconds: float) -> dict[str, Any]:
        """Return the golden signals of a service."""
        counted = {name: getattr(self, name) for name in ("mutual", "plaintext", "unknown")}
        return {
            "requests": self.requests,
            "errors": self.errors,
            **self._shares(seconds),
            **counted,
        }

    def _shares(self, seconds: float) -> dict[str, Any]:
        p50, p95, p99 = self.quantiles_ms
        return {
            "rate_per_second": round(self.requests / seconds, 6),
            "error_share": round(self.errors / self.requests, 6) if self.requests else 0.0,
            "p50_ms": p50,
            "p95_ms": p95,
            "p99_ms": p99,
        }


@dataclass(frozen=True, slots=True)
class Reported:
    """Calls from one end to another as one reporter tells of them."""

    pair: Pair
    reporter: str
    source_names: list[str]
    destination_names: list[str]
    protocol: str
    mesh: str
    cluster: str
    figures: Figures

    @property
    def side(self) -> str:
        """Which side of the destination tells of it."""
        if self.reporter == INBOUND:
            return INBOUND
        return CLIENT if self.pair.source.name or self.reporter == "outbound" else EDGE

    @property
    def rank(self) -> tuple[int, int]:
        """The least counts."""
        return -self.figures.requests, REPORTERS.index(self.reporter)

    @property
    def reporting_end(self) -> End:
        """Whose proxy reports."""
        return self.pair.source if self.side == CLIENT else self.pair.destination


@dataclass(slots=True)
class Findings:
    """What the table of edges says of a range, the most requests first."""

    edges: list[Reported] = field(default_factory=list)
    services: dict[tuple[End, str], Figures] = field(default_factory=dict)

    def chosen(self) -> dict[Pair, Reported]:
        """Return the report that counts for each edge.

        What a service reports of callers without a name is left out where its callers report as
        much.
        """
        found: dict[Pair, Reported] = {}
        for one in self.edges:
            other = found.get(one.pair)
            if other is None or one.rank < other.rank:
                found[one.pair] = one
        explained = self._explained()
        return {
            pair: one
            for pair, one in found.items()
            if pair.source.name
            or one.reporter != INBOUND
            or one.figures.requests > explained.get(pair.destination, 0) * _EXPLAINED
        }

    def golden(self, service: End) -> Figures:
        """Return the figures of the calls to a service, as the side tells that knows of most."""
        sides = [self.services.get((service, side), Figures()) for side in SIDES]
        return max(sides, key=lambda figures: figures.requests)

    def _explained(self) -> dict[End, int]:
        """Return how many calls to each service its callers report, and it does not with a name."""
        found: dict[End, int] = {}
        for one in self.edges:
            to, requests = one.pair.destination, one.figures.requests
            if one.side == CLIENT:
                found[to] = found.get(to, 0) + requests
            elif one.side == INBOUND and one.pair.source.name:
                found[to] = found.get(to, 0) - requests
        return found


def read(rows: Iterable[Sequence[Any]]) -> Findings:
    """Return what the rows of `render_map` say."""
    found = Findings()
    for row in rows:
        of_service, *ends, told_by, sources, destinations, protocol, mesh, cluster = row[:11]
        figures = figures_of(row[11:])
        pair = Pair(End(*ends[:2]), End(*ends[2:]))
        if of_service:
            found.services[pair.destination, told_by] = figures
        else:
            found.edges.append(
                Reported(pair, told_by, sources, destinations, protocol, mesh, cluster, figures)
            )
    return found


def figures_of(values: Sequence[Any]) -> Figures:
    """Return figures: the `SUMS`, quantiles in nanoseconds, flags, first and last time."""
    sums = dict(zip(SUMS, values, strict=False))
    quantiles, flags, first, last = values[len(SUMS) :]
    return Figures(
        **sums,
        quantiles_ms=milliseconds(quantiles),
        flags=flags,
        first_seen=first,
        last_seen=last,
    )


def milliseconds(nanos: Sequence[float]) -> Quantiles:
    """Return p50, p95 and p99 as they are shown, to the microsecond; None where there is none."""
    p50, p95, p99 = (
        None if math.isnan(value) else round(value / 1e6, 3) for value in nanos or _NO_QUANTILES
    )
    return p50, p95, p99
