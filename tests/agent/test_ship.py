"""Shipping files: cut off, resumed, grown, rotated; every line stored once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.faults.load import wait_until
from tests.server import ServerProcess, free_port, istio_line, meshseal
from tests.store_access import ask

pytestmark = [pytest.mark.e2e]

LINES = 60_000


def write(path: Path, numbers: range) -> None:
    now = time.time_ns()
    with path.open("a") as file:
        file.writelines(f"{istio_line(n, at_unix_nano=now)}\n" for n in numbers)


def ship(server: ServerProcess, state: Path, *arguments: str) -> str:
    made = meshseal("ship", "--server", server.url, "--state", str(state), *arguments, check=True)
    return made.stdout


def stored(server: ServerProcess) -> tuple[int, int]:
    sql = "SELECT count(), uniqExact(RequestId) FROM logs WHERE RequestId LIKE 'request-%'"
    count, distinct = ask(server, sql)[0]
    return int(count), int(distinct)


def wait_stored(server: ServerProcess, count: int) -> None:
    wait_until(lambda: stored(server)[0] >= count, f"storing {count} lines")
    assert stored(server) == (count, count)


def test_a_server_killed_in_the_middle_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    write(file, range(LINES))
    server = ServerProcess(tmp_path / "data", "--set", f"main.port={free_port()}")
    server.start()
    shipping = subprocess.Popen(
        [sys.executable, "-m", "meshseal.app.main", "ship", "--server", server.url, "--state",
         str(tmp_path / "state"), str(file)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until(lambda: any((tmp_path / "state").glob("*.json")), "acknowledging the first part")
    server.kill()
    server.start()
    output, _ = shipping.communicate(timeout=120)
    assert shipping.returncode == 0
    assert f"{LINES} records stored durably" in output
    wait_stored(server, LINES)
    assert server.stop() == 0


def test_a_file_that_grows_is_shipped_once(server: ServerProcess, tmp_path: Path) -> None:
    file, state = tmp_path / "access.log", tmp_path / "state"
    write(file, range(100))
    assert "100 records stored durably" in ship(server, state, str(file))
    assert "0 records stored durably" in ship(server, state, str(file))
    size = file.stat().st_size
    write(file, range(100, 150))
    output = ship(server, state, str(file))
    assert "50 records stored durably" in output
    assert f"from byte {size} on" in output
    wait_stored(server, 150)


def test_a_rotated_file_is_another_file(server: ServerProcess, tmp_path: Path) -> None:
    file, state = tmp_path / "access.log", tmp_path / "state"
    write(file, range(100))
    ship(server, state, str(file))
    file.rename(tmp_path / "access.log.1")
    write(file, range(100, 130))
    assert "30 records stored durably" in ship(server, state, str(file))
    wait_stored(server, 130)


def test_progress_that_was_lost_is_not_shipped_twice(server: ServerProcess, tmp_path: Path) -> None:
    """The state file is a chunk behind, as after a crash between the answer and its writing."""
    file, state = tmp_path / "access.log", tmp_path / "state"
    write(file, range(100))
    ship(server, state, str(file))
    [kept] = state.glob("*.json")
    before = kept.read_text()
    write(file, range(100, 160))
    ship(server, state, str(file))
    kept.write_text(before)
    ship(server, state, str(file))
    wait_stored(server, 160)


def test_what_cannot_be_shipped(server: ServerProcess, tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    file.write_text("one line\n")
    refused = meshseal(
        "ship", "--server", server.url, "--state", str(tmp_path / "state"), "--format", "nonsense",
        str(file),
    )  # fmt: skip
    assert refused.returncode == 1
    assert "nonsense" in refused.stderr
    assert "Traceback" not in refused.stderr
    empty = tmp_path / "empty.log"
    os.mknod(empty)
    assert "0 records" in ship(server, tmp_path / "state", str(empty))
