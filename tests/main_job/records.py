"""Records of every kind, as their senders send them."""

from __future__ import annotations

import json
import time

from tests.faults.load import wait_until
from tests.server import ServerProcess, istio_line
from tests.store_access import ask


def send_mixed(server: ServerProcess, each: int, *, tenant: str = "") -> None:
    """Send `each` Istio lines, logfmt lines, documents and odd lines; four times as many in all."""
    now = time.time_ns()
    odd = ["", "\x00\x01", "ünï ☃", "a\tb", '{"broken": ', "x" * 5000, "'; DROP TABLE logs; --"]
    bodies = (
        "\n".join(istio_line(n, at_unix_nano=now - n * 10**6) for n in range(each)),
        "\n".join(f'level=info n={n} msg="number {n}"' for n in range(each)),
        "\n".join(f"{n} {odd[n % len(odd)]}" for n in range(each)),
    )
    for body in bodies:
        assert server.ship(body.encode(), tenant=tenant) == each
    documents = "\n".join(
        json.dumps({"message": f"document {n}", "deep": {"list": [n, {"x": None}]}, "n": n})
        for n in range(each)
    )
    headers = {"X-Scope-OrgID": tenant} if tenant else {}
    response = server.post("/ingest/v1/documents", documents.encode(), headers=headers)
    assert response.json()["records"] == each


def wait_sealed(server: ServerProcess, tenant: str = "default") -> None:
    """Return when every batch of a tenant that is stored is sealed too, which is a moment later."""
    rows = ask(server, f"SELECT DISTINCT Batch FROM logs WHERE Tenant = '{tenant}'")
    missing = [batch for (batch,) in rows]

    def all_sealed() -> bool:
        while missing:
            where = {"batch": missing[-1], "seq": 0}
            if not server.get("/meshseal/v1/proof", where, headers={"X-Scope-OrgID": tenant}).ok:
                return False
            missing.pop()
        return True

    wait_until(all_sealed, "sealing every batch")
