"""The proof of one record: a file that can be checked with nothing but the log's public key.

```json
{"format": "meshseal-proof-v1",
 "record": {"Timestamp": "1795168800000000000", "Body": "…", "ResourceAttributes": [["k", "v"]], …},
 "salt": "<64 hex digits>",
 "path": ["<64 hex digits>", …],
 "manifest": "<the canonical JSON of the batch's manifest>",
 "log": "<a C2SP tlog-proof of the manifest>"}
```

What it shows, in this order: the record and the salt give a leaf; leaf and path give the root that
the manifest states; the manifest is an entry of the log that the checkpoint, signed by the log's
key, stands for. Text that is not UTF-8 is written `{"base64": "…"}`.

Source: C2SP tlog-proof v1 for the last step.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meshseal.model.columns import ARRAYS, SIGNALS, Column, Kind, Signal
from meshseal.model.errors import IntegrityError
from meshseal.seal import merkle
from meshseal.seal.canonical import Record, Value, leaf
from meshseal.seal.manifest import Manifest
from meshseal.seal.note import Checkpoint, Verifier, open_checkpoint

FORMAT = "meshseal-proof-v1"
_TLOG_PROOF = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class LogProof:
    """That an entry is in the log: its index, its audit path, and a signed checkpoint."""

    index: int
    path: list[bytes]
    checkpoint: str

    def __str__(self) -> str:
        hashes = "".join(f"{base64.b64encode(hashed).decode()}\n" for hashed in self.path)
        return f"{_TLOG_PROOF}\nindex {self.index}\n{hashes}\n{self.checkpoint}"

    @classmethod
    def parse(cls, text: str) -> LogProof:
        """Raises: IntegrityError when the text is not a tlog-proof."""
        head, separator, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        try:
            if not separator or lines[0] != _TLOG_PROOF:
                raise ValueError("no tlog-proof")
            at = 2 if lines[1].startswith("extra ") else 1
            word, _, index = lines[at].partition(" ")
            if word != "index" or not index.isdecimal():
                raise ValueError("no index")
            path = [base64.b64decode(line, validate=True) for line in lines[at + 1 :]]
        except (ValueError, IndexError) as error:
            raise IntegrityError("the proof's log part is not a tlog-proof") from error
        return cls(int(index), path, checkpoint)

    def verify(self, entry: bytes, verifier: Verifier) -> Checkpoint:
        """Return the checkpoint under which the entry is in the log. Raises: IntegrityError."""
        checkpoint = open_checkpoint(self.checkpoint, verifier)
        hashed = merkle.leaf_hash(entry)
        found = merkle.root_from_inclusion(hashed, self.index, checkpoint.size, self.path)
        if found != checkpoint.root:
            raise IntegrityError("the manifest is not in the log that the checkpoint stands for")
        return checkpoint


@dataclass(frozen=True, slots=True)
class Verified:
    """What a proof that holds shows."""

    record: Record
    manifest: Manifest
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Proof:
    """The proof of one record."""

    record: Record
    salt: bytes
    path: list[bytes]
    manifest: bytes
    log: LogProof

    def encode(self) -> bytes:
        """Return the proof's file."""
        content = {
            "format": FORMAT,
            "record": {name: _shown(value) for name, value in self.record.items()},
            "salt": self.salt.hex(),
            "path": [hashed.hex() for hashed in self.path],
            "manifest": self.manifest.decode(),
            "log": str(self.log),
        }
        return json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n"

    @classmethod
    def decode(cls, content: bytes) -> Proof:
        """Raises: IntegrityError when the bytes are not a proof's file."""
        try:
            fields = json.loads(content)
            if fields["format"] != FORMAT:
                raise ValueError("another format")
            signal = SIGNALS[json.loads(fields["manifest"])["record_version"]]
            return cls(
                record=_record(fields["record"], signal),
                salt=bytes.fromhex(fields["salt"]),
                path=[bytes.fromhex(hashed) for hashed in fields["path"]],
                manifest=fields["manifest"].encode(),
                log=LogProof.parse(fields["log"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise IntegrityError(f"this is not a {FORMAT} file") from error

    def verify(self, verifier: Verifier) -> Verified:
        """Check every step. Raises: IntegrityError that names the step that does not hold."""
        checkpoint = self.log.verify(self.manifest, verifier)
        manifest = Manifest.decode(self.manifest)
        seq, batch, tenant = (self.record[name] for name in ("Seq", "Batch", "Tenant"))
        if (batch, tenant) != (manifest.batch.encode(), manifest.tenant.encode()):
            raise IntegrityError("the record belongs to another batch than the manifest")
        if len(self.salt) != merkle.HASH_BYTES:
            raise IntegrityError("the salt has not 32 bytes")
        if not isinstance(seq, bytes) or not seq.isdigit():
            raise IntegrityError("the record has no position")
        hashed = leaf(self.record, self.salt, SIGNALS[manifest.record_version])
        found = merkle.root_from_inclusion(hashed, int(seq), manifest.count, self.path)
        if found.hex() != manifest.root:
            raise IntegrityError("the record is not the one that the manifest stands for")
        return Verified(self.record, manifest, checkpoint)


def _shown(value: Any) -> Any:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode()}
    # A map is pairs, an array its elements, which may be maps.
    return [_shown(element) for element in value]


def _text(shown: Any) -> bytes:
    if isinstance(shown, str):
        return shown.encode()
    try:
        return base64.b64decode(shown["base64"], validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _pairs(shown: Any) -> list[tuple[bytes, bytes]]:
    return [(_text(key), _text(value)) for key, value in shown]


def _value(column: Column, shown: Any) -> Value:
    if column.kind is Kind.MAP:
        return _pairs(shown)
    if column.kind is Kind.MAPS:
        return [_pairs(element) for element in shown]
    return [_text(element) for element in shown] if column.kind in ARRAYS else _text(shown)


def _record(shown: Mapping[str, Any], signal: Signal) -> Record:
    """Return a record of exactly the columns. Raises: ValueError, TypeError, KeyError."""
    if shown.keys() != {column.name for column in signal.columns}:
        raise ValueError("the record does not have the columns that it must have")
    return {column.name: _value(column, shown[column.name]) for column in signal.columns}
