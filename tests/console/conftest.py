"""One server in trial mode, with a little traffic in it, for all of the console's tests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import ServerProcess, istio_line

SHOP_LINES = 300
HOSTILE = "<script>alert(1)</script> \"quoted\" 'single' & {{ 7*7 }} \u202e"


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """300 requests to `cart`, every tenth failed; a hostile line; one line of another tenant."""
    with ServerProcess(tmp_path_factory.mktemp("console") / "data") as server:
        now = time.time_ns()
        lines = [
            istio_line(
                number,
                at_unix_nano=now - (number + 5) * 10**9,
                status=503 if number % 10 == 0 else 200,
            )
            for number in range(SHOP_LINES)
        ]
        labels = "service.name=cart,k8s.namespace.name=shop"
        server.ship("\n".join(lines).encode(), format="istio_json", labels=labels)
        server.ship(HOSTILE.encode(), labels="service.name=hostile")
        server.ship(b"the other tenant's secret", tenant="other", labels="service.name=theirs")
        count = 'sum(count_over_time({service_name=~".+"}[1h]))'
        server.wait_for_count(SHOP_LINES + 1, count)
        server.wait_for_count(1, count, tenant="other")
        yield server


@pytest.fixture(scope="session")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a browser's downloads go."""
    return tmp_path_factory.mktemp("downloads")
