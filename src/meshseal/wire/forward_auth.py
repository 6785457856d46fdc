"""The handshake of the Forward protocol: both sides prove that they know the shared key.

```
server  ["HELO", {"nonce": <16 bytes>, "auth": <16 bytes, or "" without users>, "keepalive": true}]
client  ["PING", hostname, salt, hex sha512(salt + hostname + nonce + key),
         user, hex sha512(auth + user + password)]
server  ["PONG", true, "", hostname, hex sha512(salt + hostname + nonce + key)]
        ["PONG", false, reason, "", ""]
```

Sources: Forward Protocol Specification v1; fluent/fluentd, lib/fluent/plugin/in_forward.rb
(generate_helo, check_ping, generate_pong); fluent/fluent-bit, plugins/out_forward/forward.c.
"""

from __future__ import annotations

import hmac
from hashlib import sha512
from typing import Any

import msgpack

from meshseal.model.errors import AuthenticationError, PayloadError
from meshseal.wire.stream import Connection, Sender

MAX_PING_BYTES = 16 * 1024
_NONCE_BYTES = 16
_MAX_NAME_BYTES = 255


class Handshake:
    """The handshake of one connection.

    Attributes:
        wanted: Whether the door has a shared key, so that there is one.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._nonce = connection.nonce[:_NONCE_BYTES]
        users = connection.secrets.users
        self._salt = connection.nonce[_NONCE_BYTES : 2 * _NONCE_BYTES] if users else b""
        self.wanted = bool(connection.secrets.shared_key)

    def hello(self) -> bytes:
        """Return what the server says first."""
        salt: bytes | str = self._salt or ""
        return _packed(["HELO", {"nonce": self._nonce, "auth": salt, "keepalive": True}])

    def check(self, message: bytes) -> tuple[Sender, bytes]:
        """Return who a PING shows to be at the other end, and the PONG.

        Raises: PayloadError when it is no PING; AuthenticationError when it does not hold.
        """
        hostname, salt, digest, user, password_digest = _ping(message)
        key = self._connection.secrets.shared_key.encode()
        expected = _hex(salt, hostname, self._nonce, key)
        # All is compared before anything is said, and the reason tells no more than it must.
        holds = hmac.compare_digest(expected, digest)
        known = self._knows(user, password_digest)
        if not holds:
            raise AuthenticationError("shared_key mismatch")
        if not known:
            raise AuthenticationError("username/password mismatch")
        own = self._connection.host.encode()
        if own == hostname:
            # Senders take a server of their own name for themselves.
            own = b"meshseal." + own
        name = user if self._salt and user else hostname
        source = f"forward:{name[:_MAX_NAME_BYTES].decode(errors='replace')}"
        pong = _packed(["PONG", True, "", own.decode(), _hex(salt, own, self._nonce, key).decode()])
        return Sender(source, self._connection.tenant), pong

    def _knows(self, user: bytes, digest: bytes) -> bool:
        if not self._salt:
            return True
        users = self._connection.secrets.users
        name = user.decode(errors="replace")
        expected = _hex(self._salt, user, users.get(name, "").encode())
        return hmac.compare_digest(expected, digest) and name in users


def refusal(reason: str) -> bytes:
    """Return the PONG that says no."""
    return _packed(["PONG", False, reason, "", ""])


def _ping(message: bytes) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    """Return the parts of a PING behind its name. Raises: PayloadError."""
    try:
        parts = msgpack.unpackb(message, raw=True)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise PayloadError("the first message is not a PING") from error
    if not isinstance(parts, list) or len(parts) != 6 or parts[0] != b"PING":
        raise PayloadError("the first message is not a PING")
    if not all(isinstance(part, bytes) for part in parts):
        raise PayloadError("a part of the PING is not text")
    return parts[1], parts[2], parts[3], parts[4], parts[5]


def _hex(*parts: bytes) -> bytes:
    return sha512(b"".join(parts)).hexdigest().encode()


def _packed(message: list[Any]) -> bytes:
    return bytes(msgpack.packb(message))
