"""The spool: nobody hears "durable" before it is; what cannot be made durable leaves nothing."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from meshseal.model.envelope import Envelope, Payload, Tally, decode, read_delimited
from meshseal.model.errors import OverloadedError
from meshseal.spool.segment import read_segment
from meshseal.spool.settings import SpoolSettings
from meshseal.spool.spool import ClosedSegment, Spool
from meshseal.spool.tally import TallyBook

KEY = bytes(range(32))
MEBIBYTE = 1 << 20
DEFAULTS = SpoolSettings(segment_age_seconds=60, min_free_bytes=0, audit_reserve_bytes=0)


def envelope(content: bytes = b"line", tenant: str = "team-a") -> Envelope:
    return Envelope(tenant, 1, "lines", "trial", Payload.LINES, content, 1)


class Bench:
    """A spool in a folder, and what it closed."""

    def __init__(self, folder: Path, settings: SpoolSettings) -> None:
        self.closed: list[ClosedSegment] = []
        self.tallies = TallyBook()
        self.folder = folder
        self.spool = Spool(
            folder,
            spool_key=KEY,
            settings=settings,
            first_number=1,
            on_closed=self.closed.append,
            tallies=self.tallies,
        )

    def on_disk(self) -> list[bytes]:
        """Return the content of every envelope in every segment's file."""
        return [
            bytes(one.content)
            for path in sorted(self.folder.glob("*.segment"))
            for one in map(decode, self._messages(path))
            if isinstance(one, Envelope)
        ]

    def tallied(self) -> list[Tally]:
        paths = sorted(self.folder.glob("*.segment"))
        messages = (decode(message) for path in paths for message in self._messages(path))
        return [one for one in messages if isinstance(one, Tally)]

    @staticmethod
    def _messages(path: Path) -> list[memoryview]:
        contents = read_segment(path, spool_key=KEY).contents
        return [message for content in contents for message in read_delimited(content)]


@asynccontextmanager
async def running(folder: Path, settings: SpoolSettings = DEFAULTS) -> AsyncIterator[Bench]:
    bench = Bench(folder, settings)
    await bench.spool.start()
    try:
        yield bench
    finally:
        await bench.spool.close()


Failing = Callable[[int], None]


def failing(code: int) -> Failing:
    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    return fail


async def test_what_is_acknowledged_is_on_disk(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        for number in range(5):
            assert await bench.spool.append([envelope(b"%d" % number)]) == 1
            assert bench.on_disk() == [b"%d" % one for one in range(number + 1)]


async def test_nothing_is_acknowledged_before_the_disk_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real = os.fdatasync

    def sync(descriptor: int) -> None:
        real(descriptor)
        synced.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fdatasync", sync)
    async with running(tmp_path) as bench:
        await bench.spool.append([envelope()])
        # The header's sync, then the frame's, which had the whole file as it is now.
        assert synced[-1] == (tmp_path / "000000000001.segment").stat().st_size
        assert len(synced) == 2


async def test_many_senders_share_one_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0
    real = os.fdatasync

    def sync(descriptor: int) -> None:
        nonlocal count
        count += 1
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", sync)
    async with running(tmp_path) as bench:
        senders = (bench.spool.append([envelope(b"%d" % number)]) for number in range(100))
        await asyncio.gather(*senders)
        assert bench.on_disk() == [b"%d" % number for number in range(100)]
    assert count <= 4


@pytest.mark.parametrize(
    ("code", "reason"),
    [(errno.EIO, "does not write"), (errno.ENOSPC, "disk is full"), (errno.EROFS, "not write")],
)
async def test_what_the_disk_refuses_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, reason: str
) -> None:
    async with running(tmp_path) as bench:
        await bench.spool.append([envelope(b"kept")])
        with monkeypatch.context() as broken:
            broken.setattr(os, "fdatasync", failing(code))
            with pytest.raises(OverloadedError, match=reason) as caught:
                await bench.spool.append([envelope(b"lost")])
        assert caught.value.retry_after_seconds > 0
        assert bench.on_disk() == [b"kept"]
        # The file that failed is given up: its next nonce may have been used.
        assert [segment.records for segment in bench.closed] == [1]
        await bench.spool.append([envelope(b"audit")], privileged=True)
        assert bench.on_disk() == [b"kept", b"audit"]


async def test_after_a_failure_records_come_in_again_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as bench:
        with monkeypatch.context() as broken:
            broken.setattr(os, "fdatasync", failing(errno.EIO))
            with pytest.raises(OverloadedError):
                await bench.spool.append([envelope(b"lost")])
        for _ in range(200):
            try:
                await bench.spool.append([envelope(b"found")])
                break
            except OverloadedError:
                await asyncio.sleep(0.02)
        assert bench.on_disk() == [b"found"]


async def test_audit_records_get_the_reserve_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SpoolSettings(
        segment_age_seconds=60, min_free_bytes=0, audit_reserve_bytes=4 * MEBIBYTE
    )
    real = os.fdatasync

    def full_while_reserved(descriptor: int) -> None:
        if (tmp_path / "reserve").stat().st_size == 4 * MEBIBYTE:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    async with running(tmp_path, settings) as bench:
        assert (tmp_path / "reserve").stat().st_size == 4 * MEBIBYTE
        monkeypatch.setattr(os, "fdatasync", full_while_reserved)
        audit, record = await asyncio.gather(
            bench.spool.append([envelope(b"audit")], privileged=True),
            bench.spool.append([envelope(b"record")]),
            return_exceptions=True,
        )
        assert isinstance(audit, int)
        assert isinstance(record, OverloadedError)
        assert bench.on_disk() == [b"audit"]
        assert (tmp_path / "reserve").stat().st_size == 2 * MEBIBYTE


