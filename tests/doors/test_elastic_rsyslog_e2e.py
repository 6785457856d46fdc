"""rsyslog's omelasticsearch against the real server: bulk requests and single documents."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.doors.syslog_senders import Relay, rsyslog, running
from tests.server import ServerProcess, free_port
from tests.store_access import ask

pytestmark = pytest.mark.e2e

RECORDS = 10_000
COUNT = 'sum(count_over_time({service_name="shop"}[24h]))'
COLUMNS = (
    "toUnixTimestamp64Nano(Timestamp), Body, SeverityText, SeverityNumber, ServiceName, "
    "ResourceAttributes['host.name'], OtherAttributes['elasticsearch.index']"
)
_WORDS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
_NUMBERS = (21, 19, 18, 17, 13, 10, 9, 5)


@contextmanager
def omelasticsearch(folder: Path, port: int, *, bulk: bool) -> Iterator[Relay]:
    """Run rsyslog with one `omelasticsearch` action."""
    folder.mkdir()
    listen, log = free_port(), folder / "rsyslog.log"
    (folder / "rsyslog.conf").write_text(f"""
        global(workDirectory="{folder}" net.enableDNS="off")
        module(load="imptcp")
        module(load="omelasticsearch")
        input(type="imptcp" address="127.0.0.1" port="{listen}" ruleset="send")
        template(name="document" type="list" option.jsonf="on") {{
            property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
            property(outname="host.name" name="hostname" format="jsonf")
            property(outname="log.level" name="syslogseverity-text" format="jsonf")
            property(outname="service.name" name="app-name" format="jsonf")
            property(outname="message" name="msg" format="jsonf")
        }}
        ruleset(name="send") {{
            action(type="omelasticsearch" server="127.0.0.1" serverport="{port}"
                   template="document" searchIndex="syslog" searchType="_doc"
                   bulkmode="{"on" if bulk else "off"}" healthchecktimeout="5000"
                   action.resumeRetryCount="-1" action.resumeInterval="1"
                   queue.type="LinkedList" queue.size="50000")
        }}
    """)
    command = (*rsyslog("rsyslog-elasticsearch"), "-n", "-f", str(folder / "rsyslog.conf"))
    with running((*command, "-i", str(folder / "pid")), log, cwd=folder):
        yield Relay(listen, log)


def message(number: int, begun: int) -> bytes:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(begun + number // 1000))
    head = f"<{16 * 8 + number % 8}>1 {stamp}.{number % 1000:03d}Z vm-{number % 3} shop 42 - - "
    return (head + f'order {number} costs 7 € "x"').encode()


def check(server: ServerProcess, count: int, begun: int) -> None:
    """Fail unless every message is there once, as it was sent."""
    server.wait_for_count(count, COUNT)
    found = ask(
        server, f"SELECT {COLUMNS} FROM logs WHERE Door = 'elasticsearch' ORDER BY Timestamp"
    )
    assert found == [
        (
            begun * 10**9 + number * 10**6,
            f'order {number} costs 7 € "x"',
            _WORDS[number % 8],
            _NUMBERS[number % 8],
            "shop",
            f"vm-{number % 3}",
            "syslog",
        )
        for number in range(count)
    ]


def test_bulk_requests_through_a_kill(tmp_path: Path) -> None:
    port, begun = free_port(), int(time.time()) - 3600
    half = RECORDS // 2
    with (
        ServerProcess(tmp_path / "data", "--set", f"doors.elasticsearch.port={port}") as server,
        omelasticsearch(tmp_path / "rsyslog", port, bulk=True) as relay,
    ):
        relay.feed(message(number, begun) for number in range(half))
        check(server, half, begun)
        server.kill()
        relay.feed(message(number, begun) for number in range(half, RECORDS))
        server.start()
        check(server, RECORDS, begun)


def test_single_documents(tmp_path: Path) -> None:
    port, begun = free_port(), int(time.time()) - 3600
    with (
        ServerProcess(tmp_path / "data", "--set", f"doors.elasticsearch.port={port}") as server,
        omelasticsearch(tmp_path / "rsyslog", port, bulk=False) as relay,
    ):
        relay.feed(message(number, begun) for number in range(200))
        check(server, 200, begun)
