"""System calls for what files have beside what they contain (xattr(7))."""

from __future__ import annotations

from typing import Any

from kernel.errno import Errno
from kernel.fs.extendedattribute import LARGEST_VALUE, MOST_LETTERS, AttributeName
from kernel.fs.extendedattributes import ExtendedAttributeFlag, ExtendedAttributes
from kernel.fs.file import File
from kernel.fs.fileevents import FileEvents
from kernel.fs.files import Files
from kernel.fs.notice import FileEvent
from kernel.fs.openflag import OpenFlag
from kernel.process.filecalls import FileCalls
from kernel.process.namestarts import AT_FDCWD
from kernel.process.pathcalls import AT_SYMLINK_NOFOLLOW, PathCalls
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.vm.usercopy import UserCopy
from pykasm import *

KNOWN = ExtendedAttributeFlag.CREATE | ExtendedAttributeFlag.REPLACE


class ExtendedAttributeCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        numbers: FileCalls,
        paths: PathCalls,
        files: Files,
        attributes: ExtendedAttributes,
        events: FileEvents,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.numbers = numbers
        self.paths = paths
        self.files = files
        self.attributes = attributes
        self.events = events
        self.copy = copy

    # Files

    @inline(changes=("path", *CALLER_SAVED))
    def _named(self, path: Fetched[User[U8]], flags: int, function: Any, *arguments: Any) -> None:
        """Call `function` for the file at the program's `path`, found by `flags`, and return what
        it does from the caller's function."""
        failed, opened = self.paths.find_place(AT_FDCWD, path, flags)
        with if_(opened == 0):
            ret(failed)
        ignore(failed, "it is there")
        tail(function, opened, *arguments)

    @function(context="thread", sleeps=True)
    def _get(self, number: U32) -> Owned[OrNull[Ptr[File]]]:
        """Return a reference to the open file `number`, null if there is none or it is open for its
        place alone."""
        file = scratch(try_(self.numbers.get(number)))
        with if_(file.flags & OpenFlag.PATH):
            self.files.drop(file)
            ret(0)
        ret(file)

    @function(context="thread", sleeps=True)
    def _take_name(self, name: Keep[Ptr[AttributeName]], source: Fetched[User[U8]]) -> OrErrno[I64]:
        """Copy the name of an attribute. Returns 0; -ERANGE for an empty or too long one,
        -EFAULT."""
        length = self.copy.copy_in_string(address_of(name.text), source, MOST_LETTERS + 1)
        fail_if((length == 0) | (length == -Errno.ENAMETOOLONG), Errno.ERANGE)
        with if_(length < 0):
            ret(length)
        mov(name.length, u64(length))
        ret(0)

    # Setting

    @function(context="thread", sleeps=True)
    def setxattr(
        self,
        path: Fetched[User[U8]],
        name: Keep[Fetched[User[U8]]],
        value: Keep[Fetched[User[U8]]],
        size: Keep[U64],
        flags: Keep[U32],
    ) -> OrErrno[I64]:
        """Set an attribute of the file at `path`."""
        self._named(path, 0, self._set, name, value, size, flags)

    @function(context="thread", sleeps=True)
    def lsetxattr(
        self,
        path: Fetched[User[U8]],
        name: Keep[Fetched[User[U8]]],
        value: Keep[Fetched[User[U8]]],
        size: Keep[U64],
        flags: Keep[U32],
    ) -> OrErrno[I64]:
        """Do what `setxattr` does, for a symbolic link itself."""
        self._named(path, AT_SYMLINK_NOFOLLOW, self._set, name, value, size, flags)

    @function(context="thread", sleeps=True)
    def fsetxattr(
        self,
        number: U32,
        name: Keep[Fetched[User[U8]]],
        value: Keep[Fetched[User[U8]]],
        size: Keep[U64],
        flags: Keep[U32],
    ) -> OrErrno[I64]:
        """Do what `setxattr` does for the open file `number`."""
        file = try_(self._get(number), Errno.EBADF)
        tail(self._set, file, name, value, size, flags)

    @function(context="thread", sleeps=True)
    def _set(
        self,
        file: Keep[Owned[Ptr[File]]],
        source: Fetched[User[U8]],
        value: Keep[Fetched[User[U8]]],
        size: Keep[U64],
        flags: Keep[U32],
    ) -> OrErrno[I64]:
        """Set an attribute of `file`, to which the reference is dropped."""
        name, result = local(AttributeName), local(I64)
        with errdefer(self.files.drop, file):
            fail_if(flags & ~int(KNOWN), Errno.EINVAL)
            try_(self._take_name(address_of(name), source))
            fail_if(size > LARGEST_VALUE, Errno.E2BIG)
        mov(result, self._set_value(file, address_of(name), value, size, flags))
        with if_(self.events.are_watched() & (result == 0)):
            self.events.note(file.path.dentry, FileEvent.ATTRIBUTES)
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def _set_value(
        self,
        file: Keep[Ptr[File]],
        name: Keep[Ptr[AttributeName]],
        value: Fetched[User[U8]],
        size: U64,
        flags: Keep[U32],
    ) -> OrErrno[I64]:
        """Set the attribute `name` of `file` to the program's `value` of `size` bytes."""
        value = keep(value)
        new = keep(try_(self.attributes.create(name, size), Errno.ENOMEM))
        failed, left = self.copy.copy_in(self.attributes.value_of(new), value, new.size)
        ignore(left)
        with if_(failed != 0):
            self.attributes.free(new)
            fail(Errno.EFAULT)
        task = self.processes.current()
        done = self.attributes.set(address_of(file.path), name, new, flags, task.credentials)
        movsxd(rax, done)
        ret(rax)

    # Telling

    @function(context="thread", sleeps=True)
    def getxattr(
        self,
        path: Fetched[User[U8]],
        name: Keep[Fetched[User[U8]]],
        buffer: Keep[User[U8]],
        size: Keep[U64],
    ) -> OrErrno[I64]:
        """Store the value of an attribute of the file at `path`."""
        self._named(path, 0, self._tell, name, buffer, size)

    @function(context="thread", sleeps=True)
    def lgetxattr(
        self,
        path: Fetched[User[U8]],
        name: Keep[Fetched[User[U8]]],
        buffer: Keep[User[U8]],
        size: Keep[U64],
    ) -> OrErrno[I64]:
        """Do what `getxattr` does, for a symbolic link itself."""
        self._named(path, AT_SYMLINK_NOFOLLOW, self._tell, name, buffer, size)

    @function(context="thread", sleeps=True)
    def fgetxattr(
        self,
        number: U32,
        name: Keep[Fetched[User[U8]]],
        buffer: Keep[User[U8]],
        size: Keep[U64],
    ) -> OrErrno[I64]:
        """Do what `getxattr` does for the open file `number`."""
        file = try_(self._get(number), Errno.EBADF)
        tail(self._tell, file, name, buffer, size)

    @function(context="thread", sleeps=True)
    def _tell(
        self,
        file: Keep[Owned[Ptr[File]]],
        source: Fetched[User[U8]],
        buffer: Keep[User[U8]],
        size: Keep[U64],
    ) -> OrErrno[I64]:
        """Store the value of an attribute of `file`, to which the reference is dropped."""
        name, result = local(AttributeName), keep(I64)
        mov(result, self._take_name(address_of(name), source))
        with if_(result == 0):
            task = self.processes.current()
            path = address_of(file.path)
            got = self.attributes.get(path, address_of(name), buffer, size, task.credentials)
            mov(result, got)
        self.files.drop(file)
        ret(result)

    # Listing

    @function(context="thread", sleeps=True)
    def listxattr(
        self, path: Fetched[User[U8]], buffer: Keep[User[U8]], size: Keep[U64]
    ) -> OrErrno[I64]:
        """Store the names of the attributes of the file at `path`."""
        self._named(path, 0, self._list, buffer, size)

    @function(context="thread", sleeps=True)
    def llistxattr(
        self, path: Fetched[User[U8]], buffer: Keep[User[U8]], size: Keep[U64]
    ) -> OrErrno[I64]:
        """Do what `listxattr` does, for a symbolic link itself."""
        self._named(path, AT_SYMLINK_NOFOLLOW, self._list, buffer, size)

    @function(context="thread", sleeps=True)
    def flistxattr(self, number: U32, buffer: Keep[User[U8]], size: Keep[U64]) -> OrErrno[I64]:
        """Do what `listxattr` does for the open file `number`."""
        file = try_(self._get(number), Errno.EBADF)
        tail(self._list, file, buffer, size)

    @function(context="thread", sleeps=True)
    def _list(self, file: Keep[Owned[Ptr[File]]], buffer: User[U8], size: U64) -> OrErrno[I64]:
        """Store the names of the attributes of `file`, to which the reference is dropped."""
        result, buffer, size = keep(I64), scratch(buffer), scratch(size)
        task = self.processes.current()
        got = self.attributes.list(address_of(file.path), buffer, size, task.credentials)
        mov(result, got)
        self.files.drop(file)
        ret(result)

    # Removing

    @function(context="thread", sleeps=True)
    def removexattr(self, path: Fetched[User[U8]], name: Keep[Fetched[User[U8]]]) -> OrErrno[I64]:
        """Remove an attribute of the file at `path`."""
        self._named(path, 0, self._remove, name)

    @function(context="thread", sleeps=True)
    def lremovexattr(self, path: Fetched[User[U8]], name: Keep[Fetched[User[U8]]]) -> OrErrno[I64]:
        """Do what `removexattr` does, for a symbolic link itself."""
        self._named(path, AT_SYMLINK_NOFOLLOW, self._remove, name)

    @function(context="thread", sleeps=True)
    def fremovexattr(self, number: U32, name: Keep[Fetched[User[U8]]]) -> OrErrno[I64]:
        """Do what `removexattr` does for the open file `number`."""
        file = try_(self._get(number), Errno.EBADF)
        tail(self._remove, file, name)

    @function(context="thread", sleeps=True)
    def _remove(self, file: Keep[Owned[Ptr[File]]], source: Fetched[User[U8]]) -> OrErrno[I64]:
        """Remove an attribute of `file`, to which the reference is dropped."""
        name, result = local(AttributeName), keep(I64)
        mov(result, self._take_name(address_of(name), source))
        with if_(result == 0):
            task = self.processes.current()
            path = address_of(file.path)
            done = self.attributes.remove(path, address_of(name), task.credentials)
            movsxd(result, done)
            with if_(self.events.are_watched() & (result == 0)):
                self.events.note(file.path.dentry, FileEvent.ATTRIBUTES)
        self.files.drop(file)
        ret(result)
