"""Measuring the time-stamp counter against a model of the hardware."""

from fractions import Fraction
from itertools import count, cycle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock.clock import Clock
from kernel.clock.clockpage import FRACTION_BITS
from kernel.clock.units import BILLION, FSEC_PER_SEC, NSEC_PER_SEC
from kernel.contents import CONTENTS
from kernel.time.calibration import UNKNOWN, Calibration, Sample
from kernel.time.referenceclock import ReferenceClock, ReferenceClockDriver
from pykasm import *
from pykasm.hostrun import Host


class Counter(ReferenceClockDriver):
    """A reference that the tests answer for."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.reference = data(ReferenceClock, ReferenceClock(name="counter", read=self.read))

    @function
    def read(self) -> U64:
        """The count."""
        ret(0)


class Bench:
    """A calibration with two references."""

    def __init__(self) -> None:
        self.first, self.second = Counter("First"), Counter("Second")
        self.clock = Parts(CONTENTS)[Clock]
        self.calibration = Calibration(self.clock, [self.first, self.second], timeout=20)
        self.host = Host(self.calibration, self.first, self.second)
        self.host.checkpoint()

    def use(self, period: int, mask: int) -> None:
        """Make one reference."""
        self.host.reset()
        self.host[self.first.reference.period] = period
        self.host[self.first.reference.mask] = mask
        self.host[self.calibration.reference] = self.host.address(self.first.reference)

    def measure(self, begun: dict[str, int], sample: dict[str, Any]) -> Any:
        for name, value in begun.items():
            self.host[getattr(self.calibration.first_sample, name)] = value
        return self.host.call(self.calibration._measure, self.host.new(Sample, **sample))


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


REFERENCES = {
    "hpet": (10_000_000, (1 << 64) - 1),
    "short hpet": (69_841_279, (1 << 32) - 1),
    "acpi-pm": (FSEC_PER_SEC // 3_579_545, (1 << 24) - 1),
    "pit": (FSEC_PER_SEC // 1_193_182, (1 << 16) - 1),
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
    counts = min(int(way * mask), FSEC_PER_SEC * 1000 // period)
    begins, ends = start * period, (start + counts) * period
    ticks = [
        time * frequency // FSEC_PER_SEC - int(delay * spread)
        for time, delay, spread in zip((begins, ends), delays, spreads, strict=True)
    ]
    if ticks[1] - ticks[0] >= 1 << 62 or ticks[1] <= ticks[0]:
        return
    multiplier, error = bench.measure(
        {"ticks": ticks[0] % (1 << 64), "spread": spreads[0], "count": start & mask},
        {"ticks": ticks[1] % (1 << 64), "spread": spreads[1], "count": (start + counts) & mask},
    )
    if error < UNKNOWN // 2:
        true = Fraction(NSEC_PER_SEC << FRACTION_BITS, frequency)
        assert abs(multiplier - true) / true * BILLION <= error + 1 + 2 * Fraction(
            error**2, BILLION
        )


@given(
    begun=st.tuples(*[st.integers(0, (1 << 64) - 1)] * 3),
    sample=st.tuples(*[st.integers(0, (1 << 64) - 1)] * 3),
    period=st.integers(1, FSEC_PER_SEC),
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
    assert bench.host[bench.first.reference.period] == 0, "it counts as absent from then on"
    assert bench.host[bench.second.reference.period] == 10_000_000
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
    measured = bench.host.stub(bench.calibration._measure_now, lambda: (1, UNKNOWN))
    bench.host.call(bench.calibration.refine)
    assert len(measured.calls) == (1 if elapsed < 655_350 // 2 else 0)


class Model:
    """A counter at `frequency` and a reference in steps of ten nanoseconds, which are read in the
    order before, reference, behind; the processor is held up between them by `delays` in
    nanoseconds, in turn. The counter jumps ahead by hand."""

    PERIOD = 10_000_000

    def __init__(self, bench: Bench, frequency: int, delays: list[tuple[int, int]]) -> None:
        self.bench, self.frequency, self.delays = bench, frequency, cycle(delays)
        self.time = 1_000_000
        self.ahead = 0
        bench.use(self.PERIOD, (1 << 64) - 1)
        host, calibration = bench.host, bench.calibration
        host[calibration.max_interval] = 1 << 62
        host.stub(bench.clock.now, lambda: 0)
        host.stub(bench.clock.time_of, lambda ticks: 0)
        host.stub(calibration._take_sample, self.take_sample)
        host.call(calibration._take_sample, host.address(calibration.first_sample))
        self.measure_in(10_000_000)
        host[calibration.unstable_count] = 0
        host[calibration.deviation] = 0

    def ticks(self) -> int:
        return self.time * self.frequency // NSEC_PER_SEC + self.ahead

    def take_sample(self, address: Any) -> None:
        before, behind = next(self.delays)
        ticks = self.ticks()
        self.time += before
        count = self.time * FSEC_PER_SEC // NSEC_PER_SEC // self.PERIOD
        self.time += behind
        sample = self.bench.host.at(Sample, address)
        sample.ticks, sample.spread, sample.count = ticks, self.ticks() - ticks, count

    def measure_in(self, nanoseconds: int) -> None:
        """Advance the time, then measure."""
        self.time += nanoseconds
        if not self.bench.host[self.bench.clock.early_page.multiplier]:
            multiplier, error = self.bench.host.call(self.bench.calibration._measure_now)
            self.bench.host[self.bench.clock.early_page.multiplier] = multiplier
            self.bench.host[self.bench.clock.early_page.raw_multiplier] = multiplier
            self.bench.host[self.bench.calibration.error] = error
        else:
            self.bench.host.call(self.bench.calibration.refine)

    def wrong(self) -> Fraction:
        """By how much the clock's rate is wrong, in parts of a billion."""
        true = Fraction(NSEC_PER_SEC << FRACTION_BITS, self.frequency)
        return abs(self.bench.host[self.bench.clock.early_page.multiplier] - true) / true * BILLION

    def known(self) -> int:
        """By how much it may be, as the calibration has it."""
        return self.bench.host[self.bench.calibration.error]

    def unsteady(self) -> int:
        return self.bench.host[self.bench.calibration.unstable_count]


