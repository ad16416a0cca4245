"""Moving bytes into pipes and out of them."""

from __future__ import annotations

from typing import Any

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.fs.file import File, FileKindFlag
from kernel.fs.fileio import FileIo
from kernel.fs.iovector import IoVector
from kernel.fs.pipe import Pipe
from kernel.fs.pipes import Pipes
from kernel.mm.pages import Pages
from kernel.paging.addresses import direct, physical_of
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import INTERRUPTIBLE
from pykasm import *


class Splice(Struct):
    """Bytes on their way between open files, of which at least one is a pipe."""

    source: Ptr[File]
    target: Ptr[File]
    left: U64
    """How many to move at most."""
    position: U64
    """Where they begin in the one that is no pipe."""
    is_placed: U32
    """1 if they do, 0 if they begin where that file is."""
    waits: U32
    """1 to wait for bytes and for room in pipes."""
    keeps: U32
    """1 if they stay in the source, too."""


class Splicing(Subsystem):
    """What `splice` and `tee` do (splice(2), tee(2)). All functions return how many bytes were
    moved, and move the position; or an error if none was. Context: thread."""

    def __init__(self, pipes: Pipes, io: FileIo, pages: Pages, scheduler: Scheduler) -> None:
        self.pipes = pipes
        self.io = io
        self.pages = pages
        self.scheduler = scheduler

    @function(context="thread", sleeps=True)
    def fill(self, splice: Keep[Ptr[Splice]], pipe: Keep[Ptr[Pipe]]) -> OrErrno[I64]:
        """Read into `pipe`, as much as there is room for: wait for some, and then for no more.
        Besides errors of reading: -EAGAIN without room where `splice` does not wait, -EPIPE,
        -ENOMEM, -ERESTARTSYS."""
        result = local(I64)
        room = try_(self.pipes.wait_for_room(pipe, splice.waits))
        with if_(u64(room) < splice.left):
            mov(splice.left, u64(room))
        page = keep(try_(self.pages.allocate_page(), Errno.ENOMEM))
        direct(page)
        mov(result, self._fill(splice, pipe, u64(page)))
        physical_of(page)
        self.pages.free_page(page)
        ret(result)

    @function(context="thread", sleeps=True)
    def _fill(
        self, splice: Keep[Ptr[Splice]], pipe: Keep[Ptr[Pipe]], page: Keep[U64]
    ) -> OrErrno[I64]:
        """Do what `fill` does by way of a page. A source without positions is read once: whether it
        has more is not known."""
        total, moved, vector = keep(I64), keep(I64), local(IoVector)
        xor(u32(total), u32(total))
        xor(u32(moved), u32(moved))
        with while_(splice.left != 0):
            mov(ecx, PAGE)
            with if_(rcx > splice.left):
                mov(rcx, splice.left)
            vector.start(page, rcx, is_user=False)
            mov(moved, self._read(splice, address_of(vector)))
            break_if(moved <= 0)
            vector.start(page, u64(moved), is_user=False)
            mov(moved, self.pipes.put(pipe, address_of(vector), 1))
            break_if(moved <= 0)
            add(total, moved)
            sub(splice.left, u64(moved))
            source = scratch(splice.source)
            break_if(source.kind & FileKindFlag.STREAM)
        with if_(total == 0):
            ret(moved)
        ret(total)

    @function(context="thread", sleeps=True)
    def _read(self, splice: Keep[Ptr[Splice]], vector: Keep[Ptr[IoVector]]) -> OrErrno[I64]:
        """Read from the source, which is no pipe."""
        self._move(splice, splice.source, vector, self.io.read_at, self.io.read)

    @function(context="thread", sleeps=True)
    def _write(self, splice: Keep[Ptr[Splice]], vector: Keep[Ptr[IoVector]]) -> OrErrno[I64]:
        """Write to the target."""
        self._move(splice, splice.target, vector, self.io.write_at, self.io.write)

    @inline(changes=CALLER_SAVED)
    def _move(
        self,
        splice: Ptr[Splice],
        file: Ptr[File],
        vector: Ptr[IoVector],
        at_place: Any,
        anywhere: Any,
    ) -> None:
        """Move bytes of `file`, at the place that `splice` has in it if there is one, and return
        what came of it from the caller's function."""
        with if_(splice.is_placed == 0):
            tail(anywhere, file, vector)
        done = at_place(file, vector, i64(splice.position))
        with if_(done > 0):
            add(splice.position, u64(done))
        ret(done)

    @function(context="thread", sleeps=True)
    def drain(self, splice: Keep[Ptr[Splice]], pipe: Keep[Ptr[Pipe]]) -> OrErrno[I64]:
        """Write what is in `pipe`; wait for something to be there. Another pipe gets as much as it
        has room for by then. Besides errors of writing: -EAGAIN if nothing is there and `splice`
        does not wait, -ERESTARTSYS."""
        taken, result = local(U64), keep(I64)
        mov(result, self.pipes.begin_taking(pipe, splice.waits))
        with if_(result <= 0):
            ret(result)
        with if_(u64(result) < splice.left):
            mov(splice.left, u64(result))
        mov(result, self._drain(splice, pipe))
        mov(rax, result)
        with if_((result < 0) | (splice.keeps != 0)):
            xor(eax, eax)
        mov(taken, rax)
        self.pipes.end_taking(pipe, taken)
        ret(result)

    @function(context="thread", sleeps=True)
    def _drain(self, splice: Keep[Ptr[Splice]], pipe: Keep[Ptr[Pipe]]) -> OrErrno[I64]:
        """Do what `drain` does, while nobody else takes anything out of `pipe`."""
        total, moved, vector = keep(U64), keep(I64), local(IoVector)
        xor(u32(total), u32(total))
        target = self.pipes.find(splice.target)
        with if_(target != 0):
            mov(moved, self.pipes.wait_for_room(target, splice.waits))
            with if_(moved < 0):
                ret(moved)
            with if_(u64(moved) < splice.left):
                mov(splice.left, u64(moved))
        xor(u32(moved), u32(moved))
        with while_(splice.left != 0):
            place, chunk = self.pipes.piece(pipe, total, splice.left)
            vector.start(place, chunk, is_user=False)
            mov(moved, self._write(splice, address_of(vector)))
            break_if(moved <= 0)
            add(total, u64(moved))
            sub(splice.left, u64(moved))
            break_if(vector.left != 0)
            thread = scratch(self.scheduler.current)
            break_if(thread.pending & INTERRUPTIBLE)
            release(thread)
        with if_(total == 0):
            ret(moved)
        ret(i64(total))
