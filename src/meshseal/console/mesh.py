"""The frame of the mesh map: what its script needs to begin with."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from meshseal.access.identity import ANY_TENANT, Permission, Principal
from meshseal.api.gate import TENANT_HEADER
from meshseal.console.view import CUSTOM, DEFAULT_SINCE, PRESETS
from meshseal.model.identifiers import PLATFORM_TENANT

MESH_PRESETS = (*PRESETS, "30d")
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
    chosen = request.query_params.get("tenant", "").strip()
    tenant = principal.tenant_for_reading(chosen or request.headers.get(TENANT_HEADER))
    return {
        "tenant": tenant,
        "chosen_tenant": chosen,
        "any_tenant": principal.tenant == ANY_TENANT,
        "principal": principal,
        "platform": PLATFORM_TENANT,
        "presets": MESH_PRESETS,
        "default_since": DEFAULT_SINCE,
        "custom": CUSTOM,
        "rates": LEAST_RATES,
        "now_milliseconds": now // 10**6,
    }
