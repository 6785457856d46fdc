"""Where all doors bring their records: copies are found, rates held, and the rest made durable."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from meshseal.model import telemetry
from meshseal.model.counters import Alive
from meshseal.model.envelope import NO_RECORDS, Chunk, Envelope
from meshseal.model.errors import OverloadedError
from meshseal.receive.rates import Rates
from meshseal.spool.copies import Chunks, Deliveries, InDoubt, delivery_digest
from meshseal.spool.spool import Spool
from meshseal.spool.tally import TallyBook
from meshseal.store.counter_book import CounterBook
from meshseal.wire.protocol import NOT_STORED, Decoded

_RETRY_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Intake:
    """What every door hands its records to.

    `on_chunk` and `on_delivery` are told in which segment a numbered chunk, or a named delivery,
    is. `book` keeps what senders say of themselves; `own_formats` says which formats they may name
    beside those built in.
    """

    spool: Spool
    chunks: Chunks
    deliveries: Deliveries
    in_doubt: InDoubt
    tallies: TallyBook
    rates: Rates
    on_chunk: Callable[[int, str, Chunk], None]
    on_delivery: Callable[[int, bytes], None]
    book: CounterBook | None = None
    own_formats: Callable[[], frozenset[str]] = frozenset
    _in_progress: dict[object, asyncio.Event] = field(default_factory=dict)

    async def take(
        self, decoded: Decoded, *, door: str, tenant: str, patient: bool = False
    ) -> None:
        """Make a request's records durable, or find that they are already.

        Args:
            decoded: The request.
            door: By which door it came.
            tenant: Whose records they are.
            patient: Whether to wait until they can be made durable: for senders that would not
                send them again.

        Raises: OverloadedError; nothing of the request is kept then.
        """
        records = decoded.records
        telemetry.RECORDS_RECEIVED.labels(door, tenant).inc(records)
        async with self._alone(decoded):
            await self._take(decoded, records, door, tenant, patient=patient)

    async def _take(
        self, decoded: Decoded, records: int, door: str, tenant: str, *, patient: bool
    ) -> None:
        envelopes = tuple(one for one in decoded.envelopes if not self._is_copy(one))
        copies = records - sum(envelope.records for envelope in envelopes)
        if copies:
            telemetry.RECORDS_DEDUPLICATED.labels(door, tenant).inc(copies)
            self.tallies.deduplicated(tenant, door, copies, _source(decoded.envelopes))
            records -= copies
        if not envelopes:
            return
        try:
            segment = await self._append(envelopes, patient=patient)
        except (OverloadedError, asyncio.CancelledError) as error:
            code = getattr(error, "code", OverloadedError.code)
            telemetry.RECORDS_REFUSED.labels(door, tenant, code).inc(records)
            self.tallies.refused(tenant, door, records, _source(envelopes))
            raise
        telemetry.SPOOL_RECORDS.inc(records)
        for envelope in envelopes:
            self._note(segment, envelope)

    async def _append(self, envelopes: tuple[Envelope, ...], *, patient: bool) -> int:
        while True:
            try:
                self._spend(envelopes)
                return await self.spool.append(envelopes)
            except OverloadedError as error:
                if not patient:
                    raise
                await asyncio.sleep(max(_RETRY_SECONDS, 0.1 * error.retry_after_seconds))

    def refuse(self, door: str, tenant: str, code: str, records: int, source: str = "") -> None:
        """Count records that a door had to refuse one by one, without the rest of a request."""
        telemetry.RECORDS_RECEIVED.labels(door, tenant).inc(records)
        telemetry.RECORDS_REFUSED.labels(door, tenant, code).inc(records)
        self.tallies.refused(tenant, door, records, NO_RECORDS if code == NOT_STORED else source)

    def hear(self, decoded: Decoded, *, door: str, tenant: str, source: str) -> None:
        """Note what a sender says of itself beside records: its counters, and that it lives."""
        if self.book is None:
            return
        self.book.read(tenant, source, decoded.readings)
        if not decoded.envelopes:
            # OTLP says whose metrics they are: a sign of life of that service, at any door.
            for one in decoded.alive or (Alive(),):
                self.book.alive(tenant, source, "" if one.service else door, one)

    def lives(self, tenant: str, source: str, door: str) -> None:
        """Note a sign of life that says no more than who gave it."""
        if self.book is not None:
            self.book.alive(tenant, source, door, Alive())

    def _spend(self, envelopes: tuple[Envelope, ...]) -> None:
        if envelopes:
            records = sum(envelope.records for envelope in envelopes)
            size = sum(len(envelope.content) for envelope in envelopes)
            self.rates.spend(envelopes[0].source, records=records, size_bytes=size)

    def _note(self, segment: int, envelope: Envelope) -> None:
        if envelope.chunk:
            self.chunks.add(envelope.tenant, envelope.chunk)
            self.on_chunk(segment, envelope.tenant, envelope.chunk)
        elif envelope.delivery:
            named = delivery_digest(envelope)
            self.deliveries.add(named)
            self.on_delivery(segment, named)

    @asynccontextmanager
    async def _alone(self, decoded: Decoded) -> AsyncIterator[None]:
        """Let a chunk that is sent twice at once wait for its twin."""
        keys = [key for envelope in decoded.envelopes if (key := _identity(envelope))]
        for key in keys:
            while (other := self._in_progress.get(key)) is not None:
                await other.wait()
        done = asyncio.Event()
        self._in_progress.update(dict.fromkeys(keys, done))
        try:
            yield
        finally:
            for key in keys:
                self._in_progress.pop(key, None)
            done.set()

    def doubt(self, decoded: Decoded) -> None:
        """Note that the sender of durable records may not have heard so."""
        for envelope in decoded.envelopes:
            if not envelope.chunk and not envelope.delivery:
                self.in_doubt.add(envelope)

    def _is_copy(self, envelope: Envelope) -> bool:
        if envelope.chunk:
            return self.chunks.has(envelope.tenant, envelope.chunk)
        if envelope.delivery:
            return self.deliveries.has(delivery_digest(envelope))
        return self.in_doubt.take(envelope)


def _source(envelopes: tuple[Envelope, ...]) -> str:
    """Return who sent envelopes; '' where it is not one sender alone."""
    sources = {envelope.source for envelope in envelopes}
    return sources.pop() if len(sources) == 1 else ""


def _identity(envelope: Envelope) -> object:
    """Return what the sender says makes two payloads one, or None."""
    if envelope.chunk:
        return (envelope.tenant, envelope.chunk)
    return delivery_digest(envelope) if envelope.delivery else None
