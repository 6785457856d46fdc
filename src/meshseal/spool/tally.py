"""What was refused or found to be a copy, until the next manifest of its tenant states it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from meshseal.model.envelope import Tally


class TallyBook:
    """Counts of records by tenant and door. Use it from one thread."""

    def __init__(self) -> None:
        self._refused: Counter[tuple[str, str]] = Counter()
        self._deduplicated: Counter[tuple[str, str]] = Counter()

    def refused(self, tenant: str, door: str, records: int) -> None:
        """Note records that a door refused."""
        self._refused[tenant, door] += records

    def deduplicated(self, tenant: str, door: str, records: int) -> None:
        """Note records that were copies of records received before."""
        self._deduplicated[tenant, door] += records

    def take(self, tenants: Iterable[str]) -> list[Tally]:
        """Return what is noted for the tenants, and note it no more."""
        wanted = set(tenants)
        keys = {key for key in (*self._refused, *self._deduplicated) if key[0] in wanted}
        return [
            Tally(
                tenant=tenant,
                door=door,
                refused=self._refused.pop((tenant, door), 0),
                deduplicated=self._deduplicated.pop((tenant, door), 0),
            )
            for tenant, door in sorted(keys)
        ]

    def put_back(self, tallies: Sequence[Tally]) -> None:
        """Note again what `take` returned and could not be passed on."""
        for tally in tallies:
            self._refused[tally.tenant, tally.door] += tally.refused
            self._deduplicated[tally.tenant, tally.door] += tally.deduplicated
