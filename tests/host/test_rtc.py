"""The real-time clock in every form that it can have."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.acpi.fadt import FixedDescription
from kernel.clock.clock import Clock
from kernel.clock.timers import Timers
from kernel.clock.units import NSEC_PER_SEC
from kernel.irq.deferred import Deferred
from kernel.time.calendar import DateTime
from kernel.time.rtc import RealTimeClock
from kernel.time.wallclock import CHECK_INTERVAL, WallClock
from pykasm import *
from tests.host.console_support import Paper, host_for, parts_on

INDEX, DATA = 0x70, 0x71
A, B, CENTURY = 10, 11, 0x32
BINARY, HOURS_24, UPDATING = 4, 2, 0x80
FIELDS = {"second": 0, "minute": 2, "hour": 4, "day": 7, "month": 8, "year": 9}


class Follower(Subsystem):
    """Somebody who waits for a time of day."""

    @function(exported=True)
    def follow(self, change: I64) -> None:
        """Learn that it was set."""


class Bench:
    """The clock's registers, and the code that reads them."""

    def __init__(self) -> None:
        self.paper: Any = Paper()
        parts = parts_on(self.paper, FixedDescription, Timers, Deferred)
        self.board, self.rtc = parts[FixedDescription], parts[RealTimeClock]
        self.clock, self.wall = parts[Clock], parts[WallClock]
        self.timers = parts[Timers]
        self.follower = Follower()
        self.host = host_for(self.wall, self.follower)
        self.host.on_out(INDEX, lambda _, value: setattr(self, "index", value))
        self.host.on_in(DATA, lambda _: self.value())
        self.host.checkpoint()

    def start(self, century_at: int = 0) -> None:
        self.host.reset()
        self.host[self.wall.calibration.reference] = 1  # there is one
        self.host.stub(self.board.century, lambda: century_at)
        self.host.call(self.rtc.start)
        self.index = 0
        self.reads = 0
        self.registers: dict[int, int] = {A: 0, B: HOURS_24}

    def value(self) -> int:
        self.reads += 1
        return self.registers.get(self.index, 0xFF)

    def show(self, date: dict[str, int], form: int) -> None:
        """Set the registers to `date`, as `form`, the register B, has it."""

        def coded(number: int) -> int:
            return number if form & BINARY else number // 10 << 4 | number % 10

        hour, afternoon = date["hour"], 0
        if not form & HOURS_24:
            hour, afternoon = hour % 12 or 12, 0x80 if hour >= 12 else 0
        shown = {**date, "year": date["year"] % 100, "hour": hour}
        for name, register in FIELDS.items():
            self.registers[register] = coded(shown[name])
        self.registers[FIELDS["hour"]] |= afternoon
        self.registers[CENTURY] = coded(date["year"] // 100)
        self.registers[B] = form

    def read(self) -> Any:
        """What the code makes of it, or None."""
        date = self.host.new(DateTime)
        works = self.host.call(self.rtc.read, date)
        return {name: getattr(date, name) for name in FIELDS} if works else None


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


DATES = st.fixed_dictionaries(
    {
        "second": st.integers(0, 59),
        "minute": st.integers(0, 59),
        "hour": st.integers(0, 23),
        "day": st.integers(1, 31),
        "month": st.integers(1, 12),
        "year": st.integers(1970, 2399),
    }
)


@given(date=DATES, form=st.sampled_from([0, BINARY, HOURS_24, BINARY | HOURS_24]))
def test_dates_are_read_in_every_form(bench: Bench, date: dict[str, int], form: int) -> None:
    bench.start(CENTURY)
    bench.show(date, form)
    assert bench.read() == date


def test_a_clock_without_a_century_is_in_this_one(bench: Bench) -> None:
    bench.start()
    bench.show({"second": 1, "minute": 2, "hour": 3, "day": 4, "month": 5, "year": 2026}, HOURS_24)
    assert bench.read()["year"] == 2026


def test_a_clock_that_moves_on_is_read_again(bench: Bench) -> None:
    bench.start()
    before = {"second": 59, "minute": 59, "hour": 23, "day": 31, "month": 12, "year": 2026}
    after = {"second": 0, "minute": 0, "hour": 0, "day": 1, "month": 1, "year": 2027}
    bench.show(before, HOURS_24)
    true_value = bench.value

    def value() -> int:
        if bench.reads == 4:
            bench.show(after, HOURS_24)
        return true_value()

    bench.host.on_in(DATA, lambda _: value())
    assert bench.read() == after


def test_an_update_is_waited_for(bench: Bench) -> None:
    bench.start()
    bench.show({"second": 1, "minute": 2, "hour": 3, "day": 4, "month": 5, "year": 2026}, HOURS_24)
    updating = [UPDATING] * 5

    def value() -> int:
        if bench.index == A:
            return updating.pop() if updating else 0
        assert not updating
        return bench.value()

    bench.host.on_in(DATA, lambda _: value())
    assert bench.read()
    assert not updating


@pytest.mark.parametrize(
    ("register", "value"), [(8, 0x13), (8, 0), (7, 0), (7, 0x32), (4, 0x24), (2, 0x60), (9, 0xFF)]
)
def test_what_is_no_date_is_not_taken(bench: Bench, register: int, value: int) -> None:
    bench.start()
    bench.show({"second": 1, "minute": 2, "hour": 3, "day": 4, "month": 5, "year": 2026}, HOURS_24)
    bench.registers[register] = value
    assert bench.read() is None


@pytest.mark.parametrize("century", [0x00, 0x18, 0x25, 0x99, 0xFF])
def test_a_century_long_ago_or_far_away_is_not_taken(bench: Bench, century: int) -> None:
    bench.start(CENTURY)
    bench.show({"second": 1, "minute": 2, "hour": 3, "day": 4, "month": 5, "year": 2026}, HOURS_24)
    bench.registers[CENTURY] = century
    assert bench.read() is None


def test_a_clock_that_never_says_the_same_twice_is_broken(bench: Bench) -> None:
    bench.start()
    count = itertools.count()
    bench.host.on_in(DATA, lambda _: next(count) % 59)
    assert bench.read() is None


def test_the_time_of_day_goes_on_by_the_kernels_clock(bench: Bench) -> None:
    bench.start()
    bench.show({"second": 5, "minute": 0, "hour": 0, "day": 1, "month": 1, "year": 2000}, HOURS_24)
    times = iter([8 * NSEC_PER_SEC, 9 * NSEC_PER_SEC])
    bench.host.stub(bench.clock.raw, lambda: 7 * NSEC_PER_SEC)
    bench.host.stub(bench.clock.now, lambda: next(times))
    start = 946_684_805 * NSEC_PER_SEC
    assert bench.host.call(bench.wall.now) == start + NSEC_PER_SEC
    assert bench.host.call(bench.wall.now) == start + 2 * NSEC_PER_SEC


def test_without_a_clock_there_is_no_time_of_day(bench: Bench) -> None:
    bench.start()
    assert bench.host.call(bench.wall.now) == 0


SHOWN = {"second": 5, "minute": 0, "hour": 0, "day": 1, "month": 1, "year": 2000}
SHOWN_TIME = 946_684_805 * NSEC_PER_SEC


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ({"second": 8}, ""),
        ({"second": 4}, ""),
        ({"minute": 1}, "forward by 59 s"),
        ({"second": 1}, "back by 5 s"),
        ({"month": 13}, ""),
    ],
    ids=["slow", "fast", "pause", "set back", "broken"],
)
def test_the_time_of_day_is_right_again_after_a_pause(
    bench: Bench, shown: dict[str, int], said: str
) -> None:
    """`shown` is what has changed a second later by the kernel's clock."""
    bench.start()
    bench.show(SHOWN, HOURS_24)
    now = 7 * NSEC_PER_SEC
    gained = 0
    bench.host.stub(bench.clock.raw, lambda: now)
    bench.host.stub(bench.clock.now, lambda: now + gained)
    assert bench.host.call(bench.wall.now) == SHOWN_TIME
    now += NSEC_PER_SEC
    bench.show({**SHOWN, **shown}, HOURS_24)
    armed = bench.host.stub(bench.timers.arm)
    told: list[int] = []
    follow = bench.follower.follow
    bench.host.stub(follow, told.append)
    bench.host[bench.wall.listener] = bench.host.address(follow)
    bench.host.call(bench.wall._check, 0)
    assert [deadline for _, deadline in armed.calls] == [now + CHECK_INTERVAL]
    log = bench.host.read(bench.host.address(bench.wall.log.ring), 200).decode("latin-1")
    assert ("the time of day was set" in log) == bool(said)
    assert said in log
    step = 59 if "forward" in said else -5 if "back" in said else 0
    assert bench.host.call(bench.wall.now) == SHOWN_TIME + (1 + step) * NSEC_PER_SEC
    assert told == ([step * NSEC_PER_SEC] if step else [])


