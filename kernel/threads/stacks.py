"""The memory of threads: stacks with guard pages, and a record at the upper end of each."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.cpu.stack import STACK_SIZE
from kernel.locks.spinlock import SpinLock
from kernel.mm.reclaim import Shrinker
from kernel.mm.runtimemappings import RuntimeMappings
from kernel.sched.thread import Thread
from kernel.structures.list import ListHead
from pykasm import *

SPARE = 64
"""Stacks that are kept for the next threads; what is freed beyond that is unmapped."""


class ThreadStacks(Shrinker):
    """A thread's record and its stack come and go together: one allocation, and one that can fail.

    A stack may be freed by the very thread that runs on it, as its last deed. Such a one is
    let alone until a processor has left it (`Thread.stack_pointer`).
    """

    spare = bss(ListHead, guarded_by="lock", elements="Thread.link")
    """Those not in use, the one that was freed first in front."""
    count = bss(U32, guarded_by="lock")
    mapped = bss(U32)
    """All that there are, in use or spare."""

    def __init__(self, memory: RuntimeMappings) -> None:
        self.memory = memory
        self.lock = bss(SpinLock)

    @function(init=True)
    def start(self) -> None:
        """Begin without any."""
        self.spare.reset()

    @function
    def allocate(self) -> Owned[OrNull[Ptr[Thread]]]:
        """Return a stack that nobody uses, by its record, whose contents are of no use; null if
        memory is out. Context: thread."""
        spare = self._take_spare(0)
        with if_(spare != 0):
            ret(spare)
        stack = self.memory.allocate(STACK_SIZE // PAGE)
        with if_(stack == 0):
            ret(0)
        lock.inc(self.mapped)
        add(stack, STACK_SIZE - sizeof(Thread))
        ret(cast(stack, Ptr[Thread]))

    @function
    def free(self, thread: Owned[Ptr[Thread]]) -> None:
        """Free the stack of `thread`. Any context: nothing is unmapped here."""
        link = scratch(Ptr[ListHead])
        lea(link, thread.link)
        disown(thread, "it is spare")
        with self.lock.held():
            self.spare.append(link)
            inc(self.count)

    @function
    def shrink(self) -> None:
        """Unmap all that is spare, and what processors are just leaving."""
        left = keep(U32)
        with loop():
            self.trim(0)
            with self.lock.held():
                mov(left, self.count)
            break_if(left == 0)
            pause()

    @function
    def trim(self, keeping: Keep[U32]) -> None:
        """Unmap what is spare in excess of `keeping`. Context: thread."""
        with loop():
            surplus = self._take_spare(keeping)
            break_if(surplus == 0)
            stack = scratch(U64)  # which ends with the record
            lea(stack, bare[u64(surplus) + (sizeof(Thread) - STACK_SIZE)])
            self.memory.free(stack)
            lock.dec(self.mapped)

    @function
    def _take_spare(self, beyond: U32) -> Owned[OrNull[Ptr[Thread]]]:
        """Return the record that was freed first, if there are more than `beyond` and no processor
        is on its stack any more; else null."""
        found = scratch(Ptr[Thread])
        xor(u32(found), u32(found))
        with self.lock.held(), if_(self.count > beyond):
            first = scratch(self.spare.next)
            link = scratch(first)
            candidate = container_of(link, Thread, "link")
            with if_(candidate.stack_pointer != 0):
                first.unlink()
                dec(self.count)
                mov(found, candidate)
        ret(found)
