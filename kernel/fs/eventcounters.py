"""Numbers that count events, as open files."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.errno import Errno
from kernel.fs.anonymousfiles import AnonymousFiles
from kernel.fs.credentials import Credentials
from kernel.fs.file import File, FileKindFlag, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.filewaits import FileWaits
from kernel.fs.iovector import IoVector
from kernel.fs.iovectors import IoVectors
from kernel.locks.spinlock import SpinLock
from kernel.mm.slabs import SlabCache, Slabs
from kernel.sync.pollqueue import READABLE, WRITABLE, PollEvent, PollQueue, Watcher
from kernel.sync.pollqueues import PollQueues
from pykasm import *

NONE = (1 << 64) - 1
"""What nobody can add; a counter stays below it."""


class EventCounter(Struct):
    """What `eventfd` makes (Linux: `struct eventfd_ctx`)."""

    lock: SpinLock
    is_semaphore: U32
    """1 if a read takes 1, and not all."""
    count: U64 = field(guarded_by="lock")
    queue: PollQueue


class EventCounters(LeakChecks):
    """Makes and frees them, and does what is done with their files, as eventfd(2) tells. Context:
    thread."""

    count = bss(U64)

    def __init__(
        self,
        slabs: Slabs,
        anonymous: AnonymousFiles,
        defaults: FileDefaults,
        vectors: IoVectors,
        waits: FileWaits,
        queues: PollQueues,
    ) -> None:
        self.anonymous = anonymous
        self.vectors = vectors
        self.waits = waits
        self.queues = queues
        self.records = SlabCache(slabs, "event counter", EventCounter)
        self.operations = rodata(
            FileOperations,
            defaults.table(
                flags=FileKindFlag.STREAM,
                release=self.release,
                read=self.read,
                write=self.write,
                seek=defaults.stay,
                poll=self.poll,
            ),
        )
        self.leak_checks = [leak_check("event counters", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return how many there are."""
        ret(self.count)

    @function(context="thread", sleeps=True)
    def create(
        self,
        start: Keep[U32],
        is_semaphore: Keep[U32],
        flags: Keep[U32],
        credentials: Keep[Ptr[Credentials]],
    ) -> Owned[OrNull[Ptr[File]]]:
        """Return the open file of a counter that begins at `start`, by `OpenFlag`s; null without
        memory."""
        counter = keep(try_(self.records.allocate_zeroed()))
        errdefer(self._free, counter)
        with unshared(counter):
            mov(eax, start)
            mov(counter.count, rax)
        mov(counter.is_semaphore, is_semaphore)
        file = scratch(try_(self.anonymous.open(address_of(self.operations), flags, credentials)))
        mov(file.private, u64(counter))
        disown(counter, "its file has it")
        lock.inc(self.count)
        ret(file)

    @function
    def _free(self, counter: Owned[Ptr[EventCounter]]) -> None:
        """Free a record."""
        self.records.free(counter)

    @function(context="thread")
    def release(self, file: Ptr[File]) -> None:
        """Free the counter of `file`, as `ReleaseFile` says."""
        counter = scratch(cast(file.private, Ptr[EventCounter]))
        take_over(counter, "its file had it")
        self.records.free(counter)
        lock.dec(self.count)

    # Reading

    @function(context="thread", sleeps=True)
    def read(
        self, file: Keep[Ptr[File]], vector: Keep[Ptr[IoVector]], position: Ptr[U64]
    ) -> OrErrno[I64]:
        """Wait until the number is not 0, and read it, as `ReadFile` says; -EINVAL without room."""
        counter, value, noted = keep(cast(file.private, Ptr[EventCounter])), local(U64), local(U64)
        fail_if(vector.left < sizeof(U64), Errno.EINVAL)
        with loop():
            # Before the look, so that what is added after it ends the wait at once
            mov(noted, self.queues.note(counter.queue))
            mov(value, self._take(counter))
            break_if(value != 0)
            try_(self.waits.wait(file, address_of(counter.queue), noted))
        self.queues.announce(address_of(counter.queue), WRITABLE)
        copied = self.vectors.copy_to(vector, address_of(value), sizeof(U64))
        fail_if(copied != sizeof(U64), Errno.EFAULT)
        ret(sizeof(U64))

    @function
    def _take(self, counter: Ptr[EventCounter]) -> U64:
        """Take what a read takes. Returns it."""
        value = scratch(U64)
        with counter.lock.held():
            mov(value, counter.count)
            # 0 stays 0, by which the caller knows that it has to wait
            with if_((counter.is_semaphore != 0) & (value != 0)):
                mov(u32(value), 1)
            sub(counter.count, value)
        ret(value)

    # Writing

    @function(context="thread", sleeps=True)
    def write(
        self, file: Keep[Ptr[File]], vector: Keep[Ptr[IoVector]], position: Ptr[U64]
    ) -> OrErrno[I64]:
        """Wait until there is room for a number, and add it, as `WriteFile` says; -EINVAL for what
        is none."""
        counter, value, noted = keep(cast(file.private, Ptr[EventCounter])), local(U64), local(U64)
        fail_if(vector.left < sizeof(U64), Errno.EINVAL)
        copied = self.vectors.copy_from(vector, address_of(value), sizeof(U64))
        fail_if(copied != sizeof(U64), Errno.EFAULT)
        # The counter could never hold it, so the wait would have no end
        fail_if(value == NONE, Errno.EINVAL)
        with loop():
            mov(noted, self.queues.note(counter.queue))
            break_if(self._add(counter, value))
            try_(self.waits.wait(file, address_of(counter.queue), noted))
        self.queues.announce(address_of(counter.queue), READABLE)
        ret(sizeof(U64))

    @function
    def _add(self, counter: Ptr[EventCounter], value: U64) -> Bool:
        """Add `value`. Returns whether there was room."""
        done = scratch(U32)
        xor(done, done)
        with counter.lock.held():
            mov(rax, counter.count)
            add(rax, value)
            # The sum must stay below, and an overflow would look small
            with if_(~CF & (rax != NONE)):
                mov(counter.count, rax)
                inc(done)
        ret(done != 0)

    @function(context="thread", sleeps=True)
    def poll(self, file: Ptr[File], watcher: OrNull[Ptr[Watcher]]) -> U32:
        """Return what is possible, as `PollFile` says."""
        counter, events = keep(cast(file.private, Ptr[EventCounter])), keep(U32)
        with if_(watcher != 0):
            self.queues.watch(address_of(counter.queue), watcher)
        xor(events, events)
        with counter.lock.held():
            mov(rax, counter.count)
            with if_(rax != 0):
                or_(events, PollEvent.IN)
            # At the largest value not even 1 can be added
            with if_(rax != NONE - 1):
                or_(events, PollEvent.OUT)
        ret(events)
