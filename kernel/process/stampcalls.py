"""System calls that set the times of files."""

from __future__ import annotations

from kernel.clock.units import NSEC_PER_SEC
from kernel.errno import Errno
from kernel.fs.attributes import Attributes
from kernel.fs.file import File
from kernel.fs.fileevents import FileEvents
from kernel.fs.files import Files
from kernel.fs.filetimes import FileTimes, TimeChange
from kernel.fs.notice import FileEvent
from kernel.fs.openflag import OpenFlag
from kernel.process.filecalls import FileCalls
from kernel.process.namestarts import AT_FDCWD
from kernel.process.pathcalls import AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, PathCalls
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.usertimes import MICROSECOND
from kernel.time.wallclock import WallClock
from kernel.vm.usercopy import UserCopy
from pykasm import *

UTIME_NOW, UTIME_OMIT = (1 << 30) - 1, (1 << 30) - 2
"""In place of nanoseconds: the present, and what there is (include/linux/stat.h)."""

FLAGS = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH

MICROSECONDS = NSEC_PER_SEC // MICROSECOND
"""Of a second."""


class StampPair(Struct):
    """Two times as a program gives them: seconds, and nanoseconds or microseconds."""

    accessed_seconds: Untrusted[I64]
    accessed_rest: Untrusted[U64]
    modified_seconds: Untrusted[I64]
    modified_rest: Untrusted[U64]


class SecondPair(Struct):
    """Linux's `struct utimbuf`."""

    accessed: Untrusted[I64]
    modified: Untrusted[I64]


TIMES = (("accessed", TimeChange.ACCESSED), ("modified", TimeChange.MODIFIED))


class StampCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        numbers: FileCalls,
        paths: PathCalls,
        files: Files,
        attributes: Attributes,
        events: FileEvents,
        clock: WallClock,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.numbers = numbers
        self.paths = paths
        self.files = files
        self.attributes = attributes
        self.events = events
        self.clock = clock
        self.copy = copy

    @function(context="thread", sleeps=True)
    def utimensat(
        self,
        directory: Keep[I32],
        name: Keep[Fetched[User[U8]]],
        stamps: Fetched[User[U8]],
        flags: Keep[U32],
    ) -> OrErrno[I64]:
        """Set the times of the file `name`, as seen from `directory`, or of that itself if `name`
        is null."""
        times = local(FileTimes)
        try_(self._take(address_of(times), stamps))
        with if_(times.changes == 0):
            ret(0)
        with if_(name == 0):
            fail_if(flags != 0, Errno.EINVAL)
            ret(self._set_open(directory, address_of(times)))
        ret(self._set_named(directory, name, address_of(times), flags))

    @function(context="thread", sleeps=True)
    def _take(self, times: Keep[Ptr[FileTimes]], source: Fetched[User[U8]]) -> OrErrno[I64]:
        """Fill `times` in by nanoseconds at `source`; the present if that is null."""
        given = local(StampPair)
        with if_(source == 0):
            tail(self._take_present, times)
        self.copy.copy_in_all(address_of(given), source, sizeof(StampPair))
        mov(times.changes, 0)
        with if_((given.accessed_rest == UTIME_NOW) & (given.modified_rest == UTIME_NOW)):
            tail(self._take_present, times)
        for name, change in TIMES:
            rest = getattr(given, f"{name}_rest")
            with if_(rest == UTIME_NOW):
                or_(times.changes, change)
                mov(getattr(times, name), u64(self.clock.now()))
            with elif_(rest != UTIME_OMIT):
                with if_(rest >= NSEC_PER_SEC):
                    or_(times.changes, TimeChange.WRONG)
                or_(times.changes, change)
                seconds = scratch(getattr(given, f"{name}_seconds"))
                self._store(getattr(times, name), seconds, rest, 1)
        ret(0)

    @inline(changes=(rax, rdx, "seconds"))
    def _store(self, place: U64, seconds: I64, rest: U64 | int, unit: int) -> None:
        """Store at `place`, in nanoseconds, the register `seconds` and the `rest`, whose units have
        so many nanoseconds; what is too far away is as far as times go."""
        mov(rdx, rest)
        imul(rdx, rdx, unit)
        mov(rax, NSEC_PER_SEC)
        imul(u64(seconds), rax)
        with if_(OF):
            mov(u64(seconds), (1 << 63) - NSEC_PER_SEC)
        add(u64(seconds), rdx)
        mov(place, u64(seconds))
        release(seconds)

    @function
    def _take_present(self, times: Keep[Ptr[FileTimes]]) -> OrErrno[I64]:
        """Have both set to the present. Returns 0."""
        mov(times.changes, TimeChange.ACCESSED | TimeChange.MODIFIED | TimeChange.NOW)
        now = self.clock.now()
        mov(times.accessed, u64(now))
        mov(times.modified, u64(now))
        ret(0)

    @function(context="thread", sleeps=True)
    def _set_open(self, number: I32, times: Keep[Ptr[FileTimes]]) -> OrErrno[I64]:
        """Set the times of the open file `number`."""
        result = keep(I64)
        file = keep(try_(self.numbers.get(u32(number)), Errno.EBADF))
        mov(result, -Errno.EBADF)
        with if_((file.flags & OpenFlag.PATH) == 0):
            task = self.processes.current()
            done = self.attributes.set_times(address_of(file.path), times, task.credentials)
            movsxd(result, done)
            self._note(file, times, result)
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def _set_named(
        self,
        directory: I32,
        name: Fetched[User[U8]],
        times: Keep[Ptr[FileTimes]],
        flags: U32,
    ) -> OrErrno[I64]:
        """Set the times of the file `name`."""
        result = keep(I64)
        fail_if(flags & ~FLAGS, Errno.EINVAL)
        failed, opened = self.paths.find_place(directory, name, flags)
        with if_(opened == 0):
            ret(failed)
        ignore(failed, "it is there")
        file = keep(opened)
        task = self.processes.current()
        done = self.attributes.set_times(address_of(file.path), times, task.credentials)
        movsxd(result, done)
        self._note(file, times, result)
        self.files.drop(file)
        ret(result)

    @function(context="thread")
    def _note(self, file: Ptr[File], times: Ptr[FileTimes], result: I64) -> None:
        """Tell who watches `file` which of its `times` were set, if `result` is 0."""
        with if_(~self.events.are_watched() | (result != 0)):
            ret()
        mov(eax, times.changes)
        and_(eax, TimeChange.ACCESSED | TimeChange.MODIFIED)
        with switch(eax):
            with case(TimeChange.ACCESSED):
                tail(self.events.note, file.path.dentry, FileEvent.ACCESS)
            with case(TimeChange.MODIFIED):
                tail(self.events.note, file.path.dentry, FileEvent.MODIFY)
        tail(self.events.note, file.path.dentry, FileEvent.ATTRIBUTES)

    # Older ones

    @function(context="thread", sleeps=True)
    def futimesat(
        self, directory: Keep[I32], name: Keep[Fetched[User[U8]]], stamps: Fetched[User[U8]]
    ) -> OrErrno[I64]:
        """Set the times of the file `name`, as seen from `directory`, by microseconds."""
        times, given = local(FileTimes), local(StampPair)
        with if_(stamps == 0):
            ignore(self._take_present(address_of(times)), "it can't fail")
        with else_():
            self.copy.copy_in_all(address_of(given), stamps, sizeof(StampPair))
            mov(times.changes, TimeChange.ACCESSED | TimeChange.MODIFIED)
            for one, _ in TIMES:
                fail_if(getattr(given, f"{one}_rest") >= MICROSECONDS, Errno.EINVAL)
                seconds = scratch(getattr(given, f"{one}_seconds"))
                rest = getattr(given, f"{one}_rest")
                self._store(getattr(times, one), seconds, rest, MICROSECOND)
        with if_(name == 0):
            ret(self._set_open(directory, address_of(times)))
        ret(self._set_named(directory, name, address_of(times), 0))

    @function(context="thread", sleeps=True)
    def utimes(self, name: Fetched[User[U8]], stamps: Fetched[User[U8]]) -> OrErrno[I64]:
        """Set the times of the file `name` by microseconds."""
        tail(self.futimesat, AT_FDCWD, name, stamps)

    @function(context="thread", sleeps=True)
    def utime(self, name: Keep[Fetched[User[U8]]], stamps: Fetched[User[U8]]) -> OrErrno[I64]:
        """Set the times of the file `name` by seconds."""
        times, given = local(FileTimes), local(SecondPair)
        with if_(stamps == 0):
            ignore(self._take_present(address_of(times)), "it can't fail")
        with else_():
            self.copy.copy_in_all(address_of(given), stamps, sizeof(SecondPair))
            mov(times.changes, TimeChange.ACCESSED | TimeChange.MODIFIED)
            for one, _ in TIMES:
                seconds = scratch(getattr(given, one))
                self._store(getattr(times, one), seconds, 0, 1)
        ret(self._set_named(AT_FDCWD, name, address_of(times), 0))
