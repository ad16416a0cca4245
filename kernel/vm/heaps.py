"""The heaps of programs, whose ends they move."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.paging.addresses import UserAddress, above_user_end
from kernel.structures.alignment import round_up
from kernel.sync.biasedlock import BiasedLocks
from kernel.vm.addressspace import AddressSpace
from kernel.vm.gaps import Gaps
from kernel.vm.mappedregions import MappedRegions
from kernel.vm.overcommit import Overcommit
from kernel.vm.region import Region
from kernel.vm.rights import Rights
from pykasm import *


class Heaps(Subsystem):
    """Moves the end of a program's heap, which Linux calls the break. Context: thread."""

    def __init__(
        self, locks: BiasedLocks, gaps: Gaps, mapped: MappedRegions, overcommit: Overcommit
    ) -> None:
        self.locks = locks
        self.gaps = gaps
        self.overcommit = overcommit
        self.mapped = mapped

    @function(context="thread", sleeps=True)
    def move_end(
        self, space: Keep[Ptr[AddressSpace]], end: Keep[Untrusted[UserAddress]]
    ) -> UserAddress:
        """Make `end` that of the heap of `space`, if that can be. Returns where it is then."""
        result = keep(UserAddress)
        with self.locks.write_held(space.regions_lock):
            fits = (end >= space.heap_start) & (lambda: ~above_user_end(end))
            with if_(fits), if_(self._move(space, end) == 0):
                mov(space.heap_end, end)
            mov(result, space.heap_end)
        ret(result)

    @function(context="thread", sleeps=True)
    def _move(self, space: Keep[Ptr[AddressSpace]], end: Keep[UserAddress]) -> OrErrno[I32]:
        """Map or unmap what lies between the end of the heap and a new one. Returns 0, or
        -ENOMEM, too where something else is."""
        before = keep(space.heap_end)
        round_up(before, PAGE)
        round_up(end, PAGE)
        with if_(end < before):
            tail(self.mapped.remove, space, end, before)
        with if_(end == before):
            ret(0)
        limit = scratch(end)
        add(limit, PAGE)  # a page stays free before the next region, as on Linux
        fail_if(~self.gaps.is_free(space, before, limit), Errno.ENOMEM)
        length = scratch(end)
        sub(length, before)
        try_(self.overcommit.check(length))
        tail(self._add, space, before, end)

    @function(context="thread", sleeps=True)
    def _add(self, space: Ptr[AddressSpace], start: UserAddress, end: UserAddress) -> OrErrno[I32]:
        """Map memory of the heap. Returns 0 or -ENOMEM."""
        region = local(Region)
        mov(region.node.key, start)
        mov(region.offset, start)
        mov(region.end, end)
        mov(region.rights, Rights.READ | Rights.WRITE)
        mov(eax, space.locks_new)
        mov(region.flags, eax)
        mov(region.backing, 0)
        result = self.mapped.add(space, address_of(region))
        ret(result)
