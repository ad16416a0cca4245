"""System calls for files, by their names."""

from __future__ import annotations

from typing import Any

from kernel.errno import Errno
from kernel.fs.characterdevices import MINOR_BITS
from kernel.fs.creation import Creation
from kernel.fs.credentials import CapabilityBit, Credentials
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.fscontexts import FsContexts
from kernel.fs.inode import is_type
from kernel.fs.lookup import RESOLVE_SHIFT, Lookup, LookupFlag
from kernel.fs.mode import TYPE_MASK, Access, FileType
from kernel.fs.openflag import OF_KERNEL, OpenFlag
from kernel.fs.opening import Opening
from kernel.fs.path import Path
from kernel.fs.permissions import Permissions
from kernel.fs.removal import Removal
from kernel.fs.renaming import Renaming
from kernel.fs.subject import Subject
from kernel.process.filecalls import FileCalls
from kernel.process.openhow import OpenHow, OpenHows, Resolve
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.userpath import UserPaths
from kernel.vm.structcopy import StructCopy
from pykasm import *

AT_FDCWD = -100
"""Stands for the current directory where a call takes the number of one
(include/uapi/linux/fcntl.h)."""

AT_SYMLINK_NOFOLLOW = 0x100
"""Look at a symbolic link itself."""

AT_EMPTY_PATH = 0x1000
"""An empty name stands for the open file whose number is in the directory's place."""

AT_REMOVEDIR = 0x200
"""Of `unlinkat`: remove a directory."""


UMASK = 0o777
"""Permissions that `umask` is about."""

AT_SYMLINK_FOLLOW = 0x400
"""Of `linkat`: follow a symbolic link."""


DEVICE_SHIFT, MAJOR_MASK, MINOR_SHIFT, UPPER_MINOR = 8, 0xFFF, 12, 0xFFF00
"""Where the parts of a device's number are in what programs give (makedev(3)): the low 8 bits are
those of the second part."""


class NameStart(Struct):
    """Where a name that a program gives is looked up, and by whom."""

    subject: Subject
    file: OrNull[Owned[Ptr[File]]]
    """The directory that it begins at; null for the current one, or where the name says it."""
    name: Owned[Ptr[U8]]


class PathCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        numbers: FileCalls,
        files: Files,
        names: UserPaths,
        opening: Opening,
        creation: Creation,
        removal: Removal,
        renaming: Renaming,
        contexts: FsContexts,
        permissions: Permissions,
        structs: StructCopy,
        hows: OpenHows,
    ) -> None:
        self.processes = processes
        self.numbers = numbers
        self.files = files
        self.names = names
        self.opening = opening
        self.creation = creation
        self.removal = removal
        self.renaming = renaming
        self.contexts = contexts
        self.permissions = permissions
        self.structs = structs
        self.hows = hows

    # Names

    @function(context="thread", sleeps=True)
    def _begin(
        self, start: Keep[Filled[Ptr[NameStart]]], directory: Keep[I32], name: Fetched[User[U8]]
    ) -> OrErrno[I64]:
        """Fill `start` in for the program's `name`, as seen from the open `directory`. Returns 0,
        and `_end` follows; or an error."""
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
                self._end(start)
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
    def _end(self, start: Keep[Ptr[NameStart]]) -> None:
        """Free what `start` has."""
        self.names.free(start.name)
        tail(self._drop_file, start)

    @function
    def _place(self, start: Ptr[NameStart]) -> OrNull[Ptr[Path]]:
        """Return where the name of `start` begins; null for the current directory."""
        file = scratch(start.file)
        fail_if(file == 0)
        ret(address_of(file.path))

    @inline(changes=CALLER_SAVED)
    def _call(self, start: NameStart, function: Any, *arguments: Any) -> OrErrno[I64]:
        """Call `function` for the name of `start`, and end that; what it returned."""
        result = keep(I64)
        place = self._place(address_of(start))
        done = function(address_of(start.subject), place, start.name, *arguments)
        movsxd(result, done)
        self._end(address_of(start))
        return result

    # Opening

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
        try_(self._begin(address_of(start), directory, name))
        mov(eax, LookupFlag.FOLLOW)
        with if_(flags & AT_SYMLINK_NOFOLLOW):
            xor(eax, eax)
        with if_(flags & AT_EMPTY_PATH):
            or_(eax, LookupFlag.EMPTY)
        mov(flags, eax)
        place = self._place(address_of(start))
        find = self.opening.walk.find
        result = keep(I64)
        movsxd(result, find(lookup, address_of(start.subject), place, start.name, flags))
        self._end(address_of(start))
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
        """Do the same for who has `credentials`."""
        start = local(NameStart)
        result = keep(self._begin(address_of(start), directory, name))
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
        place = self._place(start)
        failed, opened = self.opening.open_within(
            address_of(start.subject), place, start.name, flags, mode, within
        )
        release(flags, mode, within)
        result, file = keep(I64), keep(OrNull[Ptr[File]])
        movsxd(result, failed)
        mov(file, opened)
        self._end(start)
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
        result = keep(self._begin(address_of(start), directory, name))
        with if_(result != 0):
            ret(result, 0)
        release(result)
        # A name that begins with a slash begins there, too
        with if_((how.resolve & Resolve.IN_ROOT) & (directory != AT_FDCWD) & (start.file == 0)):
            mov(start.file, self.numbers.get(u32(directory)))
            with if_(start.file == 0):
                self._end(address_of(start))
                ret(-Errno.EBADF, 0)
        within = scratch(u32(how.resolve))
        shl(within, RESOLVE_SHIFT)
        failed, opened = self._open_at(address_of(start), u32(how.flags), u32(how.mode), within)
        ret(failed, opened)

    # Making and removing

    @function(context="thread", sleeps=True)
    def mkdir(self, name: Fetched[User[U8]], mode: U32) -> OrErrno[I64]:
        """Make a directory."""
        tail(self.mkdirat, AT_FDCWD, name, mode)

    @function(context="thread", sleeps=True)
    def mkdirat(self, directory: I32, name: Fetched[User[U8]], mode: Keep[U32]) -> OrErrno[I64]:
        """Make a directory, as seen from `directory`."""
        start = local(NameStart)
        try_(self._begin(address_of(start), directory, name))
        ret(self._call(start, self.creation.mkdir, mode))

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
        try_(self._begin(address_of(start), directory, name))
        with if_(flags != 0):
            ret(self._call(start, self.removal.rmdir))
        ret(self._call(start, self.removal.unlink))

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
        mov(result, self._begin(address_of(start), directory, name))
        with if_(result == 0):
            mov(result, self._call(start, self.creation.symlink, target))
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
        try_(self._begin(address_of(start), directory, name))
        mov(result, self._begin(address_of(new), new_directory, new_name))
        with if_(result == 0):
            mov(result, self._rename(address_of(start), address_of(new), flags))
        with else_():
            self._end(address_of(start))
        ret(result)

    @function(context="thread", sleeps=True)
    def _rename(
        self, start: Keep[Ptr[NameStart]], new: Keep[Ptr[NameStart]], flags: Keep[U32]
    ) -> OrErrno[I64]:
        """Give what `start` names the name of `new`, and end both."""
        place = keep(self._place(new))
        result = self._call(at(start), self.renaming.rename, place, new.name, flags)
        self._end(new)
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
        failed, opened = self.find(directory, name, eax, 0)
        with if_(opened == 0):
            ret(failed)
        ignore(failed, "it is there")
        file = keep(opened)
        mov(result, self._begin(address_of(start), new_directory, new_name))
        with if_(result == 0):
            mov(result, self._link(address_of(start), file))
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def _link(self, start: Keep[Ptr[NameStart]], file: Ptr[File]) -> OrErrno[I64]:
        """Give what `file` is the name of `start`, and end that."""
        result, path = keep(I64), keep(address_of(file.path))
        place = self._place(start)
        done = self.creation.link(address_of(start.subject), path, place, start.name)
        movsxd(result, done)
        self._end(start)
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
        mov(number, self._decode_device(device))
        try_(self._begin(address_of(start), directory, name))
        release(directory, name)
        ret(self._call(start, self.creation.mknod, mode, number))

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

    @inline(changes=(rax, rcx))
    def _decode_device(self, device: U32) -> U64:
        """Return the number that a `device` has here, as programs have it (makedev(3))."""
        mov(ecx, device)
        shr(ecx, DEVICE_SHIFT)
        and_(ecx, MAJOR_MASK)
        shl(rcx, MINOR_BITS)
        movzx(eax, u8(device))
        or_(rcx, rax)
        mov(eax, device)
        shr(eax, MINOR_SHIFT)
        and_(eax, UPPER_MINOR)
        or_(rcx, rax)
        return rcx

    # Where names begin

    @function(context="thread", sleeps=True)
    def chroot(self, name: Fetched[User[U8]]) -> OrErrno[I64]:
        """Make the directory `name` the root."""
        failed, opened = self.find(AT_FDCWD, name, OpenFlag.PATH | OpenFlag.DIRECTORY, 0)
        with if_(opened == 0):
            ret(failed)
        ignore(failed, "it is there")
        file, result = keep(opened), keep(I64)
        errdefer(self.files.drop, file)
        task = self.processes.current()
        done = self.permissions.check(file.inode, Access.EXECUTE, task.credentials)
        movsxd(result, done)
        try_(result)
        task = self.processes.current()
        credentials = scratch(task.credentials)
        fail_if((credentials.effective & (1 << CapabilityBit.SYS_CHROOT)) == 0, Errno.EPERM)
        self.contexts.set_root(task.context, address_of(file.path))
        self.files.drop(file)
        ret(0)

    @function(context="thread", sleeps=True)
    def chdir(self, name: Fetched[User[U8]]) -> OrErrno[I64]:
        """Make the directory `name` the current one."""
        failed, opened = self.find(AT_FDCWD, name, OpenFlag.PATH | OpenFlag.DIRECTORY, 0)
        with if_(opened == 0):
            ret(failed)
        ignore(failed, "it is there")
        tail(self._change_to, opened)

    @function(context="thread", sleeps=True)
    def fchdir(self, number: U32) -> OrErrno[I64]:
        """Make the open directory `number` the current one."""
        file = scratch(try_(self.numbers.get(number), Errno.EBADF))
        tail(self._change_to, file)

    @function(context="thread", sleeps=True)
    def _change_to(self, file: Keep[Owned[Ptr[File]]]) -> OrErrno[I64]:
        """Make `file` the current directory, if it is one and may be."""
        errdefer(self.files.drop, file)
        fail_if(~is_type(scratch(file.inode), FileType.DIRECTORY), Errno.ENOTDIR)
        task = self.processes.current()
        result = keep(I64)
        done = self.permissions.check(file.inode, Access.EXECUTE, task.credentials)
        movsxd(result, done)
        try_(result)
        task = self.processes.current()
        self.contexts.set_current(task.context, address_of(file.path))
        self.files.drop(file)
        ret(0)

    @function(context="thread")
    def umask(self, mask: U32) -> OrErrno[I64]:
        """Set the permissions that new files do not get. Return those before."""
        and_(mask, UMASK)
        task = self.processes.current()
        context = scratch(task.context)
        xchg(context.umask, mask)
        mov(eax, mask)
        ret(rax)
