"""The definitions in the state: formats of an installation's own, and the register of services.

An edit and its audit record are one transaction. All functions here block on the state: callers in
an event loop run them in a thread.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, insert, select

from meshseal.access import pending
from meshseal.access.audit import AuditEvent
from meshseal.access.identity import ANY_TENANT, Principal
from meshseal.access.state import FORMATS, SERVICES
from meshseal.model.own_format import OwnFormat, own_format
from meshseal.model.register import Service

_MAX_AUDITED = 4096


@dataclass(frozen=True, slots=True)
class Editor:
    """Who edits, and from where."""

    principal: Principal
    client_address: str = ""


class Definitions:
    """The definitions in a state."""

    def __init__(self, state: Engine) -> None:
        self._state = state

    def formats(self) -> list[OwnFormat]:
        """Return every format, by name."""
        with self._state.connect() as connection:
            rows = connection.execute(select(FORMATS).order_by(FORMATS.c.name))
            return [own_format(row.name, json.loads(row.definition)) for row in rows]

    def services(self) -> list[Service]:
        """Return every service of every tenant."""
        with self._state.connect() as connection:
            return [
                Service(
                    row.tenant,
                    row.name,
                    row.namespace,
                    tuple(json.loads(row.aliases)),
                    json.loads(row.labels),
                )
                for row in connection.execute(select(SERVICES))
            ]

    def put_format(self, own: OwnFormat, editor: Editor) -> None:
        """Add a format, or put another definition in its place."""
        definition = json.dumps(own.document())
        with self._state.begin() as connection:
            connection.execute(delete(FORMATS).where(FORMATS.c.name == own.name))
            values = {"name": own.name, "definition": definition, "mesh": own.mesh}
            _insert(connection, FORMATS, values, editor)
            details = {"format": own.name, "definition": definition}
            _note(connection, "format.put", ANY_TENANT, editor, details)

    def remove_format(self, name: str, editor: Editor) -> None:
        """Remove a format."""
        with self._state.begin() as connection:
            connection.execute(delete(FORMATS).where(FORMATS.c.name == name))
            _note(connection, "format.remove", ANY_TENANT, editor, {"format": name})

    def put_service(self, service: Service, editor: Editor) -> None:
        """Add a service, or put another description in its place."""
        values = {
            "tenant": service.tenant,
            "name": service.name,
            "namespace": service.namespace,
            "aliases": json.dumps(service.aliases),
            "labels": json.dumps(dict(service.labels)),
        }
        with self._state.begin() as connection:
            _delete_service(connection, service.tenant, service.name)
            _insert(connection, SERVICES, values, editor)
            details = {key: text for key, text in values.items() if key not in ("tenant", "name")}
            details["service"] = service.name
            _note(connection, "service.put", service.tenant, editor, details)

    def remove_service(self, tenant: str, name: str, editor: Editor) -> None:
        """Remove a service."""
        with self._state.begin() as connection:
            _delete_service(connection, tenant, name)
            _note(connection, "service.remove", tenant, editor, {"service": name})


def _delete_service(connection: Connection, tenant: str, name: str) -> None:
    connection.execute(delete(SERVICES).where(SERVICES.c.tenant == tenant, SERVICES.c.name == name))


def _insert(connection: Connection, table: Table, values: dict[str, Any], editor: Editor) -> None:
    changed = {"changed_unix_nano": time.time_ns(), "changed_by": editor.principal.id}
    connection.execute(insert(table).values(**values, **changed))


def _note(
    connection: Connection, action: str, tenant: str, editor: Editor, details: dict[str, str]
) -> None:
    cut: dict[str, str | int] = {key: text[:_MAX_AUDITED] for key, text in details.items()}
    event = AuditEvent(action, editor.principal, tenant, editor.client_address, cut)
    pending.note(connection, event)
