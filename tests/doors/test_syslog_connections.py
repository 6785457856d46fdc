"""Syslog's connections to a real server: full, stopped, reset, cut off, and nothing is lost."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.certificates import write_certificate
from tests.doors.checks import conserved, count_query
from tests.doors.syslog_checks import (
    address,
    everything_stored,
    found,
)
from tests.doors.syslog_senders import (
    wait_until,
)
from tests.server import ServerProcess

pytestmark = pytest.mark.e2e


def test_a_full_spool_stops_the_reading_and_loses_nothing(tmp_path: Path) -> None:
    count, filling = 20_000, "x" * 1000
    arguments = ("--set", "spool.max_bytes=1048576")
    with ServerProcess(tmp_path / "data", *arguments) as server:
        engine = server.engine_pid()
        os.kill(engine, signal.SIGSTOP)
        sent = []

        def send() -> None:
            with socket.create_connection(address(server, "syslog"), timeout=120) as sock:
                for number in range(count):
                    sock.sendall(b"<14>shop: order %d %s\n" % (number, filling.encode()))
                    sent.append(number)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        received = ("meshseal_records_received_total", "syslog", "default")
        wait_until(lambda: server.metrics().get(received, 0) > 0, lambda: "nothing was read")
        seen = [-1]

        def stands_still() -> bool:
            time.sleep(0.7)
            seen.append(len(sent))
            return seen[-1] == seen[-2]

        wait_until(stands_still, lambda: f"the sender is never stopped: {seen}")
        assert 0 < seen[-1] < count
        assert server.metrics()[received] < count
        # Unless the server has found out by itself, and started another.
        with suppress(ProcessLookupError):
            os.kill(engine, signal.SIGCONT)
        sender.join(120)
        assert len(sent) == count
        assert conserved(server, "syslog") == everything_stored(count)
        server.wait_for_count(count, count_query("syslog"))
        query = 'sum(count_over_time({meshseal_door="syslog"} |= "order 19999 " [2h]))'
        assert server.metric(query) == 1


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_server_that_is_stopped_takes_what_has_reached_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls: bool
) -> None:
    files = write_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(files.certificate))
    with ServerProcess(tmp_path / "data", *(files.options if tls else ())) as server:
        plain = socket.create_connection(address(server, "syslog"))
        context = ssl.create_default_context(cafile=str(files.certificate))
        sock = context.wrap_socket(plain, server_hostname="localhost") if tls else plain
        with sock:
            sock.sendall(b"<14>shop: order 0\n")
            server.wait_for_count(1, count_query("syslog"))
            lines = b"".join(b"<14>shop: order %d\n" % number for number in range(1, 20_000))
            sock.sendall(lines + b"<14>shop: half")
            assert server.stop() == 0
        server.start()
        server.wait_for_count(20_001, count_query("syslog"))


def test_what_a_connection_ends_in_is_kept(server: ServerProcess) -> None:
    for number in range(20):
        with socket.create_connection(address(server, "syslog")) as sock:
            sock.sendall(b"<14>shop: whole %d\n5 <14>x<14>shop: half %d" % (number, number))
    server.wait_for_count(60, count_query("syslog"))
    lines = sorted(record["line"] for record in found(server, "syslog"))
    assert lines == sorted(
        line for number in range(20) for line in (f"whole {number}", "x", f"half {number}")
    )


def test_a_connection_that_is_reset_loses_nothing_that_was_read(server: ServerProcess) -> None:
    with socket.create_connection(address(server, "syslog")) as sock:
        sock.sendall(b"<14>shop: whole\n<14>shop: half")
        server.wait_for_count(1, count_query("syslog"))
        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    server.wait_for_count(2, count_query("syslog"))


def test_a_message_that_never_ends_is_kept_when_patience_does(tmp_path: Path) -> None:
    arguments = ("--set", "limits.body_timeout_seconds=1")
    with ServerProcess(tmp_path / "data", *arguments) as server:
        with socket.create_connection(address(server, "syslog")) as sock:
            sock.sendall(b"<14>shop: no end of a line")
            server.wait_for_count(1, count_query("syslog"))
        (record,) = found(server, "syslog")
        assert record["line"] == "no end of a line"


def test_a_message_that_is_too_long_is_refused_aloud(server: ServerProcess) -> None:
    with socket.create_connection(address(server, "syslog"), timeout=60) as sock:
        sock.sendall(b"<14>shop: before\n99999999 <14>shop: more than fits")
        assert sock.recv(100) == b""
    server.wait_for_count(1, count_query("syslog"))
    wait_until(lambda: "too_large" in server.log(), server.log)


def test_a_sender_over_tls_that_hangs_up_at_once_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never reads what TLS itself sends back; closing then must not undo what it sent."""
    files = write_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(files.certificate))
    tls = files.options
    context = ssl.create_default_context(cafile=str(files.certificate))
    with ServerProcess(tmp_path / "data", *tls) as server:
        for connection in range(20):
            with socket.create_connection(address(server, "syslog")) as plain:
                sock = context.wrap_socket(plain, server_hostname="localhost")
                for number in range(500):
                    sock.sendall(b"<14>shop: order %d of %d\n" % (number, connection))
                sock.close()
        server.wait_for_count(10_000, count_query("syslog"))
