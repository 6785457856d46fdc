"""Roles, permissions and tenants: the whole table."""

from __future__ import annotations

import pytest

from meshseal.access.identity import ANY_TENANT, PERMISSIONS, TRIAL, Permission, Principal, Role
from meshseal.model.errors import ForbiddenError, PayloadError

INGEST, LOGS = Permission.INGEST, Permission.READ_LOGS
LEDGER, ADMINISTER = Permission.READ_LEDGER, Permission.ADMINISTER
SERVICES, FORMATS = Permission.EDIT_SERVICES, Permission.EDIT_FORMATS
TABLE = {
    Role.ADMIN: {INGEST, LOGS, LEDGER, ADMINISTER, SERVICES, FORMATS},
    Role.SECURITY: {LOGS, LEDGER},
    Role.AUDITOR: {LOGS, LEDGER},
    Role.OPERATOR: {LOGS, LEDGER, SERVICES},
    Role.DEVELOPER: {LOGS},
    Role.SHIPPER: {INGEST},
}


def test_the_table_is_whole() -> None:
    assert set(TABLE) == set(Role) == set(PERMISSIONS)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("permission", Permission)
def test_a_role_may_what_the_table_says(role: Role, permission: Permission) -> None:
    principal = Principal("user:x", role, "team-a")
    if permission in TABLE[role]:
        principal.require(permission)
    else:
        with pytest.raises(ForbiddenError, match=role.value):
            principal.require(permission)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("tenant", ["team-a", ANY_TENANT, "_platform"])
def test_who_reads_the_audit_trail(role: Role, tenant: str) -> None:
    principal = Principal("user:x", role, tenant)
    if role in (Role.ADMIN, Role.SECURITY, Role.AUDITOR) and tenant != "team-a":
        assert principal.tenant_for_reading("_platform") == "_platform"
    else:
        with pytest.raises(ForbiddenError):
            principal.tenant_for_reading("_platform")


@pytest.mark.parametrize(
    ("own", "wanted", "result"),
    [
        pytest.param("team-a", None, "team-a", id="its own"),
        pytest.param("team-a", "", "team-a", id="an empty wish"),
        pytest.param("team-a", "team-a", "team-a", id="its own, named"),
        pytest.param("team-a", "team-b", ForbiddenError, id="another's"),
        pytest.param("team-a", "team-a|team-b", ForbiddenError, id="two at once"),
        pytest.param(ANY_TENANT, None, "default", id="no wish"),
        pytest.param(ANY_TENANT, "team-b", "team-b", id="a wish"),
        pytest.param(ANY_TENANT, "team-a|team-b", PayloadError, id="a wish for two"),
        pytest.param(ANY_TENANT, "*", PayloadError, id="a wish for all"),
    ],
)
def test_the_tenant_of_a_request(own: str, wanted: str | None, result: object) -> None:
    principal = Principal("user:x", Role.ADMIN, own)
    for tenant_of in (principal.tenant_for_reading, principal.tenant_for_writing):
        if isinstance(result, str):
            assert tenant_of(wanted) == result
        else:
            with pytest.raises(result):  # type: ignore[call-overload]
                tenant_of(wanted)


def test_nobody_writes_to_the_audit_trail() -> None:
    for principal in (TRIAL, Principal("key:x", Role.ADMIN, ANY_TENANT)):
        with pytest.raises((PayloadError, ForbiddenError)):
            principal.tenant_for_writing("_platform")
