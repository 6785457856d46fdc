"""Lumberjack end to end: real clients, the real server, kills, certificates."""

from __future__ import annotations

import json
import logging
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pylogbeat
import pytest
from logstash_async.formatter import LogstashEcsFormatter
from logstash_async.handler import AsynchronousLogstashHandler

from tests.certificates import Files
from tests.doors.checks import counted, until
from tests.receive.conftest import files
from tests.server import ServerProcess, free_port
from tests.store_access import ask
from tests.wire.test_lumberjack import ack, events, packed, window

__all__ = ["files"]

pytestmark = pytest.mark.e2e
RECORDS = 10_000
WINDOW = 100
LEVELS = [("debug", 5), ("info", 9), ("warn", 13), ("error", 17)]
START_UNIX_NANO = 1_789_899_072 * 10**9
COLUMNS = (
    "SELECT Body, toUnixTimestamp64Nano(Timestamp), SeverityText, SeverityNumber, ServiceName, "
    "ResourceAttributes, LogAttributes, Source FROM logs WHERE Door = 'lumberjack'"
)


@dataclass(frozen=True, slots=True)
class Order:
    """One event as Filebeat would send it, different for each number."""

    number: int

    @property
    def time_unix_nano(self) -> int:
        return START_UNIX_NANO + self.number * 1_000_000

    def document(self) -> dict[str, Any]:
        seconds, nanos = divmod(self.time_unix_nano, 10**9)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
        return {
            "@timestamp": f"{stamp}.{nanos // 10**6:03d}Z",
            "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.15.0"},
            "message": f"order {self.number} is served",
            "log": {"level": LEVELS[self.number % 4][0], "offset": self.number},
            "host": {"name": f"web-{self.number % 3}"},
            "service": {"name": f"cart-{self.number % 5}"},
        }

    def row(self, source: str = "trial") -> tuple[Any, ...]:
        text, level = LEVELS[self.number % 4]
        service = f"cart-{self.number % 5}"
        return (
            f"order {self.number} is served",
            self.time_unix_nano,
            text,
            level,
            service,
            {"host.name": f"web-{self.number % 3}", "service.name": service},
            {
                "@metadata.beat": "filebeat",
                "@metadata.type": "_doc",
                "@metadata.version": "8.15.0",
                "log.offset": str(self.number),
            },
            source,
        )


def stored(server: ServerProcess) -> int:
    return int(ask(server, "SELECT count() FROM logs WHERE Door = 'lumberjack'")[0][0])


def check_stored(server: ServerProcess, rows: list[tuple[Any, ...]]) -> None:
    """Check that there are these records and no others, each once."""
    until(lambda: stored(server) >= len(rows), lambda: f"{stored(server)} of {len(rows)}")
    found = ask(server, f"{COLUMNS} ORDER BY Timestamp, Body")
    assert len(found) == len(rows)
    assert found == sorted(rows, key=lambda row: (row[1], row[0]))


def address(server: ServerProcess) -> tuple[str, int]:
    host, _, port = server.urls["lumberjack"].removeprefix("http://").partition(":")
    return host, int(port)


# ---- Kills -------------------------------------------------------------------------------------


class Shipper(threading.Thread):
    """Sends windows with pylogbeat, each again and again until it is acknowledged."""

    def __init__(self, port: int, orders: list[Order]) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._windows = [orders[at : at + WINDOW] for at in range(0, len(orders), WINDOW)]
        self.acknowledged = 0
        self.failures = 0

    def run(self) -> None:
        client = pylogbeat.PyLogBeatClient("127.0.0.1", self._port, timeout=10, use_logging=True)
        for orders in self._windows:
            while not self._sent(client, orders):
                self.failures += 1
                client.close()
                time.sleep(0.05)
            self.acknowledged += len(orders)
        client.close()

    def _sent(self, client: pylogbeat.PyLogBeatClient, orders: list[Order]) -> bool:
        try:
            client.send([order.document() for order in orders])
        except (OSError, struct.error, pylogbeat.ConnectionException):
            return False
        return True


