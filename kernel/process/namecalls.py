"""System calls that only look at names."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.fs.credentials import Credentials
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.fscontexts import FsContexts
from kernel.fs.inode import Inode, is_type
from kernel.fs.mode import Access, FileType
from kernel.fs.mount import MountFlag
from kernel.fs.openflag import OpenFlag
from kernel.fs.path import Path
from kernel.fs.pathnames import PathNames
from kernel.fs.paths import Paths
from kernel.fs.permissions import Permissions
from kernel.mm.pages import Pages
from kernel.paging.addresses import direct, physical_of
from kernel.process.namestarts import AT_FDCWD
from kernel.process.pathcalls import AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, PathCalls
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.vm.usercopy import UserCopy
from pykasm import *

AT_EACCESS = 0x200
"""Ask for the effective user and group, not the real ones (include/uapi/linux/fcntl.h)."""

ALL_ACCESS = Access.READ | Access.WRITE | Access.EXECUTE


class NameCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        paths: PathCalls,
        files: Files,
        permissions: Permissions,
        contexts: FsContexts,
        places: Paths,
        names: PathNames,
        pages: Pages,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.paths = paths
        self.files = files
        self.permissions = permissions
        self.contexts = contexts
        self.places = places
        self.names = names
        self.pages = pages
        self.copy = copy

    # Rights

    @function(context="thread", sleeps=True)
    def access(self, name: Fetched[User[U8]], wanted: U32) -> OrErrno[I64]:
        """Tell whether the real user may do what is `wanted` with the file `name`."""
        tail(self.faccessat2, AT_FDCWD, name, wanted, 0)

    @function(context="thread", sleeps=True)
    def faccessat(self, directory: I32, name: Fetched[User[U8]], wanted: U32) -> OrErrno[I64]:
        """Tell the same of a name as seen from `directory`."""
        tail(self.faccessat2, directory, name, wanted, 0)

    @function(context="thread", sleeps=True)
    def faccessat2(
        self, directory: I32, name: Fetched[User[U8]], wanted: Keep[U32], flags: Keep[U32]
    ) -> OrErrno[I64]:
        """Tell the same by `flags`."""
        own, result = local(Credentials), keep(I64)
        fail_if(wanted & ~int(ALL_ACCESS), Errno.EINVAL)
        fail_if(flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH), Errno.EINVAL)
        self._copy_credentials(own)
        with if_((flags & AT_EACCESS) == 0):
            self._make_real(own)
        mov(eax, OpenFlag.PATH)
        with if_(flags & AT_SYMLINK_NOFOLLOW):
            or_(eax, OpenFlag.NO_FOLLOW)
        with if_(flags & AT_EMPTY_PATH):
            or_(eax, OpenFlag.UNNAMED)
        failed, opened = self.paths.find_as(directory, name, eax, 0, address_of(own))
        with if_(opened == 0):
            ret(failed)
        ignore(failed, "it is there")
        file = keep(opened)
        mov(result, self._check(file, wanted, address_of(own)))
        self.files.drop(file)
        ret(result)

    @inline(changes=(rax, rcx))
    def _copy_credentials(self, own: Credentials) -> None:
        """Make `own` a copy of those of the task. The copy is nobody else's."""
        task = self.processes.current()
        source = scratch(task.credentials)
        lea(rcx, own)
        for offset in range(0, sizeof(Credentials), sizeof(U64)):
            mov(rax, u64[u64(source) + offset])
            mov(u64[rcx + offset], rax)
        release(source)

    @inline(changes=rax)
    def _make_real(self, own: Credentials) -> None:
        """Make the real user and group those that count."""
        mov(eax, own.group)
        mov(own.fs_group, eax)
        mov(eax, own.user)
        mov(own.fs_user, eax)
        with if_(eax != 0):
            mov(own.effective, 0)
        with else_():
            mov(rax, own.permitted)
            mov(own.effective, rax)

    @function
    def _check(
        self, file: Keep[Ptr[File]], wanted: Keep[U32], credentials: Ptr[Credentials]
    ) -> OrErrno[I64]:
        """Return 0 if who has `credentials` may do what is `wanted` with `file`, else an error."""
        failed = self.permissions.check(file.inode, wanted, credentials)
        with if_(failed != 0):
            movsxd(rax, failed)
            ret(rax)
        seen, inode = scratch(file.path.mount), scratch(file.inode)
        asserts(seen != 0)
        with if_(wanted & Access.WRITE):
            fail_if(seen.is_read_only(), Errno.EROFS)
        with if_((wanted & Access.EXECUTE) & is_type(inode, FileType.REGULAR)):
            fail_if(seen.flags & MountFlag.NO_EXECUTE, Errno.EACCES)
        ret(0)

    # Symbolic links

    @function(context="thread", sleeps=True)
    def readlink(self, name: Fetched[User[U8]], buffer: User[U8], size: I32) -> OrErrno[I64]:
        """Store where the symbolic link `name` leads, or as much as has room. Return how much."""
        tail(self.readlinkat, AT_FDCWD, name, buffer, size)

    @function(context="thread", sleeps=True)
    def readlinkat(
        self, directory: I32, name: Fetched[User[U8]], buffer: Keep[User[U8]], size: Keep[I32]
    ) -> OrErrno[I64]:
        """Store the same of a name as seen from `directory`."""
        result = local(I64)
        fail_if(size <= 0, Errno.EINVAL)
        flags = OpenFlag.PATH | OpenFlag.NO_FOLLOW | OpenFlag.UNNAMED
        unnamed, name, directory = local(U8), keep(name), keep(directory)
        ignore(self.copy.copy_in(address_of(unnamed), name, sizeof(U8)), "opening tells")
        refetch(name, "what an empty one is only tells which error it is")
        failed, opened = self.paths.find(directory, name, flags, 0)
        with if_(opened == 0):
            ret(failed)
        ignore(failed, "it is there")
        file = keep(opened)
        mov(result, self._read_link(file, buffer, u32(size)))
        self.files.drop(file)
        with if_((result == -Errno.EINVAL) & (unnamed == 0)):
            fail(Errno.ENOENT)  # an empty name leads to links alone
        ret(result)

    @function(context="thread", sleeps=True)
    def _read_link(self, file: Ptr[File], buffer: User[U8], size: U32) -> OrErrno[I64]:
        """Store the text of a symbolic link. Returns its length, -EINVAL or -EFAULT."""
        inode, length = scratch(file.inode), scratch(U64)
        fail_if(~is_type(inode, FileType.SYMLINK), Errno.EINVAL)
        with if_(inode.text == 0):
            tail(self._read_made_link, inode, buffer, size)
        mov(length, inode.size)
        with if_(length > u64(size)):
            mov(u32(length), size)
        tail(self._store, buffer, inode.text, length)

    @function(context="thread", sleeps=True)
    def _read_made_link(
        self, inode: Keep[Ptr[Inode]], buffer: Keep[User[U8]], size: Keep[U32]
    ) -> OrErrno[I64]:
        """Store what the link `inode`, which has no text of its own, tells at present. Returns what
        `_read_link` does."""
        result = keep(I64)
        page = keep(try_(self.pages.allocate_page(), Errno.ENOMEM))
        direct(page)
        operations = scratch(inode.operations)
        mov(result, operations.read_link(inode, cast(page, Ptr[U8])))
        with if_(result >= 0):
            length = scratch(u64(result))
            with if_(length > u64(size)):
                mov(u32(length), size)
            mov(result, self._store(buffer, cast(page, Ptr[U8]), length))
        physical_of(page)
        self.pages.free_page(page)
        ret(result)

    @function(context="thread", sleeps=True)
    def _store(self, buffer: User[U8], text: OrNull[Ptr[U8]], length: Keep[U64]) -> OrErrno[I64]:
        """Store `length` bytes of `text`. Returns that length or -EFAULT."""
        asserts(text != 0)
        self.copy.copy_out_all(buffer, u64(text), length)
        ret(i64(length))

    # The current directory

    @function(context="thread", sleeps=True)
    def getcwd(self, buffer: Keep[User[U8]], size: Keep[U64]) -> OrErrno[I64]:
        """Store the name of the current directory, with a zero. Return how many bytes that is."""
        result = keep(I64)
        page = keep(try_(self.pages.allocate_page(), Errno.ENOMEM))
        mov(rdi, u64(page))
        direct(rdi)
        mov(result, self._write(cast(rdi, Ptr[U8]), buffer, size))
        self.pages.free_page(page)
        ret(result)

    @function(context="thread", sleeps=True)
    def _write(self, page: Keep[Ptr[U8]], buffer: Keep[User[U8]], size: Keep[U64]) -> OrErrno[I64]:
        """Store the name by way of `page`. Returns its length with the zero, or an error."""
        root, current, start = local(Path), local(Path), keep(I64)
        for path in (root, current):
            mov(u64(path.mount), 0)
            mov(u64(path.dentry), 0)
        task = self.processes.current()
        context = keep(task.context)
        self.contexts.get_root(context, address_of(root))
        self.contexts.get_current(context, address_of(current))
        mov(start, self.names.write(address_of(current), address_of(root), page))
        self.places.drop(address_of(root))
        self.places.drop(address_of(current))
        with if_(start < 0):
            ret(start)
        add(page, start)
        neg(start)
        add(start, PAGE)
        fail_if(u64(start) > size, Errno.ERANGE)
        self.copy.copy_out_all(buffer, u64(page), u64(start))
        ret(start)
