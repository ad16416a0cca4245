"""Texts about open files."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.filetables import FileTables
from kernel.fs.inode import Inode
from kernel.fs.openflag import OpenFlag
from kernel.fs.textwriter import TextWriter
from kernel.proc.procentry import ProcNode
from kernel.proc.proclinks import ProcLinks
from kernel.proc.procsource import FILE, PROCESS, ProcNumbers, ProcSource, ProcText
from kernel.process.inspection import Inspection
from kernel.process.task import Task
from pykasm import *

LARGE_FILE = 0o100000
"""What Linux shows of each file that 64-bit programs open (include/uapi/asm-generic/fcntl.h:
O_LARGEFILE)."""

DIGIT_BITS, MOST_DIGITS = 3, 11
"""Of an octal number of 32 bits."""


class FileTexts(ProcSource):
    """Writes what is known of open files (proc(5), fdinfo). Context: thread."""

    def __init__(
        self,
        writer: TextWriter,
        links: ProcLinks,
        inspection: Inspection,
        tables: FileTables,
        files: Files,
    ) -> None:
        self.writer = writer
        self.inspection = inspection
        self.tables = tables
        self.files = files
        self.proc_files = [
            ProcNumbers(
                f"{PROCESS}/fdinfo/{FILE}",
                links.next_file,
                self.enter_file,
                member=ProcText("", self.show_file, mode=0o400, is_private=True),
                is_private=True,
            ),
        ]

    @function(context="thread", sleeps=True)
    def enter_file(self, node: Keep[Ptr[ProcNode]], number: U64) -> OrErrno[I32]:
        """Have `node` stand for the file with this number, as `EnterMember` says."""
        flags = local(U64)
        mov(node.file, u32(number))
        file = try_(self._get(node, address_of(flags)), Errno.ENOENT)
        self.files.drop(file)
        ret(0)

    @function(context="thread")
    def _get(self, node: Keep[Ptr[ProcNode]], flags: Keep[Ptr[U64]]) -> Owned[OrNull[Ptr[File]]]:
        """Return a reference to the file that `node` stands for, and set `flags` to those of its
        number; null if there is none, or the task that runs may not see it."""
        process, file, result = keep(node.process), local(U64), keep(I64)
        asserts(process != 0)  # it is in the directory of one
        mov(file, 0)
        mov(at(flags), 0)

        def take(task: Ptr[Task]) -> None:
            table = scratch(task.files)
            with if_(table != 0):
                mov(file, u64(self.tables.get(table, node.file)))
                mov(eax, node.file)
                with if_(self.tables.is_close_on_exec(task.files, rax)):
                    mov(at(flags), OpenFlag.CLOSE_ON_EXEC)

        self.inspection.look_into(process, node.thread, result, take)
        with if_(result != 0):
            ret(0)
        ret(cast(file, Ptr[File]))

    @function(context="thread", sleeps=True)
    def show_file(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write position, flags, mount and inode of an open file. Returns 0 or -ENOENT."""
        flags, node = local(U64), scratch(cast(scratch(inode.private), Ptr[ProcNode]))
        file = try_(self._get(node, address_of(flags)), Errno.ENOENT)
        self._show(file, flags)
        ret(0)

    @function(context="thread", sleeps=True)
    def _show(self, file: Keep[Owned[Ptr[File]]], flags: Keep[U64]) -> None:
        """Write what is known of `file`, with `flags` of its number, and drop it."""
        self.writer.print("pos:\t%u\nflags:\t0", file.position)
        or_(u32(flags), file.flags)
        or_(flags, LARGE_FILE)
        self._show_octal(u32(flags))
        mount, inode = scratch(file.path.mount), scratch(file.inode)
        asserts(mount != 0)
        self.writer.print("\nmnt_id:\t%u\nino:\t%u\n", mount.number, inode.number)
        self.files.drop(file)

    @function
    def _show_octal(self, number: Keep[U32]) -> None:
        """Write an octal number."""
        left, begun = keep(U32), keep(U32)
        xor(begun, begun)
        mov(left, DIGIT_BITS * MOST_DIGITS)
        with while_(left != 0):
            sub(left, DIGIT_BITS)
            mov(ecx, left)
            mov(eax, number)
            shr(eax, cl)
            and_(eax, (1 << DIGIT_BITS) - 1)
            or_(begun, eax)
            with if_((begun != 0) | (left == 0)):
                self.writer.print("%u", rax)
