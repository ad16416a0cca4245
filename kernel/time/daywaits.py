"""Waits that end at a time of day, which may be set meanwhile."""

from __future__ import annotations

from kernel.clock.units import Nanoseconds
from kernel.errno import Errno
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import INTERRUPTIBLE, Interruption
from kernel.sched.waiting import FOREVER, Waiting, WaitResult
from kernel.time.wallclock import WallClock
from pykasm import *

DAY_BIT = 63
BY_DAY = 1 << DAY_BIT
"""Added to a time of day, in nanoseconds since 1970, to tell it from a time since the start. Times
of programs are less than this."""

UNTIL_DAY = INTERRUPTIBLE | Interruption.DAY
"""The mode of such a wait, which begins again when the time of day is set."""


class DayWaits(Subsystem):
    """What those who wait in a `WaitQueue` until a time of either kind ask before and after each
    wait of the mode UNTIL_DAY. Context: thread."""

    def __init__(self, waiting: Waiting, scheduler: Scheduler, wall: WallClock) -> None:
        self.waiting = waiting
        self.scheduler = scheduler
        self.wall = wall

    @function
    def end_of(self, deadline: Nanoseconds) -> Nanoseconds:
        """Return the time since the start that `deadline` means now."""
        mov(rax, FOREVER)
        with if_((i64(deadline) >= 0) | (deadline == rax)):
            ret(deadline)
        btr(deadline, DAY_BIT)
        tail(self.wall.since_boot, deadline)

    @function(context="any")
    def settle(self, result: OrErrno[I32]) -> OrErrno[I32]:
        """Return `result`, that of a wait; `WaitResult.WOKEN`, so that the thread looks again, if
        only the setting of the time of day has ended it."""
        with if_(result != WaitResult.INTERRUPTED):
            ret(result)
        thread = scratch(self.scheduler.current)
        fail_if(thread.pending & INTERRUPTIBLE, Errno.EINTR)
        self.waiting.clear(thread, Interruption.DAY)
        ret(WaitResult.WOKEN)
