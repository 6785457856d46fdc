"""At the end of a test of the doors: no record is missing, and the server is well."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Mapping

from tests.server import ServerProcess
from tests.store_access import ask

NAMES = {"received", "stored", "refused", "deduplicated", "set_aside"}
EVERYTHING = 'sum(count_over_time({service_name=~"(?s).*"}[3660d]))'
_COUNT = "SELECT Door, Tenant, count() FROM {} GROUP BY Door, Tenant"

Counts = dict[tuple[str, str], dict[str, float]]
"""Of each door and tenant, the counters by their short names."""


def counts(server: ServerProcess) -> Counts:
    """Return the counters of records."""
    found: Counts = {}
    for (name, door, tenant), value in server.metrics().items():
        short = name.removeprefix("meshseal_records_").removesuffix("_total")
        if short in NAMES:
            found.setdefault((door, tenant), dict.fromkeys(NAMES, 0.0))[short] += value
    return found


def settled(server: ServerProcess) -> Counts:
    """Return the counters once nothing waits in the spool any more."""
    for _ in range(600):
        found = counts(server)
        waiting = [
            key
            for key, one in found.items()
            if one["received"] != sum(one[name] for name in NAMES - {"received"})
        ]
        if not waiting:
            return found
        time.sleep(0.1)
    raise AssertionError(f"received is not stored + refused + deduplicated + aside: {waiting}")


def check_conserved(server: ServerProcess, received: Mapping[tuple[str, str], int]) -> Counts:
    """Fail unless all that was sent is accounted for, and what is accounted as stored is stored.

    `received` is how many records were sent, by door and tenant.
    """
    found = settled(server)
    for key, records in received.items():
        assert found.get(key, {"received": 0})["received"] == records, key
    aside = {key: one["set_aside"] for key, one in found.items() if one["set_aside"]}
    assert aside == {}, [line[:1000] for line in server.log().splitlines() if "aside" in line]
    stored = {table: _stored(server, table) for table in ("logs", "spans")}
    both = stored["logs"] + stored["spans"]
    assert {key: one["stored"] for key, one in found.items() if one["stored"]} == dict(both)
    assert _arrived(server) == both, "arrivals"
    for tenant in {tenant for _, tenant in found if tenant}:
        expected = sum(count for key, count in stored["logs"].items() if key[1] == tenant)
        # A bent time may lie up to a day ahead.
        metric = server.metric(EVERYTHING, tenant=tenant, at=time.time() + 2 * 86_400)
        assert metric == expected, tenant
    return found


def _stored(server: ServerProcess, table: str) -> Counter[tuple[str, str]]:
    rows = ask(server, _COUNT.format(table))
    return Counter({(door, tenant): count for door, tenant, count in rows})


def _arrived(server: ServerProcess) -> Counter[tuple[str, str]]:
    """Return what the table of arrivals has counted, through whatever kills."""
    sql = (
        "SELECT Door, Tenant, sum(Records) FROM arrivals GROUP BY Door, Tenant HAVING sum(Records)"
    )
    return Counter({(door, tenant): count for door, tenant, count in ask(server, sql)})


def check_well(server: ServerProcess) -> None:
    """Fail unless the server lives, and nothing happened in it that nobody expected."""
    assert server.get("/readyz").status_code == 200
    os.kill(server.pid, 0)
    assert complaints(server) == []
    assert server.get("/meshseal/v1/status").json()["engine"]["restarts"] == 0


def complaints(server: ServerProcess) -> list[str]:
    """Return what the log has of exceptions that nobody expected."""
    found = (json.loads(line) for line in server.log().splitlines() if line.startswith("{"))
    # What is no HTTP/2 can make the library below the gRPC door raise; that ends the connection.
    known = "Unhandled exception in client_connected_cb"
    return [
        str(entry)[:2000]
        for entry in found
        if "exception" in entry and not entry["event"].startswith(known)
    ]
