"""Asks a server whether everything arrived."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.server import ServerProcess

Json = dict[str, Any]
WAIT_SECONDS = 60.0
SOON = ("--set", "completeness.settle_seconds=0")


def report(server: ServerProcess, *, tenant: str = "", **parameters: str) -> Json:
    """Return the whole answer."""
    headers = {"X-Scope-OrgID": tenant} if tenant else {}
    response = server.get("/meshseal/v1/completeness", parameters, headers=headers)
    assert response.status_code == 200, response.text
    found: Json = response.json()
    return found


def entry(found: Json, **names: str) -> Json | None:
    """Return the ledger's entry of a source."""
    return next(
        (one for one in found["ledger"] if all(one[name] == names[name] for name in names)), None
    )


def wait_for(
    server: ServerProcess, fits: Callable[[Json], bool], *, tenant: str = "", **parameters: str
) -> Json:
    """Return an answer that fits; fail if none ever does."""
    deadline = time.monotonic() + WAIT_SECONDS
    found: Json = {}
    while time.monotonic() < deadline:
        found = report(server, tenant=tenant, **parameters)
        if fits(found):
            return found
        time.sleep(0.2)
    raise AssertionError(f"this never became what it should: {found}")
