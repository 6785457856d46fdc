"""Fault tests start and kill servers as they like; none outlives its test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server import RUNNING, kill_all


@pytest.fixture(autouse=True)
def no_server_left_behind() -> Iterator[None]:
    """Kill the servers that a failed test did not stop."""
    before = set(RUNNING)
    yield
    kill_all(RUNNING - before)
