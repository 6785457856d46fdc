"""SIGKILL at random moments: what was acknowledged is there exactly once, and the log verifies."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from tests.faults.load import Load, wait_until
from tests.server import ServerProcess
from tests.store_access import ask

pytestmark = [pytest.mark.faults, pytest.mark.e2e, pytest.mark.timeout(900)]

ROUNDS = 50


def test_fifty_kills_lose_nothing_and_duplicate_nothing(tmp_path: Path) -> None:
    dice = random.Random(20261121)
    server = ServerProcess(tmp_path / "data")
    server.start()
    load = Load(server)
    load.start()
    moment = dice.uniform
    for _ in range(ROUNDS):
        pause(moment(0.05, 1.5))
        victim = dice.choice(("main", "engine", "both"))
        if victim in ("engine", "both"):
            server.kill_engine()
        if victim in ("main", "both"):
            server.kill()
            server.start(wait=False)
            wait_until(lambda: "main" in server.urls, "listening again")
    server.wait_ready()
    load.finish()
    assert not load.unexpected
    numbers = load.acknowledged
    assert len(numbers) > 10_000
    wait_until(lambda: stored(server)[0] >= len(numbers), "storing what was acknowledged")
    count, distinct = stored(server)
    assert (count, distinct) == (len(numbers), len(numbers))
    assert present(server, numbers) == len(set(numbers))
    assert server.stop() == 0
    verdict = server.verify()
    assert verdict.returncode == 0, verdict.stdout


def stored(server: ServerProcess) -> tuple[int, int]:
    """How many records of the load are stored, and how many different ones."""
    sql = "SELECT count(), uniqExact(RequestId) FROM logs WHERE RequestId LIKE 'request-%'"
    try:
        count, distinct = ask(server, sql)[0]
    except (OSError, ClickHouseError):  # the engine is on its way
        return 0, 0
    return int(count), int(distinct)


def present(server: ServerProcess, numbers: list[int]) -> int:
    """How many of exactly these records are stored."""
    highest = max(numbers)
    rows = ask(
        server,
        "SELECT groupBitmap(toUInt32(substring(RequestId, 9))) FROM logs "
        f"WHERE RequestId LIKE 'request-%' AND toUInt32(substring(RequestId, 9)) <= {highest}",
    )
    return int(rows[0][0])


def pause(seconds: float) -> None:
    """Let the senders go on for a while: the moments of the kills are what is random here."""
    time.sleep(seconds)
