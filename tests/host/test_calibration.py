"""Measuring the time-stamp counter against a model of the hardware."""

from fractions import Fraction
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.boot.stopwatch import Stopwatch
from kernel.time.calibration import UNKNOWN, Calibration, Sample
from kernel.time.clock import FRACTION_BITS, Clock
from kernel.time.reference import Reference
from kernel.time.units import BILLION, FEMTOSECONDS, NANOSECONDS
from pykasm import *
from pykasm.hostrun import Host


class Counter(Subsystem):
    """A reference that the tests answer for."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.reference = data(Reference, Reference(name="counter", read=self.read))

    @function
    def read(self) -> U64:
        """The count."""
        ret(0)


class Bench:
    """A calibration with two references."""

    def __init__(self) -> None:
        self.first, self.second = Counter("First"), Counter("Second")
        self.clock = Clock(Stopwatch())
        candidates = [self.first.reference, self.second.reference]
        self.calibration = Calibration(self.clock, candidates, patience=20)
        self.host = Host(self.calibration, self.first, self.second)
        self.host.checkpoint()

    def use(self, period: int, mask: int) -> None:
        """Let there be one reference."""
        self.host.reset()
        self.host[self.first.reference.period] = period
        self.host[self.first.reference.mask] = mask
        self.host[self.calibration.reference] = self.host.address(self.first.reference)

    def measure(self, begun: dict[str, int], sample: dict[str, int]) -> Any:
        for name, value in begun.items():
            self.host[getattr(self.calibration.begun, name)] = value
        return self.host.call(self.calibration.measure, self.host.new(Sample, **sample))


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


REFERENCES = {
    "hpet": (10_000_000, (1 << 64) - 1),
    "short hpet": (69_841_279, (1 << 32) - 1),
    "acpi-pm": (FEMTOSECONDS // 3_579_545, (1 << 24) - 1),
    "pit": (FEMTOSECONDS // 1_193_182, (1 << 16) - 1),
}


@pytest.mark.parametrize("name", REFERENCES)
@given(
    frequency=st.integers(10_000_000, 6_000_000_000),
    way=st.floats(0.001, 0.9),
    start=st.integers(0, 1 << 40),
    delays=st.tuples(*[st.floats(0, 1)] * 2),
    spreads=st.tuples(*[st.integers(0, 100_000)] * 2),
)
def test_the_true_rate_lies_within_the_error(
    bench: Bench,
    name: str,
    frequency: int,
    way: float,
    start: int,
    delays: tuple[float, float],
    spreads: tuple[int, int],
) -> None:
    period, mask = REFERENCES[name]
    bench.use(period, mask)
    counts = min(int(way * mask), FEMTOSECONDS * 1000 // period)
    begins, ends = start * period, (start + counts) * period
    ticks = [
        time * frequency // FEMTOSECONDS - int(delay * spread)
        for time, delay, spread in zip((begins, ends), delays, spreads, strict=True)
    ]
    if ticks[1] - ticks[0] >= 1 << 62 or ticks[1] <= ticks[0]:
        return
    multiplier, error = bench.measure(
        {"ticks": ticks[0] % (1 << 64), "spread": spreads[0], "count": start & mask},
        {"ticks": ticks[1] % (1 << 64), "spread": spreads[1], "count": (start + counts) & mask},
    )
    if error < UNKNOWN // 2:
        true = Fraction(NANOSECONDS << FRACTION_BITS, frequency)
        assert abs(multiplier - true) / true * BILLION <= error + 1 + 2 * Fraction(
            error**2, BILLION
        )


@given(
    begun=st.tuples(*[st.integers(0, (1 << 64) - 1)] * 3),
    sample=st.tuples(*[st.integers(0, (1 << 64) - 1)] * 3),
    period=st.integers(1, FEMTOSECONDS),
    bits=st.integers(1, 64),
)
def test_nothing_that_is_read_makes_measuring_fault(
    bench: Bench, begun: tuple[int, ...], sample: tuple[int, ...], period: int, bits: int
) -> None:
    bench.use(period, (1 << bits) - 1)
    names = ("ticks", "spread", "count")
    multiplier, error = bench.measure(
        dict(zip(names, begun, strict=True)), dict(zip(names, sample, strict=True))
    )
    assert error <= UNKNOWN
    assert multiplier > 0 or error == UNKNOWN
    assert multiplier < 1 << 63


def test_a_reference_that_stands_still_is_passed_by(bench: Bench) -> None:
    bench.host.reset()
    steps = iter(range(0, 1 << 60, 997))
    for counter in (bench.first, bench.second):
        bench.host[counter.reference.period] = 10_000_000
        bench.host[counter.reference.mask] = (1 << 64) - 1
    bench.host.stub(bench.first.read, lambda: 5)
    bench.host.stub(bench.second.read, lambda: next(steps))
    bench.host.call(bench.calibration.run)
    assert bench.host[bench.calibration.reference] == bench.host.address(bench.second.reference)


@given(turns=st.integers(0, 20), rest=st.integers(0, 655_350))
def test_a_reference_that_may_have_begun_again_is_no_measure(
    bench: Bench, turns: int, rest: int
) -> None:
    """It counts units of ten nanoseconds in 16 bits."""
    bench.host.reset()
    bench.host[bench.first.reference.period] = 10_000_000
    bench.host[bench.first.reference.mask] = (1 << 16) - 1
    counts = count(0, 4000)
    bench.host.stub(bench.first.read, lambda: next(counts) % (1 << 16))
    bench.host.call(bench.calibration.run)
    elapsed = turns * 655_360 + rest
    bench.host.stub(bench.clock.now, lambda: elapsed)
    bench.host.stub(bench.clock.time_of, lambda ticks: 0)
    measured = bench.host.stub(bench.calibration.measure_now, lambda: (1, UNKNOWN))
    bench.host.call(bench.calibration.improve)
    assert len(measured.calls) == (1 if elapsed < 655_350 // 2 else 0)


def test_without_any_reference_a_rate_is_assumed(bench: Bench) -> None:
    bench.host.reset()
    bench.host.call(bench.calibration.run)
    assert bench.host[bench.calibration.error] == UNKNOWN
    assert bench.host[bench.clock.multiplier] == 1 << FRACTION_BITS
    assert not bench.host[bench.calibration.reference]
    bench.host.call(bench.calibration.improve)
    assert bench.host[bench.clock.multiplier] == 1 << FRACTION_BITS
