"""What is known of files: told and changed."""

from __future__ import annotations

from kernel.clock.units import NSEC_PER_SEC
from kernel.cpu.pagetable import PAGE, PageShift
from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit, Credentials
from kernel.fs.devicenumbers import encode_device
from kernel.fs.filestatus import FileStatus, StatTime
from kernel.fs.filetimes import FileTimes, TimeChange
from kernel.fs.inode import Inode, is_type
from kernel.fs.inodelocks import InodeLocks
from kernel.fs.inodes import Inodes
from kernel.fs.mode import PERMISSIONS, Access, FileType, ModeBit
from kernel.fs.path import Path
from kernel.fs.permissions import Permissions
from kernel.fs.writeaccess import WriteAccess
from kernel.signals.ownsignals import OwnSignals
from pykasm import *

BLOCK_SHIFT = 9
"""log2 of the bytes of a block, as `stat` counts them."""

KEEP_ID = (1 << 32) - 1
"""No user and no group: -1, for what is to stay."""


class Attributes(Subsystem):
    """Tells and changes attributes of what is at a path. All but `stat` return 0 or an error.
    Context: thread."""

    def __init__(
        self,
        permissions: Permissions,
        locks: InodeLocks,
        inodes: Inodes,
        writers: WriteAccess,
        own_signals: OwnSignals,
    ) -> None:
        self.permissions = permissions
        self.writers = writers
        self.own_signals = own_signals
        self.locks = locks
        self.inodes = inodes

    @function
    def stat(self, inode: Ptr[Inode], status: Ptr[FileStatus]) -> None:
        """Describe `inode`."""
        inode, status = scratch(inode), scratch(status)
        zero(status)
        superblock = scratch(inode.superblock)
        for place, value in (
            (status.device, superblock.device),
            (status.number, inode.number),
            (status.size, inode.size),
        ):
            mov(rax, value)
            mov(place, rax)
        for place, number in ((status.mode, inode.mode), (status.user, inode.user)):
            mov(eax, number)
            mov(place, eax)
        mov(eax, inode.group)
        mov(status.group, eax)
        mov(eax, inode.links)
        mov(status.links, rax)
        mov(status.block_size, PAGE)
        mov(rax, inode.pages.count)
        # In blocks of 512 bytes, whatever the block size is (stat(2))
        shl(rax, PageShift.PAGE - BLOCK_SHIFT)
        mov(status.blocks, rax)
        mov(rax, inode.device)
        encode_device()
        mov(status.special, rax)
        for name in ("accessed", "modified", "changed"):
            self._split(getattr(inode, name), getattr(status, name))

    @inline(changes=(rax, rcx, rdx))
    def _split(self, time: I64, place: StatTime) -> None:
        """Store nanoseconds as seconds and the rest, which is never negative."""
        mov(rax, u64(time))
        cqo()
        mov(ecx, NSEC_PER_SEC)
        idiv(rcx)
        # `idiv` rounds toward 0, and times before 1970 are negative
        with if_(i64(rdx) < 0):
            dec(rax)
            add(rdx, rcx)
        mov(u64(place.seconds), rax)
        mov(place.nanoseconds, rdx)

    @function(context="thread", sleeps=True)
    def chmod(
        self, path: Ptr[Path], mode: Keep[U32], credentials: Keep[Ptr[Credentials]]
    ) -> OrErrno[I32]:
        """Set the permissions, which the owner may. Returns 0, -EROFS or -EPERM."""
        inode = keep(self._inode_of(path))
        try_(self._check_mount(path))
        fail_if(~self.permissions.is_owner(inode, credentials), Errno.EPERM)
        and_(mode, PERMISSIONS)
        member = self.permissions.is_member(credentials, inode.group)
        with if_(~member & ((credentials.effective & (1 << CapabilityBit.FSETID)) == 0)):
            # Else an owner could make programs run as a group that it is not in
            and_(mode, ~int(ModeBit.SET_GROUP))
        with self.locks.held(inode):
            mov(eax, inode.mode)
            and_(eax, ~PERMISSIONS)
            or_(eax, mode)
            mov(inode.mode, eax)
            self.inodes.touch_attributes(inode)
        ret(0)

    @inline
    def _inode_of(self, path: Ptr[Path]) -> Ptr[Inode]:
        """Return what is at `path`, in a scratch register."""
        dentry = scratch(path.dentry)
        asserts(dentry != 0)
        inode = scratch(dentry.inode)
        asserts(inode != 0)
        release(dentry)
        return inode

    @function
    def _check_mount(self, path: Ptr[Path]) -> OrErrno[I32]:
        """Return 0 if what is at `path` may be changed, as far as its mount goes; -EROFS."""
        mount = scratch(path.mount)
        asserts(mount != 0)
        fail_if(mount.is_read_only(), Errno.EROFS)
        ret(0)

    @function(context="thread", sleeps=True)
    def chown(
        self,
        path: Keep[Ptr[Path]],
        user: Keep[U32],
        group: Keep[U32],
        credentials: Keep[Ptr[Credentials]],
    ) -> OrErrno[I32]:
        """Set owner and group; `KEEP_ID` leaves one as it is. An owner may choose among the own
        groups. Returns 0, -EROFS or -EPERM."""
        try_(self._check_mount(path))
        inode = keep(self._inode_of(path))
        release(path)
        try_(self._check_owner(inode, user, group, credentials))
        with self.locks.held(inode):
            with if_(user != KEEP_ID):
                mov(inode.user, user)
            with if_(group != KEEP_ID):
                mov(inode.group, group)
            # A program of the old owner must not run with the rights of the new one
            with if_(~is_type(inode, FileType.DIRECTORY)):
                and_(inode.mode, ~int(ModeBit.SET_USER))
                self.permissions.drop_set_group(inode, credentials)
            self.inodes.touch_attributes(inode)
        ret(0)

    @function
    def _check_owner(
        self, inode: Keep[Ptr[Inode]], user: U32, group: Keep[U32], credentials: Ptr[Credentials]
    ) -> OrErrno[I32]:
        """Return 0 if who has `credentials` may give `inode` these, or -EPERM."""
        with if_(credentials.effective & (1 << CapabilityBit.CHOWN)):
            ret(0)
        with if_((user == KEEP_ID) & (group == KEEP_ID)):
            # It asks for nothing but that bits go that don't stay over a change
            with if_(is_type(inode, FileType.DIRECTORY)):
                ret(0)
            with if_((inode.mode & (ModeBit.SET_USER | ModeBit.SET_GROUP)) == 0):
                ret(0)
        mov(eax, credentials.fs_user)
        fail_if(eax != inode.user, Errno.EPERM)
        fail_if((user != KEEP_ID) & (user != inode.user), Errno.EPERM)
        with if_((group == KEEP_ID) | (group == inode.group)):
            ret(0)
        fail_if(~self.permissions.is_member(credentials, group), Errno.EPERM)
        ret(0)

    @function(context="thread", sleeps=True)
    def set_times(
        self, path: Ptr[Path], times: Keep[Ptr[FileTimes]], credentials: Keep[Ptr[Credentials]]
    ) -> OrErrno[I32]:
        """Set times, which the owner may, and to the present who may write, too (utime(2)). Returns
        0, -EINVAL for what is no time, -EROFS, -EPERM or -EACCES."""
        fail_if(times.changes & TimeChange.WRONG, Errno.EINVAL)
        inode = keep(self._inode_of(path))
        try_(self._check_mount(path))
        with if_(~self.permissions.is_owner(inode, credentials)):
            # Writing sets them to the present anyway
            fail_if((times.changes & TimeChange.NOW) == 0, Errno.EPERM)
            try_(self.permissions.check(inode, Access.WRITE, credentials))
        with self.locks.held(inode):
            for change, name in (
                (TimeChange.ACCESSED, "accessed"),
                (TimeChange.MODIFIED, "modified"),
            ):
                with if_(times.changes & change):
                    mov(rax, getattr(times, name))
                    mov(u64(getattr(inode, name)), rax)
            self.inodes.touch_attributes(inode)
        ret(0)

    @function(context="thread", sleeps=True)
    def truncate(
        self, path: Ptr[Path], size: Keep[I64], credentials: Ptr[Credentials]
    ) -> OrErrno[I32]:
        """Set the size of a regular file. Returns 0, -EISDIR, -EROFS, -EACCES if it may not be
        written, -ETXTBSY, or an error of `resize`."""
        credentials = keep(credentials)
        inode = keep(self._inode_of(path))
        fail_if(is_type(inode, FileType.DIRECTORY), Errno.EISDIR)
        try_(self._check_mount(path))
        try_(self.permissions.check(inode, Access.WRITE, credentials))
        # So that what runs is not cut off
        try_(self.writers.gain(inode))
        result = keep(self.resize(inode, size, credentials))
        self.writers.drop(inode)
        ret(result)

    @function(context="thread", sleeps=True)
    def resize(
        self, inode: Keep[Ptr[Inode]], size: Keep[I64], credentials: Keep[Ptr[Credentials]]
    ) -> OrErrno[I32]:
        """Set the size of a regular file, as who has `credentials` and may write to it. Others are
        -EINVAL, and so is a negative size."""
        result = keep(I32)
        fail_if(size < 0, Errno.EINVAL)
        fail_if(~is_type(inode, FileType.REGULAR), Errno.EINVAL)
        with self.locks.held(inode):
            mov(result, self.own_signals.check_file_size(u64(size), inode.size))
            with if_(result == 0):
                # Who changes a program must not have it run with another's rights
                self.permissions.drop_set_ids(inode, credentials)
                operations = scratch(inode.operations)
                mov(result, operations.resize(inode, u64(size)))
        ret(result)
