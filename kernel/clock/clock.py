"""The monotonic clock."""

from __future__ import annotations

from kernel.clock.boottimer import BootTimer
from kernel.clock.clockpage import FRACTION_BITS, ClockPage
from kernel.clock.tsc import read_tsc
from kernel.clock.units import NSEC_PER_SEC, Nanoseconds, Ticks
from kernel.locks.spinlock import SpinLock
from pykasm import *


class Clock(Subsystem):
    """Nanoseconds since boot, from the time-stamp counter. Context: any but NMI."""

    early_page = bss(ClockPage)
    page = data(Ptr[ClockPage], early_page)
    """What the time is computed from: `early_page`, until programs are to see it."""
    last_time = bss(Nanoseconds)
    """The latest time that `now` returned, if the counters of processors differ."""

    def __init__(self, boot_timer: BootTimer) -> None:
        self.boot_timer = boot_timer
        self.lock = bss(SpinLock)

    @function(init=True)
    def start(self, multiplier: U64) -> None:
        """Start the clock at the rate `multiplier`, with time 0 at the loader's jump to the kernel.

        Until then, the time is 0. Context: the first processor, while starting.
        """
        mov(rax, self.boot_timer.start_ticks)
        mov(self.early_page.origin, rax)
        mov(self.early_page.multiplier, multiplier)

    @function(init=True)
    def move(self, page: Ptr[ClockPage]) -> None:
        """Go on with the page at `page`, which is as empty as it was long."""
        with self.lock.held():  # nobody changes what is copied
            mov(rdx, page)
            mov(rdi, page)
            lea(rsi, self.early_page)
            mov(ecx, sizeof(ClockPage))
            rep.movsb()
            mov(self.page, rdx)

    @function(clobbers=(rcx, rdx, rdi, r10, r11))
    def now(self) -> Nanoseconds:
        """Return the nanoseconds since boot, which suffice for five centuries."""
        page = scratch(self.page)
        with page.unchanged():
            read_tsc()
            page.convert()
        with if_(page.unsynchronised != 0):
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

    @function(clobbers=(rcx, rdx, rdi, r10, r11))
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
        page = scratch(self.page)
        with page.unchanged():
            mov(rax, ticks)
            page.convert()
        ret(rax)

    @function
    def set_rate(self, multiplier: U64) -> None:
        """Continue from now at the rate `multiplier`. Context: any but NMI."""
        with self.lock.held():
            page = scratch(self.page)
            # Locked, so that it is seen before the counter is read: no reader may give a time after
            # the new origin by the old rate. The stores below are seen in their order anyway.
            lock.inc(page.sequence)
            read_tsc()
            mov(rcx, rax)
            page.convert()
            mov(page.origin, rcx)
            mov(page.origin_time, rax)
            mov(page.multiplier, multiplier)
            inc(page.sequence)

    @function
    def frequency(self) -> U64:
        """Return the ticks of the counter per second, 0 while the rate is not known."""
        page = scratch(self.page)
        divisor = scratch(page.multiplier)
        with if_(divisor == 0):
            ret(0)
        mov(edx, NSEC_PER_SEC >> (64 - FRACTION_BITS))
        mov(rax, NSEC_PER_SEC << FRACTION_BITS & ((1 << 64) - 1))
        div(divisor)
        ret(rax)

    @function
    def ticks_in(self, duration: Nanoseconds) -> Ticks:
        """Return the ticks of the counter in `duration` nanoseconds, rounded up; at most 2**63."""
        page = scratch(self.page)
        divisor = scratch(page.multiplier)
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
