"""Where names that programs give begin."""

from __future__ import annotations

from typing import Any

from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.path import Path
from kernel.fs.subject import Subject
from kernel.process.filecalls import FileCalls
from kernel.process.processes import Processes
from kernel.process.userpath import UserPaths
from pykasm import *

AT_FDCWD = -100
"""Stands for the current directory where a call takes the number of one
(include/uapi/linux/fcntl.h)."""


class NameStart(Struct):
    """Where a name that a program gives is looked up, and by whom."""

    subject: Subject
    file: OrNull[Owned[Ptr[File]]]
    """The directory that it begins at; null for the current one, or where the name says it."""
    name: Owned[Ptr[U8]]


class NameStarts(Subsystem):
    """Copies names of programs, and finds the directories that they begin at. Context: thread."""

    def __init__(
        self, processes: Processes, numbers: FileCalls, files: Files, names: UserPaths
    ) -> None:
        self.processes = processes
        self.numbers = numbers
        self.files = files
        self.names = names

    @function(context="thread", sleeps=True)
    def begin(
        self, start: Keep[Filled[Ptr[NameStart]]], directory: Keep[I32], name: Fetched[User[U8]]
    ) -> OrErrno[I64]:
        """Fill `start` in for the program's `name`, as seen from the open `directory`. Returns 0,
        and `end` follows; or an error."""
        task = self.processes.current()
        mov(rax, task.credentials)
        mov(start.subject.credentials, rax)
        mov(rax, task.context)
        mov(start.subject.context, rax)
        mov(start.file, 0)
        result, copied = self.names.take(name)
        with if_(copied == 0):
            movsxd(rax, result)
            ret(rax)
        ignore(result, "there is a name")
        mov(start.name, copied)
        disown(copied, "the start has it")
        with if_((at(copied) != ord("/")) & (directory != AT_FDCWD)):
            mov(start.file, self.numbers.get(u32(directory)))
            with if_(start.file == 0):
                self.end(start)
                fail(Errno.EBADF)
        ret(0)

    @function(context="thread", sleeps=True)
    def _drop_file(self, start: Ptr[NameStart]) -> None:
        """Drop the directory of `start`, if it has one."""
        file = scratch(start.file)
        with if_(file != 0):
            mov(start.file, 0)
            tail(self.files.drop, file)

    @function(context="thread", sleeps=True)
    def end(self, start: Keep[Ptr[NameStart]]) -> None:
        """Free what `start` has."""
        self.names.free(start.name)
        tail(self._drop_file, start)

    @function
    def place(self, start: Ptr[NameStart]) -> OrNull[Ptr[Path]]:
        """Return where the name of `start` begins; null for the current directory."""
        file = scratch(start.file)
        fail_if(file == 0)
        ret(address_of(file.path))

    @inline(changes=CALLER_SAVED)
    def call(self, start: NameStart, function: Any, *arguments: Any) -> OrErrno[I64]:
        """Call `function` for the name of `start`, and end that; what it returned."""
        result = keep(I64)
        place = self.place(address_of(start))
        done = function(address_of(start.subject), place, start.name, *arguments)
        movsxd(result, done)
        self.end(address_of(start))
        return result
