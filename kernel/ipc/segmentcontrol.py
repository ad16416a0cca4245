"""Looking at segments of shared memory, and changing them."""

from __future__ import annotations

from enum import IntEnum

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit, Credentials
from kernel.ipc.ipcobject import IpcObject
from kernel.ipc.ipcpermission import IpcPermission
from kernel.ipc.ipctables import IpcTables
from kernel.ipc.sharedsegment import SharedFlag, SharedSegment
from kernel.ipc.sharedsegments import SharedSegments
from kernel.ipc.sharedstatus import SegmentStatus, SegmentUses
from kernel.sync.mutex import Mutexes
from pykasm import *


class SegmentCommand(IntEnum):
    """What `shmctl` does (include/uapi/linux/shm.h)."""

    LOCK = 11
    UNLOCK = 12
    STATUS_BY_INDEX = 13
    INFORMATION = 14
    STATUS_OF_ANY = 15


class SegmentControl(Subsystem):
    """What shmctl(2) does, but for copying. Context: thread."""

    def __init__(self, segments: SharedSegments, tables: IpcTables, mutexes: Mutexes) -> None:
        self.segments = segments
        self.tables = tables
        self.mutexes = mutexes

    @function(context="thread", sleeps=True)
    def last_index(self) -> I64:
        """Return the highest index of a segment."""
        result = keep(I64)
        with self.mutexes.held(self.segments.table.lock):
            mov(result, self.tables.last_index(address_of(self.segments.table)))
        ret(result)

    @function(context="thread", sleeps=True)
    def measure(self, uses: Keep[Ptr[SegmentUses]]) -> I64:
        """Fill in `uses`, which is full of zeros, with what all segments have. Returns the highest
        index of one."""
        result, index = keep(I64), keep(U64)
        with self.mutexes.held(self.segments.table.lock):
            mov(eax, self.segments.table.count)
            mov(uses.count, eax)
            mov(rax, self.segments.pages)
            mov(uses.pages, rax)
            xor(u32(index), u32(index))
            with loop():
                found = self.tables.next(address_of(self.segments.table), index)
                break_if(found == 0)
                mov(index, found.node.key)
                inc(index)
                segment = scratch(cast(found, Ptr[SharedSegment]))
                file = scratch(segment.file)
                inode = scratch(file.inode)
                mov(rax, inode.pages.count)
                add(uses.resident, rax)
                release(segment, file, inode)
            mov(result, self.tables.last_index(address_of(self.segments.table)))
        ret(result)

    @function(context="thread", sleeps=True)
    def describe(
        self,
        command: Keep[U32],
        id: Keep[U32],
        credentials: Keep[Ptr[Credentials]],
        target: Keep[Ptr[SegmentStatus]],
    ) -> OrErrno[I64]:
        """Fill in what is told of a segment, which `id` or by another `command` an index leads to.
        Returns 0, or for an index the id; -EINVAL or -EACCES."""
        result = keep(I64)
        with self.mutexes.held(self.segments.table.lock):
            mov(result, self._describe(command, id, credentials, target))
        ret(result)

    @function(holds="segments.table.lock")
    def _describe(
        self,
        command: Keep[U32],
        id: Keep[U32],
        credentials: Keep[Ptr[Credentials]],
        target: Keep[Ptr[SegmentStatus]],
    ) -> OrErrno[I64]:
        """Do what `describe` does."""
        found = keep(OrNull[Ptr[IpcObject]])
        self.tables.find_for_status(
            found, self.segments.table, command, SegmentCommand, id, credentials
        )
        segment = cast(found, Ptr[SharedSegment])
        zero(target)
        self.tables.describe(segment, address_of(target.permission))
        copy_fields(target, segment, "size", "attached", "detached", "changed", "attachments")
        copy_fields(target, segment, "creator", "last")
        with if_(command >= SegmentCommand.STATUS_BY_INDEX):
            mov(eax, segment.id)
            ret(rax)
        ret(0)

    @function(context="thread", sleeps=True)
    def set_owner(
        self, id: Keep[U32], credentials: Keep[Ptr[Credentials]], wanted: Keep[Ptr[IpcPermission]]
    ) -> OrErrno[I64]:
        """Give the segment `id` another owner and other permissions. Returns 0, -EINVAL or
        -EPERM."""
        result = keep(I64)
        with self.mutexes.held(self.segments.table.lock):
            mov(result, self._set_owner(id, credentials, wanted))
        ret(result)

    @function(holds="segments.table.lock")
    def _set_owner(
        self, id: U32, credentials: Keep[Ptr[Credentials]], wanted: Keep[Ptr[IpcPermission]]
    ) -> OrErrno[I64]:
        """Do what `set_owner` does."""
        segment = keep(try_(self.segments.find(id), Errno.EINVAL))
        try_(self.tables.check_owner(segment, credentials))
        tail(self.tables.change, segment, wanted)

    @function(context="thread", sleeps=True)
    def lock(
        self,
        id: Keep[U32],
        locked: Keep[U32],
        most: Keep[U64],
        credentials: Keep[Ptr[Credentials]],
    ) -> OrErrno[I64]:
        """Have the pages of the segment `id` stay in memory, as all do, if `locked` is not 0, for
        who may lock `most` bytes. Returns 0, -EINVAL or -EPERM; -ENOMEM if it has more."""
        result = keep(I64)
        with self.mutexes.held(self.segments.table.lock):
            mov(result, self._lock(id, locked, most, credentials))
        ret(result)

    @function(holds="segments.table.lock")
    def _lock(
        self,
        id: U32,
        locked: Keep[U32],
        most: Keep[U64],
        credentials: Keep[Ptr[Credentials]],
    ) -> OrErrno[I64]:
        """Do what `lock` does."""
        segment = keep(try_(self.segments.find(id), Errno.EINVAL))
        with if_((credentials.effective & (1 << CapabilityBit.IPC_LOCK)) == 0):
            mov(eax, credentials.effective_user)
            fail_if((eax != segment.user) & (eax != segment.creator_user), Errno.EPERM)
            with if_(locked != 0):
                fail_if(most == 0, Errno.EPERM)
                fail_if(most < segment.size, Errno.ENOMEM)
        and_(segment.mode, ~int(SharedFlag.LOCKED) & 0xFFFF_FFFF)
        with if_(locked != 0):
            or_(segment.mode, SharedFlag.LOCKED)
        ret(0)
