"""Any bytes, cut anywhere, on any door over TCP or UDP: answered, or closed; no record missing."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshseal.wire import STREAMS
from tests.certificates import Files, write_certificate
from tests.conservation import check_conserved, check_well, settled
from tests.doors.syslog_senders import wait_until
from tests.server import ServerProcess
from tests.wire.bent import bent

pytestmark = pytest.mark.e2e

CAPTURES = Path(__file__).parent / "wire" / "captures"
TCP = sorted(one.name for one in STREAMS if one.session and not one.tls_only)
TLS = sorted(one.name for one in STREAMS if one.session)
UDP = sorted(one.name for one in STREAMS if one.datagrams)
ACKS = re.compile(rb"(?:[12]A.{4})*", re.DOTALL)
_SETTINGS = settings(
    deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=True
)


def sent(door: str) -> list[bytes]:
    """Return what real clients sent to a door over connections."""
    return [path.read_bytes() for path in sorted(CAPTURES.glob(f"{door}/*/sent.bin"))]


def datagrams(door: str) -> list[bytes]:
    """Return what real clients sent to a door as datagrams: text, or else base64."""
    return [
        one.encode() if door == "syslog_udp" else base64.b64decode(one)
        for path in sorted(CAPTURES.glob(f"{door}/*/datagrams.json"))
        for one in json.loads(path.read_text())
    ]


SENT = {door: sent(door) for door in TCP}
SENT["syslog_tls"] = SENT["syslog"]
DATAGRAMS = {door: datagrams(door) for door in UDP}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    data = tmp_path_factory.mktemp("streams") / "data"
    with ServerProcess(data, "--set", "limits.max_request_bytes=2000000") as process:
        yield process


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, Files]]:
    """A server with a certificate: every stream begins with a handshake."""
    folder = tmp_path_factory.mktemp("secure")
    files = write_certificate(folder)
    options = (*files.options, "--set", "limits.max_request_bytes=2000000")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(files.certificate))
        with ServerProcess(folder / "data", *options) as process:
            yield process, files
            check_conserved(process, {})
            check_well(process)


def address(server: ServerProcess, door: str) -> tuple[str, int]:
    parts = urlsplit(server.urls[door])
    return str(parts.hostname), int(parts.port or 0)


def test_every_stream_is_open_that_needs_no_certificate(server: ServerProcess) -> None:
    assert {*TCP, *UDP} <= server.urls.keys()
    assert all(SENT.values())


def talk(
    server: ServerProcess, door: str, pieces: list[bytes], context: ssl.SSLContext | None = None
) -> bytes:
    """Send pieces over one connection, and return what is answered until the server closes it."""
    answer = b""
    plain = socket.create_connection(address(server, door), timeout=60)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with context.wrap_socket(plain, server_hostname="localhost") if context else plain as sock:
        # A reset may overtake the answer: the server closes while bytes are still on their way.
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                sock.sendall(piece)
        with contextlib.suppress(OSError):  # It is reset already.
            # Not its own way: a socket with TLS would give bytes as they come from then on.
            socket.socket.shutdown(sock, socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while piece := sock.recv(65536):
                answer += piece
    return answer


def check_answer(door: str, answer: bytes) -> None:
    """Fail unless the answer is in the protocol's words."""
    if door == "lumberjack":
        assert ACKS.fullmatch(answer), answer
    elif door == "forward":
        # A chunk is said again as it came.
        unpacker = msgpack.Unpacker(
            io.BytesIO(answer), strict_map_key=False, unicode_errors="surrogateescape"
        )
        for one in unpacker:
            assert (isinstance(one, dict) and "ack" in one) or one[0] in ("HELO", "PONG"), one
    else:
        assert answer == b""


@st.composite
def conversations(draw: st.DrawFn, doors: list[str]) -> tuple[str, list[bytes]]:
    door = draw(st.sampled_from(doors))
    whole = draw(st.sampled_from(SENT[door]))
    some = st.one_of(st.just(whole), bent(whole), bent(whole), st.binary(max_size=300))
    data = draw(some)
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=5)))
    return door, [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@settings(_SETTINGS, max_examples=500)
@given(conversation=conversations(TCP))
def test_any_bytes_are_answered_or_the_connection_is_closed(
    server: ServerProcess, conversation: tuple[str, list[bytes]]
) -> None:
    door, pieces = conversation
    check_answer(door, talk(server, door, pieces))


@settings(_SETTINGS, max_examples=200)
@given(conversation=conversations(TLS))
def test_any_bytes_inside_tls_are_answered_or_the_connection_is_closed(
    secure: tuple[ServerProcess, Files], conversation: tuple[str, list[bytes]]
) -> None:
    server, files = secure
    door, pieces = conversation
    context = ssl.create_default_context(cafile=str(files.certificate))
    check_answer(door, talk(server, door, pieces, context))


@settings(_SETTINGS, max_examples=100)
@given(data=st.binary(max_size=300), door=st.sampled_from(TLS))
def test_any_bytes_in_place_of_a_handshake_end_the_connection(
    secure: tuple[ServerProcess, Files], data: bytes, door: str
) -> None:
    # An alert may be said first: of type 21.
    assert talk(secure[0], door, [data])[:1] in (b"", b"\x15")


@settings(_SETTINGS, max_examples=300)
@given(data=st.data(), door=st.sampled_from(UDP))
def test_any_datagram_is_taken_or_refused_alone(
    server: ServerProcess, data: st.DataObject, door: str
) -> None:
    whole = data.draw(st.sampled_from(DATAGRAMS[door] or [b"\0"]))
    datagram = data.draw(st.one_of(st.just(whole), bent(whole), st.binary(max_size=300)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(address(server, door))
        sock.send(datagram[:60_000])
        if door == "forward_udp":
            sock.settimeout(60)
            assert sock.recv(10) == b"\0"


@pytest.mark.parametrize("door", TCP)
def test_what_a_real_client_sent_is_taken_still(server: ServerProcess, door: str) -> None:
    before = accounted(server, door)
    check_answer(door, talk(server, door, [SENT[door][0]]))
    wait_until(lambda: accounted(server, door) > before, lambda: f"{door} stores nothing more")


def accounted(server: ServerProcess, door: str) -> float:
    """Return how many records a door has stored, or knows as stored before."""
    found = settled(server).get((door, "default"), {})
    return found.get("stored", 0.0) + found.get("deduplicated", 0.0)


def test_at_the_end_no_record_is_missing_and_the_server_is_well(server: ServerProcess) -> None:
    check_conserved(server, {})
    check_well(server)
