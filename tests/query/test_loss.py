"""The loss ledger's arithmetic: counters into hours, and hours into balances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.query.completeness import holes
from meshseal.query.loss import HOUR, Account, Balance, Point, Stored, rise_of, total_of

SECOND = 10**9
MINUTE = 60 * SECOND


def at(hour: float, seconds: float = 0) -> int:
    return int(hour * HOUR + seconds * SECOND)


@pytest.mark.parametrize(
    ("points", "amounts", "linear"),
    [
        pytest.param([Point(at(10.2), 5)], {}, set(), id="one sample of an unknown start"),
        pytest.param([Point(at(10.2), 5, at(10.1))], {10: 5}, set(), id="one sample, start known"),
        pytest.param([Point(at(10.2), 5), Point(at(10.4), 9)], {10: 4}, set(), id="in one hour"),
        pytest.param(
            [Point(at(10.5), 0), Point(at(11.5), 7)], {10: 3, 11: 4}, {10, 11}, id="across an hour"
        ),
        pytest.param(
            [Point(at(10.5), 0), Point(at(11, 0.4), 6), Point(at(11.5), 7)],
            {10: 6, 11: 1},
            set(),
            id="a sample at the hour's end",
        ),
        pytest.param(
            [Point(at(9.5), 0), Point(at(12.5), 300)],
            {9: 50, 10: 100, 11: 100, 12: 50},
            {9, 10, 11, 12},
            id="over several hours",
        ),
        pytest.param(
            [Point(at(500_000), 500_000, at(0.0) + 1), Point(at(500_000.5), 500_007)],
            {**dict.fromkeys(range(499_039, 500_000), 1), 500_000: 7},
            set(range(499_039, 500_000)),
            id="a start in a time long gone",
        ),
        pytest.param(
            [Point(at(10.1), 100), Point(at(10.2), 120), Point(at(10.3), 7)],
            {10: 27},
            set(),
            id="a restart shows by its lower value",
        ),
        pytest.param(
            [Point(at(10.1), 100, at(10)), Point(at(10.3), 150, at(10.2))],
            {10: 250},
            set(),
            id="a restart shows by its start, though the value is higher",
        ),
        pytest.param(
            [Point(at(10.1), 100, at(10)), Point(at(10.3), 150, at(10, 2))],
            {10: 150},
            set(),
            id="an uptime that is told late is no restart",
        ),
        pytest.param(
            [Point(at(9.5), 100), Point(at(11.5), 8, at(11.25))],
            {11: 8},
            set(),
            id="a restart in a later hour",
        ),
    ],
)
def test_what_a_counter_rose_by(
    points: list[Point], amounts: dict[int, int], linear: set[int]
) -> None:
    rise = rise_of(points)
    found = {hour // HOUR: amount for hour, amount in rise.amounts.items() if amount}
    assert found == amounts
    assert {hour // HOUR for hour in rise.linear} == linear


@given(st.lists(st.tuples(st.integers(1, 20_000), st.integers(0, 10**6)), min_size=2, max_size=30))
def test_no_record_is_lost_or_made_between_hours(steps: list[tuple[int, int]]) -> None:
    points, time, value = [], at(10), 0
    for seconds, rise in steps:
        time, value = time + seconds * SECOND, value + rise
        points.append(Point(time, value))
    assert sum(rise_of(points).amounts.values()) == points[-1].value - points[0].value


# ---- Balances ----------------------------------------------------------------------------------


def account(
    passed: Sequence[Sequence[Point]],
    dropped: Sequence[Sequence[Point]] = (),
    stored: Mapping[int, Stored] | None = None,
    seconds: Mapping[int, int] | None = None,
    settle: float = 10,
) -> Account:
    return Account(
        passed=[rise_of(points) for points in passed],
        dropped=[rise_of(points) for points in dropped],
        stored={hour * HOUR: one for hour, one in (stored or {}).items()},
        seconds=seconds or {},
        settle=int(settle * SECOND),
    )


def balances(one: Account, first: int = 10, last: int = 12) -> list[Balance]:
    return one.balances(range(first * HOUR, (last + 1) * HOUR, HOUR))


COUNTED = [Point(at(10), 0, at(10)), Point(at(11), 600), Point(at(12), 1000)]


def test_all_arrived() -> None:
    one = account([COUNTED], stored={10: Stored(600), 11: Stored(400)})
    found = balances(one)
    assert [b.state for b in found] == ["balanced", "balanced", "no counters"]
    whole = total_of(found)
    assert (whole.state, whole.emitted, whole.stored.records) == ("balanced", 1000, 1000)


def test_known_drops_are_counted_exactly() -> None:
    drops = [Point(at(10), 0, at(10)), Point(at(10.5), 1000), Point(at(12), 1000)]
    one = account([COUNTED], [drops], stored={10: Stored(600), 11: Stored(400)})
    whole = total_of(balances(one))
    assert whole.state == "drops known"
    assert (whole.dropped, whole.emitted, whole.stored.records) == (1000, 2000, 1000)
    assert whole.unexplained == 0


def test_what_is_missing_is_unexplained() -> None:
    one = account([COUNTED], stored={10: Stored(593), 11: Stored(400)})
    found = balances(one)
    assert [(b.state, b.unexplained) for b in found[:2]] == [("unexplained", 7), ("balanced", 0)]


def test_too_many_are_unexplained_too() -> None:
    one = account([COUNTED], stored={10: Stored(600), 11: Stored(403)})
    assert total_of(balances(one)).unexplained == -3


def test_what_arrives_in_the_next_hour_was_late() -> None:
    one = account([COUNTED], stored={10: Stored(590), 11: Stored(410)})
    assert [b.unexplained for b in balances(one)[:2]] == [0, 0]


def test_late_records_do_not_hide_a_loss() -> None:
    one = account([COUNTED], stored={10: Stored(590), 11: Stored(405)})
    assert total_of(balances(one)).unexplained == 5


def test_what_a_door_refused_or_had_before_is_explained() -> None:
    stored = {10: Stored(590, refused=4, deduplicated=6), 11: Stored(400)}
    whole = total_of(balances(account([COUNTED], stored=stored)))
    assert (whole.state, whole.received) == ("balanced", 1000)


def test_drops_alone_say_what_was_emitted() -> None:
    drops = [Point(at(10), 0, at(10)), Point(at(10.5), 25)]
    whole = total_of(balances(account([], [drops], stored={10: Stored(75)})))
    assert (whole.state, whole.emitted, whole.share) == ("drops known", 100, "derived")


def test_losses_told_in_the_stream_itself_are_known() -> None:
    whole = total_of(balances(account([], stored={10: Stored(75, lost=25)})))
    assert (whole.state, whole.emitted, whole.dropped) == ("drops known", 100, 25)


def test_without_counters_nothing_is_claimed() -> None:
    whole = total_of(balances(account([], stored={10: Stored(75)})))
    assert (whole.state, whole.emitted, whole.unexplained) == ("no counters", None, 0)


@pytest.mark.parametrize(
    ("seconds", "unexplained", "uncounted"),
    [
        pytest.param({at(10.4): 50, at(10.6): 100}, 0, 50, id="before the first sample"),
        pytest.param({at(10.5, 3): 150}, 0, 50, id="on its way at the first sample"),
        pytest.param({at(10.6): 100, at(10.9): 50}, 0, 50, id="behind the last sample"),
        pytest.param({at(10.6): 90, at(10.75, 4): 60}, 0, 50, id="on its way at the last sample"),
        pytest.param({at(10.6): 90, at(10.9): 60}, 10, 60, id="too late to be of the last sample"),
        pytest.param({at(10.6): 150}, -50, 0, id="too many while it was counted"),
    ],
)
def test_what_no_sample_covers(seconds: dict[int, int], unexplained: int, uncounted: int) -> None:
    """From 10:30 to 10:45, 100 records are counted; 150 arrive in the hour."""
    points = [Point(at(10.5), 7000), Point(at(10.75), 7100)]
    (one,) = balances(account([points], stored={10: Stored(150)}, seconds=seconds), 10, 10)
    assert (one.unexplained, one.uncounted) == (unexplained, uncounted)


def test_what_was_emitted_just_before_a_restart_is_not_held_against_it() -> None:
    points = [Point(at(10), 0, at(10)), Point(at(10.4), 100), Point(at(10.6), 40, at(10.5))]
    seconds = {at(10.2): 100, at(10.45): 12, at(10.55): 40}
    (one,) = balances(account([points], stored={10: Stored(152)}, seconds=seconds), 10, 10)
    assert (one.passed, one.unexplained, one.uncounted) == (140, 0, 12)


def test_several_emitters_of_one_source_are_added_up() -> None:
    second = [Point(at(10.1), 0, at(10.1)), Point(at(12), 50)]
    one = account([COUNTED, second], stored={10: Stored(600), 11: Stored(450)})
    whole = total_of(balances(one))
    assert (whole.passed, whole.unexplained, whole.share) == (1050, 0, "linear")


@pytest.mark.parametrize(
    ("next_sequence", "beyond", "overtaken", "expected"),
    [
        pytest.param(5, [], 0, [], id="none"),
        pytest.param(2, [3, 4, 8], 0, [(2, 2), (5, 7)], id="two runs"),
        pytest.param(2, [8, 4, 3], 0, [(2, 2), (5, 7)], id="in any order"),
        pytest.param(2, [3, 4, 8], 2, [(2, 2)], id="one may be on its way"),
        pytest.param(2, [3, 4, 8], 3, [], id="both may be on their way"),
        pytest.param(2, [*range(3, 103)], 64, [(2, 2)], id="overtaken by too many"),
    ],
)
def test_chunks_that_are_missing(
    next_sequence: int, beyond: list[int], overtaken: int, expected: list[tuple[int, int]]
) -> None:
    assert holes(next_sequence, beyond, overtaken=overtaken) == expected
