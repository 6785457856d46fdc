from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.happenings import HOUR, MINUTE, SECOND, Deploy, Scan, Schedule
from demo.shop import JOURNEYS, SERVICES, Door, Platform, every_call
from demo.traffic import DAY, Traffic
from demo.visits import Hop, scan_request, visit

NOW = 1_790_000_000 * SECOND
QUIET = Schedule()
BROKEN = Schedule(deploys=[Deploy(NOW - HOUR, NOW + HOUR)])


def _visits(schedule: Schedule, number: int) -> list[list[Hop]]:
    rng = random.Random(7)
    return [visit(rng, schedule, NOW) for _ in range(number)]


def test_the_shop_has_ten_services_on_three_platforms_and_uses_every_door() -> None:
    assert len(SERVICES) == 10
    assert {service.platform for service in SERVICES.values()} == set(Platform)
    assert {service.door for service in SERVICES.values()} == set(Door)
    assert [name for name, service in SERVICES.items() if not service.encrypted] == [
        "recommendations"
    ]


def test_every_service_is_asked_by_some_journey_and_every_journey_begins_outside() -> None:
    asked = {call.service for _, journey in JOURNEYS for call in every_call(journey)}
    assert asked == set(SERVICES)
    assert {journey.service for _, journey in JOURNEYS} == {"frontend"}


@given(st.integers(0, 2**32), st.booleans())
def test_hops_make_one_tree_in_time(seed: int, broken: bool) -> None:
    hops = visit(random.Random(seed), BROKEN if broken else QUIET, NOW)
    spans = {hop.span_id: hop for hop in hops}
    assert len(spans) == len(hops)
    assert len({hop.trace_id for hop in hops}) == 1
    first, *others = hops
    assert (first.caller, first.parent_span_id) == ("", 0)
    for hop in others:
        parent = spans[hop.parent_span_id]
        assert hop.caller == parent.service.name
        assert hop.at >= parent.at
        assert hop.duration_ms <= parent.duration_ms + 1
    assert max(hop.at + hop.duration_ms * 10**6 for hop in hops) <= NOW + 2 * 10**6


@given(st.integers(0, 2**32))
def test_a_service_fails_when_what_it_asks_fails_to_the_last(seed: int) -> None:
    hops = visit(random.Random(seed), BROKEN, NOW)
    for hop in hops:
        below = [other for other in hops if other.parent_span_id == hop.span_id]
        if below and below[-1].status >= 500:
            assert hop.status == 502
        elif hop.status == 502:
            pytest.fail("502 without a cause")


def test_a_broken_deploy_shows_as_errors_slowness_and_a_version() -> None:
    quiet = [h for hops in _visits(QUIET, 1500) for h in hops if h.service.name == "payment"]
    broken = [h for hops in _visits(BROKEN, 1500) for h in hops if h.service.name == "payment"]
    assert {hop.version for hop in quiet} == {"v2.4.1"}
    assert {hop.version for hop in broken} == {"v2.5.0"}
    assert _share_failed(quiet) < 0.02
    assert _share_failed(broken) > 0.4
    assert _mean_ms(broken) > 3 * _mean_ms(quiet)


def test_only_calls_with_the_plaintext_service_are_plaintext() -> None:
    for hops in _visits(QUIET, 300):
        for hop in hops:
            plain = "recommendations" in (hop.service.name, hop.caller)
            assert hop.encrypted is not plain


def test_a_scan_is_refused_at_the_door() -> None:
    scan = Scan(NOW, NOW + MINUTE)
    rng = random.Random(1)
    hops = [scan_request(rng, QUIET, scan, NOW) for _ in range(50)]
    assert {hop.visitor.address for hop in hops} == {scan.address}
    assert {hop.status for hop in hops} <= {403, 404}
    assert len({hop.path for hop in hops}) > 5


def test_the_same_seed_plays_the_same_visits() -> None:
    assert _visits(QUIET, 20) == _visits(QUIET, 20)


@pytest.mark.parametrize("wanted", [500, 5_000])
def test_a_day_of_history_has_as_many_records_as_were_asked_for(wanted: int) -> None:
    traffic = Traffic(random.Random(3), QUIET)
    minutes = list(traffic.history(NOW - DAY, NOW, wanted))
    assert sum(map(len, minutes)) == pytest.approx(wanted, abs=60)
    assert all(NOW - DAY - MINUTE <= record.at <= NOW for minute in minutes for record in minute)


def test_part_of_a_day_has_its_share() -> None:
    whole = sum(map(len, Traffic(random.Random(3), QUIET).history(NOW - DAY, NOW, 4_000)))
    parts = [(NOW - DAY, NOW - 7 * HOUR), (NOW - 7 * HOUR, NOW)]
    found = [
        sum(map(len, Traffic(random.Random(3), QUIET).history(start, end, 4_000)))
        for start, end in parts
    ]
    assert all(count > 500 for count in found)
    assert sum(found) == pytest.approx(whole, rel=0.15)


def test_scans_come_on_top() -> None:
    schedule = Schedule(scans=[Scan(NOW - MINUTE, NOW, per_second=5.0)])
    records = Traffic(random.Random(3), schedule).between(NOW - 2 * MINUTE, NOW, 0)
    assert len(records) == 300


def _share_failed(hops: list[Hop]) -> float:
    return sum(hop.status >= 500 for hop in hops) / len(hops)


def _mean_ms(hops: list[Hop]) -> float:
    return sum(hop.duration_ms for hop in hops) / len(hops)
