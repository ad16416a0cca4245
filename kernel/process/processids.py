"""The numbers of processes and of their threads."""

from __future__ import annotations

from kernel.locks.spinlock import SpinLock
from pykasm import *

PID_MAX = 32768
"""One more than the greatest number (Linux: /proc/sys/kernel/pid_max, proc(5))."""

FIRST_REUSED = 300
"""Where numbers go on after the greatest one: those below belong to what starts with the machine
(Linux: RESERVED_PIDS)."""

WORD = 64


class ProcessIds(Subsystem):
    """Numbers count up, so that it takes long until one comes again. Context: any."""

    used = bss(U64 * (PID_MAX // WORD), guarded_by="lock")
    """A bit for each number that somebody has."""
    last = bss(U32, guarded_by="lock")
    """What was given out last."""
    count = bss(U32, guarded_by="lock")

    def __init__(self) -> None:
        self.lock = bss(SpinLock)

    @function
    def allocate(self) -> U32:
        """Return a number that nobody has; 0 if there is none."""
        number = keep(U32)
        with self.lock.held():
            xor(number, number)
            with if_(self.count != PID_MAX - FIRST_REUSED):
                mov(number, self._next_free())
                bts(self.used[0], u64(number))
                mov(self.last, number)
                inc(self.count)
        ret(number)

    @function(holds="lock")
    def _next_free(self) -> U32:
        """Return the next number after the last one that nobody has, which there is."""
        number = scratch(self.last)
        with loop():
            inc(number)
            with if_(number >= PID_MAX):
                mov(number, FIRST_REUSED)
            mov(eax, number)
            shr(eax, WORD.bit_length() - 1)
            mov(rcx, self.used[rax])
            bt(rcx, u64(number))
            break_if(~CF)
        ret(number)

    @function
    def free(self, number: U32) -> None:
        """Free `number`, which others get then."""
        with self.lock.held():
            btr(self.used[0], u64(number))
            dec(self.count)
