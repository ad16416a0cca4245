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
        found = self._find_below(space, length, space.mapping_top)
        with if_(found != 0):
            ret(found)
        tail(self._find_below, space, length, USER_END)

    @function
    def _find_below(
        self, space: Keep[Ptr[AddressSpace]], length: Keep[U64], limit: Keep[UserAddress]
    ) -> UserAddress:
        """Return the highest address where `length` bytes are free below `limit`, or 0."""
        place = keep(UserAddress)
        above = self.regions.find_from(space, limit)
        with if_(above != 0):
            self._start_with_guard(place, above)
            with if_(place < limit):
                mov(limit, place)
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
