"""For how long threads have run."""

from __future__ import annotations

from kernel.clock.units import Nanoseconds
from pykasm import *


class RunTimes(Struct):
    """The processor time of a thread or a process.

    `total` is exact. How much of that a program spent itself, and how much the kernel for it, is
    known by the ticks that found the one or the other at work (Linux does so, too, unless it is
    built with VIRT_CPU_ACCOUNTING_GEN): the other two are these ticks, so that their ratio is that
    of the parts.
    """

    total: Nanoseconds
    user: Nanoseconds
    system: Nanoseconds

    @inline
    def clear(self) -> None:
        """Make all of it 0."""
        for name in ("total", "user", "system"):
            mov(getattr(self, name), 0)

    @inline(changes=rax)
    def add(self, other: Ptr[RunTimes]) -> None:
        """Add the times at `other`, a register."""
        for name in ("total", "user", "system"):
            mov(rax, getattr(other, name))
            add(getattr(self, name), rax)
