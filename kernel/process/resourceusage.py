"""What programs have used."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from kernel.clock.units import Nanoseconds
from kernel.sched.runtimes import RunTimes
from pykasm import *


class SplitTime(Struct):
    """Processor time as programs are told of it."""

    user: Nanoseconds
    """What the program spent itself."""
    system: Nanoseconds
    """What the kernel spent for it."""


COUNTS = ("faults", "waits", "preemptions")
"""The parts of `ThreadUsage` that a `Thread` has, too."""


class ThreadUsage(Struct):
    """What threads have used."""

    times: RunTimes
    faults: U64
    waits: U64
    preemptions: U64

    @inline
    def clear(self) -> None:
        """Make all of it 0."""
        self.times.clear()
        for name in COUNTS:
            mov(getattr(self, name), 0)

    @inline(changes=rax)
    def add(self, other: Ptr[ThreadUsage]) -> None:
        """Add what is at `other`, a register."""
        for name in ("times.total", "times.user", "times.system", *COUNTS):
            part: Any = attrgetter(name)
            mov(rax, part(other))
            add(part(self), rax)


class ResourceUsage(Struct):
    """What is told of a thread, a process, or several."""

    time: SplitTime
    faults: U64
    """Page faults. None of them has waited for a device: what files contain is in memory."""
    waits: U64
    """How often threads waited."""
    preemptions: U64
    """How often they had to leave their processor."""
    peak: U64
    """Pages of 4 KiB that were in memory at once, at most."""

    @inline(changes=rax)
    def add(self, other: Ptr[ResourceUsage]) -> None:
        """Add what is at `other`, a register."""
        for name in ("time.user", "time.system", *COUNTS):
            part: Any = attrgetter(name)
            mov(rax, part(other))
            add(part(self), rax)
        mov(rax, other.peak)
        with if_(rax > self.peak):
            mov(self.peak, rax)

    @inline
    def clear(self) -> None:
        """Make all of it 0."""
        for name in ("time.user", "time.system", *COUNTS, "peak"):
            mov(attrgetter(name)(self), 0)
