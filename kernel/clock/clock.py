"""The monotonic clock."""

from __future__ import annotations

from kernel.clock.boottimer import BootTimer
from kernel.clock.clockpage import FRACTION_BITS, ClockPage
from kernel.clock.tsc import read_tsc
from kernel.clock.units import NSEC_PER_SEC, Nanoseconds, Ticks
from kernel.locks.spinlock import SpinLock
from pykasm import *

SECOND_BITS = 32
"""Fraction bits of nanoseconds where the clock's rate is adjusted (Linux: NTP_SCALE_SHIFT)."""

WHOLE_SECOND = NSEC_PER_SEC << SECOND_BITS


class Clock(Subsystem):
    """Nanoseconds since boot, from the time-stamp counter. Context: any but NMI.

    Programs may adjust how fast it goes; the raw time does not follow them.
    """

    early_page = bss(ClockPage)
    page = data(Ptr[ClockPage], early_page)
    """What the time is computed from: `early_page`, until programs are to see it."""
    last_time = bss(Nanoseconds)
    """The latest time that `now` returned, if the counters of processors differ."""
    last_raw_time = bss(Nanoseconds)
    """The same for `raw`."""
    second = data(U64, WHOLE_SECOND)
    """By how much the clock goes on while a second passes, in units of 2**-SECOND_BITS ns."""

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
        mov(self.early_page.raw_multiplier, multiplier)

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
    def raw(self) -> Nanoseconds:
        """Return what `now` would if nobody had adjusted the clock's rate."""
        page = scratch(self.page)
        with page.unchanged():
            read_tsc()
            page.convert_raw()
        with if_(page.unsynchronised != 0):
            time = scratch(rax)
            self._advance(self.last_raw_time, time)
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
        self._advance(self.last_time, time)
        ret(rax)

    @inline(changes=rax)
    def _advance(self, last: Nanoseconds, time: Nanoseconds) -> None:
        """Set `last` and rax to `time`, or rax to `last`, if that is later."""
        with loop():
            mov(rax, last)
            break_if(rax >= time)
            lock.cmpxchg(last, time)
            with if_(ZF):
                mov(rax, time)
                break_()

    @function
    def time_of(self, ticks: Ticks) -> Nanoseconds:
        """Return the time at which the counter was at `ticks`, by the present rate."""
        page = scratch(self.page)
        with page.unchanged():
            mov(rax, ticks)
            page.convert()
        ret(rax)

    @function
    def set_rate(self, multiplier: Keep[U64]) -> None:
        """Continue from now at the measured rate `multiplier`, adjusted as before. Context: any but
        NMI."""
        with self.lock.held():
            self._go_on(multiplier, self.second)

    @function
    def set_second(self, second: Keep[U64]) -> None:
        """Have the clock go on by `second` from now on while a second passes, less than two, in
        units of 2**-SECOND_BITS ns. Context: any but NMI."""
        with self.lock.held():
            mov(self.second, second)
            page = scratch(self.page)
            self._go_on(page.raw_multiplier, second)

    @function(holds="lock")
    def _go_on(self, raw: U64, second: U64) -> None:
        """Continue from now at the rate `raw`, adjusted so that a second becomes `second`."""
        page, ticks, time = scratch(self.page), scratch(Ticks), scratch(Nanoseconds)
        adjusted = scratch(U64)
        mov(rax, raw)
        mul(second)
        mov(rcx, WHOLE_SECOND)
        div(rcx)
        mov(adjusted, rax)
        with if_(i64(adjusted) < 0):  # the clock multiplies signed
            mov(adjusted, raw)
        # Locked, so that it is seen before the counter is read: no reader may give a time after
        # the new origin by the old rate. The stores below are seen in their order anyway.
        lock.inc(page.sequence)
        read_tsc()
        mov(ticks, rax)
        page.convert()
        mov(time, rax)
        mov(rax, ticks)
        page.convert_raw()
        mov(page.raw_time, rax)
        mov(page.origin_time, time)
        mov(page.origin, ticks)
        mov(page.raw_multiplier, raw)
        mov(page.multiplier, adjusted)
        inc(page.sequence)

    @function
    def frequency(self) -> U64:
        """Return the ticks of the counter per second, as it is measured; 0 while the rate is not
        known."""
        page = scratch(self.page)
        divisor = scratch(page.raw_multiplier)
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
