"""Streams of messages: who may open one, and what of it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from ipaddress import ip_network
from pathlib import Path

import pytest

from meshseal.access.credentials import Credentials
from meshseal.access.identity import Role
from meshseal.access.state import migrate, open_state, sqlite_url
from meshseal.api.gate import Gate
from meshseal.api.intake import Intake
from meshseal.api.message_streams import stream_handler
from meshseal.api.streams import StreamAccess
from meshseal.model.envelope import Envelope
from meshseal.receive.grpc import GrpcCall, GrpcReply
from meshseal.receive.rates import Rates
from meshseal.receive.settings import LimitSettings
from meshseal.spool.copies import Chunks, Deliveries, InDoubt
from meshseal.spool.tally import TallyBook
from meshseal.wire.envoy_als import ENVOY_ALS, METHOD
from meshseal.wire.protos.spool_pb2 import EnvoyAls

ACCESS = StreamAccess(tenant="mesh", networks=(ip_network("10.0.0.0/8"),))


class _Spool:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.kept: list[Envelope] = []

    async def append(self, envelopes: tuple[Envelope, ...]) -> int:
        self.kept += envelopes
        return 1


def entries(*paths: str) -> bytes:
    message = EnvoyAls()
    for path in paths:
        message.http_logs.log_entry.add().request.path = path.encode()
    return message.SerializeToString()


def opened(
    folder: Path,
    talk: Callable[[object], Awaitable[GrpcReply | None]],
    *,
    key: str | None = None,
    **sender: str,
) -> tuple[GrpcReply | None, list[Envelope]]:
    """Open a stream, talk over it, and return how it ended and what was kept."""
    url = sqlite_url(folder / "state.db")
    migrate(url)
    state = open_state(url)
    credentials, spool = Credentials(state), _Spool()
    metadata = {}
    if key is not None:
        made = "no"
        if key:
            made = credentials.create_key(name="mesh", role=Role.SHIPPER, tenant=key).token
        metadata["authorization"] = f"Bearer {made}"
    intake = Intake(
        spool,  # type: ignore[arg-type]
        Chunks(),
        Deliveries(),
        InDoubt(),
        TallyBook(),
        Rates(LimitSettings()),
        on_chunk=lambda *_: None,
        on_delivery=lambda *_: None,
    )
    handler = stream_handler(
        ENVOY_ALS, gate=Gate(credentials, trial=False), access=ACCESS, intake=intake
    )
    call = GrpcCall(
        METHOD, metadata, b"", sender.get("address", "192.0.2.1"), sender.get("certificate", "")
    )

    async def run() -> GrpcReply | None:
        session = await handler(call)
        return session if isinstance(session, GrpcReply) else await talk(session)

    try:
        return asyncio.run(run()), spool.kept
    finally:
        state.dispose()


async def _good(session: object) -> GrpcReply | None:
    reply: GrpcReply | None = await session.take([entries("/1", "/2")])  # type: ignore[attr-defined]
    return reply


SENDERS: dict[str, tuple[dict[str, str], str, str]] = {
    "a certificate": ({"certificate": "spiffe://td/a"}, "certificate:spiffe://td/a", "mesh"),
    "an address": ({"address": "10.1.2.3"}, "address:10.1.2.3", "mesh"),
    "a key": ({"key": "team-a"}, "key:", "team-a"),
    "a key, with a certificate too": (
        {"key": "team-a", "certificate": "spiffe://td/a", "address": "10.1.2.3"},
        "key:",
        "team-a",
    ),
}


@pytest.mark.parametrize(("sender", "source", "tenant"), SENDERS.values(), ids=SENDERS)
def test_who_sends(tmp_path: Path, sender: dict[str, str], source: str, tenant: str) -> None:
    reply, (kept,) = opened(tmp_path, _good, **sender)
    assert reply is None
    assert kept.source.startswith(source)
    assert (kept.tenant, kept.door, kept.records) == (tenant, "envoy_als", 2)


UNKNOWN: dict[str, dict[str, str]] = {
    "nothing": {},
    "another network": {"address": "11.0.0.1"},
    "no address": {"address": ""},
    "a key that does not hold": {"key": "", "address": "10.1.2.3"},
}


@pytest.mark.parametrize("sender", UNKNOWN.values(), ids=UNKNOWN)
def test_who_is_not_known_may_not_open_a_stream(tmp_path: Path, sender: dict[str, str]) -> None:
    reply, kept = opened(tmp_path, _good, **sender)
    assert reply is not None
    assert reply.status == 16
    assert kept == []


def test_what_stands_before_a_bad_message_is_kept(tmp_path: Path) -> None:
    async def talk(session: object) -> GrpcReply | None:
        batch = [entries("/1"), b"\xff", entries("/2")]
        reply: GrpcReply | None = await session.take(batch)  # type: ignore[attr-defined]
        return reply

    reply, kept = opened(tmp_path, talk, address="10.1.2.3")
    assert reply is not None
    assert (reply.status, reply.error) == (3, "a message is not a StreamAccessLogsMessage")
    assert [one.records for one in kept] == [1]
