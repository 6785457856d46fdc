"""What every dialect of reading shares: who reads whose records, the audit record, the metrics."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.requests import Request

from meshseal.access.audit import AuditEvent, AuditSink
from meshseal.access.identity import Permission, Principal
from meshseal.api.gate import TENANT_HEADER, Gate
from meshseal.model import telemetry
from meshseal.model.errors import MeshsealError
from meshseal.query.reader import Reader

PURPOSE_HEADER = "meshseal-purpose"
_MAX_AUDITED = 4096


@dataclass(slots=True)
class Read:
    """One read: who asks, for whose records, and what is to be written down about it."""

    principal: Principal
    tenant: str
    details: dict[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadContext:
    """What reads need.

    Attributes:
        gate: Who authenticates.
        reader: What asks the store.
        audit: Where each read is written down.
    """

    gate: Gate
    reader: Reader
    audit: AuditSink

    @asynccontextmanager
    async def reading(
        self,
        request: Request,
        *,
        api: str,
        action: str,
        permission: Permission = Permission.READ_LOGS,
        tenant: str | None = None,
    ) -> AsyncIterator[Read]:
        """Authenticate a read, let it happen, and write it down before its answer leaves.

        Args:
            request: The request.
            api: The interface, for metrics.
            action: What is done, for the audit trail.
            permission: What it takes.
            tenant: The tenant, if the request does not name it by its header.

        Raises: AuthenticationError, ForbiddenError; OverloadedError when the audit record cannot be
            made durable, and then nothing is answered.
        """
        started = time.monotonic()
        outcome = "ok"
        try:
            principal = await self.gate.principal(request.headers)
            principal.require(permission)
            wanted = tenant or request.headers.get(TENANT_HEADER)
            read = Read(principal, principal.tenant_for_reading(wanted))
            yield read
            await self._write_down(request, action, read)
        except MeshsealError as error:
            outcome = error.code
            raise
        finally:
            telemetry.READS.labels(api, outcome).inc()
            telemetry.READ_SECONDS.labels(api).observe(time.monotonic() - started)

    async def _write_down(self, request: Request, action: str, read: Read) -> None:
        purpose = request.headers.get(PURPOSE_HEADER) or request.headers.get("x-query-tags", "")
        details = {
            key: value[:_MAX_AUDITED] if isinstance(value, str) else value
            for key, value in read.details.items()
        }
        if purpose:
            details["purpose"] = purpose[:_MAX_AUDITED]
        event = AuditEvent(
            action=action,
            principal=read.principal,
            tenant=read.tenant,
            client_address=request.client.host if request.client else "",
            details=details,
        )
        await self.audit.write(event)
