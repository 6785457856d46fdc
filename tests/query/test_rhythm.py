"""When a source is silent, by its own rhythm. Times are seconds here."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest

from meshseal.query.rhythm import Gap, Pause, Rules, gaps_of, without_life

SECOND = 10**9
RULES = Rules(silent=60 * SECOND, factor=2.0, learn=600 * SECOND)


def gaps(spoken: Sequence[tuple[float, float]], now: float) -> list[tuple[float, float | None]]:
    """Return the gaps of a source that spoke from one second to another, minute by minute."""
    pauses = [
        Pause(number, int(before[1] * SECOND), int(one[0] * SECOND), int(length * SECOND))
        for number, (before, one) in enumerate(pairwise(spoken), 2)
        if (length := one[0] - before[1]) > RULES.notable / SECOND
    ]
    found = gaps_of(
        pauses,
        minutes=len(spoken),
        first=int(spoken[0][0] * SECOND),
        last=int(spoken[-1][1] * SECOND),
        now=int(now * SECOND),
        rules=RULES,
    )
    return [(gap.begin / SECOND, gap.end and gap.end / SECOND) for gap in found]


def steady(begin: int, minutes: int, pause: float = 1.0) -> list[tuple[float, float]]:
    """A source that speaks at all times."""
    return [(begin + 60 * n, begin + 60 * (n + 1) - pause) for n in range(minutes)]


def every(begin: int, seconds: int, times: int) -> list[tuple[float, float]]:
    """A source that speaks once in a while."""
    return [(begin + seconds * n, begin + seconds * n) for n in range(times)]


@pytest.mark.parametrize(
    ("spoken", "now", "expected"),
    [
        pytest.param(steady(0, 15), 899 + 90, [(899, None)], id="steady, cut off 90 s ago"),
        pytest.param(steady(0, 15), 899 + 61, [(899, None)], id="steady, cut off 61 s ago"),
        pytest.param(steady(0, 15), 899 + 59, [], id="steady, a moment ago"),
        pytest.param(steady(0, 8), 479 + 90, [], id="known for too short a time"),
        pytest.param(
            [*steady(0, 15), *steady(1200, 15)], 2099, [(899, 1200)], id="a gap that is over"
        ),
        pytest.param(
            [*steady(0, 15), *steady(1200, 15)],
            2099 + 90,
            [(899, 1200), (2099, None)],
            id="a gap before does not blunt it",
        ),
        pytest.param(every(0, 3600, 12), 12 * 3600, [], id="hourly, due now"),
        pytest.param(every(0, 3600, 12), 12 * 3600 + 3000, [], id="hourly, a little late"),
        pytest.param(
            every(0, 3600, 12), 14 * 3600, [(11 * 3600, None)], id="hourly, three hours ago"
        ),
        pytest.param(every(0, 7200, 4), 30_000, [], id="rare, with no rhythm yet"),
        pytest.param(every(0, 100, 30), 2900 + 190, [], id="every 100 s, not yet"),
        pytest.param(every(0, 100, 30), 2900 + 210, [(2900, None)], id="every 100 s, silent"),
        pytest.param(
            [minute for hour in range(6) for minute in steady(hour * 3600, 5)],
            5 * 3600 + 3500,
            [(3899, 7200), (7499, 10800)],
            id="bursts are learned: three pauses",
        ),
    ],
)
def test_gaps(
    spoken: list[tuple[float, float]], now: float, expected: list[tuple[float, float | None]]
) -> None:
    assert gaps(spoken, now) == expected


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        pytest.param([], [(100, None)], id="none"),
        pytest.param([(n, n) for n in range(110, 400, 30)], [], id="alive to the end"),
        pytest.param([(n, n) for n in range(110, 200, 30)], [(170, None)], id="alive at first"),
        pytest.param([(250, 395)], [(100, 250)], id="alive again"),
        pytest.param([(50, 90), (500, 600)], [(100, None)], id="before and behind"),
    ],
)
def test_signs_of_life_fill_a_gap(
    signs: list[tuple[int, int]], expected: list[tuple[int, int | None]]
) -> None:
    gap = Gap(100 * SECOND, None, 60 * SECOND)
    scaled = [(first * SECOND, last * SECOND) for first, last in signs]
    left = without_life(gap, scaled, 400 * SECOND)
    assert [(one.begin // SECOND, one.end and one.end // SECOND) for one in left] == expected
