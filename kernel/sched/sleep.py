"""Threads that wait for a time."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.timer import Timer
from kernel.clock.timers import Timers
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Thread, ThreadState
from kernel.structures.list import container
from pykasm import *


class Sleeper(Struct):
    """A thread, and the timer that wakes it; on the thread's stack."""

    timer: Timer
    thread: Ptr[Thread]


class Sleep(Subsystem):
    """Blocks threads until a time has come."""

    def __init__(self, scheduler: Scheduler, clock: Clock, timers: Timers) -> None:
        self.scheduler = scheduler
        self.clock = clock
        self.timers = timers

    @function(context="thread", sleeps=True)
    def sleep(self, nanoseconds: U64) -> None:
        """Wait for at least so long; for ever if the clock ends before."""
        tail(self.sleep_until, self.clock.after(nanoseconds))

    @function(context="thread", sleeps=True)
    def sleep_until(self, deadline: U64) -> None:
        """Wait until the clock has come to `deadline`, in nanoseconds."""
        sleeper, deadline = local(Sleeper), keep(deadline)
        sleeper.timer.prepare(self.wake)
        cli()  # this thread can't be taken off the processor, blocked, before the timer is armed
        thread = scratch(self.scheduler.current)
        mov(sleeper.thread, thread)
        mov(thread.state, ThreadState.BLOCKED)
        lea(rdi, sleeper.timer)
        self.timers.arm(rdi, deadline)
        self.scheduler.schedule()
        sti()

    @function(context="interrupt")
    def wake(self, timer: Ptr[Timer]) -> None:
        """Wake the thread that `timer` belongs to; both may be gone once it runs."""
        sleeper = container(timer, Sleeper, "timer")
        ignore(self.scheduler.make_ready(sleeper.thread))
