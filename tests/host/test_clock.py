"""The clock: ticks into nanoseconds, and changes of its rate."""

from fractions import Fraction
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock.boottimer import BootTimer
from kernel.clock.clock import SECOND_BITS, WHOLE_SECOND, Clock
from kernel.clock.clockpage import FRACTION_BITS
from kernel.clock.units import NSEC_PER_SEC
from pykasm import *
from pykasm.hostrun import Host, HostFault

CENTURY = 100 * 365 * 86400


class Bench:
    """A clock on a host."""

    def __init__(self) -> None:
        self.clock = Clock(BootTimer())
        self.host = Host(self.clock, limit=100_000)

    def set(self, multiplier: int, origin: int = 0, origin_time: int = 0) -> None:
        self.host.reset()
        self.host[self.clock.early_page.multiplier] = multiplier
        self.host[self.clock.early_page.raw_multiplier] = multiplier
        self.host[self.clock.early_page.origin] = origin
        self.host[self.clock.early_page.origin_time] = origin_time


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def multiplier_for(frequency: int) -> int:
    return (NSEC_PER_SEC << FRACTION_BITS) // frequency


FREQUENCIES = st.integers(8_000_000, 10_000_000_000)


@given(frequency=FREQUENCIES, seconds=st.integers(0, 4 * CENTURY), part=st.floats(0, 1))
def test_time_is_right_for_centuries(
    bench: Bench, frequency: int, seconds: int, part: float
) -> None:
    ticks = min(int(frequency * (seconds + part)), (1 << 63) - 1)
    bench.set(multiplier_for(frequency))
    time = bench.host.call(bench.clock.time_of, ticks)
    true = Fraction(ticks * NSEC_PER_SEC, frequency)
    assert true - time <= 2 + true / (1 << 43)
    assert time <= true


@given(frequency=FREQUENCIES, origin=st.integers(0, 1 << 62), before=st.integers(0, 1 << 40))
def test_times_before_the_origin_are_told_too(
    bench: Bench, frequency: int, origin: int, before: int
) -> None:
    multiplier, origin_time = multiplier_for(frequency), 1 << 62
    bench.set(multiplier, origin, origin_time)
    ticks = (origin - before) % (1 << 64)
    expected = origin_time + (-before * multiplier >> FRACTION_BITS)
    assert bench.host.call(bench.clock.time_of, ticks) == expected


def test_time_stands_still_as_long_as_the_rate_is_not_known(bench: Bench) -> None:
    bench.set(0)
    assert bench.host.call(bench.clock.now) == 0
    assert bench.host.call(bench.clock.frequency) == 0


@given(rates=st.lists(st.integers(1 << 54, 1 << 58), min_size=1, max_size=8))
def test_the_clock_never_goes_backwards_when_its_rate_changes(
    bench: Bench, rates: list[int]
) -> None:
    bench.set(1 << 56)
    last = bench.host.call(bench.clock.now)
    for rate in rates:
        bench.host.call(bench.clock.set_rate, rate)
        now = bench.host.call(bench.clock.now)
        assert now >= last
        assert bench.host[bench.clock.early_page.sequence] % 2 == 0
        last = now


@given(
    second=st.integers(NSEC_PER_SEC // 2, 3 * NSEC_PER_SEC // 2),
    rate=st.integers(1 << 54, 1 << 62),
)
def test_an_adjusted_second_is_as_long_as_it_was_made(bench: Bench, second: int, rate: int) -> None:
    bench.set(1 << 56)
    page = bench.clock.early_page
    bench.host.call(bench.clock.set_second, second << SECOND_BITS)
    bench.host.call(bench.clock.set_rate, rate)
    assert bench.host[page.multiplier] == rate * (second << SECOND_BITS) // WHOLE_SECOND
    assert bench.host[page.raw_multiplier] == rate
    assert bench.host.call(bench.clock.ticks_in, second) >= NSEC_PER_SEC * (1 << 56) // rate - 1


def test_the_raw_time_follows_no_adjustment(bench: Bench) -> None:
    bench.set(1 << 56)
    page, host = bench.clock.early_page, bench.host
    host.call(bench.clock.set_second, WHOLE_SECOND // 2)
    origin = host[page.origin]
    assert host[page.origin_time] == host[page.raw_time] == origin
    host[page.origin] = 0  # as if so many ticks had passed since then
    assert host.call(bench.clock.raw) >= 2 * origin
    assert host.call(bench.clock.now) - origin < host.call(bench.clock.raw) - origin


def test_an_adjusted_rate_is_never_so_high_that_time_would_run_backwards(bench: Bench) -> None:
    bench.set(1 << 56)
    bench.host.call(bench.clock.set_second, WHOLE_SECOND * 3 // 2)
    bench.host.call(bench.clock.set_rate, (1 << 63) - 1)
    assert bench.host[bench.clock.early_page.multiplier] == (1 << 63) - 1


def test_nobody_reads_the_clock_while_it_changes(bench: Bench) -> None:
    bench.set(1 << 56)
    bench.host[bench.clock.early_page.sequence] = 1
    for reading in (
        partial(bench.host.call, bench.clock.now),
        partial(bench.host.call, bench.clock.time_of, 5),
    ):
        with pytest.raises(HostFault):
            reading()


@given(frequency=FREQUENCIES)
def test_the_frequency_is_what_the_rate_says(bench: Bench, frequency: int) -> None:
    bench.set(multiplier_for(frequency))
    assert 0 <= bench.host.call(bench.clock.frequency) - frequency <= 1


@given(frequency=FREQUENCIES, duration=st.integers(0, (1 << 64) - 1))
def test_durations_are_not_shorter_in_ticks(bench: Bench, frequency: int, duration: int) -> None:
    multiplier = multiplier_for(frequency)
    bench.set(multiplier)
    ticks = bench.host.call(bench.clock.ticks_in, duration)
    exact = Fraction(duration << FRACTION_BITS, multiplier)
    assert ticks == 1 << 63 or exact < ticks <= exact + 1
    assert ticks < 1 << 63 or exact >= (1 << 62)
