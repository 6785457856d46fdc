"""The head of a request is bounded, however it is cut."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from meshseal.receive.settings import LimitSettings
from tests.receive.door import Door, DoorSettings, running_door

LIMIT = 4096
START = b"POST /ingest/v1/lines HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
CLOSE = b"Connection: close\r\n"


def answer(door: Door, data: bytes, piece_bytes: int) -> bytes:
    """Return what the door answers to raw bytes, sent in pieces, until it closes."""
    with socket.create_connection(door.address, timeout=30) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for at in range(0, len(data), piece_bytes):
                client.sendall(data[at : at + piece_bytes])
            found = b""
            while piece := client.recv(65536):
                found += piece
        except ConnectionError:
            return b""
    return found


@pytest.mark.parametrize("piece_bytes", [pytest.param(1 << 20, id="at_once"), 1000, 97])
@pytest.mark.parametrize(
    ("head", "status"),
    [
        pytest.param(START + CLOSE + b"X-A: " + b"a" * 3000 + b"\r\n\r\n", b"200", id="fits"),
        pytest.param(START + b"X-A: " + b"a" * 5000 + b"\r\n\r\n", b"400", id="long_value"),
        pytest.param(START + b"X-" + b"a" * 5000 + b": 1\r\n\r\n", b"400", id="long_name"),
        pytest.param(
            START + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 90) for n in range(60)) + b"\r\n",
            b"400",
            id="many",
        ),
        pytest.param(
            START.replace(b"lines", b"lines?labels=" + b"a" * 5000) + b"\r\n", b"400", id="address"
        ),
        pytest.param(START + b"X-A: " + b"a" * 5000, b"400", id="without_an_end"),
    ],
)
def test_head(tmp_path: Path, head: bytes, status: bytes, piece_bytes: int) -> None:
    settings = DoorSettings(limits=LimitSettings(max_header_bytes=LIMIT))
    with running_door(tmp_path, settings) as door:
        found = answer(door, head + b"a\n", piece_bytes)
        # A door that closes while more arrives may reset the connection before its answer is read.
        assert found.startswith(b"HTTP/1.1 " + status) or (status == b"400" and not found)
        assert len(door.spooled()) == (status == b"200")


def test_the_next_request_has_room_of_its_own(tmp_path: Path) -> None:
    settings = DoorSettings(limits=LimitSettings(max_header_bytes=LIMIT))
    requests = [START + extra + b"X-A: " + b"a" * 3000 + b"\r\n\r\na\n" for extra in (b"", CLOSE)]
    with running_door(tmp_path, settings) as door:
        found = answer(door, 2 * requests[0] + requests[1], 1 << 20)
        assert found.count(b"HTTP/1.1 200") == 3
        assert len(door.spooled()) == 3
