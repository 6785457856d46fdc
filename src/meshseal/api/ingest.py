"""The way in, for every protocol: authenticate, read, decode, spool, answer.

The answer leaves only when the spool has the records on disk.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import structlog

from meshseal.access.identity import Permission, Principal
from meshseal.api.gate import TENANT_HEADER, Gate
from meshseal.model import telemetry
from meshseal.model.envelope import Chunk, Envelope
from meshseal.model.errors import (
    MeshsealError,
    OverloadedError,
    PayloadError,
    UnsupportedError,
)
from meshseal.receive.body import (
    DisconnectedError,
    InFlight,
    Receive,
    Scope,
    Send,
    disconnected,
    headers_of,
    read_body,
)
from meshseal.receive.decompress import decompress
from meshseal.receive.grpc import GrpcCall, GrpcReply, Handler
from meshseal.receive.http import respond
from meshseal.receive.settings import LimitSettings
from meshseal.spool.copies import Chunks, InDoubt
from meshseal.spool.spool import Spool
from meshseal.spool.tally import TallyBook
from meshseal.wire.protocol import Decoded, Protocol, Reply, Request

_LOG = structlog.get_logger(__name__)
CHUNK_HEADER = "meshseal-chunk"
_MAX_AGENT = 128


@dataclass(frozen=True, slots=True)
class Intake:
    """What every door hands its records to. `on_chunk` is told in which segment a chunk is."""

    spool: Spool
    chunks: Chunks
    in_doubt: InDoubt
    tallies: TallyBook
    on_chunk: Callable[[int, str, Chunk], None]
    _in_progress: dict[tuple[str, Chunk], asyncio.Event] = field(default_factory=dict)

    async def take(self, decoded: Decoded, *, door: str, tenant: str) -> None:
        """Make a request's records durable, or find that they are already.

        Raises: OverloadedError; nothing of the request is kept then.
        """
        records = decoded.records
        telemetry.RECORDS_RECEIVED.labels(door, tenant).inc(records)
        async with self._alone(decoded):
            await self._take(decoded, records, door, tenant)

    async def _take(self, decoded: Decoded, records: int, door: str, tenant: str) -> None:
        if all(self._is_copy(envelope) for envelope in decoded.envelopes):
            if records:
                telemetry.RECORDS_DEDUPLICATED.labels(door, tenant).inc(records)
                self.tallies.deduplicated(tenant, door, records)
            return
        try:
            segment = await self.spool.append(decoded.envelopes)
        except OverloadedError:
            telemetry.RECORDS_REFUSED.labels(door, tenant, OverloadedError.code).inc(records)
            self.tallies.refused(tenant, door, records)
            raise
        telemetry.SPOOL_RECORDS.inc(records)
        for envelope in decoded.envelopes:
            if envelope.chunk:
                self.chunks.add(tenant, envelope.chunk)
                self.on_chunk(segment, tenant, envelope.chunk)

    @asynccontextmanager
    async def _alone(self, decoded: Decoded) -> AsyncIterator[None]:
        """Let a chunk that is sent twice at once wait for its twin."""
        keys = [(e.tenant, e.chunk) for e in decoded.envelopes if e.chunk]
        for key in keys:
            while (other := self._in_progress.get(key)) is not None:
                await other.wait()
        done = asyncio.Event()
        self._in_progress.update(dict.fromkeys(keys, done))
        try:
            yield
        finally:
            for key in keys:
                del self._in_progress[key]
            done.set()

    def doubt(self, decoded: Decoded) -> None:
        """Note that the sender of durable records may not have heard so."""
        for envelope in decoded.envelopes:
            if not envelope.chunk:
                self.in_doubt.add(envelope)

    def _is_copy(self, envelope: Envelope) -> bool:
        if envelope.chunk:
            return self.chunks.has(envelope.tenant, envelope.chunk)
        return self.in_doubt.take(envelope)


class HttpIngest:
    """Answers the HTTP paths of protocols.

    Args:
        protocols: The protocols.
        gate: Who authenticates.
        intake: Where records go.
        limits: Bounds of size and time.
        inflight: What all requests hold together.
    """

    def __init__(
        self,
        protocols: tuple[Protocol, ...],
        *,
        gate: Gate,
        intake: Intake,
        limits: LimitSettings,
        inflight: InFlight,
    ) -> None:
        self._by_path = {
            path: protocol for protocol in protocols if not protocol.grpc for path in protocol.paths
        }
        self._gate = gate
        self._intake = intake
        self._limits = limits
        self._inflight = inflight

    def takes(self, path: str) -> bool:
        """Say whether a path is one of a protocol's."""
        return path in self._by_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request to a path that `takes` says yes to."""
        protocol = self._by_path[scope["path"]]
        headers = headers_of(scope)
        try:
            decoded = await self._receive(protocol, scope, headers, receive)
        except DisconnectedError:
            _count(protocol, "disconnected")
            return
        except MeshsealError as error:
            _refused(protocol, error)
            await _send(send, protocol.refuse(error, headers))
            return
        _count(protocol, "accepted")
        if await disconnected(receive):
            self._intake.doubt(decoded)
            return
        await _send(send, decoded.reply)

    async def _receive(
        self, protocol: Protocol, scope: Scope, headers: Mapping[str, str], receive: Receive
    ) -> Decoded:
        if scope["method"] not in ("POST", "PUT"):
            raise UnsupportedError(f"use POST, not {scope['method']}")
        principal = await self._gate.principal(headers)
        tenant = tenant_for_writing(principal, headers)
        self._intake.spool.admit()
        limit = min(protocol.max_request_bytes, self._limits.max_request_bytes)
        with self._inflight.lease() as lease:
            body = await read_body(
                headers,
                receive,
                lease,
                limit_bytes=limit,
                timeout_seconds=self._limits.body_timeout_seconds,
            )
            encoding = headers.get("content-encoding", "")
            if encoding and encoding.lower() != "snappy":
                body = decompress(body, encoding, limit_bytes=limit)
            telemetry.REQUEST_BYTES.labels(protocol.name).inc(len(body))
            decoded = protocol.decode(
                Request(
                    path=scope["path"],
                    query=parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True),
                    headers=headers,
                    body=body,
                    received_unix_nano=time.time_ns(),
                    door=protocol.name,
                    tenant=tenant,
                    source=principal.id,
                    chunk=chunk_of(headers),
                )
            )
            await self._intake.take(decoded, door=protocol.name, tenant=tenant)
        return decoded


def grpc_handler(protocol: Protocol, *, gate: Gate, intake: Intake) -> Handler:
    """Return what answers the calls of a gRPC protocol."""

    async def answer(call: GrpcCall) -> GrpcReply:
        try:
            principal = await gate.principal({**call.metadata, "host": ""})
            tenant = tenant_for_writing(principal, call.metadata)
            intake.spool.admit()
            telemetry.REQUEST_BYTES.labels(protocol.name).inc(len(call.message))
            decoded = protocol.decode(
                Request(
                    path=call.method,
                    query={},
                    headers=call.metadata,
                    body=call.message,
                    received_unix_nano=time.time_ns(),
                    door=protocol.name,
                    tenant=tenant,
                    source=principal.id,
                    chunk=chunk_of(call.metadata),
                )
            )
            await intake.take(decoded, door=protocol.name, tenant=tenant)
        except MeshsealError as error:
            _refused(protocol, error)
            reply = protocol.refuse(error, call.metadata)
            return GrpcReply(reply.status, error=str(error), details=reply.body)
        _count(protocol, "accepted")
        return GrpcReply(0, decoded.reply.body, on_lost=lambda: intake.doubt(decoded))

    return answer


def tenant_for_writing(principal: Principal, headers: Mapping[str, str]) -> str:
    """Return the tenant a request writes for. Raises: ForbiddenError, PayloadError."""
    principal.require(Permission.INGEST)
    return principal.tenant_for_writing(headers.get(TENANT_HEADER))


def chunk_of(headers: Mapping[str, str]) -> Chunk | None:
    """Return the sender's number for its request, `Meshseal-Chunk: <agent>/<epoch>/<sequence>`.

    Raises: PayloadError when it is written otherwise.
    """
    text = headers.get(CHUNK_HEADER, "")
    if not text:
        return None
    agent, _, numbers = text.partition("/")
    epoch, _, sequence = numbers.partition("/")
    numeric = all(n.isascii() and n.isdecimal() and len(n) < 19 for n in (epoch, sequence))
    if not agent or len(agent) > _MAX_AGENT or not numeric:
        raise PayloadError("Meshseal-Chunk is written AGENT/EPOCH/SEQUENCE, two whole numbers last")
    return Chunk(agent, int(epoch), int(sequence))


def _count(protocol: Protocol, outcome: str) -> None:
    telemetry.REQUESTS.labels(protocol.name, outcome).inc()


def _refused(protocol: Protocol, error: MeshsealError) -> None:
    _count(protocol, error.code)
    _LOG.warning("door_refused", door=protocol.name, code=error.code, reason=str(error)[:300])


async def _send(send: Send, reply: Reply) -> None:
    await respond(send, reply.status, reply.body, reply.media_type, reply.headers)
