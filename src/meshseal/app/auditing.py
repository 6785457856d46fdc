"""Writes audit events into the spool, as records of the tenant `_platform`."""

from __future__ import annotations

import asyncio
import time

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from meshseal.access import pending
from meshseal.access.audit import AUDIT_DOOR, AUDIT_SERVICE, AuditEvent
from meshseal.model import telemetry
from meshseal.model.envelope import Envelope, Payload
from meshseal.model.errors import OverloadedError
from meshseal.model.identifiers import PLATFORM_TENANT
from meshseal.spool.spool import Spool

_LOG = structlog.get_logger(__name__)
_PENDING_SECONDS = 5.0


class SpoolAudit:
    """The audit trail. `write` raises OverloadedError when an event cannot be made durable."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    async def write(self, event: AuditEvent) -> None:
        """Make one event durable."""
        document = event.document(time_unix_nano=time.time_ns())
        await self._append(event.principal.id, document)

    async def write_pending(self, state: Engine) -> None:
        """Make durable, again and again, what other programs did to the state."""
        while True:
            try:
                found = await asyncio.to_thread(pending.waiting, state)
                for one in found:
                    await self._append(one.principal, one.document)
                if found:
                    await asyncio.to_thread(pending.forget, state, [one.id for one in found])
            except (OverloadedError, SQLAlchemyError) as error:
                _LOG.warning("audit_still_pending", error=str(error)[:300])
            await asyncio.sleep(_PENDING_SECONDS)

    async def _append(self, source: str, document: bytes) -> None:
        envelope = Envelope(
            tenant=PLATFORM_TENANT,
            received_unix_nano=time.time_ns(),
            door=AUDIT_DOOR,
            source=source,
            kind=Payload.DOCUMENTS,
            content=document,
            records=1,
            format="json",
            labels={"service.name": AUDIT_SERVICE},
        )
        await self._spool.append([envelope], privileged=True)
        telemetry.RECORDS_RECEIVED.labels(AUDIT_DOOR, PLATFORM_TENANT).inc()
        telemetry.SPOOL_RECORDS.inc()
