"""A gigabyte of zeros, packed, to every door that unpacks: refused, and the memory has a bound."""

from __future__ import annotations

import base64
import gzip
import http.client
import re
import socket
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgpack
import pytest

from meshseal.wire import PROTOCOLS
from tests.conservation import check_well
from tests.receive.http2 import call, framed
from tests.server import ServerProcess
from tests.wire.bent import BODIES

pytestmark = pytest.mark.e2e

GIGABYTE = 1 << 30
MAY_GROW_BYTES = 150_000_000
PIECE = 1 << 16


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """A gigabyte of zeros as gzip."""
    packer = zlib.compressobj(6, wbits=31)
    zeros = bytes(1 << 24)
    packed = [packer.compress(zeros) for _ in range(GIGABYTE // len(zeros))]
    return b"".join([*packed, packer.flush()])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("bombs") / "data") as process:
        yield process


@pytest.fixture(autouse=True)
def _bounded(server: ServerProcess, bomb: bytes) -> Iterator[None]:
    """Fail when the server's memory grew at its highest by more than it may; or it is not well."""
    assert bomb
    Path(f"/proc/{server.pid}/clear_refs").write_text("5")  # The peak begins anew.
    before = memory(server, "VmRSS")
    yield
    assert memory(server, "VmHWM") - before < MAY_GROW_BYTES
    check_well(server)


def memory(server: ServerProcess, what: str) -> int:
    """Return the bytes the main process has now, or had at its highest."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{server.pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def address(server: ServerProcess, door: str) -> tuple[str, int]:
    parts = urlsplit(server.urls[door])
    return str(parts.hostname), int(parts.port or 0)


def post(server: ServerProcess, path: str, body: bytes, headers: dict[str, str]) -> int:
    """Send a body in chunks, and return the status of the answer."""
    connection = http.client.HTTPConnection(*address(server, "main"), timeout=60)
    pieces = (body[at : at + PIECE] for at in range(0, len(body), PIECE))
    try:
        connection.request("POST", path, pieces, headers, encode_chunked=True)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("path", [protocol.paths[0] for protocol in PROTOCOLS if not protocol.grpc])
def test_over_http(server: ServerProcess, bomb: bytes, path: str) -> None:
    headers = {
        "Content-Type": BODIES[path][0][1],
        "Content-Encoding": "gzip",
        "Transfer-Encoding": "chunked",
    }
    assert post(server, path, bomb, headers) == 413


def test_in_a_record_of_firehose(server: ServerProcess, bomb: bytes) -> None:
    record = b'{"requestId":"1","records":[{"data":"%b"}]}' % base64.b64encode(bomb)
    headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    assert post(server, "/cloud/aws/firehose", record, headers) == 413


@pytest.mark.parametrize(("door", "path"), [(p.name, p.paths[0]) for p in PROTOCOLS if p.grpc])
def test_over_grpc(server: ServerProcess, bomb: bytes, door: str, path: str) -> None:
    body = framed(bomb, compressed=True)
    answer = call(address(server, door), body, path=path, headers={"grpc-encoding": "gzip"})
    assert answer.grpc_status == 8


def closed(server: ServerProcess, door: str, data: bytes) -> bytes:
    """Send bytes, and return what is answered before the server closes the connection."""
    answer = b""
    with socket.create_connection(address(server, door), timeout=60) as sock:
        try:
            sock.sendall(data)
            while piece := sock.recv(65536):
                answer += piece
        except ConnectionError:
            pass
    return answer


def refused(server: ServerProcess, door: str) -> float:
    """Return how many requests, connections or datagrams a door has refused."""
    pattern = rf'^meshseal_requests_total\{{door="{door}",outcome="(?!accepted)\w+"\}} (\S+)$'
    text = server.get("/metrics").text
    return sum(float(value) for value in re.findall(pattern, text, re.MULTILINE))


def test_in_a_compressed_frame_of_lumberjack(server: ServerProcess, bomb: bytes) -> None:
    content = zlib.compress(b"")[:2] + bomb[10:-8] + struct.pack(">I", 1)
    frames = b"2W" + struct.pack(">I", 1) + b"2C" + struct.pack(">I", len(content)) + content
    before = refused(server, "lumberjack")
    assert closed(server, "lumberjack", frames) == b""
    assert refused(server, "lumberjack") == before + 1


def test_in_a_compressed_message_of_forward(server: ServerProcess, bomb: bytes) -> None:
    message = msgpack.packb(["app", bomb, {"compressed": "gzip", "chunk": "c1"}])
    before = refused(server, "forward")
    assert closed(server, "forward", message) == b""
    assert refused(server, "forward") == before + 1


def test_in_a_datagram_of_gelf(server: ServerProcess, bomb: bytes) -> None:
    twice = gzip.compress(bomb)
    assert len(twice) < 60_000
    before = refused(server, "gelf_udp")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(twice, address(server, "gelf_udp"))
    deadline = time.monotonic() + 60
    while refused(server, "gelf_udp") == before:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_in_a_message_of_gelf_without_saying_so(server: ServerProcess, bomb: bytes) -> None:
    headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    assert post(server, "/gelf", bomb, headers) == 413
