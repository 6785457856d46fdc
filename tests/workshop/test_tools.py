"""The developers' tools: reference pages, file length, make."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workshop.pages import ROOT


def _run(tool: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(tool), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _copy(name: str, folder: Path) -> Path:
    (folder / "tools").mkdir()
    return Path(shutil.copy(ROOT / "tools" / name, folder / "tools"))


def test_the_reference_pages_are_fresh() -> None:
    checked = _run(ROOT / "tools" / "reference.py", "--check")
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_a_stale_reference_page_is_named_and_then_made_anew(tmp_path: Path) -> None:
    tool = _copy("reference.py", tmp_path)
    assert _run(tool).returncode == 0
    page = tmp_path / "docs" / "reference" / "metrics.md"
    whole = page.read_text()
    page.write_text(whole.replace("counter", "gauge"))
    stale = _run(tool, "--check")
    assert (stale.returncode, "docs/reference/metrics.md is stale" in stale.stdout) == (1, True)
    assert _run(tool).stdout == "docs/reference/metrics.md\n"
    assert page.read_text() == whole
    assert _run(tool, "--check").returncode == 0


@pytest.mark.parametrize(
    ("lines", "status", "says"),
    [
        pytest.param(400, 0, "", id="as long as it may be"),
        pytest.param(401, 1, "src/meshseal/long.py: 401 lines, more than 400\n", id="too long"),
    ],
)
def test_a_file_that_is_too_long_is_named(
    tmp_path: Path, lines: int, status: int, says: str
) -> None:
    tool = _copy("file_length.py", tmp_path)
    (tmp_path / "src" / "meshseal").mkdir(parents=True)
    (tmp_path / "src" / "meshseal" / "long.py").write_text("x = 1\n" * lines)
    checked = _run(tool)
    assert (checked.returncode, checked.stdout) == (status, says)


def test_make_help_lists_every_target() -> None:
    helped = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    shown = re.sub(r"\x1b\[[0-9;]*m", "", helped.stdout)
    listed = set(re.findall(r"^\s+make ([a-z-]+)", shown, re.MULTILINE))
    assert listed == set(phony[1].split())


def test_the_script_of_ci_can_be_run_and_read() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["sh", "-n", str(script)], check=True, timeout=60)
    made = re.findall(r"^step \w+ make ([a-z-]+)$", script.read_text(), re.MULTILINE)
    assert made == ["setup", "check", "test"]
