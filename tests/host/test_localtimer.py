"""The local timer against a model of the local APIC's."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock.clock import Clock
from kernel.clock.localtimer import MAX_COUNT, LocalTimer
from kernel.contents import CONTENTS
from kernel.cpu.control import Msr
from kernel.cpu.features import BasicMore, Features
from kernel.interrupts.localapic import ApicRegister, LocalApic, Lvt
from kernel.interrupts.vectors import InterruptVector
from pykasm import *
from pykasm.hostrun import Host, stand_ins

NOW = 5_000_000_000
NANOSECOND = 1 << 56
"""The clock's multiplier where a tick is a nanosecond."""


class Bench:
    """A local timer on a host."""

    def __init__(self) -> None:
        parts = Parts(CONTENTS, instead=stand_ins(LocalApic))
        self.features, self.apic, self.clock = parts[Features], parts[LocalApic], parts[Clock]
        self.local_timer = parts[LocalTimer]
        self.host = Host(self.local_timer)
        self.host.checkpoint()

    def start(self, deadlines: bool = False) -> None:
        self.host.reset()
        self.registers: dict[int, int] = {}
        self.host.stub(self.apic.write, self.registers.__setitem__)
        self.host.stub(self.clock.now, lambda: NOW)
        self.host[self.clock.early_page.multiplier] = NANOSECOND
        if deadlines:
            self.host[self.features.basic_more] = BasicMore.TSC_DEADLINE
        self.host.call(self.local_timer.start)

    def counted(self, rate: float, deadline: int) -> int:
        """From where the timer counts down, where a tick is `rate` counts."""
        self.host[self.local_timer.rate] = int(rate * (1 << 32))
        self.host.call(self.local_timer.set, deadline)
        return self.registers[ApicRegister.INITIAL_COUNT]


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("deadlines", [False, True])
def test_the_timer_interrupts_in_the_mode_that_the_processor_has(
    bench: Bench, deadlines: bool
) -> None:
    bench.start(deadlines)
    mode = Lvt.TSC_DEADLINE if deadlines else 0
    assert bench.registers[ApicRegister.LVT_TIMER] == mode | InterruptVector.TIMER


@given(
    rate=st.sampled_from([0.25, 0.5, 1, 2]),
    delay=st.one_of(st.integers(0, 1 << 34), st.integers(0, (1 << 63) - 1)),
)
def test_the_timer_counts_down_to_the_deadline(bench: Bench, rate: float, delay: int) -> None:
    bench.start()
    exact = int((delay + 1) * Fraction(rate))
    assert bench.counted(rate, NOW + delay) == min(exact | 1, MAX_COUNT)


@given(past=st.integers(0, NOW))
def test_a_deadline_in_the_past_goes_off_at_once(bench: Bench, past: int) -> None:
    bench.start()
    assert bench.counted(1, NOW - past) == 1


@given(delay=st.integers(0, 1 << 40))
def test_a_deadline_is_set_by_the_time_stamp_counter(bench: Bench, delay: int) -> None:
    bench.start(deadlines=True)
    before = tsc(bench)
    bench.registers.clear()
    bench.host.call(bench.local_timer.set, NOW + delay)
    assert bench.registers == {}
    written = bench.host.registers
    deadline = written["rdx"] << 32 | written["rax"] & 0xFFFF_FFFF
    assert written["rcx"] & 0xFFFF_FFFF == Msr.TSC_DEADLINE
    assert before + delay < deadline <= tsc(bench) + delay + 1


def tsc(bench: Bench) -> int:
    """The emulator's time-stamp counter."""
    bench.host.call(bench.local_timer.start_calibration)
    return bench.host[bench.local_timer.calibration_start]


def test_the_timer_is_measured_against_the_time_stamp_counter(bench: Bench) -> None:
    bench.start()
    start = tsc(bench)
    assert bench.registers[ApicRegister.INITIAL_COUNT] == MAX_COUNT
    counts = 123_456
    bench.host.stub(bench.apic.read, lambda register: MAX_COUNT - counts)
    bench.host.call(bench.local_timer.finish_calibration)
    most = (counts << 32) // max(1, bench.host[bench.local_timer.rate])
    assert 0 < most <= tsc(bench) - start
