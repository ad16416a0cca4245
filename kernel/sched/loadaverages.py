"""How many threads want to run, on the average."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.timer import Timer
from kernel.clock.timers import Timers
from kernel.clock.units import NSEC_PER_SEC
from kernel.sched.runqueue import IDLE_PRIORITY, RunQueue
from kernel.sched.scheduler import Scheduler
from kernel.structures.list import ListHead
from pykasm import *

INTERVAL = 5 * NSEC_PER_SEC
"""Nanoseconds between two looks."""

FRACTION_BITS = 11
ONE = 1 << FRACTION_BITS

DECAYS = (1884, 2014, 2037)
"""What is left of an average after `INTERVAL`, in parts of `ONE`: e ** (-5 s / 1, 5 and 15 min), as
Linux rounds it (include/linux/sched/loadavg.h: EXP_1 and so on)."""

AVERAGES = len(DECAYS)


class LoadAverages(Subsystem):
    """Looks from time to time how many threads run or are ready, and keeps exponentially weighted
    averages of that over 1, 5 and 15 minutes (proc(5), loadavg)."""

    averages = bss(U64 * AVERAGES)
    """In parts of `ONE`. The timer's handler alone changes them."""

    def __init__(self, scheduler: Scheduler, clock: Clock, timers: Timers) -> None:
        self.scheduler = scheduler
        self.clock = clock
        self.timers = timers
        self.timer = data(Timer, Timer(handler=self.take))

    @function(init=True)
    def start(self) -> None:
        """Begin to look. Context: the first processor, when timers work."""
        tail(self._set_timer)

    @function
    def _set_timer(self) -> None:
        """Have `take` called after `INTERVAL`."""
        tail(self.timers.arm, address_of(self.timer), self.clock.after(INTERVAL))

    @function(context="interrupt")
    def take(self, timer: Ptr[Timer]) -> None:
        """Look, and add what there is to the averages."""
        active = keep(self.count_active())
        shl(active, FRACTION_BITS)
        for place, decay in enumerate(DECAYS):
            self._add(self.averages[place], active, decay)
        tail(self._set_timer)

    @inline(changes=(rax, rcx))
    def _add(self, average: U64, active: U64, decay: int) -> None:
        """Decay `average` and add `active` to it. One that is not above `active` is rounded up, so
        that it gets there."""
        mov(rax, average)
        imul(rax, rax, decay)
        imul(rcx, active, ONE - decay)
        add(rax, rcx)
        with if_(active >= average):
            add(rax, ONE - 1)
        shr(rax, FRACTION_BITS)
        mov(average, rax)

    @function(context="any")
    def count_active(self) -> U64:
        """Return how many threads, but for idle ones, run or are ready. Context: any."""
        total = keep(U64)
        xor(u32(total), u32(total))
        with self.scheduler.processors.each(RunQueue, "link", place=keep) as queue:
            add(total, self._count(queue))
        ret(total)

    @function
    def _count(self, queue: Keep[Ptr[RunQueue]]) -> U64:
        """Return how many of them `queue` has."""
        total, left, number = keep(U64), keep(U32), keep(U32)
        xor(u32(total), u32(total))
        with queue.lock.held():
            with if_(queue.priority != IDLE_PRIORITY):
                inc(total)
            mov(left, queue.ready)
            btr(left, IDLE_PRIORITY)
            xor(number, number)  # `bsr` may leave it as it was
            with while_(left != 0):
                bsr(number, left)
                btr(left, number)
                add(total, self._length(queue, number))
        ret(total)

    @function(holds="queue.lock")
    def _length(self, queue: Ptr[RunQueue], number: U32) -> U64:
        """Return how many threads are in a list of `queue`."""
        list, link = scratch(Ptr[ListHead]), scratch(Ptr[ListHead])
        point_at(list, queue.lists, number)
        mov(link, list.next)
        xor(eax, eax)
        with while_(link != list):
            inc(rax)
            mov(link, link.next)
        ret(rax)
