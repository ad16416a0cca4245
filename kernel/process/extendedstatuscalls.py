"""The system call that tells most of files."""

from __future__ import annotations

from typing import Any

from kernel.clock.units import NSEC_PER_SEC
from kernel.errno import Errno
from kernel.fs.attributes import Attributes
from kernel.fs.devicenumbers import split_device
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.filestatus import FileStatus
from kernel.fs.inode import Inode
from kernel.process.extendedstatus import ExtendedStatus, StatusMask
from kernel.process.filecalls import FileCalls
from kernel.process.pathcalls import PathCalls
from kernel.process.statuscalls import STATUS_FLAGS
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.vm.usercopy import UserCopy
from pykasm import *

AT_STATX_SYNC_TYPE = 0x6000
"""How much to ask other machines; both bits are none (include/uapi/linux/fcntl.h)."""

MOUNT_ROOT = 0x2000
"""The attribute of what is the root of a mount (STATX_ATTR_MOUNT_ROOT)."""

SAME_FIELDS = (
    *(("links", U32), ("user", U32), ("group", U32), ("mode", U16)),
    *(("number", U64), ("size", U64), ("blocks", U64), ("block_size", U32)),
)
"""Fields by the same name in both structs, and their types in the wider one."""


class ExtendedStatusCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        numbers: FileCalls,
        paths: PathCalls,
        files: Files,
        attributes: Attributes,
        copy: UserCopy,
    ) -> None:
        self.numbers = numbers
        self.paths = paths
        self.files = files
        self.attributes = attributes
        self.copy = copy

    @function(context="thread", sleeps=True)
    def statx(
        self,
        directory: I32,
        name: Fetched[User[U8]],
        flags: U32,
        mask: U32,
        buffer: Keep[User[U8]],
    ) -> OrErrno[I64]:
        """Tell of the file `name`, as seen from `directory`; all that is known, whatever `mask`
        asks for."""
        fail_if(mask & StatusMask.RESERVED, Errno.EINVAL)
        fail_if(flags & ~(STATUS_FLAGS | AT_STATX_SYNC_TYPE), Errno.EINVAL)
        mov(eax, flags)
        and_(eax, AT_STATX_SYNC_TYPE)
        fail_if(eax == AT_STATX_SYNC_TYPE, Errno.EINVAL)
        failed, opened = self.paths.find_place(directory, name, flags)
        with if_(opened == 0):
            ret(failed)
        ignore(failed, "it is there")
        tail(self._tell, opened, buffer)

    @function(context="thread", sleeps=True)
    def _tell(self, file: Keep[Owned[Ptr[File]]], buffer: Keep[User[U8]]) -> OrErrno[I64]:
        """Tell of `file`, to which the reference is dropped."""
        status, extended = local(FileStatus), local(ExtendedStatus)
        self.attributes.stat(file.inode, address_of(status))
        zero(extended)
        self._fill(address_of(extended), address_of(status))
        self._tell_birth(address_of(extended), file.inode)
        mount = scratch(file.path.mount)
        asserts(mount != 0)
        mov(rax, mount.number)
        mov(extended.mount, rax)
        mov(extended.attributes_mask, MOUNT_ROOT)
        mov(rax, file.path.dentry)
        with if_(rax == mount.root):
            mov(extended.attributes, MOUNT_ROOT)
        self.files.drop(file)
        result, left = self.copy.copy_out(buffer, address_of(extended), sizeof(ExtendedStatus))
        ignore(left)
        movsxd(rax, result)
        ret(rax)

    @function
    def _tell_birth(self, extended: Ptr[ExtendedStatus], inode: Ptr[Inode]) -> None:
        """Fill in when `inode` was made, where that is known."""
        with if_(inode.born == 0):
            ret()
        or_(extended.mask, StatusMask.BIRTH)
        mov(rax, u64(inode.born))
        xor(edx, edx)
        mov(ecx, NSEC_PER_SEC)
        div(rcx)
        mov(u64(extended.born.seconds), rax)
        mov(extended.born.nanoseconds, edx)

    @function
    def _fill(self, extended: Ptr[ExtendedStatus], status: Ptr[FileStatus]) -> None:
        """Fill in what `stat` tells, too."""
        extended, status = scratch(extended), scratch(status)
        mov(extended.mask, StatusMask.BASIC | StatusMask.MOUNT)
        for name, kind in SAME_FIELDS:
            place, source = getattr(extended, name), getattr(status, name)
            register: Any = {2: ax, 4: eax, 8: rax}[sizeof(kind)]
            if sizeof(kind) == sizeof(U64) or name in ("block_size", "links"):
                mov(rax, source)
            else:
                mov(eax, source)
            mov(place, register)
        for name in ("accessed", "modified", "changed"):
            source, place = getattr(status, name), getattr(extended, name)
            mov(rax, u64(source.seconds))
            mov(u64(place.seconds), rax)
            mov(rax, source.nanoseconds)
            mov(place.nanoseconds, eax)
        for source, name in ((status.device, "device"), (status.special, "special")):
            mov(rax, source)
            split_device(getattr(extended, f"{name}_major"), getattr(extended, f"{name}_minor"))
