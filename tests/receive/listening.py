"""A listener for connections in a test's own event loop, with an intake that does as it is told."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

from meshseal.api.intake import Intake
from meshseal.api.streams import StreamAccess, StreamIngest
from meshseal.model import telemetry
from meshseal.model.envelope import Envelope
from meshseal.model.errors import OverloadedError
from meshseal.receive.body import InFlight
from meshseal.receive.settings import LimitSettings, TlsSettings
from meshseal.receive.stream import StreamServer
from meshseal.wire.lumberjack import PROTOCOL
from meshseal.wire.protocol import Decoded
from meshseal.wire.stream import StreamProtocol
from tests.wire.test_lumberjack import A, event, window

WINDOW = window(1) + event(1, A)


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

    def refuse(self, door: str, tenant: str, code: str, records: int, source: str = "") -> None:
        assert source
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


async def drained(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the end, however it ends."""
    parts = []
    try:
        while part := await reader.read(1 << 20):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)
