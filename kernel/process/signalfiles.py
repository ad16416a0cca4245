"""Signals that are read from files."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.anonymousfiles import AnonymousFiles
from kernel.fs.file import File, FileKindFlag, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.filewaits import FileWaits
from kernel.fs.iovector import IoVector
from kernel.fs.iovectors import IoVectors
from kernel.process.processes import Processes
from kernel.process.signalrecord import SignalRecord, SignalRecords
from kernel.signals.signalarrivals import SignalArrivals
from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signalqueues import SignalQueues
from kernel.signals.signalset import UNBLOCKABLE
from kernel.sync.pollqueue import PollEvent, Watcher
from kernel.sync.pollqueues import PollQueues
from pykasm import *


class SignalFiles(Subsystem):
    """Open files from which the signals of a set are read that are pending for who reads, as
    signalfd(2) tells. The set is all that a file has: `File.private`. Context: thread."""

    def __init__(
        self,
        anonymous: AnonymousFiles,
        defaults: FileDefaults,
        vectors: IoVectors,
        waits: FileWaits,
        queues: PollQueues,
        processes: Processes,
        arrivals: SignalArrivals,
        signals: SignalQueues,
        records: SignalRecords,
    ) -> None:
        self.anonymous = anonymous
        self.vectors = vectors
        self.waits = waits
        self.queues = queues
        self.processes = processes
        self.arrivals = arrivals
        self.signals = signals
        self.records = records
        self.operations = rodata(
            FileOperations,
            defaults.table(
                flags=FileKindFlag.STREAM,
                release=self.release,
                read=self.read,
                seek=defaults.stay,
                poll=self.poll,
            ),
        )

    @function(context="thread", sleeps=True)
    def create(self, wanted: Keep[U64], flags: U32) -> Owned[OrNull[Ptr[File]]]:
        """Return a file for the signals of the set `wanted`, by `OpenFlag`s; null without
        memory."""
        flags = scratch(flags)
        task = self.processes.current()
        operations = address_of(self.operations)
        file = keep(try_(self.anonymous.open(operations, flags, task.credentials)))
        self.arrivals.begin()
        self._set(file, wanted)
        ret(file)

    @inline(changes=rax)
    def is_one(self, file: Ptr[File]) -> Condition:
        """Return the condition that `file` is one of these."""
        lea(rax, self.operations)
        return u64(file.operations) == rax

    @inline(changes="wanted")
    def _set(self, file: Ptr[File], wanted: U64) -> None:
        """Have `file` be for the signals of the set `wanted`, a register."""
        and_(wanted, ~UNBLOCKABLE)
        mov(file.private, wanted)

    @function(context="thread")
    def change(self, file: Ptr[File], wanted: U64) -> None:
        """Have `file` be for the signals of the set `wanted` from now on."""
        file, wanted = scratch(file), scratch(wanted)
        self._set(file, wanted)
        task = self.processes.current()
        tail(self.arrivals.announce, task.group)

    @function(context="thread")
    def release(self, file: Ptr[File]) -> None:
        """Count one less."""
        tail(self.arrivals.end)

    @function(context="thread", sleeps=True)
    def read(
        self, file: Keep[Ptr[File]], vector: Keep[Ptr[IoVector]], position: Ptr[U64]
    ) -> OrErrno[I64]:
        """Wait for a signal, and read a record of it and of as many others as are pending and have
        room, as `ReadFile` says; -EINVAL without room for one."""
        record, total = local(SignalRecord), keep(I64)
        fail_if(vector.left < sizeof(SignalRecord), Errno.EINVAL)
        try_(self._wait(file, address_of(record)))
        xor(u32(total), u32(total))
        with loop():
            copied = self.vectors.copy_to(vector, address_of(record), sizeof(SignalRecord))
            with if_(copied != sizeof(SignalRecord)):
                fail_if(total == 0, Errno.EFAULT)
                break_()
            add(total, sizeof(SignalRecord))
            break_if(vector.left < sizeof(SignalRecord))
            break_if(~self._take(file.private, address_of(record)))
        ret(total)

    @function(context="thread", sleeps=True)
    def _wait(self, file: Keep[Ptr[File]], record: Keep[Ptr[SignalRecord]]) -> OrErrno[I64]:
        """Wait for a signal, and fill in `record`. Returns 0, -EAGAIN or -ERESTARTSYS."""
        task, noted = scratch(self.processes.current()), keep(U64)
        queue = keep(self.arrivals.queue_of(task.group))
        with loop():
            mov(noted, self.queues.note(queue))
            with if_(self._take(file.private, record)):
                ret(0)
            try_(self.waits.wait(file, queue, noted))

    @function(context="thread")
    def _take(self, wanted: Keep[U64], record: Keep[Ptr[SignalRecord]]) -> Bool:
        """Take a signal of the set `wanted` that is pending for the thread that runs, and fill in
        `record`. Returns whether there is one."""
        info, number, task = local(SignalInfo), keep(U32), keep(self.processes.current())
        group = keep(task.group)
        with group.lock.held():
            mov(number, self.signals.take_next(group, task, wanted, address_of(info)))
        with if_(number != 0):
            self.records.fill(record, address_of(info))
        ret(number != 0)

    @function(context="thread")
    def poll(self, file: Keep[Ptr[File]], watcher: Keep[OrNull[Ptr[Watcher]]]) -> U32:
        """Return what `PollFile` says: it can be read if such a signal is pending for who asks."""
        task = keep(self.processes.current())
        with if_(watcher != 0):
            self.queues.watch(self.arrivals.queue_of(task.group), watcher)
        group, events = keep(task.group), scratch(U32)
        xor(events, events)
        with group.lock.held():
            mov(rax, group.pending.set)
            or_(rax, task.pending.set)
            with if_(rax & file.private):
                mov(events, PollEvent.IN)
        ret(events)
