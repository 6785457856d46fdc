"""Seals batches: writes their manifests and appends them to the transparency log."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence

from sqlalchemy import Engine, func, select

from meshseal.access.state import BATCHES
from meshseal.mill.keys import note_sealed, sealed_entries
from meshseal.mill.plan import BatchPlan
from meshseal.model.errors import IntegrityError
from meshseal.seal import merkle
from meshseal.seal.ledger import Ledger
from meshseal.seal.manifest import Manifest


class Sealer:
    """The one writer of the log. May be called from several threads.

    Raises: IntegrityError when the state names entries that the log does not have.
    """

    def __init__(self, ledger: Ledger, state: Engine) -> None:
        self._ledger = ledger
        self._state = state
        self._previous: dict[str, str] = {}
        self._lock = threading.Lock()
        self._reconcile()

    def seal(
        self,
        batches: Sequence[BatchPlan],
        leaves: Mapping[int, bytes],
        times: Mapping[int, tuple[int, int]],
    ) -> None:
        """Seal batches, all or none; those that are sealed already are left as they are."""
        roots = {
            number: merkle.root(merkle.split_hashes(content)) for number, content in leaves.items()
        }
        with self._lock:
            sealed = sealed_entries(self._state, [batch.batch for batch in batches])
            pending = [batch for batch in batches if batch.batch not in sealed]
            if not pending:
                return
            previous = {batch.tenant: self._previous_of(batch.tenant) for batch in pending}
            manifests = []
            for batch in pending:
                first, last = times[batch.batch]
                manifest = Manifest(
                    tenant=batch.tenant,
                    batch=str(batch.batch),
                    count=batch.records,
                    root=roots[batch.batch].hex(),
                    first_time_unix_nano=str(first),
                    last_time_unix_nano=str(last),
                    sources=batch.sources(),
                    tallies=batch.tallies,
                    shapes=batch.shapes(),
                    previous=previous[batch.tenant],
                    record_version=batch.signal.version,
                )
                previous[batch.tenant] = manifest.digest
                manifests.append(manifest)
            first_entry = self._ledger.append([manifest.encode() for manifest in manifests])
            note_sealed(
                self._state,
                {batch.batch: first_entry + at for at, batch in enumerate(pending)},
            )
            self._previous |= {manifest.tenant: manifest.digest for manifest in manifests}

    def _previous_of(self, tenant: str) -> str:
        """Return the digest of the tenant's newest manifest, or ''."""
        known = self._previous.get(tenant)
        if known is not None:
            return known
        query = select(func.max(BATCHES.c.entry)).where(BATCHES.c.tenant == tenant)
        with self._state.connect() as connection:
            entry = connection.execute(query).scalar()
        if entry is None:
            return ""
        return hashlib.sha256(self._ledger.tiles.entry(entry, self._ledger.size)).hexdigest()

    def _reconcile(self) -> None:
        """Note what a crash kept the state from noting: entries behind the last it knows."""
        with self._state.connect() as connection:
            newest = connection.execute(select(func.max(BATCHES.c.entry))).scalar()
        known = 0 if newest is None else newest + 1
        if known > self._ledger.size:
            raise IntegrityError(
                f"the log has {self._ledger.size} entries, but the state knows of {known}: the log "
                "was cut or replaced by an older copy; restore it before starting"
            )
        found = {
            int(Manifest.decode(entry).batch): index
            for index, entry in self._ledger.tiles.entries(known, self._ledger.size)
        }
        if found:
            note_sealed(self._state, found)
