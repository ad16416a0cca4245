"""Moving and resizing what is mapped."""

from __future__ import annotations

from enum import IntFlag

from kernel.errno import Errno
from kernel.paging.addresses import USER_END, USER_START, UserAddress, above_user_end
from kernel.sync.biasedlock import BiasedLocks
from kernel.vm.addressspace import AddressSpace
from kernel.vm.gaps import Gaps
from kernel.vm.mappedregions import MappedRegions
from kernel.vm.overcommit import Overcommit
from kernel.vm.region import Region, RegionFlags
from kernel.vm.regions import Regions
from kernel.vm.userranges import UserRanges
from pykasm import *


class RemapFlag(IntFlag):
    """The flags of mremap(2) (include/uapi/linux/mman.h)."""

    MAY_MOVE = 1 << 0
    FIXED = 1 << 1
    DONT_UNMAP = 1 << 2


class RemapRequest(Struct):
    """What is to become of a range of addresses; all numbers are those of whole pages."""

    address: UserAddress
    length: U64
    new_length: U64
    target: UserAddress
    """Where it is to be then, with FIXED; where it is put, otherwise."""
    flags: U32 = field(RemapFlag)


class Remapping(Subsystem):
    """Does what mremap(2) does. Context: thread."""

    def __init__(
        self,
        locks: BiasedLocks,
        regions: Regions,
        mapped: MappedRegions,
        ranges: UserRanges,
        gaps: Gaps,
        overcommit: Overcommit,
    ) -> None:
        self.locks = locks
        self.regions = regions
        self.mapped = mapped
        self.ranges = ranges
        self.gaps = gaps
        self.overcommit = overcommit

    @function(context="thread", sleeps=True)
    def remap(
        self, space: Keep[Ptr[AddressSpace]], request: Keep[Ptr[RemapRequest]]
    ) -> OrErrno[I32]:
        """Move or resize what is mapped, and set `request.target` to where it is. Returns 0;
        -EFAULT if it is not in one region, -EINVAL, -EPERM or -ENOMEM."""
        result = keep(I32)
        with self.locks.write_held(space.regions_lock):
            with if_(request.flags & (RemapFlag.FIXED | RemapFlag.DONT_UNMAP)):
                mov(result, self._move_to(space, request))
            with else_():
                mov(result, self._resize(space, request))
        ret(result)

    @function(context="thread", sleeps=True)
    def _resize(
        self, space: Keep[Ptr[AddressSpace]], request: Keep[Ptr[RemapRequest]]
    ) -> OrErrno[I32]:
        """Resize the range where it is, or move it where it may be moved."""
        mov(rax, request.address)
        mov(request.target, rax)
        mov(rax, request.new_length)
        with if_(request.length > rax):
            tail(self._cut, space, request)
        try_(self._check(space, request))
        with if_(self._extend(space, request)):
            ret(0)
        fail_if((request.flags & RemapFlag.MAY_MOVE) == 0, Errno.ENOMEM)
        mov(request.target, try_(self.gaps.find(space, request.new_length, 0), Errno.ENOMEM))
        tail(self._move, space, request)

    @function(context="thread", sleeps=True)
    def _cut(
        self, space: Keep[Ptr[AddressSpace]], request: Keep[Ptr[RemapRequest]]
    ) -> OrErrno[I32]:
        """Unmap what the range has beyond its new length."""
        start, end = keep(request.address), keep(request.length)
        # A range that is there in part is cut all the same, as by Linux
        fail_if(self.regions.find(space, start) == 0, Errno.EFAULT)
        add(end, start)
        fail_if(CF | above_user_end(end), Errno.EINVAL)
        add(start, request.new_length)
        mov(rax, request.new_length)
        mov(request.length, rax)
        tail(self.mapped.remove, space, start, end)

    @function
    def _check(self, space: Ptr[AddressSpace], request: Keep[Ptr[RemapRequest]]) -> OrErrno[I32]:
        """Return 0 if the range can be moved or get longer; -EFAULT if it is not in one region,
        -EINVAL if private memory is to be there twice, -ENOMEM if that is too much memory."""
        region = scratch(try_(self.regions.find(space, request.address), Errno.EFAULT))
        room = scratch(region.end)
        sub(room, request.address)
        fail_if(request.length > room, Errno.EFAULT)
        is_private = (region.flags & RegionFlags.SHARED) == 0
        # A length of 0 asks for a second view of shared memory; private pages have one owner
        fail_if((request.length == 0) & is_private, Errno.EINVAL)
        mov(rax, request.new_length)
        sub(rax, request.length)
        tail(self.overcommit.check, rax)

    @function
    def _extend(self, space: Keep[Ptr[AddressSpace]], request: Keep[Ptr[RemapRequest]]) -> Bool:
        """Give the range, which has at most its new length, that where it is. Returns whether that
        could be: there is room behind its region, whose end it is."""
        region, end = keep(try_(self.regions.find(space, request.address))), keep(request.address)
        add(end, request.length)
        mov(rax, request.length)
        # After rounding; nothing is to be done
        with if_(rax == request.new_length):
            ret(True)
        # What follows in the region would have to move away
        fail_if(region.end != end)
        sub(end, request.length)
        add(end, request.new_length)
        fail_if(CF | above_user_end(end))
        fail_if(~self.gaps.is_free(space, region.end, end))
        mov(region.end, end)
        self.regions.merge(space, end)
        ret(True)

    @function(context="thread", sleeps=True)
    def _move_to(
        self, space: Keep[Ptr[AddressSpace]], request: Keep[Ptr[RemapRequest]]
    ) -> OrErrno[I32]:
        """Move the range to where the program wants it with FIXED, else to where there is room."""
        with if_(request.flags & RemapFlag.FIXED):
            try_(self._check_target(request))
        mov(rax, request.new_length)
        with if_(request.length > rax):
            try_(self._cut(space, request))
        try_(self._check(space, request))
        with if_(request.flags & RemapFlag.FIXED):
            end = scratch(request.target)
            add(end, request.new_length)
            try_(self.mapped.remove(space, request.target, end))
        with else_():
            mov(request.target, try_(self.gaps.find(space, request.new_length, 0), Errno.ENOMEM))
        tail(self._move, space, request)

    @function
    def _check_target(self, request: Ptr[RemapRequest]) -> OrErrno[I32]:
        """Return 0 if the range may be at its target, else -EINVAL or -EPERM."""
        target, limit = scratch(request.target), scratch(U64)
        mov(limit, USER_END)
        sub(limit, request.new_length)
        fail_if(CF | (target > limit), Errno.EINVAL)
        fail_if(target < USER_START, Errno.EPERM)
        mov(rax, request.address)
        add(rax, request.length)
        mov(rcx, target)
        add(rcx, request.new_length)
        fail_if(CF | ((rax > target) & (rcx > request.address)), Errno.EINVAL)
        ret(0)

    # Moving

    @function(context="thread", sleeps=True)
    def _move(
        self, space: Keep[Ptr[AddressSpace]], request: Keep[Ptr[RemapRequest]]
    ) -> OrErrno[I32]:
        """Move the range to its target, where nothing is. Returns 0; or -ENOMEM, and it is where it
        was."""
        made, end = scratch(try_(self._twin(space, request), Errno.ENOMEM)), keep(request.target)
        self.regions.insert(space, made)
        add(end, request.new_length)
        result = keep(self._move_pages(space, request))
        with if_(result != 0):
            self.ranges.unmap(space, request.target, end)
            self.regions.remove_all(space, request.target, end)
            ret(result)
        self.regions.merge(space, request.target)
        self.regions.merge(space, end)
        ret(0)

    @function(context="thread", sleeps=True)
    def _twin(
        self, space: Keep[Ptr[AddressSpace]], request: Keep[Ptr[RemapRequest]]
    ) -> OrNull[Owned[Ptr[Region]]]:
        """Return a region for the target that goes on with the range's memory, or null."""
        like, region = local(Region), scratch(try_(self.regions.find(space, request.address)))
        for name in ("rights", "flags", "backing"):
            value = scratch(getattr(region, name))
            mov(getattr(like, name), value)
            release(value)
        mov(rax, request.address)
        sub(rax, region.node.key)
        add(rax, region.offset)
        mov(like.offset, rax)
        mov(rax, request.target)
        mov(like.node.key, rax)
        add(rax, request.new_length)
        mov(like.end, rax)
        made = self.regions.allocate(space, address_of(like))
        ret(made)

    @function(context="thread", sleeps=True)
    def _move_pages(
        self, space: Keep[Ptr[AddressSpace]], request: Keep[Ptr[RemapRequest]]
    ) -> OrErrno[I32]:
        """Move the pages of the range to its target, and unmap it unless that is not wanted.
        Returns 0; or -ENOMEM, and none is gone."""
        start, end = keep(request.address), keep(request.address)
        add(end, request.length)
        try_(self.ranges.duplicate(space, start, end, request.target))
        with if_(start == end):
            ret(0)
        with if_(request.flags & RemapFlag.DONT_UNMAP):
            self.ranges.unmap(space, start, end)
            ret(0)
        tail(self.mapped.remove, space, start, end)
