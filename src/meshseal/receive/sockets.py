"""Takes the addresses that listeners are at."""

from __future__ import annotations

import contextlib
import socket

from meshseal.model.errors import ConfigError

KERNEL_BYTES = 8 << 20
"""How much the kernel may hold of datagrams that were not read yet."""

_SO_RCVBUFFORCE = 33  # Linux; the module `socket` has no name for it


def bind(host: str, port: int, *, what: str, key: str) -> socket.socket:
    """Return a TCP socket with a listening socket's address taken.

    Raises: ConfigError that names what would listen, and the key to change.
    """
    sock = _socket(host, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return _bound(sock, host, port, what, key)


def bind_datagrams(host: str, port: int, *, what: str, key: str) -> socket.socket:
    """Return a UDP socket. Raises: ConfigError that names what would listen, and the key."""
    sock = _socket(host, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
    with contextlib.suppress(OSError):
        # Beyond what the system lets everybody have; for those who may.
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, KERNEL_BYTES)
    return _bound(sock, host, port, what, key)


def _socket(host: str, kind: socket.SocketKind) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)


def _bound(sock: socket.socket, host: str, port: int, what: str, key: str) -> socket.socket:
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise ConfigError(
            f"{what} cannot listen on {host}:{port} ({error.strerror}): "
            f"choose another port with --set {key}.port=N, or 0 for any"
        ) from error
    sock.setblocking(False)
    return sock
