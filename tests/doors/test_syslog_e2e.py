"""Syslog from real senders to a real server: every record there once, as it was sent."""

from __future__ import annotations

import datetime
import ipaddress
import logging
import logging.handlers
import os
import re
import signal
import socket
import ssl
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.doors.syslog_senders import (
    free_port,
    haproxy_to,
    nginx_to,
    rsyslog_to,
    syslog_ng_to,
    wait_until,
)
from tests.server import ServerProcess

pytestmark = pytest.mark.e2e
RECORDS = 10_000
_LEVELS = ["fatal", "error", "error", "error", "warn", "info", "info", "debug"]
_OWN = ("meshseal_batch", "meshseal_seq", "meshseal_format")


@dataclass(frozen=True, slots=True)
class Order:
    """One record, different for each number."""

    number: int
    begun_unix: int

    @property
    def priority(self) -> int:
        return (16 + self.number % 5) * 8 + self.number % 8

    @property
    def text(self) -> str:
        return f"part {self.number // 1000}: order {self.number} costs 7 € [x] a=b"

    def message(self) -> bytes:
        """Return it as RFC 5424 has it."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.begun_unix))
        return (
            f"<{self.priority}>1 {stamp}.{self.number:06d}Z host-{self.number % 11} "
            f"app{self.number % 7} {1000 + self.number} ID{self.number % 3} "
            f'[order@32473 id="{self.number}" note="a\\"b"] {self.text}'
        ).encode()

    def record(self, door: str) -> dict[str, Any]:
        """Return what is to be found of it."""
        return {
            "host_name": f"host-{self.number % 11}",
            "service_name": f"app{self.number % 7}",
            "process_pid": str(1000 + self.number),
            "detected_level": _LEVELS[self.number % 8],
            "syslog_facility": f"local{self.number % 5}",
            "syslog_msgid": f"ID{self.number % 3}",
            "syslog_version": "1",
            "order_32473_id": str(self.number),
            "order_32473_note": 'a"b',
            "meshseal_door": door,
            "time_unix_nano": self.begun_unix * 10**9 + self.number * 1000,
            "line": self.text,
        }

    def old_record(self, door: str) -> dict[str, Any]:
        """Return what is left of it in RFC 3164."""
        record = self.record(door) | {"time_unix_nano": self.begun_unix * 10**9}
        for name in ("syslog_msgid", "syslog_version", "order_32473_id", "order_32473_note"):
            del record[name]
        return record


def orders(count: int) -> list[Order]:
    begun = int(time.time()) - 60
    return [Order(number, begun) for number in range(count)]


def address(server: ServerProcess, door: str) -> tuple[str, int]:
    host, port = server.urls[door].removeprefix("http://").split(":")
    return host, int(port)


def count_query(door: str) -> str:
    return f'sum(count_over_time({{meshseal_door="{door}"}}[2h]))'


def found(server: ServerProcess, door: str, query: str = "") -> list[dict[str, Any]]:
    """Return the records of a door, without what the server numbers itself."""
    records = server.records(f'{{meshseal_door="{door}"}} {query}')
    return [
        {name: value for name, value in record.items() if name not in _OWN} for record in records
    ]


def check_orders(server: ServerProcess, door: str, wanted: list[dict[str, Any]]) -> None:
    """Check that there are these records and no others, each once."""
    server.wait_for_count(len(wanted), count_query(door))
    for part in range(-(-len(wanted) // 1000)):
        here = found(server, door, f'|= "part {part}: "')
        key = lambda record: int(record["line"].split()[3])  # noqa: E731
        assert sorted(here, key=key) == wanted[part * 1000 : part * 1000 + 1000]


def check_conserved(server: ServerProcess, door: str, records: int) -> None:
    """Check that what was received since the start is stored, and nothing is refused."""
    names = ("received", "stored", "refused", "deduplicated")

    def counted() -> list[float]:
        metrics = server.metrics()
        return [metrics.get((f"meshseal_records_{n}_total", door, "default"), 0) for n in names]

    wait_until(lambda: counted()[0] == counted()[1], lambda: f"{counted()}")
    assert counted() == [records, records, 0, 0]


# ---- Relays ------------------------------------------------------------------------------------


def test_rsyslog_over_tcp_with_a_queue_loses_nothing_to_a_kill(tmp_path: Path) -> None:
    """What was stored before the kill is there once. What rsyslog kept meanwhile comes after it.

    Of that, rsyslog itself sends a message again now and then where its connection broke: the
    protocol has no answer that could tell it not to.
    """
    all_orders, port, half = orders(RECORDS), free_port(), RECORDS // 2
    wanted = [order.record("syslog") for order in all_orders]
    messages = [order.message() for order in all_orders]
    action = (
        f'port="{port}" protocol="tcp" tcp_framing="octet-counted" '
        'template="RSYSLOG_SyslogProtocol23Format" action.resumeRetryCount="-1" '
        'action.resumeInterval="1" queue.type="LinkedList" queue.filename="queue" '
        'queue.saveOnShutdown="on"'
    )
    with (
        ServerProcess(tmp_path / "data", "--set", f"doors.syslog.port={port}") as server,
        rsyslog_to(tmp_path / "rsyslog", action) as relay,
    ):
        relay.feed(messages[:half])
        check_orders(server, "syslog", wanted[:half])
        server.kill()
        relay.feed(messages[half:])
        server.start()
        query = '{meshseal_door="syslog"} |= "order 9999 "'
        wait_until(lambda: len(server.records(query)) > 0, server.log)
        wait_until(
            lambda: server.metric(count_query("syslog")) >= RECORDS,
            lambda: f"{server.metric(count_query('syslog'))} of {RECORDS}",
        )
        for part in range(RECORDS // 1000):
            here = found(server, "syslog", f'|= "part {part}: "')
            numbers = [int(record["line"].split()[3]) for record in here]
            first = part * 1000
            assert sorted(set(numbers)) == list(range(first, first + 1000))
            assert len(numbers) == 1000 or (first >= half and len(numbers) < 1010)
            assert all(record == wanted[n] for n, record in zip(numbers, here, strict=True))


def test_rsyslog_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = _certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    all_orders, port = orders(3000), free_port()
    action = (
        f'port="{port}" protocol="tcp" tcp_framing="octet-counted" StreamDriver="ossl" '
        'StreamDriverMode="1" StreamDriverAuthMode="x509/name" '
        'StreamDriverPermittedPeers="localhost" '
        'template="RSYSLOG_SyslogProtocol23Format" action.resumeRetryCount="-1"'
    )
    arguments = (
        *("--set", f"tls.certificate_file={certificate}", "--set", f"tls.key_file={key}"),
        *("--set", f"doors.syslog_tls.port={port}"),
    )
    authority = f'defaultNetstreamDriverCAFile="{certificate}"'
    with (
        ServerProcess(tmp_path / "data", *arguments) as server,
        rsyslog_to(tmp_path / "rsyslog", action, settings=authority) as relay,
    ):
        relay.feed(order.message() for order in all_orders)
        wanted = [order.record("syslog_tls") for order in all_orders]
        check_orders(server, "syslog_tls", wanted)


def test_rsyslog_in_the_old_format_over_udp(server: ServerProcess, tmp_path: Path) -> None:
    all_orders = orders(2000)
    _, port = address(server, "syslog_udp")
    action = f'port="{port}" protocol="udp" template="RSYSLOG_TraditionalForwardFormat"'
    with rsyslog_to(tmp_path / "rsyslog", action) as relay:
        relay.feed((order.message() for order in all_orders), pause_every=20)
        wanted = [order.old_record("syslog_udp") for order in all_orders]
        check_orders(server, "syslog_udp", wanted)


def test_syslog_ng_over_tcp(server: ServerProcess, tmp_path: Path) -> None:
    all_orders = orders(RECORDS)
    host, port = address(server, "syslog")
    destination = f'syslog("{host}" port({port}) transport("tcp") frac-digits(6));'
    with syslog_ng_to(tmp_path / "syslog-ng", destination) as relay:
        relay.feed(order.message() for order in all_orders)
        check_orders(server, "syslog", [order.record("syslog") for order in all_orders])
        check_conserved(server, "syslog", RECORDS)


def test_syslog_ng_in_the_old_format_over_tcp(server: ServerProcess, tmp_path: Path) -> None:
    all_orders = orders(3000)
    host, port = address(server, "syslog")
    destination = f'network("{host}" port({port}) transport("tcp"));'
    with syslog_ng_to(tmp_path / "syslog-ng", destination) as relay:
        relay.feed(order.message() for order in all_orders)
        check_orders(server, "syslog", [order.old_record("syslog") for order in all_orders])


# ---- Proxies -----------------------------------------------------------------------------------


def ask(port: int, count: int) -> None:
    """Send requests, every fifth for what is not there."""
    with requests.Session() as session:
        for number in range(count):
            folder = "missing" if number % 5 == 0 else "items"
            url = f"http://127.0.0.1:{port}/{folder}/{number}?page={number % 9}"
            answer = session.get(url, headers={"User-Agent": f'agent "{number}"'}, timeout=30)
            assert answer.status_code == (404 if number % 5 == 0 else 200)


def test_nginx_over_udp(server: ServerProcess, tmp_path: Path) -> None:
    _, port = address(server, "syslog_udp")
    formats = (
        "log_format mesh escape=json '"
        '{"time":"$time_iso8601","method":"$request_method","uri":"$request_uri",'
        '"status":"$status","agent":"$http_user_agent"}\';'
    )
    access_log = f"syslog:server=127.0.0.1:{port},facility=local7,tag=shop,severity=info mesh"
    before = int(time.time()) - 1
    with nginx_to(tmp_path / "nginx", access_log, formats) as nginx:
        ask(nginx, 300)
    server.wait_for_count(300, count_query("syslog_udp"))
    records = {int(one["uri"].split("/")[2].split("?")[0]): one for one in _of(server)}
    assert sorted(records) == list(range(300))
    for number, record in records.items():
        folder, status = ("missing", "404") if number % 5 == 0 else ("items", "200")
        assert before * 10**9 <= record.pop("time_unix_nano") <= time.time_ns()
        assert record.pop("time")
        assert record.pop("line").startswith('{"time":')
        assert record == {
            "host_name": socket.gethostname(),
            "service_name": "shop",
            "detected_level": "info",
            "syslog_facility": "local7",
            "meshseal_door": "syslog_udp",
            "method": "GET",
            "uri": f"/{folder}/{number}?page={number % 9}",
            "status": status,
            "agent": f'agent "{number}"',
        }


def _of(server: ServerProcess) -> list[dict[str, Any]]:
    return found(server, "syslog_udp")


@pytest.mark.parametrize("way", ["udp", "ring"])
def test_haproxy(server: ServerProcess, tmp_path: Path, way: str) -> None:
    door = "syslog_udp" if way == "udp" else "syslog"
    _, port = address(server, door)
    ring = f"""
