"""Writing core files."""

from __future__ import annotations

from kernel.fs.fileio import FileIo
from kernel.process.coredump import CoreDump
from kernel.sched.thread import Interruption
from pykasm import *


class CoreStreams(Subsystem):
    """Writes bytes of the kernel's to a core file, as far as it may become long. Context:
    thread."""

    def __init__(self, io: FileIo) -> None:
        self.io = io

    @function(context="thread", sleeps=True)
    def write(self, dump: Keep[Ptr[CoreDump]], source: U64, length: Keep[U64]) -> None:
        """Write `length` bytes at `source`, and go on behind them. Where that can't be done, the
        dump has failed, and nothing more is written: the file would be too long, its file system is
        full, or the thread is killed."""
        source = keep(source)
        self.look(dump)
        with if_(length > dump.left):
            mov(dump.failed, 1)
        with if_(dump.failed != 0):
            ret()
        sub(dump.left, length)
        dump.vector.start(source, length, is_user=False)
        file = scratch(dump.file)
        asserts(file != 0)  # it is open
        written = self.io.write_at(file, address_of(dump.vector), i64(dump.position))
        with if_(written != i64(length)):
            mov(dump.failed, 1)
        add(dump.position, length)
        mov(rax, dump.position)
        mov(dump.reach, rax)

    @function
    def look(self, dump: Ptr[CoreDump]) -> None:
        """Have the dump fail if its thread is killed."""
        dump, task = scratch(dump), scratch(dump.task)
        thread = scratch(task.thread)
        with if_(thread.pending & Interruption.KILL):
            mov(dump.failed, 1)

    @function(context="thread", sleeps=True)
    def end(self, dump: Ptr[CoreDump], length: U64) -> None:
        """Write the last byte of a file of `length` bytes, which is 0."""
        dump = scratch(dump)
        dec(length)
        mov(dump.position, length)
        page = scratch(dump.page)
        mov(page[0], 0)
        tail(self.write, dump, u64(page), 1)
