"""What merges write while the disk is full: a short part is noticed, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.faults, pytest.mark.engine]


def test_a_merge_on_a_full_disk_is_noticed_and_its_sources_come_back(small_disk: Path) -> None:
    filled = run(small_disk, "fill")
    assert filled.returncode == 75, filled.stdout[-2000:] + filled.stderr[-2000:]
    taken = int(filled.stdout.split()[2])
    counted = run(small_disk, "count")
    assert counted.stdout.split()[0] == str(taken), counted.stdout + counted.stderr[-2000:]


def run(folder: Path, what: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.faults.engine_on_full_disk", str(folder), what],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
