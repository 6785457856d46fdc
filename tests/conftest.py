"""Fixtures that every folder may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.server import RUNNING, ServerProcess, kill_all

# A busy machine is no failure.
settings.register_profile("meshseal", deadline=None, print_blob=True)
settings.load_profile("meshseal")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A fresh server in trial mode, with its own listeners."""
    with ServerProcess(tmp_path / "data") as process:
        yield process


def pytest_sessionfinish() -> None:
    """Leave no server behind."""
    kill_all(RUNNING)
