"""System calls that open files by their names."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import Credentials
from kernel.fs.file import File
from kernel.fs.lookup import RESOLVE_SHIFT, Lookup, LookupFlag
from kernel.fs.openflag import OF_KERNEL, OF_PLACES, OpenFlag
from kernel.fs.opening import Opening
from kernel.process.filecalls import FileCalls
from kernel.process.namestarts import AT_FDCWD, NameStart, NameStarts
from kernel.process.openhow import OpenHow, OpenHows, Resolve
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.vm.structcopy import StructCopy
from pykasm import *

AT_SYMLINK_NOFOLLOW = 0x100
"""Look at a symbolic link itself."""

AT_EMPTY_PATH = 0x1000
"""An empty name stands for the open file whose number is in the directory's place."""


class PathCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        starts: NameStarts,
        numbers: FileCalls,
        opening: Opening,
        structs: StructCopy,
        hows: OpenHows,
    ) -> None:
        self.processes = processes
        self.starts = starts
        self.numbers = numbers
        self.opening = opening
        self.structs = structs
        self.hows = hows

    @function(context="thread", sleeps=True)
    def find(
        self, directory: I32, name: Fetched[User[U8]], flags: U32, mode: U32
    ) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[File]]]]:
        """Return 0 and what the name leads to, open by `flags`; or an error and null."""
        task = self.processes.current()
        tail(self.find_as, directory, name, flags, mode, task.credentials)

    @function(context="thread", sleeps=True)
    def walk_to(
        self, lookup: Keep[Ptr[Lookup]], directory: I32, name: Fetched[User[U8]], flags: Keep[U32]
    ) -> OrErrno[I64]:
        """Walk to what the name leads to, by AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH in `flags`.
        Returns 0, and the caller ends the walk; or an error."""
        start = local(NameStart)
        try_(self.starts.begin(address_of(start), directory, name))
        mov(eax, LookupFlag.FOLLOW)
        with if_(flags & AT_SYMLINK_NOFOLLOW):
            xor(eax, eax)
        with if_(flags & AT_EMPTY_PATH):
            or_(eax, LookupFlag.EMPTY)
        mov(flags, eax)
        place = self.starts.place(address_of(start))
        find = self.opening.walk.find
        result = keep(I64)
        movsxd(result, find(lookup, address_of(start.subject), place, start.name, flags))
        self.starts.end(address_of(start))
        ret(result)

    @function(context="thread", sleeps=True)
    def find_place(
        self, directory: I32, name: Fetched[User[U8]], flags: U32
    ) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[File]]]]:
        """Return 0 and what the name leads to, open for its place alone, by those of `flags` that
        say so: AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH; or an error and null."""
        mov(eax, OpenFlag.PATH)
        with if_(flags & AT_SYMLINK_NOFOLLOW):
            or_(eax, OpenFlag.NO_FOLLOW)
        with if_(flags & AT_EMPTY_PATH):
            or_(eax, OpenFlag.UNNAMED)
        tail(self.find, directory, name, eax, 0)

    @function(context="thread", sleeps=True)
    def find_as(
        self,
        directory: I32,
        name: Fetched[User[U8]],
        flags: Keep[U32],
        mode: Keep[U32],
        credentials: Keep[Ptr[Credentials]],
    ) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[File]]]]:
        """Do what `find` does for who has `credentials`."""
        start = local(NameStart)
        result = keep(self.starts.begin(address_of(start), directory, name))
        with if_(result != 0):
            ret(result, 0)
        release(result)
        mov(start.subject.credentials, credentials)
        failed, opened = self._open_at(address_of(start), flags, mode, 0)
        ret(failed, opened)

    @function(context="thread", sleeps=True)
    def _open_at(
        self, start: Keep[Ptr[NameStart]], flags: U32, mode: U32, within: U32
    ) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[File]]]]:
        """Open what the name of `start` leads to, within what the `LookupFlag`s in `within` say,
        and end it. Returns 0 and the file, or an error and null."""
        flags, mode, within = keep(flags), keep(mode), keep(within)
        place = self.starts.place(start)
        failed, opened = self.opening.open_within(
            address_of(start.subject), place, start.name, flags, mode, within
        )
        release(flags, mode, within)
        result, file = keep(I64), keep(OrNull[Ptr[File]])
        movsxd(result, failed)
        mov(file, opened)
        self.starts.end(start)
        ret(result, file)

    @function(context="thread", sleeps=True)
    def open(self, name: Fetched[User[U8]], flags: U32, mode: U32) -> OrErrno[I64]:
        """Open the file `name`."""
        tail(self.openat, AT_FDCWD, name, flags, mode)

    @function(context="thread", sleeps=True)
    def creat(self, name: Fetched[User[U8]], mode: U32) -> OrErrno[I64]:
        """Make the file `name`, or cut off what it has, and open it for writing."""
        flags = OpenFlag.CREATE | OpenFlag.WRITE_ONLY | OpenFlag.TRUNCATE
        tail(self.openat, AT_FDCWD, name, flags, mode)

    @function(context="thread", sleeps=True)
    def openat(
        self, directory: I32, name: Fetched[User[U8]], flags: Keep[U32], mode: Keep[U32]
    ) -> OrErrno[I64]:
        """Open the file `name`, as seen from `directory`."""
        and_(flags, ~int(OF_KERNEL))
        with if_(flags & OpenFlag.PATH):
            and_(flags, OF_PLACES)
        # First, so that nothing is made or cut off for which there is no number
        number, directory, name = local(I64), keep(directory), keep(name)
        mov(number, self.numbers.reserve(flags))
        with if_(number < 0):
            ret(number)
        failed, opened = self.find(directory, name, flags, mode)
        with if_(opened == 0):
            tail(self.numbers.release, number, failed)
        ignore(failed, "it is open")
        tail(self.numbers.enter, number, opened)

    @function(context="thread", sleeps=True)
    def openat2(
        self,
        directory: Keep[I32],
        name: Keep[Fetched[User[U8]]],
        source: Fetched[User[U8]],
        size: Untrusted[U64],
    ) -> OrErrno[I64]:
        """Open the file `name` as the `OpenHow` at `source`, of `size` bytes, says."""
        how, number = local(OpenHow), local(I64)
        fail_if(size < sizeof(OpenHow), Errno.EINVAL)
        try_(self.structs.copy_in(address_of(how), sizeof(OpenHow), source, size))
        try_(self.hows.check(address_of(how)))
        mov(number, self.numbers.reserve(u32(how.flags)))
        with if_(number < 0):
            ret(number)
        failed, opened = self._open_how(directory, name, address_of(how))
        with if_(opened == 0):
            tail(self.numbers.release, number, failed)
        ignore(failed, "it is open")
        tail(self.numbers.enter, number, opened)

    @function(context="thread", sleeps=True)
    def _open_how(
        self, directory: Keep[I32], name: Fetched[User[U8]], how: Keep[Ptr[OpenHow]]
    ) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[File]]]]:
        """Open the file `name` as `how`, which was checked, says."""
        start = local(NameStart)
        result = keep(self.starts.begin(address_of(start), directory, name))
        with if_(result != 0):
            ret(result, 0)
        release(result)
        # A name that begins with a slash begins there, too
        with if_((how.resolve & Resolve.IN_ROOT) & (directory != AT_FDCWD) & (start.file == 0)):
            mov(start.file, self.numbers.get(u32(directory)))
            with if_(start.file == 0):
                self.starts.end(address_of(start))
                ret(-Errno.EBADF, 0)
        within = scratch(u32(how.resolve))
        shl(within, RESOLVE_SHIFT)
        failed, opened = self._open_at(address_of(start), u32(how.flags), u32(how.mode), within)
        ret(failed, opened)
