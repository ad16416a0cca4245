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
    processor. The three are guarded by a sequence lock: readers write nothing, and read again if
    they changed.
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
        """Convert the counter's value in rax to the time.

        The multiplication is signed, as values from before the last rate change precede `origin`.
        """
        sub(rax, self.origin)
        imul(self.multiplier)
        shrd(rax, rdx, FRACTION_BITS)
        add(rax, self.origin_time)
