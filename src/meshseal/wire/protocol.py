"""What a protocol is: one row of the `PROTOCOLS` table.

A protocol's file is pure. It gets the bytes of one request and the time of their receipt, and
returns envelopes and the reply to send once they are durable, or raises a `MeshsealError` that it
puts into its own words. It knows no sockets, no clocks and no store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from meshseal.model.counters import Alive, Reading
from meshseal.model.envelope import Chunk, Envelope, Payload
from meshseal.model.errors import MeshsealError, OverloadedError, PayloadError

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding bytes as JSON may raise."""

Query = Mapping[str, list[str]]
"""Query parameters; of repeated ones, all."""

MAX_REQUEST_BYTES = 64 << 20
"""The largest request, unpacked; what the OTLP specification recommends as a receiver's limit."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, with its `Content-Encoding` taken off.

    Attributes:
        path: Its path, without the query and without the protocol's `prefix`.
        method: Its method, in upper case; of a gRPC call, POST.
        query: Query parameters; of repeated ones, all.
        headers: Names in lower case.
        body: The unpacked body.
        received_unix_nano: When it was received.
        door: The name of the door, for `Door` and counters.
        tenant: Whose records they are.
        source: Who sends, as authenticated.
        chunk: The sender's own number for the request, if it gave one.
        own_formats: The formats that this installation has beside those built in.
    """

    path: str
    query: Query
    headers: Mapping[str, str]
    body: bytes
    received_unix_nano: int
    door: str
    tenant: str
    source: str
    chunk: Chunk | None = None
    method: str = "POST"
    own_formats: frozenset[str] = frozenset()

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def envelope(
        self,
        kind: Payload,
        content: bytes,
        records: int,
        *,
        format_hint: str = "",
        labels: Mapping[str, str] | None = None,
        delivery: str = "",
    ) -> Envelope:
        """Return a payload of the request; the arguments are an envelope's."""
        return Envelope(
            tenant=self.tenant,
            received_unix_nano=self.received_unix_nano,
            door=self.door,
            source=self.source,
            kind=kind,
            content=content,
            records=records,
            format=format_hint,
            labels=labels or {},
            chunk=self.chunk,
            delivery=delivery,
        )

    def parameter(self, name: str) -> str:
        """The last value of a query parameter, or ''."""
        values = self.query.get(name)
        return values[-1] if values else ""


NOT_STORED = "not_stored"
"""Why what is no record is refused: it was taken, and is not kept."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer. Errors carry the class of the failure for counters and logs."""

    status: int
    body: bytes = b""
    media_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a request holds: envelopes to make durable, and the reply to send after that.

    `refused` is how many records the reply refuses one by one, and `refused_code` why; they are in
    none of the envelopes.
    `outcome` is what the request counts as: `not_kept` where nothing of it is a record.
    `readings` are the sender's own counters of its records, and `alive` says whose sign of life the
    request is, where it names them.
    """

    envelopes: tuple[Envelope, ...]
    reply: Reply
    refused: int = 0
    refused_code: str = PayloadError.code
    outcome: str = "accepted"
    readings: tuple[Reading, ...] = ()
    alive: tuple[Alive, ...] = ()

    @property
    def records(self) -> int:
        """How many records the request holds."""
        return sum(envelope.records for envelope in self.envelopes)


class MessageStream:
    """One client-streaming gRPC call of a protocol, which may live for hours.

    A call is never answered before it ends: what a protocol tells once, at its beginning, is kept
    here.
    """

    def received(self, messages: Sequence[bytes], received_unix_nano: int) -> Iterable[Envelope]:
        """Take messages in their order, and return what to make durable before the next ones.

        Raises: PayloadError at a message that is not the protocol; what stood before it has been
            returned. The call is ended.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Protocol:
    """One protocol over HTTP or gRPC.

    Attributes:
        name: The door's name: in configuration, counters and the `Door` column.
        title: For the reference page.
        paths: The HTTP paths that take records, or the full names of gRPC methods.
        prefix: Where at the main port the whole conversation of the protocol is, for those that
            have one: any path behind it. At the native port it is at the root. Empty: `paths` only.
        methods: The HTTP methods it answers; the others are refused.
        open_paths: Those of its paths that tell nothing and take nothing, and so ask for no
            credential. Their requests belong to no tenant.
        open_methods: The same for methods, at all of its paths.
        credential: Where its senders put the API key, if not where all may put it: takes the path,
            the query and the headers, and returns the key or ''.
        decode: Turns a request into envelopes. Raises: MeshsealError.
        refuse: Turns an error into the protocol's own answer to the request it was raised for;
            `headers` are the request's, with its path and query as `:path`.
        native_port: The port that senders expect, or 0 for none of its own.
        reads: Prefixes of the paths that also answer reads at the native port.
        grpc: Whether the paths are gRPC methods.
        packed_by_magic: Whether the first bytes of a body say how it is packed, and not its
            `Content-Encoding`.
        stream: Opens a call, where the methods are client-streaming; given its metadata and sender
            as a request without a body.
        max_request_bytes: The largest request, unpacked.
        acknowledges: What the sender is told and when, for the reference page.
        clients: Who speaks it, for the reference page.
    """

    name: str
    title: str
    paths: tuple[str, ...]
    decode: Callable[[Request], Decoded]
    refuse: Callable[[MeshsealError, Mapping[str, str]], Reply]
    prefix: str = ""
    methods: tuple[str, ...] = ("POST", "PUT")
    open_paths: frozenset[str] = frozenset()
    open_methods: frozenset[str] = frozenset()
    credential: Callable[[str, Query, Mapping[str, str]], str] | None = None
    native_port: int = 0
    reads: tuple[str, ...] = ()
    grpc: bool = False
    packed_by_magic: bool = False
    stream: Callable[[Request], MessageStream] | None = None
    max_request_bytes: int = MAX_REQUEST_BYTES
    acknowledges: str = ""
    clients: tuple[str, ...] = field(default=())


def retry_after(error: MeshsealError) -> tuple[tuple[str, str], ...]:
    """Return the header that says when to try again what is refused for now."""
    if isinstance(error, OverloadedError):
        return (("Retry-After", str(error.retry_after_seconds)),)
    return ()


def refuse_plainly(error: MeshsealError, _headers: Mapping[str, str]) -> Reply:
    """Answer with a status and plain text, as many protocols do."""
    text = f"{error}\n".encode()
    return Reply(error.http_status, text, "text/plain; charset=utf-8", retry_after(error))


def count_lines(body: bytes) -> int:
    """Return how many lines are not empty; a line ends with LF or CRLF."""
    lines = body.split(b"\n")
    if b"\r" in body:
        return sum(1 for line in lines if line.rstrip(b"\r"))
    return len(lines) - lines.count(b"")
