"""When a source is silent: its rhythm, from its own past, and the gaps in it. Pure.

Of each minute in which a source spoke one pause is known: the longest of the pause before the
minute and of the mean pause within it. Longer pauses than a minute always lie between two minutes,
so that none of them is missed.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_SECOND = 10**9
PAST_PAUSES = 300
"""So many minutes of a source's past are its rhythm."""
FEWEST_PAUSES = 5
_LEFT_OUT = 3


@dataclass(frozen=True, slots=True)
class Rules:
    """When a source counts as silent; times in nanoseconds.

    Attributes:
        silent: No source is silent before this.
        factor: How much longer than its usual pauses it must be silent.
        learn: How long it must have been known.
    """

    silent: int
    factor: float
    learn: int

    @property
    def notable(self) -> int:
        """Pauses up to this one make no difference."""
        return int(self.silent / self.factor)


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause that is longer than `Rules.notable`.

    Attributes:
        number: The place of its minute among those in which the source spoke, from 1.
        begin: The last record before it, and `end` the first behind it; 0 where it lies within a
            minute and so is no gap.
        length: How long it was.
    """

    number: int
    begin: int
    end: int
    length: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A silence; `end` is None while it lasts."""

    begin: int
    end: int | None
    threshold: int


def silent_after(pauses: Sequence[Pause], number: int, rules: Rules) -> int:
    """Return after how long a source is silent, in the light of what was before a minute.

    That is the 99th percentile of its pauses, times the factor. The two longest are left out in
    any case: an outage or two are no rhythm.
    """
    first = max(1, number - PAST_PAUSES)
    known = number - first
    rank = max(_LEFT_OUT, math.ceil(known / 100))
    lengths = [pause.length for pause in pauses if first <= pause.number < number]
    usual = heapq.nlargest(rank, lengths)[rank - 1] if len(lengths) >= rank else 0
    return max(rules.silent, int(usual * rules.factor))


def gaps_of(
    pauses: Iterable[Pause], *, minutes: int, first: int, last: int, now: int, rules: Rules
) -> list[Gap]:
    """Return the gaps of a source, oldest first.

    Args:
        pauses: Its notable pauses, in their order.
        minutes: In how many minutes it spoke.
        first: When it was first heard.
        last: When it was last heard.
        now: The clock.
        rules: When it counts as silent.
    """
    found: list[Gap] = []
    window: deque[Pause] = deque()
    for pause in pauses:
        while window and window[0].number < pause.number - PAST_PAUSES:
            window.popleft()
        if pause.end:
            gap = Gap(pause.begin, pause.end, silent_after(window, pause.number, rules))
            if _counts(gap, pause.number, first, pause.length, rules):
                found.append(gap)
        window.append(pause)
    gap = Gap(last, None, silent_after(window, minutes + 1, rules))
    if _counts(gap, minutes + 1, first, now - last, rules):
        found.append(gap)
    return found


def _counts(gap: Gap, number: int, first: int, length: int, rules: Rules) -> bool:
    known = number - 1 >= FEWEST_PAUSES and gap.begin - first >= rules.learn
    return known and length > gap.threshold


def without_life(gap: Gap, signs: Iterable[tuple[int, int]], now: int) -> list[Gap]:
    """Return what is left of a gap where the source gave signs of life: (first, last) of each."""
    left: list[Gap] = []
    since, end = gap.begin, gap.end or now
    for first, last in sorted(signs):
        if last <= since or first >= end:
            continue
        if first - since > gap.threshold:
            left.append(Gap(since, first, gap.threshold))
        since = max(since, last)
    if end - since > gap.threshold:
        left.append(Gap(since, gap.end, gap.threshold))
    return left
