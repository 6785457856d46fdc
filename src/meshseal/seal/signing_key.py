"""The log's signing key on disk: its name, and the private key wrapped under the master key."""

from __future__ import annotations

import hashlib
import json
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from meshseal.access.keys import Keyring, unwrap, wrap, write_secret_file
from meshseal.model.errors import ConfigError
from meshseal.seal.note import Signer, Verifier

_PURPOSE = "ledger-key"


def load_or_create_signer(path: Path, keyring: Keyring, *, origin: str) -> Signer:
    """Return the signer in a file, writing a new one first if there is none.

    Args:
        path: The file.
        keyring: Holds the key it is wrapped under.
        origin: The new log's name; if empty, one is made from the key.

    Raises: ConfigError when the file is not a key's; IntegrityError when it does not open.
    """
    if not path.exists():
        private = secrets.token_bytes(32)
        public = Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()
        name = origin or f"meshseal/{hashlib.sha256(public).hexdigest()[:16]}"
        if "+" in name or any(character.isspace() for character in name):
            raise ConfigError(f"ledger.origin {name!r} may not hold spaces or '+'")
        wrapped = wrap(private, under=keyring.derive(_PURPOSE), context=f"ledger:{name}")
        verifier = str(Verifier(name, public))
        content = {"name": name, "verifier": verifier, "wrapped": wrapped.hex()}
        write_secret_file(path, json.dumps(content, indent=1).encode() + b"\n")
    fields = _read(path)
    wrapped = bytes.fromhex(fields["wrapped"])
    private = unwrap(wrapped, under=keyring.derive(_PURPOSE), context=f"ledger:{fields['name']}")
    return Signer(fields["name"], private)


def load_verifier(path: Path) -> Verifier:
    """Return the verifier key beside a signing key; no secret is needed. Raises: ConfigError."""
    return Verifier.parse(_read(path)["verifier"])


def _read(path: Path) -> dict[str, str]:
    try:
        fields = json.loads(path.read_text())
        return {name: str(fields[name]) for name in ("name", "verifier", "wrapped")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} does not hold a log's key") from error
