"""The threads that want to run on one processor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.clock.timer import Timer
from kernel.clock.units import Nanoseconds
from kernel.locks.spinlock import SpinLock
from kernel.structures.list import ListHead
from pykasm import *

PRIORITIES = 32
"""0 is that of idle threads alone; larger numbers are more urgent."""

IDLE_PRIORITY = 0

BOOT_PRIORITY = 16
"""That of the thread which the kernel's start becomes, and a good one where nothing matters."""

ALL_PRIORITIES = (1 << PRIORITIES) - 1
USUAL_PRIORITIES = (1 << BOOT_PRIORITY + 1) - (1 << IDLE_PRIORITY + 1)
"""Sets of them. The second one has those that are neither of idle threads nor for more urgent
ones."""

USED_BY_TICK = 64
USED_BY_SWITCH = 1
"""It is little, but a thread that no tick ever meets, as more urgent ones run at each, comes to the
end of its quantum all the same if it is chosen often enough."""

QUANTUM = 2 * USED_BY_TICK
"""What a thread may use before others of its priority run, if nobody wants it otherwise."""

UNLIMITED = 1 << 30
"""The quantum of a thread whose turn no time ends."""

MOST_PASSED = 8
"""How many threads are passed over at most until one is chosen, so that it takes no longer the more
there are."""

PROCESSOR_WORDS = 4
"""64-bit words of a set of processors: as many as Linux's have with 256 processors."""


class RunQueue(Struct):
    """A list for each priority, and a bit for each list that is not empty: what to run next is
    found in the same time however many threads there are.

    `link` is in the ring of all processors' queues. The methods change rax and rcx, and want
    `lock` held; links are given in registers.
    """

    lock: SpinLock
    ready: U32 = field(guarded_by="lock", unlocked_reads=True)
    """Bit n is set while a thread of priority n is in the queue. Set atomically, so that who puts
    a thread there and looks for an idle processor then does both in this order.

    Who reads it without the lock and misses a thread that comes now is told of it: an idle
    processor by an interrupt, one that looks at each tick by the next tick."""
    eligible: U32
    """Bit n is set if a thread of priority n may be chosen: see `RealTimeLimit`. It is for the
    processor alone, as all about that."""
    priority: U32
    """That of the thread that runs. Others may look without the lock: it is only a hint then."""
    number: U32
    """The processor's, as in `PerCpu.number`."""
    apic: U32
    """The number by which its local APIC is reached."""
    idle: U32
    """1 while the processor looks for work, or sleeps, and nobody has told it of some: see
    `Scheduler._kick_idle_for`."""
    used: U32
    """What the thread that runs has used of its quantum since the processor chose it."""
    tick: Timer
    ticking: U32
    """1 while `tick` is armed. It, and the two above, are for the processor alone."""
    urgent: Nanoseconds
    """For how long real-time policies had the processor in this period."""
    period_end: Nanoseconds
    running: U64 = field(guarded_by="lock")
    """The address of the thread that runs."""
    since: Nanoseconds = field(guarded_by="lock")
    """Until when that thread's time has been counted."""
    user: Nanoseconds = field(guarded_by="lock", unlocked_reads=True)
    """For how long ticks have found programs at work here, of usual priority."""
    nice: Nanoseconds = field(guarded_by="lock", unlocked_reads=True)
    """Those that let others go first."""
    system: Nanoseconds = field(guarded_by="lock", unlocked_reads=True)
    """The kernel."""
    switches: U64
    """How often the processor has turned to another thread: it alone counts."""
    link: ListHead
    lists: Array[ListHead] = field(count=PRIORITIES, guarded_by="lock", elements="Thread.link")

    @inline(changes=(rax, rcx))
    def append(self, link: Ptr[ListHead], priority: U32) -> None:
        """Queue the thread of `link` after all others of its priority."""
        with self._list_for(priority) as list:
            list.append(link)

    @inline(changes=(rax, rcx))
    def prepend(self, link: Ptr[ListHead], priority: U32) -> None:
        """Queue the thread of `link` before all others of its priority."""
        with self._list_for(priority) as list:
            list.prepend(link)

    @inline
    @contextmanager
    def _list_for(self, priority: U32) -> Iterator[Ptr[ListHead]]:
        """Give the list of this priority, to which the block adds a thread."""
        list, number = scratch(Ptr[ListHead]), scratch(U32)
        mov(number, priority)
        lock.bts(self.ready, number)  # `lock` only for the order: see `Scheduler.announce_idle`
        point_at(list, self.lists, number)
        yield list
        release(list, number)

    @inline(changes=("link", rax, rcx))
    def take_first(self, link: Ptr[ListHead]) -> None:
        """Take the most urgent thread that is eligible out and let `link` be its. Something must be
        there."""
        list, number = scratch(Ptr[ListHead]), scratch(U32)
        mov(number, self.ready)
        and_(number, self.eligible)
        bsr(number, number)
        point_at(list, self.lists, number)
        mov(link, list.next)
        self._unlink(link, list, number)
        release(list, number)

    @inline(changes=(rax, rcx))
    def remove(self, link: Ptr[ListHead], priority: U32) -> None:
        """Take a thread of this priority out."""
        list, number = scratch(Ptr[ListHead]), scratch(U32)
        mov(number, priority)
        point_at(list, self.lists, number)
        self._unlink(link, list, number)
        release(list, number)

    @inline(changes=(rax, rcx))
    def _unlink(self, link: Ptr[ListHead], list: Ptr[ListHead], number: U32) -> None:
        link.unlink()
        with if_(list.is_empty()):
            mov(eax, self.ready)
            btr(eax, number)
            mov(self.ready, eax)

    @inline(changes=rax)
    def reset(self) -> None:
        """Make all lists empty, and all threads eligible."""
        mov(self.eligible, ALL_PRIORITIES)
        list, number = scratch(Ptr[ListHead]), scratch(U32)
        lea(list, self.lists)
        with for_(number, 0, PRIORITIES):
            list.reset()
            add(list, sizeof(ListHead))
        self.link.reset()
        release(list, number)
