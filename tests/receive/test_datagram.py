"""Datagrams: who may send, what finds no room, and what has arrived when the server stops."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from meshseal.api.intake import Intake
from meshseal.api.streams import DatagramIngest, StreamAccess
from meshseal.model import telemetry
from meshseal.model.envelope import Envelope, Payload, decode, read_delimited
from meshseal.model.errors import ConfigError
from meshseal.receive import datagram
from meshseal.receive.datagram import Batch, DatagramServer
from meshseal.receive.rates import Rates
from meshseal.receive.settings import LimitSettings
from meshseal.receive.sockets import bind_datagrams
from meshseal.spool.copies import Chunks, Deliveries, InDoubt
from meshseal.spool.segment import read_segment
from meshseal.spool.settings import SpoolSettings
from meshseal.spool.spool import Spool
from meshseal.spool.tally import TallyBook
from meshseal.wire.stream import Arrived, Datagram, Datagrams, Sender, StreamProtocol, by_sender

KEY = bytes(range(32))


# ---- The socket --------------------------------------------------------------------------------


class Taken:
    """Keeps what a server hands over; waits with each batch until it may go on."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.lost: Batch = []
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def take(self, batch: Batch) -> Batch:
        self.batches.append(batch)
        await self.go_on.wait()
        return [(b"re:" + data, address) for data, address in batch]

    @property
    def data(self) -> list[bytes]:
        return [data for batch in self.batches for data, _ in batch]


@asynccontextmanager
async def listening(taken: Taken, host: str = "127.0.0.1") -> AsyncIterator[socket.socket]:
    """Run a server, and give a socket that sends to it; at the end the server stops."""
    sock = bind_datagrams(host, 0, what="the test", key="doors.test")
    server = DatagramServer(sock, taken.take, taken.lost.extend)
    address = sock.getsockname()
    await server.start()
    with socket.socket(sock.family, socket.SOCK_DGRAM) as sender:
        sender.connect(address)
        try:
            yield sender
        finally:
            await server.stop()


async def until(what: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not what():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_datagrams_come_in_batches_and_are_answered(host: str) -> None:
    taken = Taken()
    async with listening(taken, host) as sender:
        sent = [b"%d" % number for number in range(100)]
        for one in sent:
            sender.send(one)
        await until(lambda: len(taken.data) == 100)
        assert taken.data == sent
        assert {address for batch in taken.batches for _, address in batch} == {
            sender.getsockname()[:2]
        }
        sender.settimeout(30)
        loop = asyncio.get_running_loop()
        answers = [await loop.run_in_executor(None, sender.recv, 100) for _ in sent]
        assert answers == [b"re:" + one for one in sent]
    assert taken.lost == []


async def test_what_finds_no_room_is_lost_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datagram, "_WAITING_BYTES", 10 * (100 + datagram._OVERHEAD_BYTES))
    taken = Taken()
    taken.go_on.clear()
    async with listening(taken) as sender:
        for number in range(30):
            sender.send(b"%0100d" % number)
        # What is being made durable takes its room, too.
        await until(lambda: len(taken.lost) == 20)
        taken.go_on.set()
        await until(lambda: len(taken.data) == 10)
        sender.send(b"again")
        await until(lambda: len(taken.data) == 11)
    assert [data for data, _ in taken.lost] == [b"%0100d" % number for number in range(10, 30)]
    assert taken.data == [*(b"%0100d" % number for number in range(10)), b"again"]


async def test_empty_datagrams_take_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datagram, "_WAITING_BYTES", 5 * datagram._OVERHEAD_BYTES)
    taken = Taken()
    taken.go_on.clear()
    async with listening(taken) as sender:
        for _ in range(8):
            sender.send(b"")
        await until(lambda: len(taken.lost) == 3)
        taken.go_on.set()
    assert taken.data == [b""] * 5


async def test_what_has_arrived_is_handed_over_before_the_end() -> None:
    taken = Taken()
    async with listening(taken) as sender:
        taken.go_on.clear()
        sender.send(b"first")
        await until(lambda: taken.data)
        asyncio.get_running_loop().call_later(0.2, taken.go_on.set)
        # The loop does not come round between these and the stop: they are with the system only.
        for number in range(50):
            sender.send(b"%d" % number)
    assert taken.data == [b"first", *(b"%d" % number for number in range(50))]


