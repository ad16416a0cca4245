"""How much of a processor urgent threads get, against a model."""

from hypothesis import given
from hypothesis import strategies as st

from kernel.clock.boottimer import BootTimer
from kernel.clock.clock import Clock
from kernel.sched.preemption import Preemption
from kernel.sched.realtimelimit import WITHOUT_LIMIT, RealTimeLimit
from kernel.sched.runqueue import (
    ALL_PRIORITIES,
    BOOT_PRIORITY,
    IDLE_PRIORITY,
    USUAL_PRIORITIES,
    RunQueue,
)
from kernel.sched.ticks import TICK
from pykasm.hostrun import Host

LIMITED = USUAL_PRIORITIES | 1 << IDLE_PRIORITY

limit = RealTimeLimit(Preemption(), Clock(BootTimer()))
host = Host(limit)


@given(
    period=st.integers(1, 200_000),
    runtime=st.one_of(st.just(WITHOUT_LIMIT), st.integers(0, 200_000)),
    ticks=st.lists(
        st.tuples(
            st.sampled_from([BOOT_PRIORITY, BOOT_PRIORITY + 1]),
            st.booleans(),
            st.integers(0, 2 * TICK),
        ),
        max_size=60,
    ),
)
def test_urgent_threads_are_not_chosen_when_their_time_is_used_up(
    period: int, runtime: int, ticks: list[tuple[int, bool, int]]
) -> None:
    host.reset()
    now = 1
    host.stub(limit.clock.now, lambda: now)
    host[limit.period], host[limit.runtime] = period, min(runtime, period)
    queue = host.new(RunQueue, eligible=ALL_PRIORITIES)
    end, used, eligible = 0, 0, ALL_PRIORITIES
    for priority, others, late in ticks:
        now += TICK + late
        queue.priority, queue.ready = priority, 1 << BOOT_PRIORITY if others else 0
        if now >= end:
            end, used, eligible = now + period * 1000, 0, ALL_PRIORITIES
        if priority > BOOT_PRIORITY:
            used += TICK
            if runtime != WITHOUT_LIMIT and used >= min(runtime, period) * 1000 and others:
                eligible = LIMITED
        host.call(limit.count, queue, TICK)
        assert queue.eligible == eligible
