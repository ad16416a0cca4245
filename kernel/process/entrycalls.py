"""System calls that make, remove and move names of files."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.creation import Creation
from kernel.fs.credentials import CapabilityBit
from kernel.fs.devicenumbers import decode_device
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.mode import TYPE_MASK, FileType
from kernel.fs.openflag import OpenFlag
from kernel.fs.removal import Removal
from kernel.fs.renaming import Renaming
from kernel.process.namestarts import AT_FDCWD, NameStart, NameStarts
from kernel.process.pathcalls import AT_EMPTY_PATH, PathCalls
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.userpath import UserPaths
from pykasm import *

AT_REMOVEDIR = 0x200
"""Of `unlinkat`: remove a directory."""

AT_SYMLINK_FOLLOW = 0x400
"""Of `linkat`: follow a symbolic link."""


class EntryCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        starts: NameStarts,
        paths: PathCalls,
        files: Files,
        names: UserPaths,
        creation: Creation,
        removal: Removal,
        renaming: Renaming,
    ) -> None:
        self.processes = processes
        self.starts = starts
        self.paths = paths
        self.files = files
        self.names = names
        self.creation = creation
        self.removal = removal
        self.renaming = renaming

    @function(context="thread", sleeps=True)
    def mkdir(self, name: Fetched[User[U8]], mode: U32) -> OrErrno[I64]:
        """Make a directory."""
        tail(self.mkdirat, AT_FDCWD, name, mode)

    @function(context="thread", sleeps=True)
    def mkdirat(self, directory: I32, name: Fetched[User[U8]], mode: Keep[U32]) -> OrErrno[I64]:
        """Make a directory, as seen from `directory`."""
        start = local(NameStart)
        try_(self.starts.begin(address_of(start), directory, name))
        ret(self.starts.call(start, self.creation.mkdir, mode))

    @function(context="thread", sleeps=True)
    def rmdir(self, name: Fetched[User[U8]]) -> OrErrno[I64]:
        """Remove an empty directory."""
        tail(self.unlinkat, AT_FDCWD, name, AT_REMOVEDIR)

    @function(context="thread", sleeps=True)
    def unlink(self, name: Fetched[User[U8]]) -> OrErrno[I64]:
        """Remove the name of a file."""
        tail(self.unlinkat, AT_FDCWD, name, 0)

    @function(context="thread", sleeps=True)
    def unlinkat(self, directory: I32, name: Fetched[User[U8]], flags: Keep[U32]) -> OrErrno[I64]:
        """Remove a name, as seen from `directory`: with AT_REMOVEDIR, that of a directory."""
        start = local(NameStart)
        fail_if(flags & ~AT_REMOVEDIR, Errno.EINVAL)
        try_(self.starts.begin(address_of(start), directory, name))
        with if_(flags != 0):
            ret(self.starts.call(start, self.removal.rmdir))
        ret(self.starts.call(start, self.removal.unlink))

    @function(context="thread", sleeps=True)
    def symlink(self, text: Fetched[User[U8]], name: Fetched[User[U8]]) -> OrErrno[I64]:
        """Make a symbolic link to `text`."""
        tail(self.symlinkat, text, AT_FDCWD, name)

    @function(context="thread", sleeps=True)
    def symlinkat(
        self, text: Fetched[User[U8]], directory: Keep[I32], name: Keep[Fetched[User[U8]]]
    ) -> OrErrno[I64]:
        """Make a symbolic link to `text`, with a name as seen from `directory`."""
        start, result, target = local(NameStart), keep(I64), keep(Ptr[U8])
        failed, copied = self.names.take(text)
        with if_(copied == 0):
            movsxd(rax, failed)
            ret(rax)
        ignore(failed, "there is a text")
        mov(target, copied)
        mov(result, self.starts.begin(address_of(start), directory, name))
        with if_(result == 0):
            mov(result, self.starts.call(start, self.creation.symlink, target))
        self.names.free(target)
        ret(result)

    @function(context="thread", sleeps=True)
    def rename(self, name: Fetched[User[U8]], new_name: Fetched[User[U8]]) -> OrErrno[I64]:
        """Give a file another name."""
        tail(self.renameat2, AT_FDCWD, name, AT_FDCWD, new_name, 0)

    @function(context="thread", sleeps=True)
    def renameat(
        self,
        directory: I32,
        name: Fetched[User[U8]],
        new_directory: I32,
        new_name: Fetched[User[U8]],
    ) -> OrErrno[I64]:
        """Give a file another name, both as seen from directories."""
        tail(self.renameat2, directory, name, new_directory, new_name, 0)

    @function(context="thread", sleeps=True)
    def renameat2(
        self,
        directory: I32,
        name: Fetched[User[U8]],
        new_directory: Keep[I32],
        new_name: Keep[Fetched[User[U8]]],
        flags: Keep[U32],
    ) -> OrErrno[I64]:
        """Do what `renameat` does, by `flags`."""
        start, new, result = local(NameStart), local(NameStart), keep(I64)
        try_(self.starts.begin(address_of(start), directory, name))
        mov(result, self.starts.begin(address_of(new), new_directory, new_name))
        with if_(result == 0):
            mov(result, self._rename(address_of(start), address_of(new), flags))
        with else_():
            self.starts.end(address_of(start))
        ret(result)

    @function(context="thread", sleeps=True)
    def _rename(
        self, start: Keep[Ptr[NameStart]], new: Keep[Ptr[NameStart]], flags: Keep[U32]
    ) -> OrErrno[I64]:
        """Give what `start` names the name of `new`, and end both."""
        place = keep(self.starts.place(new))
        result = self.starts.call(at(start), self.renaming.rename, place, new.name, flags)
        self.starts.end(new)
        ret(result)

    @function(context="thread", sleeps=True)
    def link(self, name: Fetched[User[U8]], new_name: Fetched[User[U8]]) -> OrErrno[I64]:
        """Give a file one more name."""
        tail(self.linkat, AT_FDCWD, name, AT_FDCWD, new_name, 0)

    @function(context="thread", sleeps=True)
    def linkat(
        self,
        directory: I32,
        name: Fetched[User[U8]],
        new_directory: Keep[I32],
        new_name: Keep[Fetched[User[U8]]],
        flags: U32,
    ) -> OrErrno[I64]:
        """Give a file one more name, both as seen from directories; with AT_SYMLINK_FOLLOW, what a
        symbolic link leads to. With AT_EMPTY_PATH, who may search everywhere can give an open file
        a name."""
        start, result = local(NameStart), keep(I64)
        fail_if(flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH), Errno.EINVAL)
        mov(eax, OpenFlag.PATH | OpenFlag.NO_FOLLOW)
        with if_(flags & AT_SYMLINK_FOLLOW):
            mov(eax, OpenFlag.PATH)
        with if_(flags & AT_EMPTY_PATH):
            task = self.processes.current()
            credentials = scratch(task.credentials)
            with if_(credentials.effective & (1 << CapabilityBit.DAC_READ_SEARCH)):
                or_(eax, OpenFlag.UNNAMED)
            release(credentials)
        failed, opened = self.paths.find(directory, name, eax, 0)
        with if_(opened == 0):
            ret(failed)
        ignore(failed, "it is there")
        file = keep(opened)
        mov(result, self.starts.begin(address_of(start), new_directory, new_name))
        with if_(result == 0):
            mov(result, self._link(address_of(start), file))
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def _link(self, start: Keep[Ptr[NameStart]], file: Ptr[File]) -> OrErrno[I64]:
        """Give what `file` is the name of `start`, and end that."""
        result, path = keep(I64), keep(address_of(file.path))
        place = self.starts.place(start)
        done = self.creation.link(address_of(start.subject), path, place, start.name)
        movsxd(result, done)
        self.starts.end(start)
        ret(result)

    @function(context="thread", sleeps=True)
    def mknod(self, name: Fetched[User[U8]], mode: U32, device: U32) -> OrErrno[I64]:
        """Make a special file, or another one that is no directory."""
        tail(self.mknodat, AT_FDCWD, name, mode, device)

    @function(context="thread", sleeps=True)
    def mknodat(
        self,
        directory: Keep[I32],
        name: Keep[Fetched[User[U8]]],
        mode: Keep[U32],
        device: Keep[U32],
    ) -> OrErrno[I64]:
        """Make a special file, or another one that is no directory, as seen from `directory`."""
        start, number = local(NameStart), local(U64)
        try_(self._check_type(mode))
        with if_((mode & TYPE_MASK) == 0):
            or_(mode, FileType.REGULAR)
        mov(number, decode_device(device))
        try_(self.starts.begin(address_of(start), directory, name))
        release(directory, name)
        ret(self.starts.call(start, self.creation.mknod, mode, number))

    @function
    def _check_type(self, mode: U32) -> OrErrno[I64]:
        """Return 0 if this task may make files of the type in `mode`, else an error."""
        and_(mode, TYPE_MASK)
        with switch(mode):
            with case(0, FileType.REGULAR, FileType.FIFO, FileType.SOCKET):
                ret(0)
            with case(FileType.CHARACTER, FileType.BLOCK):
                task = self.processes.current()
                credentials = scratch(task.credentials)
                fail_if((credentials.effective & (1 << CapabilityBit.MKNOD)) == 0, Errno.EPERM)
                ret(0)
            with case(FileType.DIRECTORY):
                fail(Errno.EPERM)
        ret(-Errno.EINVAL)
