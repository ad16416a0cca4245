"""All processes, and their threads."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.locks.spinlock import SpinLock
from kernel.mm.slabs import SlabCache, Slabs
from kernel.process.process import Process
from kernel.process.processids import ProcessIds
from kernel.process.task import Task
from kernel.sched.scheduler import Scheduler
from kernel.structures.list import ListHead
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from pykasm import *


class Processes(LeakChecks):
    """The records of processes."""

    all = bss(ListHead, guarded_by="lock", elements="Process.listed")
    count = bss(U32)

    def __init__(
        self, scheduler: Scheduler, spaces: AddressSpaces, ids: ProcessIds, slabs: Slabs
    ) -> None:
        self.scheduler = scheduler
        self.spaces = spaces
        self.ids = ids
        self.lock = bss(SpinLock)
        self.records = SlabCache(slabs, "process", Process)
        self.leak_checks = [leak_check("processes", self.count_processes)]

    @function(init=True)
    def start(self) -> None:
        """Begin without any."""
        with self.lock.held():
            self.all.reset()

    @function
    def count_processes(self) -> U64:
        """Return the number of processes, zombies included."""
        mov(eax, self.count)
        ret(rax)

    @inline
    def current(self) -> Ptr[Task]:
        """Return the task that runs, in a scratch register. Context: a thread that has one."""
        thread = scratch(self.scheduler.current)
        task = scratch(cast(thread.user, Ptr[Task]))
        release(thread)
        return task

    # Beginning and end

    @function
    def create(self, space: Keep[Owned[Ptr[AddressSpace]]]) -> OrNull[Owned[Ptr[Process]]]:
        """Create a process with the memory of `space`, without threads; null if memory or ids are
        out, and `space` is destroyed."""
        errdefer(self.spaces.destroy, space)
        process = keep(try_(self.records.allocate()))
        errdefer(self.records.free, process)
        mov(rdi, process)
        xor(eax, eax)
        mov(ecx, sizeof(Process) // sizeof(U64))
        rep.stosq()
        with unshared(process):
            process.tasks.reset()
        mov(process.number, try_(self.ids.allocate()))
        mov(process.space, space)
        link = scratch(Ptr[ListHead])
        lea(link, process.listed)
        with self.lock.held():
            self.all.append(link)
            inc(self.count)
        ret(process)

    @function
    def free(self, process: Keep[Owned[Ptr[Process]]]) -> None:
        """Free the record of a process without threads that nobody asks any more, and its id. Its
        space is destroyed already."""
        with self.lock.held():
            process.listed.unlink()
            dec(self.count)
        self.ids.free(process.number)
        self.records.free(process)
