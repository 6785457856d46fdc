"""GELF's libraries and a real server: every message there once, by each of the three doors."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import graypy
import pygelf
import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from tests.certificates import write_certificate
from tests.doors.checks import check_conserved, check_found, count_query, port_of
from tests.doors.node_clients import node
from tests.server import ServerProcess, free_port

pytestmark = pytest.mark.e2e
RECORDS = 10_000
check_messages = partial(check_found, but=("service_name",))
_SHOWN = ["fatal", "error", "error", "error", "warn", "info", "info", "debug"]


# ---- Python's libraries ------------------------------------------------------------------------

LEVELS = [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL]
SHOWN = ["debug", "info", "warn", "error", "error"]


def text(number: int) -> str:
    return f"part {number // 1000}: order {number} costs 7 €"


def record(number: int, begun: int) -> logging.LogRecord:
    """Return one record, different for each number; some are larger than a datagram."""
    one = logging.makeLogRecord(
        {
            "name": "shop.orders",
            "msg": text(number),
            "levelno": LEVELS[number % 5],
            "created": begun + number / 1000,
            "order_id": number,
            "app": f"app-{number % 7}",
            "note": note(number),
        }
    )
    if number % 10 == 0:
        one.exc_text = f"Traceback of {number}:\n  here"
    return one


def note(number: int) -> str:
    count = 3000 if number % 100 == 0 else 3
    return " ".join(str(number * one) for one in range(count))


def wanted(number: int, begun: int, **more: str) -> dict[str, Any]:
    trace = {"gelf_full_message": f"Traceback of {number}:\n  here"} if number % 10 == 0 else {}
    return {
        "line": text(number),
        "time_unix_nano": begun * 10**9 + number * 10**6,
        "host_name": socket.gethostname(),
        "detected_level": SHOWN[number % 5],
        "order_id": str(number),
        "app": f"app-{number % 7}",
        "note": note(number),
        **trace,
        **more,
    }


def send(handler: logging.Handler, begun: int, *, pause: Callable[[int], float]) -> None:
    with closing(handler):
        for number in range(RECORDS):
            handler.handle(record(number, begun))
            if seconds := pause(number):
                time.sleep(seconds)


def test_pygelf_over_tcp(server: ServerProcess) -> None:
    begun = int(time.time()) - 60
    handler = pygelf.GelfTcpHandler("127.0.0.1", port_of(server, "gelf"), include_extra_fields=True)
    send(handler, begun, pause=lambda _: 0)
    check_messages(server, "gelf", [wanted(number, begun) for number in range(RECORDS)])
    check_conserved(server, "gelf")


def test_pygelf_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, files = int(time.time()) - 60, write_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(files.certificate))
    with ServerProcess(tmp_path / "data", *files.options) as server:
        handler = pygelf.GelfTlsHandler(
            validate=True,
            ca_certs=str(files.certificate),
            host="localhost",
            port=port_of(server, "gelf"),
            include_extra_fields=True,
        )
        send(handler, begun, pause=lambda _: 0)
        check_messages(server, "gelf", [wanted(number, begun) for number in range(RECORDS)])
        check_conserved(server, "gelf")


def test_graypy_over_udp_with_chunks_and_zlib(server: ServerProcess) -> None:
    begun = int(time.time()) - 60
    handler = graypy.GELFUDPHandler(
        "127.0.0.1", port_of(server, "gelf_udp"), debugging_fields=False, facility=None
    )
    send(handler, begun, pause=lambda number: 0.002 if number % 20 == 0 else 0)
    more = {"facility": "shop.orders"}
    check_messages(server, "gelf_udp", [wanted(number, begun, **more) for number in range(RECORDS)])
    check_conserved(server, "gelf_udp")


@pytest.mark.filterwarnings(
    # The library leaves its connections open for the garbage collector.
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)
@pytest.mark.parametrize("compress", [True, False], ids=["zlib", "plain"])
def test_pygelf_over_http(server: ServerProcess, compress: bool) -> None:
    begun = int(time.time()) - 60
    handler = pygelf.GelfHttpHandler(
        "127.0.0.1",
        port_of(server, "gelf_http"),
        include_extra_fields=True,
        compress=compress,
        timeout=60,
    )
    send(handler, begun, pause=lambda _: 0)
    check_messages(server, "gelf_http", [wanted(number, begun) for number in range(RECORDS)])
    check_conserved(server, "gelf_http")


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_pygelf_goes_on_when_the_server_was_killed_half_way(tmp_path: Path) -> None:
    """Killed when it has the first half: the library does not look at what is answered."""
    port, begun = free_port(), int(time.time()) - 60
    with ServerProcess(tmp_path / "data", "--set", f"doors.gelf_http.port={port}") as server:
        handler = pygelf.GelfHttpHandler("127.0.0.1", port, include_extra_fields=True, timeout=60)

        def kill_half_way(number: int) -> float:
            if number == RECORDS // 2:
                server.wait_for_count(number + 1, count_query("gelf_http"))
                server.kill()
                server.start()
            return 0

        send(handler, begun, pause=kill_half_way)
        check_messages(server, "gelf_http", [wanted(number, begun) for number in range(RECORDS)])
        check_conserved(server, "gelf_http")
        assert server.verify().returncode == 0


def test_a_sender_that_waits_for_its_answer_loses_nothing_to_a_kill(tmp_path: Path) -> None:
    port, begun = free_port(), int(time.time()) - 60
    go_on = threading.Event()

    def post() -> None:
        retry = Retry(
            total=100, backoff_factor=0.1, backoff_max=1, allowed_methods=None,
            status_forcelist=[503],
        )  # fmt: skip
        with requests.Session() as session:
            session.mount("http://", HTTPAdapter(max_retries=retry))
            for number in range(RECORDS // 5):
                if number == RECORDS // 10:
                    assert go_on.wait(60)
                message = {
                    "version": "1.1",
                    "host": f"host-{number % 11}",
                    "short_message": text(number),
                    "timestamp": begun + number / 1000,
                    "level": number % 8,
                }
                answer = session.post(f"http://127.0.0.1:{port}/gelf", json=message, timeout=60)
                assert answer.status_code == 202

    with ServerProcess(tmp_path / "data", "--set", f"doors.gelf_http.port={port}") as server:
        sender = threading.Thread(target=post)
        sender.start()
        server.wait_for_count(RECORDS // 10, count_query("gelf_http"))
        go_on.set()
        time.sleep(0.3)
        server.kill()
        server.start()
        sender.join(120)
        check_messages(
            server,
            "gelf_http",
            [
                {
                    "line": text(number),
                    "time_unix_nano": begun * 10**9 + number * 10**6,
                    "host_name": f"host-{number % 11}",
                    "detected_level": _SHOWN[number % 8],
                }
                for number in range(RECORDS // 5)
            ],
        )
        check_conserved(server, "gelf_http")
        assert server.verify().returncode == 0


# ---- npm's library -----------------------------------------------------------------------------


@pytest.mark.parametrize(("protocol", "door"), [("tcp", "gelf"), ("udp", "gelf_udp")])
def test_gelf_pro(server: ServerProcess, protocol: str, door: str) -> None:
    begun = int(time.time()) - 60
    process = node("gelf.js", protocol, port_of(server, door), RECORDS, begun)
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 0, said[-500:]
    check_messages(
        server,
        door,
        [
            {
                "line": text(number),
                "time_unix_nano": begun * 10**9 + number * 10**6,
                "host_name": f"host-{number % 11}",
                "detected_level": _SHOWN[number % 8],
                "order_id": str(number),
                "note": " ".join(
                    str(number * one) for one in range(3000 if number % 50 == 0 else 3)
                ),
            }
            for number in range(RECORDS)
        ],
    )
    check_conserved(server, door)


# ---- What is no message ------------------------------------------------------------------------


def test_what_is_no_message_is_refused_and_the_rest_is_kept(server: ServerProcess) -> None:
    good = [json.dumps({"short_message": f"part 0: {number}"}).encode() for number in range(3)]
    with socket.create_connection(("127.0.0.1", port_of(server, "gelf")), timeout=30) as sock:
        sock.sendall(b"\0".join([good[0], b"hello", good[1], b"[1]", good[2]]))
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(100) == b""
    server.wait_for_count(3, count_query("gelf"))
    check_conserved(server, "gelf", refused=2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for data in (good[0], b"hello", b"\x1e\x0f12345678\x00\x02never whole", good[1]):
            sock.sendto(data, ("127.0.0.1", port_of(server, "gelf_udp")))
    server.wait_for_count(2, count_query("gelf_udp"))
    deadline = time.monotonic() + 60
    name = ("meshseal_records_refused_total", "gelf_udp", "default")
    while server.metrics().get(name) != 2:  # The second when five quiet seconds are over.
        assert time.monotonic() < deadline
        time.sleep(0.1)
    check_conserved(server, "gelf_udp", refused=2)
