"""Who may send on a connection, and what many connections cost."""

from __future__ import annotations

import ipaddress
import resource
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from meshseal.api.streams import StreamAccess
from meshseal.receive.settings import TlsSettings
from meshseal.receive.stream import certificate_name
from tests.certificates import Files
from tests.receive.listening import WINDOW, close, drained, listening, refused
from tests.server import ServerProcess
from tests.wire.test_lumberjack import ack

# ---- Who may send ----------------------------------------------------------------------------

LOOPBACK = StreamAccess("default", (ipaddress.ip_network("127.0.0.0/8"),))
ELSEWHERE = StreamAccess("default", (ipaddress.ip_network("10.0.0.0/8"),))


async def test_an_address_that_is_allowed_may_send() -> None:
    async with listening(access=LOOPBACK) as running:
        reader, writer = await running.connect()
        writer.write(WINDOW)
        assert await reader.readexactly(6) == ack(1)
        assert [one.source for one in running.intake.taken] == ["address:127.0.0.1"]
        await close(writer)


async def test_others_may_not() -> None:
    before = refused("unauthenticated")
    async with listening(access=ELSEWHERE) as running:
        reader, writer = await running.connect()
        writer.write(WINDOW)
        assert await drained(reader) == b""
        assert running.intake.taken == []
        await close(writer)
    assert refused("unauthenticated") == before + 1


async def test_a_certificate_names_its_sender(files: Files) -> None:
    tls = TlsSettings(
        certificate_file=str(files.certificate),
        key_file=str(files.key),
        client_ca_file=str(files.certificate),
    )
    context = ssl.create_default_context(cafile=str(files.certificate))
    context.load_cert_chain(files.both)
    async with listening(access=ELSEWHERE, tls=tls) as running:
        reader, writer = await running.connect(context)
        writer.write(WINDOW)
        assert await reader.readexactly(6) == ack(1)
        assert [one.source for one in running.intake.taken] == ["certificate:localhost"]
        await close(writer)


CERTIFICATES: dict[str, tuple[object, str]] = {
    "none": (None, ""),
    "SPIFFE first": (
        {"subjectAltName": (("DNS", "a"), ("URI", "spiffe://x/y")), "subject": ()},
        "spiffe://x/y",
    ),
    "then DNS": ({"subjectAltName": (("IP Address", "::1"), ("DNS", "a"))}, "a"),
    "then the common name": ({"subject": ((("commonName", "beat"),),)}, "beat"),
    "nothing of these": ({"subject": ((("organizationName", "o"),),)}, ""),
}


@pytest.mark.parametrize(("certificate", "name"), CERTIFICATES.values(), ids=CERTIFICATES)
def test_certificate_name(certificate: object, name: str) -> None:
    assert certificate_name(certificate) == name


# ---- What connections cost -------------------------------------------------------------------

CONNECTIONS = 2000


@contextmanager
def many_files() -> Iterator[None]:
    """Let this process, and the servers it starts, have as many files as it ever may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def resident_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


@pytest.mark.e2e
@pytest.mark.parametrize("secure", [False, True], ids=["TCP", "TLS"])
def test_idle_connections_are_cheap(
    tmp_path: Path, files: Files, monkeypatch: pytest.MonkeyPatch, secure: bool
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(files.certificate))
    tls = [f"tls.certificate_file={files.certificate}", f"tls.key_file={files.key}"]
    arguments = [word for one in tls for word in ("--set", one)] if secure else []
    context = ssl.create_default_context(cafile=str(files.certificate))
    with many_files(), ServerProcess(tmp_path / "data", *arguments) as server:
        host, _, port = server.urls["lumberjack"].removeprefix("http://").partition(":")
        opened: list[socket.socket] = []

        def connect() -> None:
            client = socket.create_connection((host, int(port)), timeout=60)
            opened.append(
                context.wrap_socket(client, server_hostname="localhost") if secure else client
            )

        def say(client: socket.socket) -> None:
            client.sendall(WINDOW)
            found = b""
            while len(found) < 6:
                part = client.recv(6 - len(found))
                assert part
                found += part
            assert found == ack(1)

        connect()
        say(opened[0])
        before = resident_bytes(server.pid)
        for _ in range(CONNECTIONS):
            connect()
        # All of them are served, and the last is there only when those before it are.
        for client in opened[1::100]:
            say(client)
        say(opened[-1])
        cost = resident_bytes(server.pid) - before
        for client in opened:
            client.close()
        assert cost < 100_000_000
