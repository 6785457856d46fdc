"""Who is there, and what each role may do.

Every request has a principal. In trial mode it is `TRIAL`; otherwise an API key or a session names
it. A principal belongs to one tenant, or to `ANY_TENANT` and then chooses one per request.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from meshseal.model.errors import ForbiddenError
from meshseal.model.identifiers import DEFAULT_TENANT, PLATFORM_TENANT, check_tenant

ANY_TENANT = "*"


class Permission(enum.Enum):
    """What can be asked for."""

    INGEST = "send records"
    READ_LOGS = "read records"
    READ_LEDGER = "read the transparency log, manifests and proofs"
    ADMINISTER = "create users and keys"
    EDIT_SERVICES = "edit the register of services"
    EDIT_FORMATS = "change how records are read"


class Role(enum.StrEnum):
    """The roles; `docs/explanation/security.md` says who should have which."""

    ADMIN = "admin"
    SECURITY = "security"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    DEVELOPER = "developer"
    SHIPPER = "shipper"


PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.SECURITY: frozenset({Permission.READ_LOGS, Permission.READ_LEDGER}),
    Role.AUDITOR: frozenset({Permission.READ_LOGS, Permission.READ_LEDGER}),
    Role.OPERATOR: frozenset(
        {Permission.READ_LOGS, Permission.READ_LEDGER, Permission.EDIT_SERVICES}
    ),
    Role.DEVELOPER: frozenset({Permission.READ_LOGS}),
    Role.SHIPPER: frozenset({Permission.INGEST}),
}

_PLATFORM_READERS = frozenset({Role.ADMIN, Role.SECURITY, Role.AUDITOR})


@dataclass(frozen=True, slots=True)
class Principal:
    """A known sender or reader.

    Attributes:
        id: `key:<id>`, `user:<name>`, `owner` or `trial`; goes into `Source` and the audit trail.
        role: What it may do.
        tenant: The one tenant it may act for, or `ANY_TENANT`.
    """

    id: str
    role: Role
    tenant: str

    def require(self, permission: Permission) -> None:
        """Raises: ForbiddenError when the role does not have the permission."""
        if permission not in PERMISSIONS[self.role]:
            raise ForbiddenError(
                f"{self.id} has the role {self.role} and may not {permission.value}"
            )

    def tenant_for_reading(self, wanted: str | None) -> str:
        """Return the tenant a read is bound to. Raises: ForbiddenError, PayloadError."""
        if wanted == PLATFORM_TENANT:
            if self.role not in _PLATFORM_READERS or self.tenant not in (ANY_TENANT, wanted):
                raise ForbiddenError(f"{self.id} may not read the audit trail")
            return PLATFORM_TENANT
        return self._tenant(wanted)

    def tenant_for_writing(self, wanted: str | None) -> str:
        """Return the tenant that records are stored for. Raises: ForbiddenError, PayloadError."""
        return self._tenant(wanted)

    def _tenant(self, wanted: str | None) -> str:
        if self.tenant == ANY_TENANT:
            return check_tenant(wanted) if wanted else DEFAULT_TENANT
        if wanted and wanted != self.tenant:
            raise ForbiddenError(f"{self.id} belongs to another tenant than {wanted[:63]!r}")
        return self.tenant


OWNER = Principal(id="owner", role=Role.ADMIN, tenant=ANY_TENANT)
"""Whoever may write to the data directory: the command line acts for them."""

TRIAL = Principal(id="trial", role=Role.ADMIN, tenant=ANY_TENANT)
"""Everybody, in trial mode."""