def test_pylogbeat_loses_nothing_to_a_kill(tmp_path: Path) -> None:
    port = free_port()
    orders = [Order(number) for number in range(RECORDS)]
    shipper = Shipper(port, orders)
    with ServerProcess(tmp_path / "data", "--set", f"doors.lumberjack.port={port}") as server:
        shipper.start()
        until(lambda: shipper.acknowledged >= RECORDS // 2)
        server.kill()
        assert shipper.acknowledged < RECORDS
        until(lambda: shipper.failures)
        server.start()
        until(lambda: shipper.acknowledged == RECORDS, lambda: str(shipper.acknowledged))
        check_stored(server, [order.row() for order in orders])


def test_a_window_whose_answer_was_lost_is_stored_once(server: ServerProcess) -> None:
    """Its sender hangs up before the answer, and sends it again: to the letter, or packed anew."""
    orders = [Order(number) for number in range(500)]
    documents = [json.dumps(order.document()).encode() for order in orders]
    for frames in (events(*documents), packed(events(*documents, first=77))):
        with socket.create_connection(address(server), timeout=60) as sock:
            sock.sendall(window(len(documents)) + frames)
            sock.shutdown(socket.SHUT_WR)
            answered = b"".join(iter(lambda: sock.recv(100), b""))
            assert answered in (ack(500), ack(576))
    check_stored(server, [order.row() for order in orders])
    until(
        lambda: counted(server, "lumberjack")["stored"] == 500,
        lambda: str(counted(server, "lumberjack")),
    )
    assert counted(server, "lumberjack") == {
        "received": 1000,
        "stored": 500,
        "refused": 0,
        "deduplicated": 500,
    }


# ---- Clients -----------------------------------------------------------------------------------


def test_a_beat_that_sends_ahead(server: ServerProcess) -> None:
    """Windows of 2,048 compressed events, the next one sent before the last one's answer."""
    orders = [Order(number) for number in range(RECORDS)]
    parts = [orders[at : at + 2048] for at in range(0, RECORDS, 2048)]
    with socket.create_connection(address(server), timeout=60) as sock:
        for part in parts:
            documents = (json.dumps(order.document()).encode() for order in part)
            sock.sendall(window(len(part)) + packed(events(*documents)))
        wanted = b"".join(ack(len(part)) for part in parts)
        answered = b""
        while len(answered.replace(ack(0), b"")) < len(wanted):
            answered += sock.recv(6)
        assert answered.replace(ack(0), b"") == wanted
    check_stored(server, [order.row() for order in orders])
    until(
        lambda: counted(server, "lumberjack")["stored"] == RECORDS,
        lambda: str(counted(server, "lumberjack")),
    )
    assert counted(server, "lumberjack") == {
        "received": RECORDS,
        "stored": RECORDS,
        "refused": 0,
        "deduplicated": 0,
    }


@pytest.fixture
def handler(server: ServerProcess) -> Iterator[AsynchronousLogstashHandler]:
    host, port = address(server)
    one = AsynchronousLogstashHandler(
        host,
        port,
        database_path=None,
        transport="logstash_async.transport.BeatsTransport",
        ssl_enable=False,
        ssl_verify=False,
        ssl_verify_flags=None,
        keyfile="",
        certfile="",
        ca_certs="",
    )
    yield one
    one.close()


def test_python_logstash_async(server: ServerProcess, handler: AsynchronousLogstashHandler) -> None:
    handler.setFormatter(
        LogstashEcsFormatter(extra_prefix=None, extra={"service": {"name": "cart"}})
    )
    logger = logging.Logger("shop.cart", logging.INFO)
    logger.addHandler(handler)
    for number in range(2000):
        logger.warning("request %d failed", number, extra={"order": number})
    handler.flush()
    until(lambda: stored(server) >= 2000, lambda: str(stored(server)))
    rows = ask(
        server,
        "SELECT Body, SeverityText, SeverityNumber, ServiceName, LogAttributes['order'], "
        "LogAttributes['log.logger'] FROM logs",
    )
    assert sorted(rows) == sorted(
        (f"request {n} failed", "WARNING", 13, "cart", str(n), "shop.cart") for n in range(2000)
    )


# ---- Certificates ------------------------------------------------------------------------------


def test_a_certificate_names_the_sender(tmp_path: Path, files: Files) -> None:
    """Outside of a trial: whoever shows a certificate may send, under its name."""
    arguments = [*files.options, "--set", f"tls.client_ca_file={files.certificate}"]
    server = ServerProcess(tmp_path / "data", *arguments, trial=False)
    orders = [Order(number) for number in range(1000)]
    server.start(wait=False)
    try:
        until(lambda: "lumberjack" in server.urls, server.log)
        host, port = address(server)
        options = {"ssl_enable": True, "ca_certs": str(files.certificate), "timeout": 60}
        stranger = pylogbeat.PyLogBeatClient(host, port, use_logging=True, **options)
        with pytest.raises((OSError, struct.error, pylogbeat.ConnectionException)):
            stranger.send([Order(9999).document()])
        stranger.close()
        options |= {"certfile": str(files.certificate), "keyfile": str(files.key)}
        with pylogbeat.PyLogBeatClient(host, port, **options) as client:
            client.send([order.document() for order in orders])
        until(lambda: (server.data / "running.json").exists(), server.log)
        check_stored(server, [order.row("certificate:localhost") for order in orders])
    finally:
        server.stop()


def test_without_a_certificate_an_address_is_let_in_by_name(tmp_path: Path) -> None:
    for allowed, answer in (("10.0.0.0/8", b""), ("127.0.0.0/8", ack(1))):
        config = tmp_path / f"{len(answer)}.toml"
        config.write_text(f'[doors.lumberjack]\nallow = "{allowed}"\n')
        data = tmp_path / f"data{len(answer)}"
        with (
            ServerProcess(data, "--config", str(config), trial=False) as server,
            socket.create_connection(address(server), timeout=60) as sock,
        ):
            try:
                sock.sendall(window(1) + events(b"{}"))
                assert sock.recv(6) == answer
            except ConnectionError:
                assert not answer
