"""The way in over client-streaming gRPC calls, for every protocol that has a `stream`."""

from __future__ import annotations

import time
from dataclasses import dataclass

from meshseal.api.gate import Gate, key_of
from meshseal.api.ingest import count_refused, count_request, tenant_for_writing
from meshseal.api.intake import Intake
from meshseal.api.streams import StreamAccess
from meshseal.model import telemetry
from meshseal.model.envelope import Envelope
from meshseal.model.errors import AuthenticationError, MeshsealError
from meshseal.receive.grpc import GrpcCall, GrpcReply, StreamHandler
from meshseal.wire.protocol import Decoded, MessageStream, Protocol, Reply, Request
from meshseal.wire.stream import Sender

_NO_ANSWER = Reply(0)


@dataclass(frozen=True, slots=True)
class _Session:
    """One call whose sender is known."""

    protocol: Protocol
    intake: Intake
    tenant: str
    stream: MessageStream

    async def take(self, messages: list[bytes]) -> GrpcReply | None:
        """Make the records in messages durable, however long that takes."""
        name = self.protocol.name
        telemetry.REQUEST_BYTES.labels(name).inc(sum(map(len, messages)))
        envelopes: list[Envelope] = []
        refused: MeshsealError | None = None
        try:
            # What stands before a message that is none has been yielded, and is kept.
            for envelope in self.stream.received(messages, time.time_ns()):
                envelopes.append(envelope)  # noqa: PERF402
        except MeshsealError as error:
            refused = error
        if envelopes:
            # Nobody would send them again: they wait, and nothing more is read meanwhile.
            decoded = Decoded(tuple(envelopes), _NO_ANSWER)
            await self.intake.take(decoded, door=name, tenant=self.tenant, patient=True)
            count_request(self.protocol, "accepted")
        return _refusal(self.protocol, refused) if refused else None


def stream_handler(
    protocol: Protocol, *, gate: Gate, access: StreamAccess, intake: Intake
) -> StreamHandler:
    """Return what opens the calls of a protocol with streams.

    Who sends is told by an API key in the call's metadata, or else by the client's certificate, or
    else by its address: most meshes can send no metadata of one's own choice.
    """
    assert protocol.stream is not None
    opened = protocol.stream

    async def open_stream(call: GrpcCall) -> _Session | GrpcReply:
        try:
            sender = await _sender(protocol, call, gate, access)
        except MeshsealError as error:
            return _refusal(protocol, error)
        request = Request(
            path=call.method,
            query={},
            headers=call.metadata,
            body=b"",
            received_unix_nano=time.time_ns(),
            door=protocol.name,
            tenant=sender.tenant,
            source=sender.source,
        )
        return _Session(protocol, intake, sender.tenant, opened(request))

    return open_stream


async def _sender(protocol: Protocol, call: GrpcCall, gate: Gate, access: StreamAccess) -> Sender:
    """Return who opens a call. Raises: AuthenticationError, ForbiddenError, PayloadError."""
    if gate.trial or key_of(call.metadata):
        principal = await gate.principal({**call.metadata, "host": ""})
        return Sender(principal.id, tenant_for_writing(principal, call.metadata))
    sender = access.sender(call.client_address, call.certificate)
    if sender is None:
        raise AuthenticationError(
            f"nothing says who {call.client_address} is: send an API key as the metadata "
            "`authorization: Bearer msk_…`, ask for client certificates (tls.client_ca_file), or "
            f"let its address in (doors.{protocol.name}.allow)"
        )
    return sender


def _refusal(protocol: Protocol, error: MeshsealError) -> GrpcReply:
    count_refused(protocol, error)
    reply = protocol.refuse(error, {})
    return GrpcReply(reply.status, error=str(error), details=reply.body)
