"""Timers of programs against a model: when they send, how often they would have, what is left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.mm.slabs import Slabs
from kernel.sched.thread import Interruption, Thread
from kernel.signals.signalactions import Disposition, SignalAction
from kernel.signals.signalactionstore import SignalActionStore
from kernel.signals.signaldelivery import SignalDelivery
from kernel.signals.signalframes import SignalFrames
from kernel.signals.signalgroup import SignalGroup
from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signalmasks import SignalMasks
from kernel.signals.signalnumber import Signal, SignalCode
from kernel.signals.signalqueues import SignalQueues
from kernel.signals.signals import Signals
from kernel.signals.signalstates import SignalStates
from kernel.signals.signaltarget import SignalTarget
from kernel.signals.signaltimer import SignalTimer, TimeBase
from kernel.signals.signaltimers import SignalTimers
from kernel.signals.timerdeadlines import MOST_OVERRUNS, REST
from kernel.users.useraccount import UserAccount
from tests.host.threads_support import Kernel

HANDLER = 0x1234_5678
NUMBER = Signal.SIGUSR1
ALL = (1 << 64) - 1


class Machine:
    """A process with one thread and a timer, and a clock that the tests advance."""

    def __init__(self) -> None:
        self.kernel = Kernel(SignalFrames)
        parts = self.parts = self.kernel.parts
        asked = (SignalTimers, Signals, SignalDelivery, SignalMasks, SignalStates)
        self.host = self.kernel.host(*(parts[one] for one in (*asked, SignalActionStore)))
        self.host.checkpoint()

    def start(self, base: TimeBase) -> None:
        host, parts = self.host, self.parts
        host.reset()
        self.now = 1
        self.armed: int | None = None
        host.stub(self.kernel.clock.now, lambda: self.now)
        host.stub(self.kernel.timers.arm, self._arm)
        host.stub(self.kernel.timers.cancel, self._cancel)
        host.stub(self.kernel.timers.cancel_and_wait, self._cancel)
        host.stub(parts[Slabs].allocate, lambda cache: int(host.bytes(bytes(4096))))
        host.stub(parts[Slabs].free, lambda cache, place: None)
        self.group = host.new(SignalGroup)
        assert self.call(parts[SignalStates].begin, self.group, host.new(UserAccount))
        self.thread = host.new(Thread)
        self.target = host.new(SignalTarget)
        self.target.thread = self.thread
        self.call(parts[SignalStates].join, self.target, self.group)
        self.act(HANDLER)
        self.timer = host.new(SignalTimer)
        self.call(parts[SignalTimers].begin, self.timer, self.group, base)
        self.timer.signal.info.number = NUMBER
        self.timer.signal.info.code = SignalCode.SI_TIMER

    def _arm(self, timer: Any, deadline: int) -> None:
        assert int(timer) == int(self.timer.timer)
        self.armed = deadline

    def _cancel(self, timer: Any) -> int:
        was, self.armed = self.armed, None
        return was is not None

    def call(self, function: Any, *arguments: Any) -> int:
        return int(self.host.call(function, *arguments) or 0)

    def act(self, handler: int) -> None:
        action = self.host.new(SignalAction, handler=handler)
        self.call(self.parts[SignalActionStore].set, self.group.actions, NUMBER, action)

    def advance(self, time: int) -> None:
        """Move time on; the interrupt of the timer comes if it is due, or the tick."""
        self.now += time
        if self.timer.base >= TimeBase.PROCESS:
            if self.timer.deadline:
                self.call(self.parts[SignalTimers].look, self.group, self.timer, self.now)
        elif self.armed is not None and self.armed <= self.now:
            self.armed = None
            self.call(self.parts[SignalTimers].expire, self.timer.timer)

    def take(self) -> Iterator[tuple[int, int]]:
        """What a handler is told, if the signal has come: number and overruns."""
        info = self.host.new(SignalInfo)
        take = self.parts[SignalQueues].take_next
        while self.call(take, self.group, self.target, ALL, info):
            yield int(info.number), int(info.details.timer.overrun)

    @property
    def is_told(self) -> bool:
        return bool(self.thread.pending & Interruption.SIGNAL)


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine()


class Model:
    """What timer_settime(2) says of a timer that expires at `first`, and then each `interval`."""

    def __init__(self, first: int, interval: int) -> None:
        self.next, self.interval = first, interval
        self.expired = 0
        """How often since the signal was taken last."""

    def advance(self, now: int) -> None:
        while self.next and self.next <= now:
            self.expired += 1
            self.next = self.next + self.interval if self.interval else 0

    def take(self) -> list[tuple[int, int]]:
        expired, self.expired = self.expired, 0
        return [(NUMBER, expired - 1)] if expired else []


SPANS = st.integers(1, 100)
STEPS = st.lists(st.one_of(SPANS, st.sampled_from(("take", "left"))), max_size=30)


@pytest.mark.parametrize("base", [TimeBase.BOOT, TimeBase.PROCESS])
@settings(max_examples=60, deadline=None)
@given(first=SPANS, interval=st.just(0) | SPANS, steps=STEPS)
def test_each_time_is_told_or_counted(
    machine: Machine, base: TimeBase, first: int, interval: int, steps: list[int | str]
) -> None:
    machine.start(base)
    timers = machine.parts[SignalTimers]
    model = Model(machine.now + first, interval)
    machine.call(timers.set, machine.group, machine.timer, machine.now + first, interval)
    for step in steps:
        if isinstance(step, int):
            machine.advance(step)
            model.advance(machine.now)
            assert machine.is_told or not model.expired
        elif step == "take":
            assert [*machine.take()] == model.take()
        else:
            left = machine.call(timers.left, machine.timer, machine.now)
            assert left == (model.next - machine.now if model.next else 0)
    assert [*machine.take()] == model.take()
    assert machine.call(timers.left, machine.timer, machine.now) == (
        model.next - machine.now if model.next else 0
    )


def test_more_overruns_than_can_be_told(machine: Machine) -> None:
    machine.start(TimeBase.BOOT)
    timers = machine.parts[SignalTimers]
    machine.call(timers.set, machine.group, machine.timer, 2, 1)
    machine.advance(1 << 40)
    machine.advance(1 << 40)
    assert [*machine.take()] == [(NUMBER, MOST_OVERRUNS)]
    assert machine.timer.last_overrun == MOST_OVERRUNS


def test_what_is_ignored_comes_seldom_and_still_comes(machine: Machine) -> None:
    machine.start(TimeBase.BOOT)
    machine.act(Disposition.IGNORE)
    machine.call(machine.parts[SignalTimers].set, machine.group, machine.timer, 10, 10)
    machine.advance(10)
    assert not machine.is_told
    assert machine.armed is not None
    assert machine.armed >= machine.now + REST
    machine.act(HANDLER)
    machine.advance(REST + 10)
    assert machine.is_told
    assert [number for number, _ in machine.take()] == [NUMBER]
    assert machine.armed is not None
    assert machine.armed % 10 == 0


def test_a_signal_that_is_taken_away_lets_the_timer_go_on(machine: Machine) -> None:
    machine.start(TimeBase.BOOT)
    machine.call(machine.parts[SignalTimers].set, machine.group, machine.timer, 10, 10)
    machine.advance(12)
    assert machine.armed is None
    machine.call(machine.parts[Signals].forget, machine.group, 1 << (NUMBER - 1))
    assert machine.armed == 20
    assert [*machine.take()] == []


@pytest.mark.parametrize("base", [TimeBase.BOOT, TimeBase.PROCESS])
def test_an_end_leaves_nothing(machine: Machine, base: TimeBase) -> None:
    machine.start(base)
    timers = machine.parts[SignalTimers]
    machine.call(timers.set, machine.group, machine.timer, 10, 10)
    machine.advance(12)
    machine.call(timers.end, machine.timer)
    assert machine.armed is None
    assert machine.group.pending.set == 0
    assert [*machine.take()] == []
    machine.call(timers.expire, machine.timer.timer)  # an interrupt that came at this moment
    assert not machine.group.pending.set
    assert machine.armed is None


def test_a_signal_for_a_thread_that_has_ended_is_sent_to_nobody(machine: Machine) -> None:
    machine.start(TimeBase.BOOT)
    machine.timer.is_for_thread = 1
    machine.call(machine.parts[SignalTimers].set, machine.group, machine.timer, 10, 0)
    machine.advance(10)
    assert not machine.is_told
    assert machine.timer.deadline == 0


def test_a_timer_that_was_set_again_at_this_moment_does_not_expire(machine: Machine) -> None:
    machine.start(TimeBase.BOOT)
    timers = machine.parts[SignalTimers]
    machine.call(timers.set, machine.group, machine.timer, 10, 0)
    machine.now = 10
    machine.call(timers.set, machine.group, machine.timer, 20, 0)
    machine.call(timers.expire, machine.timer.timer)
    assert not machine.is_told
    assert machine.armed == 20
