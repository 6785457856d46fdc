"""What a protocol over a connection or over datagrams is: one row of the `STREAMS` table.

A protocol's file is pure here too. A session gets the bytes of one connection as they arrive and
says, step by step, what to make durable and what to answer; it knows no sockets and no clocks. How
the bytes were cut by the network must make no difference to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from meshseal.model.envelope import Envelope, Payload
from meshseal.model.errors import MeshsealError


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends, as authenticated, and whose records they are."""

    source: str
    tenant: str

    def envelope(
        self,
        door: str,
        received_unix_nano: int,
        kind: Payload,
        content: bytes,
        records: int,
        *,
        delivery: str = "",
    ) -> Envelope:
        """Return a payload of the sender; the arguments are an envelope's."""
        return Envelope(
            tenant=self.tenant,
            received_unix_nano=received_unix_nano,
            door=door,
            source=self.source,
            kind=kind,
            content=content,
            records=records,
            delivery=delivery,
        )


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """What a protocol's own handshake is checked against. Empty: it has none to ask for.

    Attributes:
        shared_key: The key that all senders of the door know.
        users: Passwords by user name.
    """

    shared_key: str = ""
    users: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Connection:
    """What is known of a connection when it opens.

    Attributes:
        door: The door's name, for `Door` and counters.
        tenant: Whose records come by this door, if a handshake says no more.
        sender: Who is at the other end, by its certificate or its address; None where nothing says
            so and the protocol's own handshake must.
        secrets: What that handshake is checked against.
        nonce: 32 random bytes, for one connection.
        host: The name of this server.
        limit_bytes: The largest message, unpacked.
    """

    door: str
    tenant: str
    sender: Sender | None
    secrets: Secrets
    nonce: bytes
    host: str
    limit_bytes: int


@dataclass(frozen=True, slots=True)
class Take:
    """Make envelopes durable, then answer.

    Attributes:
        envelopes: What to make durable.
        reply: The answer; empty where the protocol has none.
        patient: Whether to wait until they can be made durable, because their sender would not
            send them again. None: as the protocol's `answers` says.
    """

    envelopes: tuple[Envelope, ...]
    reply: bytes = b""
    patient: bool | None = None


@dataclass(frozen=True, slots=True)
class Say:
    """Answer now."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer, count the refusal and close.

    Attributes:
        error: Why.
        data: The answer.
        closes: False where what comes next can still be read.
        records: How many records are refused, where that is known.
    """

    error: MeshsealError
    data: bytes = b""
    closes: bool = True
    records: int = 0


Step = Take | Say | Refuse


class Session:
    """One connection of a protocol. The base answers nothing and buffers nothing."""

    @property
    def buffered_bytes(self) -> int:
        """How many bytes it holds of what is not whole yet."""
        return 0

    def opened(self) -> bytes:
        """Return what the server says first."""
        return b""

    def received(self, data: bytes, received_unix_nano: int) -> Iterable[Step]:
        """Take bytes, and return what to do; each step is done before the next is asked for.

        Raises: MeshsealError when the bytes are not the protocol: the connection is closed.
        """
        raise NotImplementedError

    def ended(self, received_unix_nano: int) -> Iterable[Step]:
        """Return what to do with what is left when the sender has closed its side."""
        del received_unix_nano
        return ()

    def keep_alive(self) -> bytes:
        """Return what buys time while envelopes are being made durable."""
        return b""

    def refused(self, error: MeshsealError) -> bytes:
        """Return what to say before closing, for an error of the bytes or of this server."""
        del error
        return b""


@dataclass(frozen=True, slots=True)
class Datagram:
    """One datagram, of a sender that may send."""

    data: bytes
    address: tuple[str, int]
    sender: Sender


@dataclass(frozen=True, slots=True)
class Arrived:
    """What a batch of datagrams holds.

    Attributes:
        envelopes: What to make durable.
        replies: What to answer, and where.
        refused: For each sender's tenant, how many datagrams are not the protocol.
    """

    envelopes: tuple[Envelope, ...] = ()
    replies: tuple[tuple[bytes, tuple[str, int]], ...] = ()
    refused: Mapping[str, int] = field(default_factory=dict)


class Datagrams:
    """What a protocol makes of datagrams at one port. It may keep what is not whole yet."""

    def received(self, batch: Sequence[Datagram], received_unix_nano: int) -> Arrived:
        """Take datagrams in the order of their arrival; none of them makes it raise."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class StreamProtocol:
    """One protocol over TCP, TLS or UDP.

    Attributes:
        name: The door's name: in configuration, counters and the `Door` column.
        title: For the reference page.
        native_port: The port that senders expect.
        session: Opens a session, for a protocol over connections.
        datagrams: Opens what takes datagrams, for a protocol over UDP; given the door's name.
        heartbeat_of: The door whose senders give a sign of life with each datagram; of these alone.
        answers: Whether its senders wait for an answer and send again without one. Of those that
            do not, nothing is read while nothing can be made durable.
        mixed: Whether, although it answers, it has senders that wait for none: nobody is turned
            away for want of memory, and each `Take` says whether it is patient.
        tls_only: Whether there is no listener without TLS.
        handshake: Whether it can prove by itself who sends.
        acknowledges: What the sender is told and when, for the reference page.
        clients: Who speaks it, for the reference page.
    """

    name: str
    title: str
    native_port: int
    session: Callable[[Connection], Session] | None = None
    datagrams: Callable[[str], Datagrams] | None = None
    heartbeat_of: str = ""
    answers: bool = False
    mixed: bool = False
    tls_only: bool = False
    handshake: bool = False
    acknowledges: str = ""
    clients: tuple[str, ...] = ()


def by_sender(batch: Iterable[Datagram]) -> Iterator[tuple[Sender, list[Datagram]]]:
    """Yield the datagrams of each sender, in their order."""
    groups: dict[Sender, list[Datagram]] = {}
    for datagram in batch:
        groups.setdefault(datagram.sender, []).append(datagram)
    yield from groups.items()
