"""Texts about what processes leave behind."""

from __future__ import annotations

from typing import Any

from kernel.errno import Errno
from kernel.fs.inode import Inode
from kernel.fs.textwriter import TextWriter
from kernel.proc.procentry import ProcNode
from kernel.proc.procsource import PROCESS, ProcSource, ProcText
from kernel.process.dumpsettings import CoreFilter, Dumpable, DumpSettings
from kernel.text.numbers import Numbers
from pykasm import *

MOST = (1 << 31) - 1
"""What a truth may be set to: each number but 0 is a yes."""

FILTER_BITS = sum(CoreFilter)
"""All that can be set."""


class DumpTexts(ProcSource):
    """Writes which memory a process leaves in a file when a signal ends it, and how such files are
    called, and takes both (core(5)). Context: thread."""

    def __init__(self, writer: TextWriter, numbers: Numbers, settings: DumpSettings) -> None:
        self.writer = writer
        self.numbers = numbers
        self.settings = settings
        self.proc_files = [
            ProcText(path, show, mode=0o644, store=store)
            for path, show, store in (
                (f"{PROCESS}/coredump_filter", self.show_filter, self.set_filter),
                ("sys/kernel/core_pattern", self.show_pattern, self.set_pattern),
                ("sys/kernel/core_uses_pid", self.show_adds_number, self.set_adds_number),
                ("sys/fs/suid_dumpable", self.show_secure, self.set_secure),
            )
        ]

    @function(context="thread")
    def show_filter(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the `CoreFilter` of a process."""
        node = scratch(cast(scratch(inode.private), Ptr[ProcNode]))
        process = scratch(node.process)
        asserts(process != 0)  # it is in the directory of one
        self.writer.print("%08x\n", process.dumped_memory)
        ret(0)

    @function(context="thread")
    def set_filter(self, inode: Keep[Ptr[Inode]], text: Ptr[U8]) -> OrErrno[I32]:
        """Set it. Returns 0, or -EINVAL for what is no number."""
        value, good = self._parse(text)
        fail_if(~good, Errno.EINVAL)
        node = scratch(cast(scratch(inode.private), Ptr[ProcNode]))
        process = scratch(node.process)
        asserts(process != 0)  # it is in the directory of one
        and_(value, FILTER_BITS)
        mov(process.dumped_memory, u32(value))
        ret(0)

    @function
    def _parse(self, text: Ptr[U8]) -> tuple[U64, Bool]:
        """Return the number that `text`, which is changed, begins with, and whether there is
        one."""
        place = scratch(text)
        with while_(at(place) > ord(" ")):
            inc(place)
        mov(at(place), 0)
        tail(self.numbers.parse, text)

    @function
    def show_pattern(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the pattern of names."""
        self.writer.print("%s\n", address_of(self.settings.pattern))
        ret(0)

    @function
    def set_pattern(self, inode: Ptr[Inode], text: Ptr[U8]) -> OrErrno[I32]:
        """Set it, as `DumpSettings` does."""
        tail(self.settings.set_pattern, text)

    @function
    def show_adds_number(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write whether names get the number of the process."""
        self.writer.print("%u\n", self.settings.adds_number)
        ret(0)

    @function
    def set_adds_number(self, inode: Ptr[Inode], text: Ptr[U8]) -> OrErrno[I32]:
        """Set whether they do: 0 for no. Returns 0, or -EINVAL for what is no number."""
        self._set(text, self.settings.adds_number, MOST)

    @function
    def show_secure(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the `Dumpable` of processes with other rights than those who started them."""
        self.writer.print("%u\n", self.settings.secure)
        ret(0)

    @function
    def set_secure(self, inode: Ptr[Inode], text: Ptr[U8]) -> OrErrno[I32]:
        """Set it. Returns 0, or -EINVAL for what is none."""
        self._set(text, self.settings.secure, int(max(Dumpable)))

    @inline(changes=("text", *CALLER_SAVED))
    def _set(self, text: Ptr[U8], place: Any, most: int) -> None:
        """Set `place` to the number in `text`, at most `most`, and return from the caller's
        function."""
        value, good = self._parse(text)
        fail_if(~good | (value > most), Errno.EINVAL)
        mov(place, u32(value))
        ret(0)
