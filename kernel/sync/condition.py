"""Waiting until something that a mutex guards is so."""

from __future__ import annotations

from kernel.locks.waitqueue import WaitQueue
from kernel.sched.scheduler import Scheduler
from kernel.sched.timelimits import TimeLimit, TimeLimits
from kernel.sched.waiting import Waiting
from kernel.sync.mutex import Mutex, Mutexes
from pykasm import *


class ConditionVariable(Struct):
    """Those who wait. Zero is one for which nobody does."""

    queue: WaitQueue


class ConditionVariables(Subsystem):
    """Operations on `ConditionVariable` (Hoare, Monitors, 1974, with signals as in Mesa: who wakes
    up looks again, since others may have had the mutex before it)."""

    def __init__(
        self, scheduler: Scheduler, waiting: Waiting, limits: TimeLimits, mutexes: Mutexes
    ) -> None:
        self.scheduler = scheduler
        self.waiting = waiting
        self.limits = limits
        self.mutexes = mutexes

    @function(context="thread", sleeps=True)
    def wait(self, condition: Ptr[ConditionVariable], mutex: Ptr[Mutex]) -> None:
        """Unlock `mutex`, wait for a signal, and lock it again. A signal that is given once it is
        unlocked is not missed."""
        condition, mutex = keep(condition), keep(mutex)
        with self.scheduler.preemption_disabled():  # else it could sleep, and keep the mutex
            with condition.queue.lock.held():
                lea(rdi, condition.queue)
                self.waiting.enqueue(rdi)
            self.mutexes.unlock(mutex)
        self.scheduler.block()
        tail(self.mutexes.lock, mutex)

    @function(context="thread", sleeps=True)
    def wait_until(
        self, condition: Ptr[ConditionVariable], mutex: Ptr[Mutex], deadline: U64
    ) -> I32:
        """As `wait`, but for a signal no longer than until the clock has come to `deadline`, in
        nanoseconds: 0, or -ETIMEDOUT. The mutex is locked again either way."""
        condition, mutex, deadline = keep(condition), keep(mutex), keep(deadline)
        limit = local(TimeLimit)
        self.limits.begin(limit)
        with self.scheduler.preemption_disabled():
            with condition.queue.lock.held():
                lea(rdi, condition.queue)
                lea(rsi, limit)
                self.limits.enqueue(rdi, rsi, deadline)
            self.mutexes.unlock(mutex)
        self.scheduler.block()
        lea(rdi, limit)
        result = keep(self.limits.result(rdi))
        self.mutexes.lock(mutex)
        ret(result)

    @function
    def signal(self, condition: Ptr[ConditionVariable]) -> None:
        """Wake the thread that has waited longest, if any does. Any context."""
        condition = keep(condition)
        with condition.queue.lock.held(), if_(~condition.queue.is_empty()):
            lea(rdi, condition.queue)
            thread = self.waiting.take(rdi)
            ignore(self.scheduler.make_ready(thread))
        self.scheduler.preempt_if_due()

    @function
    def broadcast(self, condition: Ptr[ConditionVariable]) -> None:
        """Wake all that wait. Any context."""
        condition = keep(condition)
        with condition.queue.lock.held():
            lea(rdi, condition.queue)
            self.waiting.wake_all(rdi)
        self.scheduler.preempt_if_due()
