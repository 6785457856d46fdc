"""The newest records of a long range, wherever in it they are."""

from __future__ import annotations

import time

import pytest

from tests.server import ServerProcess, istio_line

pytestmark = pytest.mark.e2e

_SECOND = 10**9
_HOUR = 3600 * _SECOND


@pytest.mark.parametrize("limit", [1, 39, 40, 41, 60, 200])
def test_the_newest_are_the_newest(server: ServerProcess, limit: int) -> None:
    now = time.time_ns() // _HOUR * _HOUR
    # Forty in the last hundredth of the range, some at its very edges, and sixty long before.
    edge = now - 72 * _SECOND
    times = [edge - 1_000_000, edge, *(now - n * 500_000_000 for n in range(1, 40))]
    times += [now - 600 * _SECOND - n * _SECOND for n in range(59)]
    lines = [istio_line(number, at_unix_nano=at) for number, at in enumerate(times)]
    assert server.ship("\n".join(lines).encode()) == 100
    server.wait_for_count(100, 'sum(count_over_time({service_name="cart"}[3h]))')
    parameters = {"start": str(now - 2 * _HOUR), "end": str(now), "limit": limit}
    response = server.get(
        "/loki/api/v1/query_range", {"query": '{service_name="cart"}', **parameters}
    )
    found = [int(at) for stream in response.json()["data"]["result"] for at, _ in stream["values"]]
    wanted = sorted((at // 10**6 * 10**6 for at in times), reverse=True)
    assert sorted(found, reverse=True) == wanted[:limit]
