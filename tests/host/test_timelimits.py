"""Waiting no longer than until a given time: whatever comes first counts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock.timer import Timer
from kernel.errno import Errno
from kernel.sched.timelimits import TimeLimits
from kernel.sync.condition import ConditionVariable, ConditionVariables
from kernel.sync.mutex import Mutex, Mutexes
from kernel.sync.semaphore import Semaphore, Semaphores
from kernel.threads.threads import BOOT_PRIORITY, Threads
from pykasm import *
from tests.host.threads_support import Kernel

DEADLINE = 123_456_789
GIVE, EXPIRE, SIGNAL = 1, 2, 3
"""What a thread does while another one waits."""


class Waiter(Subsystem):
    """A thread that waits, and another one that does what the tests say."""

    semaphore = bss(Semaphore)
    condition = bss(ConditionVariable)
    mutex = bss(Mutex)
    timer = bss(Ptr[Timer])
    """That of the time limit."""

    def __init__(
        self,
        threads: Threads,
        limits: TimeLimits,
        semaphores: Semaphores,
        conditions: ConditionVariables,
        mutexes: Mutexes,
    ) -> None:
        self.threads = threads
        self.limits = limits
        self.semaphores = semaphores
        self.conditions = conditions
        self.mutexes = mutexes

    @function(exported=True)
    def take(self, doings: U64) -> I32:
        """Take from the semaphore, while `doings` are done."""
        other = keep(self.threads.create(text("other"), self.do, doings, BOOT_PRIORITY))
        result = keep(self.semaphores.take_until(address_of(self.semaphore), DEADLINE))
        self.threads.join(other)
        ret(result)

    @function(exported=True)
    def wait(self, doings: U64) -> I32:
        """Wait for the condition, while `doings` are done."""
        other = keep(self.threads.create(text("other"), self.do, doings, BOOT_PRIORITY))
        condition, mutex = address_of(self.condition), address_of(self.mutex)
        self.mutexes.lock(mutex)
        result = keep(self.conditions.wait_until(condition, mutex, DEADLINE))
        self.threads.join(other)
        ret(result)

    @function
    def do(self, doings: U64) -> None:
        """Do one thing for each half of a byte, from the lowest up, until one is 0."""
        left = keep(doings)
        with while_(left != 0):
            mov(eax, u32(left))
            and_(eax, 0xF)
            shr(left, 4)
            with if_(eax == GIVE):
                self.semaphores.give(address_of(self.semaphore))
            with elif_(eax == SIGNAL):
                self.conditions.signal(address_of(self.condition))
            with else_():
                cli()
                self.limits.expire(self.timer)
                sti()


class Bench:
    """A waiter on a host."""

    def __init__(self) -> None:
        kernel = self.kernel = Kernel()
        known = (kernel.scheduler, kernel.waiting)
        mutexes = Mutexes(*known)
        self.waiter = Waiter(
            kernel.threads,
            kernel.limits,
            Semaphores(*known, kernel.limits),
            ConditionVariables(*known, kernel.limits, mutexes),
            mutexes,
        )
        self.host = kernel.host(self.waiter)
        self.armed = 0

    def run(self, function: Any, doings: list[int], count: int = 0) -> int:
        """What waiting gives while `doings` are done, with so many there from the start."""
        self.kernel.reset(self.host)
        self.armed = 0
        self.host.stub(self.kernel.timers.arm, self._arm)
        self.host[self.waiter.semaphore].count = count
        words = sum(one << 4 * place for place, one in enumerate(doings))
        return int(self.host.call(function, words))

    def _arm(self, timer: int, deadline: int) -> None:
        if deadline == DEADLINE:
            self.armed += 1
            self.host[self.waiter.timer] = timer


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


@given(st.lists(st.sampled_from([GIVE, EXPIRE]), min_size=1, max_size=8))
def test_what_is_given_goes_to_who_waits_or_stays(bench: Bench, doings: list[int]) -> None:
    in_time = doings[0] == GIVE
    result = bench.run(bench.waiter.take, doings)
    assert result == (0 if in_time else -Errno.ETIMEDOUT)
    assert bench.host[bench.waiter.semaphore].count == doings.count(GIVE) - in_time


def test_who_finds_one_does_not_wait(bench: Bench) -> None:
    assert bench.run(bench.waiter.take, [], count=2) == 0
    assert bench.armed == 0
    assert bench.host[bench.waiter.semaphore].count == 1


@given(st.lists(st.sampled_from([SIGNAL, EXPIRE]), min_size=1, max_size=8))
def test_a_signal_or_the_time_ends_waiting_for_a_condition(bench: Bench, doings: list[int]) -> None:
    result = bench.run(bench.waiter.wait, doings)
    assert result == (0 if doings[0] == SIGNAL else -Errno.ETIMEDOUT)
    current = bench.host[bench.kernel.scheduler.current]
    assert bench.host[bench.waiter.mutex].owner == int(current)
    assert int(bench.host[bench.kernel.threads.boot].queue) == 0
