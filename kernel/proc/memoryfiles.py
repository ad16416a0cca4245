"""The memory of processes as files."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.fs.cacheddirectories import CachedDirectories
from kernel.fs.file import File, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.inode import Inode
from kernel.fs.iovector import IoVector
from kernel.fs.iovectors import IoVectors
from kernel.mm.pages import Pages
from kernel.paging.addresses import direct, physical_of
from kernel.proc.procaccess import ProcAccess
from kernel.proc.procentry import ProcNode
from kernel.proc.procsource import PROCESS, ProcPlain, ProcSource
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.usercopy import UserCopy
from pykasm import *


class MemoryFiles(ProcSource):
    """Reads and writes memory of other processes, by who may look into them: each time, as they may
    have become others' since the file was opened (proc(5), mem). What the process itself may not
    read or write, nobody does here. Context: thread."""

    def __init__(
        self,
        defaults: FileDefaults,
        cached: CachedDirectories,
        access: ProcAccess,
        spaces: AddressSpaces,
        vectors: IoVectors,
        copy: UserCopy,
        pages: Pages,
    ) -> None:
        self.access = access
        self.spaces = spaces
        self.vectors = vectors
        self.copy = copy
        self.pages = pages
        self.operations = rodata(
            FileOperations,
            defaults.table(open=self.open, read=self.read, write=self.write, seek=cached.seek),
        )
        self.proc_files = [
            ProcPlain(f"{PROCESS}/mem", self.operations, mode=0o600, is_private=True)
        ]

    @function(context="thread", sleeps=True)
    def open(self, inode: Ptr[Inode], file: Ptr[File]) -> OrErrno[I32]:
        """Look whether the task may, as `OpenFile` says."""
        tail(self.access.check, cast(scratch(inode.private), Ptr[ProcNode]))

    @function(context="thread", sleeps=True)
    def read(self, file: Ptr[File], vector: Ptr[IoVector], position: Ptr[U64]) -> OrErrno[I64]:
        """Read from the address that is the position, as `ReadFile` says. Returns -EIO if nothing
        is there; 0 if the thread has ended."""
        tail(self._transfer, file.inode, vector, position, 0)

    @function(context="thread", sleeps=True)
    def write(self, file: Ptr[File], vector: Ptr[IoVector], position: Ptr[U64]) -> OrErrno[I64]:
        """Write there in the same way."""
        tail(self._transfer, file.inode, vector, position, 1)

    @function(context="thread", sleeps=True)
    def _transfer(
        self,
        inode: Ptr[Inode],
        vector: Keep[Ptr[IoVector]],
        position: Keep[Ptr[U64]],
        writes: Keep[U32],
    ) -> OrErrno[I64]:
        """Do either, by way of a page."""
        node, page = keep(cast(scratch(inode.private), Ptr[ProcNode])), keep(U64)
        result = local(I64)
        failed = self.access.check(node)
        with if_(failed != 0):
            movsxd(rax, failed)
            ret(rax)
        space = self.access.space_of(node)
        with if_(space == 0):
            ret(0)
        release(node)
        found = keep(space)
        mov(result, -Errno.ENOMEM)
        mov(page, self.pages.allocate_page())
        with if_(page != 0):
            direct(page)
            mov(result, self._copy_all(found, vector, position, page, writes))
            physical_of(page)
            self.pages.free_page(page)
        self.spaces.drop(found)
        mov(rax, result)
        ret(rax)

    @function(context="thread", sleeps=True)
    def _copy_all(
        self,
        space: Keep[Ptr[AddressSpace]],
        vector: Keep[Ptr[IoVector]],
        position: Keep[Ptr[U64]],
        page: Keep[U64],
        writes: U32,
    ) -> OrErrno[I64]:
        """Copy piece by piece. Returns how much, or -EIO instead of nothing."""
        total, how = keep(U64), local(U32)
        mov(how, writes)
        xor(u32(total), u32(total))
        with while_(vector.left != 0):
            with if_(how == 0):
                ignore(self._read_piece(space, vector, at(position), page), "it stays in rax")
            with else_():
                ignore(self._write_piece(space, vector, at(position), page), "it stays in rax")
            break_if(rax == 0)
            add(total, rax)
            add(at(position), rax)
        fail_if((total == 0) & (vector.left != 0), Errno.EIO)
        ret(i64(total))

    @inline
    def _size_of(self, vector: Ptr[IoVector]) -> U64:
        """Return how many bytes the next piece has, in a kept register."""
        size = keep(vector.left)
        with if_(size > PAGE):
            mov(size, PAGE)
        return size

    @function(context="thread", sleeps=True)
    def _read_piece(
        self,
        space: Ptr[AddressSpace],
        vector: Keep[Ptr[IoVector]],
        start: Keep[U64],
        page: Keep[U64],
    ) -> U64:
        """Copy a page's bytes, or fewer, from `start` in `space`. Returns how many."""
        size, before = self._size_of(vector), keep(OrNull[Ptr[AddressSpace]])
        mov(before, self.spaces.exchange(space))
        asserts(before != 0)  # that of the task which reads
        failed, left = self.copy.copy_in(page, cast(start, User[U8]), size)
        ignore(failed, "what is left tells as much")
        sub(size, left)
        self.spaces.go_back(before)
        tail(self.vectors.copy_to, vector, page, size)

    @function(context="thread", sleeps=True)
    def _write_piece(
        self, space: Ptr[AddressSpace], vector: Ptr[IoVector], start: Keep[U64], page: Keep[U64]
    ) -> U64:
        """Do what `_read_piece` does the other way round."""
        other, before = keep(space), keep(OrNull[Ptr[AddressSpace]])
        size = self._size_of(vector)
        mov(size, self.vectors.copy_from(vector, page, size))
        mov(before, self.spaces.exchange(other))
        asserts(before != 0)  # that of the task which writes
        failed, left = self.copy.copy_out(cast(start, User[U8]), page, size)
        ignore(failed, "what is left tells as much")
        sub(size, left)
        self.spaces.go_back(before)
        ret(size)