FREQUENCIES = st.integers(100_000_000, 6_000_000_000)
DELAYS = st.lists(st.tuples(*[st.integers(0, 3_000_000)] * 2), min_size=1, max_size=7)
WAYS = st.lists(st.integers(1_000_000, 100 * NSEC_PER_SEC), min_size=1, max_size=6)


@given(frequency=FREQUENCIES, delays=DELAYS, ways=WAYS)
def test_a_steady_counter_counts_as_steady_however_reading_it_is_delayed(
    bench: Bench, frequency: int, delays: list[tuple[int, int]], ways: list[int]
) -> None:
    model = Model(bench, frequency, delays)
    for way in ways:
        model.measure_in(way)
        assert model.unsteady() == 0
        assert model.wrong() <= model.known() * (1 + Fraction(2 * model.known(), BILLION)) + 1


@given(frequency=FREQUENCIES, jump=st.integers(20_000, 1_000_000), ways=WAYS)
def test_a_counter_that_jumped_once_keeps_its_rate(
    bench: Bench, frequency: int, jump: int, ways: list[int]
) -> None:
    model = Model(bench, frequency, [(100, 100)])
    model.measure_in(NSEC_PER_SEC)
    model.ahead = jump * frequency // NSEC_PER_SEC
    model.measure_in(NSEC_PER_SEC)
    assert model.unsteady() == 1
    seen = bench.host[bench.calibration.deviation]
    assert 0.4 * jump < seen < 0.6 * jump
    for way in ways:
        assert model.wrong() <= model.known()
        model.measure_in(NSEC_PER_SEC + way)
    assert model.unsteady() == 1
    assert model.wrong() <= model.known() < 1000


@given(frequency=FREQUENCIES, part=st.floats(0.3, 3))
def test_a_rate_that_has_changed_is_believed_in_the_end(
    bench: Bench, frequency: int, part: float
) -> None:
    model = Model(bench, frequency, [(100, 100)])
    model.measure_in(NSEC_PER_SEC)
    ticks = model.ticks()
    model.frequency = int(frequency * part)
    model.ahead += ticks - model.ticks()
    for _ in range(4):
        model.measure_in(NSEC_PER_SEC)
    assert model.wrong() <= model.known() < 1000


def test_without_any_reference_a_rate_is_assumed(bench: Bench) -> None:
    bench.host.reset()
    bench.host.call(bench.calibration.run)
    assert bench.host[bench.calibration.error] == UNKNOWN
    assert bench.host[bench.clock.early_page.multiplier] == 1 << FRACTION_BITS
    assert not bench.host[bench.calibration.reference]
    bench.host.call(bench.calibration.refine)
    assert bench.host[bench.clock.early_page.multiplier] == 1 << FRACTION_BITS
