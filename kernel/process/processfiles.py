"""Files that stand for processes."""

from __future__ import annotations

from kernel.fs.anonymousfiles import AnonymousFiles
from kernel.fs.file import File, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.files import Files
from kernel.fs.openflag import OpenFlag
from kernel.process.filecalls import FileCalls
from kernel.process.process import Process, ProcessState
from kernel.process.processes import Processes
from kernel.sync.pollqueue import PollEvent, Watcher
from kernel.sync.pollqueues import PollQueues
from pykasm import *


class ProcessFiles(Subsystem):
    """Makes open files that stand for processes, whatever their numbers come to mean
    (pidfd_open(2)). Context: thread."""

    def __init__(
        self,
        defaults: FileDefaults,
        anonymous: AnonymousFiles,
        files: Files,
        numbers: FileCalls,
        queues: PollQueues,
        processes: Processes,
    ) -> None:
        self.anonymous = anonymous
        self.files = files
        self.numbers = numbers
        self.queues = queues
        self.processes = processes
        self.operations = rodata(
            FileOperations, defaults.table(poll=self.poll, release=self.release)
        )

    @function(context="thread", sleeps=True)
    def create(self, process: Keep[Ptr[Process]], flags: U32) -> Owned[OrNull[Ptr[File]]]:
        """Return a file that stands for `process`, open by `flags` besides; null without memory."""
        or_(flags, OpenFlag.READ_WRITE)
        task = self.processes.current()
        operations = address_of(self.operations)
        file = scratch(try_(self.anonymous.open(operations, flags, task.credentials)))
        process.references.gain()
        disown(process, "the file has it")
        mov(file.private, u64(process))
        ret(file)

    @function(context="thread")
    def release(self, file: Ptr[File]) -> None:
        """Drop the process that `file` stands for."""
        process = scratch(cast(file.private, Ptr[Process]))
        take_over(process, "the file had it")
        tail(self.processes.drop, process)

    @function(context="thread")
    def poll(self, file: Keep[Ptr[File]], watcher: OrNull[Ptr[Watcher]]) -> U32:
        """Return what `PollFile` says: it can be read once the process has ended."""
        with if_(watcher != 0):
            process = scratch(cast(file.private, Ptr[Process]))
            self.queues.watch(address_of(process.changes), watcher)
        process = scratch(cast(file.private, Ptr[Process]))
        with if_(process.state >= ProcessState.ZOMBIE):
            ret(PollEvent.IN | PollEvent.READ_NORMAL)
        ret(0)

    # Their numbers

    @function(context="thread", sleeps=True)
    def find(self, number: U32) -> tuple[Owned[OrNull[Ptr[Process]]], U32]:
        """Return a reference to the process that the file `number` stands for, and the flags of
        that file; null if there is no such file, or one of another kind."""
        file = keep(self.numbers.get(number))
        process, flags = keep(OrNull[Ptr[Process]]), keep(U32)
        with if_(file == 0):
            ret(0, 0)
        xor(u32(process), u32(process))
        lea(rax, self.operations)
        with if_(u64(file.operations) == rax):
            mov(u64(process), file.private)
            process.references.gain()
        mov(flags, file.flags)
        self.files.drop(file)
        ret(process, flags)
