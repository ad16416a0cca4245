"""System calls that make files without names."""

from __future__ import annotations

from enum import IntFlag

from kernel.errno import Errno
from kernel.fs.anonymousfiles import AnonymousFiles
from kernel.fs.eventcounters import EventCounters
from kernel.fs.files import Files
from kernel.fs.openflag import OpenFlag
from kernel.process.filecalls import FileCalls
from kernel.process.processes import Processes
from kernel.process.signalfiles import SignalFiles
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.userpath import UserPaths
from kernel.process.waitmasks import SET_SIZE
from kernel.vm.usercopy import UserCopy
from pykasm import *

SEMAPHORE = 1
"""Of `eventfd2`: each read takes 1 (include/uapi/linux/eventfd.h)."""

OF_SIGNALS = OpenFlag.CLOSE_ON_EXEC | OpenFlag.NONBLOCK

OF_COUNTERS = SEMAPHORE | OpenFlag.CLOSE_ON_EXEC | OpenFlag.NONBLOCK

MOST_LETTERS = 249
"""Of a memory file's name (memfd_create(2))."""


class MemoryFileFlag(IntFlag):
    """Of `memfd_create` (include/uapi/linux/memfd.h)."""

    CLOSE_ON_EXEC = 1
    ALLOW_SEALING = 2


OF_MEMORY_FILES = MemoryFileFlag.CLOSE_ON_EXEC | MemoryFileFlag.ALLOW_SEALING


class EventCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        numbers: FileCalls,
        counters: EventCounters,
        anonymous: AnonymousFiles,
        names: UserPaths,
        signals: SignalFiles,
        files: Files,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.numbers = numbers
        self.counters = counters
        self.anonymous = anonymous
        self.names = names
        self.signals = signals
        self.files = files
        self.copy = copy

    @function(context="thread", sleeps=True)
    def eventfd(self, start: U32) -> OrErrno[I64]:
        """Make a number that counts events, and return the number of its file."""
        tail(self.eventfd2, start, 0)

    @function(context="thread", sleeps=True)
    def eventfd2(self, start: U32, flags: Keep[U32]) -> OrErrno[I64]:
        """Do what `eventfd` does by flags."""
        fail_if(flags & ~int(OF_COUNTERS), Errno.EINVAL)
        is_semaphore, task = scratch(flags), scratch(self.processes.current())
        and_(is_semaphore, SEMAPHORE)
        and_(flags, ~SEMAPHORE)
        file = try_(
            self.counters.create(start, is_semaphore, flags, task.credentials), Errno.ENOMEM
        )
        tail(self.numbers.add, file, 0, flags)

    @function(context="thread", sleeps=True)
    def signalfd(self, number: U32, mask: Fetched[User[U8]], size: U64) -> OrErrno[I64]:
        """Have signals be read from a file: see `signalfd4`."""
        tail(self.signalfd4, number, mask, size, 0)

    @function(context="thread", sleeps=True)
    def signalfd4(
        self, number: Keep[U32], mask: Fetched[User[U8]], size: U64, flags: Keep[U32]
    ) -> OrErrno[I64]:
        """Make a file from which the signals of the set at `mask` are read, by flags, and return
        its number; or have the file `number` be for these, unless that is -1."""
        wanted = local(U64)
        fail_if(size != SET_SIZE, Errno.EINVAL)
        self.copy.copy_in_all(address_of(wanted), mask, SET_SIZE)
        fail_if(flags & ~int(OF_SIGNALS), Errno.EINVAL)
        with if_(i32(number) != -1):
            tail(self._change_signals, number, wanted)
        file = try_(self.signals.create(wanted, flags), Errno.ENOMEM)
        tail(self.numbers.add, file, 0, flags)

    @function(context="thread", sleeps=True)
    def _change_signals(self, number: Keep[U32], wanted: Keep[U64]) -> OrErrno[I64]:
        """Have the file `number` be for the signals of the set `wanted`, and return the number."""
        result, file = keep(I64), keep(try_(self.numbers.get(number), Errno.EBADF))
        mov(result, -Errno.EINVAL)
        with if_(file.flags & OpenFlag.PATH):
            mov(result, -Errno.EBADF)
        with elif_(lambda: self.signals.is_one(file)):
            self.signals.change(file, wanted)
            mov(u32(result), number)
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def memfd_create(self, name: Fetched[User[U8]], flags: Keep[U32]) -> OrErrno[I64]:
        """Make a file in memory, and return its number. Large pages are not there."""
        fail_if(flags & ~int(OF_MEMORY_FILES), Errno.EINVAL)
        try_(self._check_name(name))
        task = self.processes.current()
        file = try_(self.anonymous.memory(0, task.credentials), Errno.ENOMEM)
        with if_(flags & MemoryFileFlag.ALLOW_SEALING):
            inode = scratch(file.inode)
            mov(inode.seals, 0)
            release(inode)
        xor(edx, edx)
        with if_(flags & MemoryFileFlag.CLOSE_ON_EXEC):
            mov(edx, OpenFlag.CLOSE_ON_EXEC)
        tail(self.numbers.add, file, 0, edx)

    @function(context="thread", sleeps=True)
    def _check_name(self, name: Fetched[User[U8]]) -> OrErrno[I64]:
        """Return 0 if `name` may be that of a memory file; it is for people alone."""
        length = keep(U64)
        failed, copied = self.names.take(name)
        with if_(copied == 0):
            with if_(failed == -Errno.ENAMETOOLONG):
                ret(-Errno.EINVAL)
            movsxd(rax, failed)
            ret(rax)
        ignore(failed, "there is a name")
        xor(u32(length), u32(length))
        with while_(copied[length] != 0):
            inc(length)
        self.names.free(copied)
        fail_if(length > MOST_LETTERS, Errno.EINVAL)
        ret(0)
