from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.happenings import (
    BROKEN_SERVICE,
    BROKEN_VERSION,
    HOUR,
    MINUTE,
    SECOND,
    Deploy,
    Scan,
    Schedule,
    history,
    live,
    rhythm,
)
from demo.shop import SERVICES

MIDNIGHT = 1_790_000_000 // 86_400 * 86_400 * SECOND
NOW = MIDNIGHT + 15 * HOUR
QUIET_VERSION = SERVICES[BROKEN_SERVICE].version


@given(st.integers(0, 2_000_000_000))
def test_the_shop_is_never_shut_and_never_more_than_full(seconds: int) -> None:
    assert 0 < rhythm(seconds * SECOND) <= 1


@pytest.mark.parametrize(
    ("quieter", "busier"),
    [
        pytest.param(4, 9, id="early morning before morning"),
        pytest.param(9, 15, id="morning before afternoon"),
        pytest.param(15, 20, id="afternoon before evening"),
        pytest.param(0, 20, id="midnight before evening"),
    ],
)
def test_the_day_has_its_rhythm(quieter: int, busier: int) -> None:
    assert rhythm(MIDNIGHT + quieter * HOUR) < rhythm(MIDNIGHT + busier * HOUR)


def test_every_day_is_like_the_other() -> None:
    assert rhythm(MIDNIGHT + 5 * HOUR) == pytest.approx(rhythm(MIDNIGHT + 29 * HOUR))


@pytest.mark.parametrize(
    ("at", "version", "broken"),
    [
        pytest.param(99, QUIET_VERSION, False, id="before the deploy"),
        pytest.param(100, BROKEN_VERSION, True, id="from its beginning"),
        pytest.param(199, BROKEN_VERSION, True, id="until its end"),
        pytest.param(200, QUIET_VERSION, False, id="rolled back"),
    ],
)
def test_a_deploy_changes_the_version_and_breaks(at: int, version: str, broken: bool) -> None:
    schedule = Schedule(deploys=[Deploy(100, 200)])
    assert schedule.version(BROKEN_SERVICE, at) == version
    assert schedule.is_broken(BROKEN_SERVICE, at) is broken
    assert schedule.version("cart", at) == SERVICES["cart"].version
    assert not schedule.is_broken("cart", at)


@pytest.mark.parametrize(
    ("start", "end", "requests"),
    [
        pytest.param(0, 10, None, id="before"),
        pytest.param(5, 15, 10.0, id="into it"),
        pytest.param(12, 14, 4.0, id="within"),
        pytest.param(0, 60, 20.0, id="all of it"),
        pytest.param(20, 30, None, id="after"),
    ],
)
def test_a_scan_has_its_share_of_a_span(start: int, end: int, requests: float | None) -> None:
    schedule = Schedule(scans=[Scan(10 * SECOND, 20 * SECOND, per_second=2.0)])
    found = schedule.scan_requests(start * SECOND, end * SECOND)
    assert [number for _, number in found] == ([] if requests is None else [requests])


def test_history_has_a_deploy_and_a_scan_in_the_last_day() -> None:
    schedule = history(NOW, scan_requests=400)
    assert schedule.is_broken(BROKEN_SERVICE, NOW - 2 * HOUR)
    assert not schedule.is_broken(BROKEN_SERVICE, NOW - HOUR)
    [(_, requests)] = schedule.scan_requests(NOW - 24 * HOUR, NOW)
    assert requests == pytest.approx(400)


def test_live_the_first_deploy_comes_after_a_minute_and_all_comes_again() -> None:
    schedule = live(NOW)
    assert not schedule.is_broken(BROKEN_SERVICE, NOW + 59 * SECOND)
    assert schedule.is_broken(BROKEN_SERVICE, NOW + MINUTE)
    assert len(schedule.scan_requests(NOW, NOW + 12 * HOUR)) > 1
    assert len(schedule.scan_requests(NOW, NOW + 5 * MINUTE)) == 1
