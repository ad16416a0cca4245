"""How fast the time-stamp counter runs."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.clock.clock import FRACTION_BITS, Clock
from kernel.clock.tsc import read_tsc
from kernel.clock.units import BILLION
from kernel.time.referenceclock import ReferenceClock, ReferenceCounter
from pykasm import *

WINDOW = 100_000_000_000
"""Femtoseconds for which the kernel waits when it starts, to have a first idea of the rate."""

PATIENCE = 1_000_000
"""Looks at a reference after which it counts as stopped."""

TRIES = 3
"""How often a sample is taken; the one that took the shortest counts."""

FEMTOSECONDS_BITS = 32
"""Bits below a femtosecond in what a tick takes, while that is computed."""

FSEC_PER_NSEC = 1_000_000

UNKNOWN = BILLION
"""An error as large as the rate itself."""

ASSUMED = 1 << FRACTION_BITS
"""The rate where nothing tells: a tick a nanosecond."""


class Sample(Struct):
    """The time-stamp counter and a reference, read at one moment."""

    ticks: U64
    """The time-stamp counter before the reference was read."""
    spread: U64
    """How many ticks later it stood behind that."""
    count: U64
    """Of the reference."""


class Calibration(Subsystem):
    """Measures the time-stamp counter against the first of `candidates` that works.

    The error comes from how long reading takes and from the reference's own steps, so the longer
    the way from `begun` on is, the smaller it gets: see `Refinement`.

    That holds for a counter at one rate. One that jumps spoils a way as a whole: QEMU's, without
    -icount, goes a little ahead whenever two processors read it at once. So a measurement that
    can't be true if the one before was begins another way, and the clock keeps the rate it has.
    """

    reference = bss(Ptr[ReferenceClock])
    """What is measured by; null where nothing counts."""
    begun = bss(Sample)
    error = data(U64, UNKNOWN)
    """By how much the clock's rate may be wrong, in parts of a billion."""
    way = bss(U64)
    """Nanoseconds from `begun` on in which the reference can be told from one that has begun to
    count from 0 again: half of what it counts. 0 without a reference."""
    unsteady = bss(U32)
    """How many measurements disagreed with those before by more than the errors of both: the
    time-stamp counter, or the reference, changes its rate, or jumped."""
    deviation = bss(U64)
    """The most by which one of them did, in parts of a billion."""
    latest = bss(Sample)
    """Where `measure_now` measured up to."""

    def __init__(
        self, clock: Clock, candidates: Sequence[ReferenceCounter], patience: int = PATIENCE
    ) -> None:
        self.clock = clock
        self.candidates = candidates
        self.patience = patience

    @function(init=True)
    def run(self) -> None:
        """Start the clock, after waiting for about 100 µs."""
        for candidate in self.candidates:
            works = self.try_reference(address_of(candidate.reference))
            with if_(works != 0):
                ret()
        mov(self.reference, 0)
        self.clock.start(ASSUMED)

    @function(init=True)
    def try_reference(self, reference: Ptr[ReferenceClock]) -> U32:
        """Start the clock if `reference` works: 1, else 0."""
        with if_(reference.period == 0):
            ret(0)
        mov(self.reference, reference)
        self.take_sample(address_of(self.begun))
        self.wait()
        multiplier, error = self.measure_now()
        with if_(error == UNKNOWN):
            ret(0)
        mov(self.error, error)
        self.clock.start(multiplier)
        self.set_way()
        ret(1)

    @function(init=True)
    def set_way(self) -> None:
        """Find out how far the reference counts."""
        reference = scratch(self.reference)
        mov(rax, reference.mask)
        mul(reference.period)
        with if_(rdx != 0):
            mov(rax, -1)
        xor(edx, edx)
        mov(ecx, 2 * FSEC_PER_NSEC)
        div(rcx)
        mov(self.way, rax)

    @function(init=True)
    def wait(self) -> None:
        """Wait until the reference has counted for WINDOW, or its patience ends."""
        reference, left = keep(self.reference), keep(U32)
        with for_(left, 0, self.patience):
            count = reference.read()
            sub(count, self.begun.count)
            and_(count, reference.mask)
            mul(reference.period)
            mov(rcx, WINDOW)
            break_if(rax >= rcx)

    @function
    def take_sample(self, sample: Keep[Ptr[Sample]]) -> None:
        """Fill in `sample`, with interrupts off."""
        reference, before = keep(self.reference), keep(U64)
        mov(sample.spread, -1)
        with for_(keep(U32), 0, TRIES):
            read_tsc()
            mov(before, rax)
            count = scratch(reference.read())
            read_tsc()
            sub(rax, before)
            with if_(rax < sample.spread):
                mov(sample.ticks, before)
                mov(sample.spread, rax)
                mov(sample.count, count)

    @function
    def improve(self) -> None:
        """Measure from `begun` to now, and let the clock have the rate if that is better than what
        it has; not behind `way`. Context: as `ReferenceClock.read`, with interrupts off."""
        multiplier, error, elapsed = keep(U64), keep(U64), keep(U64)
        mov(elapsed, self.clock.now())
        sub(elapsed, self.clock.time_of(self.begun.ticks))
        with if_(elapsed >= self.way):
            ret()
        found, uncertain = self.measure_now()
        mov(multiplier, found)
        mov(error, uncertain)
        with if_(error == UNKNOWN):
            ret()
        change = scratch(self.change_to(multiplier))
        mov(rcx, self.error)
        add(rcx, error)
        with if_(change > rcx):
            tail(self.begin_again, change)
        with if_(error < self.error):
            mov(self.error, error)
            self.clock.set_rate(multiplier)

    @function
    def measure_now(self) -> tuple[U64, U64]:
        """`measure` up to now."""
        self.take_sample(address_of(self.latest))
        tail(self.measure, address_of(self.latest))

    @function
    def change_to(self, multiplier: U64) -> U64:
        """By how much this multiplier differs from the clock's, in parts of a billion of the larger
        one: not more than both errors if one rate lies within both."""
        larger = scratch(self.clock.multiplier)
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
    def begin_again(self, change: U64) -> None:
        """Measure from the latest sample on, after one that disagreed by `change`, in parts of a
        billion. The clock may be as wrong as that now: so a rate that has in truth changed is
        believed once it is measured again."""
        inc(self.unsteady)
        add(self.error, change)
        with if_(change > self.deviation):
            mov(self.deviation, change)
        for part in ("ticks", "spread", "count"):
            mov(rax, getattr(self.latest, part))
            mov(getattr(self.begun, part), rax)

    @function
    def measure(self, sample: Ptr[Sample]) -> tuple[U64, U64]:
        """The clock's multiplier from `begun` to `sample`, and its error in parts of a billion;
        UNKNOWN if that can't be told."""
        ticks, counts = keep(sample.ticks), keep(sample.count)
        sample = keep(sample)
        reference = scratch(self.reference)
        sub(ticks, self.begun.ticks)
        sub(counts, self.begun.count)
        and_(counts, reference.mask)
        with if_((counts == 0) | (i64(ticks) <= 0)):
            ret(0, UNKNOWN)
        mov(rax, counts)
        mul(reference.period)
        with if_(rdx != 0):
            ret(0, UNKNOWN)
        multiplier = keep(self.multiplier(rax, ticks))
        with if_(multiplier == 0):
            ret(0, UNKNOWN)
        error = self.error_of(sample, ticks, counts)
        ret(multiplier, error)

    @function
    def multiplier(self, femtoseconds: U64, ticks: U64) -> U64:
        """Nanoseconds a tick as the clock has them, if `ticks` took so long; 0 if it can't have
        them, because the counter is too slow."""
        mov(rdx, femtoseconds)
        shr(rdx, 64 - FEMTOSECONDS_BITS)
        mov(rax, femtoseconds)
        shl(rax, FEMTOSECONDS_BITS)
        with if_(rdx >= ticks):
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
        with if_(SF):  # the clock takes it as a number with sign
            ret(0)
        ret(rax)

    @function
    def error_of(self, sample: Ptr[Sample], ticks: U64, counts: U64) -> U64:
        """The error of a rate measured up to `sample`: how long the two readings took, and a step
        of the reference at each end, as parts of a billion of the way between them."""
        way, counts = scratch(ticks), scratch(counts)
        mov(rax, ticks)
        add(rax, rax)
        xor(edx, edx)
        div(counts)
        add(rax, 3)  # rounded up, and its own steps
        for spread in (sample.spread, self.begun.spread):
            add(rax, spread)
            with if_(CF):
                ret(UNKNOWN)
        mov(ecx, BILLION)
        mul(rcx)
        with if_(rdx >= way):
            ret(UNKNOWN)
        div(way)
        with if_(rax > UNKNOWN):
            mov(eax, UNKNOWN)
        ret(rax)
