"""Sends chunks as Fluentd's forwarder does: one after the other, each until it is acknowledged.

No client of PyPI or npm sends the same chunk again when its answer does not come, which is what
Fluentd and Fluent Bit do; this is their way of it (fluent/fluentd, out_forward.rb).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

import msgpack

RETRY_SECONDS = 0.1
GIVE_UP_SECONDS = 120.0


def event_time(unix_nano: int) -> msgpack.ExtType:
    """Return Fluentd's EventTime."""
    return msgpack.ExtType(0, struct.pack("!II", *divmod(unix_nano, 10**9)))


def chunk(tag: str, events: Sequence[Any], *, compressed: bool) -> tuple[str, bytes]:
    """Return a chunk's name and its message, with the entries in text of 32 bits' length."""
    entries = b"".join(msgpack.packb(event) for event in events)
    name = base64.b64encode(hashlib.md5(tag.encode() + entries).digest()).decode()
    option = {"size": len(events), "chunk": name}
    if compressed:
        option["compressed"] = "gzip"
        entries = gzip.compress(entries, mtime=0)
    head = b"\x93" + msgpack.packb(tag) + b"\xdb" + struct.pack("!I", len(entries))
    return name, head + entries + msgpack.packb(option)


def send_all(port: int, chunks: Sequence[tuple[str, bytes]]) -> int:
    """Send chunks until all are acknowledged, and return how many were sent again."""
    again, peer = 0, None
    deadline = time.monotonic() + GIVE_UP_SECONDS
    for name, message in chunks:
        tries = 0
        while True:
            assert time.monotonic() < deadline, "the server does not acknowledge"
            try:
                if peer is None:
                    peer = socket.create_connection(("127.0.0.1", port), timeout=30)
                tries += 1
                peer.sendall(message)
                assert _answer(peer) == {"ack": name}
                break
            except OSError:
                if peer is not None:
                    peer.close()
                peer = None
                time.sleep(RETRY_SECONDS)
        again += tries - 1
    if peer is not None:
        peer.close()
    return again


def _answer(peer: socket.socket) -> Any:
    unpacker = msgpack.Unpacker()
    while True:
        data = peer.recv(4096)
        if not data:
            raise ConnectionResetError("no answer")
        unpacker.feed(data)
        for answer in unpacker:
            return answer
