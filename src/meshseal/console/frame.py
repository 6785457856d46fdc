"""What every page has around it: whose records are shown, who reads, and where links lead."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from meshseal.access.identity import ANY_TENANT, Permission, Principal
from meshseal.model.errors import ForbiddenError, MeshsealError, PayloadError
from meshseal.model.identifiers import PLATFORM_TENANT


def frame(principal: Principal, tenant: str, chosen: str) -> dict[str, Any]:
    """Return what the bar above each page needs.

    Args:
        principal: Who reads.
        tenant: Whose page it is.
        chosen: The tenant that the address names, or ''.
    """
    return {
        "tenant": tenant,
        "chosen_tenant": chosen,
        "any_tenant": principal.tenant == ANY_TENANT,
        "principal": principal,
        "platform": PLATFORM_TENANT,
        "may_audit": _may_audit(principal),
    }


def may_edit(principal: Principal, permission: Permission, tenant: str) -> bool:
    """Say whether somebody may edit what a tenant has: a page without this has no forms."""
    try:
        principal.require(permission)
        return principal.tenant_for_writing(tenant) == tenant
    except (ForbiddenError, PayloadError):
        return False


def address(path: str, **parameters: str) -> str:
    """Return the address of a page; parameters that are empty are left out."""
    given = {name: value for name, value in parameters.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def status_of(error: MeshsealError) -> int:
    """Return the status of the page that shows an error.

    The engine's own refusals are nobody's fault who reads this page: it is not an error 500.
    """
    return 503 if error.http_status >= 500 else error.http_status


def retry_headers(status: int) -> dict[str, str]:
    """Return the headers that say when to ask again, where the engine is away."""
    return {"Retry-After": "2"} if status == 503 else {}


def _may_audit(principal: Principal) -> bool:
    """Say whether a reader may read the audit trail beside the records of a tenant."""
    try:
        principal.tenant_for_reading(PLATFORM_TENANT)
    except ForbiddenError:
        return False
    return True
