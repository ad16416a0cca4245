"""What the time is computed from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.clock.units import Nanoseconds, Ticks
from pykasm import *

FRACTION_BITS = 56
"""Fraction bits of `ClockPage.multiplier`: rounding it costs less than a second in a thousand
years, and the multipliers of counters from 4 MHz on fit."""


class ClockPage(Struct):
    """All that it takes to turn the time-stamp counter into times. It has a page of its own, as all
    programs can read it (`Vdso`).

    The time is `origin_time` plus the ticks since `origin` times `multiplier`. A new multiplier
    comes with a new origin, so that time continues from where it is and never goes backwards on any
    processor. They, and the raw ones of the same kind, are guarded by a sequence lock: readers
    write nothing, and read again if they changed.
    """

    sequence: U32
    """The sequence lock: odd while a writer changes what it guards."""
    unsynchronised: U32
    """Whether the counters of two processors were seen to differ: 1 or 0."""
    origin: Ticks
    """A value of the counter."""
    origin_time: Nanoseconds
    """The time at `origin`, in nanoseconds."""
    multiplier: U64
    """Nanoseconds per tick, in units of 2**-FRACTION_BITS; 0 while the rate is not known."""
    boot_time: U64
    """Nanoseconds from 1970 to boot; 0 while the time of day is not known."""
    raw_time: Nanoseconds
    """The raw time at `origin`: what would have passed if nobody adjusted the clock's rate."""
    raw_multiplier: U64
    """What `multiplier` would be then: the rate as it is measured."""
    atomic_offset: I64
    """Nanoseconds by which International Atomic Time is ahead of the time of day."""

    @inline(changes=ecx)
    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Run the body again as long as what it reads was changed meanwhile."""
        with loop():
            mov(ecx, self.sequence)
            yield
            # Loads are ordered, so an even number that stays means that none of the three changed.
            break_if(((ecx & 1) == 0) & (ecx == self.sequence))
            pause()

    @inline(changes=(rax, rdx))
    def convert(self) -> None:
        """Convert the counter's value in rax to the time."""
        self.scale(self.multiplier)
        add(rax, self.origin_time)

    @inline(changes=(rax, rdx))
    def convert_raw(self) -> None:
        """Convert the counter's value in rax to the raw time."""
        self.scale(self.raw_multiplier)
        add(rax, self.raw_time)

    @inline(changes=(rax, rdx))
    def scale(self, multiplier: U64) -> None:
        """Set rax, a value of the counter, to the nanoseconds since `origin` by `multiplier`.

        The multiplication is signed, as values from before the last rate change precede `origin`.
        """
        sub(rax, self.origin)
        imul(multiplier)
        shrd(rax, rdx, FRACTION_BITS)
