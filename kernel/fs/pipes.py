"""Pipes, with names (FIFOs) and without."""

from __future__ import annotations

from typing import Any

from kernel.cpu.pagetable import PAGE, PageShift
from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit, Credentials
from kernel.fs.file import File, FileKindFlag, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.inode import Inode
from kernel.fs.inodes import Inodes
from kernel.fs.iovector import IoVector
from kernel.fs.iovectors import IoVectors
from kernel.fs.mode import Access
from kernel.fs.openflag import OpenFlag
from kernel.fs.pipe import ATOMIC, CAPACITY, LARGEST, PAGES, Pipe
from kernel.locks.spinlock import SpinLock
from kernel.mm.heap import Heap
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
from kernel.vm.usercopy import UserCopy
from pykasm import *

ADDRESS_SHIFT = 3
"""log2 of the bytes of an address."""

MOST_SIZE = 1 << 31
"""Bytes that nobody can ask for more of."""

FIONREAD = 0x541B
"""The request that tells how many bytes can be read (include/uapi/asm-generic/ioctls.h)."""


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
        heap: Heap,
        copy: UserCopy,
    ) -> None:
        self.inodes = inodes
        self.vectors = vectors
        self.queues = queues
        self.mutexes = mutexes
        self.own_signals = own_signals
        self.pages = pages
        self.heap = heap
        self.copy = copy
        self.records = SlabCache(slabs, "pipe", Pipe)
        self.lock = bss(SpinLock)
        """Held to count open files, and to enter a pipe in an inode."""
        common: dict[str, Any] = {
            "read": self.read,
            "write": self.write,
            "poll": self.poll,
            "release": self.release,
            "control": self.control,
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
        # Made before it is known to be needed, as nothing can be allocated under the lock
        fresh, pipe = keep(try_(self._create(), Errno.ENOMEM)), keep(Ptr[Pipe])
        with self.lock.held():
            mov(pipe, cast(inode.private, Ptr[Pipe]))
            with if_(pipe == 0):
                mov(pipe, fresh)
                mov(inode.private, u64(fresh))
                disown(fresh, "the inode has it")
                xor(u32(fresh), u32(fresh))
            mov(file.private, u64(pipe))
            self._count(pipe, file)
        with if_(fresh != 0):
            self._free(fresh)
        # Who opens the other end waits for that
        self.queues.announce(address_of(pipe.queue), ANYTHING)
        ret(0)

    @function(holds="lock")
    def _count(self, pipe: Ptr[Pipe], file: Ptr[File]) -> None:
        """Count `file`. One that reads knows by its position whether anybody has written since:
        where nobody has, the pipe has not come to its end yet."""
        inc(pipe.holders)
        with if_(file.access & Access.READ):
            mov(eax, pipe.writer_opens)
            with if_(pipe.writers != 0):
                dec(rax)
            mov(file.position, rax)
            inc(pipe.readers)
            inc(pipe.reader_opens)
        with if_(file.access & Access.WRITE):
            inc(pipe.writers)
            inc(pipe.writer_opens)

    @function
    def _create(self) -> Owned[OrNull[Ptr[Pipe]]]:
        """Return an empty pipe, or null without memory."""
        pages = keep(try_(self._allocate_pages(PAGES)))
        pipe = scratch(self.records.allocate())
        with if_(pipe == 0):
            self.heap.free(u64(pages))
            ret(0)
        mov(rdx, pipe)
        zero(pipe)
        made = scratch(cast(rdx, Ptr[Pipe]))
        with unshared(made):
            mov(made.pages, pages)
            mov(made.capacity, CAPACITY)
        ret(made)

    @function
    def _allocate_pages(self, count: Keep[U64]) -> Owned[OrNull[Ptr[PhysicalAddress]]]:
        """Return room for the addresses of `count` pages, of which there is none yet; null without
        memory."""
        mov(rdi, count)
        shl(rdi, ADDRESS_SHIFT)
        pages = scratch(try_(self.heap.allocate(rdi)))
        mov(rdi, pages)
        mov(rcx, count)
        mov(rdx, pages)
        xor(eax, eax)
        rep.stosq()
        ret(cast(rdx, Ptr[PhysicalAddress]))

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
        # An end that is opened and closed before this thread looks again has come, too: how often
        # it was opened shows that, who has it open does not
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
        pipe, left = keep(cast(file.private, Ptr[Pipe])), keep(U32)
        with self.lock.held():
            with if_(file.access & Access.READ):
                dec(pipe.readers)
            with if_(file.access & Access.WRITE):
                dec(pipe.writers)
            mov(left, pipe.readers)
            add(left, pipe.writers)
        with if_(left != 0):
            # Counted among the holders still: others may close their ends meanwhile
            self.queues.announce(address_of(pipe.queue), ANYTHING)
        with self.lock.held():
            dec(pipe.holders)
            mov(left, pipe.holders)
            with if_(left == 0):
                inode = scratch(file.inode)
                # Under the lock under which `join` looks: nobody finds a pipe that is about to be
                # freed
                mov(inode.private, 0)
        with if_(left == 0):
            take_over(pipe, "the inode had it")
            self._free(pipe)

    @function
    def _free(self, pipe: Keep[Owned[Ptr[Pipe]]]) -> None:
        """Free a pipe that nobody has open."""
        with unshared(pipe):
            count = scratch(pipe.capacity)
            shr(count, PageShift.PAGE)
            self._free_pages(pipe.pages, count)
        self.records.free(pipe)

    @function
    def _free_pages(self, pages: Keep[Owned[Ptr[PhysicalAddress]]], count: Keep[U64]) -> None:
        """Free the pages at `count` addresses, and the room of these."""
        index = keep(U64)
        with for_(index, 0, count):
            page = scratch(pages[index])
            with if_(page != 0):
                take_over(page, "the pipe had it")
                self.pages.free_page(page)
        self.heap.free(u64(pages))

    # How much it holds

    @function
    def find(self, file: Ptr[File]) -> OrNull[Ptr[Pipe]]:
        """Return the pipe of `file`, null if it is of none."""
        lea(rax, self.operations)
        lea(rcx, self.fifo_operations)
        operations = scratch(file.operations)
        with if_((u64(operations) == rax) | (u64(operations) == rcx)):
            ret(cast(file.private, Ptr[Pipe]))
        ret(0)

    @function
    def size(self, file: Ptr[File]) -> OrErrno[I64]:
        """Return how many bytes the pipe of `file` holds; -EBADF if it is of none."""
        pipe = scratch(try_(self.find(file), Errno.EBADF))
        ret(i64(pipe.capacity))

    @function(context="thread", sleeps=True)
    def resize(
        self, file: Ptr[File], size: Keep[U64], credentials: Keep[Ptr[Credentials]]
    ) -> OrErrno[I64]:
        """Make the pipe of `file` hold `size` bytes, or some more. Returns how many; -EBADF if it
        is of none, -EINVAL for too many at all, -EPERM for more than who has `credentials` may have
        it hold, -EBUSY where more are in it, -ENOMEM."""
        pipe, result = keep(try_(self.find(file), Errno.EBADF)), keep(I64)
        fail_if(size > MOST_SIZE, Errno.EINVAL)
        with if_(size < PAGE):
            mov(size, PAGE)
        lea(rcx, bare[size - 1])
        # `_slot` masks by the number of pages, which works for powers of 2 alone
        bsr(rcx, rcx)  # to the next power of 2
        mov(eax, 2)
        shl(rax, cl)
        mov(size, rax)
        with if_((size > LARGEST) & (size > pipe.capacity)):
            fail_if((credentials.effective & (1 << CapabilityBit.SYS_RESOURCE)) == 0, Errno.EPERM)
        with self.mutexes.held(pipe.lock):
            mov(result, self._resize(pipe, size))
        with if_(result > 0):
            self.queues.announce(address_of(pipe.queue), WRITABLE)
        ret(result)

    @function(context="thread", sleeps=True, holds="pipe.lock")
    def _resize(self, pipe: Keep[Ptr[Pipe]], size: Keep[U64]) -> OrErrno[I64]:
        """Move the pages of `pipe` into room for as many as `size` bytes have. Returns the size;
        -EBUSY or -ENOMEM."""
        number, count, end = keep(U64), keep(U64), local(U64)
        mov(count, size)
        shr(count, PageShift.PAGE)
        mov(number, pipe.read)
        # Each page keeps its number, as positions go on; only its slot is another one among more or
        # fewer
        shr(number, PageShift.PAGE)
        lea(rcx, bare[PAGE - 1])
        add(rcx, pipe.written)
        shr(rcx, PageShift.PAGE)
        mov(end, rcx)
        sub(rcx, number)  # pages in use
        fail_if((rcx > count) | (pipe.is_taken != 0), Errno.EBUSY)
        pages = keep(try_(self._allocate_pages(count), Errno.ENOMEM))
        with while_(number < end):
            slot = scratch(address_of(pages[self._slot(number, count)]))
            old = scratch(pipe.capacity)
            shr(old, PageShift.PAGE)
            place = scratch(pipe.pages)
            lea(place, place[self._slot(number, old)])
            mov(rax, at(place))
            mov(at(slot), rax)
            # The old room is freed with all pages that are still in it
            mov(at(place), 0)
            inc(number)
            release(slot, old, place)
        xchg(pipe.pages, pages)
        mov(rcx, size)
        xchg(pipe.capacity, rcx)
        shr(rcx, PageShift.PAGE)
        self._free_pages(pages, rcx)
        ret(i64(size))

    @inline(changes=rcx)
    def _slot(self, number: U64, count: U64) -> U64:
        """Return where the address of the page `number` is among `count` ones."""
        lea(rcx, bare[count - 1])
        and_(rcx, number)
        return rcx

    # Reading and writing

    @function(context="thread", sleeps=True)
    def read(self, file: Ptr[File], vector: Ptr[IoVector], position: Ptr[U64]) -> OrErrno[I64]:
        """Read what there is, as `ReadFile` says; wait for something. Returns 0 once nobody writes
        any more, -EAGAIN instead of waiting with NONBLOCK, -ERESTARTSYS or -EFAULT."""
        tail(self.get, cast(file.private, Ptr[Pipe]), vector, self._waits(file))

    @inline(changes=eax)
    def _waits(self, file: Ptr[File]) -> U32:
        """Return whether who uses `file` waits."""
        mov(eax, file.flags)
        shr(eax, int(OpenFlag.NONBLOCK).bit_length() - 1)
        not_(eax)
        and_(eax, 1)
        return eax

    @function(context="thread", sleeps=True)
    def get(
        self, pipe: Keep[Ptr[Pipe]], vector: Keep[Ptr[IoVector]], waits: Keep[U32]
    ) -> OrErrno[I64]:
        """Do what `read` does, with -EAGAIN instead of waiting unless `waits`."""
        noted, result, events = keep(U64), keep(I64), local(U32)
        with if_(vector.left == 0):
            ret(0)
        with loop():
            # Before the look: what comes after it changes the number, so that the wait returns at
            # once
            mov(noted, self.queues.note(pipe.queue))
            with self.mutexes.held(pipe.lock):
                mov(events, self._room_made(pipe))
                mov(result, self._read_locked(pipe, vector))
            with if_(result > 0):
                self.queues.announce(address_of(pipe.queue), events)
            with if_(result != -Errno.EAGAIN):
                ret(result)
            fail_if(waits == 0, Errno.EAGAIN)
            waited = self.queues.wait(address_of(pipe.queue), noted, FOREVER, INTERRUPTIBLE)
            with if_(waited != 0):
                fail(Errno.ERESTARTSYS)

    @inline(changes=(rax, rcx))
    def _room_made(self, pipe: Ptr[Pipe]) -> U32:
        """Return which `PollEvent`s may hold after a read that did not before."""
        xor(ecx, ecx)
        mov(rax, pipe.written)
        sub(rax, pipe.read)
        add(rax, ATOMIC)
        # While there was room for that much, nobody waited for room
        with if_(rax > pipe.capacity):
            mov(ecx, WRITABLE)
        return ecx

    @function(context="thread", sleeps=True, holds="pipe.lock")
    def _read_locked(self, pipe: Keep[Ptr[Pipe]], vector: Keep[Ptr[IoVector]]) -> OrErrno[I64]:
        """Read what there is. Returns how many bytes that is, 0 at the end, -EAGAIN if nothing is
        there yet, -EFAULT."""
        total, chunk = keep(U64), keep(U64)
        fail_if(pipe.is_taken != 0, Errno.EAGAIN)
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
            break_if(vector.left == 0)
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
        # Minus the distance to the end of the page
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
        count, pages = scratch(pipe.capacity), scratch(pipe.pages)
        shr(count, PageShift.PAGE)
        mov(rax, pages[self._slot(rax, count)])
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
            # In this order: `poll` finds no more written than there is
            mov(pipe.written, 0)
            mov(pipe.read, 0)

    @function(context="thread", sleeps=True)
    def write(self, file: Ptr[File], vector: Ptr[IoVector], position: Ptr[U64]) -> OrErrno[I64]:
        """Write all, as `WriteFile` says; wait for room. Returns how many bytes were written; if
        none were, -EPIPE where nobody reads, -EAGAIN, -ERESTARTSYS, -EFAULT or -ENOMEM. Where
        nobody reads, the thread is sent SIGPIPE, too."""
        tail(self.put, cast(file.private, Ptr[Pipe]), vector, self._waits(file))

    @function(context="thread", sleeps=True)
    def put(
        self, pipe: Keep[Ptr[Pipe]], vector: Keep[Ptr[IoVector]], waits: Keep[U32]
    ) -> OrErrno[I64]:
        """Do what `write` does, with -EAGAIN instead of waiting unless `waits`."""
        noted, result, start = keep(U64), keep(I64), local(U64)
        # How much was to be written decides whether it is written as one, not what is left of it
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
            break_if((result != -Errno.EAGAIN) | (waits == 0))
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
        self, pipe: Keep[Ptr[Pipe]], vector: Keep[Ptr[IoVector]], start: Keep[U64]
    ) -> OrErrno[I64]:
        """Write as much as there is room for; of `start` bytes that are to be written as one, all
        or nothing. Returns how many bytes were written, or an error; -EAGAIN without room."""
        total, chunk, before = keep(U64), keep(U64), local(IoVector)
        fail_if(pipe.readers == 0, Errno.EPIPE)
        mov(chunk, self._room(pipe))
        fail_if((start <= ATOMIC) & (chunk < start), Errno.EAGAIN)
        xor(u32(total), u32(total))
        with loop():
            self._limit(chunk, pipe.written, vector.left)
            break_if(chunk == 0)
            with if_(~self._add_page(pipe, pipe.written)):
                fail_if(total == 0, Errno.ENOMEM)
                break_()
            # A copy that fails in the middle has moved `vector` on, and nothing of the piece counts
            before.go_to(at(vector))
            place = self._place(pipe, pipe.written)
            copied = self.vectors.copy_from(vector, place, chunk)
            with if_(copied != chunk):  # a piece is given as a whole, as on Linux
                vector.go_to(before)
                fail_if(total == 0, Errno.EFAULT)
                break_()
            add(pipe.written, chunk)
            add(total, chunk)
            break_if(vector.left == 0)
            mov(chunk, self._room(pipe))
        fail_if(total == 0, Errno.EAGAIN)
        ret(i64(total))

    @function(holds="pipe.lock")
    def _room(self, pipe: Ptr[Pipe]) -> U64:
        """Return for how many more bytes there is room."""
        mov(rax, pipe.capacity)
        add(rax, pipe.read)
        sub(rax, pipe.written)
        ret(rax)

    @function(holds="pipe.lock")
    def _add_page(self, pipe: Keep[Ptr[Pipe]], position: U64) -> Bool:
        """Provide a page for the byte at `position`. Returns whether there is one."""
        count, slot = scratch(pipe.capacity), keep(pipe.pages)
        shr(count, PageShift.PAGE)
        shr(position, PageShift.PAGE)
        lea(slot, slot[self._slot(position, count)])
        # Pages stay when they were read, so that a pipe in use allocates no more
        with if_(at(slot) != 0):
            ret(True)
        page = self.pages.allocate_page()
        with if_(page == 0):
            ret(False)
        mov(at(slot), u64(page))
        disown(page, "the pipe has it")
        ret(True)

    # Moving what it holds

    @function(context="thread", sleeps=True)
    def wait_for_room(self, pipe: Keep[Ptr[Pipe]], waits: Keep[U32]) -> OrErrno[I64]:
        """Wait until there is room in `pipe`. Returns how much; -EAGAIN unless somebody `waits`,
        -EPIPE where nobody reads, which sends SIGPIPE; or -ERESTARTSYS."""
        noted, room = keep(U64), keep(U64)
        with loop():
            # Before the look, as in `get`
            mov(noted, self.queues.note(pipe.queue))
            with if_(pipe.readers == 0):
                self.own_signals.send(Signal.SIGPIPE)
                fail(Errno.EPIPE)
            with self.mutexes.held(pipe.lock):
                mov(room, self._room(pipe))
            with if_(room != 0):
                ret(i64(room))
            fail_if(waits == 0, Errno.EAGAIN)
            waited = self.queues.wait(address_of(pipe.queue), noted, FOREVER, INTERRUPTIBLE)
            fail_if(waited != 0, Errno.ERESTARTSYS)

    @function(context="thread", sleeps=True)
    def begin_taking(self, pipe: Keep[Ptr[Pipe]], waits: Keep[U32]) -> OrErrno[I64]:
        """Wait until something is in `pipe`, and have nobody else read it until `end_taking`.
        Returns how many bytes there are; 0 at the end, -EAGAIN or -ERESTARTSYS, and nothing is
        begun."""
        noted, held = keep(U64), keep(I64)
        with loop():
            mov(noted, self.queues.note(pipe.queue))
            with self.mutexes.held(pipe.lock):
                mov(held, self._begin_taking(pipe))
            with if_(held != -Errno.EAGAIN):
                ret(held)
            fail_if(waits == 0, Errno.EAGAIN)
            waited = self.queues.wait(address_of(pipe.queue), noted, FOREVER, INTERRUPTIBLE)
            fail_if(waited != 0, Errno.ERESTARTSYS)

    @function(holds="pipe.lock")
    def _begin_taking(self, pipe: Ptr[Pipe]) -> OrErrno[I64]:
        """Do what `begin_taking` does if something is there. Returns -EAGAIN if it may be later."""
        fail_if(pipe.is_taken != 0, Errno.EAGAIN)
        mov(rax, pipe.written)
        sub(rax, pipe.read)
        with if_(rax != 0):
            mov(pipe.is_taken, 1)
            ret(i64(rax))
        fail_if(pipe.writers != 0, Errno.EAGAIN)
        ret(0)

    @function(context="thread", sleeps=True)
    def piece(self, pipe: Keep[Ptr[Pipe]], offset: Keep[U64], most: Keep[U64]) -> tuple[U64, U64]:
        """Return the address of the byte at `offset` in what is taken, and how many lie behind it
        in one page, no more than `most`."""
        chunk, place = keep(U64), local(U64)
        with self.mutexes.held(pipe.lock):
            add(offset, pipe.read)
            mov(chunk, pipe.written)
            sub(chunk, offset)
            self._limit(chunk, offset, most)
            mov(place, self._place(pipe, offset))
        ret(place, chunk)

    @function(context="thread", sleeps=True)
    def end_taking(self, pipe: Keep[Ptr[Pipe]], count: Keep[U64]) -> None:
        """Take `count` bytes out of `pipe`, which were moved, and let others read the rest."""
        with self.mutexes.held(pipe.lock):
            add(pipe.read, count)
            mov(pipe.is_taken, 0)
            self._trim(pipe)
        tail(self.queues.announce, address_of(pipe.queue), ANYTHING)

    @function(context="thread", sleeps=True)
    def poll(self, file: Ptr[File], watcher: OrNull[Ptr[Watcher]]) -> U32:
        """Return what is possible, as `PollFile` says."""
        with if_(watcher != 0):
            tail(self._watch, file, watcher)
        pipe, events = scratch(cast(file.private, Ptr[Pipe])), scratch(U32)
        xor(events, events)
        # Without the lock, and in this order: what is read here was so at some time meanwhile, and
        # of what changes then, who watches is told
        mov(rdx, pipe.read)
        mov(rax, pipe.written)
        sub(rax, rdx)
        with if_(CF):
            mov(rax, pipe.written)  # all was read since, and both counts began anew
        with if_(file.access & Access.READ):
            with if_(rax != 0):
                or_(events, READABLE)
            # A FIFO that nobody has opened for writing yet is not at its end: see `_count`
            with if_(pipe.writers == 0):
                mov(ecx, pipe.writer_opens)
                with if_(rcx != file.position):
                    or_(events, PollEvent.HANG_UP)
        with if_(file.access & Access.WRITE):
            add(rax, ATOMIC)
            with if_(rax <= pipe.capacity):
                or_(events, WRITABLE)
            with if_(pipe.readers == 0):
                or_(events, PollEvent.ERROR)
        ret(events)

    @function(context="thread")
    def _watch(self, file: Keep[Ptr[File]], watcher: Ptr[Watcher]) -> U32:
        """Do what `poll` does, from now on for `watcher`, too."""
        pipe = scratch(cast(file.private, Ptr[Pipe]))
        self.queues.watch(address_of(pipe.queue), watcher)
        tail(self.poll, file, 0)

    @function(context="thread", sleeps=True)
    def control(self, file: Ptr[File], request: U32, argument: U64) -> OrErrno[I64]:
        """Tell how many bytes there are, as `ControlFile` says."""
        fail_if(request != FIONREAD, Errno.ENOTTY)
        place = keep(cast(argument, User[U8]))
        pipe, left = keep(cast(file.private, Ptr[Pipe])), keep(U64)
        with self.mutexes.held(pipe.lock):
            mov(left, pipe.written)
            sub(left, pipe.read)
        tail(self.copy.copy_out_word, place, u32(left))
