"""The timer queue against a model."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock.clock import Clock
from kernel.clock.localtimer import LocalTimer
from kernel.clock.timer import Timer, TimerQueue
from kernel.clock.timers import Timers
from kernel.contents import CONTENTS
from kernel.cpu.percpu import PerCpu
from pykasm import *
from pykasm.hostrun import Host, HostFault

LAST = (1 << 64) - 1


class Model:
    """Timers on a host, and what should become of them."""

    def __init__(self) -> None:
        parts = Parts(CONTENTS)
        clock, alarm, per_cpu = parts[Clock], parts[LocalTimer], parts[PerCpu]
        self.timers = parts[Timers]
        self.host = Host(self.timers, per_cpu)
        self.host.stub(clock.now, lambda: self.now)
        self.host.stub(alarm.set, self.set_alarm)
        self.host.call(per_cpu.start_first)
        self.host.checkpoint()
        self.start()

    def start(self) -> None:
        """Begin with an empty queue at time 0."""
        self.host.reset()
        self.now = 0
        self.alarm: int | None = None
        self.called: list[int] = []
        self.armed: dict[int, tuple[int, int]] = {}
        """Deadline and order of arming of each timer that is armed."""
        self.steps = 0
        self.made: list[Any] = []

    def set_alarm(self, deadline: int) -> None:
        self.alarm = deadline

    def new(self, handler: Any = None) -> Any:
        """A timer that was never armed."""
        number = len(self.made)
        made = self.host.new(Timer, handler=handler or (lambda timer: self.called.append(number)))
        self.made.append(made)
        return made

    def arm(self, number: int, deadline: int) -> None:
        self.host.call(self.timers.arm, self.made[number], deadline)
        self.steps += 1
        self.armed[number] = (deadline, self.steps)
        assert self.alarm is not None
        assert self.alarm <= min(deadline for deadline, _ in self.armed.values())

    def cancel(self, number: int) -> None:
        outcome = self.host.call(self.timers.cancel, self.made[number])
        assert outcome == (1 if self.armed.pop(number, None) else 0)

    def expire(self, now: int) -> None:
        """The alarm goes off at `now`."""
        self.now = now
        self.called.clear()
        self.alarm = None
        self.host.call(self.timers.expire, 0)
        due = sorted((when, n) for n, when in self.armed.items() if when[0] <= now)
        assert self.called == [number for _, number in due]
        for _, number in due:
            del self.armed[number]
        assert self.alarm == min((deadline for deadline, _ in self.armed.values()), default=None)

    @property
    def queue(self) -> Any:
        return self.host.at(TimerQueue, self.host.address(self.timers.queue))


@pytest.fixture(scope="module")
def model() -> Model:
    return Model()


TIMES = st.one_of(st.integers(0, 20), st.integers(0, LAST))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("arm"), st.integers(0, 5), TIMES),
        st.tuples(st.just("cancel"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("expire"), st.just(0), TIMES),
    )
)


@given(steps=STEPS)
def test_timers_go_off_in_order_when_they_are_due(
    model: Model, steps: list[tuple[str, int, int]]
) -> None:
    model.start()
    for _ in range(6):
        model.new()
    for what, number, time in steps:
        if what == "arm":
            model.arm(number, time)
        elif what == "cancel":
            model.cancel(number)
        else:
            model.expire(max(time, model.now))
        assert model.queue.count == len(model.armed)


def test_a_handler_may_arm_its_timer_again(model: Model) -> None:
    model.start()

    def again(timer: Any) -> None:
        assert timer.armed == 0
        model.called.append(timer.node.key)
        model.host.call(model.timers.arm, timer, timer.node.key + 10)

    timer = model.new(again)
    model.host.call(model.timers.arm, timer, 5)
    model.now = 27
    model.host.call(model.timers.expire, 0)
    assert model.called == [5, 15, 25]
    assert model.alarm == 35


def test_a_handler_may_cancel_another_timer_that_is_due(model: Model) -> None:
    model.start()
    outcomes = []
    first = model.new(
        lambda timer: outcomes.append(model.host.call(model.timers.cancel, model.made[1]))
    )
    second = model.new()
    model.host.call(model.timers.arm, first, 1)
    model.host.call(model.timers.arm, second, 1)
    model.now = 1
    model.host.call(model.timers.expire, 0)
    assert (outcomes, model.called) == ([1], [])


def test_a_timer_may_be_gone_when_its_handler_returns(model: Model) -> None:
    model.start()
    model.new(lambda timer: model.host.write(timer, b"\xff" * Timer._size))
    model.arm(0, 1)
    model.now = 1
    model.host.call(model.timers.expire, 0)
    assert (model.queue.running, model.queue.count) == (0, 0)


def test_waiting_for_a_handler_ends_when_no_processor_runs_it(model: Model) -> None:
    model.start()
    timer = model.new()
    model.arm(0, 1)
    model.expire(1)
    assert model.host.call(model.timers.cancel_and_wait, timer) == 0
    model.queue.running = timer
    with pytest.raises(HostFault):
        model.host.call(model.timers.cancel_and_wait, timer, limit=10_000)


def test_a_timer_that_arms_itself_ends_when_it_is_waited_for(model: Model) -> None:
    model.start()
    outcomes = []

    def again(timer: Any) -> None:
        model.host.call(model.timers.arm, timer, 9)
        model.queue.running = 0  # as if this were the end, on another processor
        outcomes.append(model.host.call(model.timers.cancel_and_wait, timer))

    timer = model.new(again)
    model.host.call(model.timers.arm, timer, 1)
    model.now = 5
    model.host.call(model.timers.expire, 0)
    assert (outcomes, timer.armed, model.queue.count) == ([1], 0, 0)


def test_cancelling_a_timer_of_another_processor_goes_to_its_queue(model: Model) -> None:
    model.start()
    timer = model.new()
    model.arm(0, 7)
    away = model.host.new(TimerQueue, count=1)
    away.timers.root = away.timers.first = model.queue.timers.root
    model.queue.timers.root = model.queue.timers.first = 0
    timer.queue = away
    assert model.host.call(model.timers.cancel, timer) == 1
    assert (away.count, away.timers.root) == (0, 0)
    assert model.queue.count == 1


def test_arming_and_cancelling_stays_cheap_among_thousands(model: Model) -> None:
    model.start()
    for number in range(2000):
        model.host.call(model.timers.arm, model.host.new(Timer), 10 * number + 10)
    timer = model.new()
    model.host.call(model.timers.arm, timer, 9999)
    arming = model.host.instructions
    model.host.call(model.timers.cancel, timer)
    assert arming + model.host.instructions < 800