async def test_a_full_spool_refuses_until_a_segment_is_gone(tmp_path: Path) -> None:
    settings = SpoolSettings(
        segment_bytes=64 * 1024,
        segment_age_seconds=60,
        max_bytes=MEBIBYTE,
        min_free_bytes=0,
        audit_reserve_bytes=0,
    )
    async with running(tmp_path, settings) as bench:
        await bench.spool.append([envelope(b"x" * MEBIBYTE)])
        with pytest.raises(OverloadedError, match="spool is full: 1048576 bytes"):
            await bench.spool.append([envelope()])
        await bench.spool.append([envelope(b"audit")], privileged=True)
        assert bench.spool.backlog()[1] > MEBIBYTE
        bench.spool.release(1)
        assert await bench.spool.append([envelope()]) == 2


async def test_a_spool_that_waits_too_long_refuses(tmp_path: Path) -> None:
    settings = SpoolSettings(
        segment_age_seconds=0.01, max_age_seconds=1e-9, min_free_bytes=0, audit_reserve_bytes=0
    )
    async with running(tmp_path, settings) as bench:
        await bench.spool.append([envelope()])
        while not bench.closed:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        with pytest.raises(OverloadedError, match="too long"):
            bench.spool.admit()
        bench.spool.release(1)
        bench.spool.admit()


async def test_a_full_disk_refuses_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.statvfs(tmp_path)
    # Blocks of 1 GiB, 100 of them, and 4 free: a twentieth of the file system is 5.
    disk = os.statvfs_result((1 << 30, 1 << 30, 100, 4, 4, *real[5:]))
    monkeypatch.setattr(os, "statvfs", lambda _: disk)
    settings = SpoolSettings(min_free_bytes=1 << 62, audit_reserve_bytes=0)
    async with running(tmp_path, settings) as bench:
        with pytest.raises(OverloadedError, match="disk is full"):
            bench.spool.admit()
        await bench.spool.append([envelope(b"audit")], privileged=True)


async def test_segments_close_by_size_and_at_the_end(tmp_path: Path) -> None:
    settings = SpoolSettings(
        segment_bytes=64 * 1024, segment_age_seconds=60, min_free_bytes=0, audit_reserve_bytes=0
    )
    async with running(tmp_path, settings) as bench:
        for number in range(3):
            assert await bench.spool.append([envelope(b"x" * 70_000)]) == number + 1
        await bench.spool.append([envelope(b"last")])
    assert [(one.number, one.records) for one in bench.closed] == [(1, 1), (2, 1), (3, 1), (4, 1)]
    assert all(one.path.stat().st_size == one.size_bytes for one in bench.closed)


async def test_audit_records_alone_wait_longer_and_go_with_the_first_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("meshseal.spool.spool._AUDIT_AGE_SECONDS", 3600.0)
    settings = SpoolSettings(segment_age_seconds=0.05, min_free_bytes=0, audit_reserve_bytes=0)
    async with running(tmp_path, settings) as bench:
        await bench.spool.append([envelope(b"audit")], privileged=True)
        await asyncio.sleep(0.5)
        assert bench.closed == []
        await bench.spool.append([envelope()])
        for _ in range(3000):
            if bench.closed:
                break
            await asyncio.sleep(0.01)
        assert [one.records for one in bench.closed] == [2]


async def test_segments_stay_open_longer_while_the_mill_is_behind(tmp_path: Path) -> None:
    settings = SpoolSettings(segment_age_seconds=0.1, min_free_bytes=0, audit_reserve_bytes=0)
    async with running(tmp_path, settings) as bench:

        async def write_for(seconds: float) -> int:
            """Write all the time, and return how many segments were closed meanwhile."""
            before, end = len(bench.closed), time.monotonic() + seconds
            while time.monotonic() < end:
                await bench.spool.append([envelope()])
            return len(bench.closed) - before

        while len(bench.closed) < 7:
            await write_for(0.1)
        # Now each is open for half a second more.
        behind = await write_for(1.5)
        for segment in bench.closed:
            bench.spool.release(segment.number)
        caught_up = 0
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            caught_up += await write_for(0.05)
            for segment in bench.closed:
                bench.spool.release(segment.number)
    assert caught_up > 2 * behind


async def test_a_stopping_spool_refuses(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        await bench.spool.append([envelope()])
    with pytest.raises(OverloadedError, match="stopping"):
        bench.spool.admit()
    assert len(bench.closed) == 1


async def test_a_segment_takes_its_tenants_tallies_along(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        bench.tallies.refused("team-a", "lines", 4)
        bench.tallies.refused("team-b", "lines", 5)
        await bench.spool.append([envelope()])
    assert bench.tallied() == [Tally("team-a", "lines", 4, 0)]
    assert bench.tallies.take(["team-b"]) == [Tally("team-b", "lines", 5, 0)]
