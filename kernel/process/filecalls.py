"""System calls for open files, by their numbers."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.fileio import FileIo
from kernel.fs.files import Files
from kernel.fs.filetables import FileTables
from kernel.fs.iovector import IoVector
from kernel.fs.openflag import OpenFlag
from kernel.process.processes import Processes
from pykasm import *

MOST_BYTES = 0x7FFF_F000
"""Bytes that one call reads or writes at most (Linux: MAX_RW_COUNT)."""

OPEN_LIMIT = 1024
"""Open files of a process: RLIMIT_NOFILE as Linux has it at first."""


class FileCalls(Subsystem):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(self, processes: Processes, tables: FileTables, files: Files, io: FileIo) -> None:
        self.processes = processes
        self.tables = tables
        self.files = files
        self.io = io

    @function(context="thread")
    def get(self, number: U32) -> Owned[OrNull[Ptr[File]]]:
        """Return a reference to the file `number` of the task that runs, or null."""
        task = self.processes.current()
        tail(self.tables.get, task.files, number)

    @function(context="thread", sleeps=True)
    def close(self, number: U32) -> OrErrno[I64]:
        """Close the file `number`."""
        task = self.processes.current()
        file = self.tables.remove(task.files, u64(number))
        fail_if(file == 0, Errno.EBADF)
        self.files.drop(file)
        ret(0)

    # Bytes

    @inline(changes="length")
    def _start(self, vector: IoVector, buffer: User[U8], length: U64) -> None:
        """Begin at `length` bytes of the program's `buffer`, or as many as one call moves."""
        with if_(length > MOST_BYTES):
            mov(length, MOST_BYTES)
        vector.start(u64(buffer), length, is_user=True)

    @function(context="thread", sleeps=True)
    def read(self, number: U32, buffer: Keep[User[U8]], length: Keep[U64]) -> OrErrno[I64]:
        """Read from the file `number`."""
        vector, result = local(IoVector), keep(I64)
        file = keep(try_(self.get(number), Errno.EBADF))
        self._start(vector, buffer, length)
        mov(result, self.io.read(file, address_of(vector)))
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def write(self, number: U32, buffer: Keep[User[U8]], length: Keep[U64]) -> OrErrno[I64]:
        """Write to the file `number`."""
        vector, result = local(IoVector), keep(I64)
        file = keep(try_(self.get(number), Errno.EBADF))
        self._start(vector, buffer, length)
        mov(result, self.io.write(file, address_of(vector)))
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def pread64(
        self, number: U32, buffer: Keep[User[U8]], length: Keep[U64], position: Keep[I64]
    ) -> OrErrno[I64]:
        """Read from the file `number` at `position`."""
        vector, result = local(IoVector), keep(I64)
        file = keep(try_(self.get(number), Errno.EBADF))
        self._start(vector, buffer, length)
        mov(result, self.io.read_at(file, address_of(vector), position))
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def pwrite64(
        self, number: U32, buffer: Keep[User[U8]], length: Keep[U64], position: Keep[I64]
    ) -> OrErrno[I64]:
        """Write to the file `number` at `position`."""
        vector, result = local(IoVector), keep(I64)
        file = keep(try_(self.get(number), Errno.EBADF))
        self._start(vector, buffer, length)
        mov(result, self.io.write_at(file, address_of(vector), position))
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def lseek(self, number: U32, offset: Keep[I64], whence: Keep[U32]) -> OrErrno[I64]:
        """Move the position of the file `number`."""
        result = keep(I64)
        file = keep(try_(self.get(number), Errno.EBADF))
        mov(result, self.io.seek(file, offset, whence))
        self.files.drop(file)
        ret(result)

    # Numbers

    @function(context="thread", sleeps=True)
    def dup(self, number: U32) -> OrErrno[I64]:
        """Give the file `number` one more number, the lowest that is free."""
        file = try_(self.get(number), Errno.EBADF)
        tail(self.add, file, 0, 0)

    @function(context="thread", sleeps=True)
    def add(self, file: Keep[Owned[Ptr[File]]], least: U64, flags: U32) -> OrErrno[I64]:
        """Give `file` the lowest free number from `least` on, which is closed when another program
        is loaded if `flags` have CLOSE_ON_EXEC. Returns it; or -EMFILE or -ENOMEM, and `file` is
        dropped."""
        errdefer(self.files.drop, file)
        shr(flags, int(OpenFlag.CLOSE_ON_EXEC).bit_length() - 1)
        and_(flags, 1)
        task = self.processes.current()
        number = self.tables.reserve(task.files, least, OPEN_LIMIT, cast(flags, Bool))
        movsxd(rax, number)
        taken = keep(I64)
        mov(taken, rax)
        fail_if(taken < 0, Errno.EMFILE)
        task = self.processes.current()
        self.tables.enter(task.files, u64(taken), file)
        ret(taken)

    @function(context="thread", sleeps=True)
    def dup2(self, number: Keep[U32], wanted: Keep[U32]) -> OrErrno[I64]:
        """Give the file `number` the number `wanted`, too; what that was before is closed."""
        with if_(number == wanted):
            file = try_(self.get(number), Errno.EBADF)
            self.files.drop(file)
            mov(eax, wanted)
            ret(rax)
        tail(self.dup3, number, wanted, 0)

    @function(context="thread", sleeps=True)
    def dup3(self, number: Keep[U32], wanted: Keep[U32], flags: Keep[U32]) -> OrErrno[I64]:
        """Do what `dup2` does for two numbers, with `CLOSE_ON_EXEC` or no flags."""
        fail_if((number == wanted), Errno.EINVAL)
        fail_if(flags & ~int(OpenFlag.CLOSE_ON_EXEC), Errno.EINVAL)
        fail_if(wanted >= OPEN_LIMIT, Errno.EBADF)
        file = scratch(try_(self.get(number), Errno.EBADF))
        shr(flags, int(OpenFlag.CLOSE_ON_EXEC).bit_length() - 1)
        task = self.processes.current()
        result = self.tables.replace(task.files, u64(wanted), file, cast(flags, Bool))
        with if_(result != 0):
            movsxd(rax, result)
            ret(rax)
        mov(eax, wanted)
        ret(rax)
