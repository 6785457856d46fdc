"""Signed notes and checkpoints.

Sources: C2SP signed-note v1, C2SP tlog-checkpoint v1.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from meshseal.model.errors import ConfigError, IntegrityError

_ED25519 = b"\x01"
_DASH = "— "


@dataclass(frozen=True, slots=True)
class Verifier:
    """A note's verifier key: `<name>+<key hash>+<base64 of 0x01 and the Ed25519 public key>`."""

    name: str
    public_key: bytes

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Raises: ConfigError when the text is not a verifier key."""
        name, _, rest = text.strip().partition("+")
        hash_text, _, encoded = rest.partition("+")
        try:
            decoded = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            decoded = b""
        verifier = cls(name, decoded[1:])
        if (
            not name
            or len(decoded) != 33
            or decoded[:1] != _ED25519
            or verifier.key_hash.hex() != hash_text.lower()
        ):
            raise ConfigError(
                f"{text[:100]!r} is not a verifier key: it reads NAME+8 HEX DIGITS+BASE64, as "
                "`meshseal ledger key` prints it"
            )
        return verifier

    @property
    def key_hash(self) -> bytes:
        """The four bytes that stand before each signature of this key."""
        content = self.name.encode() + b"\n" + _ED25519 + self.public_key
        return hashlib.sha256(content).digest()[:4]

    def __str__(self) -> str:
        encoded = base64.b64encode(_ED25519 + self.public_key).decode()
        return f"{self.name}+{self.key_hash.hex()}+{encoded}"

    def open(self, note: str) -> str:
        """Return the text of a note that this key signed, its last newline included.

        Signatures by other keys are ignored, as the specification asks.
        Raises: IntegrityError when no valid signature of this key is on it.
        """
        text, separator, signatures = note.rpartition("\n\n")
        text += "\n"
        if not separator or not signatures.endswith("\n"):
            raise IntegrityError("this is not a signed note")
        for line in signatures[:-1].split("\n"):
            if line.startswith(_DASH) and self._signed(text, line[len(_DASH) :]):
                return text
        raise IntegrityError(f"the note is not signed by {self.name}")

    def _signed(self, text: str, signature: str) -> bool:
        name, _, encoded = signature.partition(" ")
        try:
            decoded = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            return False
        if name != self.name or decoded[:4] != self.key_hash:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(decoded[4:], text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that signs notes under a name."""

    name: str
    private_key: bytes

    @property
    def verifier(self) -> Verifier:
        """The key that others check with."""
        public = Ed25519PrivateKey.from_private_bytes(self.private_key).public_key()
        return Verifier(self.name, public.public_bytes_raw())

    def sign(self, text: str) -> str:
        """Return `text`, which ends in a newline, as a signed note."""
        if not text.endswith("\n"):
            raise ValueError("the text of a note ends in a newline")
        signature = Ed25519PrivateKey.from_private_bytes(self.private_key).sign(text.encode())
        encoded = base64.b64encode(self.verifier.key_hash + signature).decode()
        return f"{text}\n{_DASH}{self.name} {encoded}\n"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint says: the log's name, its size and the root of its tree."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the text to be signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Raises: IntegrityError when the text is not a checkpoint."""
        lines = text.split("\n")
        try:
            origin, size, root = lines[0], lines[1], base64.b64decode(lines[2], validate=True)
            if not origin or len(root) != 32 or (size != "0" and size.startswith("0")):
                raise ValueError
            if not size.isascii() or not size.isdecimal():
                raise ValueError
            return cls(origin, int(size), root)
        except (IndexError, ValueError) as error:
            raise IntegrityError("this is not a checkpoint") from error


def open_checkpoint(note: str, verifier: Verifier) -> Checkpoint:
    """Return the checkpoint in a note. Raises: IntegrityError when it is not this log's."""
    checkpoint = Checkpoint.parse(verifier.open(note))
    if checkpoint.origin != verifier.name:
        raise IntegrityError(f"the checkpoint is of {checkpoint.origin}, not of {verifier.name}")
    return checkpoint
