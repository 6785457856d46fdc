"""The frame of the mesh map: what its script needs to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from meshseal.access.identity import Permission, Principal
from meshseal.api.gate import TENANT_HEADER
from meshseal.api.times import parse_step
from meshseal.console.frame import frame
from meshseal.console.view import CUSTOM, DEFAULT_SINCE, PRESETS

MESH_PRESETS = (*PRESETS, "30d")
_RANGES = {"start", "end", "from", "to"}
LEAST_RATES = ("0", "0.01", "0.1", "1", "10", "100", "1000")
"""Requests a second below which the page can leave edges out."""


def mesh_frame(principal: Principal, request: Request, now: int) -> dict[str, Any]:
    """Return what the template needs.

    Args:
        principal: Who asks.
        request: The request.
        now: The time, in nanoseconds since the epoch.

    Raises: ForbiddenError, PayloadError unless the principal may read the tenant's logs.
    """
    principal.require(Permission.READ_LOGS)
    given = request.query_params
    milliseconds = now // 10**6
    chosen = given.get("tenant", "").strip()
    tenant = principal.tenant_for_reading(chosen or request.headers.get(TENANT_HEADER))
    return {
        **frame(principal, tenant, chosen),
        "presets": MESH_PRESETS,
        "default_since": DEFAULT_SINCE,
        "custom": CUSTOM,
        "rates": LEAST_RATES,
        "now_milliseconds": milliseconds,
        "asked_first": _asked_first(given, chosen, milliseconds),
    }


def _asked_first(given: Mapping[str, str], tenant: str, milliseconds: int) -> str:
    """Return the address that the page's script will ask for first, letter by letter.

    A browser told of it asks while it still loads the script. Where the page's address fixes a
    range of its own, the script alone finds it: ''.
    """
    since = given.get("since", DEFAULT_SINCE)
    if since not in MESH_PRESETS or given.keys() & _RANGES:
        return ""
    start = milliseconds - parse_step(since, name="since") // 10**6
    parameters = {"start": f"{start}000000", "end": f"{milliseconds}000000"}
    asked = urlencode(parameters | ({"tenant": tenant} if tenant else {}))
    return f"/meshseal/v1/mesh/map?{asked}"
