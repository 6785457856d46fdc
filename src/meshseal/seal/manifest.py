"""The manifest of a batch: what the transparency log says about it.

Written as canonical JSON (RFC 8785); everything in it is text, a whole number below 2^53, a list
or an object, for which Python's compact JSON with sorted keys is the canonical form.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from meshseal.model.columns import RECORD_VERSION, SIGNALS, Signal
from meshseal.model.errors import IntegrityError
from meshseal.seal.tiles import MAX_ENTRY_BYTES

VERSION = "meshseal-manifest-v1"
MAX_SOURCES = 200
"""Sources beyond this many are counted together, so that an entry keeps within its size."""

NO_REDACTION = hashlib.sha256(b"[]").hexdigest()
"""Digest of the empty redaction policy."""


@dataclass(frozen=True, slots=True)
class ChunkRange:
    """Chunks of one sender in a batch: their lowest and highest number, and how many."""

    agent: str
    epoch: int
    first: int
    last: int
    chunks: int


@dataclass(frozen=True, slots=True)
class SourceShare:
    """One sender's part in a batch."""

    source: str
    door: str
    records: int
    chunks: list[ChunkRange] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Tallied:
    """What one door refused, or found to be copies, since the tenant's batch before."""

    door: str
    refused: int
    deduplicated: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is known of one batch.

    Attributes:
        tenant: Whose it is.
        batch: Its number.
        count: Records in it.
        root: The root over their leaves, hexadecimal.
        first_time_unix_nano: Earliest `Timestamp` in it, and `last_…` the latest; decimal.
        sources: Who sent how much.
        tallies: What was refused or deduplicated.
        redaction_policy: SHA-256 of the canonical JSON of the redaction policy that was applied.
        redactions: How often each of its rules changed a record.
        shapes: Version of each shape that decoded payloads of it.
        previous: SHA-256 of the tenant's manifest before this one, hexadecimal, or ''.
        record_version: The canonical form of its records, which says what they are: logs or spans.
        version: The form of the manifest.
    """

    tenant: str
    batch: str
    count: int
    root: str
    first_time_unix_nano: str
    last_time_unix_nano: str
    sources: list[SourceShare]
    tallies: list[Tallied]
    shapes: dict[str, int]
    previous: str
    redaction_policy: str = NO_REDACTION
    redactions: dict[str, int] = field(default_factory=dict)
    record_version: str = RECORD_VERSION
    version: str = VERSION

    def encode(self) -> bytes:
        """Return the canonical JSON.

        Raises: ValueError when it would not fit into an entry of the log.
        """
        content = json.dumps(
            asdict(self), ensure_ascii=False, sort_keys=True, separators=(",", ":")
        ).encode()
        if len(content) > MAX_ENTRY_BYTES:
            raise ValueError(f"the manifest of batch {self.batch} is too large")
        return content

    @property
    def signal(self) -> Signal:
        """What its records are, and so in which table. Raises: IntegrityError if not known."""
        signal = SIGNALS.get(self.record_version)
        if signal is None:
            raise IntegrityError(f"batch {self.batch} has records of an unknown form")
        return signal

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, hexadecimal."""
        return hashlib.sha256(self.encode()).hexdigest()

    @classmethod
    def decode(cls, content: bytes) -> Manifest:
        """Raises: IntegrityError when the bytes are not a manifest in canonical form."""
        try:
            fields = json.loads(content)
            manifest = cls(
                **{
                    **fields,
                    "sources": [_source(share) for share in fields["sources"]],
                    "tallies": [Tallied(**tallied) for tallied in fields["tallies"]],
                }
            )
            same = manifest.encode() == content
        except (ValueError, TypeError, KeyError) as error:
            raise IntegrityError("an entry of the log is not a manifest") from error
        if not same or manifest.version != VERSION or manifest.record_version not in SIGNALS:
            raise IntegrityError("a manifest is not in its canonical form")
        return manifest


def _source(share: dict[str, Any]) -> SourceShare:
    chunks = [ChunkRange(**chunk) for chunk in share["chunks"]]
    return SourceShare(**{**share, "chunks": chunks})
