"""What programs say of how they will use their memory."""

from __future__ import annotations

from enum import IntEnum

from kernel.cpu.pagetable import PAGE, PageShift
from kernel.errno import Errno
from kernel.paging.addresses import USER_END, UserAddress
from kernel.sync.biasedlock import BiasedLocks
from kernel.vm.addressspace import AddressSpace
from kernel.vm.mappedregions import MappedRegions
from kernel.vm.region import LOCKS, Region, RegionFlags
from kernel.vm.regions import Regions
from kernel.vm.regionsurvey import RegionSurvey
from kernel.vm.userpages import UserPages
from kernel.vm.userranges import UserRanges
from pykasm import *


class Advice(IntEnum):
    """By the numbers of Linux (include/uapi/asm-generic/mman-common.h). Those that are not here ask
    for what the kernel does not have, such as merging pages of equal contents."""

    NORMAL = 0
    RANDOM = 1
    SEQUENTIAL = 2
    WILL_NEED = 3
    DONT_NEED = 4
    FREE = 8
    REMOVE = 9
    DONT_FORK = 10
    DO_FORK = 11
    HUGE_PAGE = 14
    NO_HUGE_PAGE = 15
    DONT_DUMP = 16
    DO_DUMP = 17
    WIPE_ON_FORK = 18
    KEEP_ON_FORK = 19
    COLD = 20
    PAGE_OUT = 21
    POPULATE_READ = 22
    POPULATE_WRITE = 23
    DONT_NEED_LOCKED = 24


