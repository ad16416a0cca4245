"""The numbers of processes, threads, process groups and sessions."""

from __future__ import annotations

from kernel.locks.spinlock import SpinLock
from pykasm import *

PID_MAX = 32768
"""One more than the greatest number that there can be."""

FIRST_REUSED = 300
"""Where numbers go on after the greatest one: those below belong to what starts with the machine
(Linux: RESERVED_PIDS)."""


class ProcessIds(Subsystem):
    """Numbers count up, so that it takes long until one comes again. A process, a group and a
    session may have one number at once; nobody else gets it before all of them are gone. Context:
    any."""

    holders = bss(U8 * PID_MAX, guarded_by="lock")
    """How many have each number."""
    last = bss(U32, guarded_by="lock", unlocked_reads=True)
    """What was given out last."""
    given = bss(U64, guarded_by="lock", unlocked_reads=True)
    """How many were given out since the start."""
    count = bss(U32, guarded_by="lock")
    """How many numbers somebody has."""

    end = data(U64, PID_MAX)
    """One more than the greatest number that is given out (Linux: /proc/sys/kernel/pid_max,
    proc(5))."""

    def __init__(self) -> None:
        self.lock = bss(SpinLock)

    @function
    def allocate(self) -> U32:
        """Return a number that nobody has; 0 if there is none."""
        number = keep(U32)
        with self.lock.held():
            xor(number, number)
            room = scratch(self.end)
            sub(room, FIRST_REUSED)
            with if_(self.count < u32(room)):
                release(room)
                mov(number, self._next_free())
                mov(self.holders[u64(number)], 1)
                mov(self.last, number)
                inc(self.count)
                inc(self.given)
        ret(number)

    @function(holds="lock")
    def _next_free(self) -> U32:
        """Return the next number after the last one that nobody has, which there is."""
        number = scratch(self.last)
        with loop():
            inc(number)
            with if_(u64(number) >= self.end):
                mov(number, FIRST_REUSED)
            break_if(self.holders[u64(number)] == 0)
        ret(number)

    @function
    def hold(self, number: U32) -> None:
        """Have `number`, which somebody else has, too."""
        with self.lock.held():
            inc(self.holders[u64(number)])

    @function
    def free(self, number: U32) -> None:
        """Have `number` no more. Others get it when nobody has it."""
        with self.lock.held():
            dec(self.holders[u64(number)])
            with if_(ZF):
                dec(self.count)