async def test_while_nothing_comes_there_are_empty_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(datagram, "_QUIET_SECONDS", 0.02)
    taken = Taken()
    async with listening(taken) as sender:
        await until(lambda: len(taken.batches) >= 3)
        sender.send(b"x")
        await until(lambda: taken.data == [b"x"])


async def test_a_taken_port_is_named() -> None:
    sock = bind_datagrams("127.0.0.1", 0, what="the test", key="doors.test")
    port = sock.getsockname()[1]
    with sock, pytest.raises(ConfigError, match=rf"the test cannot .*{port}.*doors\.test\.port"):
        bind_datagrams("127.0.0.1", port, what="the test", key="doors.test")


# ---- What becomes of them ----------------------------------------------------------------------


class Echo(Datagrams):
    """Every datagram is a record; one that begins with `!` is refused, one with `?` answered."""

    def __init__(self, door: str) -> None:
        self._door = door

    def received(self, batch: Sequence[Datagram], received_unix_nano: int) -> Arrived:
        good = [one for one in batch if not one.data.startswith(b"!")]
        refused: dict[str, int] = {}
        for one in batch:
            if one not in good:
                refused[one.sender.tenant] = refused.get(one.sender.tenant, 0) + 1
        return Arrived(
            tuple(self._envelope(s, d, received_unix_nano) for s, d in by_sender(good)),
            tuple((one.data[1:], one.address) for one in good if one.data.startswith(b"?")),
            refused,
        )

    def _envelope(self, sender: Sender, group: list[Datagram], now: int) -> Envelope:
        content = b"\n".join(one.data for one in group)
        return Envelope(
            sender.tenant, now, self._door, sender.source, Payload.LINES, content, len(group)
        )


@pytest.fixture
def door(request: pytest.FixtureRequest) -> str:
    """The name of a door that no other test has, for its counters."""
    return f"echo {request.node.name}"


@asynccontextmanager
async def ingest(
    folder: Path, door: str, access: StreamAccess, settings: SpoolSettings | None = None
) -> AsyncIterator[tuple[DatagramIngest, Spool]]:
    """Give what takes datagrams, on a real spool."""
    (folder / "spool").mkdir(exist_ok=True)
    tallies = TallyBook()
    spool = Spool(
        folder / "spool",
        spool_key=KEY,
        settings=settings
        or SpoolSettings(segment_age_seconds=60, min_free_bytes=0, audit_reserve_bytes=0),
        first_number=1 + len(list((folder / "spool").glob("*.segment"))),
        on_closed=lambda _: None,
        tallies=tallies,
    )
    await spool.start()
    intake = Intake(
        spool,
        Chunks(),
        Deliveries(),
        InDoubt(),
        tallies,
        Rates(LimitSettings()),
        on_chunk=lambda *_: None,
        on_delivery=lambda *_: None,
    )
    protocol = StreamProtocol(name=door, title="Echo", native_port=1, datagrams=Echo)
    try:
        yield DatagramIngest(protocol, access=access, intake=intake), spool
    finally:
        await spool.close()


def spooled(folder: Path) -> list[Envelope]:
    return [
        envelope
        for path in sorted((folder / "spool").glob("*.segment"))
        for content in read_segment(path, spool_key=KEY).contents
        for envelope in map(decode, read_delimited(content))
        if isinstance(envelope, Envelope)
    ]


def counted(door: str, tenant: str) -> tuple[float, float]:
    """Return how many records were received, and how many refused."""
    sums = {"received": 0.0, "refused": 0.0}
    for metric in (telemetry.RECORDS_RECEIVED, telemetry.RECORDS_REFUSED):
        for family in metric.collect():
            for sample in family.samples:
                labels = (sample.labels.get("door"), sample.labels.get("tenant"))
                if sample.name.endswith("_total") and labels == (door, tenant):
                    sums[family.name.rpartition("_")[2]] += sample.value
    return sums["received"], sums["refused"]


