"""System calls for open files, by their numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum, IntFlag
from typing import Any

from kernel.errno import Errno
from kernel.fs.anonymousfiles import AnonymousFiles, PipeEnds
from kernel.fs.file import File, FileKindFlag
from kernel.fs.fileio import FileIo
from kernel.fs.files import Files
from kernel.fs.fileseals import FileSeals
from kernel.fs.filetables import FileTables
from kernel.fs.iovector import IoVector
from kernel.fs.openflag import SETTABLE, OpenFlag
from kernel.fs.pipes import Pipes
from kernel.process.limits import Resource
from kernel.process.processes import Processes
from kernel.process.recordcontrol import RecordControl
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.vm.usercopy import UserCopy
from pykasm import *

OF_PIPES = OpenFlag.CLOSE_ON_EXEC | OpenFlag.NONBLOCK | OpenFlag.DIRECT
"""Flags that `pipe2` takes."""


class FileControl(IntEnum):
    """What `fcntl` does (include/uapi/asm-generic/fcntl.h)."""

    DUPFD = 0
    GETFD = 1
    SETFD = 2
    GETFL = 3
    SETFL = 4
    GETLK = 5
    SETLK = 6
    SETLKW = 7
    OFD_GETLK = 36
    OFD_SETLK = 37
    OFD_SETLKW = 38
    NOTIFY = 1026
    DUPFD_CLOEXEC = 1030
    SET_PIPE_SIZE = 1031
    GET_PIPE_SIZE = 1032
    ADD_SEALS = 1033
    GET_SEALS = 1034


LOCK_CONTROLS = (
    *(FileControl.GETLK, FileControl.SETLK, FileControl.SETLKW),
    *(FileControl.OFD_GETLK, FileControl.OFD_SETLK, FileControl.OFD_SETLKW),
)


NOTIFIED = 0x7FFF_FFFF
"""Changes that F_NOTIFY might tell of (include/uapi/linux/fcntl.h: all but DN_MULTISHOT)."""


class IoRequest(IntEnum):
    """What `ioctl` does with any file (include/uapi/asm-generic/ioctls.h)."""

    FIONCLEX = 0x5450
    FIOCLEX = 0x5451
    FIONBIO = 0x5421


class RangeFlag(IntFlag):
    """What `close_range` does otherwise (include/uapi/linux/close_range.h)."""

    UNSHARE = 2
    CLOSE_ON_EXEC = 4


OF_RANGES = RangeFlag.UNSHARE | RangeFlag.CLOSE_ON_EXEC


class PipeNumbers(Struct):
    """What `pipe` stores."""

    reader: U32
    writer: U32


class FileCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        tables: FileTables,
        files: Files,
        io: FileIo,
        anonymous: AnonymousFiles,
        parts: RecordControl,
        seals: FileSeals,
        pipes: Pipes,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.tables = tables
        self.files = files
        self.io = io
        self.anonymous = anonymous
        self.parts = parts
        self.seals = seals
        self.pipes = pipes
        self.copy = copy

    @function(context="thread")
    def get(self, number: U32) -> Owned[OrNull[Ptr[File]]]:
        """Return a reference to the file `number` of the task that runs, or null."""
        task = self.processes.current()
        tail(self.tables.get, task.files, number)

    @inline(changes=("number", *CALLER_SAVED))
    @contextmanager
    def borrowed(self, number: U32) -> Iterator[Ptr[File]]:
        """Have the file `number` stay open in the block, which ends at its end only, and gets it in
        a register that calls keep. The caller's function fails with -EBADF if there is none.

        Nobody but the threads that share a table close its files: the only thread of one needs no
        reference (Linux: fdget).
        """
        file, gained = keep(OrNull[Ptr[File]]), keep(OrNull[Ptr[File]])
        task = self.processes.current()
        table = scratch(task.files)
        release(task)
        xor(u32(gained), u32(gained))
        with if_(table.references.count == 1):
            mov(file, self.tables.find(table, number))
        with else_():
            mov(gained, self.tables.get(table, number))
            disown(gained, "it is dropped behind the block")
            mov(file, gained)
        fail_if(file == 0, Errno.EBADF)
        yield file
        with if_(gained != 0):
            take_over(gained, "it was gained before the block")
            self.files.drop(gained)
        release(file, gained)

    @function(context="thread", sleeps=True)
    def close(self, number: U32) -> OrErrno[I64]:
        """Close the file `number`."""
        task = self.processes.current()
        file = self.tables.remove(task.files, u64(number))
        fail_if(file == 0, Errno.EBADF)
        self.files.drop(file)
        ret(0)

    # Bytes

    @function(context="thread", sleeps=True)
    def read(self, number: U32, buffer: User[U8], length: U64) -> OrErrno[I64]:
        """Read from the file `number`."""
        self._move(number, buffer, length, self.io.read)

    @function(context="thread", sleeps=True)
    def write(self, number: U32, buffer: User[U8], length: U64) -> OrErrno[I64]:
        """Write to the file `number`."""
        self._move(number, buffer, length, self.io.write)

    @function(context="thread", sleeps=True)
    def pread64(
        self, number: U32, buffer: User[U8], length: U64, position: Keep[I64]
    ) -> OrErrno[I64]:
        """Read from the file `number` at `position`."""
        fail_if(position < 0, Errno.EINVAL)
        self._move(number, buffer, length, self.io.read_at, position)

    @function(context="thread", sleeps=True)
    def pwrite64(
        self, number: U32, buffer: User[U8], length: U64, position: Keep[I64]
    ) -> OrErrno[I64]:
        """Write to the file `number` at `position`."""
        fail_if(position < 0, Errno.EINVAL)
        self._move(number, buffer, length, self.io.write_at, position)

    @inline(changes=("number", "buffer", "length", *CALLER_SAVED))
    def _move(self, number: U32, buffer: User[U8], length: U64, move: Any, *position: Any) -> None:
        """Have `move`, a function of `FileIo`, read or write the file `number`, and leave with what
        it returns, or with -EBADF."""
        vector, result = local(IoVector), keep(I64)
        vector.start(u64(buffer), length, is_user=True)
        with self.borrowed(number) as file:
            mov(result, move(file, address_of(vector), *position))
        ret(result)

    @function(context="thread", sleeps=True)
    def lseek(self, number: U32, offset: Keep[I64], whence: Keep[U32]) -> OrErrno[I64]:
        """Move the position of the file `number`."""
        result = keep(I64)
        with self.borrowed(number) as file:
            mov(result, self.io.seek(file, offset, whence))
        ret(result)

    # Numbers

    @function(context="thread", sleeps=True)
    def dup(self, number: U32) -> OrErrno[I64]:
        """Give the file `number` one more number, the lowest that is free."""
        file = try_(self.get(number), Errno.EBADF)
        tail(self.add, file, 0, 0)

    @function(context="thread", sleeps=True)
    def add(self, file: Keep[Owned[Ptr[File]]], least: U64, flags: U32) -> OrErrno[I64]:
        """Give `file` the lowest free number from `least` on, as `reserve` does. Returns it, or an
        error, and `file` is dropped."""
        errdefer(self.files.drop, file)
        number = try_(self._reserve(least, flags))
        tail(self.enter, number, file)

    @function(context="thread", sleeps=True)
    def reserve(self, flags: U32) -> OrErrno[I64]:
        """Return the lowest free number, which is taken then, and whose file is closed when another
        program is loaded if `flags` have CLOSE_ON_EXEC; -EMFILE or -ENOMEM. `enter` or `release`
        follows."""
        tail(self._reserve, 0, flags)

    @function(context="thread", sleeps=True)
    def _reserve(self, least: U64, flags: U32) -> OrErrno[I64]:
        """Reserve a number from `least` on."""
        shr(flags, int(OpenFlag.CLOSE_ON_EXEC).bit_length() - 1)
        and_(flags, 1)
        limit = self._limit()
        task = self.processes.current()
        number = self.tables.reserve(task.files, least, limit, cast(flags, Bool))
        movsxd(rax, number)
        ret(rax)

    @inline
    def _limit(self) -> U64:
        """Return the number that the files of the process have to be below, in a scratch
        register."""
        process = self.processes.current_process()
        limit = scratch(process.limits[Resource.NOFILE].soft)
        release(process)
        return limit

    @function(context="thread", sleeps=True)
    def enter(self, number: Keep[I64], file: Owned[Ptr[File]]) -> OrErrno[I64]:
        """Make `file` that of a reserved `number`, and return that."""
        file = scratch(file)
        task = self.processes.current()
        self.tables.enter(task.files, u64(number), file)
        ret(number)

    @function(context="thread", sleeps=True)
    def release(self, number: I64, error: Keep[I64]) -> OrErrno[I64]:
        """Give a reserved `number` back, and return `error`."""
        number = scratch(number)
        task = self.processes.current()
        self.tables.release(task.files, u64(number))
        ret(error)

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
        limit = self._limit()
        fail_if(wanted >= u32(limit), Errno.EBADF)
        release(limit)
        file = scratch(try_(self.get(number), Errno.EBADF))
        shr(flags, int(OpenFlag.CLOSE_ON_EXEC).bit_length() - 1)
        task = self.processes.current()
        result = self.tables.replace(task.files, u64(wanted), file, cast(flags, Bool))
        with if_(result != 0):
            movsxd(rax, result)
            ret(rax)
        mov(eax, wanted)
        ret(rax)

    @function(context="thread", sleeps=True)
    def fcntl(self, number: Keep[U32], what: Keep[U32], argument: Keep[U64]) -> OrErrno[I64]:
        """Do what a `FileControl` says with the file `number`; -EINVAL for others. One that is open
        for its place alone is copied and described, and no more (open(2), O_PATH)."""
        result, file = keep(I64), keep(try_(self.get(number), Errno.EBADF))
        with switch(what):
            with case(FileControl.DUPFD):
                mov(result, self._duplicate(file, argument, 0))
            with case(FileControl.DUPFD_CLOEXEC):
                mov(result, self._duplicate(file, argument, OpenFlag.CLOSE_ON_EXEC))
            with case(FileControl.GETFD):
                task = self.processes.current()
                mov(u32(result), self.tables.is_close_on_exec(task.files, u64(number)))
            with case(FileControl.SETFD):
                and_(argument, 1)
                task = self.processes.current()
                table = scratch(task.files)
                self.tables.set_close_on_exec(table, u64(number), cast(u32(argument), Bool))
                xor(u32(result), u32(result))
            with case(FileControl.GETFL):
                mov(u32(result), file.flags)
            with default():
                mov(result, -Errno.EBADF)
                with if_((file.flags & OpenFlag.PATH) == 0):
                    mov(result, self._control_open(file, what, argument))
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def _control_open(self, file: Ptr[File], what: U32, argument: U64) -> OrErrno[I64]:
        """Do what a `FileControl` says with `file`, of those that need more than its place."""
        with switch(what):
            with case(FileControl.SETFL):
                tail(self._set_flags, file, u32(argument))
            with case(FileControl.SET_PIPE_SIZE):
                task = self.processes.current()
                tail(self.pipes.resize, file, argument, task.credentials)
            with case(FileControl.GET_PIPE_SIZE):
                tail(self.pipes.size, file)
            with case(FileControl.GET_SEALS):
                tail(self.seals.get, file)
            with case(FileControl.ADD_SEALS):
                tail(self.seals.add, file, u32(argument))
            with case(FileControl.NOTIFY):  # signals tell of no changes, so there are none to end
                fail_if((u32(argument) & NOTIFIED) != 0, Errno.EINVAL)
                ret(0)
            with case(*LOCK_CONTROLS):
                tail(self._lock, file, what, cast(argument, User[U8]))
        ret(-Errno.EINVAL)

    @function(context="thread", sleeps=True)
    def _lock(self, file: Ptr[File], what: U32, place: User[U8]) -> OrErrno[I64]:
        """Do what one of LOCK_CONTROLS says with a part of `file`, which `place` describes."""
        with switch(what):
            with case(FileControl.GETLK):
                tail(self.parts.get, file, place, 0)
            with case(FileControl.OFD_GETLK):
                tail(self.parts.get, file, place, 1)
            with case(FileControl.SETLK):
                tail(self.parts.set, file, place, 0, 0)
            with case(FileControl.SETLKW):
                tail(self.parts.set, file, place, 0, 1)
            with case(FileControl.OFD_SETLK):
                tail(self.parts.set, file, place, 1, 0)
        tail(self.parts.set, file, place, 1, 1)

    @function(context="thread", sleeps=True)
    def _duplicate(self, file: Ptr[File], least: U64, flags: U32) -> OrErrno[I64]:
        """Give `file` one more number, from `least` on."""
        limit = self._limit()
        fail_if(least >= limit, Errno.EINVAL)
        release(limit)
        file = scratch(file)
        file.references.gain()
        tail(self.add, file, least, flags)

    @function
    def _set_flags(self, file: Ptr[File], flags: U32) -> OrErrno[I64]:
        """Set those flags of `file` that can be changed."""
        mov(eax, file.flags)
        and_(eax, ~int(SETTABLE) & 0xFFFF_FFFF)
        and_(flags, SETTABLE)
        or_(eax, flags)
        mov(file.flags, eax)
        ret(0)

    # Requests

    @function(context="thread", sleeps=True)
    def ioctl(self, number: Keep[U32], request: Keep[U32], argument: Keep[U64]) -> OrErrno[I64]:
        """Do what the file `number` does for a `request`, or an `IoRequest` that all know."""
        result, file = keep(I64), keep(try_(self.get(number), Errno.EBADF))
        with if_(file.flags & OpenFlag.PATH):
            mov(result, -Errno.EBADF)
        with else_():
            mov(result, self._control(number, file, request, argument))
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def _control(self, number: U32, file: Ptr[File], request: U32, argument: U64) -> OrErrno[I64]:
        """Do what `ioctl` does, for `file`."""
        with switch(request):
            with case(IoRequest.FIOCLEX):
                tail(self._set_close_on_exec, number, 1)
            with case(IoRequest.FIONCLEX):
                tail(self._set_close_on_exec, number, 0)
            with case(IoRequest.FIONBIO):
                tail(self._set_nonblocking, file, cast(argument, User[U8]))
            with default():
                operations = scratch(file.operations)
                done = operations.control(file, request, argument)
                ret(done)

    @function
    def _set_close_on_exec(self, number: U32, close_on_exec: Bool) -> OrErrno[I64]:
        """Set whether the file `number` is closed when another program is loaded."""
        task = self.processes.current()
        self.tables.set_close_on_exec(task.files, u64(number), close_on_exec)
        ret(0)

    @function(context="thread", sleeps=True)
    def _set_nonblocking(self, file: Keep[Ptr[File]], place: Fetched[User[U8]]) -> OrErrno[I64]:
        """Set whether calls for `file` wait: not if the program's number at `place` is not 0."""
        number = local(U32)
        self.copy.copy_in_all(address_of(number), place, sizeof(U32))
        with if_(number != 0):
            lock.or_(file.flags, OpenFlag.NONBLOCK)
        with else_():
            lock.and_(file.flags, ~int(OpenFlag.NONBLOCK))
        ret(0)

    @function(context="thread", sleeps=True)
    def close_range(self, first: Keep[U32], last: Keep[U32], flags: Keep[U32]) -> OrErrno[I64]:
        """Close the files from the number `first` to `last`, with it; or with CLOSE_ON_EXEC, have
        that done when another program is loaded. With UNSHARE, no other task has them closed."""
        fail_if((flags & ~int(OF_RANGES)) | (first > last), Errno.EINVAL)
        task = keep(self.processes.current())
        with if_(flags & RangeFlag.UNSHARE):
            table = scratch(task.files)
            made = keep(try_(self.tables.clone(table), Errno.ENOMEM))
            process = scratch(task.process)
            with process.lock.held():  # others may be about to look there
                xchg(task.files, made)
            self.tables.drop(made)
        with if_(flags & RangeFlag.CLOSE_ON_EXEC):
            self.tables.mark_range(task.files, u64(first), u64(last))
            ret(0)
        self.tables.close_range(task.files, u64(first), u64(last))
        ret(0)

    # What is written is in memory, and stays there: no file is on a disk

    @function(context="thread")
    def fsync(self, number: U32) -> OrErrno[I64]:
        """Wait until what was written to the file `number` is where it stays."""
        file, flags = scratch(try_(self.get(number), Errno.EBADF)), keep(U32)
        kind = keep(file.kind)
        mov(flags, file.flags)
        self.files.drop(file)
        fail_if(flags & OpenFlag.PATH, Errno.EBADF)
        fail_if((kind & FileKindFlag.STORED) == 0, Errno.EINVAL)
        ret(0)

    @function(context="thread")
    def fdatasync(self, number: U32) -> OrErrno[I64]:
        """Do what `fsync` does."""
        tail(self.fsync, number)

    @function(context="thread")
    def sync(self) -> OrErrno[I64]:
        """Do what `fsync` does for all files."""
        ret(0)

    # Pipes

    @function(context="thread", sleeps=True)
    def pipe(self, numbers: User[U8]) -> OrErrno[I64]:
        """Make a pipe, and store the numbers of its two ends."""
        tail(self.pipe2, numbers, 0)

    @function(context="thread", sleeps=True)
    def pipe2(self, numbers: Keep[User[U8]], flags: Keep[U32]) -> OrErrno[I64]:
        """Make a pipe by `flags`, and store the numbers of its two ends."""
        fail_if(flags & ~int(OF_PIPES), Errno.EINVAL)
        ends = local(PipeEnds)
        task = self.processes.current()
        result = self.anonymous.pipe(address_of(ends), flags, task.credentials)
        fail_if(result != 0, Errno.ENOMEM)
        tail(self.add_pair, ends.reader, ends.writer, flags, numbers)

    @function(context="thread", sleeps=True)
    def add_pair(
        self,
        reader: Owned[Ptr[File]],
        writer: Keep[Owned[Ptr[File]]],
        flags: Keep[U32],
        numbers: Keep[User[U8]],
    ) -> OrErrno[I64]:
        """Give two files numbers, as `reserve` does, and store these. Returns 0; or an error, and
        both files are dropped."""
        made = local(PipeNumbers)
        first = keep(self.add(reader, 0, flags))
        with if_(first < 0):
            self.files.drop(writer)
            ret(first)
        mov(made.reader, u32(first))
        second = self.add(writer, 0, flags)
        with if_(second < 0):
            tail(self._close_failed, u32(first), second)
        mov(made.writer, u32(second))
        tail(self._store, numbers, made.reader, made.writer)

    @function(context="thread", sleeps=True)
    def _close_failed(self, number: U32, error: Keep[I64]) -> OrErrno[I64]:
        """Close the file `number`, and return `error`."""
        ignore(self.close(number), "somebody else may have closed it")
        ret(error)

    @function(context="thread", sleeps=True)
    def _store(self, place: Keep[User[U8]], reader: Keep[U32], writer: Keep[U32]) -> OrErrno[I64]:
        """Store the numbers of a pipe's ends; where that fails, close them."""
        made = local(PipeNumbers)
        mov(made.reader, reader)
        mov(made.writer, writer)
        result, left = self.copy.copy_out(place, address_of(made), sizeof(PipeNumbers))
        ignore(left)
        with if_(result == 0):
            ret(0)
        failed = keep(I64)
        movsxd(failed, result)
        ignore(self.close(reader), "somebody else may have closed it")
        tail(self._close_failed, writer, failed)
