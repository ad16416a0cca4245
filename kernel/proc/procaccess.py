"""Who may see what of other processes."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.proc.procentry import ProcNode
from kernel.process.inspection import Inspection
from kernel.process.tasksearch import TaskSearch
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from pykasm import *


class ProcAccess(Subsystem):
    """Asks `Inspection` where an entry is private. Context: thread."""

    def __init__(self, search: TaskSearch, inspection: Inspection, spaces: AddressSpaces) -> None:
        self.spaces = spaces
        self.search = search
        self.inspection = inspection

    @function(context="thread")
    def space_of(self, node: Keep[Ptr[ProcNode]]) -> OrNull[Ptr[AddressSpace]]:
        """Return the memory of the thread of `node`, which stays until it is dropped; null if it
        has ended."""
        process, space = keep(node.process), keep(OrNull[Ptr[AddressSpace]])
        asserts(process != 0)  # it is in the directory of one
        xor(u32(space), u32(space))
        with process.lock.held():
            task = self.search.find(process, node.thread)
            with if_(task != 0):
                mov(space, task.space)
                with if_(space != 0):
                    self.spaces.gain(space)
        ret(space)

    @function(context="thread")
    def check(self, node: Keep[Ptr[ProcNode]]) -> OrErrno[I32]:
        """Return 0 if the task that runs may see what `node` tells; else -EACCES, or -ESRCH if the
        thread has ended."""
        result, process = keep(I64), keep(node.process)
        entry = scratch(node.entry)
        with if_((entry.is_private == 0) | (process == 0)):
            ret(0)
        mov(result, -Errno.ESRCH)
        with process.lock.held():
            task = self.search.find(process, node.thread)
            with if_(task != 0):
                mov(result, self.inspection.check(process, task))
        with if_(result == -Errno.EPERM):
            mov(result, -Errno.EACCES)
        ret(i32(result))
