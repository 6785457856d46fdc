"""What emitters say of their own records: how many they handed over, how many they dropped."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Meaning(enum.StrEnum):
    """What a counter counts."""

    PASSED = "passed"
    """Records that the emitter handed over, or kept to hand over: they are to arrive."""
    DROPPED = "dropped"
    """Records that the emitter lost, and knows it."""
    REFUSED = "refused"
    """Records that the emitter did not take from its own senders, who may send them again."""
    BUFFERED = "buffered"
    """Records that the emitter took in, some of which it may have dropped afterwards."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One counter at one moment.

    Units: times are nanoseconds since the epoch; `start_unix_nano` is when the counter was 0, or 0
    where the emitter does not say so. `delta` means that the value is what was added since the
    reading before.

    `door`, `service` and `instance` say by which door, and of which service and instance, the
    counted records come; '' is any. `door` may be the beginning of several doors' names.
    """

    counter: str
    meaning: Meaning
    value: int
    time_unix_nano: int
    start_unix_nano: int = 0
    emitter: str = ""
    door: str = ""
    service: str = ""
    instance: str = ""
    delta: bool = False


@dataclass(frozen=True, slots=True)
class Alive:
    """A sign that a sender lives, though it sent no records: of a service, or '' of any."""

    service: str = ""
    instance: str = ""


MAX_VALUE = 2**63 - 1
PUSHED = "otlp/"
"""What the name of an emitter begins with that pushed its counters, before its service's name."""


def whole(value: float) -> int | None:
    """Return a counter's value as a whole number; None where it cannot be one."""
    if not 0 <= value <= MAX_VALUE:  # also where it is not a number
        return None
    return min(int(value), MAX_VALUE)
