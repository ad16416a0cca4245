"""Addresses that nothing is mapped at."""

from __future__ import annotations

from kernel.paging.addresses import USER_END, USER_START, UserAddress
from kernel.vm.addressspace import AddressSpace
from kernel.vm.region import Region, RegionFlags
from kernel.vm.regions import Regions
from pykasm import *

STACK_GUARD_GAP = 1 << 20
"""Bytes below a stack that nothing is put into, so that one that overflows hits nothing (Linux has
as many: stack_guard_gap in mm/mmap.c)."""


class Gaps(Subsystem):
    """Finds room between regions. Context: thread, with the space's `regions_lock` held."""

    def __init__(self, regions: Regions) -> None:
        self.regions = regions

    @inline(changes="address")
    def _start_with_guard(self, address: UserAddress, region: Ptr[Region]) -> None:
        """Set `address`, a register, to where `region` starts, or the room that it keeps free."""
        mov(address, region.node.key)
        with if_(region.flags & RegionFlags.GROWS_DOWN):
            sub(address, STACK_GUARD_GAP)
            with if_(CF):
                xor(u32(address), u32(address))

    @function
    def is_free(self, space: Ptr[AddressSpace], start: UserAddress, end: Keep[UserAddress]) -> Bool:
        """Return whether no region has any of the addresses from `start` up to `end`, or keeps them
        free."""
        region, place = self.regions.find_from(space, start), scratch(UserAddress)
        with if_(region == 0):
            ret(True)
        self._start_with_guard(place, region)
        ret(place >= end)

    @function
    def find(self, space: Keep[Ptr[AddressSpace]], length: Keep[U64], limit: U64) -> UserAddress:
        """Return the highest address where `length` bytes are free below `limit`; where nothing is,
        the highest at all; 0 if there is nothing either. A `limit` of 0 is `mapping_top`."""
        with if_(limit != 0):
            tail(self._find_below, space, length, limit)
        found = self._find_from_limit(space, length)
        with if_(found != 0):
            ret(found)
        tail(self._find_below, space, length, USER_END)

    @function
    def _find_from_limit(self, space: Keep[Ptr[AddressSpace]], length: Keep[U64]) -> UserAddress:
        """Return the highest address where `length` bytes are free below `mapping_top`, or 0. What
        was looked at before, and has no such gaps, is not looked at again."""
        place, limit = keep(UserAddress), keep(space.search_limit)
        with if_((limit == 0) | (length <= space.largest_gap)):
            mov(limit, self._limit_at(space, space.mapping_top))
            mov(space.largest_gap, 0)
        with loop():
            mov(place, limit)
            sub(place, length)
            with if_(CF | (place < USER_START)):
                ret(0)
            region = scratch(self.regions.last_before(space, limit))
            with if_(region == 0):
                break_()
            break_if(place >= region.end)
            self._note_gap(space, limit, region)
            self._start_with_guard(limit, region)
        mov(space.search_limit, place)
        ret(place)

    @inline(changes=rax)
    def _note_gap(self, space: Ptr[AddressSpace], limit: UserAddress, region: Ptr[Region]) -> None:
        """Note that there is a gap from the end of `region` up to `limit`, if there is one."""
        mov(rax, limit)
        sub(rax, region.end)
        with if_(~CF & (rax > space.largest_gap)):
            mov(space.largest_gap, rax)

    @function
    def forget(self, space: Keep[Ptr[AddressSpace]], end: UserAddress) -> None:
        """Look below `end` again, as what ended there was unmapped, and in what is free above it:
        both are one gap now."""
        with if_((space.search_limit == 0) | (end <= space.search_limit)):
            ret()
        above, place = self.regions.find_from(space, end), scratch(space.mapping_top)
        with if_(above != 0), if_(above.node.key < place):
            self._start_with_guard(place, above)
        mov(space.search_limit, place)

    @function
    def _limit_at(self, space: Ptr[AddressSpace], limit: Keep[UserAddress]) -> UserAddress:
        """Return `limit`, or where the region that comes first there keeps addresses free."""
        above, place = self.regions.find_from(space, limit), scratch(UserAddress)
        with if_(above != 0):
            self._start_with_guard(place, above)
            with if_(place < limit):
                ret(place)
        ret(limit)

    @function
    def _find_below(
        self, space: Keep[Ptr[AddressSpace]], length: Keep[U64], limit: Keep[UserAddress]
    ) -> UserAddress:
        """Return the highest address where `length` bytes are free below `limit`, or 0."""
        place = keep(UserAddress)
        mov(limit, self._limit_at(space, limit))
        with loop():
            mov(place, limit)
            sub(place, length)
            with if_(CF | (place < USER_START)):
                ret(0)
            region = self.regions.last_before(space, limit)
            with if_(region == 0):
                ret(place)
            with if_(place >= region.end):
                ret(place)
            self._start_with_guard(limit, region)
