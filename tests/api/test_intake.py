"""The intake: received = durable + refused + deduplicated, whatever a sender sends again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from meshseal.access.state import migrate, open_state, sqlite_url
from meshseal.api.intake import Intake
from meshseal.app.conductor import Conductor, load_deliveries
from meshseal.model.envelope import Envelope, Payload
from meshseal.model.errors import OverloadedError, RateLimitedError
from meshseal.model.telemetry import REGISTRY
from meshseal.receive.rates import Rates
from meshseal.receive.settings import LimitSettings
from meshseal.spool.copies import Chunks, Deliveries, InDoubt, delivery_digest
from meshseal.spool.settings import SpoolSettings
from meshseal.spool.spool import Spool
from meshseal.spool.tally import TallyBook
from meshseal.wire.protocol import Decoded, Reply

TENANT = "intake"


def envelope(name: str, *, records: int = 1, delivery: str = "") -> Envelope:
    content = "\n".join(f"{name} {number}" for number in range(records)).encode()
    return Envelope(TENANT, 1, "lines", "key:1", Payload.LINES, content, records, delivery=delivery)


def decoded(*envelopes: Envelope) -> Decoded:
    return Decoded(envelopes, Reply(200))


@dataclass
class Running:
    """An intake on a real spool."""

    intake: Intake
    spool: Spool
    before: dict[str, float] = field(default_factory=dict)

    async def take(self, *envelopes: Envelope, patient: bool = False) -> None:
        await self.intake.take(decoded(*envelopes), door="lines", tenant=TENANT, patient=patient)

    def counts(self) -> tuple[float, float, float]:
        """Return (received, refused, deduplicated) since the start."""
        now = _samples()
        received, refused, copies = (
            sum(now.get(name, 0) - self.before.get(name, 0) for name in now if kind in name)
            for kind in ("received", "refused", "deduplicated")
        )
        return received, refused, copies


def _samples() -> dict[str, float]:
    return {
        f"{sample.name}{sorted(sample.labels.items())}": sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name.endswith("_total") and sample.labels.get("tenant") == TENANT
    }


def run(
    folder: Path,
    test: Callable[[Running], Awaitable[None]],
    *,
    limits: LimitSettings | None = None,
    spool: SpoolSettings | None = None,
) -> None:
    """Run a test against a running intake."""

    async def main() -> None:
        (folder / "spool").mkdir()
        tallies = TallyBook()
        running_spool = Spool(
            folder / "spool",
            spool_key=bytes(32),
            settings=spool
            or SpoolSettings(segment_age_seconds=60, min_free_bytes=0, audit_reserve_bytes=0),
            first_number=1,
            on_closed=lambda _: None,
            tallies=tallies,
        )
        await running_spool.start()
        intake = Intake(
            running_spool,
            Chunks(),
            Deliveries(),
            InDoubt(),
            tallies,
            Rates(limits or LimitSettings()),
            on_chunk=lambda *_: None,
            on_delivery=lambda *_: None,
        )
        await test(Running(intake, running_spool, _samples()))
        await running_spool.close()

    asyncio.run(main())


def test_a_named_delivery_is_stored_once_even_if_it_comes_twice_at_once(tmp_path: Path) -> None:
    async def test(running: Running) -> None:
        one = envelope("a", records=3, delivery="chunk-1")
        await asyncio.gather(running.take(one), running.take(one))
        await running.take(envelope("cut otherwise", records=3, delivery="chunk-1"))
        await running.take(envelope("a", records=3, delivery="chunk-2"))
        assert running.counts() == (12, 0, 6)

    run(tmp_path, test)


def test_of_a_request_that_is_a_copy_in_part_the_rest_is_kept(tmp_path: Path) -> None:
    async def test(running: Running) -> None:
        await running.take(envelope("a", records=2, delivery="1"))
        both = (envelope("a", records=2, delivery="1"), envelope("b", records=5, delivery="2"))
        await running.take(*both)
        assert running.counts() == (9, 0, 2)
        assert running.intake.deliveries.has(delivery_digest(both[1]))

    run(tmp_path, test)


def test_who_sends_too_fast_is_refused_and_may_send_the_same_again(tmp_path: Path) -> None:
    async def test(running: Running) -> None:
        await running.take(envelope("a", records=100, delivery="1"))
        with pytest.raises(RateLimitedError):
            await running.take(envelope("b", records=10, delivery="2"))
        assert running.counts() == (110, 10, 0)
        assert not running.intake.deliveries.has(delivery_digest(envelope("b", delivery="2")))

    run(tmp_path, test, limits=LimitSettings(max_records_per_second=10))


def test_a_patient_sender_waits_until_there_is_room(tmp_path: Path) -> None:
    async def test(running: Running) -> None:
        await running.take(envelope("a", records=30))
        waiting = asyncio.create_task(running.take(envelope("b", records=5), patient=True))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await waiting
        assert running.counts() == (35, 0, 0)

    run(tmp_path, test, limits=LimitSettings(max_records_per_second=3))


def test_a_patient_sender_that_is_sent_away_is_counted(tmp_path: Path) -> None:
    async def test(running: Running) -> None:
        await running.take(envelope("x" * 2000, records=1000))
        waiting = asyncio.create_task(running.take(envelope("b", records=5), patient=True))
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(OverloadedError):
            await running.take(envelope("c", records=2))
        assert running.counts() == (1007, 7, 0)

    small = SpoolSettings(
        max_bytes=1 << 20, segment_age_seconds=60, min_free_bytes=0, audit_reserve_bytes=0
    )
    run(tmp_path, test, spool=small)


def test_the_state_remembers_deliveries(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "state.db")
    migrate(url)
    state = open_state(url)
    conductor = Conductor(
        state=state, chunks=Chunks(), order=lambda _: None, on_batch=lambda _: None
    )
    for name in (b"a" * 16, b"b" * 16, b"a" * 16):
        conductor.delivered(7, name)
    conductor._remember(7)
    conductor.delivered(8, b"a" * 16)
    conductor._remember(8)
    found = load_deliveries(state)
    assert [digest for digest, _ in found] == [b"a" * 16, b"b" * 16]
    assert all(0 <= age < 60 for _, age in found)
    state.dispose()
