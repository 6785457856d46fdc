"""The audit trail: what is written down about each read and each act.

An audit record is an ordinary record of the tenant `_platform`: it passes through the same spool,
mill and log as every other, and is sealed with them. An act whose record cannot be spooled does
not happen.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Protocol

from meshseal.access.identity import Principal

AUDIT_DOOR = "audit"
AUDIT_SERVICE = "meshseal"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One read or act.

    Attributes:
        action: What was done, such as `logs.query`; a closed set, documented with the doors.
        principal: Who did it.
        tenant: Whose data it concerned.
        client_address: Where the request came from.
        details: What belongs to the action: the query, the time range, rows returned, ...
    """

    action: str
    principal: Principal
    tenant: str
    client_address: str = ""
    details: dict[str, str | int] = field(default_factory=dict)

    def document(self, *, time_unix_nano: int) -> bytes:
        """Return the event as one JSON document, keys in OpenTelemetry's words where they exist."""
        content: dict[str, str | int] = {
            "timestamp": str(time_unix_nano),
            "level": "info",
            "event.name": self.action,
            "user.id": self.principal.id,
            "user.roles": self.principal.role.value,
            "client.address": self.client_address,
            "meshseal.audit.tenant": self.tenant,
            **{f"meshseal.audit.{key}": value for key, value in self.details.items()},
        }
        return json.dumps(content, separators=(",", ":")).encode()


class AuditSink(Protocol):
    """Where audit events go."""

    async def write(self, event: AuditEvent) -> None:
        """Return when the event is durable; raise when it cannot be made so."""
