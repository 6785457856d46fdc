"""Syslog from real senders to a real server: every record there once, as it was sent."""

from __future__ import annotations

import logging
import logging.handlers
import re
import socket
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.certificates import write_certificate
from tests.doors.checks import conserved, count_query
from tests.doors.syslog_checks import (
    RECORDS,
    address,
    check_orders,
    everything_stored,
    found,
    orders,
)
from tests.doors.syslog_senders import (
    haproxy_to,
    nginx_to,
    rsyslog_to,
    syslog_ng_to,
    wait_until,
)
from tests.server import ServerProcess, free_port
from tests.store_access import ask

pytestmark = pytest.mark.e2e


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
        # Different ones: the last to come need not be the last that was sent.
        count = "SELECT uniqExact(Body) FROM logs WHERE Door = 'syslog'"
        wait_until(
            lambda: ask(server, count) == [(RECORDS,)],
            lambda: f"{ask(server, count)} of {RECORDS}",
        )
        for part in range(RECORDS // 1000):
            here = found(server, "syslog", f'|= "part {part}: "')
            numbers = [int(record["line"].split()[3]) for record in here]
            first = part * 1000
            assert sorted(set(numbers)) == list(range(first, first + 1000))
            assert len(numbers) == 1000 or first >= half
            assert all(record == wanted[n] for n, record in zip(numbers, here, strict=True))


def test_rsyslog_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = write_certificate(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(files.certificate))
    all_orders, port = orders(3000), free_port()
    action = (
        f'port="{port}" protocol="tcp" tcp_framing="octet-counted" StreamDriver="ossl" '
        'StreamDriverMode="1" StreamDriverAuthMode="x509/name" '
        'StreamDriverPermittedPeers="localhost" '
        'template="RSYSLOG_SyslogProtocol23Format" action.resumeRetryCount="-1"'
    )
    arguments = (
        *files.options,
        *("--set", f"doors.syslog_tls.port={port}"),
    )
    authority = f'defaultNetstreamDriverCAFile="{files.certificate}"'
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
        assert conserved(server, "syslog") == everything_stored(RECORDS)


def test_syslog_ng_in_the_old_format_over_tcp(server: ServerProcess, tmp_path: Path) -> None:
    all_orders = orders(3000)
    host, port = address(server, "syslog")
    destination = f'network("{host}" port({port}) transport("tcp"));'
    with syslog_ng_to(tmp_path / "syslog-ng", destination) as relay:
        relay.feed(order.message() for order in all_orders)
        check_orders(server, "syslog", [order.old_record("syslog") for order in all_orders])


# ---- Proxies -----------------------------------------------------------------------------------


def request(port: int, count: int) -> None:
    """Send requests, every fifth for what is not there."""
    with requests.Session() as session:
        for number in range(count):
            folder = "missing" if number % 5 == 0 else "items"
            url = f"http://127.0.0.1:{port}/{folder}/{number}?page={number % 9}"
            answer = session.get(url, headers={"User-Agent": f'agent "{number}"'}, timeout=30)
            assert answer.status_code == (404 if number % 5 == 0 else 200)


def test_nginx_over_udp(server: ServerProcess, tmp_path: Path) -> None:
    _, port = address(server, "syslog_udp")
    door = f"syslog:server=127.0.0.1:{port},facility=local7"
    formats = (
        f"error_log {door},tag=failures error; "
        "log_format mesh escape=json '"
        '{"time":"$time_iso8601","method":"$request_method","uri":"$request_uri",'
        '"status":"$status","agent":"$http_user_agent"}\';'
    )
    access_log = (
        f"{door},tag=shop,severity=info mesh; access_log {door},tag=edge,severity=info combined"
    )
    before = int(time.time()) - 1
    with nginx_to(tmp_path / "nginx", access_log, formats) as nginx:
        request(nginx, 300)
        assert requests.get(f"http://127.0.0.1:{nginx}/dead/", timeout=30).status_code == 502
    server.wait_for_count(603, count_query("syslog_udp"))
    services = {name: _of(server, f'| service_name="{name}"') for name in ("shop", "edge")}
    assert services["shop"].pop(_last(services["shop"], "uri"))["status"] == "502"
    records = {int(one["uri"].split("/")[2].split("?")[0]): one for one in services["shop"]}
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
    failed = services["edge"].pop(_last(services["edge"], "url_path"))
    assert (failed["http_response_status_code"], failed["error_type"]) == ("502", "502")
    combined = {int(one["url_path"].split("/")[2]): one for one in services["edge"]}
    assert sorted(combined) == list(range(300))
    for number, record in combined.items():
        folder, status = ("missing", "404") if number % 5 == 0 else ("items", "200")
        # The time is that of the line, which has a second's.
        assert before * 10**9 <= record.pop("time_unix_nano") <= time.time_ns()
        assert record.pop("line").startswith("127.0.0.1 - - [")
        assert record.pop("http_response_body_size").isdigit()
        assert record == {
            "host_name": socket.gethostname(),
            "service_name": "edge",
            "detected_level": "info",
            "syslog_facility": "local7",
            "meshseal_door": "syslog_udp",
            "http_request_method": "GET",
            "url_path": f"/{folder}/{number}",
            "url_query": f"page={number % 9}",
            "http_response_status_code": status,
            "network_protocol_name": "http",
            "network_protocol_version": "1.1",
            "client_address": "127.0.0.1",
            "network_peer_address": "127.0.0.1",
            "user_agent_original": f'agent "{number}"',
            "mesh_reporter": "gateway",
            "mesh": "nginx",
            "reporter": "gateway",
        }
    (failure,) = _of(server, '| service_name="failures"')
    assert failure["error_type"] == "Connection refused"
    assert (failure["url_path"], failure["network_peer_port"]) == ("/dead/", "1")


def _last(records: list[dict[str, Any]], name: str) -> int:
    """Return the place of the record that tells of the request for what is dead."""
    (place,) = (place for place, one in enumerate(records) if one[name] == "/dead/")
    return place


def _of(server: ServerProcess, query: str = "") -> list[dict[str, Any]]:
    return found(server, "syslog_udp", query)


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
        request(haproxy, 300)
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
        folder = "missing" if number % 5 == 0 else "items"
        assert (record["http_response_status_code"], record["url_path"]) == (
            status,
            f"/{folder}/{number}",
        )
        assert record["url_query"] == f"page={number % 9}"
        assert (record["mesh_reporter"], record["haproxy_frontend"]) == ("gateway", "shop")
        assert record["haproxy_termination_state"] == "LR--"


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
