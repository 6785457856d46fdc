"""The way in over connections and datagrams, for every protocol of the `STREAMS` table."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from meshseal.access.identity import TRIAL
from meshseal.api.intake import Intake
from meshseal.model import telemetry
from meshseal.model.envelope import Envelope
from meshseal.model.errors import (
    AuthenticationError,
    MeshsealError,
    OverloadedError,
    PayloadError,
)
from meshseal.receive.body import InFlight, Lease
from meshseal.receive.datagram import Batch
from meshseal.receive.settings import LimitSettings
from meshseal.receive.stream import Stream
from meshseal.wire.protocol import Decoded, Reply
from meshseal.wire.stream import (
    Connection,
    Datagram,
    Datagrams,
    Refuse,
    Say,
    Secrets,
    Sender,
    Session,
    Step,
    StreamProtocol,
    Take,
)

_LOG = structlog.get_logger(__name__)
_KEEP_ALIVE_SECONDS = 3.0
_STOP_SECONDS = 5.0
_DRAIN_SECONDS = 0.25
_ROOM_SECONDS = 0.05
_NO_ANSWER = Reply(0)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class StreamAccess:
    """Who may send by a door.

    Attributes:
        tenant: Whose records come by it.
        networks: Senders at these addresses need to prove nothing more.
        secrets: What the protocol's own handshake is checked against.
        trial: Whether everybody on this machine may.
    """

    tenant: str
    networks: tuple[Network, ...] = ()
    secrets: Secrets = field(default_factory=Secrets)
    trial: bool = False

    def sender(self, address: str, certificate: str = "") -> Sender | None:
        """Return who is at an address, or None where nothing says so yet."""
        if self.trial:
            return Sender(TRIAL.id, self.tenant)
        if certificate:
            return Sender(f"certificate:{certificate}", self.tenant)
        try:
            numeric = ipaddress.ip_address(address)
        except ValueError:
            return None
        mapped = getattr(numeric, "ipv4_mapped", None)
        if any((mapped or numeric) in network for network in self.networks):
            return Sender(f"address:{mapped or numeric}", self.tenant)
        return None


class StreamIngest:
    """Talks to the connections of one protocol.

    Args:
        protocol: The protocol.
        access: Who may send.
        intake: Where records go.
        limits: Bounds of size and time.
        inflight: What all requests hold together.
    """

    def __init__(
        self,
        protocol: StreamProtocol,
        *,
        access: StreamAccess,
        intake: Intake,
        limits: LimitSettings,
        inflight: InFlight,
    ) -> None:
        self._protocol = protocol
        self._access = access
        self._intake = intake
        self._limits = limits
        self._inflight = inflight

    async def __call__(self, stream: Stream) -> None:
        """Talk to one connection until it ends. Raises: OSError, TimeoutError."""
        try:
            session = self._open(stream)
        except MeshsealError as error:
            self._count_refused(error, stream)
            return
        with self._inflight.lease() as lease:
            try:
                await self._say(stream, session.opened())
                await self._talk(stream, session, lease)
            except MeshsealError as error:
                self._count_refused(error, stream)
                await self._say(stream, session.refused(error))
            except asyncio.CancelledError:
                await self._drain(stream, session, lease)
                raise

    def _open(self, stream: Stream) -> Session:
        sender = self._access.sender(stream.address, stream.certificate)
        own = self._protocol.handshake and self._access.secrets.shared_key
        if sender is None and not own:
            raise AuthenticationError(
                f"nothing says who {stream.address} is: ask for client certificates "
                f"(tls.client_ca_file), or let its address in (doors.{self._protocol.name}.allow)"
            )
        assert self._protocol.session is not None
        return self._protocol.session(
            Connection(
                door=self._protocol.name,
                tenant=self._access.tenant,
                # Where the door has a key, all must know it: an address alone is not enough.
                sender=None if own and not self._access.trial else sender,
                secrets=self._access.secrets,
                nonce=secrets.token_bytes(32),
                host=socket.gethostname(),
                limit_bytes=self._limits.max_request_bytes,
            )
        )

    async def _talk(self, stream: Stream, session: Session, lease: Lease) -> None:
        waiting_since: float | None = None
        while True:
            try:
                data = await self._read(stream, waiting_since)
            except (OSError, PayloadError):
                await self._keep_rest(stream, session, lease)
                raise
            now = time.time_ns()
            telemetry.REQUEST_BYTES.labels(self._protocol.name).inc(len(data))
            await self._hold(lease, session.buffered_bytes + len(data))
            stepped = False
            for step in session.received(data, now) if data else session.ended(now):
                stepped = True
                if not await self._do(stream, session, step, lease):
                    return
            if not data:
                return
            await self._hold(lease, session.buffered_bytes)
            if not session.buffered_bytes:
                waiting_since = None
            elif stepped or waiting_since is None:
                waiting_since = time.monotonic()

    async def _keep_rest(self, stream: Stream, session: Session, lease: Lease) -> None:
        """Take what a connection that is lost ended in, if nobody would send it again."""
        if not self._protocol.answers:
            for step in session.ended(time.time_ns()):
                await self._do(stream, session, step, lease)

    async def _drain(self, stream: Stream, session: Session, lease: Lease) -> None:
        """Take what has come before this server's end, if nobody would send it again."""
        if self._protocol.answers:
            return
        stream.end()
        with contextlib.suppress(OSError, MeshsealError):
            async with asyncio.timeout(_STOP_SECONDS):
                with contextlib.suppress(OSError):
                    while data := await stream.read(_DRAIN_SECONDS):
                        for step in session.received(data, time.time_ns()):
                            await self._do(stream, session, step, lease)
                await self._keep_rest(stream, session, lease)

    async def _read(self, stream: Stream, waiting_since: float | None) -> bytes:
        """Return what has arrived. Raises: PayloadError when a message is not whole in time."""
        if waiting_since is None:
            return await stream.read(self._limits.stream_idle_seconds)
        left = waiting_since + self._limits.body_timeout_seconds - time.monotonic()
        if left > 0:
            with contextlib.suppress(TimeoutError):
                return await stream.read(left)
        raise PayloadError("a message was not whole in time")

    async def _hold(self, lease: Lease, total: int) -> None:
        """Hold so many bytes. Raises: OverloadedError; later where nobody would send them again."""
        deadline = time.monotonic() + self._limits.body_timeout_seconds
        while True:
            try:
                return lease.hold(total)
            except OverloadedError:
                turned_away = self._protocol.answers and not self._protocol.mixed
                if turned_away or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(_ROOM_SECONDS)

    async def _do(self, stream: Stream, session: Session, step: Step, lease: Lease) -> bool:
        """Do a step; return whether the connection goes on."""
        match step:
            case Say(data):
                await self._say(stream, data)
            case Refuse():
                self._count_refused(step.error, stream)
                if step.records:
                    self._intake.refuse(
                        self._protocol.name,
                        self._access.tenant,
                        step.error.code,
                        step.records,
                        self._source(stream),
                    )
                await self._say(stream, step.data)
                return not step.closes
            case Take():
                await self._take(stream, session, step, lease)
        return True

    def _source(self, stream: Stream) -> str:
        """Return who sends; '' where the protocol's own handshake says so."""
        if self._protocol.handshake and self._access.secrets.shared_key and not self._access.trial:
            return ""
        sender = self._access.sender(stream.address, stream.certificate)
        return sender.source if sender else ""

    async def _take(self, stream: Stream, session: Session, step: Take, lease: Lease) -> None:
        """Make envelopes durable, then answer. Raises: OverloadedError, OSError, TimeoutError."""
        decoded = Decoded(step.envelopes, _NO_ANSWER)
        if decoded.envelopes:
            # What was sent compressed may be much more than what was read.
            size = sum(len(envelope.content) for envelope in decoded.envelopes)
            await self._hold(lease, max(lease.held_bytes, session.buffered_bytes + size))
            await self._make_durable(stream, session, step, decoded)
        telemetry.REQUESTS.labels(self._protocol.name, "accepted").inc()
        await self._answer(stream, decoded, step.reply)

    async def _make_durable(
        self, stream: Stream, session: Session, step: Take, decoded: Decoded
    ) -> None:
        durable = asyncio.ensure_future(
            self._intake.take(
                decoded,
                door=self._protocol.name,
                tenant=decoded.envelopes[0].tenant,
                # Nobody would send them again: they wait, and nothing more is read meanwhile.
                patient=not self._protocol.answers if step.patient is None else step.patient,
            )
        )
        try:
            while not (await asyncio.wait({durable}, timeout=_KEEP_ALIVE_SECONDS))[0]:
                await self._say(stream, session.keep_alive())
        except (asyncio.CancelledError, OSError, TimeoutError) as error:
            # The server stops, or the connection is lost: what can become durable does, and its
            # sender is told so if it is still there.
            await asyncio.wait({durable}, timeout=_STOP_SECONDS)
            if not durable.done():
                durable.cancel()
            elif durable.exception() is None:
                if isinstance(error, asyncio.CancelledError):
                    await self._answer(stream, decoded, step.reply)
                else:
                    self._intake.doubt(decoded)
            raise
        durable.result()

    async def _answer(self, stream: Stream, decoded: Decoded, reply: bytes) -> None:
        """Tell the sender that its records are durable; if it may not hear it, remember them."""
        if not reply:
            return
        try:
            if stream.is_lost:
                raise ConnectionResetError("the sender is gone")
            await self._say(stream, reply)
        except (OSError, TimeoutError):
            self._intake.doubt(decoded)
            raise
        if stream.has_ended:
            # It has sent all that it wanted to, or it has given up.
            self._intake.doubt(decoded)

    async def _say(self, stream: Stream, data: bytes) -> None:
        await stream.write(data, self._limits.body_timeout_seconds)

    def _count_refused(self, error: MeshsealError, stream: Stream) -> None:
        telemetry.REQUESTS.labels(self._protocol.name, error.code).inc()
        _LOG.warning(
            "door_refused",
            door=self._protocol.name,
            code=error.code,
            reason=str(error)[:300],
            address=stream.address,
        )


