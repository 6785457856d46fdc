"""What senders say of themselves, on its way into the store.

A counter is cumulative: a sample that is lost with the process costs precision in time and not a
record, since the next one says all that it said. So samples wait in memory for a few seconds and
are written together.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

import structlog

from meshseal.model import protowire as wire
from meshseal.model.counters import Alive, Reading
from meshseal.model.errors import EngineError
from meshseal.store.client import Store
from meshseal.store.completeness import ARRIVALS, COUNTERS, Arrival, minute_of

_LOG = structlog.get_logger(__name__)
_MOST_WAITING = 20_000
_MOST_SERIES = 1000
"""Series of one source, and signs of life, that are known at one time."""
_SENDERS = 10_000
_SIGN_NANOS = 10 * 10**9
_LONGEST = 256


@dataclass(frozen=True, slots=True)
class Sample:
    """One reading, and whose it is."""

    tenant: str
    source: str
    reading: Reading

    def encode(self) -> bytes:
        """Return the row of `counters` as RowBinary."""
        reading = self.reading
        texts = (
            *(self.tenant, reading.emitter, self.source, reading.door, reading.service),
            *(reading.instance, reading.counter, reading.meaning.value),
        )
        numbers = (reading.time_unix_nano, reading.value, reading.start_unix_nano)
        return b"".join(
            (
                *(_text(text) for text in texts),
                *(number.to_bytes(8, "little") for number in numbers),
            )
        )


class CounterBook:
    """Samples and signs of life that wait to be written. Use it from one event loop."""

    def __init__(self) -> None:
        self._samples: list[Sample] = []
        self._signs: list[Arrival] = []
        self._series: dict[tuple[str, str], dict[tuple[str, ...], tuple[int, int]]] = {}
        self._signed: dict[tuple[str, ...], int] = {}

    def read(self, tenant: str, source: str, readings: Iterable[Reading]) -> None:
        """Take what an emitter says of its records; what is added is added up here."""
        for reading in readings:
            if len(self._samples) >= _MOST_WAITING:
                _LOG.warning("counters_not_kept", reason="too many wait", tenant=tenant)
                return
            known = self._known(tenant, source)
            key = (reading.emitter, reading.service, reading.instance, reading.counter)
            if key not in known and len(known) >= _MOST_SERIES:
                _LOG.warning("counters_not_kept", reason="too many of one source", source=source)
                return
            total, start = known.get(key, (0, 0))
            if reading.delta:
                # As a counter that was 0 when its first part began.
                start = start or reading.start_unix_nano or reading.time_unix_nano
                total += reading.value
                reading = replace(reading, value=total, start_unix_nano=start, delta=False)
            known[key] = (total, start)
            self._samples.append(Sample(tenant, source, reading))

    def _known(self, tenant: str, source: str) -> dict[tuple[str, ...], tuple[int, int]]:
        if len(self._series) >= _SENDERS and (tenant, source) not in self._series:
            self._series.pop(next(iter(self._series)))
        return self._series.setdefault((tenant, source), {})

    def alive(self, tenant: str, source: str, door: str, one: Alive) -> None:
        """Note a sign of life: of one service, or of whatever a source sends by a door."""
        now = time.time_ns()
        key = (tenant, source, door, one.service[:_LONGEST], one.instance[:_LONGEST])
        if now - self._signed.get(key, 0) < _SIGN_NANOS:
            return
        if len(self._signed) >= _SENDERS:
            self._signed.pop(next(iter(self._signed)))
        if len(self._signs) >= _MOST_WAITING:
            return
        self._signed[key] = now
        self._signs.append(
            Arrival(
                tenant,
                minute_of(now),
                *key[1:],
                arrivals=1,
                first_received=now,
                last_received=now,
            )
        )

    async def write(self, store: Store) -> None:
        """Write what waits; what cannot be written now waits on."""
        samples, self._samples = self._samples, []
        signs, self._signs = self._signs, []
        try:
            if samples:
                await store.insert(COUNTERS, b"".join(one.encode() for one in samples))
                samples = []
            if signs:
                await store.insert(ARRIVALS, b"".join(one.encode() for one in signs))
                signs = []
        except EngineError as error:
            _LOG.warning("counters_not_written", error=str(error)[:300])
        self._samples = [*samples, *self._samples]
        self._signs = [*signs, *self._signs]


def _text(value: str) -> bytes:
    encoded = value.encode(errors="replace")
    return wire.varint(len(encoded)) + encoded