NETWORKS = tuple(map(ipaddress.ip_network, ("10.1.0.0/16", "192.0.2.7/32", "2001:db8::/32")))


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("10.1.2.3", "address:10.1.2.3"),
        ("192.0.2.7", "address:192.0.2.7"),
        ("::ffff:10.1.2.3", "address:10.1.2.3"),
        ("2001:db8::5", "address:2001:db8::5"),
        ("10.2.0.1", ""),
        ("192.0.2.8", ""),
        ("2001:db9::5", ""),
        ("127.0.0.1", ""),
        ("fe80::1%eth0", ""),
        ("nobody", ""),
    ],
)
async def test_only_allowed_addresses_may_send(
    tmp_path: Path, door: str, address: str, source: str
) -> None:
    access = StreamAccess("team-a", NETWORKS)
    async with ingest(tmp_path, door, access) as (datagrams, _):
        for _ in range(2):
            assert await datagrams.take([(b"a", (address, 5)), (b"?b", (address, 5))]) == (
                [(b"b", (address, 5))] if source else []
            )
    found = [(one.tenant, one.source, bytes(one.content)) for one in spooled(tmp_path)]
    assert found == ([("team-a", source, b"a\n?b")] * 2 if source else [])
    assert counted(door, "team-a") == (4, 0 if source else 4)


async def test_in_trial_mode_everybody_on_this_machine_may(tmp_path: Path, door: str) -> None:
    async with ingest(tmp_path, door, StreamAccess("default", trial=True)) as (datagrams, _):
        await datagrams.take([(b"a", ("127.0.0.1", 5))])
    assert [(one.tenant, one.source) for one in spooled(tmp_path)] == [("default", "trial")]


async def test_what_is_refused_and_what_is_lost_is_counted(tmp_path: Path, door: str) -> None:
    async with ingest(tmp_path, door, StreamAccess("team-a", NETWORKS)) as (datagrams, _):
        here = ("10.1.0.1", 5)
        await datagrams.take([(b"a", here), (b"!b", here), (b"c", ("10.2.0.1", 5)), (b"d", here)])
        datagrams.lose([(b"e", here), (b"f", here)])
    assert [bytes(one.content) for one in spooled(tmp_path)] == [b"a\nd"]
    assert counted(door, "team-a") == (6, 4)


async def test_what_is_not_on_disk_is_counted_as_refused(
    tmp_path: Path, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    async with ingest(tmp_path, door, StreamAccess("team-a", NETWORKS)) as (datagrams, _):
        with monkeypatch.context() as patched:
            patched.setattr(os, "fdatasync", broken)
            await datagrams.take([(b"a", ("10.1.0.1", 5))])
        assert counted(door, "team-a") == (1, 1)
        await asyncio.sleep(0.6)  # The spool asks the disk again twice a second.
        await datagrams.take([(b"b", ("10.1.0.1", 5))])
    assert [bytes(one.content) for one in spooled(tmp_path)] == [b"b"]
    assert counted(door, "team-a") == (2, 1)


async def test_a_full_spool_refuses_and_the_door_goes_on(tmp_path: Path, door: str) -> None:
    settings = SpoolSettings(
        max_bytes=1 << 20, segment_age_seconds=60, min_free_bytes=0, audit_reserve_bytes=0
    )
    access = StreamAccess("team-a", NETWORKS)
    async with ingest(tmp_path, door, access, settings) as (datagrams, _):
        for number in range(30):
            await datagrams.take([(b"%060000d" % number, ("10.1.0.1", 5))])
    kept = len(spooled(tmp_path))
    assert 0 < kept < 30
    assert counted(door, "team-a") == (30, 30 - kept)


async def test_a_batch_is_durable_before_the_server_has_stopped(
    tmp_path: Path, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, started = os.fdatasync, threading.Event()

    def slow(descriptor: int) -> None:
        started.set()
        threading.Event().wait(0.2)
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", slow)
    async with ingest(tmp_path, door, StreamAccess("t", trial=True)) as (datagrams, _):
        for run in range(2):  # The second server is one that started again.
            sock = bind_datagrams("127.0.0.1", 0, what="the test", key="doors.test")
            server = DatagramServer(sock, datagrams.take, datagrams.lose)
            address = sock.getsockname()
            await server.start()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                started.clear()
                sender.sendto(b"%d first" % run, address)
                await until(started.is_set)
                for number in range(20):
                    sender.sendto(b"%d %d" % (run, number), address)
            await server.stop()
            lines = b"\n".join(bytes(one.content) for one in spooled(tmp_path)).split(b"\n")
            assert len(lines) == 21 * (run + 1)
    wanted = [[b"%d first" % run, *(b"%d %d" % (run, n) for n in range(20))] for run in range(2)]
    assert lines == wanted[0] + wanted[1]
    assert counted(door, "t") == (42, 0)
