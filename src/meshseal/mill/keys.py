"""The keys of batches, each stored encrypted under its tenant's key, which is under the master's.

Destroying a batch's key makes every hash of the batch useless for guessing what was hashed; the
tree stays valid.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from meshseal.access.keys import KEY_BYTES, Keyring, unwrap, wrap
from meshseal.access.state import BATCHES, TENANTS
from meshseal.mill.plan import BatchPlan
from meshseal.model.errors import IntegrityError

_PURPOSE = "tenant-keys"


class BatchKeys:
    """The batch keys in a state. May be used from several threads."""

    def __init__(self, state: Engine, keyring: Keyring) -> None:
        self._state = state
        self._root = keyring.derive(_PURPOSE)

    def create(self, batches: Iterable[BatchPlan]) -> dict[int, bytes]:
        """Return the key of each batch, the same one each time; durable when it returns."""
        wanted = {batch.batch: batch for batch in batches}
        keys = self.load(wanted)
        missing = [batch for number, batch in wanted.items() if number not in keys]
        if not missing:
            return keys
        tenants = {tenant: self._tenant_key(tenant) for tenant in {b.tenant for b in missing}}
        rows = []
        for batch in missing:
            key = secrets.token_bytes(KEY_BYTES)
            keys[batch.batch] = key
            context = _context(batch.tenant, batch.batch)
            rows.append(
                {
                    "batch": batch.batch,
                    "tenant": batch.tenant,
                    "wrapped_key": wrap(key, under=tenants[batch.tenant], context=context),
                }
            )
        with self._state.begin() as connection:
            connection.execute(insert(BATCHES), rows)
        return keys

    def load(self, batches: Iterable[int]) -> dict[int, bytes]:
        """Return the keys of those batches that have one. Raises: IntegrityError."""
        wanted = list(batches)
        query = select(BATCHES.c.batch, BATCHES.c.tenant, BATCHES.c.wrapped_key)
        keys: dict[int, bytes] = {}
        with self._state.connect() as connection:
            for start in range(0, len(wanted), 500):
                part = wanted[start : start + 500]
                for row in connection.execute(query.where(BATCHES.c.batch.in_(part))).all():
                    under = self._tenant_key(row.tenant)
                    context = _context(row.tenant, row.batch)
                    keys[row.batch] = unwrap(row.wrapped_key, under=under, context=context)
        return keys

    def _tenant_key(self, tenant: str) -> bytes:
        """Return a tenant's key, creating it if the tenant is new."""
        query = select(TENANTS.c.wrapped_key).where(TENANTS.c.name == tenant)
        with self._state.begin() as connection:
            wrapped = connection.execute(query).scalar()
            if wrapped is None:
                dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
                new = wrap(
                    secrets.token_bytes(KEY_BYTES), under=self._root, context=_tenant(tenant)
                )
                connection.execute(
                    dialect.insert(TENANTS)
                    .values(name=tenant, wrapped_key=new, created_unix_nano=time.time_ns())
                    .on_conflict_do_nothing()
                )
                wrapped = connection.execute(query).scalar_one()
        return unwrap(wrapped, under=self._root, context=_tenant(tenant))


def sealed_entries(state: Engine, batches: Iterable[int]) -> dict[int, int]:
    """Return the index in the log of each batch that is sealed."""
    query = select(BATCHES.c.batch, BATCHES.c.entry).where(
        BATCHES.c.batch.in_(list(batches)), BATCHES.c.entry.is_not(None)
    )
    with state.connect() as connection:
        return {row.batch: row.entry for row in connection.execute(query)}


def note_sealed(state: Engine, entries: dict[int, int]) -> None:
    """Note the index in the log of each batch. Raises: IntegrityError for an unknown batch."""
    with state.begin() as connection:
        for batch, entry in entries.items():
            done = connection.execute(
                update(BATCHES).where(BATCHES.c.batch == batch).values(entry=entry)
            )
            if not done.rowcount:
                raise IntegrityError(f"the log has batch {batch}, which the state does not know")


def _context(tenant: str, batch: int) -> str:
    return f"batch:{tenant}:{batch}"


def _tenant(tenant: str) -> str:
    return f"tenant:{tenant}"
