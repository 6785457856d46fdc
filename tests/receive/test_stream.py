"""Connections: deadlines, slow readers, their number and memory, overload, the server's end."""

from __future__ import annotations

import asyncio
import ipaddress
import resource
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest

from meshseal.api import streams
from meshseal.api.intake import Intake
from meshseal.api.streams import StreamAccess, StreamIngest
from meshseal.model import telemetry
from meshseal.model.envelope import Envelope
from meshseal.model.errors import OverloadedError
from meshseal.receive.body import InFlight
from meshseal.receive.settings import LimitSettings, TlsSettings
from meshseal.receive.stream import StreamServer, certificate_name
from meshseal.wire.lumberjack import PROTOCOL
from meshseal.wire.protocol import Decoded
from meshseal.wire.stream import Connection, Session, Step, StreamProtocol, Take
from tests.receive.door import Files
from tests.server import ServerProcess
from tests.wire.test_lumberjack import A, ack, event, events, packed, window

WINDOW = window(1) + event(1, A)
PATIENT = replace(PROTOCOL, name="patient", answers=False)


@dataclass(slots=True)
class FakeIntake:
    """Takes records as told: at once, when let, or not at all."""

    taken: list[Envelope] = field(default_factory=list)
    doubted: list[Envelope] = field(default_factory=list)
    let: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    error: OverloadedError | None = None
    patient: list[bool] = field(default_factory=list)
    refused: list[tuple[str, str, str, int]] = field(default_factory=list)

    async def take(self, decoded: Decoded, *, door: str, tenant: str, patient: bool) -> None:
        self.begun.set()
        self.patient.append(patient)
        await self.let.wait()
        if self.error is not None:
            raise self.error
        self.taken.extend(decoded.envelopes)

    def doubt(self, decoded: Decoded) -> None:
        self.doubted.extend(decoded.envelopes)

    def refuse(self, door: str, tenant: str, code: str, records: int) -> None:
        self.refused.append((door, tenant, code, records))


