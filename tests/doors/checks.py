"""What the tests of the doors from end to end ask of a server."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.server import ServerProcess
from tests.store_access import ask

_WAIT_SECONDS = 120.0
# What every record has, or is made when it is read.
_OWN = ("meshseal_batch", "meshseal_seq", "meshseal_format", "meshseal_door", "platform")
_BECOMES = ("stored", "refused", "deduplicated")


def until(condition: Callable[[], object], explain: Callable[[], str] = str) -> None:
    """Return as soon as a condition holds; fail, with an explanation, when it never does."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.05)


def port_of(server: ServerProcess, door: str) -> int:
    """Return the port of a door's own listener."""
    return int(server.urls[door].rpartition(":")[2])


def count_query(door: str) -> str:
    """Return the LogQL that counts what came by a door."""
    return f'sum(count_over_time({{meshseal_door="{door}"}}[2h]))'


def check_found(
    server: ServerProcess, door: str, wanted: list[dict[str, Any]], *, but: tuple[str, ...] = ()
) -> None:
    """Check that there are these records and no others, each once.

    The text of each begins with `part N: `, N being the thousand that it is in. `but` names labels
    that do not matter.
    """
    server.wait_for_count(len(wanted), count_query(door))
    for part in range(-(-len(wanted) // 1000)):
        here = [
            {name: value for name, value in record.items() if name not in (*_OWN, *but)}
            for record in server.records(f'{{meshseal_door="{door}"}} |= "part {part}: "')
        ]
        expected = wanted[part * 1000 : part * 1000 + 1000]
        assert sorted(here, key=lambda one: int(one["time_unix_nano"])) == expected


def wait_for_rows(server: ServerProcess, sql: str, count: int) -> list[tuple[Any, ...]]:
    """Return what a statement gives as soon as that is so many rows or more."""
    rows: list[tuple[Any, ...]] = []

    def found() -> bool:
        rows[:] = ask(server, sql)
        return len(rows) >= count

    until(found, lambda: f"{len(rows)} rows, not {count}")
    return rows


def counted(server: ServerProcess, door: str, tenant: str = "default") -> dict[str, float]:
    """Return what a door has counted since the server's start."""
    metrics = server.metrics()
    names = ("received", *_BECOMES)
    return {
        name: metrics.get((f"meshseal_records_{name}_total", door, tenant), 0) for name in names
    }


def conserved(server: ServerProcess, door: str, tenant: str = "default") -> dict[str, float]:
    """Return the counters once received = stored + refused + deduplicated; fail if never."""
    sums: dict[str, float] = {}

    def balanced() -> bool:
        sums.update(counted(server, door, tenant))
        return sums["received"] > 0 and sums["received"] == sum(sums[name] for name in _BECOMES)

    until(balanced, lambda: f"received is not stored, refused and deduplicated: {sums}")
    return sums


def check_conserved(server: ServerProcess, door: str, *, refused: int = 0) -> None:
    """Check that what was received since the start is stored, a copy, or so often refused."""
    assert conserved(server, door)["refused"] == refused
