"""Reading, writing and listing open files."""

from __future__ import annotations

from typing import Any

from kernel.errno import Errno
from kernel.fs.directorylister import DirectoryLister
from kernel.fs.file import File, FileKindFlag
from kernel.fs.fileevents import FileEvents
from kernel.fs.iovector import IoVector
from kernel.fs.mode import Access
from kernel.fs.notice import FileEvent
from kernel.fs.openflag import OpenFlag
from kernel.paging.addresses import USER_END
from kernel.sync.mutex import Mutexes
from pykasm import *

MOST_BYTES = 0x7FFF_F000
"""Bytes that one call reads or writes at most (Linux: MAX_RW_COUNT)."""


class FileIo(Subsystem):
    """What `read`, `write` and their like do with an open file. Context: thread."""

    def __init__(self, mutexes: Mutexes, events: FileEvents) -> None:
        self.mutexes = mutexes
        self.events = events

    @function(context="thread", sleeps=True)
    def read(self, file: Keep[Ptr[File]], vector: Ptr[IoVector]) -> OrErrno[I64]:
        """Read at the file's position, which moves on. Returns how many bytes were read, 0 at the
        end, or an error; -EBADF if the file is not open for reading."""
        self._move(file, vector, Access.READ, "read", FileEvent.ACCESS, self._read_placed)

    @function(context="thread", sleeps=True)
    def write(self, file: Keep[Ptr[File]], vector: Ptr[IoVector]) -> OrErrno[I64]:
        """Write at the file's position, which moves on. Returns how many bytes were written, or an
        error; -EBADF if the file is not open for writing."""
        self._move(file, vector, Access.WRITE, "write", FileEvent.MODIFY, self._write_placed)

    @function(context="thread", sleeps=True)
    def _read_placed(self, file: Keep[Ptr[File]], vector: Keep[Ptr[IoVector]]) -> OrErrno[I64]:
        """Do what `read` does where the position means something."""
        self._move_placed(file, vector, "read", FileEvent.ACCESS)

    @function(context="thread", sleeps=True)
    def _write_placed(self, file: Keep[Ptr[File]], vector: Keep[Ptr[IoVector]]) -> OrErrno[I64]:
        """Do what `write` does where the position means something."""
        self._move_placed(file, vector, "write", FileEvent.MODIFY)

    @function(context="thread", sleeps=True)
    def read_at(self, file: Keep[Ptr[File]], vector: Ptr[IoVector], position: I64) -> OrErrno[I64]:
        """Read at `position`, and leave that of the file. Returns what `read` does; -EINVAL for a
        negative position, -ESPIPE for files without any."""
        self._move_at(file, vector, position, Access.READ, "read", FileEvent.ACCESS)

    @function(context="thread", sleeps=True)
    def write_at(self, file: Keep[Ptr[File]], vector: Ptr[IoVector], position: I64) -> OrErrno[I64]:
        """Write at `position`, and leave that of the file. Returns what `write` does; -EINVAL for a
        negative position, -ESPIPE for files without any."""
        self._move_at(file, vector, position, Access.WRITE, "write", FileEvent.MODIFY)

    @inline(changes=("vector", *CALLER_SAVED))
    def _move(
        self,
        file: Ptr[File],
        vector: Ptr[IoVector],
        access: Access,
        name: str,
        event: FileEvent,
        placed: Any,
    ) -> None:
        """Call the operation `name`, which needs `access`, and return what it does from the
        caller's function; by the function `placed` if positions mean something to it."""
        fail_if((file.access & access) == 0, Errno.EBADF)
        with if_((file.kind & (FileKindFlag.STREAM | FileKindFlag.UNPLACED)) == 0):
            tail(placed, file, vector)
        operations = scratch(file.operations)
        self._limit(vector)
        done = getattr(operations, name)(file, vector, address_of(file.position))
        with if_(self.events.are_watched()):
            tail(self._note, file, done, event)
        ret(done)

    @inline(changes=CALLER_SAVED)
    def _move_placed(
        self, file: Ptr[File], vector: Ptr[IoVector], name: str, event: FileEvent
    ) -> None:
        """Call the operation `name` at the file's position, and return what it does from the
        caller's function."""
        result = keep(I64)
        self._check_end(vector, file.position)
        self._limit(vector)
        with self.mutexes.held(file.position_lock):
            operations = scratch(file.operations)
            mov(result, getattr(operations, name)(file, vector, address_of(file.position)))
        with if_(self.events.are_watched()):
            tail(self._note, file, result, event)
        ret(result)

    @inline(changes=("vector", "position", *CALLER_SAVED))
    def _move_at(
        self,
        file: Ptr[File],
        vector: Ptr[IoVector],
        position: I64,
        access: Access,
        name: str,
        event: FileEvent,
    ) -> None:
        """Do what `_move` does at `position`."""
        place = local(U64)
        mov(place, u64(position))
        fail_if(position < 0, Errno.EINVAL)
        fail_if((file.access & access) == 0, Errno.EBADF)
        fail_if(file.kind & FileKindFlag.STREAM, Errno.ESPIPE)
        self._check_end(vector, place)
        self._limit(vector)
        operations = scratch(file.operations)
        result = getattr(operations, name)(file, vector, address_of(place))
        with if_(self.events.are_watched()):
            tail(self._note, file, result, event)
        ret(result)

    @function(context="thread")
    def _note(self, file: Ptr[File], result: Keep[I64], event: U32) -> OrErrno[I64]:
        """Tell who watches `file` that bytes were moved, if `result` says so. Returns that."""
        with if_(result > 0):
            self.events.note(file.path.dentry, event)
        ret(result)

    @inline(changes=rax)
    def _check_end(self, vector: Ptr[IoVector], position: U64) -> None:
        """Have the caller's function fail with -EINVAL if positions don't reach to the end of what
        is asked for; a length that no program's memory has is for `_limit` to find."""
        mov(rax, position)
        add(rax, vector.left)
        fail_if(OF, Errno.EINVAL)

    @inline(changes=(rax, rcx))
    def _limit(self, vector: Ptr[IoVector]) -> None:
        """Limit what is in one piece to what a call moves. The caller's function fails with -EFAULT
        if it is a program's and does not lie below the end of their addresses."""
        with if_((vector.rest_count == 0) & (vector.is_user != 0)):
            mov(rax, vector.address)
            add(rax, vector.length)
            fail_if(CF, Errno.EFAULT)
            mov(rcx, USER_END)
            fail_if(rax > rcx, Errno.EFAULT)
            with if_(vector.length > MOST_BYTES):
                mov(vector.length, MOST_BYTES)
                mov(vector.left, MOST_BYTES)

    @function(context="thread", sleeps=True)
    def seek(self, file: Keep[Ptr[File]], offset: Keep[I64], whence: Keep[U32]) -> OrErrno[I64]:
        """Move the position, counted by a `Whence`. Returns the new one, or an error."""
        result = keep(I64)
        fail_if(file.flags & OpenFlag.PATH, Errno.EBADF)
        with self.mutexes.held(file.position_lock):
            operations = scratch(file.operations)
            mov(result, operations.seek(file, offset, whence))
        ret(result)

    @function(context="thread", sleeps=True)
    def list(self, file: Keep[Ptr[File]], lister: Keep[Ptr[DirectoryLister]]) -> OrErrno[I32]:
        """Tell `lister` the names in a directory from the position on, which moves on. Returns 0 or
        an error."""
        result = keep(I32)
        fail_if((file.access & Access.READ) == 0, Errno.EBADF)
        with self.mutexes.held(file.position_lock):
            operations = scratch(file.operations)
            mov(result, operations.list(file, lister))
        with if_(self.events.are_watched() & (result == 0)):
            self.events.note(file.path.dentry, FileEvent.ACCESS)
        ret(result)