@dataclass(frozen=True, slots=True)
class Running:
    """A listener in this test's event loop."""

    server: StreamServer
    intake: FakeIntake
    inflight: InFlight
    address: tuple[str, int]

    async def connect(
        self, context: ssl.SSLContext | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        name = "localhost" if context else None
        return await asyncio.open_connection(*self.address, ssl=context, server_hostname=name)


@asynccontextmanager
async def listening(
    protocol: StreamProtocol = PROTOCOL,
    *,
    access: StreamAccess | None = None,
    tls: TlsSettings | None = None,
    **limits: float,
) -> AsyncIterator[Running]:
    """Listen until the end of the test; the intake takes at once."""
    settings = LimitSettings(**limits)  # type: ignore[arg-type]
    intake, inflight = FakeIntake(), InFlight(settings.max_inflight_bytes)
    intake.let.set()
    ingest = StreamIngest(
        protocol,
        access=access or StreamAccess("default", trial=True),
        intake=cast("Intake", intake),
        limits=settings,
        inflight=inflight,
    )
    sock = socket.create_server(("127.0.0.1", 0))
    server = StreamServer(sock, ingest, limits=settings, tls=tls or TlsSettings())
    await server.start()
    try:
        yield Running(server, intake, inflight, sock.getsockname())
    finally:
        await server.stop()


def refused(code: str, door: str = "lumberjack") -> float:
    return float(telemetry.REQUESTS.labels(door, code)._value.get())


async def until(condition: Callable[[], object]) -> None:
    """Return when something holds; the test's own deadline is the end of patience."""
    while not condition():  # noqa: ASYNC110  what is waited for knows no events
        await asyncio.sleep(0.01)


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with_errors = await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    assert len(with_errors) == 1


# ---- Deadlines -------------------------------------------------------------------------------


async def test_an_idle_connection_is_closed() -> None:
    async with listening(stream_idle_seconds=0.2) as running:
        reader, writer = await running.connect()
        writer.write(WINDOW)
        assert await reader.readexactly(6) == ack(1)
        assert await reader.read() == b""
        await close(writer)


async def test_an_idle_connection_may_live_longer_than_a_message() -> None:
    async with listening(body_timeout_seconds=0.1) as running:
        reader, writer = await running.connect()
        for _ in range(3):
            await asyncio.sleep(0.2)
            writer.write(WINDOW)
            assert await reader.readexactly(6) == ack(1)
        await close(writer)


@pytest.mark.parametrize("trickle", [False, True], ids=["silence", "a byte now and then"])
async def test_half_a_message_has_a_deadline(trickle: bool) -> None:
    before = refused("invalid_payload")
    async with listening(body_timeout_seconds=0.3) as running:
        reader, writer = await running.connect()
        writer.write(window(3) + event(1, A) + event(2, A)[:7])
        if trickle:
            while not reader.at_eof():
                writer.write(b"\0")
                await asyncio.sleep(0.02)
        assert await reader.read() == b""
        await close(writer)
        assert running.intake.taken == []
        assert running.inflight.held_bytes == 0
    assert refused("invalid_payload") == before + 1


async def test_a_handshake_that_never_ends_is_cut(files: Files) -> None:
    tls = TlsSettings(certificate_file=str(files.certificate), key_file=str(files.key))
    async with listening(tls=tls, header_timeout_seconds=0.3) as running:
        silent, other = await running.connect()
        other.write(b"\x16\x03\x01\x02\x00\x01")
        context = ssl.create_default_context(cafile=str(files.certificate))
        reader, writer = await running.connect(context)
        writer.write(WINDOW)
        assert await reader.readexactly(6) == ack(1)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await silent.readexactly(1)
        await close(writer)
        await close(other)


# ---- Who reads slowly, and who is too many ---------------------------------------------------


class Chatty(Session):
    """Answers every byte with a megabyte."""

    def __init__(self, connection: Connection) -> None:
        self._inner = PROTOCOL.session(connection) if PROTOCOL.session else Session()

    def received(self, data: bytes, received_unix_nano: int) -> Iterable[Step]:
        for step in self._inner.received(data, received_unix_nano):
            assert isinstance(step, Take)
            yield replace(step, reply=bytes(64 << 20))


async def test_who_does_not_read_is_cut_and_what_it_sent_is_in_doubt() -> None:
    chatty = replace(PROTOCOL, session=Chatty)
    async with listening(chatty, body_timeout_seconds=0.3) as running:
        reader, writer = await running.connect()
        writer.write(WINDOW * 2)
        await until(lambda: running.intake.doubted)
        assert len(running.intake.taken) == 1
        assert running.intake.doubted == running.intake.taken
        await until(lambda: running.inflight.held_bytes == 0)
        assert len(await asyncio.wait_for(_drained(reader), 60)) < 64 << 20
        await close(writer)


async def _drained(reader: asyncio.StreamReader) -> bytes:
    parts = []
    try:
        while part := await reader.read(1 << 20):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


async def test_one_too_many_is_closed_at_once() -> None:
    async with listening(max_connections=2) as running:
        first, second = await running.connect(), await running.connect()
        for reader, writer in (first, second):
            writer.write(WINDOW)
            assert await reader.readexactly(6) == ack(1)
        reader, writer = await running.connect()
        assert await _drained(reader) == b""
        await close(writer)
        await close(first[1])
        answered = b""
        while not answered:  # the place is free as soon as the server has seen the end
            reader, writer = await running.connect()
            writer.write(WINDOW)
            answered = await _drained_ack(reader)
            await close(writer)
        assert answered == ack(1)
        await close(second[1])


async def _drained_ack(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readexactly(6)
    except (ConnectionError, asyncio.IncompleteReadError):
        return b""


# ---- Overload --------------------------------------------------------------------------------


async def test_overload_closes_without_an_answer() -> None:
    before = refused("overloaded")
    async with listening() as running:
        running.intake.error = OverloadedError("the spool is full")
        reader, writer = await running.connect()
        writer.write(WINDOW)
        assert await _drained(reader) == b""
        assert running.intake.patient == [False]
        assert running.intake.doubted == []
        await close(writer)
    assert refused("overloaded") == before + 1


async def test_who_would_not_send_again_is_waited_for() -> None:
    async with listening(PATIENT) as running:
        reader, writer = await running.connect()
        writer.write(WINDOW)
        assert await reader.readexactly(6) == ack(1)
        assert running.intake.patient == [True]
        await close(writer)


async def test_what_all_hold_together_is_bounded_unpacked() -> None:
    """Little is sent and much is meant: the second has no room while the first is being stored."""
    before = refused("overloaded")
    large = window(1) + packed(event(1, b'{"a":"%b"}' % (b"x" * 700_000)))
    async with listening(max_inflight_bytes=1 << 20) as running:
        running.intake.let.clear()
        first, second = await running.connect(), await running.connect()
        first[1].write(large)
        await running.intake.begun.wait()
        second[1].write(large)
        assert await _drained(second[0]) == b""
        running.intake.let.set()
        assert await first[0].readexactly(6) == ack(1)
        await close(first[1])
        await close(second[1])
        await until(lambda: running.inflight.held_bytes == 0)
        assert len(running.intake.taken) == 1
    assert refused("overloaded") == before + 1


async def test_who_would_not_send_again_waits_for_room() -> None:
    large = window(1) + packed(event(1, b'{"a":"%b"}' % (b"x" * 700_000)))
    async with listening(PATIENT, max_inflight_bytes=1 << 20) as running:
        running.intake.let.clear()
        first, second = await running.connect(), await running.connect()
        first[1].write(large)
        await running.intake.begun.wait()
        second[1].write(large)
        running.intake.let.set()
        for reader, writer in (first, second):
            assert await reader.readexactly(6) == ack(1)
            await close(writer)
        assert len(running.intake.taken) == 2


# ---- While records are being made durable ----------------------------------------------------


async def test_who_waits_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_KEEP_ALIVE_SECONDS", 0.02)
    async with listening() as running:
        running.intake.let.clear()
        reader, writer = await running.connect()
        writer.write(WINDOW)
        assert await reader.readexactly(18) == ack(0) * 3
        running.intake.let.set()
        answers = await reader.readuntil(ack(1))
        assert answers.removesuffix(ack(1)) == ack(0) * (len(answers) // 6 - 1)
        assert running.intake.doubted == []
        await close(writer)


async def test_windows_are_answered_in_order() -> None:
    async with listening() as running:
        reader, writer = await running.connect()
        writer.write(b"".join(window(n) + packed(events(*[A] * n)) for n in range(1, 20)))
        assert await reader.readexactly(19 * 6) == b"".join(ack(n) for n in range(1, 20))
        assert [one.records for one in running.intake.taken] == list(range(1, 20))
        await close(writer)


async def test_who_is_lost_meanwhile_may_send_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lost while it was told to wait, and stored all the same: its next try is a copy."""
    monkeypatch.setattr(streams, "_KEEP_ALIVE_SECONDS", 0.02)
    async with listening() as running:
        running.intake.let.clear()
        _, writer = await running.connect()
        writer.write(WINDOW)
        await running.intake.begun.wait()
        writer.transport.abort()
        await asyncio.sleep(0.1)
        running.intake.let.set()
        await until(lambda: running.intake.doubted)
        assert running.intake.doubted == running.intake.taken


async def test_who_ended_before_the_answer_may_send_again() -> None:
    async with listening() as running:
        running.intake.let.clear()
        reader, writer = await running.connect()
        writer.write(WINDOW)
        writer.write_eof()
        await running.intake.begun.wait()
        await asyncio.sleep(0.05)
        running.intake.let.set()
        assert await reader.read() == ack(1)
        assert running.intake.doubted == running.intake.taken
        await close(writer)


# ---- The server's end ------------------------------------------------------------------------


async def test_a_stop_closes_idle_connections_and_answers_those_at_work() -> None:
    async with listening() as running:
        idle, busy = await running.connect(), await running.connect()
        idle[1].write(window(2) + event(1, A))
        running.intake.let.clear()
        busy[1].write(WINDOW)
        await running.intake.begun.wait()
        stopped = asyncio.create_task(running.server.stop())
        assert await idle[0].read() == b""
        running.intake.let.set()
        assert await busy[0].read() == ack(1)
        await stopped
        assert running.intake.doubted == []
        with pytest.raises(ConnectionError):
            await running.connect()
        for _, writer in (idle, busy):
            await close(writer)


# ---- Who may send ----------------------------------------------------------------------------

LOOPBACK = StreamAccess("default", (ipaddress.ip_network("127.0.0.0/8"),))
ELSEWHERE = StreamAccess("default", (ipaddress.ip_network("10.0.0.0/8"),))


async def test_an_address_that_is_allowed_may_send() -> None:
    async with listening(access=LOOPBACK) as running:
        reader, writer = await running.connect()
        writer.write(WINDOW)
        assert await reader.readexactly(6) == ack(1)
        assert [one.source for one in running.intake.taken] == ["address:127.0.0.1"]
        await close(writer)


async def test_others_may_not() -> None:
    before = refused("unauthenticated")
    async with listening(access=ELSEWHERE) as running:
        reader, writer = await running.connect()
        writer.write(WINDOW)
        assert await _drained(reader) == b""
        assert running.intake.taken == []
        await close(writer)
    assert refused("unauthenticated") == before + 1


async def test_a_certificate_names_its_sender(files: Files) -> None:
    tls = TlsSettings(
        certificate_file=str(files.certificate),
        key_file=str(files.key),
        client_ca_file=str(files.certificate),
    )
    context = ssl.create_default_context(cafile=str(files.certificate))
    context.load_cert_chain(files.both)
    async with listening(access=ELSEWHERE, tls=tls) as running:
        reader, writer = await running.connect(context)
        writer.write(WINDOW)
        assert await reader.readexactly(6) == ack(1)
        assert [one.source for one in running.intake.taken] == ["certificate:localhost"]
        await close(writer)


CERTIFICATES: dict[str, tuple[object, str]] = {
    "none": (None, ""),
    "SPIFFE first": (
        {"subjectAltName": (("DNS", "a"), ("URI", "spiffe://x/y")), "subject": ()},
        "spiffe://x/y",
    ),
    "then DNS": ({"subjectAltName": (("IP Address", "::1"), ("DNS", "a"))}, "a"),
    "then the common name": ({"subject": ((("commonName", "beat"),),)}, "beat"),
    "nothing of these": ({"subject": ((("organizationName", "o"),),)}, ""),
}


@pytest.mark.parametrize(("certificate", "name"), CERTIFICATES.values(), ids=CERTIFICATES)
def test_certificate_name(certificate: object, name: str) -> None:
    assert certificate_name(certificate) == name


# ---- What connections cost -------------------------------------------------------------------

CONNECTIONS = 2000


@contextmanager
def many_files() -> Iterator[None]:
    """Let this process, and the servers it starts, have as many files as it ever may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def resident_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


@pytest.mark.e2e
@pytest.mark.parametrize("secure", [False, True], ids=["TCP", "TLS"])
def test_idle_connections_are_cheap(
    tmp_path: Path, files: Files, monkeypatch: pytest.MonkeyPatch, secure: bool
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(files.certificate))
    tls = [f"tls.certificate_file={files.certificate}", f"tls.key_file={files.key}"]
    arguments = [word for one in tls for word in ("--set", one)] if secure else []
    context = ssl.create_default_context(cafile=str(files.certificate))
    with many_files(), ServerProcess(tmp_path / "data", *arguments) as server:
        host, _, port = server.urls["lumberjack"].removeprefix("http://").partition(":")
        opened: list[socket.socket] = []

        def connect() -> None:
            client = socket.create_connection((host, int(port)), timeout=60)
            opened.append(
                context.wrap_socket(client, server_hostname="localhost") if secure else client
            )

        def say(client: socket.socket) -> None:
            client.sendall(WINDOW)
            found = b""
            while len(found) < 6:
                part = client.recv(6 - len(found))
                assert part
                found += part
            assert found == ack(1)

        connect()
        say(opened[0])
        before = resident_bytes(server.pid)
        for _ in range(CONNECTIONS):
            connect()
        # All of them are served, and the last is there only when those before it are.
        for client in opened[1::100]:
            say(client)
        say(opened[-1])
        cost = resident_bytes(server.pid) - before
        for client in opened:
            client.close()
        assert cost < 100_000_000
