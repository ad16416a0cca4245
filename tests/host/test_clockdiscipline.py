"""How programs keep the clock right, against a model in Python."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock.clock import SECOND_BITS, WHOLE_SECOND, Clock
from kernel.clock.timers import Timers
from kernel.clock.units import NSEC_PER_SEC
from kernel.irq.deferred import Deferred
from kernel.time.adjustment import Adjustment, AdjustmentMode, ClockState, ClockStatus
from kernel.time.clockdiscipline import (
    ERROR_LIMIT,
    FASTEST_TICK,
    MOST_EXCESS,
    MOST_FREQUENCY,
    MOST_OFFSET,
    MOST_SLEW,
    PART,
    SLOWEST_TICK,
    ClockDiscipline,
)
from kernel.time.wallclock import WallClock
from tests.host.console_support import Paper, host_for, parts_on

DAY = 86_400
START = 20_000 * DAY * NSEC_PER_SEC + 5

OFFSET, FREQUENCY = AdjustmentMode.OFFSET, AdjustmentMode.FREQUENCY
STATUS, ONCE = AdjustmentMode.STATUS, AdjustmentMode.ONCE
ONLY_TELL = AdjustmentMode.NANOSECONDS
PHASE = ClockStatus.PHASE_LOCKED


def towards_zero(number: int, bits: int) -> int:
    return -(-number >> bits) if number < 0 else number >> bits


def clamp(number: int, least: int, most: int) -> int:
    return max(least, min(most, number))


@dataclass
class Model:
    """What the clock is to do (RFC 1589; adjtimex(2))."""

    frequency: int = 0
    tick: int = 10_000
    offset: int = 0
    once: int = 0
    slew: int = 0
    status: int = ClockStatus.UNSYNCHRONISED
    constant: int = 2
    errors: dict[str, int] = field(
        default_factory=lambda: {"most_error": ERROR_LIMIT, "likely_error": ERROR_LIMIT}
    )
    last: int = 0

    def adjust(self, asked: dict[str, int], second: int) -> None:
        modes, nano = asked["modes"], ClockStatus.NANOSECONDS
        if modes & ONCE:
            if not modes & ONLY_TELL:
                self.once = asked["offset"]
            return
        if modes & STATUS:
            if self.status & PHASE and not asked["status"] & PHASE:
                self.status = ClockStatus.UNSYNCHRONISED
            elif asked["status"] & PHASE and not self.status & PHASE:
                self.last = second
            kept = int(ClockStatus.READ_ONLY)
            self.status = self.status & kept | asked["status"] & ~kept
        if modes & AdjustmentMode.NANOSECONDS:
            self.status |= nano
        if modes & AdjustmentMode.MICROSECONDS:
            self.status &= ~nano
        if modes & FREQUENCY:
            self.frequency = clamp(asked["frequency"] * PART, -MOST_FREQUENCY, MOST_FREQUENCY)
        for mode, name in (
            (AdjustmentMode.MOST_ERROR, "most_error"),
            (AdjustmentMode.LIKELY_ERROR, "likely_error"),
        ):
            if modes & mode:
                self.errors[name] = clamp(asked[name], 0, ERROR_LIMIT)
        if modes & AdjustmentMode.CONSTANT:
            constant = clamp(asked["constant"], 0, 10)
            self.constant = constant if self.status & nano else min(constant + 4, 10)
        if modes & OFFSET and self.status & PHASE:
            self._take_offset(asked["offset"], second)
        if modes & AdjustmentMode.TICK:
            self.tick = asked["tick"]

    def _take_offset(self, offset: int, second: int) -> None:
        if not self.status & ClockStatus.NANOSECONDS:
            offset = clamp(offset, -1_000_000, 1_000_000) * 1000
        offset = clamp(offset, -MOST_OFFSET, MOST_OFFSET)
        interval, self.last = second - self.last, second
        if self.status & ClockStatus.FREQUENCY_HELD:
            interval = 0
        self.status &= ~ClockStatus.FREQUENCY_MODE
        if interval > 2048 or (interval >= 256 and self.status & ClockStatus.FREQUENCY_LOCKED):
            self.status |= ClockStatus.FREQUENCY_MODE
            part = (abs(offset) << SECOND_BITS - 2) // interval
            self.frequency += part if offset > 0 else -part
        loop = 2 + self.constant
        interval = min(interval, 1 << loop + 1)
        self.frequency += offset * interval << SECOND_BITS - 2 * (loop + 2)
        self.frequency = clamp(self.frequency, -MOST_FREQUENCY, MOST_FREQUENCY)
        self.offset = offset << SECOND_BITS

    def begin_second(self, excess: int) -> None:
        self.errors["most_error"] += 500
        if self.errors["most_error"] > ERROR_LIMIT:
            self.errors["most_error"] = ERROR_LIMIT
            self.status |= ClockStatus.UNSYNCHRONISED
        back = self.slew * -clamp(excess, -NSEC_PER_SEC, MOST_EXCESS)
        back = -(-back // NSEC_PER_SEC) if back < 0 else back // NSEC_PER_SEC
        back = clamp(back, -MOST_SLEW, MOST_SLEW)
        if -(1 << SECOND_BITS) <= back < 1 << SECOND_BITS:
            back = 0
        part = towards_zero(self.offset, 2 + self.constant)
        once = clamp(self.once, -500, 500)
        self.offset -= part
        self.once -= once
        self.slew = back + part + (once * 1000 << SECOND_BITS)

    def second(self) -> int:
        return (self.tick * 100_000 << SECOND_BITS) + self.frequency + self.slew

    def told(self) -> int:
        nanoseconds = towards_zero(self.offset, SECOND_BITS)
        if self.status & ClockStatus.NANOSECONDS:
            return nanoseconds
        return -(-nanoseconds // 1000) if nanoseconds < 0 else nanoseconds // 1000


class Bench:
    """The discipline, with clocks that go as the test wants."""

    def __init__(self) -> None:
        paper: Any = Paper()
        parts = parts_on(paper, Timers, Deferred)
        self.discipline, self.wall = parts[ClockDiscipline], parts[WallClock]
        self.clock, self.timers = parts[Clock], parts[Timers]
        self.host = host_for(self.discipline)
        self.host.checkpoint()

    def start(self, now: int = START) -> None:
        self.host.reset()
        self.now, self.raw, self.second, self.armed = now, 10**9, WHOLE_SECOND, 0
        self.leaps: list[int] = []
        host, stub = self.host, self.host.stub
        host[self.wall.calibration.reference] = 1
        stub(self.wall.now, lambda: self.now)
        stub(self.wall.leap, self.leap)
        stub(self.clock.now, lambda: self.raw)
        stub(self.clock.raw, lambda: self.raw)
        stub(self.clock.set_second, self.set_second)
        stub(self.timers.arm, self.arm)

    def leap(self, change: int) -> None:
        self.now += change
        self.leaps.append(change)

    def set_second(self, second: int) -> None:
        self.second = second

    def arm(self, timer: int, deadline: int) -> None:
        assert 0 < deadline - self.raw <= NSEC_PER_SEC
        assert (self.now + deadline - self.raw) % NSEC_PER_SEC == 0
        self.armed = deadline

    def adjust(self, **asked: Any) -> Any:
        """Ask for that; returns the state and what was told."""
        record = self.host.new(Adjustment, **asked)
        return self.host.call(self.discipline.adjust, record), record

    def pass_second(self, excess: int = 0) -> bool:
        """Go on until a second begins, or some longer; returns whether anybody waited for it."""
        left = NSEC_PER_SEC - self.now % NSEC_PER_SEC + excess
        if self.armed:
            left = self.armed - self.raw + excess
        self.now += left
        self.raw += left
        if not self.armed:
            return False
        self.armed = 0
        self.host.call(self.discipline._begin_second, 0)
        return True


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


MODES = [one for one in AdjustmentMode if one not in (ONCE, AdjustmentMode.SET_OFFSET)]
LARGE = st.integers(-(1 << 62), 1 << 62)
ASKED = st.fixed_dictionaries(
    {
        "modes": st.one_of(
            st.sets(st.sampled_from(MODES)).map(lambda modes: int(sum(modes))),
            st.sampled_from([int(ONCE | OFFSET), int(ONCE | OFFSET | ONLY_TELL)]),
        ),
        "offset": st.one_of(st.integers(-(10**9), 10**9), LARGE),
        "frequency": st.one_of(st.integers(-(1 << 26), 1 << 26), st.integers(-(1 << 36), 1 << 36)),
        "most_error": st.one_of(st.integers(0, 20_000_000), LARGE),
        "likely_error": LARGE,
        "status": st.integers(0, 0xFFFF).map(
            lambda bits: bits & ~int(ClockStatus.INSERT | ClockStatus.DELETE)
        ),
        "constant": st.one_of(st.integers(-1, 12), LARGE),
        "tick": st.integers(SLOWEST_TICK, FASTEST_TICK),
    }
)
STEPS = st.lists(
    st.one_of(ASKED, st.integers(0, 1_000_000), st.sampled_from([10**9, 300 * 10**9])),
    max_size=20,
)


@given(steps=STEPS)
def test_the_rate_is_what_the_model_has(bench: Bench, steps: list[Any]) -> None:
    bench.start()
    model = Model()
    for step in steps:
        if isinstance(step, int):
            before = bench.raw
            began = bench.host[bench.discipline.last_second]
            if bench.pass_second(step):
                model.begin_second(bench.raw - began - NSEC_PER_SEC)
            assert bench.raw > before
        else:
            model.adjust(step, bench.now // NSEC_PER_SEC)
            _, told = bench.adjust(**step)
            if not step["modes"] & ONCE:
                assert told.offset == model.told()
            assert (told.status, told.constant, told.tick) == (
                model.status,
                model.constant,
                model.tick,
            )
            assert (told.most_error, told.likely_error) == tuple(model.errors.values())
            assert abs(told.frequency * PART - model.frequency) < PART
        if bench.second != WHOLE_SECOND or model.second() != WHOLE_SECOND:
            assert bench.second == model.second()


def test_nothing_is_waited_for_where_nothing_is_to_be_done(bench: Bench) -> None:
    bench.start()
    state, told = bench.adjust(modes=int(FREQUENCY), frequency=100 << 16)
    assert (state, told.frequency, bench.armed) == (ClockState.ERROR, 100 << 16, 0)
    assert bench.second == WHOLE_SECOND + (100_000 << SECOND_BITS)


@pytest.mark.parametrize("offset", [1, 499, 500, 501, -1200, 60_000])
def test_an_offset_is_made_up_for_to_the_nanosecond(bench: Bench, offset: int) -> None:
    bench.start()
    gained = 0
    bench.adjust(modes=int(ONCE | OFFSET), offset=offset)
    for number in range(1000):
        second, before = bench.second, bench.raw
        if not bench.pass_second(excess=(number * 7919) % 1_000_000 if number < 990 else 0):
            break
        gained += (second - WHOLE_SECOND) * (bench.raw - before)
    assert abs(gained // NSEC_PER_SEC - (offset * 1000 << SECOND_BITS)) <= 2 << SECOND_BITS
    _, told = bench.adjust(modes=int(ONCE | OFFSET | ONLY_TELL))
    assert (told.offset, bench.second, bench.armed) == (0, WHOLE_SECOND, 0)


def test_who_asks_only_what_is_left_changes_nothing(bench: Bench) -> None:
    bench.start()
    bench.adjust(modes=int(ONCE | OFFSET), offset=2000)
    bench.pass_second()
    for _ in range(2):
        _, told = bench.adjust(modes=int(ONCE | OFFSET | ONLY_TELL), offset=7)
        assert told.offset == 1500


@pytest.mark.parametrize(
    ("status", "change", "going_on"),
    [
        (ClockStatus.INSERT, -1, ClockState.INSERTED),
        (ClockStatus.DELETE, 1, ClockState.WAIT),
    ],
)
def test_a_leap_second_comes_when_the_day_ends(
    bench: Bench, status: ClockStatus, change: int, going_on: ClockState
) -> None:
    bench.start(START + (DAY - 4) * NSEC_PER_SEC)
    bench.adjust(
        modes=int(STATUS | AdjustmentMode.MOST_ERROR), status=int(PHASE | status), most_error=0
    )
    while not bench.leaps:
        assert bench.pass_second()
        assert bench.now // NSEC_PER_SEC % DAY > DAY - 5 or bench.leaps
    assert bench.leaps == [change * NSEC_PER_SEC]
    assert bench.now // NSEC_PER_SEC % DAY == (DAY - 1 if change < 0 else 0)
    assert bench.adjust()[0] == going_on
    bench.pass_second()
    bench.pass_second()
    assert bench.adjust()[0] == ClockState.WAIT
    bench.adjust(modes=int(STATUS), status=int(PHASE))
    bench.pass_second()
    assert bench.adjust()[0] == ClockState.OK
    assert len(bench.leaps) == 1


def test_who_takes_a_leap_second_back_gets_none(bench: Bench) -> None:
    bench.start(START + (DAY - 4) * NSEC_PER_SEC)
    for status in (ClockStatus.INSERT, ClockStatus(0)):
        bench.adjust(
            modes=int(STATUS | AdjustmentMode.MOST_ERROR), status=int(status), most_error=0
        )
        bench.pass_second()
    for _ in range(5):
        bench.pass_second()
    assert bench.leaps == []


def test_setting_the_time_of_day_ends_all_that_was_going_on(bench: Bench) -> None:
    bench.start()
    bench.adjust(modes=int(ONCE | OFFSET), offset=2000)
    bench.adjust(modes=int(STATUS | AdjustmentMode.MOST_ERROR), status=int(PHASE), most_error=5)
    bench.pass_second()
    assert bench.second != WHOLE_SECOND
    bench.host.call(bench.discipline.clear)
    assert bench.second == WHOLE_SECOND
    state, told = bench.adjust(modes=int(ONCE | OFFSET | ONLY_TELL))
    assert (state, told.offset, told.most_error) == (ClockState.ERROR, 0, ERROR_LIMIT)


@pytest.mark.parametrize(("asked", "told"), [(37, 37), (0, 0), (100_000, 100_000), (100_001, 0)])
def test_atomic_time_is_ahead_as_told(bench: Bench, asked: int, told: int) -> None:
    bench.start()
    assert bench.adjust(modes=int(AdjustmentMode.ATOMIC_TIME), constant=asked)[1].tai == told
    assert bench.host.call(bench.wall.atomic_offset) == told * NSEC_PER_SEC
