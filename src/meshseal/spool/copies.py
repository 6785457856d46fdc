"""Copies: payloads that a sender sends again because it never heard that they arrived.

Three kinds of knowledge, all exact:

* A sender that numbers its chunks (`Chunk`) says so itself: a number is stored once, for ever.
* A sender that names what it sends (`Envelope.delivery`) does too, but names are not in order, and
  to know them all for ever would take room without end: a name is known for a day.
* For every other sender, a payload is a copy only if it equals, byte for byte, one whose answer
  may not have reached its sender: the connection broke before the answer was sent, or the server
  died. Such payloads are *in doubt* for a while, and each takes one copy. A payload that was
  answered is never in doubt, so equal payloads of equal content are all kept.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field

from meshseal.model.envelope import Chunk, Envelope

IN_DOUBT_SECONDS = 900.0
DELIVERY_SECONDS = 24 * 3600.0
_DELIVERY_LIMIT = 1_000_000
_IN_DOUBT_LIMIT = 100_000


def digest(envelope: Envelope) -> bytes:
    """Return the hash of what makes two payloads copies: sender, door, hints and bytes."""
    hasher = hashlib.sha256()
    for text in (
        envelope.tenant,
        envelope.source,
        envelope.door,
        envelope.format,
        *(part for pair in sorted(envelope.labels.items()) for part in pair),
    ):
        encoded = text.encode()
        hasher.update(len(encoded).to_bytes(4, "big") + encoded)
    hasher.update(envelope.content)
    return hasher.digest()


class InDoubt:
    """The payloads in doubt. Use it from one thread."""

    def __init__(self) -> None:
        self._until: dict[bytes, float] = {}
        self._sizes: dict[int, int] = {}

    def add(self, envelope: Envelope) -> None:
        """Put a durable payload in doubt."""
        self.add_digest(digest(envelope), len(envelope.content))

    def add_digest(self, hashed: bytes, size_bytes: int) -> None:
        """Put a durable payload in doubt, by its hash."""
        if len(self._until) >= _IN_DOUBT_LIMIT:
            self._until.pop(next(iter(self._until)))
        self._until[hashed] = time.monotonic() + IN_DOUBT_SECONDS
        self._sizes[size_bytes] = self._sizes.get(size_bytes, 0) + 1

    def take(self, envelope: Envelope) -> bool:
        """Return whether a payload is a copy of one in doubt; each takes one copy only."""
        if not self._until:
            self._sizes.clear()
            return False
        # Hashing is not free: only a payload of a size that is in doubt can be a copy.
        if len(envelope.content) not in self._sizes:
            return False
        until = self._until.pop(digest(envelope), 0.0)
        return until > time.monotonic()

    def __len__(self) -> int:
        return len(self._until)


@dataclass(slots=True)
class _Stream:
    """The chunks of one (tenant, agent, epoch): all below `next_sequence`, and `beyond`."""

    next_sequence: int = 0
    beyond: set[int] = field(default_factory=set)

    def __contains__(self, sequence: int) -> bool:
        return sequence < self.next_sequence or sequence in self.beyond

    def add(self, sequence: int) -> None:
        self.beyond.add(sequence)
        while self.next_sequence in self.beyond:
            self.beyond.remove(self.next_sequence)
            self.next_sequence += 1


@dataclass(frozen=True, slots=True)
class StreamMark:
    """What is stored of one stream of chunks, as the state keeps it."""

    tenant: str
    agent: str
    epoch: int
    next_sequence: int
    beyond: tuple[int, ...]


class Chunks:
    """Which numbered chunks are durable already. Use it from one thread."""

    def __init__(self) -> None:
        self._streams: dict[tuple[str, str, int], _Stream] = {}

    def load(self, mark: StreamMark) -> None:
        """Take over what the state knows of one stream."""
        stream = _Stream(mark.next_sequence, set(mark.beyond))
        self._streams[mark.tenant, mark.agent, mark.epoch] = stream

    def add(self, tenant: str, chunk: Chunk) -> None:
        """Note that a chunk is durable."""
        key = (tenant, chunk.agent, chunk.epoch)
        self._streams.setdefault(key, _Stream()).add(chunk.sequence)

    def has(self, tenant: str, chunk: Chunk) -> bool:
        """Return whether a chunk is durable."""
        stream = self._streams.get((tenant, chunk.agent, chunk.epoch))
        return stream is not None and chunk.sequence in stream

    def mark(self, tenant: str, agent: str, epoch: int) -> StreamMark:
        """Return what to keep of one stream."""
        stream = self._streams.get((tenant, agent, epoch), _Stream())
        return StreamMark(tenant, agent, epoch, stream.next_sequence, tuple(sorted(stream.beyond)))


def delivery_digest(envelope: Envelope) -> bytes:
    """Return the 16 bytes that stand for a named delivery: of one tenant, sender and door."""
    hasher = hashlib.sha256()
    for text in (envelope.tenant, envelope.source, envelope.door, envelope.delivery):
        encoded = text.encode()
        hasher.update(len(encoded).to_bytes(4, "big") + encoded)
    return hasher.digest()[:16]


class Deliveries:
    """Which named deliveries are durable already. Use it from one thread."""

    def __init__(self) -> None:
        self._until: dict[bytes, float] = {}

    def add(self, digest_: bytes, *, age_seconds: float = 0.0) -> None:
        """Note that a delivery is durable, since `age_seconds`."""
        now = time.monotonic()
        while self._until:
            oldest = next(iter(self._until))
            if len(self._until) < _DELIVERY_LIMIT and self._until[oldest] > now:
                break
            del self._until[oldest]
        self._until[digest_] = now + DELIVERY_SECONDS - age_seconds

    def has(self, digest_: bytes) -> bool:
        """Return whether a delivery is durable."""
        return self._until.get(digest_, 0.0) > time.monotonic()

    def __len__(self) -> int:
        return len(self._until)
