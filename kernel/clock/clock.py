"""The monotonic clock."""

from __future__ import annotations

from kernel.clock.boottimer import BootTimer
from kernel.clock.tsc import read_tsc
from kernel.clock.units import NSEC_PER_SEC, Nanoseconds, Ticks
from kernel.locks.spinlock import SpinLock
from pykasm import *

FRACTION_BITS = 56
"""Fraction bits of `Clock.multiplier`: rounding it costs less than a second in a thousand years,
and the multipliers of counters from 4 MHz on fit."""


class Clock(Subsystem):
    """Nanoseconds since boot, from the time-stamp counter. Context: any but NMI.

    The time is `origin_time` plus the ticks since `origin` times `multiplier`. A new multiplier
    comes with a new origin, so that time continues from where it is and never goes backwards on any
    processor. The three are guarded by a sequence lock: readers write nothing, and read again if
    they changed.
    """

    sequence = bss(U32)
    """The sequence lock: odd while a writer changes the rest."""
    origin = bss(Ticks)
    """A value of the counter."""
    origin_time = bss(Nanoseconds)
    """The time at `origin`, in nanoseconds."""
    multiplier = bss(U64)
    """Nanoseconds per tick, in units of 2**-FRACTION_BITS; 0 while the rate is not known."""

    unsynchronised = bss(U32)
    """Whether the counters of two processors were seen to differ: 1 or 0."""
    last_time = bss(Nanoseconds)
    """The latest time that `now` returned, if they differ."""

    def __init__(self, boot_timer: BootTimer) -> None:
        self.boot_timer = boot_timer
        self.lock = bss(SpinLock)

    @function(init=True)
    def start(self, multiplier: U64) -> None:
        """Start the clock at the rate `multiplier`, with time 0 at the loader's jump to the kernel.

        Until then, the time is 0. Context: the first processor, while starting.
        """
        mov(rax, self.boot_timer.start_ticks)
        mov(self.origin, rax)
        mov(self.multiplier, multiplier)

    @function
    def now(self) -> Nanoseconds:
        """Return the nanoseconds since boot, which suffice for five centuries."""
        sequence = scratch(U32)
        with loop():
            mov(sequence, self.sequence)
            read_tsc()
            self._convert()
            # Loads are ordered, so an even number that stays means that none of the three changed.
            break_if(((sequence & 1) == 0) & (sequence == self.sequence))
            pause()
        with if_(self.unsynchronised != 0):
            tail(self._monotonic, rax)  # at the cost of a shared cache line
        ret(rax)

    @function
    def after(self, nanoseconds: Keep[Nanoseconds]) -> Nanoseconds:
        """Return the time `nanoseconds` from now; 2**64 - 1 if it is later than that."""
        time = self.now()
        add(time, nanoseconds)
        with if_(CF):
            mov(time, -1)
        ret(time)

    @function
    def _monotonic(self, time: Nanoseconds) -> Nanoseconds:
        """Return `time`, or the latest time that any processor was given, if that is later."""
        with loop():
            mov(rax, self.last_time)
            with if_(rax >= time):
                ret(rax)
            lock.cmpxchg(self.last_time, time)
            with if_(ZF):
                ret(time)

    @function
    def time_of(self, ticks: Ticks) -> Nanoseconds:
        """Return the time at which the counter was at `ticks`, by the present rate."""
        sequence = scratch(U32)
        with loop():
            mov(sequence, self.sequence)
            mov(rax, ticks)
            self._convert()
            break_if(((sequence & 1) == 0) & (sequence == self.sequence))
            pause()
        ret(rax)

    @inline(changes=(rax, rdx))
    def _convert(self) -> None:
        """Convert the counter's value in rax to the time.

        The multiplication is signed, as values from before the last rate change precede `origin`.
        """
        sub(rax, self.origin)
        imul(self.multiplier)
        shrd(rax, rdx, FRACTION_BITS)
        add(rax, self.origin_time)

    @function
    def set_rate(self, multiplier: U64) -> None:
        """Continue from now at the rate `multiplier`. Context: any but NMI."""
        with self.lock.held():
            # Locked, so that it is seen before the counter is read: no reader may give a time after
            # the new origin by the old rate. The stores below are seen in their order anyway.
            lock.inc(self.sequence)
            read_tsc()
            mov(rcx, rax)
            self._convert()
            mov(self.origin, rcx)
            mov(self.origin_time, rax)
            mov(self.multiplier, multiplier)
            inc(self.sequence)

    @function
    def frequency(self) -> U64:
        """Return the ticks of the counter per second, 0 while the rate is not known."""
        divisor = scratch(self.multiplier)
        with if_(divisor == 0):
            ret(0)
        mov(edx, NSEC_PER_SEC >> (64 - FRACTION_BITS))
        mov(rax, NSEC_PER_SEC << FRACTION_BITS & ((1 << 64) - 1))
        div(divisor)
        ret(rax)

    @function
    def ticks_in(self, duration: Nanoseconds) -> Ticks:
        """Return the ticks of the counter in `duration` nanoseconds, rounded up; at most 2**63."""
        divisor = scratch(self.multiplier)
        mov(rdx, duration)
        shr(rdx, 64 - FRACTION_BITS)
        mov(rax, duration)
        shl(rax, FRACTION_BITS)
        mov(rcx, divisor)
        shr(rcx, 1)
        with if_(rdx >= rcx):  # the quotient would be 2**63 or more
            mov(rax, 1 << 63)
            ret(rax)
        div(divisor)
        inc(rax)
        ret(rax)
