"""The doors over HTTP with a real spool behind them, and no engine: what tests of limits need."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import requests

from meshseal.access.credentials import Credentials
from meshseal.access.state import migrate, open_state, sqlite_url
from meshseal.api.gate import Gate
from meshseal.api.ingest import HttpIngest
from meshseal.api.intake import Intake
from meshseal.api.streams import StreamAccess
from meshseal.model.envelope import Chunk, Envelope, decode, read_delimited
from meshseal.receive.body import InFlight
from meshseal.receive.http import HttpServer
from meshseal.receive.rates import Rates
from meshseal.receive.settings import LimitSettings, TlsSettings
from meshseal.spool.copies import Chunks, Deliveries, InDoubt
from meshseal.spool.segment import read_segment
from meshseal.spool.settings import SpoolSettings
from meshseal.spool.spool import Spool
from meshseal.spool.tally import TallyBook
from meshseal.wire import PROTOCOL, PROTOCOLS

SPOOL_KEY = bytes(range(32))


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """How a test's door is set up."""

    limits: LimitSettings = field(default_factory=LimitSettings)
    tls: TlsSettings = field(default_factory=TlsSettings)
    spool: SpoolSettings = field(
        default_factory=lambda: SpoolSettings(
            segment_age_seconds=60, min_free_bytes=0, audit_reserve_bytes=0
        )
    )
    trial: bool = True
    access: StreamAccess = field(default_factory=lambda: StreamAccess("default"))


@dataclass(slots=True)
class Door:
    """A running door."""

    address: tuple[str, int]
    spool_folder: Path
    credentials: Credentials
    tallies: TallyBook
    chunks: list[tuple[str, Chunk]]
    in_doubt: InDoubt

    def post(
        self, path: str, body: bytes, headers: Any = MappingProxyType({}), **options: Any
    ) -> requests.Response:
        url = f"http://{self.address[0]}:{self.address[1]}{path}"
        return requests.post(url, data=body, headers=dict(headers), timeout=30, **options)

    def spooled(self) -> list[Envelope]:
        """Return every envelope that is on disk."""
        return [
            envelope
            for path in sorted(self.spool_folder.glob("*.segment"))
            for content in read_segment(path, spool_key=SPOOL_KEY).contents
            for envelope in map(decode, read_delimited(content))
            if isinstance(envelope, Envelope)
        ]


@contextmanager
def running_door(folder: Path, settings: DoorSettings | None = None) -> Iterator[Door]:
    """Start the door in an event loop of its own thread, and end it."""
    chosen = settings or DoorSettings()
    url = sqlite_url(folder / "state.db")
    migrate(url)
    state = open_state(url)
    (folder / "spool").mkdir()
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    door = Door(
        sock.getsockname(), folder / "spool", Credentials(state), TallyBook(), [], InDoubt()
    )
    loop, ready = asyncio.new_event_loop(), threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        spool = Spool(
            door.spool_folder,
            spool_key=SPOOL_KEY,
            settings=chosen.spool,
            first_number=1,
            on_closed=lambda _: None,
            tallies=door.tallies,
        )
        await spool.start()
        server = HttpServer({sock: _app(door, spool, chosen)}, limits=chosen.limits, tls=chosen.tls)
        await server.start()
        ready.set()
        await stop.wait()
        await server.stop()
        await spool.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(30)
    try:
        yield door
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
        state.dispose()


def _app(door: Door, spool: Spool, chosen: DoorSettings) -> HttpIngest:
    intake = Intake(
        spool,
        Chunks(),
        Deliveries(),
        door.in_doubt,
        door.tallies,
        Rates(chosen.limits),
        on_chunk=lambda _segment, tenant, chunk: door.chunks.append((tenant, chunk)),
        on_delivery=lambda _segment, _named: None,
    )
    return HttpIngest(
        tuple(protocol for protocol in PROTOCOLS if not protocol.grpc),
        accesses=dict.fromkeys(PROTOCOL, chosen.access),
        gate=Gate(door.credentials, trial=chosen.trial),
        intake=intake,
        limits=chosen.limits,
        inflight=InFlight(chosen.limits.max_inflight_bytes),
    )
