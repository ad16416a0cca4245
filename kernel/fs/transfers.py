"""Moving bytes from one open file to another."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.fileio import FileIo
from kernel.fs.iovector import IoVector
from kernel.mm.pages import Pages
from kernel.paging.addresses import direct
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import INTERRUPTIBLE
from pykasm import *


class Transfer(Struct):
    """Bytes on their way between open files."""

    source: Ptr[File]
    target: Ptr[File]
    left: U64
    position: U64
    """Where the next byte is in the source."""
    target_position: U64
    """Where it goes to, if `is_placed`."""
    is_placed: U32
    """1 if it goes to a place of its own, 0 to that where the target is."""


class Transfers(Subsystem):
    """Copies by way of a page of the kernel's. Context: thread."""

    def __init__(self, scheduler: Scheduler, pages: Pages, io: FileIo) -> None:
        self.scheduler = scheduler
        self.pages = pages
        self.io = io

    @function(context="thread", sleeps=True)
    def run(self, transfer: Keep[Ptr[Transfer]]) -> OrErrno[I64]:
        """Copy until nothing is left, the source ends, the target takes no more, or a signal comes:
        some sources never end. Returns how many bytes were copied, and the positions move by as
        many; or an error, if none was."""
        total, moved = keep(I64), keep(I64)
        page = keep(try_(self.pages.allocate_page(), Errno.ENOMEM))
        xor(u32(total), u32(total))
        xor(u32(moved), u32(moved))
        with while_(transfer.left != 0):
            mov(moved, self._move(transfer, u64(page)))
            break_if(moved <= 0)
            add(total, moved)
            add(transfer.position, moved)
            add(transfer.target_position, moved)
            sub(transfer.left, moved)
            thread = scratch(self.scheduler.current)
            break_if(thread.pending & INTERRUPTIBLE)
            release(thread)
        self.pages.free_page(page)
        with if_(total == 0):
            ret(moved)
        ret(total)

    @function(context="thread", sleeps=True)
    def _move(self, transfer: Keep[Ptr[Transfer]], page: Keep[U64]) -> OrErrno[I64]:
        """Copy at most a page. Returns how many bytes, 0 at the end, or an error."""
        vector = local(IoVector)
        mov(ecx, PAGE)
        with if_(rcx > transfer.left):
            mov(rcx, transfer.left)
        direct(page)
        vector.start(page, rcx, is_user=False)
        come = self.io.read_at(transfer.source, address_of(vector), i64(transfer.position))
        with if_(come <= 0):
            ret(come)
        vector.start(page, u64(come), is_user=False)
        with if_(transfer.is_placed != 0):
            placed = self.io.write_at(
                transfer.target, address_of(vector), i64(transfer.target_position)
            )
            ret(placed)
        ret(self.io.write(transfer.target, address_of(vector)))
