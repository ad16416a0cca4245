"""Calibration of the time-stamp counter's rate."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.clock.clock import Clock
from kernel.clock.clockpage import FRACTION_BITS
from kernel.clock.tsc import read_tsc
from kernel.clock.units import BILLION
from kernel.time.referenceclock import ReferenceClock, ReferenceClockDriver
from pykasm import *

WINDOW = 100_000_000_000
"""Femtoseconds of the first measurement, for which booting waits."""

TIMEOUT = 1_000_000
"""Reads of a reference clock after which it counts as stopped."""

STILL = 10_000
"""Reads of a reference clock that are all alike if it stands still."""

TRIES = 3
"""Reads for a sample, of which the shortest one is used."""

FEMTOSECONDS_BITS = 32
"""Fraction bits of the femtoseconds per tick in intermediate results."""

FSEC_PER_NSEC = 1_000_000
"""Femtoseconds in a nanosecond."""

UNKNOWN = BILLION
"""The error of an unknown rate: as large as the rate itself."""

DEFAULT_MULTIPLIER = 1 << FRACTION_BITS
"""The rate if there is no reference clock: a nanosecond per tick."""


class Sample(Struct):
    """The time-stamp counter and a reference clock, read at the same time."""

    ticks: U64
    """The time-stamp counter before the reference was read."""
    spread: U64
    """The ticks that reading the reference took."""
    count: U64
    """The reference's count."""


