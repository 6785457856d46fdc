"""A mesh that does not exist: the map's and the timeline's JSON, from a seed.

The shape is that of `GET /meshseal/v1/mesh/map` and `/meshseal/v1/mesh/timeline`.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

SECOND = 10**9
OUTSIDE = "outside"
NAMESPACES = (
    "storefront", "checkout", "payments", "catalog", "search", "accounts", "identity", "orders",
    "inventory", "shipping", "pricing", "messaging", "recommend", "reporting", "media", "fraud",
    "loyalty", "support", "platform", "edge",
)  # fmt: skip
WORDS = (
    "web", "api", "cart", "worker", "gateway", "cache", "ledger", "session", "profile", "quote",
    "index", "stock", "label", "refund", "invoice", "notify", "images", "rules", "events", "export",
)  # fmt: skip
FLAGS = ("UF", "URX", "UO", "NR", "UH", "UC", "DC")


@dataclass(slots=True)
class World:
    """What a mesh has: pairs of services that speak, and of which kinds."""

    services: list[str]
    pairs: list[tuple[str, str]]
    kinds: dict[str, str] = field(default_factory=dict)


def make_world(services: int, edges: int, *, seed: int = 4) -> World:
    """Return a mesh: most calls stay in a namespace, and most of the others go inwards."""
    dice = random.Random(seed)
    names = _names(services)
    depth = {name: index / services + dice.random() * 0.25 for index, name in enumerate(names)}
    homes = defaultdict(list)
    for name in names:
        homes[name.partition("/")[0]].append(name)
    pairs: dict[tuple[str, str], None] = {}
    for name in names[: max(1, services // 60)]:
        pairs[(OUTSIDE, name)] = None
    while len(pairs) < edges:
        source = dice.choice(names)
        near = homes[source.partition("/")[0]]
        target = dice.choice(near if dice.random() < 0.62 else names)
        if target == source or (depth[target] < depth[source] and dice.random() < 0.93):
            continue
        pairs[(source, target)] = None
    world = World([*names, OUTSIDE], list(pairs))
    kinds = ["plaintext"] * max(2, edges // 60) + ["errors"] * max(2, edges // 25)
    kinds += ["new"] * max(1, edges // 250) + ["vanished"] * max(1, edges // 250)
    for kind, pair in zip(kinds, dice.sample(world.pairs, len(kinds)), strict=True):
        world.kinds[edge_id(*pair)] = kind
    return world


def edge_id(source: str, destination: str) -> str:
    """Return the name of an edge."""
    return f"{source}>{destination}"


def map_json(world: World, *, end: int, seconds: int = 3600, seed: int = 7) -> dict[str, Any]:
    """Return the map of a mesh in the seconds before `end`, in nanoseconds since the epoch."""
    dice = random.Random(seed)
    edges = [_edge(world, pair, dice, end=end, seconds=seconds) for pair in world.pairs]
    services = [_service(name, edges, seconds) for name in world.services]
    start = end - seconds * SECOND
    return {
        "start": str(start),
        "end": str(end),
        "resolution_seconds": 60,
        "services": services,
        "edges": edges,
    }


def timeline_json(*, start: int, end: int, scale: float = 1.0, seed: int = 3) -> dict[str, Any]:
    """Return a timeline of at most 120 points between two times in nanoseconds."""
    dice = random.Random(seed)
    step = max(60, (end - start) // SECOND // 60 // 60 * 60)
    first = start // SECOND // step * step
    points = []
    for number, at in enumerate(range(first, end // SECOND + 1, step)):
        requests = int(scale * step * (60 + 25 * math.sin(number / 7) + 10 * dice.random()))
        latency = 20 + 6 * dice.random()
        points.append(
            {
                "time": str(at * SECOND),
                "requests": requests,
                "errors": int(requests * (0.12 if 30 < number < 36 else 0.012)),
                "plaintext": int(requests * 0.02) if number > 40 else 0,
                "p50_ms": round(latency, 3),
                "p95_ms": round(latency * 3, 3),
                "p99_ms": round(latency * 5, 3),
            }
        )
    last = first + len(points) * step
    return {
        "start": str(first * SECOND),
        "end": str(last * SECOND),
        "step_seconds": step,
        "points": points,
    }


def _names(count: int) -> list[str]:
    spaces = NAMESPACES[: max(3, min(len(NAMESPACES), count // 14))]
    names = []
    for number in range(count):
        space = spaces[number % len(spaces)]
        turn = number // len(spaces)
        word = WORDS[(turn + 3 * (number % len(spaces))) % len(WORDS)]
        again = f"-{turn // len(WORDS) + 1}" if turn >= len(WORDS) else ""
        names.append(f"{space}/{word}{again}")
    return names


def _edge(
    world: World, pair: tuple[str, str], dice: random.Random, *, end: int, seconds: int
) -> dict[str, Any]:
    name = edge_id(*pair)
    kind = world.kinds.get(name, "")
    figures = _figures(kind, dice, seconds)
    state = kind if kind in ("new", "vanished") else "steady"
    source, destination = (part.rpartition("/")[2] for part in pair)
    start = end - seconds * SECOND
    seen = {"first_seen": start + 30 * SECOND, "last_seen": end - SECOND}
    if state == "vanished":
        seen = {"first_seen": start - 900 * SECOND, "last_seen": start - 60 * SECOND}
    edge: dict[str, Any] = {
        "id": name,
        "source": pair[0],
        "destination": pair[1],
        "protocol": dice.choice(["http", "http", "grpc", "tcp"]),
        "reporter": "gateway" if pair[0] == OUTSIDE else dice.choice(["outbound", "inbound"]),
        **(_figures("none", dice, seconds) if state == "vanished" else figures),
        **(dict.fromkeys(seen) if state == "vanished" else _texts(seen)),
        "state": state,
        "query": f'{{service_name="{source}"}} | peer_service="{destination}"',
    }
    if state == "vanished":
        edge["before"] = figures | _texts(seen)
    return edge


def _texts(times: dict[str, int]) -> dict[str, str]:
    return {key: str(value) for key, value in times.items()}


def _figures(kind: str, dice: random.Random, seconds: int) -> dict[str, Any]:
    requests = 0 if kind == "none" else int(seconds * 10 ** dice.uniform(-1.5, 1.7)) + 1
    failing = dice.uniform(0.03, 0.3) if kind == "errors" else 0.0005
    errors, failed = int(requests * failing * 0.8), int(requests * failing * 0.2)
    plaintext = requests if kind == "plaintext" else 0
    unknown = requests - plaintext if dice.random() < 0.06 else 0
    latency = 10 ** dice.uniform(0, 2.3)
    some = requests > 0
    return {
        "requests": requests,
        "errors_4xx": int(requests * 0.01),
        "errors_5xx": errors,
        "failed": failed,
        "rate_per_second": requests / seconds,
        "error_share": (errors + failed) / requests if some else 0.0,
        "p50_ms": round(latency, 3) if some else None,
        "p95_ms": round(latency * 3.1, 3) if some else None,
        "p99_ms": round(latency * 6.4, 3) if some else None,
        "request_bytes": requests * 412,
        "response_bytes": requests * 2310,
        "mutual": requests - plaintext - unknown,
        "plaintext": plaintext,
        "unknown": unknown,
        "retries": errors // 2,
        "flags": {dice.choice(FLAGS): failed} if failed else {},
    }


def _service(name: str, edges: Iterable[dict[str, Any]], seconds: int) -> dict[str, Any]:
    inward = [edge for edge in edges if edge["destination"] == name]
    sums = {
        key: sum(edge[key] for edge in inward)
        for key in ("requests", "mutual", "plaintext", "unknown")
    }
    errors = sum(edge["errors_5xx"] + edge["failed"] for edge in inward)
    slowest = max(inward, key=lambda edge: edge["requests"], default=None)
    space, _, short = name.rpartition("/")
    return {
        "id": name,
        "name": "" if name == OUTSIDE else short,
        "namespace": space,
        "cluster": "" if name == OUTSIDE else "eu-1",
        "mesh": "" if name == OUTSIDE else "istio",
        "errors": errors,
        "rate_per_second": sums["requests"] / seconds,
        "error_share": errors / sums["requests"] if sums["requests"] else 0.0,
        **{key: slowest[key] if slowest else None for key in ("p50_ms", "p95_ms", "p99_ms")},
        **sums,
    }
