"""A segment that is milled again, as after a crash between storing it and removing it."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests.server import ServerProcess, istio_line
from tests.store_access import ask

pytestmark = pytest.mark.e2e

DAY_NANOS = 86_400 * 10**9
COUNT = 'sum(count_over_time({service_name="cart"}[200h]))'


def test_a_segment_milled_three_times_is_stored_and_sealed_once(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", "--set", "spool.segment_age_seconds=60")
    server.start()
    now = time.time_ns()
    days = [now, now - DAY_NANOS, now - 2 * DAY_NANOS]
    lines = [istio_line(n, at_unix_nano=days[n % 3]) for n in range(300)]
    assert server.ship("\n".join(lines).encode()) == 300
    server.kill()
    (segment,) = (tmp_path / "data" / "spool").glob("*.segment")
    copy = shutil.copy(segment, tmp_path / "copy")
    for round_ in range(3):
        if round_:
            shutil.copy(copy, segment)
        server.start()
        server.wait_for_count(300, COUNT)
        assert server.stop() == 0
        assert not segment.exists(), "it was not milled"
        # What a power cut may take: the engine's own memory of what was inserted.
        for log in (tmp_path / "data" / "engine").rglob("deduplication_log_*"):
            log.unlink()
    server.start()
    sql = "SELECT count(), uniqExact(RequestId) FROM logs WHERE RequestId LIKE 'request-%'"
    assert ask(server, sql) == [(300, 300)]
    sql = "SELECT sum(Records) FROM streams WHERE ServiceName = 'cart'"
    assert ask(server, sql) == [(300,)]
    sql = "SELECT sum(Records), sum(Arrivals) FROM arrivals WHERE ServiceName = 'cart'"
    assert ask(server, sql) == [(300, 1)]
    server.stop()
    verdict = server.verify()
    assert verdict.returncode == 0, verdict.stdout