class DatagramIngest:
    """Takes the datagrams of one protocol. The arguments are those of `StreamIngest`."""

    def __init__(self, protocol: StreamProtocol, *, access: StreamAccess, intake: Intake) -> None:
        assert protocol.datagrams is not None
        self._protocol = protocol
        self._access = access
        self._intake = intake
        self._datagrams: Datagrams = protocol.datagrams(protocol.name)
        self._senders: dict[str, Sender | None] = {}

    async def take(self, batch: Batch) -> Batch:
        """Make a batch durable, and return what to answer."""
        known: list[Datagram] = []
        unknown = 0
        for data, address in batch:
            sender = self._sender(address[0])
            if sender is None:
                unknown += 1
            else:
                known.append(Datagram(data, address, sender))
        if unknown:
            self._refuse({self._access.tenant: unknown}, AuthenticationError.code)
        telemetry.REQUEST_BYTES.labels(self._protocol.name).inc(sum(len(d.data) for d in known))
        if self._protocol.heartbeat_of:
            for sender in {datagram.sender for datagram in known}:
                self._intake.lives(sender.tenant, sender.source, self._protocol.heartbeat_of)
        arrived = self._datagrams.received(known, time.time_ns())
        self._refuse(arrived.refused, PayloadError.code)
        await self._store(arrived.envelopes)
        return list(arrived.replies)

    def lose(self, batch: Batch) -> None:
        """Count datagrams that found no room."""
        self._refuse({self._access.tenant: len(batch)}, OverloadedError.code)

    async def _store(self, envelopes: Sequence[Envelope]) -> None:
        by_tenant: dict[str, list[Envelope]] = {}
        for envelope in envelopes:
            by_tenant.setdefault(envelope.tenant, []).append(envelope)
        for tenant, group in by_tenant.items():
            try:
                decoded = Decoded(tuple(group), _NO_ANSWER)
                await self._intake.take(decoded, door=self._protocol.name, tenant=tenant)
            except OverloadedError as error:
                _LOG.warning("door_refused", door=self._protocol.name, reason=str(error)[:300])
            else:
                telemetry.REQUESTS.labels(self._protocol.name, "accepted").inc()

    def _sender(self, address: str) -> Sender | None:
        if address not in self._senders:
            if len(self._senders) > 10_000:
                self._senders.clear()
            self._senders[address] = self._access.sender(address)
        return self._senders[address]

    def _refuse(self, refused: Mapping[str, int], code: str) -> None:
        for tenant, count in refused.items():
            self._intake.refuse(self._protocol.name, tenant, code, count)
            telemetry.REQUESTS.labels(self._protocol.name, code).inc(count)
            _LOG.warning("door_refused", door=self._protocol.name, code=code, datagrams=count)
