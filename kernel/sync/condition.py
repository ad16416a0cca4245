"""Condition variables: waiting until something that a mutex guards holds."""

from __future__ import annotations

from kernel.clock.units import Nanoseconds
from kernel.locks.waitqueue import WaitQueue
from kernel.sched.scheduler import Scheduler
from kernel.sched.waiting import Waiting
from kernel.sync.mutex import Mutex, Mutexes
from pykasm import *


class ConditionVariable(Struct):
    """A queue of threads that wait. Zero is an empty one."""

    queue: WaitQueue


class ConditionVariables(Subsystem):
    """Operations on `ConditionVariable` (Hoare, Monitors, 1974, with signals as in Mesa: a thread
    that wakes up tests again, since others may have had the mutex before it)."""

    def __init__(self, scheduler: Scheduler, waiting: Waiting, mutexes: Mutexes) -> None:
        self.scheduler = scheduler
        self.waiting = waiting
        self.mutexes = mutexes

    @function(context="thread", sleeps=True)
    def wait(self, condition: Keep[Ptr[ConditionVariable]], mutex: Keep[Ptr[Mutex]]) -> None:
        """Unlock `mutex`, wait for a signal, and lock it again."""
        # No signal after the unlocking is missed: `signal` acquires the queue's lock, which is held
        # from before until this thread waits.
        with condition.queue.lock.held():
            self.mutexes.unlock(mutex)
            self.waiting.wait(address_of(condition.queue))
        tail(self.mutexes.lock, mutex)

    @function(context="thread", sleeps=True)
    def wait_until(
        self,
        condition: Keep[Ptr[ConditionVariable]],
        mutex: Keep[Ptr[Mutex]],
        deadline: Keep[Nanoseconds],
        mode: Keep[U32],
    ) -> OrErrno[I32]:
        """Unlock `mutex`, wait for a signal as `Waiting.wait_until` does, and lock `mutex` again,
        however long that takes. Return 0, -ETIMEDOUT or -EINTR."""
        result = keep(I32)
        with condition.queue.lock.held():
            self.mutexes.unlock(mutex)
            mov(result, self.waiting.wait_until(address_of(condition.queue), deadline, mode))
        self.mutexes.lock(mutex)
        ret(result)

    @function(context="any")
    def signal(self, condition: Keep[Ptr[ConditionVariable]]) -> None:
        """Wake the thread that has waited longest, if any does. Context: any."""
        with condition.queue.lock.held():
            ignore(self.waiting.wake_one(address_of(condition.queue)))
        self.scheduler.preempt_if_due()

    @function(context="any")
    def broadcast(self, condition: Keep[Ptr[ConditionVariable]]) -> None:
        """Wake all threads that wait. Context: any."""
        with condition.queue.lock.held():
            self.waiting.wake_all(address_of(condition.queue))
        self.scheduler.preempt_if_due()
