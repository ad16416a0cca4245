"""The inodes of procfs."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.fs.inode import Inode, SuperBlock
from kernel.fs.inodes import Inodes
from kernel.mm.slabs import SlabCache, Slabs
from kernel.proc.procentry import ProcNode
from kernel.process.dumpsettings import Dumpable
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.task import Task
from pykasm import *

THREAD_SHIFT, FILE_SHIFT = 32, 8
"""Where an inode's number has those of thread and file, above that of its entry."""


class ProcNodes(LeakChecks):
    """Makes inodes as they are looked for; none stays when nobody uses it. Context: thread."""

    count = bss(U64)

    def __init__(self, slabs: Slabs, inodes: Inodes, processes: Processes) -> None:
        self.inodes = inodes
        self.processes = processes
        self.records = SlabCache(slabs, "procfs node", ProcNode)
        self.leak_checks = [leak_check("procfs nodes", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return the number of nodes."""
        ret(self.count)

    @function(context="thread")
    def create(
        self, superblock: Keep[Ptr[SuperBlock]], model: Keep[Ptr[ProcNode]]
    ) -> Owned[OrNull[Ptr[Inode]]]:
        """Return an inode for what `model` tells, which keeps its own reference to a process; null
        without memory."""
        node = keep(try_(self.records.allocate()))
        errdefer(self._free_record, node)
        entry = scratch(model.entry)
        inode = scratch(try_(self.inodes.create(superblock, entry.mode)))
        mov(inode.private, u64(node))
        disown(node, "the inode has it")
        lock.inc(self.count)
        inode = keep(inode)
        self.copy(node, model)
        self._describe(inode, node)
        process = scratch(node.process)
        with if_(process != 0):
            self._set_owner(inode, process)
        ret(inode)

    @function
    def _free_record(self, node: Owned[Ptr[ProcNode]]) -> None:
        """Free the record of a node alone."""
        self.records.free(node)

    @function
    def copy(self, node: Ptr[ProcNode], model: Ptr[ProcNode]) -> None:
        """Make `node` stand for what `model` does, until `leave`."""
        process = scratch(model.process)
        with if_(process != 0):
            process.references.gain()
        mov(node.process, process)
        mov(rax, model.entry)
        mov(node.entry, rax)
        copy_fields(node, model, "thread", "file")

    @function
    def leave(self, node: Ptr[ProcNode]) -> None:
        """Drop what `node` refers to."""
        process = scratch(Ptr[Process])
        xor(u32(process), u32(process))
        xchg(node.process, process)
        with if_(process != 0):
            tail(self.processes.drop, process)

    @function
    def number_of(self, node: Ptr[ProcNode]) -> U64:
        """Return the number of the inode for `node`: always the same one."""
        entry = scratch(node.entry)
        mov(eax, node.thread)
        shl(rax, THREAD_SHIFT - FILE_SHIFT)
        mov(ecx, node.file)
        add(rax, rcx)
        shl(rax, FILE_SHIFT)
        mov(ecx, entry.number)
        add(rax, rcx)
        ret(rax)

    @function
    def _describe(self, inode: Keep[Ptr[Inode]], node: Ptr[ProcNode]) -> None:
        """Give `inode` what all of its entry have."""
        entry = scratch(node.entry)
        mov(rax, entry.inode_operations)
        mov(inode.operations, rax)
        mov(rax, u64(entry.file_operations))
        mov(u64(inode.file_operations), rax)
        mov(inode.links, 1)
        mov(inode.number, self.number_of(node))

    @function(context="thread")
    def _set_owner(self, inode: Ptr[Inode], process: Ptr[Process]) -> None:
        """Give `inode` to the effective user of `process`; to root, if nobody may look into it."""
        inode, process = scratch(inode), scratch(process)
        with (
            process.lock.held(),
            if_(process.dumpable == Dumpable.USUAL),
            process.tasks.each(Task, "sibling", place=scratch) as task,
        ):
            credentials = scratch(task.credentials)
            mov(eax, credentials.effective_user)
            mov(inode.user, eax)
            mov(eax, credentials.effective_group)
            mov(inode.group, eax)
            break_()

    @function(context="thread")
    def evict(self, inode: Ptr[Inode]) -> None:
        """Free the node, as `Evict` says."""
        node = keep(cast(inode.private, Ptr[ProcNode]))
        take_over(node, "the inode had it")
        self.leave(node)
        self._free_record(node)
        lock.dec(self.count)
