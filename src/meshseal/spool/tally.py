"""What was refused or found to be a copy, until the next manifest of its tenant states it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from meshseal.model.envelope import Tally


class TallyBook:
    """Counts of records by tenant, door and source. Use it from one thread.

    A source is '' where it is not known who sent.
    """

    def __init__(self) -> None:
        self._refused: Counter[tuple[str, str, str]] = Counter()
        self._deduplicated: Counter[tuple[str, str, str]] = Counter()

    def refused(self, tenant: str, door: str, records: int, source: str = "") -> None:
        """Note records that a door refused."""
        self._refused[tenant, door, source] += records

    def deduplicated(self, tenant: str, door: str, records: int, source: str = "") -> None:
        """Note records that were copies of records received before."""
        self._deduplicated[tenant, door, source] += records

    def take(self, tenants: Iterable[str]) -> list[Tally]:
        """Return what is noted for the tenants, and note it no more."""
        wanted = set(tenants)
        keys = {key for key in (*self._refused, *self._deduplicated) if key[0] in wanted}
        return [
            Tally(
                tenant=tenant,
                door=door,
                refused=self._refused.pop((tenant, door, source), 0),
                deduplicated=self._deduplicated.pop((tenant, door, source), 0),
                source=source,
            )
            for tenant, door, source in sorted(keys)
        ]

    def put_back(self, tallies: Sequence[Tally]) -> None:
        """Note again what `take` returned and could not be passed on."""
        for tally in tallies:
            key = (tally.tenant, tally.door, tally.source)
            self._refused[key] += tally.refused
            self._deduplicated[key] += tally.deduplicated