ring door
    format rfc5424
    maxlen 4096
    size 262144
    timeout connect 5s
    timeout server 10s
    server meshseal 127.0.0.1:{port} log-proto octet-count
"""
    line = f"127.0.0.1:{port} local0" if way == "udp" else "ring@door local0"
    begun = time.time_ns()
    with haproxy_to(tmp_path / "haproxy", line, ring if way == "ring" else "") as haproxy:
        ask(haproxy, 300)
        query = f'sum(count_over_time({{meshseal_door="{door}"}} |= " HTTP/1.1" [2h]))'
        server.wait_for_count(300, query)
    records = {}
    for record in found(server, door, '|= " HTTP/1.1"'):
        (uri,) = re.findall(r'"GET (/\S+) HTTP/1.1"', record["line"])
        records[int(uri.split("/")[2].split("?")[0])] = record
    assert sorted(records) == list(range(300))
    for number, record in records.items():
        status = "404" if number % 5 == 0 else "200"
        assert f" {status} " in record["line"]
        assert begun - 2 * 10**9 <= record["time_unix_nano"] <= time.time_ns()
        assert record["service_name"] == "haproxy"
        assert record["process_pid"].isdigit()
        assert (record["detected_level"], record["syslog_facility"]) == ("info", "local0")


# ---- Python ------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["udp", "tcp"])
def test_pythons_own_handler(server: ServerProcess, way: str) -> None:
    door = "syslog" if way == "tcp" else "syslog_udp"
    kind = socket.SOCK_STREAM if way == "tcp" else socket.SOCK_DGRAM
    handler = logging.handlers.SysLogHandler(
        address(server, door), facility="local2", socktype=kind
    )
    handler.ident = "shop[77]: "
    logger = logging.Logger("orders")
    logger.addHandler(handler)
    with closing(handler):
        logger.warning("begun")
        for number in range(300):
            logger.warning("order %d: grün\nand more", number)
            if number % 20 == 0:
                time.sleep(0.01)
        server.wait_for_count(301, count_query(door))
    records = found(server, door)
    assert sorted(record["line"] for record in records) == sorted(
        ["begun", *(f"order {number}: grün\nand more" for number in range(300))]
    )
    for record in records:
        assert (record["service_name"], record["process_pid"]) == ("shop", "77")
        assert (record["detected_level"], record["syslog_facility"]) == ("warn", "local2")


# ---- Pressure, and the ends of connections -----------------------------------------------------


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
        check_conserved(server, "syslog", count)
        server.wait_for_count(count, count_query("syslog"))
        query = 'sum(count_over_time({meshseal_door="syslog"} |= "order 19999 " [2h]))'
        assert server.metric(query) == 1


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
def test_a_server_that_is_stopped_takes_what_has_reached_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls: bool
) -> None:
    certificate, key = _certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    files = ("--set", f"tls.certificate_file={certificate}", "--set", f"tls.key_file={key}")
    with ServerProcess(tmp_path / "data", *(files if tls else ())) as server:
        plain = socket.create_connection(address(server, "syslog"))
        context = ssl.create_default_context(cafile=str(certificate))
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
    certificate, key = _certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    tls = ("--set", f"tls.certificate_file={certificate}", "--set", f"tls.key_file={key}")
    context = ssl.create_default_context(cafile=str(certificate))
    with ServerProcess(tmp_path / "data", *tls) as server:
        for connection in range(20):
            with socket.create_connection(address(server, "syslog")) as plain:
                sock = context.wrap_socket(plain, server_hostname="localhost")
                for number in range(500):
                    sock.sendall(b"<14>shop: order %d of %d\n" % (number, connection))
                sock.close()
        server.wait_for_count(10_000, count_query("syslog"))


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for localhost and its key, for an hour."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files
