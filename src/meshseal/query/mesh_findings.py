"""What the table of edges says of a range of time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from meshseal.query.mesh_names import End, Pair
from meshseal.query.mesh_sql import SUMS

Quantiles = tuple[float | None, float | None, float | None]

_MOST_FLAGS = 20
_NO_QUANTILES = (math.nan,) * 3


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
class Home:
    """Where a service runs, as it says itself."""

    mesh: str
    cluster: str


@dataclass(frozen=True, slots=True)
class Edge:
    """Calls from one end to another, as one reporter tells of them.

    `sources` and `destinations` are what records call the ends; one without a name has no home.
    """

    pair: Pair
    reporter: str
    sources: list[End]
    destinations: list[End]
    protocol: str
    source_home: Home
    destination_home: Home
    figures: Figures


@dataclass(slots=True)
class Findings:
    """What there is in a range: the edges, the most requests first, and the calls to services."""

    edges: dict[Pair, Edge] = field(default_factory=dict)
    services: dict[End, Figures] = field(default_factory=dict)


def read(rows: Iterable[Sequence[Any]]) -> Findings:
    """Return what the rows of `render_map` say."""
    found = Findings()
    for of_service, ends, reporter, sources, destinations, protocol, homes, *values in rows:
        pair, figures = Pair(End(*ends[:2]), End(*ends[2:])), figures_of(values)
        if of_service:
            found.services[pair.destination] = figures
            continue
        found.edges[pair] = Edge(
            pair,
            reporter,
            sorted(End(*name) for name in sources),
            sorted(End(*name) for name in destinations),
            protocol,
            Home(*homes[:2]),
            Home(*homes[2:]),
            figures,
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
