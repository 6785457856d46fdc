"""Rates: what one sender may send, over ten seconds, and nobody else pays for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshseal.model.errors import OverloadedError, RateLimitedError
from meshseal.receive.rates import Rates
from meshseal.receive.settings import LimitSettings


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def _rates(records: int = 0, size: int = 0) -> tuple[Rates, _Clock]:
    clock = _Clock()
    limits = LimitSettings(max_records_per_second=records, max_bytes_per_second=size)
    return Rates(limits, clock=clock), clock


def test_without_limits_everything_passes() -> None:
    rates, _ = _rates()
    for _ in range(3):
        rates.spend("a", records=10**12, size_bytes=10**15)


def test_a_sender_over_its_records_is_told_when_to_come_again() -> None:
    rates, clock = _rates(records=100)
    rates.spend("a", records=1000, size_bytes=1)
    with pytest.raises(RateLimitedError, match="a may send 100 records a second") as caught:
        rates.spend("a", records=300, size_bytes=1)
    assert (caught.value.http_status, caught.value.retry_after_seconds) == (429, 4)
    assert isinstance(caught.value, OverloadedError)
    clock.now += caught.value.retry_after_seconds
    rates.spend("a", records=300, size_bytes=1)


def test_bytes_have_a_limit_of_their_own() -> None:
    rates, _ = _rates(records=10**9, size=1000)
    rates.spend("a", records=1, size_bytes=10_000)
    with pytest.raises(RateLimitedError, match="1000000000 records a second and 1000 bytes a"):
        rates.spend("a", records=1, size_bytes=1000)


def test_one_sender_does_not_pay_for_another() -> None:
    rates, _ = _rates(records=10)
    rates.spend("a", records=100, size_bytes=0)
    rates.spend("b", records=100, size_bytes=0)
    with pytest.raises(RateLimitedError):
        rates.spend("a", records=1, size_bytes=0)


def test_what_is_larger_than_the_bucket_passes_when_it_is_full_and_is_paid_off() -> None:
    rates, clock = _rates(records=10)
    rates.spend("a", records=1000, size_bytes=0)
    clock.now += 89
    with pytest.raises(RateLimitedError):
        rates.spend("a", records=1, size_bytes=0)
    clock.now += 2
    rates.spend("a", records=1, size_bytes=0)


@given(
    asked=st.lists(st.tuples(st.integers(1, 50), st.floats(0, 5)), max_size=60),
    allowed=st.integers(1, 20),
)
def test_over_any_time_no_more_passes_than_allowed(
    asked: list[tuple[int, float]], allowed: int
) -> None:
    rates, clock = _rates(records=allowed)
    start, passed, largest = clock.now, 0, 0
    for records, pause in asked:
        clock.now += pause
        try:
            rates.spend("a", records=records, size_bytes=0)
        except RateLimitedError:
            continue
        else:
            passed += records
            largest = max(largest, records)
    assert passed <= allowed * (clock.now - start) + max(allowed * 10, largest) + 1e-6
