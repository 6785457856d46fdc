"""Fault tests start and kill servers as they like; none outlives its test."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import RUNNING, kill_all


@pytest.fixture(autouse=True)
def no_server_left_behind() -> Iterator[None]:
    """Kill the servers that a failed test did not stop."""
    before = set(RUNNING)
    yield
    kill_all(RUNNING - before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400m", "meshseal-test", str(folder)], check=True
    )
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
