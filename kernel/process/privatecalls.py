"""System calls that Linux does not have."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.mm.faultinjection import FaultInjection
from kernel.sched.scheduler import Scheduler
from pykasm import *


class PrivateCalls(Subsystem):
    """Calls of this kernel alone, for its tests."""

    def __init__(self, scheduler: Scheduler, faults: FaultInjection) -> None:
        self.scheduler = scheduler
        self.faults = faults

    @function(context="thread")
    def fail_allocation(self, number: U64) -> OrErrno[I64]:
        """Make the allocation with this `number`, counted from 1, of those that this thread's
        system calls do from now on fail, or none for 0. Returns whether the one that was to fail
        before has. One thread at a time; in debug builds alone (Linux: /proc/PID/fail-nth)."""
        if debugging():
            number = keep(number)
            failed = keep(self.faults.disarm())
            with if_(number != 0):
                self.faults.arm_below(number, u64(scratch(self.scheduler.current)))
            movzx(eax, u8(failed))
            ret(rax)
        else:
            ret(-Errno.ENOSYS)
