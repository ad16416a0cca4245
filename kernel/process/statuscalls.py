"""System calls for what is told of files, and for changing it."""

from __future__ import annotations

from typing import Any

from kernel.errno import Errno
from kernel.fs.attributes import Attributes
from kernel.fs.directoryreading import DirectoryReading
from kernel.fs.file import File
from kernel.fs.fileevents import FileEvents
from kernel.fs.files import Files
from kernel.fs.filestatus import FileStatus
from kernel.fs.lookup import Lookup
from kernel.fs.mode import Access
from kernel.fs.notice import FileEvent
from kernel.fs.openflag import OpenFlag
from kernel.fs.walk import Walk
from kernel.process.filecalls import FileCalls
from kernel.process.namestarts import AT_FDCWD
from kernel.process.pathcalls import AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, PathCalls
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.vm.usercopy import UserCopy
from pykasm import *

AT_NO_AUTOMOUNT = 0x800
"""Changes nothing: nothing is mounted by being looked at (include/uapi/linux/fcntl.h)."""

STATUS_FLAGS = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH
"""Those of `newfstatat`."""


class StatusCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        numbers: FileCalls,
        paths: PathCalls,
        files: Files,
        attributes: Attributes,
        directories: DirectoryReading,
        events: FileEvents,
        copy: UserCopy,
        walk: Walk,
    ) -> None:
        self.processes = processes
        self.numbers = numbers
        self.paths = paths
        self.files = files
        self.attributes = attributes
        self.directories = directories
        self.events = events
        self.copy = copy
        self.walk = walk

    # Telling

    @function(context="thread", sleeps=True)
    def stat(self, name: Fetched[User[U8]], buffer: User[U8]) -> OrErrno[I64]:
        """Tell of the file `name`."""
        tail(self.newfstatat, AT_FDCWD, name, buffer, 0)

    @function(context="thread", sleeps=True)
    def lstat(self, name: Fetched[User[U8]], buffer: User[U8]) -> OrErrno[I64]:
        """Tell of the file `name`, of a symbolic link itself."""
        tail(self.newfstatat, AT_FDCWD, name, buffer, AT_SYMLINK_NOFOLLOW)

    @function(context="thread", sleeps=True)
    def newfstatat(
        self, directory: I32, name: Fetched[User[U8]], buffer: User[U8], flags: U32
    ) -> OrErrno[I64]:
        """Tell of the file `name`, as seen from `directory`; with AT_EMPTY_PATH and no name, of the
        file `directory`."""
        fail_if(flags & ~STATUS_FLAGS, Errno.EINVAL)
        with if_(flags & AT_EMPTY_PATH):
            tail(self._tell_unnamed, directory, name, buffer, flags)
        tail(self._tell_named, directory, name, buffer, flags)

    @function(context="thread", sleeps=True)
    def _tell_named(
        self, directory: I32, name: Fetched[User[U8]], buffer: Keep[User[U8]], flags: U32
    ) -> OrErrno[I64]:
        """Tell of the file `name`."""
        lookup, status = local(Lookup), local(FileStatus)
        try_(self.paths.walk_to(address_of(lookup), directory, name, flags))
        dentry = scratch(lookup.place.dentry)
        asserts(dentry != 0)
        inode = scratch(dentry.inode)
        asserts(inode != 0)  # walks only come to positive entries
        self.attributes.stat(inode, address_of(status))
        self.walk.end(address_of(lookup))
        ret(self._copy_out(buffer, status))

    @function(context="thread", sleeps=True)
    def _tell_unnamed(
        self,
        directory: Keep[I32],
        name: Keep[Fetched[User[U8]]],
        buffer: Keep[User[U8]],
        flags: Keep[U32],
    ) -> OrErrno[I64]:
        """Tell of the file `directory` if `name` is empty."""
        first = local(U8)
        self.copy.copy_in_all(address_of(first), name, sizeof(U8))
        with if_((first != 0) | (directory == AT_FDCWD)):
            refetch(name, "whether it is empty was all that was asked")
            tail(self._tell_named, directory, name, buffer, flags)
        tail(self.fstat, u32(directory), buffer)

    @function(context="thread", sleeps=True)
    def fstat(self, number: U32, buffer: Keep[User[U8]]) -> OrErrno[I64]:
        """Tell of the file `number`."""
        file = try_(self.numbers.get(number), Errno.EBADF)
        tail(self._tell, file, buffer)

    @function(context="thread", sleeps=True)
    def _tell(self, file: Keep[Owned[Ptr[File]]], buffer: Keep[User[U8]]) -> OrErrno[I64]:
        """Copy what is told of `file` to `buffer`."""
        status = local(FileStatus)
        self.attributes.stat(file.inode, address_of(status))
        self.files.drop(file)
        ret(self._copy_out(buffer, status))

    @inline(changes=CALLER_SAVED)
    def _copy_out(self, buffer: User[U8], status: FileStatus) -> OrErrno[I64]:
        """Copy `status` to the program's `buffer`."""
        result, left = self.copy.copy_out(buffer, address_of(status), sizeof(FileStatus))
        ignore(left)
        movsxd(rax, result)
        return i64(rax)

    @function(context="thread", sleeps=True)
    def getdents64(self, number: U32, buffer: Keep[User[U8]], length: Keep[U64]) -> OrErrno[I64]:
        """List the open directory `number`."""
        result = keep(I64)
        file = keep(try_(self.numbers.get(number), Errno.EBADF))
        mov(result, self.directories.getdents64(file, buffer, length))
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def getdents(self, number: U32, buffer: Keep[User[U8]], length: Keep[U32]) -> OrErrno[I64]:
        """Do what `getdents64` does with records of the older form."""
        result = keep(I64)
        file = keep(try_(self.numbers.get(number), Errno.EBADF))
        mov(result, self.directories.getdents(file, buffer, u64(length)))
        self.files.drop(file)
        ret(result)

    # Changing

    @inline(changes=CALLER_SAVED)
    def _change(
        self, file: Ptr[File], event: FileEvent, function: Any, *arguments: Any
    ) -> OrErrno[I64]:
        """Call `function` for the place of `file`, to which the reference is dropped, as whom the
        task is, and tell who watches that; what it returned."""
        result, task = keep(I64), self.processes.current()
        done = function(address_of(file.path), *arguments, task.credentials)
        movsxd(result, done)
        with if_(self.events.are_watched() & (result == 0)):
            self.events.note(file.path.dentry, event)
        self.files.drop(file)
        return result

    @function(context="thread", sleeps=True)
    def chmod(self, name: Fetched[User[U8]], mode: U32) -> OrErrno[I64]:
        """Set the permissions of the file `name`."""
        tail(self.fchmodat, AT_FDCWD, name, mode)

    @function(context="thread", sleeps=True)
    def fchmodat(self, directory: I32, name: Fetched[User[U8]], mode: Keep[U32]) -> OrErrno[I64]:
        """Set the permissions of the file `name`, as seen from `directory`."""
        failed, opened = self.paths.find(directory, name, OpenFlag.PATH, 0)
        with if_(opened == 0):
            ret(failed)
        ignore(failed, "it is there")
        file = keep(opened)
        ret(self._change(file, FileEvent.ATTRIBUTES, self.attributes.chmod, mode))

    @function(context="thread", sleeps=True)
    def fchmod(self, number: U32, mode: Keep[U32]) -> OrErrno[I64]:
        """Set the permissions of the file `number`."""
        file = keep(try_(self.numbers.get(number), Errno.EBADF))
        ret(self._change(file, FileEvent.ATTRIBUTES, self.attributes.chmod, mode))

    @function(context="thread", sleeps=True)
    def chown(self, name: Fetched[User[U8]], user: U32, group: U32) -> OrErrno[I64]:
        """Set owner and group of the file `name`."""
        tail(self.fchownat, AT_FDCWD, name, user, group, 0)

    @function(context="thread", sleeps=True)
    def lchown(self, name: Fetched[User[U8]], user: U32, group: U32) -> OrErrno[I64]:
        """Set owner and group of the file `name`, of a symbolic link itself."""
        tail(self.fchownat, AT_FDCWD, name, user, group, AT_SYMLINK_NOFOLLOW)

    @function(context="thread", sleeps=True)
    def fchownat(
        self,
        directory: I32,
        name: Fetched[User[U8]],
        user: Keep[U32],
        group: Keep[U32],
        flags: U32,
    ) -> OrErrno[I64]:
        """Set owner and group of the file `name`, as seen from `directory`."""
        fail_if(flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH), Errno.EINVAL)
        failed, opened = self.paths.find_place(directory, name, flags)
        with if_(opened == 0):
            ret(failed)
        ignore(failed, "it is there")
        file = keep(opened)
        ret(self._change(file, FileEvent.ATTRIBUTES, self.attributes.chown, user, group))

    @function(context="thread", sleeps=True)
    def fchown(self, number: U32, user: Keep[U32], group: Keep[U32]) -> OrErrno[I64]:
        """Set owner and group of the file `number`."""
        file = keep(try_(self.numbers.get(number), Errno.EBADF))
        ret(self._change(file, FileEvent.ATTRIBUTES, self.attributes.chown, user, group))

    @function(context="thread", sleeps=True)
    def truncate(self, name: Fetched[User[U8]], size: Keep[I64]) -> OrErrno[I64]:
        """Set the size of the file `name`."""
        fail_if(size < 0, Errno.EINVAL)
        failed, opened = self.paths.find(AT_FDCWD, name, OpenFlag.PATH, 0)
        with if_(opened == 0):
            ret(failed)
        ignore(failed, "it is there")
        file = keep(opened)
        ret(self._change(file, FileEvent.MODIFY, self.attributes.truncate, size))

    @function(context="thread", sleeps=True)
    def ftruncate(self, number: U32, size: Keep[I64]) -> OrErrno[I64]:
        """Set the size of the file `number`, which is open for writing."""
        fail_if(size < 0, Errno.EINVAL)
        file, result = keep(try_(self.numbers.get(number), Errno.EBADF)), keep(I64)
        mov(result, -Errno.EINVAL)
        with if_(file.flags & OpenFlag.PATH):
            mov(result, -Errno.EBADF)
        with elif_(file.access & Access.WRITE):
            done = self.attributes.resize(file.inode, size, file.credentials)
            movsxd(result, done)
            with if_(self.events.are_watched() & (result == 0)):
                self.events.note(file.path.dentry, FileEvent.MODIFY)
        self.files.drop(file)
        ret(result)
