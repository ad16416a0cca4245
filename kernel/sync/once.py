"""Calls that are made once, by the thread that comes first."""

from __future__ import annotations

from enum import IntEnum

from kernel.locks.waitqueue import WaitQueue
from kernel.sched.scheduler import Scheduler
from kernel.sched.waiting import Waiting
from pykasm import *


class Progress(IntEnum):
    """The progress of a call."""

    NOT_BEGUN = 0
    BEGUN = 1
    DONE = 2


class OnceAction(Fn[[], Void], context="thread"):
    """A function that is called once."""


class Once(Struct):
    """Zero is one that has not begun."""

    progress: U32 = field(Progress, guarded_by="queue.lock", unlocked_reads=True)
    """It only increases."""
    queue: WaitQueue


class Onces(Subsystem):
    """The operation on `Once`."""

    def __init__(self, scheduler: Scheduler, waiting: Waiting) -> None:
        self.scheduler = scheduler
        self.waiting = waiting

    @function(context="thread", sleeps=True)
    def run(self, once: Ptr[Once], action: OnceAction) -> None:
        """Call `action` if no thread has yet. Return when the one call is over."""
        # Without the lock: DONE stays, and x86 keeps loads in order, so its effects are seen.
        with if_(once.progress != Progress.DONE):
            tail(self._run_or_wait, once, action)

    @function(context="thread", sleeps=True)
    def _run_or_wait(self, once: Keep[Ptr[Once]], action: Keep[OnceAction]) -> None:
        """Call `action`, or wait for the thread that does."""
        found = keep(U32)
        with once.queue.lock.held():
            mov(found, once.progress)
            with if_(found == Progress.NOT_BEGUN):
                mov(once.progress, Progress.BEGUN)
            with elif_(found == Progress.BEGUN):
                self.waiting.wait(address_of(once.queue))
        with if_(found == Progress.NOT_BEGUN):
            action()
            tail(self.finish, once)

    @function(context="thread")
    def finish(self, once: Keep[Ptr[Once]]) -> None:
        """Set the progress to DONE, and wake all threads that wait for that."""
        with once.queue.lock.held():
            mov(once.progress, Progress.DONE)
            self.waiting.wake_all(address_of(once.queue))
        self.scheduler.preempt_if_due()