def test_the_real_time_clock_follows_the_rate_that_programs_want(bench: Bench) -> None:
    """An hour by the kernel's clock, which is to go faster, is a minute less by the other one."""
    bench.start()
    bench.show(SHOWN, HOURS_24)
    now = raw = 7 * NSEC_PER_SEC
    bench.host.stub(bench.clock.raw, lambda: raw)
    bench.host.stub(bench.clock.now, lambda: now)
    assert bench.host.call(bench.wall.now) == SHOWN_TIME
    now += 3600 * NSEC_PER_SEC
    raw += 3540 * NSEC_PER_SEC
    bench.show({**SHOWN, "minute": 59}, HOURS_24)
    bench.host.stub(bench.timers.arm)
    bench.host.call(bench.wall._check, 0)
    assert bench.host.call(bench.wall.now) == SHOWN_TIME + 3600 * NSEC_PER_SEC


def test_without_a_measured_clock_the_real_time_clock_is_read_each_time(bench: Bench) -> None:
    bench.start()
    bench.host[bench.wall.calibration.reference] = 0
    bench.host.stub(bench.clock.now, lambda: 0)
    for minute in (0, 1, 5):
        bench.show({**SHOWN, "minute": minute}, HOURS_24)
        assert bench.host.call(bench.wall.now) == SHOWN_TIME + minute * 60 * NSEC_PER_SEC
