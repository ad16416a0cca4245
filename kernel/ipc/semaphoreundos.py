"""What is undone when processes end that have changed semaphores."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.ipc.semaphoreset import MOST_VALUE, SemaphoreSet, SemaphoreUndo, UndoList
from kernel.mm.heap import Heap
from kernel.mm.slabs import SlabCache, Slabs
from pykasm import *


class SemaphoreUndos(LeakChecks):
    """Keeps a list for those that share one, and in it a record for each set. Context: thread, with
    the lock of `SemaphoreSets` but where lists begin."""

    lists = bss(U64)
    records = bss(U64)

    def __init__(self, heap: Heap, slabs: Slabs) -> None:
        self.heap = heap
        self.list_records = SlabCache(slabs, "undo list", UndoList)
        self.leak_checks = [
            leak_check("undo lists", self.list_count),
            leak_check("undone semaphores", self.record_count),
        ]

    @function
    def list_count(self) -> U64:
        """Return the number of lists."""
        ret(self.lists)

    @function
    def record_count(self) -> U64:
        """Return the number of records in them."""
        ret(self.records)

    @function
    def create(self) -> Owned[OrNull[Ptr[UndoList]]]:
        """Return a list with nothing in it, or null without memory."""
        list = scratch(try_(self.list_records.allocate()))
        list.references.start()
        list.undos.reset()
        lock.inc(self.lists)
        ret(list)

    @function
    def free(self, list: Owned[Ptr[UndoList]]) -> None:
        """Free a list with nothing in it."""
        self.list_records.free(list)
        lock.dec(self.lists)

    @function
    def get(
        self, list: Keep[Ptr[UndoList]], set: Keep[Ptr[SemaphoreSet]]
    ) -> OrNull[Ptr[SemaphoreUndo]]:
        """Return the record of `list` for `set`, a new one if there is none; null without
        memory."""
        with (
            list.undos.each(SemaphoreUndo, "of_list", place=scratch) as known,
            if_(known.set == set),
        ):
            ret(known)
        mov(eax, set.count)
        lea(rdi, bare[rax * sizeof(I16) + sizeof(SemaphoreUndo)])
        undo = keep(cast(try_(self.heap.allocate(rdi)), Ptr[SemaphoreUndo]))
        disown(undo, "its set and its list have it")
        mov(ecx, set.count)
        lea(rdi, undo.adjustments)
        xor(eax, eax)
        rep.stosw()
        mov(undo.set, set)
        link = scratch(address_of(undo.of_set))
        set.undos.append(link)
        release(link)
        link = scratch(address_of(undo.of_list))
        list.undos.append(link)
        lock.inc(self.records)
        ret(undo)

    @function
    def remove(self, undo: Keep[Ptr[SemaphoreUndo]]) -> None:
        """Take `undo` out of its set and its list, and free it."""
        undo.of_set.unlink()
        undo.of_list.unlink()
        lock.dec(self.records)
        take_over(undo, "they had it")
        self.heap.free(u64(undo))

    @function
    def apply(self, undo: Ptr[SemaphoreUndo], process: U32) -> None:
        """Undo in the set of `undo` what is noted there, for a `process` that ends. Values stay
        within their range."""
        set, number, value, change = scratch(undo.set), scratch(U64), scratch(I32), scratch(I32)
        mov(edx, process)
        xor(u32(number), u32(number))
        with while_(u32(number) < set.count):
            movsx(change, undo.adjustments[number])
            with if_(change != 0):
                mov(value, set.semaphores[number].value)
                add(value, change)
                with if_(value < 0):
                    xor(value, value)
                with if_(value > MOST_VALUE):
                    mov(value, MOST_VALUE)
                mov(set.semaphores[number].value, value)
                mov(set.semaphores[number].process, edx)
            inc(number)

    @function
    def forget(self, set: Ptr[SemaphoreSet], number: U64) -> None:
        """Have the semaphore `number` of `set` be undone by nobody: its value was set."""
        set, number = scratch(set), scratch(number)
        with set.undos.each(SemaphoreUndo, "of_set", place=scratch) as undo:
            mov(undo.adjustments[number], 0)
