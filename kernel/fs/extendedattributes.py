"""What files have beside what they contain."""

from __future__ import annotations

from enum import IntFlag

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit, Credentials
from kernel.fs.extendedattribute import (
    LARGEST_LIST,
    ROOM,
    AttributeName,
    ExtendedAttribute,
)
from kernel.fs.inode import Inode, SuperBlockFlag, is_type
from kernel.fs.inodelocks import InodeLocks
from kernel.fs.inodes import Inodes
from kernel.fs.mode import Access, FileType, ModeBit
from kernel.fs.path import Path
from kernel.fs.permissions import Permissions
from kernel.mm.heap import Heap
from kernel.vm.usercopy import UserCopy
from pykasm import *

USER, TRUSTED, SECURITY = "user.", "trusted.", "security."
"""What names begin with: each kind has its own rules (xattr(7))."""


class ExtendedAttributeFlag(IntFlag):
    """Flags of `setxattr` (include/uapi/linux/xattr.h)."""

    CREATE = 1
    REPLACE = 2


class ExtendedAttributes(Subsystem):
    """Sets, tells and removes extended attributes of what is at a path, where its file system has
    such. All functions return an error if they can't. Context: thread."""

    def __init__(
        self,
        permissions: Permissions,
        locks: InodeLocks,
        inodes: Inodes,
        heap: Heap,
        copy: UserCopy,
    ) -> None:
        self.permissions = permissions
        self.locks = locks
        self.inodes = inodes
        self.heap = heap
        self.copy = copy

    # Records

    @function
    def create(
        self, name: Keep[Ptr[AttributeName]], size: Keep[U64]
    ) -> Owned[OrNull[Ptr[ExtendedAttribute]]]:
        """Return an attribute with room for a value of `size` bytes, which is not set yet; null
        without memory."""
        mov(rdi, size)
        add(rdi, name.length)
        # One more for the zero behind the name
        add(rdi, offsetof(ExtendedAttribute, "text") + 1)
        one = scratch(cast(try_(self.heap.allocate(rdi)), Ptr[ExtendedAttribute]))
        mov(one.size, size)
        mov(rcx, name.length)
        mov(one.length, rcx)
        lea(rdi, one.text)
        lea(rsi, name.text)
        rep.movsb()
        mov(u8[rdi], 0)
        ret(one)

    @inline(changes=rax)
    def value_of(self, one: Ptr[ExtendedAttribute]) -> U64:
        """Return the address of the value of `one`."""
        mov(rax, one.length)
        lea(rax, one.text[rax])
        inc(rax)
        return rax

    @function
    def free(self, one: Owned[Ptr[ExtendedAttribute]]) -> None:
        """Free an attribute that no file has."""
        tail(self.heap.free, u64(one))

    @function(holds="inode.lock")
    def _find(self, inode: Ptr[Inode], name: Ptr[AttributeName]) -> OrNull[Ptr[ExtendedAttribute]]:
        """Return the attribute of `inode` by this name, or null."""
        inode, name = scratch(inode), scratch(name)
        with if_(inode.extended.next == 0):
            ret(0)
        with inode.extended.each(ExtendedAttribute, "link") as one:
            mov(rcx, one.length)
            with if_(rcx == name.length):
                lea(rsi, one.text)
                lea(rdi, name.text)
                # Sets ZF, which `repe` leaves alone where there are no bytes
                cmp(rax, rax)
                repe.cmpsb()
                with if_(ZF):
                    ret(one)
        ret(0)

    @function(holds="inode.lock")
    def _take_out(self, inode: Ptr[Inode], one: Ptr[ExtendedAttribute]) -> None:
        """Take `one` from those of `inode`, and free it."""
        one = scratch(one)
        mov(rax, one.length)
        add(rax, one.size)
        sub(inode.extended_size, rax)
        one.link.unlink()
        take_over(one, "the inode had it")
        tail(self.heap.free, u64(one))

    # Rights

    @function
    def _begins(self, name: Ptr[U8], start: Ptr[U8]) -> Bool:
        """Return whether `name` begins with `start`."""
        with while_(at(start) != 0):
            mov(al, at(start))
            with if_(al != at(name)):
                ret(False)
            inc(name)
            inc(start)
        ret(True)

    @function(context="thread")
    def _check(
        self,
        path: Ptr[Path],
        name: Keep[Ptr[AttributeName]],
        wanted: Keep[U32],
        credentials: Keep[Ptr[Credentials]],
    ) -> OrErrno[I32]:
        """Return 0 if who has `credentials` may do what is `wanted`, an `Access`, with the
        attribute `name` of what is at `path`; -EOPNOTSUPP if there are no such ones there."""
        dentry, mount = scratch(path.dentry), scratch(path.mount)
        asserts((dentry != 0) & (mount != 0))
        inode = keep(dentry.inode)
        asserts(inode != 0)
        with if_(wanted & Access.WRITE):
            fail_if(mount.is_read_only(), Errno.EROFS)
        superblock = scratch(inode.superblock)
        fail_if((superblock.flags & SuperBlockFlag.EXTENDED) == 0, Errno.EOPNOTSUPP)
        for kind, check in (
            (USER, self._check_user),
            (TRUSTED, self._check_trusted),
            (SECURITY, self._check_security),
        ):
            with if_(self._begins(address_of(name.text), text(kind))):
                fail_if(name.length == len(kind), Errno.EINVAL)
                tail(check, inode, wanted, credentials)
        fail(Errno.EOPNOTSUPP)

    @function
    def _check_user(
        self, inode: Ptr[Inode], wanted: U32, credentials: Ptr[Credentials]
    ) -> OrErrno[I32]:
        """Return 0 for attributes that programs use as they like: they are part of what a file or a
        directory contains."""
        with if_(~is_type(inode, FileType.REGULAR)), if_(~is_type(inode, FileType.DIRECTORY)):
            fail_if(wanted & Access.WRITE, Errno.EPERM)
            fail(Errno.ENODATA)
        with (
            if_((inode.mode & ModeBit.STICKY) & (wanted & Access.WRITE)),
            if_(is_type(inode, FileType.DIRECTORY)),
        ):
            fail_if(~self.permissions.is_owner(inode, credentials), Errno.EPERM)
        tail(self.permissions.check, inode, wanted, credentials)

    @function
    def _check_trusted(
        self, inode: Ptr[Inode], wanted: U32, credentials: Ptr[Credentials]
    ) -> OrErrno[I32]:
        """Return 0 for attributes that only who administrates the system sees."""
        with if_(credentials.effective & (1 << CapabilityBit.SYS_ADMIN)):
            ret(0)
        fail_if(wanted & Access.WRITE, Errno.EPERM)
        fail(Errno.ENODATA)

    @function
    def _check_security(
        self, inode: Ptr[Inode], wanted: U32, credentials: Ptr[Credentials]
    ) -> OrErrno[I32]:
        """Return 0 for attributes that everybody sees, and only who administrates the system
        sets."""
        with if_(wanted & Access.WRITE):
            fail_if((credentials.effective & (1 << CapabilityBit.SYS_ADMIN)) == 0, Errno.EPERM)
        ret(0)

    @inline
    def _inode_of(self, path: Ptr[Path]) -> Ptr[Inode]:
        """Return what is at `path`, in a kept register."""
        dentry = scratch(path.dentry)
        asserts(dentry != 0)
        inode = keep(dentry.inode)
        asserts(inode != 0)
        release(dentry)
        return inode

    # What is done with them

    @function(context="thread", sleeps=True)
    def set(
        self,
        path: Keep[Ptr[Path]],
        name: Keep[Ptr[AttributeName]],
        new: Keep[Owned[Ptr[ExtendedAttribute]]],
        flags: Keep[U32],
        credentials: Ptr[Credentials],
    ) -> OrErrno[I32]:
        """Give what is at `path` the attribute `new` in place of the one by its name, if there is
        one: with CREATE there must be none (-EEXIST), with REPLACE one (-ENODATA). -ENOSPC if it
        has too many."""
        result = local(I32)
        with errdefer(self.free, new):
            try_(self._check(path, name, Access.WRITE, credentials))
        inode = self._inode_of(path)
        release(path)
        with self.locks.held(inode):
            mov(result, self._set_locked(inode, name, new, flags))
        with if_(result == 0):
            disown(new, "the inode has it")
            ret(0)
        self.free(new)
        mov(eax, result)
        ret(i32(rax))

    @function(holds="inode.lock")
    def _set_locked(
        self,
        inode: Keep[Ptr[Inode]],
        name: Ptr[AttributeName],
        new: Keep[Ptr[ExtendedAttribute]],
        flags: Keep[U32],
    ) -> OrErrno[I32]:
        """Do what `set` does, once it is allowed."""
        old = keep(self._find(inode, name))
        mov(rcx, new.length)
        add(rcx, new.size)
        add(rcx, inode.extended_size)
        with if_(old != 0):
            fail_if(flags & ExtendedAttributeFlag.CREATE, Errno.EEXIST)
            sub(rcx, old.length)
            sub(rcx, old.size)
        with else_():
            fail_if(flags & ExtendedAttributeFlag.REPLACE, Errno.ENODATA)
        fail_if(rcx > ROOM, Errno.ENOSPC)
        with if_(old != 0):
            self._take_out(inode, old)
        with if_(inode.extended.next == 0):
            inode.extended.reset()
        mov(rcx, new.length)
        add(rcx, new.size)
        add(inode.extended_size, rcx)
        link = scratch(address_of(new.link))
        inode.extended.append(link)
        self.inodes.touch_attributes(inode)
        ret(0)

    @function(context="thread", sleeps=True)
    def remove(
        self,
        path: Keep[Ptr[Path]],
        name: Keep[Ptr[AttributeName]],
        credentials: Ptr[Credentials],
    ) -> OrErrno[I32]:
        """Remove the attribute `name`; -ENODATA if there is none."""
        result = keep(I32)
        try_(self._check(path, name, Access.WRITE, credentials))
        inode = self._inode_of(path)
        with self.locks.held(inode):
            one = self._find(inode, name)
            mov(result, -Errno.ENODATA)
            with if_(one != 0):
                self._take_out(inode, one)
                self.inodes.touch_attributes(inode)
                xor(result, result)
        ret(result)

    @function(context="thread", sleeps=True)
    def get(
        self,
        path: Keep[Ptr[Path]],
        name: Keep[Ptr[AttributeName]],
        buffer: Keep[User[U8]],
        size: Keep[U64],
        credentials: Ptr[Credentials],
    ) -> OrErrno[I64]:
        """Copy the value of the attribute `name` to the program's `buffer` of `size` bytes. Returns
        how many these are, and copies nothing for a `size` of 0; -ENODATA if there is none,
        -ERANGE if it is longer, -EFAULT."""
        result = local(I64)
        failed = self._check(path, name, Access.READ, credentials)
        with if_(failed != 0):
            movsxd(rax, failed)
            ret(rax)
        inode = self._inode_of(path)
        release(path)
        with self.locks.held(inode):
            one = self._find(inode, name)
            mov(result, -Errno.ENODATA)
            with if_(one != 0):
                mov(result, self._copy_value(one, buffer, size))
        ret(result)

    @function(context="thread", sleeps=True)
    def _copy_value(self, one: Ptr[ExtendedAttribute], buffer: User[U8], size: U64) -> OrErrno[I64]:
        """Copy the value of `one`, whose inode is locked, as `get` says."""
        length = keep(one.size)
        with if_(size == 0):
            ret(i64(length))
        fail_if(length > size, Errno.ERANGE)
        self.copy.copy_out_all(buffer, self.value_of(one), length)
        ret(i64(length))

    @function(context="thread", sleeps=True)
    def list(
        self,
        path: Ptr[Path],
        buffer: Keep[User[U8]],
        size: Keep[U64],
        credentials: Keep[Ptr[Credentials]],
    ) -> OrErrno[I64]:
        """Copy the names of all attributes that who has `credentials` may know of to the program's
        `buffer` of `size` bytes, each with a zero. Returns how many bytes these are, and copies
        nothing for a `size` of 0; -ERANGE if they are more, -EFAULT."""
        result = local(I64)
        inode = self._inode_of(path)
        with self.locks.held(inode):
            mov(result, 0)
            with if_(inode.extended.next != 0):
                mov(result, self._list_locked(inode, buffer, size, credentials))
        ret(result)

    @function(context="thread", sleeps=True, holds="inode.lock")
    def _list_locked(
        self,
        inode: Keep[Ptr[Inode]],
        buffer: Keep[User[U8]],
        size: Keep[U64],
        credentials: Ptr[Credentials],
    ) -> OrErrno[I64]:
        """Do what `list` does."""
        total, capabilities = local(U64), local(U64)
        mov(total, 0)
        mov(rax, credentials.effective)
        mov(capabilities, rax)
        with if_(size > LARGEST_LIST):
            mov(size, LARGEST_LIST)
        with inode.extended.each(ExtendedAttribute, "link") as one:
            mov(rax, capabilities)
            with (
                if_((rax & (1 << CapabilityBit.SYS_ADMIN)) == 0),
                if_(self._begins(address_of(one.text), text(TRUSTED))),
            ):
                continue_()
            mov(rax, total)
            add(rax, one.length)
            inc(rax)
            with if_(size != 0):
                fail_if(rax > size, Errno.ERANGE)
                mov(rdx, one.length)
                inc(rdx)
                self.copy.copy_out_all(buffer, address_of(one.text), rdx)
                add(u64(buffer), one.length)
                inc(u64(buffer))
            mov(rax, one.length)
            inc(rax)
            add(total, rax)
        ret(i64(total))
