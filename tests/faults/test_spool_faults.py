"""A torn frame, a full disk, a damaged segment, payloads that nothing can decode."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
import requests
from clickhouse_connect.driver.exceptions import ClickHouseError

from meshseal.access.keys import load_master
from meshseal.app.engine_child import SPOOL_PURPOSE
from meshseal.app.paths import DataPaths
from meshseal.model.envelope import Envelope, Payload, delimited
from meshseal.spool.segment import SegmentWriter
from tests.faults.engine_on_full_disk import fill_up
from tests.faults.load import Load, wait_until
from tests.server import ServerProcess, istio_line, meshseal
from tests.store_access import ask

pytestmark = [pytest.mark.faults, pytest.mark.e2e]

ALL = 'sum(count_over_time({service_name="cart"}[24h]))'


def lines(first: int, count: int) -> bytes:
    now = time.time_ns()
    return "\n".join(istio_line(first + n, at_unix_nano=now) for n in range(count)).encode()


def test_torn_frame_is_cut_off_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    # Segments stay open for a minute, so that what was acknowledged is in an open one.
    server = ServerProcess(tmp_path / "data", "--set", "spool.segment_age_seconds=60")
    server.start()
    assert server.ship(lines(0, 500)) == 500
    server.kill()
    (segment,) = sorted((tmp_path / "data" / "spool").glob("*.segment"))
    whole = segment.read_bytes()
    # A power cut in the middle of the next frame: a length, and a part of what it announces.
    segment.write_bytes(whole + (5000).to_bytes(4, "big") + b"torn" * 100)
    server.start()
    server.wait_for_count(500, ALL)
    assert "spool_torn_frame" in server.log()
    (tail,) = (tmp_path / "data" / "spool" / "aside").iterdir()
    assert tail.read_bytes() == (5000).to_bytes(4, "big") + b"torn" * 100
    server.stop()
    assert server.verify().returncode == 0


def test_damage_inside_a_segment_sets_it_aside_and_replay_saves_the_rest(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", "--set", "spool.segment_age_seconds=60")
    server.start()
    for batch in range(3):
        server.ship(lines(batch * 100, 100))
    server.kill()
    (segment,) = sorted((tmp_path / "data" / "spool").glob("*.segment"))
    content = bytearray(segment.read_bytes())
    content[200] ^= 1
    segment.write_bytes(content)
    server.start()
    assert server.ship(lines(1000, 10)) == 10
    server.stop()
    assert "spool_segment_damaged" in server.log()
    listed = meshseal("spool", "list", "--data", str(tmp_path / "data"))
    assert segment.name in listed.stdout
    replayed = meshseal("spool", "replay", "--data", str(tmp_path / "data"), segment.name)
    assert "200 records" in replayed.stdout, replayed.stdout + replayed.stderr
    server.start()
    server.wait_for_count(210, ALL)
    server.stop()


def test_what_cannot_be_decoded_is_set_aside_and_the_others_go_on(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data")
    server.start()
    server.stop()
    paths = DataPaths(tmp_path / "data")
    spool_key = load_master(paths.master_key).derive(SPOOL_PURPOSE)
    now = time.time_ns()

    def envelope(kind: Payload, content: bytes, records: int) -> bytes:
        made = Envelope("default", now, "lines", "test", kind, content, records)
        return delimited(made.encode())

    writer = SegmentWriter(paths.spool, 900, spool_key=spool_key, now_unix_nano=now)
    writer.append(
        envelope(Payload.LINES, lines(0, 50), 50)
        + envelope(Payload.OTLP_LOGS, b"\xff" * 40, 7)
        + envelope(Payload.LINES, lines(50, 50), 50)
        + envelope(Payload.LINES, b"two\nlines", 99)
    )
    writer.close()
    server.start()
    server.wait_for_count(100, ALL)
    aside = [path.name for path in (paths.spool / "aside").iterdir()]
    assert aside == ["000000000900.segment"]
    counted = 'meshseal_records_set_aside_total{door="lines",tenant="default"} 106.0'
    wait_until(lambda: counted in server.get("/metrics").text, "counting what was set aside")
    assert server.ship(lines(100, 5)) == 5
    server.wait_for_count(105, ALL)
    server.stop()
    assert server.verify().returncode == 0


def test_full_disk_refuses_retryably_reads_go_on_and_recovery_is_automatic(
    small_disk: Path,
) -> None:
    server = ServerProcess(small_disk / "data", "--set", "spool.segment_age_seconds=0.2")
    server.start()
    assert server.ship(lines(1_000_000, 100)) == 100
    server.wait_for_count(100, ALL)
    load = Load(server)
    load.start()
    wait_until(lambda: len(load.acknowledged) > 1000, "the first records")
    filler = small_disk / "filler"
    subprocess.run(["fallocate", "-l", "1G", str(filler)], check=False, capture_output=True)
    fill_up(filler)
    wait_until(lambda: load.refused > 20, "a refusal")
    refused = requests.post(f"{server.url}/ingest/v1/lines", data=b"one line", timeout=30)
    assert refused.status_code == 503, refused.text
    assert int(refused.headers["Retry-After"]) >= 1
    assert "disk" in refused.json()["error"]["message"]
    # An engine that found no room for a file's last bytes is replaced: reads are back in a moment.
    wait_until(lambda: found(server) >= 100, "finding what was stored before")
    filler.unlink()
    accepted = len(load.acknowledged)
    wait_until(lambda: len(load.acknowledged) > accepted + 1000, "taking records in again")
    load.finish()
    assert not load.unexpected
    expected = len(load.acknowledged)
    sql = (
        "SELECT count(), uniqExact(RequestId) FROM logs WHERE RequestId LIKE 'request-%' "
        "AND toUInt32OrZero(substring(RequestId, 9)) < 1000000"
    )
    wait_until(lambda: stored(server, sql) >= expected, "storing everything")
    assert ask(server, sql)[0] == (expected, expected)
    server.stop()
    assert server.verify().returncode == 0


def found(server: ServerProcess) -> float:
    """Return how many records a query finds; -1 when there is no engine to ask just now."""
    response = server.get("/loki/api/v1/query", {"query": ALL})
    return float(response.json()["data"]["result"][0]["value"][1]) if response.ok else -1.0


def stored(server: ServerProcess, sql: str) -> int:
    """Return how many records the store has; -1 while its engine is being replaced."""
    try:
        return int(ask(server, sql)[0][0])
    except (FileNotFoundError, ClickHouseError):
        return -1
