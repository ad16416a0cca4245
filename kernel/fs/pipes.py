"""Pipes, with names (FIFOs) and without."""

from __future__ import annotations

from typing import Any

from kernel.cpu.pagetable import PAGE, PageShift
from kernel.errno import Errno
from kernel.fs.file import File, FileKindFlag, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.inode import Inode
from kernel.fs.inodes import Inodes
from kernel.fs.iovector import IoVector
from kernel.fs.iovectors import IoVectors
from kernel.fs.mode import Access
from kernel.fs.openflag import OpenFlag
from kernel.fs.pipe import ATOMIC, CAPACITY, PAGES, Pipe
from kernel.locks.spinlock import SpinLock
from kernel.mm.pages import Pages
from kernel.mm.slabs import SlabCache, Slabs
from kernel.paging.addresses import PhysicalAddress, direct
from kernel.sched.thread import INTERRUPTIBLE
from kernel.sched.waiting import FOREVER
from kernel.signals.ownsignals import OwnSignals
from kernel.signals.signalnumber import Signal
from kernel.sync.mutex import Mutexes
from kernel.sync.pollqueue import ANYTHING, READABLE, WRITABLE, PollEvent, Watcher
from kernel.sync.pollqueues import PollQueues
from pykasm import *


class Pipes(Subsystem):
    """What is done with open pipes (pipe(7)). The inode leads to the `Pipe` as long as a file is
    open there. Context: thread."""

    def __init__(
        self,
        defaults: FileDefaults,
        inodes: Inodes,
        vectors: IoVectors,
        queues: PollQueues,
        mutexes: Mutexes,
        own_signals: OwnSignals,
        pages: Pages,
        slabs: Slabs,
    ) -> None:
        self.inodes = inodes
        self.vectors = vectors
        self.queues = queues
        self.mutexes = mutexes
        self.own_signals = own_signals
        self.pages = pages
        self.records = SlabCache(slabs, "pipe", Pipe)
        self.lock = bss(SpinLock)
        """Held to count open files, and to enter a pipe in an inode."""
        common: dict[str, Any] = {
            "read": self.read,
            "write": self.write,
            "poll": self.poll,
            "release": self.release,
            "flags": FileKindFlag.STREAM,
        }
        self.operations = rodata(FileOperations, defaults.table(open=self.join, **common))
        """Of pipes without names, both of whose ends are opened at once."""
        self.fifo_operations = rodata(FileOperations, defaults.table(open=self.open, **common))

    # Opening and closing

    @function(context="thread")
    def join(self, inode: Keep[Ptr[Inode]], file: Keep[Ptr[File]]) -> OrErrno[I32]:
        """Count one more file of the pipe of `inode`, which is made with the first. Returns 0 or
        -ENOMEM."""
        fresh, pipe = keep(try_(self._create(), Errno.ENOMEM)), keep(Ptr[Pipe])
        with self.lock.held():
            mov(pipe, cast(inode.private, Ptr[Pipe]))
            with if_(pipe == 0):
                mov(pipe, fresh)
                mov(inode.private, u64(fresh))
                disown(fresh, "the inode has it")
                xor(u32(fresh), u32(fresh))
            mov(file.private, u64(pipe))
            self._count(pipe, file.access)
        with if_(fresh != 0):
            self.records.free(fresh)
        self.queues.announce(address_of(pipe.queue), ANYTHING)
        ret(0)

    @function(holds="lock")
    def _count(self, pipe: Ptr[Pipe], access: U32) -> None:
        """Count one more file with this `access`."""
        with if_(access & Access.READ):
            inc(pipe.readers)
            inc(pipe.reader_opens)
        with if_(access & Access.WRITE):
            inc(pipe.writers)
            inc(pipe.writer_opens)

    @function
    def _create(self) -> Owned[OrNull[Ptr[Pipe]]]:
        """Return an empty pipe, or null without memory."""
        pipe = scratch(try_(self.records.allocate()))
        mov(rdx, pipe)
        mov(rdi, pipe)
        xor(eax, eax)
        mov(ecx, sizeof(Pipe) // sizeof(U64))
        rep.stosq()
        ret(cast(rdx, Ptr[Pipe]))

    @function(context="thread", sleeps=True)
    def open(self, inode: Keep[Ptr[Inode]], file: Keep[Ptr[File]]) -> OrErrno[I32]:
        """Open a FIFO, and wait for the other end to be opened (fifo(7)). Returns 0; -ENXIO for
        writing without waiting where nobody reads, -ERESTARTSYS or -ENOMEM."""
        try_(self.join(inode, file))
        pipe = keep(cast(file.private, Ptr[Pipe]))
        with errdefer(self.release, file):
            with if_(file.flags & OpenFlag.NONBLOCK):
                fail_if((file.access == Access.WRITE) & (pipe.readers == 0), Errno.ENXIO)
            with elif_(file.access == Access.READ):
                try_(self._wait_for_open(pipe, False))
            with elif_(file.access == Access.WRITE):
                try_(self._wait_for_open(pipe, True))
        ret(0)

    @function(context="thread", sleeps=True)
    def _wait_for_open(self, pipe: Keep[Ptr[Pipe]], for_readers: Keep[U32]) -> OrErrno[I32]:
        """Wait until the other end is open, or was opened meanwhile. Returns 0 or -ERESTARTSYS."""
        opens, noted = keep(U32), keep(U64)
        mov(opens, self._opens(pipe, for_readers))
        with loop():
            mov(noted, self.queues.note(pipe.queue))
            mov(eax, pipe.writers)
            with if_(for_readers != 0):
                mov(eax, pipe.readers)
            with if_(eax != 0):
                ret(0)
            with if_(self._opens(pipe, for_readers) != opens):
                ret(0)
            waited = self.queues.wait(address_of(pipe.queue), noted, FOREVER, INTERRUPTIBLE)
            fail_if(waited != 0, Errno.ERESTARTSYS)

    @function
    def _opens(self, pipe: Ptr[Pipe], for_readers: U32) -> U32:
        """Return how often an end of `pipe` was opened."""
        mov(eax, pipe.writer_opens)
        with if_(for_readers != 0):
            mov(eax, pipe.reader_opens)
        ret(eax)

    @function(context="thread")
    def release(self, file: Keep[Ptr[File]]) -> None:
        """Count one file less; free the pipe with the last. No lock is taken that is held while
        memory of programs is touched: a mapping may have been the last to have a file."""
        pipe, left, inode = keep(cast(file.private, Ptr[Pipe])), keep(U32), scratch(file.inode)
        with self.lock.held():
            with if_(file.access & Access.READ):
                dec(pipe.readers)
            with if_(file.access & Access.WRITE):
                dec(pipe.writers)
            mov(left, pipe.readers)
            add(left, pipe.writers)
            with if_(left == 0):
                mov(inode.private, 0)
        with if_(left == 0):
            take_over(pipe, "the inode had it")
            self._free(pipe)
        with else_():
            self.queues.announce(address_of(pipe.queue), ANYTHING)

    @function
    def _free(self, pipe: Keep[Owned[Ptr[Pipe]]]) -> None:
        """Free a pipe that nobody has open."""
        index = keep(U64)
        with for_(index, 0, PAGES), unshared(pipe):
            page = scratch(pipe.pages[index])
            with if_(page != 0):
                self.pages.free_page(cast(page, PhysicalAddress))
        self.records.free(pipe)

    @function
    def size(self, file: Ptr[File]) -> OrErrno[I64]:
        """Return how many bytes the pipe of `file` holds; -EBADF if it is of none."""
        lea(rax, self.operations)
        lea(rcx, self.fifo_operations)
        operations = scratch(file.operations)
        with if_((u64(operations) == rax) | (u64(operations) == rcx)):
            ret(CAPACITY)
        ret(-Errno.EBADF)

    # Reading and writing

    @function(context="thread", sleeps=True)
    def read(
        self, file: Keep[Ptr[File]], vector: Keep[Ptr[IoVector]], position: Ptr[U64]
    ) -> OrErrno[I64]:
        """Read what there is, as `ReadFile` says; wait for something. Returns 0 once nobody writes
        any more, -EAGAIN instead of waiting with NONBLOCK, -ERESTARTSYS or -EFAULT."""
        pipe, noted, result = keep(cast(file.private, Ptr[Pipe])), keep(U64), keep(I64)
        events = local(U32)
        with if_(vector.left == 0):
            ret(0)
        with loop():
            mov(noted, self.queues.note(pipe.queue))
            with self.mutexes.held(pipe.lock):
                mov(events, self._room_made(pipe))
                mov(result, self._read_locked(pipe, vector))
            with if_(result > 0):
                self.queues.announce(address_of(pipe.queue), events)
            with if_(result != -Errno.EAGAIN):
                ret(result)
            fail_if(file.flags & OpenFlag.NONBLOCK, Errno.EAGAIN)
            waited = self.queues.wait(address_of(pipe.queue), noted, FOREVER, INTERRUPTIBLE)
            with if_(waited != 0):
                fail(Errno.ERESTARTSYS)

    @inline(changes=(rax, rcx))
    def _room_made(self, pipe: Ptr[Pipe]) -> U32:
        """Return which `PollEvent`s may hold after a read that did not before, in ecx."""
        xor(ecx, ecx)
        mov(rax, pipe.written)
        sub(rax, pipe.read)
        with if_(rax > CAPACITY - ATOMIC):
            mov(ecx, WRITABLE)
        return ecx

    @function(context="thread", sleeps=True, holds="pipe.lock")
    def _read_locked(self, pipe: Keep[Ptr[Pipe]], vector: Keep[Ptr[IoVector]]) -> OrErrno[I64]:
        """Read what there is. Returns how many bytes that is, 0 at the end, -EAGAIN if nothing is
        there yet, -EFAULT."""
        total, chunk = keep(U64), keep(U64)
        xor(u32(total), u32(total))
        with loop():
            mov(chunk, pipe.written)
            sub(chunk, pipe.read)
            with if_(chunk == 0):
                break_()
            self._limit(chunk, pipe.read, vector.left)
            break_if(chunk == 0)
            place = self._place(pipe, pipe.read)
            copied = self.vectors.copy_to(vector, place, chunk)
            with if_(copied != chunk):  # a piece is taken as a whole, as on Linux
                fail_if(total == 0, Errno.EFAULT)
                break_()
            add(pipe.read, chunk)
            add(total, chunk)
        with if_(total != 0):
            self._trim(pipe)
            ret(i64(total))
        with if_(pipe.writers == 0):
            ret(0)
        ret(-Errno.EAGAIN)

    @inline(changes=("chunk", rax))
    def _limit(self, chunk: U64, position: U64, left: U64) -> None:
        """Make `chunk` no longer than `left`, and than what lies in the page of `position`."""
        mov(rax, position)
        or_(rax, -PAGE)
        neg(rax)
        with if_(chunk > rax):
            mov(chunk, rax)
        with if_(chunk > left):
            mov(chunk, left)

    @function(holds="pipe.lock")
    def _place(self, pipe: Ptr[Pipe], position: U64) -> U64:
        """Return the address of the byte at `position`, 0 if there is no page yet."""
        mov(rax, position)
        shr(rax, PageShift.PAGE)
        and_(eax, PAGES - 1)
        mov(rax, pipe.pages[rax])
        with if_(rax != 0):
            direct(rax)
            and_(position, PAGE - 1)
            add(rax, position)
        ret(rax)

    @function(holds="pipe.lock")
    def _trim(self, pipe: Ptr[Pipe]) -> None:
        """Begin at the start again if `pipe` is empty: so one that never has much needs one
        page."""
        mov(rax, pipe.read)
        with if_(rax == pipe.written):
            mov(pipe.read, 0)
            mov(pipe.written, 0)

    @function(context="thread", sleeps=True)
    def write(
        self, file: Keep[Ptr[File]], vector: Keep[Ptr[IoVector]], position: Ptr[U64]
    ) -> OrErrno[I64]:
        """Write all, as `WriteFile` says; wait for room. Returns how many bytes were written; if
        none were, -EPIPE where nobody reads, -EAGAIN, -ERESTARTSYS, -EFAULT or -ENOMEM. Where
        nobody reads, the thread is sent SIGPIPE, too."""
        pipe, noted, result = keep(cast(file.private, Ptr[Pipe])), keep(U64), keep(I64)
        start = local(U64)
        mov(rax, vector.left)
        mov(start, rax)
        xor(u32(result), u32(result))
        with while_(vector.left != 0):
            mov(noted, self.queues.note(pipe.queue))
            with self.mutexes.held(pipe.lock):
                mov(result, self._write_locked(pipe, vector, start))
            with if_(result > 0):
                self.queues.announce(address_of(pipe.queue), READABLE)
                continue_()
            break_if(result != -Errno.EAGAIN)
            break_if(file.flags & OpenFlag.NONBLOCK)
            waited = self.queues.wait(address_of(pipe.queue), noted, FOREVER, INTERRUPTIBLE)
            with if_(waited != 0):
                mov(result, -Errno.ERESTARTSYS)
                break_()
        with if_(result == -Errno.EPIPE):
            self.own_signals.send(Signal.SIGPIPE)
        mov(rax, start)
        sub(rax, vector.left)
        with if_(rax == 0):
            ret(result)
        ret(i64(rax))

    @function(context="thread", sleeps=True, holds="pipe.lock")
    def _write_locked(
        self, pipe: Keep[Ptr[Pipe]], vector: Keep[Ptr[IoVector]], start: U64
    ) -> OrErrno[I64]:
        """Write as much as there is room for; of `start` bytes that are to be written as one, all
        or nothing. Returns how many bytes were written, or an error; -EAGAIN without room."""
        total, chunk, before = keep(U64), keep(U64), local(IoVector)
        fail_if(pipe.readers == 0, Errno.EPIPE)
        mov(chunk, CAPACITY)
        add(chunk, pipe.read)
        sub(chunk, pipe.written)
        fail_if((start <= ATOMIC) & (chunk < start), Errno.EAGAIN)
        xor(u32(total), u32(total))
        with loop():
            mov(chunk, CAPACITY)
            add(chunk, pipe.read)
            sub(chunk, pipe.written)
            self._limit(chunk, pipe.written, vector.left)
            break_if(chunk == 0)
            with if_(~self._add_page(pipe, pipe.written)):
                fail_if(total == 0, Errno.ENOMEM)
                break_()
            before.go_to(at(vector))
            place = self._place(pipe, pipe.written)
            copied = self.vectors.copy_from(vector, place, chunk)
            with if_(copied != chunk):  # a piece is given as a whole, as on Linux
                vector.go_to(before)
                fail_if(total == 0, Errno.EFAULT)
                break_()
            add(pipe.written, chunk)
            add(total, chunk)
        fail_if(total == 0, Errno.EAGAIN)
        ret(i64(total))

    @function(holds="pipe.lock")
    def _add_page(self, pipe: Keep[Ptr[Pipe]], position: U64) -> Bool:
        """Provide a page for the byte at `position`. Returns whether there is one."""
        slot = keep(position)
        shr(slot, PageShift.PAGE)
        and_(u32(slot), PAGES - 1)
        with if_(pipe.pages[slot] != 0):
            ret(True)
        page = self.pages.allocate_page()
        with if_(page == 0):
            ret(False)
        mov(pipe.pages[slot], u64(page))
        ret(True)

    @function(context="thread", sleeps=True)
    def poll(self, file: Ptr[File], watcher: OrNull[Ptr[Watcher]]) -> U32:
        """Return what is possible, as `PollFile` says."""
        pipe, access, events = keep(cast(file.private, Ptr[Pipe])), keep(file.access), keep(U32)
        with if_(watcher != 0):
            self.queues.watch(address_of(pipe.queue), watcher)
        xor(events, events)
        with self.mutexes.held(pipe.lock):
            mov(rax, pipe.written)
            sub(rax, pipe.read)
            with if_(access & Access.READ):
                with if_(rax != 0):
                    or_(events, PollEvent.IN | PollEvent.READ_NORMAL)
                with if_(pipe.writers == 0):
                    or_(events, PollEvent.HANG_UP)
            with if_(access & Access.WRITE):
                with if_(rax <= CAPACITY - ATOMIC):
                    or_(events, PollEvent.OUT | PollEvent.WRITE_NORMAL)
                with if_(pipe.readers == 0):
                    or_(events, PollEvent.ERROR)
        ret(events)
