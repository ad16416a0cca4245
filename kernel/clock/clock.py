"""How much time has passed."""

from __future__ import annotations

from kernel.clock.boottimer import BootTimer
from kernel.clock.tsc import read_tsc
from kernel.clock.units import NANOSECONDS
from kernel.locks.spinlock import SpinLock
from pykasm import *

FRACTION_BITS = 56
"""Bits of `Clock.multiplier` below one nanosecond a tick: its rounding costs less than a second in
a thousand years, and counters from 4 MHz on still fit."""


class Clock(Subsystem):
    """Nanoseconds since the kernel began, from the time-stamp counter. Context: any but NMI.

    The time is that at an origin and the ticks since then times `multiplier`. A better multiplier
    comes with a new origin, so that the clock goes on from where it is: it never goes backwards,
    on no processor, as nobody reads it while these three change.
    """

    version = bss(U32)
    """Odd while the rest changes: readers begin again if it did."""
    origin = bss(U64)
    """A value of the counter."""
    origin_time = bss(U64)
    """The clock at that value, in nanoseconds."""
    multiplier = bss(U64)
    """Nanoseconds of a tick, in units of 2**-FRACTION_BITS; 0 as long as the rate is not known."""

    apart = bss(U32)
    """Whether the counters of two processors were seen to differ: 1 or 0."""
    latest = bss(U64)
    """The latest time that `now` gave since they were."""

    def __init__(self, boot_timer: BootTimer) -> None:
        self.boot_timer = boot_timer
        self.lock = bss(SpinLock)

    @function(init=True)
    def start(self, multiplier: U64) -> None:
        """Let time have begun with the kernel, and go by `multiplier`; before, it stands still.
        Context: starting up."""
        mov(rax, self.boot_timer.start)
        mov(self.origin, rax)
        mov(self.multiplier, multiplier)

    @function
    def now(self) -> U64:
        """Nanoseconds since the loader jumped to the kernel. They last for five centuries."""
        version = scratch(U32)
        with loop():
            mov(version, self.version)
            read_tsc()
            self._convert()
            break_if(((version & 1) == 0) & (version == self.version))
            pause()
        with if_(self.apart != 0):
            tail(self.not_before, rax)
        ret(rax)

    @function
    def after(self, nanoseconds: Keep[U64]) -> U64:
        """The time in so many nanoseconds; the clock's last one if it ends before."""
        time = self.now()
        add(time, nanoseconds)
        with if_(CF):
            mov(time, -1)
        ret(time)

    @function
    def not_before(self, time: U64) -> U64:
        """`time`, or the latest time that any processor was told, if that is later."""
        with loop():
            mov(rax, self.latest)
            with if_(rax >= time):
                ret(rax)
            lock.cmpxchg(self.latest, time)
            with if_(ZF):
                ret(time)

    @function
    def time_of(self, ticks: U64) -> U64:
        """What the clock showed, or would have shown, when the counter was at `ticks`."""
        version = scratch(U32)
        with loop():
            mov(version, self.version)
            mov(rax, ticks)
            self._convert()
            break_if(((version & 1) == 0) & (version == self.version))
            pause()
        ret(rax)

    def _convert(self) -> None:
        """Turn the counter's value in rax into the time then. Changes rdx.

        The difference to the origin is negative for what happened before the rate changed.
        """
        sub(rax, self.origin)
        imul(self.multiplier)
        shrd(rax, rdx, FRACTION_BITS)
        add(rax, self.origin_time)

    @function
    def set_rate(self, multiplier: U64) -> None:
        """Go on from now by another `multiplier`. Context: any."""
        with self.lock.held():
            lock.inc(self.version)  # no reader takes a time behind the new origin by the old rate
            read_tsc()
            mov(rcx, rax)
            self._convert()
            mov(self.origin, rcx)
            mov(self.origin_time, rax)
            mov(self.multiplier, multiplier)
            inc(self.version)

    @function
    def frequency(self) -> U64:
        """Ticks of the counter in a second, 0 as long as that is not known."""
        divisor = scratch(self.multiplier)
        with if_(divisor == 0):
            ret(0)
        mov(edx, NANOSECONDS >> (64 - FRACTION_BITS))
        mov(rax, NANOSECONDS << FRACTION_BITS & ((1 << 64) - 1))
        div(divisor)
        ret(rax)

    @function
    def ticks_in(self, duration: U64) -> U64:
        """How many ticks of the counter `duration` nanoseconds take, rounded up; at most 2**63."""
        divisor = scratch(self.multiplier)
        mov(rdx, duration)
        shr(rdx, 64 - FRACTION_BITS)
        mov(rax, duration)
        shl(rax, FRACTION_BITS)
        mov(rcx, divisor)
        shr(rcx, 1)
        with if_(rdx >= rcx):
            mov(rax, 1 << 63)
            ret(rax)
        div(divisor)
        inc(rax)
        ret(rax)
