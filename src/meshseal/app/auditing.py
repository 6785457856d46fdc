"""Writes audit events into the spool, as records of the tenant `_platform`."""

from __future__ import annotations

import time

from meshseal.access.audit import AUDIT_DOOR, AUDIT_SERVICE, AuditEvent
from meshseal.model import telemetry
from meshseal.model.envelope import Envelope, Payload
from meshseal.model.identifiers import PLATFORM_TENANT
from meshseal.spool.spool import Spool


class SpoolAudit:
    """The audit trail. `write` raises OverloadedError when an event cannot be made durable."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    async def write(self, event: AuditEvent) -> None:
        """Make one event durable."""
        now = time.time_ns()
        envelope = Envelope(
            tenant=PLATFORM_TENANT,
            received_unix_nano=now,
            door=AUDIT_DOOR,
            source=event.principal.id,
            kind=Payload.DOCUMENTS,
            content=event.document(time_unix_nano=now),
            records=1,
            format="json",
            labels={"service.name": AUDIT_SERVICE},
        )
        await self._spool.append([envelope], privileged=True)
        telemetry.RECORDS_RECEIVED.labels(AUDIT_DOOR, PLATFORM_TENANT).inc()
        telemetry.SPOOL_RECORDS.inc()
