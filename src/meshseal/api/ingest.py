"""The way in over HTTP and gRPC, for every protocol: authenticate, read, decode, spool, answer.

The answer leaves only when the spool has the records on disk.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import parse_qs

import structlog

from meshseal.access.identity import Permission, Principal
from meshseal.api.gate import TENANT_HEADER, Gate, key_of, session_of
from meshseal.api.intake import Intake
from meshseal.api.streams import StreamAccess
from meshseal.model import telemetry
from meshseal.model.envelope import Chunk
from meshseal.model.errors import MeshsealError, PayloadError, UnsupportedError
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
from meshseal.receive.decompress import decompress, decompress_by_magic
from meshseal.receive.grpc import GrpcCall, GrpcReply, Handler
from meshseal.receive.http import respond
from meshseal.receive.settings import LimitSettings
from meshseal.wire.protocol import Decoded, Protocol, Reply, Request

_LOG = structlog.get_logger(__name__)
CHUNK_HEADER = "meshseal-chunk"
_MAX_AGENT = 128


class HttpIngest:
    """Answers the HTTP paths of protocols.

    Args:
        protocols: The protocols.
        accesses: Who may send without a key, by the protocols' names.
        whole: The protocol that answers at every other path.
        gate: Who authenticates.
        intake: Where records go.
        limits: Bounds of size and time.
        inflight: What all requests hold together.
    """

    def __init__(
        self,
        protocols: tuple[Protocol, ...],
        *,
        accesses: Mapping[str, StreamAccess],
        gate: Gate,
        intake: Intake,
        limits: LimitSettings,
        inflight: InFlight,
        whole: Protocol | None = None,
    ) -> None:
        self._by_path = {path: protocol for protocol in protocols for path in protocol.paths}
        self._by_prefix = {
            f"{protocol.prefix}/": protocol for protocol in protocols if protocol.prefix
        }
        self._accesses = accesses
        self._whole = whole
        self._gate = gate
        self._intake = intake
        self._limits = limits
        self._inflight = inflight

    def takes(self, path: str) -> bool:
        """Say whether a path is one of a protocol's."""
        return self._find(path) is not None

    def _find(self, path: str) -> tuple[Protocol, str] | None:
        """Return the protocol that answers at a path, and what the path is to it."""
        if path in self._by_path:
            return self._by_path[path], path
        for prefix, protocol in self._by_prefix.items():
            if path.startswith(prefix) or path == protocol.prefix:
                return protocol, path[len(protocol.prefix) :] or "/"
        return (self._whole, path) if self._whole else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request to a path that `takes` says yes to."""
        found = self._find(scope["path"])
        assert found is not None
        protocol, path = found
        headers = headers_of(scope)
        try:
            decoded = await self._receive(protocol, path, scope, headers, receive)
        except DisconnectedError:
            count_request(protocol, "disconnected")
            return
        except MeshsealError as error:
            count_refused(protocol, error)
            asked = f"{path}?{scope['query_string'].decode('latin-1')}"
            reply = protocol.refuse(error, {**headers, ":path": asked})
            await _send(send, scope["method"], reply)
            return
        count_request(protocol, decoded.outcome)
        if await disconnected(receive):
            self._intake.doubt(decoded)
            return
        await _send(send, scope["method"], decoded.reply)

    async def _receive(
        self,
        protocol: Protocol,
        path: str,
        scope: Scope,
        headers: Mapping[str, str],
        receive: Receive,
    ) -> Decoded:
        if scope["method"] not in protocol.methods:
            raise UnsupportedError(f"use {protocol.methods[0]}, not {scope['method']}")
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        is_open = path in protocol.open_paths or scope["method"] in protocol.open_methods
        tenant, source = "", ""
        if not is_open:
            key = protocol.credential(path, query, headers) if protocol.credential else ""
            client = (scope.get("client") or ("",))[0]
            access = self._accesses[protocol.name]
            tenant, source = await sender_of(self._gate, access, headers, client, key=key)
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
            if protocol.packed_by_magic:
                body = decompress_by_magic(body, limit_bytes=limit)
            elif encoding and encoding.lower() != "snappy":
                body = decompress(body, encoding, limit_bytes=limit)
            telemetry.REQUEST_BYTES.labels(protocol.name).inc(len(body))
            decoded = protocol.decode(
                Request(
                    path=path,
                    query=query,
                    headers=headers,
                    body=body,
                    received_unix_nano=time.time_ns(),
                    door=protocol.name,
                    tenant=tenant,
                    source=source,
                    chunk=chunk_of(headers),
                    method=scope["method"],
                    own_formats=self._intake.own_formats(),
                )
            )
            await self._intake.take(decoded, door=protocol.name, tenant=tenant)
            if decoded.refused:
                code = decoded.refused_code
                self._intake.refuse(protocol.name, tenant, code, decoded.refused, source)
            if tenant and source:
                self._intake.hear(decoded, door=protocol.name, tenant=tenant, source=source)
        return decoded


async def sender_of(
    gate: Gate, access: StreamAccess, headers: Mapping[str, str], client: str, *, key: str = ""
) -> tuple[str, str]:
    """Return for which tenant a request writes, and who sends it.

    What says nothing of itself is known by its address, if the door lets that in.

    Raises: AuthenticationError, ForbiddenError, PayloadError.
    """
    silent = not (key or key_of(headers) or session_of(headers))
    if silent and not gate.trial and (sender := access.sender(client)):
        return sender.tenant, sender.source
    principal = await gate.principal(headers, key=key)
    return tenant_for_writing(principal, headers), principal.id


def grpc_handler(
    protocol: Protocol, *, gate: Gate, access: StreamAccess, intake: Intake
) -> Handler:
    """Return what answers the calls of a gRPC protocol."""

    async def answer(call: GrpcCall) -> GrpcReply:
        try:
            metadata = {**call.metadata, "host": ""}
            tenant, source = await sender_of(gate, access, metadata, call.client_address)
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
                    source=source,
                    chunk=chunk_of(call.metadata),
                )
            )
            await intake.take(decoded, door=protocol.name, tenant=tenant)
            if decoded.refused:
                refused, code = decoded.refused, decoded.refused_code
                intake.refuse(protocol.name, tenant, code, refused, source)
            intake.hear(decoded, door=protocol.name, tenant=tenant, source=source)
        except MeshsealError as error:
            count_refused(protocol, error)
            reply = protocol.refuse(error, call.metadata)
            return GrpcReply(reply.status, error=str(error), details=reply.body)
        count_request(protocol, "accepted")
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


def count_request(protocol: Protocol, outcome: str) -> None:
    """Count a request by what became of it."""
    telemetry.REQUESTS.labels(protocol.name, outcome).inc()


def count_refused(protocol: Protocol, error: MeshsealError) -> None:
    """Count and log a request that was refused."""
    count_request(protocol, error.code)
    _LOG.warning("door_refused", door=protocol.name, code=error.code, reason=str(error)[:300])


async def _send(send: Send, method: str, reply: Reply) -> None:
    body = b"" if method == "HEAD" else reply.body
    await respond(send, reply.status, body, reply.media_type, reply.headers)
