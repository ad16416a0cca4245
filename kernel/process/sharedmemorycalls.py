"""System calls for shared memory of System V."""

from __future__ import annotations

from enum import IntFlag

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.fs.file import File
from kernel.ipc.ipcobject import IpcAccess, IpcCommand
from kernel.ipc.segmentcontrol import SegmentCommand, SegmentControl
from kernel.ipc.sharedsegment import MOST_BYTES, MOST_SEGMENTS, SharedSegment
from kernel.ipc.sharedsegments import SharedSegments
from kernel.ipc.sharedstatus import SegmentLimits, SegmentStatus, SegmentUses
from kernel.paging.addresses import USER_END, USER_START, UserAddress
from kernel.process.limits import Resource
from kernel.process.memorylimits import MemoryLimits
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.structures.alignment import round_down, round_up
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.memoryadvice import MemoryAdvice
from kernel.vm.region import Region, RegionFlags
from kernel.vm.regionview import RegionView
from kernel.vm.rights import Rights
from kernel.vm.usercopy import UserCopy
from pykasm import *


class AttachFlag(IntFlag):
    """Of `shmat` (include/uapi/linux/shm.h)."""

    READ_ONLY = 0o10000
    ROUND = 0o20000
    """The address need not be that of a page."""
    REMAP = 0o40000
    """In place of what is there."""
    EXECUTE = 0o100000


class SharedMemoryCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        segments: SharedSegments,
        control: SegmentControl,
        spaces: AddressSpaces,
        advice: MemoryAdvice,
        limits: MemoryLimits,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.segments = segments
        self.control = control
        self.spaces = spaces
        self.advice = advice
        self.limits = limits
        self.copy = copy

    @function(context="thread", sleeps=True)
    def shmget(self, key: U32, size: U64, flags: U32) -> OrErrno[I64]:
        """Return the id of the segment of `key`, perhaps a new one of `size` bytes."""
        task = self.processes.current()
        tail(self.segments.get, key, size, flags, task.credentials)

    # Attaching

    @function(context="thread", sleeps=True)
    def shmat(
        self, id: Keep[U32], address: Keep[Untrusted[UserAddress]], flags: Keep[U32]
    ) -> OrErrno[I64]:
        """Show the segment `id` at `address`, or anywhere for 0. Returns where."""
        region, result = local(Region), local(I64)
        fail_if(i32(id) < 0, Errno.EINVAL)
        with if_(address & (PAGE - 1)):
            fail_if((flags & AttachFlag.ROUND) == 0, Errno.EINVAL)
            round_down(address, PAGE)
        fail_if((address == 0) & (flags & AttachFlag.REMAP), Errno.EINVAL)
        mov(region.node.key, address)
        wanted = scratch(self._set_rights(address_of(region), flags))
        task = scratch(self.processes.current())
        failed, pinned = self.segments.pin(id, wanted, task.credentials)
        segment = keep(pinned)
        with if_(segment == 0):
            ret(failed)
        ignore(failed, "there is a segment")
        mov(result, self._attach(address_of(region), segment, flags))
        self.segments.unpin(segment)
        ret(result)

    @function
    def _set_rights(self, region: Ptr[Region], flags: U32) -> U32:
        """Set the rights and flags of `region`, which shows a segment by `AttachFlag`s. Returns the
        `IpcAccess` for that."""
        mov(region.rights, Rights.READ | Rights.WRITE)
        mov(region.flags, RegionFlags.SHARED)
        mov(eax, IpcAccess.READ | IpcAccess.WRITE)
        with if_(flags & AttachFlag.READ_ONLY):
            mov(region.rights, Rights.READ)
            mov(region.flags, RegionFlags.SHARED | RegionFlags.READ_ONLY)
            mov(eax, IpcAccess.READ)
        with if_(flags & AttachFlag.EXECUTE):
            or_(region.rights, Rights.EXECUTE)
            or_(eax, IpcAccess.EXECUTE)
        ret(eax)

    @function(context="thread", sleeps=True)
    def _attach(
        self, region: Keep[Ptr[Region]], segment: Ptr[SharedSegment], flags: Keep[U32]
    ) -> OrErrno[I64]:
        """Add `region` as one that shows `segment`. Returns where, or an error."""
        size, file, result = scratch(segment.size), scratch(segment.file), keep(I32)
        lea(rax, file.backing)
        mov(region.backing, rax)
        mov(region.offset, 0)
        round_up(size, PAGE)
        try_(self._set_end(region, size))
        space = self.spaces.of_task()
        mov(eax, space.locks_new)
        or_(region.flags, eax)
        and_(flags, AttachFlag.REMAP)
        try_(self._check_limits(space, region, flags))
        with if_(region.node.key == 0):
            mov(result, self.spaces.place_region(space, region, 0))
        with elif_(flags != 0):
            mov(result, self.spaces.replace_region(space, region))
        with else_():
            mov(result, self.spaces.map_region(space, region))
            with if_(result == -Errno.EEXIST):
                mov(result, -Errno.EINVAL)
        with if_(result != 0):
            movsxd(rax, result)
            ret(rax)
        mov(rax, region.node.key)
        ret(i64(rax))

    @function
    def _set_end(self, region: Ptr[Region], size: U64) -> OrErrno[I64]:
        """Set the end of `region`, of `size` bytes. Returns 0, or an error if there is no room at
        its address."""
        limit, address = scratch(U64), scratch(region.node.key)
        mov(limit, USER_END)
        fail_if((size == 0) | (size > limit), Errno.ENOMEM)
        sub(limit, size)
        fail_if(address > limit, Errno.EINVAL)
        fail_if((address != 0) & (address < USER_START), Errno.EPERM)
        add(address, size)
        mov(region.end, address)
        ret(0)

    @function(context="thread", sleeps=True)
    def _check_limits(
        self, space: Ptr[AddressSpace], region: Ptr[Region], replaces: U32
    ) -> OrErrno[I64]:
        """Return 0 if the process may have `region`, else -ENOMEM or -EAGAIN."""
        result = self.limits.check_region(space, region, replaces)
        movsxd(rax, result)
        ret(rax)

    # Detaching

    @function(context="thread", sleeps=True)
    def shmdt(self, address: Keep[Untrusted[UserAddress]]) -> OrErrno[I64]:
        """Take away the segment that was attached at `address`, or what is left of it."""
        place, view, region = keep(UserAddress), local(RegionView), local(Region)
        space, found = self.spaces.of_task(), local(U64)
        fail_if(address & (PAGE - 1), Errno.EINVAL)
        mov(found, 0)
        mov(place, address)
        with loop():
            break_if(~self.spaces.look(space, place, address_of(view)))
            mov(place, view.end)
            mov(rax, view.start)
            break_if((found != 0) & (rax >= found))
            with if_(self.advice.borrow(space, view.start, address_of(region))):
                with if_(self._is_attached(address_of(region), address)):
                    mov(found, self._detach(space, address_of(region), address))
                self.advice.regions.give_back(address_of(region))
        fail_if(found == 0, Errno.EINVAL)
        ret(0)

    @function
    def _is_attached(self, region: Ptr[Region], address: UserAddress) -> Bool:
        """Return whether `region` is a part of a segment that was attached at `address`."""
        backing = scratch(region.backing)
        fail_if(backing == 0)
        lea(rax, self.segments.operations)
        fail_if(u64(backing.operations) != rax)
        mov(rax, region.node.key)
        sub(rax, region.offset)
        ret(rax == address)

    @function(context="thread", sleeps=True)
    def _detach(
        self, space: Ptr[AddressSpace], region: Ptr[Region], address: Keep[UserAddress]
    ) -> U64:
        """Take away `region`, a part of what was attached at `address`. Returns where that
        ended."""
        backing = scratch(region.backing)
        asserts(backing != 0)  # it is one of a segment
        file = container_of(backing, File, "backing")
        inode = scratch(file.inode)
        add(address, inode.size)
        length = scratch(region.end)
        sub(length, region.node.key)
        removed = self.spaces.unmap(space, region.node.key, length)
        ignore(removed, "nothing has to be split")
        ret(address)

    # Control

    @function(context="thread", sleeps=True)
    def shmctl(self, id: U32, command: U32, place: User[U8]) -> OrErrno[I64]:
        """Do what `command` says with the segment `id`."""
        fail_if((i32(id) < 0) | (i32(command) < 0), Errno.EINVAL)
        with switch(command):
            with case(IpcCommand.INFORMATION):
                tail(self._limit, place)
            with case(SegmentCommand.INFORMATION):
                tail(self._measure, place)
            with case(
                IpcCommand.STATUS,
                SegmentCommand.STATUS_BY_INDEX,
                SegmentCommand.STATUS_OF_ANY,
            ):
                tail(self._describe, command, id, place)
            with case(IpcCommand.SET):
                tail(self._set_owner, id, place)
            with case(IpcCommand.REMOVE):
                task = self.processes.current()
                tail(self.segments.remove, id, task.credentials)
            with case(SegmentCommand.LOCK):
                tail(self._lock, id, True)
            with case(SegmentCommand.UNLOCK):
                tail(self._lock, id, False)
        ret(-Errno.EINVAL)

    @function(context="thread", sleeps=True)
    def _limit(self, target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store what there may be at `target`. Returns the highest index of a segment."""
        limits = local(SegmentLimits)
        zero(limits)
        for name, value in (
            ("most_bytes", MOST_BYTES),
            ("least_bytes", 1),
            ("most_segments", MOST_SEGMENTS),
            ("most_of_process", MOST_SEGMENTS),
            ("most_pages", MOST_BYTES),
        ):
            mov(rax, value)
            mov(getattr(limits, name), rax)
        self.copy.copy_out_all(target, address_of(limits), sizeof(SegmentLimits))
        tail(self.control.last_index)

    @function(context="thread", sleeps=True)
    def _measure(self, target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store what there is at `target`. Returns the highest index of a segment."""
        uses, result = local(SegmentUses), keep(I64)
        zero(uses)
        mov(result, self.control.measure(address_of(uses)))
        self.copy.copy_out_all(target, address_of(uses), sizeof(SegmentUses))
        ret(result)

    @function(context="thread", sleeps=True)
    def _describe(self, command: U32, id: U32, target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store what there is to know of a segment at `target`."""
        status, result = local(SegmentStatus), keep(I64)
        task = self.processes.current()
        found = self.control.describe(command, id, task.credentials, address_of(status))
        mov(result, try_(found))
        self.copy.copy_out_all(target, address_of(status), sizeof(SegmentStatus))
        ret(result)

    @function(context="thread", sleeps=True)
    def _set_owner(self, id: Keep[U32], source: Fetched[User[U8]]) -> OrErrno[I64]:
        """Give the segment `id` the owner and the permissions at `source`."""
        status = local(SegmentStatus)
        self.copy.copy_in_all(address_of(status), source, sizeof(SegmentStatus))
        task = self.processes.current()
        result = self.control.set_owner(id, task.credentials, address_of(status.permission))
        ret(result)

    @function(context="thread", sleeps=True)
    def _lock(self, id: U32, locked: U32) -> OrErrno[I64]:
        """Have the segment `id` stay in memory, or no longer."""
        task = self.processes.current()
        process = scratch(task.process)
        most = process.limits[Resource.MEMLOCK].soft
        tail(self.control.lock, id, locked, most, task.credentials)