class MemoryAdvice(Subsystem):
    """Takes advice for ranges of addresses, and locks them. Context: thread."""

    def __init__(
        self,
        locks: BiasedLocks,
        regions: Regions,
        mapped: MappedRegions,
        ranges: UserRanges,
        user_pages: UserPages,
    ) -> None:
        self.locks = locks
        self.regions = regions
        self.mapped = mapped
        self.ranges = ranges
        self.user_pages = user_pages

    @function(context="thread", sleeps=True)
    def check(
        self,
        space: Keep[Ptr[AddressSpace]],
        start: Keep[UserAddress],
        end: Keep[UserAddress],
        locked: Keep[U32],
    ) -> OrErrno[I32]:
        """Return 0 if all addresses from `start` up to `end` are in regions, else -ENOMEM; but the
        negated `locked`, unless that is 0, if some of the memory is locked."""
        survey = local(RegionSurvey)
        with self.locks.read_held(space.regions_lock):
            self.regions.survey(space, start, end, address_of(survey))
        with if_((survey.flags & RegionFlags.LOCKED) & (locked != 0)):
            neg(locked)
            ret(cast(locked, I32))
        fail_if(survey.has_holes != 0, Errno.ENOMEM)
        ret(0)

    @function(context="thread", sleeps=True)
    def borrow(
        self, space: Keep[Ptr[AddressSpace]], address: Keep[UserAddress], like: Keep[Ptr[Region]]
    ) -> Bool:
        """Do what `Regions.borrow` does, without the lock."""
        found = keep(U32)
        with self.locks.read_held(space.regions_lock):
            mov(found, self.regions.borrow(space, address, like))
        ret(found != 0)

    @function(context="thread", sleeps=True)
    def take(
        self,
        space: Keep[Ptr[AddressSpace]],
        start: Keep[UserAddress],
        end: Keep[UserAddress],
        advice: Keep[U32],
    ) -> OrErrno[I32]:
        """Do what `advice` says with the addresses from `start` up to `end`. Returns 0; -ENOMEM if
        some are in no region, where it is done to the others, or where regions could not be split;
        -EINVAL if it can't be followed there, and nothing is done."""
        limit, result = keep(UserAddress), local(I32)
        mov(limit, USER_END)
        fail_if(start >= limit, Errno.ENOMEM)
        with if_(end < limit):
            mov(limit, end)
        with self.locks.write_held(space.regions_lock):
            mov(result, self._take(space, start, limit, advice))
        with if_((result == 0) & (limit != end)):
            ret(-Errno.ENOMEM)
        ret(result)

    @function(context="thread", sleeps=True)
    def _take(
        self,
        space: Keep[Ptr[AddressSpace]],
        start: Keep[UserAddress],
        end: Keep[UserAddress],
        advice: Keep[U32],
    ) -> OrErrno[I32]:
        """Do what `take` does, under the lock."""
        survey = local(RegionSurvey)
        self.regions.survey(space, start, end, address_of(survey))
        private = (survey.is_backed == 0) & ((survey.flags & RegionFlags.SHARED) == 0)
        with switch(advice):
            with case(Advice.DONT_NEED):
                fail_if(survey.flags & RegionFlags.LOCKED, Errno.EINVAL)
                self.ranges.unmap(space, start, end)
            with case(Advice.DONT_NEED_LOCKED):
                self.ranges.unmap(space, start, end)
            with case(Advice.HUGE_PAGE):
                flags = RegionFlags.LARGE_PAGES, RegionFlags.SMALL_PAGES
                try_(self.mapped.change_flags(space, start, end, *flags))
            with case(Advice.NO_HUGE_PAGE):
                flags = RegionFlags.SMALL_PAGES, RegionFlags.LARGE_PAGES
                try_(self.mapped.change_flags(space, start, end, *flags))
            with case(Advice.FREE):
                fail_if(~private | (survey.flags & RegionFlags.LOCKED), Errno.EINVAL)
                self.ranges.unmap(space, start, end)
            with case(Advice.DONT_FORK):
                try_(self.mapped.change_flags(space, start, end, RegionFlags.NO_COPY, 0))
            with case(Advice.DO_FORK):
                try_(self.mapped.change_flags(space, start, end, 0, RegionFlags.NO_COPY))
            with case(Advice.DONT_DUMP):
                try_(self.mapped.change_flags(space, start, end, RegionFlags.NO_DUMP, 0))
            with case(Advice.DO_DUMP):
                try_(self.mapped.change_flags(space, start, end, 0, RegionFlags.NO_DUMP))
            with case(Advice.WIPE_ON_FORK):
                fail_if(~private, Errno.EINVAL)
                try_(self.mapped.change_flags(space, start, end, RegionFlags.EMPTY_COPY, 0))
            with case(Advice.KEEP_ON_FORK):
                try_(self.mapped.change_flags(space, start, end, 0, RegionFlags.EMPTY_COPY))
        fail_if(survey.has_holes != 0, Errno.ENOMEM)
        ret(0)

    # What is in memory

    @function(context="thread", sleeps=True)
    def note_resident(
        self,
        space: Keep[Ptr[AddressSpace]],
        start: Keep[UserAddress],
        end: Keep[UserAddress],
        notes: Keep[Ptr[U8]],
    ) -> OrErrno[I32]:
        """Write a byte to the kernel's `notes` for each page from `start` up to `end`: 1 if it is
        in memory. Returns 0; -ENOMEM if some are in no region."""
        result = keep(I32)
        with self.locks.read_held(space.regions_lock):
            mov(result, self._note_all(space, start, end, notes))
        ret(result)

    @function(context="thread", sleeps=True)
    def _note_all(
        self,
        space: Keep[Ptr[AddressSpace]],
        page: Keep[UserAddress],
        end: Keep[UserAddress],
        notes: Keep[Ptr[U8]],
    ) -> OrErrno[I32]:
        """Do what `note_resident` does, under the lock."""
        with while_(page < end):
            region = try_(self.regions.find(space, page), Errno.ENOMEM)
            mov(at(notes), u8(self._is_resident(space, region, page)))
            inc(notes)
            add(page, PAGE)
        ret(0)

    @function(context="thread", sleeps=True)
    def _is_resident(
        self, space: Ptr[AddressSpace], region: Keep[Ptr[Region]], page: Keep[UserAddress]
    ) -> Bool:
        """Return whether `page` in `region` is in memory."""
        with if_(self.user_pages.find(space, page) != 0):
            ret(True)
        backing = scratch(try_(region.backing))
        sub(page, region.node.key)
        add(page, region.offset)
        shr(page, PageShift.PAGE)
        operations = scratch(backing.operations)
        found = operations.find_page(backing, page)
        with if_(found == 0):
            ret(False)
        self.user_pages.drop(found)
        ret(True)

    @function(context="thread", sleeps=True)
    def set_locked(
        self,
        space: Keep[Ptr[AddressSpace]],
        start: Keep[UserAddress],
        end: Keep[UserAddress],
        locked: Keep[U32],
    ) -> OrErrno[I32]:
        """Note whether the memory from `start` up to `end` is `locked`, some of `LOCKS` or
        0. Returns 0; -ENOMEM if some is in no region, and it is noted of what lies before that, or
        if regions could not be split."""
        result, changed = keep(I32), local(I32)
        mov(changed, 0)
        with self.locks.write_held(space.regions_lock):
            failed, reach = self.regions.check_rights(space, start, end, 0)
            mov(result, failed)
            mov(end, reach)
            with if_(start < end):
                mov(eax, locked)
                xor(eax, LOCKS)
                mov(changed, self.mapped.change_flags(space, start, end, locked, eax))
        with if_(changed != 0):
            ignore(result, "nothing was changed")
            ret(changed)
        ret(result)

    @function(context="thread", sleeps=True)
    def set_all_locked(self, space: Keep[Ptr[AddressSpace]], locked: Keep[U32]) -> OrErrno[I32]:
        """Note whether all memory of `space` is `locked`. Returns 0; -ENOMEM is never the case, as
        nothing has to be split."""
        result = keep(I32)
        with self.locks.write_held(space.regions_lock):
            mov(eax, locked)
            xor(eax, LOCKS)
            mov(result, self.mapped.change_flags(space, 0, USER_END, locked, eax))
        ret(result)
