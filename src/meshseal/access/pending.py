"""Audit records of acts on the state by the command line, until the server spools them.

An act and its record are one transaction: neither is there without the other. The server takes the
records along within seconds, or when it next starts. One may be written twice after a crash, and
none is lost.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, insert, select

from meshseal.access.audit import AuditEvent
from meshseal.access.state import PENDING_AUDIT

_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Pending:
    """A record that waits: its number, who acted, and the record itself."""

    id: int
    principal: str
    document: bytes


def note(connection: Connection, event: AuditEvent) -> None:
    """Write an act down in the transaction that does it."""
    document = event.document(time_unix_nano=time.time_ns())
    connection.execute(
        insert(PENDING_AUDIT).values(principal=event.principal.id, document=document)
    )


def waiting(state: Engine) -> list[Pending]:
    """Return the oldest records that wait."""
    query = select(PENDING_AUDIT).order_by(PENDING_AUDIT.c.id).limit(_AT_ONCE)
    with state.connect() as connection:
        rows = connection.execute(query).all()
    return [Pending(row.id, row.principal, row.document) for row in rows]


def forget(state: Engine, numbers: Sequence[int]) -> None:
    """Forget records that are durable elsewhere."""
    with state.begin() as connection:
        connection.execute(delete(PENDING_AUDIT).where(PENDING_AUDIT.c.id.in_(numbers)))
