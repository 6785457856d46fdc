"""The master key, and the keys that are derived from it or wrapped under it.

One file holds the master key. Every other secret is either derived from it for one purpose
(HKDF-SHA-256, RFC 5869) or random and stored wrapped (AES-256-GCM, NIST SP 800-38D) under a key
that leads back to it. Whoever has the data directory without the master key has nothing.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from meshseal.model.errors import ConfigError, IntegrityError

KEY_BYTES = 32
_NONCE_BYTES = 12
WRAPPED_BYTES = _NONCE_BYTES + KEY_BYTES + 16
"""The size of a wrapped 32-byte key."""


class Keyring:
    """The master key in memory. Purposes are short constants of the code, never outside text."""

    __slots__ = ("_master",)

    def __init__(self, master: bytes) -> None:
        if len(master) != KEY_BYTES:
            raise ConfigError(f"a master key has {KEY_BYTES} bytes, not {len(master)}")
        self._master = master

    def derive(self, purpose: str) -> bytes:
        """Return the 32-byte key for one purpose."""
        info = f"meshseal:{purpose}:v1".encode()
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self._master)

    def export(self) -> str:
        """Return the master key as hexadecimal, to hand it to a child process over a pipe."""
        return self._master.hex()


def wrap(secret: bytes, *, under: bytes, context: str) -> bytes:
    """Return `secret` encrypted and bound to `context`, which must be given again to unwrap it."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(under).encrypt(nonce, secret, context.encode())


def unwrap(wrapped: bytes, *, under: bytes, context: str) -> bytes:
    """Return what `wrap` was given. Raises: IntegrityError when key, context or bytes differ."""
    try:
        return AESGCM(under).decrypt(
            wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], context.encode()
        )
    except (InvalidTag, ValueError) as error:
        raise IntegrityError(f"a stored key does not open: {context}") from error


def load_or_create_master(path: Path) -> Keyring:
    """Return the keyring of the master key file, writing the file first if there is none.

    Raises: ConfigError when the file can be read by others, or is not a key.
    """
    if not path.exists():
        write_secret_file(path, secrets.token_hex(KEY_BYTES).encode() + b"\n")
    return load_master(path)


def load_master(path: Path) -> Keyring:
    """Return the keyring of an existing master key file. Raises: ConfigError."""
    try:
        mode = path.stat().st_mode
        text = path.read_text().strip()
    except OSError as error:
        raise ConfigError(f"cannot read the master key {path}: {error.strerror}") from error
    if mode & 0o077:
        raise ConfigError(f"{path} can be read by others: run `chmod 600 {path}`")
    try:
        return Keyring(bytes.fromhex(text))
    except ValueError as error:
        raise ConfigError(f"{path} does not hold a master key: 64 hexadecimal digits") from error


def write_secret_file(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all, and on disk when it returns.

    Raises: FileExistsError when there is one already.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists():
        raise FileExistsError(path)
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, content)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.rename(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make what was created, renamed or removed in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