class Calibration(Subsystem):
    """Measure the rate of the time-stamp counter by the first of `candidates` that works.

    The error comes from the time that reading takes and from the resolution of the reference, so
    it shrinks the longer the interval since `first_sample` is (`Refinement`).

    That holds for a counter of a constant rate. A jump makes all of the interval useless: QEMU's
    counter, without -icount, jumps ahead a little when two processors read it at once. So after a
    measurement that contradicts the previous one, a new interval begins, and the clock keeps its
    rate.
    """

    reference = bss(Ptr[ReferenceClock])
    """The reference clock in use; null if none works."""
    first_sample = bss(Sample)
    """The start of the interval that is measured."""
    error = data(U64, UNKNOWN)
    """The maximum error of the clock's rate, in parts per billion."""
    max_interval = bss(U64)
    """Nanoseconds of the longest interval in which the reference can't wrap unnoticed: half of its
    range. 0 without a reference."""
    unstable_count = bss(U32)
    """The number of measurements that contradicted the previous one: they differed by more than the
    errors of both, as the time-stamp counter, or the reference, changed its rate or jumped."""
    deviation = bss(U64)
    """The largest difference of such a measurement, in parts per billion."""
    last_sample = bss(Sample)
    """The end of the interval of the last measurement."""

    def __init__(
        self, clock: Clock, candidates: Sequence[ReferenceClockDriver], timeout: int = TIMEOUT
    ) -> None:
        self.clock = clock
        self.candidates = candidates
        self.timeout = timeout

    @function(init=True)
    def run(self) -> None:
        """Measure the rate for about 100 µs, and start the clock."""
        for candidate in self.candidates:
            self._drop_if_still(address_of(candidate.reference))
        for candidate in self.candidates:
            with if_(self._try_reference(address_of(candidate.reference))):
                ret()
        mov(self.reference, 0)
        self.clock.start(DEFAULT_MULTIPLIER)

    @function(init=True)
    def _drop_if_still(self, reference: Keep[Ptr[ReferenceClock]]) -> None:
        """Take `reference` as one that the machine does not have if it stands still, as where
        nothing answers and all reads are alike."""
        with if_(reference.period == 0):
            ret()
        first = keep(reference.read())
        with for_(keep(U32), 0, STILL):
            count = reference.read()
            xor(count, first)
            with if_(count & reference.mask):
                ret()
        mov(reference.period, 0)

    @function(init=True)
    def _try_reference(self, reference: Ptr[ReferenceClock]) -> Bool:
        """Start the clock by `reference`, and return whether that works."""
        with if_(reference.period == 0):
            ret(False)
        mov(self.reference, reference)
        self._take_sample(address_of(self.first_sample))
        self._wait()
        multiplier, error = self._measure_now()
        with if_(error == UNKNOWN):
            ret(False)
        mov(self.error, error)
        self.clock.start(multiplier)
        self._set_max_interval()
        ret(True)

    @function(init=True)
    def _set_max_interval(self) -> None:
        """Compute `max_interval` from the range of the reference."""
        reference = scratch(self.reference)
        mov(rax, reference.mask)
        mul(reference.period)
        with if_(rdx != 0):  # more than five hours, which will do
            mov(rax, -1)
        xor(edx, edx)
        mov(ecx, 2 * FSEC_PER_NSEC)
        div(rcx)
        mov(self.max_interval, rax)

    @function(init=True)
    def _wait(self) -> None:
        """Wait until the reference has counted for WINDOW, or for the timeout."""
        reference, left = keep(self.reference), keep(U32)
        with for_(left, 0, self.timeout):
            count = reference.read()
            sub(count, self.first_sample.count)
            and_(count, reference.mask)  # right even if it has wrapped around in between
            mul(reference.period)
            mov(rcx, WINDOW)
            break_if(rax >= rcx)

    @function
    def _take_sample(self, sample: Keep[Ptr[Sample]]) -> None:
        """Fill in `sample`. Context: interrupts off."""
        reference, before = keep(self.reference), keep(U64)
        mov(sample.spread, -1)
        with for_(keep(U32), 0, TRIES):
            read_tsc()
            mov(before, rax)
            count = scratch(reference.read())
            read_tsc()
            sub(rax, before)
            with if_(rax < sample.spread):  # the least disturbed, as by an emulator's pauses
                mov(sample.ticks, before)
                mov(sample.spread, rax)
                mov(sample.count, count)

    @function
    def refine(self) -> None:
        """Measure from `first_sample` to now, and give the clock the new rate if its error is less.

        Do nothing after `max_interval`. Context: interrupts off.
        """
        multiplier, error, elapsed = keep(U64), keep(U64), keep(U64)
        mov(elapsed, self.clock.now())
        sub(elapsed, self.clock.time_of(self.first_sample.ticks))
        with if_(elapsed >= self.max_interval):
            ret()
        found, uncertain = self._measure_now()
        mov(multiplier, found)
        mov(error, uncertain)
        with if_(error == UNKNOWN):
            ret()
        change = scratch(self._difference_to(multiplier))
        mov(rcx, self.error)
        add(rcx, error)
        with if_(change > rcx):  # both can't be right
            tail(self._restart, change)
        with if_(error < self.error):
            mov(self.error, error)
            self.clock.set_rate(multiplier)

    @function
    def _measure_now(self) -> tuple[U64, U64]:
        """Take `last_sample` now; return the multiplier and the error measured up to it."""
        self._take_sample(address_of(self.last_sample))
        tail(self._measure, address_of(self.last_sample))

    @function
    def _difference_to(self, multiplier: U64) -> U64:
        """Return the difference to the clock's multiplier, in parts per billion of the larger one.

        It is at most the sum of their errors if both can be right.
        """
        page = scratch(self.clock.page)
        larger = scratch(page.raw_multiplier)
        mov(rax, multiplier)
        sub(rax, larger)
        with if_(CF):
            neg(rax)
        with else_():
            mov(larger, multiplier)
        mov(ecx, BILLION)
        mul(rcx)
        div(larger)
        ret(rax)

    @function
    def _restart(self, change: U64) -> None:
        """Begin a new interval at the last sample, after a contradiction by `change`, in parts per
        billion.

        The clock's error grows by it: if the rate has really changed, the next measurement is then
        accepted.
        """
        inc(self.unstable_count)
        add(self.error, change)
        with if_(change > self.deviation):
            mov(self.deviation, change)
        copy_fields(self.first_sample, self.last_sample, "ticks", "spread", "count")

    @function
    def _measure(self, sample: Keep[Ptr[Sample]]) -> tuple[U64, U64]:
        """Return the clock's multiplier from `first_sample` to `sample`, and its error in parts per
        billion; 0 and UNKNOWN if it can't be computed."""
        ticks, counts = keep(sample.ticks), keep(sample.count)
        reference = scratch(self.reference)
        sub(ticks, self.first_sample.ticks)
        sub(counts, self.first_sample.count)
        and_(counts, reference.mask)
        with if_((counts == 0) | (i64(ticks) <= 0)):  # either stands still, or was reset
            ret(0, UNKNOWN)
        mov(rax, counts)
        mul(reference.period)
        with if_(rdx != 0):
            ret(0, UNKNOWN)
        multiplier = keep(self._multiplier(rax, ticks))
        with if_(multiplier == 0):
            ret(0, UNKNOWN)
        error = self._error(sample, ticks, counts)
        ret(multiplier, error)

    @function
    def _multiplier(self, femtoseconds: U64, ticks: U64) -> U64:
        """Return the clock's multiplier if `ticks` took so many `femtoseconds`; 0 if the counter is
        too slow for it to fit."""
        mov(rdx, femtoseconds)
        shr(rdx, 64 - FEMTOSECONDS_BITS)
        mov(rax, femtoseconds)
        shl(rax, FEMTOSECONDS_BITS)
        with if_(rdx >= ticks):  # the quotient would not fit, and div would fault
            ret(0)
        div(ticks)
        mov(rdx, rax)
        shr(rdx, 64 - (FRACTION_BITS - FEMTOSECONDS_BITS))
        shl(rax, FRACTION_BITS - FEMTOSECONDS_BITS)
        mov(ecx, FSEC_PER_NSEC)
        with if_(rdx >= rcx):
            ret(0)
        div(rcx)
        test(rax, rax)
        with if_(SF):  # the clock multiplies signed
            ret(0)
        ret(rax)

    @function
    def _error(self, sample: Ptr[Sample], ticks: U64, counts: U64) -> U64:
        """Return the error of the rate up to `sample`, in parts per billion, at most UNKNOWN.

        At each end of the interval, of `ticks` and `counts`, the error is the time of reading and a
        count of the reference.
        """
        interval, counts = scratch(ticks), scratch(counts)
        mov(rax, ticks)
        add(rax, rax)
        xor(edx, edx)
        div(counts)
        add(rax, 3)  # the quotient rounded up, and a tick at each end
        for spread in (sample.spread, self.first_sample.spread):
            add(rax, spread)
            with if_(CF):
                ret(UNKNOWN)
        mov(ecx, BILLION)
        mul(rcx)
        with if_(rdx >= interval):
            ret(UNKNOWN)
        div(interval)
        with if_(rax > UNKNOWN):
            mov(eax, UNKNOWN)
        ret(rax)
