"""What makes pages of programs when they are touched."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE, PageFlags, PageShift
from kernel.errno import Errno
from kernel.mm.frames import frame_of
from kernel.mm.pages import Pages
from kernel.paging.addresses import PhysicalAddress, UserAddress, copy_page
from kernel.paging.entryformat import EntryFormat
from kernel.sync.rwlock import ReadWriteLocks
from kernel.vm.addressspace import AddressSpace
from kernel.vm.backing import Backing
from kernel.vm.growingstacks import GrowingStacks
from kernel.vm.region import Region, RegionFlags
from kernel.vm.regions import Regions
from kernel.vm.rights import Rights
from kernel.vm.userpages import UserPages
from kernel.vm.userranges import UserRanges
from pykasm import *

MISSING = 1 << 3
"""Beside the right that an access needs: the processor found no page there, so that there is likely
to be none. This spares a look."""


class DemandPaging(Subsystem):
    """Resolves page faults in address spaces: demand-zero pages and copy-on-write.

    Several threads may fault at one page at once. Each prepares the new entry without holding the
    space's spin lock, and installs it only if the old one is still there (`UserPages.replace`).
    """

    def __init__(
        self,
        entries: EntryFormat,
        pages: Pages,
        user_pages: UserPages,
        ranges: UserRanges,
        regions: Regions,
        locks: ReadWriteLocks,
        stacks: GrowingStacks,
    ) -> None:
        self.entries = entries
        self.pages = pages
        self.user_pages = user_pages
        self.ranges = ranges
        self.regions = regions
        self.locks = locks
        self.stacks = stacks

    @function(context="thread", sleeps=True)
    def resolve_fault(
        self, space: Keep[Ptr[AddressSpace]], address: Keep[UserAddress], wanted: Keep[U32]
    ) -> OrErrno[I32]:
        """Make the page at `address` accessible for what needs the right `wanted`, perhaps with
        `MISSING`.

        Returns 0; -EFAULT if no region allows it, -ENXIO if what backs the region ends before, or
        -ENOMEM.
        """
        and_(address, -PAGE)
        result = keep(self._resolve_in_region(space, address, wanted))
        with if_(result == -Errno.ENOENT):
            try_(self.stacks.grow(space, address))
            mov(result, self._resolve_in_region(space, address, wanted))
            with if_(result == -Errno.ENOENT):
                ret(-Errno.EFAULT)
        with if_(result == -Errno.EAGAIN):  # another thread was faster: the access is tried again
            xor(result, result)
        ret(result)

    @function(context="thread", sleeps=True)
    def _resolve_in_region(
        self, space: Keep[Ptr[AddressSpace]], page: Keep[UserAddress], wanted: Keep[U32]
    ) -> OrErrno[I32]:
        """Make `page` accessible. Returns what `_resolve` does; -EFAULT if its region does not
        allow it, -ENOENT if it is in none."""
        result = keep(I32)
        mov(result, -Errno.ENOENT)
        with self.locks.read_held(space.regions_lock):
            region = self.regions.find(space, page)
            with if_(region != 0):
                mov(result, -Errno.EFAULT)
                with if_(region.rights & wanted):
                    mov(result, self._resolve(space, page, region, wanted))
        ret(result)

    @function(context="thread", sleeps=True)
    def covers(self, space: Keep[Ptr[AddressSpace]], address: Keep[UserAddress]) -> Bool:
        """Return whether `address` is in a region, whatever that allows."""
        found = keep(U32)
        xor(found, found)
        with (
            self.locks.read_held(space.regions_lock),
            if_(self.regions.find(space, address) != 0),
        ):
            inc(found)
        ret(found != 0)

    @function
    def _resolve(
        self,
        space: Keep[Ptr[AddressSpace]],
        page: Keep[UserAddress],
        region: Keep[Ptr[Region]],
        wanted: Keep[U32],
    ) -> OrErrno[I32]:
        """Make an entry for `page` in `region` that allows what is `wanted`, and no more than the
        region does. Returns 0, -ENOMEM, -ENXIO or -EAGAIN."""
        entry, flags = keep(U64), local(U64)
        mov(flags, self.user_pages.flags_of(region.rights))
        with if_((wanted & MISSING) & (region.backing == 0)):
            result = self._add_zero_page(space, page, flags)
            with if_(result != -Errno.EAGAIN):
                ret(result)
        mov(entry, self.user_pages.find(space, page))
        with if_(entry == 0):
            with if_(region.backing == 0):
                tail(self._add_zero_page, space, page, flags)
            tail(self._add_backed_page, space, page, region, wanted)
        is_shared = region.flags & RegionFlags.SHARED
        with if_(~is_shared & (flags & PageFlags.WRITE)):
            # The count can't rise from 1 meanwhile: only `copy` shares, with `regions_lock` alone
            shared = scratch(entry)
            with if_(self.user_pages.page_frame(shared).uses.references.count != 1):
                with if_(wanted & Rights.WRITE):
                    tail(self._copy_page, space, page, flags, entry)
                and_(flags, ~int(PageFlags.WRITE))
        memory = scratch(entry)
        and_(memory, self.entries.address_mask)
        or_(flags, memory)
        tail(self._widen, space, page, entry, flags)

    @function
    def _widen(
        self, space: Ptr[AddressSpace], page: Keep[UserAddress], entry: U64, wider: U64
    ) -> OrErrno[I32]:
        """Replace `entry` for `page` by `wider`, which forbids less. Returns 0.

        No other processor is asked to flush: one that still has the old entry in its TLB faults
        once more, and comes here.
        """
        replaced = self.user_pages.replace(space, page, entry, wider)
        ignore(replaced, "where the entry has changed, the access faults again")
        invlpg(bare[page])
        ret(0)

    @function
    def _add_zero_page(
        self, space: Keep[Ptr[AddressSpace]], page: Keep[UserAddress], flags: Keep[U64]
    ) -> OrErrno[I32]:
        """Give `page`, which has no entry, memory full of zeros. Returns what `_install` does."""
        memory = keep(try_(self.pages.allocate_zeroed(), Errno.ENOMEM))
        tail(self._install, space, page, 0, memory, flags)

    @function(context="thread", sleeps=True)
    def _add_backed_page(
        self,
        space: Keep[Ptr[AddressSpace]],
        page: Keep[UserAddress],
        region: Keep[Ptr[Region]],
        wanted: U32,
    ) -> OrErrno[I32]:
        """Give `page`, which has no entry, its page of what backs `region`, or a copy if it is to
        be written to and not shared. Returns what `_install` does, or an error of the backing."""
        before, wanted = local(U64), keep(wanted)
        mov(before, self._removals(region))
        result = keep(self._install_backed_page(space, page, region, wanted))
        with if_(result == 0), if_(self._removals(region) != before):
            lea(rax, bare[page + PAGE])
            self.ranges.unmap(space, page, rax)  # it may have been removed: the access faults again
        ret(result)

    @inline(changes=CALLER_SAVED)
    def _removals(self, region: Ptr[Region]) -> U64:
        """Return how often pages were removed from what backs `region`."""
        backing = scratch(region.backing)
        asserts(backing != 0)  # the caller has tested it
        operations = scratch(backing.operations)
        return operations.removals(backing)

    @function(context="thread", sleeps=True)
    def _install_backed_page(
        self,
        space: Keep[Ptr[AddressSpace]],
        page: Keep[UserAddress],
        region: Keep[Ptr[Region]],
        wanted: U32,
    ) -> OrErrno[I32]:
        """Do what `_add_backed_page` does, though the page may be removed meanwhile."""
        private, memory = keep(U32), keep(U64)
        mov(private, wanted)
        and_(private, Rights.WRITE)
        with if_(region.flags & RegionFlags.SHARED):
            xor(private, private)
        result, found = self._page_of_backing(region, page)
        with if_(found == 0):
            ret(result)
        ignore(result, "there is a page")
        mov(memory, found)
        flags = self.user_pages.flags_of(region.rights)
        with if_(private != 0):
            tail(self._add_copy, space, page, memory, flags)
        with if_((region.flags & RegionFlags.SHARED) == 0):
            and_(flags, ~int(PageFlags.WRITE))  # the first write copies it
        or_(flags, memory)
        tail(self._insert, space, page, 0, flags)

    @inline(changes=CALLER_SAVED)
    def _page_of_backing(
        self, region: Ptr[Region], page: UserAddress
    ) -> tuple[OrErrno[I32], OrNull[PhysicalAddress]]:
        """Ask what backs `region` for the page that is at `page`."""
        number, backing = scratch(page), scratch(Ptr[Backing])
        sub(number, region.node.key)
        add(number, region.offset)
        shr(number, PageShift.PAGE)
        mov(backing, region.backing)
        asserts(backing != 0)  # the caller has tested it
        operations = scratch(backing.operations)
        return operations.get_page(backing, number)

    @function
    def _add_copy(
        self,
        space: Keep[Ptr[AddressSpace]],
        page: Keep[UserAddress],
        original: Keep[Owned[U64]],
        flags: Keep[U64],
    ) -> OrErrno[I32]:
        """Give `page`, which has no entry, a copy of the page at physical `original`, to which a
        reference is dropped. Returns what `_install` does."""
        memory = keep(self.pages.allocate_page())
        with if_(memory != 0):
            copy_page(memory, original)
        self.user_pages.drop(original)
        fail_if(memory == 0, Errno.ENOMEM)
        tail(self._install, space, page, 0, memory, flags)

    @function
    def _copy_page(
        self,
        space: Keep[Ptr[AddressSpace]],
        page: Keep[UserAddress],
        flags: Keep[U64],
        entry: Keep[U64],
    ) -> OrErrno[I32]:
        """Give `page` a copy of the memory of `entry`, which it shares. Returns what `_install`
        does."""
        memory = keep(try_(self.pages.allocate_page(), Errno.ENOMEM))
        original = scratch(entry)
        and_(original, self.entries.address_mask)
        copy_page(memory, original)
        try_(self._install(space, page, entry, memory, flags))
        # The reference goes after the flush, or others could get the page while TLBs still have it
        end = scratch(U64)
        lea(end, bare[page + PAGE])
        self.user_pages.flush(space, page, end)
        self.user_pages.drop(entry)
        ret(0)

    @function
    def _install(
        self,
        space: Ptr[AddressSpace],
        page: UserAddress,
        expected: U64,
        memory: Owned[PhysicalAddress],
        flags: U64,
    ) -> OrErrno[I32]:
        """Make the page at physical `memory` that of `page`, if its entry is still `expected`.

        Returns 0; or -ENOMEM if there is none for tables, or -EAGAIN if the entry has changed, and
        `memory` is freed.
        """
        physical = scratch(memory)
        frame_of(physical).uses.references.start()
        or_(flags, memory)
        disown(memory, "the entry leads to it")
        tail(self._insert, space, page, expected, flags)

    @function
    def _insert(
        self, space: Ptr[AddressSpace], page: UserAddress, expected: U64, entry: Keep[Owned[U64]]
    ) -> OrErrno[I32]:
        """Write `entry` for `page`, if its entry is still `expected`. Returns what `_install` does;
        where that is an error, the reference to the page of `entry` is dropped."""
        errdefer(self.user_pages.drop, entry)
        try_(self.user_pages.replace(space, page, expected, entry))
        disown(entry, "it is in the table")
        ret(0)
