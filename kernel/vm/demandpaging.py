"""What makes pages of programs when they are touched."""

from __future__ import annotations

from kernel.cpu.pagetable import ENTRIES, PAGE, PageFlags, PageShift
from kernel.errno import Errno
from kernel.mm.frames import frame_of
from kernel.mm.pages import Pages
from kernel.mm.tablewalker import TableWalk
from kernel.paging.addresses import PhysicalAddress, UserAddress, copy_page
from kernel.paging.entryformat import EntryFormat
from kernel.paging.level import PageLevel
from kernel.sched.scheduler import Scheduler
from kernel.sync.biasedlock import BiasedLocks
from kernel.vm.addressspace import AddressSpace
from kernel.vm.fault import Fault
from kernel.vm.growingstacks import GrowingStacks
from kernel.vm.region import Region, RegionFlags
from kernel.vm.regions import Regions
from kernel.vm.rights import Rights
from kernel.vm.userpages import UserPages
from pykasm import *

NEEDS_LOCK = -Errno.EBUSY
"""What of a page fault can't be done quickly: somebody changes the regions, or a page has to be
fetched first."""


class DemandPaging(Subsystem):
    """Resolves page faults in address spaces: demand-zero pages and copy-on-write.

    Several threads may fault at one page at once. Each prepares the new entry, and installs it only
    if the old one is still there. What does not sleep is done while `regions_lock` is read quickly,
    so that threads of one space on several processors wait for nothing of each other; whatever is
    left is done with that held for reading as others do.
    """

    quick_count = percpu(U64)
    """Page faults that this processor resolved quickly."""
    locked_count = percpu(U64)
    """Those that it had to hold `regions_lock` for."""

    def __init__(
        self,
        entries: EntryFormat,
        pages: Pages,
        user_pages: UserPages,
        regions: Regions,
        locks: BiasedLocks,
        scheduler: Scheduler,
        stacks: GrowingStacks,
    ) -> None:
        self.entries = entries
        self.pages = pages
        self.user_pages = user_pages
        self.regions = regions
        self.locks = locks
        self.scheduler = scheduler
        self.stacks = stacks

    @function(context="thread", sleeps=True)
    def resolve_fault(
        self, space: Ptr[AddressSpace], address: UserAddress, wanted: U32
    ) -> OrErrno[I32]:
        """Make the page at `address` accessible for what needs the right `wanted`.

        Returns 0; -EFAULT if no region allows it, -ENXIO if what backs the region ends before, or
        -ENOMEM.
        """
        fault = local(Fault)
        mov(fault.space, space)
        and_(address, -PAGE)
        mov(fault.page, address)
        mov(fault.wanted, wanted)
        mov(fault.replaced, 0)
        mov(fault.is_small, 0)
        result = keep(self._resolve_quickly(address_of(fault)))
        with if_(result == NEEDS_LOCK):
            mov(result, self._resolve_locked(address_of(fault)))
        with if_(result == -Errno.ENOENT):
            try_(self.stacks.grow(fault.space, fault.page))
            mov(result, self._resolve_locked(address_of(fault)))
            with if_(result == -Errno.ENOENT):
                ret(-Errno.EFAULT)
        with if_(fault.replaced != 0):
            self._drop_replaced(address_of(fault))
        with if_(result == -Errno.EAGAIN):  # another thread was faster: the access is tried again
            xor(result, result)
        ret(result)

    @function(context="thread", sleeps=True)
    def _drop_replaced(self, fault: Keep[Ptr[Fault]]) -> None:
        """Drop the reference of the entry that was replaced."""
        # After the flush, or others could get the page while TLBs still have it
        start, end = scratch(fault.page), scratch(fault.page)
        add(end, PAGE)
        self.user_pages.flush(fault.space, start, end)
        entry = scratch(fault.replaced)
        take_over(entry, "it was in the table")
        self.user_pages.drop(entry)

    @function(context="thread")
    def _resolve_quickly(self, fault: Keep[Ptr[Fault]]) -> OrErrno[I32]:
        """Resolve `fault` if that needs no lock. Returns what `_resolve_in_region` does, or
        `NEEDS_LOCK`."""
        result, space = keep(I32), keep(fault.space)
        mov(result, NEEDS_LOCK)
        with (
            self.scheduler.preemption_disabled(),
            if_(self.locks.try_read(address_of(space.regions_lock))),
        ):
            mov(result, self._resolve_in_region(fault))
            self.locks.end_reading(address_of(space.regions_lock))
        with if_(result != NEEDS_LOCK):
            inc(self.quick_count)
        ret(result)

    @function(context="thread", sleeps=True)
    def _resolve_locked(self, fault: Keep[Ptr[Fault]]) -> OrErrno[I32]:
        """Resolve `fault`, waiting for who changes the regions and for pages that have to be
        fetched. Returns what `_resolve_in_region` does."""
        result, space = keep(I32), keep(fault.space)
        inc(self.locked_count)
        with self.locks.read_held(space.regions_lock), loop():
            mov(result, self._resolve_in_region(fault))
            break_if(result != NEEDS_LOCK)
            mov(result, self._prepare(fault))
            break_if(result != 0)
        ret(result)

    @function(context="thread")
    def _resolve_in_region(self, fault: Keep[Ptr[Fault]]) -> OrErrno[I32]:
        """Resolve `fault`, without sleeping. Returns what `_resolve` does; -EFAULT if its region
        does not allow it, -ENOENT if it is in none."""
        region = scratch(try_(self.regions.find(fault.space, fault.page), Errno.ENOENT))
        mov(eax, region.rights)
        with if_(eax != 0):
            or_(eax, Rights.READ)  # page tables can't grant the others without it
        fail_if((fault.wanted & eax) == 0, Errno.EFAULT)
        mov(fault.flags, self.user_pages.flags_of(region.rights))
        tail(self._resolve, fault, region)

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

    @function(context="thread")
    def _resolve(self, fault: Keep[Ptr[Fault]], region: Keep[Ptr[Region]]) -> OrErrno[I32]:
        """Make an entry for the page in `region` that allows what is wanted, and no more than the
        region does. Returns 0, -ENOMEM, -EAGAIN, or `NEEDS_LOCK` for a page that has to be
        fetched."""
        walk, space = local(TableWalk), scratch(fault.space)
        slot, level = self.user_pages.look(space, fault.page, walk)
        slot = keep(slot)
        with if_(level != PageLevel.PAGE):
            with if_(slot[0] == 0), if_(self._wants_large(fault, region)):
                ret(NEEDS_LOCK)
            # Another thread's fault may have been faster with a table, or with a large page
            mov(slot, try_(self._add_tables(fault), Errno.ENOMEM))
            with if_(slot[0] & PageFlags.LARGE):
                tail(self._resolve_large, fault, slot)
        entry, flags = keep(slot[0]), scratch(U64)
        with if_(entry == 0):
            with if_(region.backing == 0):
                tail(self._add_zero_page, fault, slot)
            tail(self._add_backed_page, fault, slot, region)
        is_shared = region.flags & RegionFlags.SHARED
        mov(flags, fault.flags)
        with if_(~is_shared & (flags & PageFlags.WRITE)):
            # The count can't rise from 1 meanwhile: only `copy` shares, with `regions_lock` alone
            shared = scratch(entry)
            with if_(self.user_pages.page_frame(shared).uses.references.count != 1):
                with if_(fault.wanted & Rights.WRITE):
                    tail(self._copy_page, fault, slot, entry)
                and_(flags, ~int(PageFlags.WRITE))
        memory = scratch(entry)
        and_(memory, self.entries.address_mask)
        or_(flags, memory)
        self._widen(slot, entry, flags)
        page = scratch(fault.page)
        invlpg(bare[page])
        ret(0)

    @inline(changes=CALLER_SAVED)
    def _add_tables(self, fault: Ptr[Fault]) -> OrNull[Ptr[U64]]:
        """Return the place of the entry for the page, or its large page, with tables allocated."""
        return self.user_pages.slot(fault.space, fault.page, PageLevel.PAGE)

    @inline(changes=rax)
    def _widen(self, slot: Ptr[U64], entry: U64, wider: U64) -> None:
        """Replace `entry` at `slot` by `wider`, which forbids less; where it has changed, the
        access faults again.

        No other processor is asked to flush: one that still has the old entry in its TLB faults
        once more, and comes here.
        """
        mov(rax, entry)
        lock.cmpxchg(slot[0], wider)

    @function(context="thread")
    def _add_zero_page(self, fault: Keep[Ptr[Fault]], slot: Keep[Ptr[U64]]) -> OrErrno[I32]:
        """Give the page, which has no entry, memory full of zeros. Returns what `_install` does."""
        memory = scratch(try_(self.pages.allocate_zeroed(), Errno.ENOMEM))
        tail(self._install, fault, slot, 0, memory)

    # Large pages

    @function
    def _wants_large(self, fault: Ptr[Fault], region: Ptr[Region]) -> Bool:
        """Return whether a large page is to be tried for the page, which has no table."""
        space = scratch(fault.space)
        with if_((region.backing != 0) | (fault.is_small != 0) | (space.small_pages != 0)):
            ret(False)
        ret(self.user_pages.large.fits(region, u64(fault.page)))

    @function(context="thread")
    def _resolve_large(self, fault: Ptr[Fault], slot: Ptr[U64]) -> OrErrno[I32]:
        """Give the large page at `slot` the rights of the region. Returns 0."""
        entry, wider = scratch(slot[0]), scratch(slot[0])
        and_(wider, self.entries.address_mask)
        or_(wider, PageFlags.LARGE)
        or_(wider, fault.flags)
        with if_(entry != 0):
            self._widen(slot, entry, wider)
        page = scratch(fault.page)
        invlpg(bare[page])
        ret(0)

    @function(context="thread", sleeps=True)
    def _prepare(self, fault: Keep[Ptr[Fault]]) -> OrErrno[I32]:
        """Have what the page needs in memory: the page of what backs its region, or a large page.
        Returns 0, or an error of the backing."""
        region = scratch(try_(self.regions.find(fault.space, fault.page), Errno.ENOENT))
        with if_(region.backing != 0):
            tail(self._fetch_page, fault, region)
        mov(fault.is_small, 1)  # without a large page, a small one will do
        mov(eax, region.flags)
        and_(eax, RegionFlags.LARGE_PAGES)
        self._add_large_page(fault, eax)
        ret(0)

    @function(context="thread", sleeps=True)
    def _add_large_page(self, fault: Keep[Ptr[Fault]], asked: U32) -> None:
        """Give the page a large one around it, full of zeros, if there is one and nothing is
        there yet."""
        entry = keep(self.user_pages.large.allocate(asked))
        with if_(entry == 0):
            ret()
        or_(entry, PageFlags.LARGE)
        or_(entry, fault.flags)
        slot = scratch(self.user_pages.slot(fault.space, fault.page, PageLevel.LARGE))
        with if_(slot != 0):
            xor(eax, eax)
            lock.cmpxchg(slot[0], entry)
            with if_(ZF):
                disown(entry, "it is in the table")
                lock.inc(self.user_pages.table_frame(slot).uses.entries)
                mov(rax, fault.space)
                lock.add(cast(rax, Ptr[AddressSpace]).resident, ENTRIES)
                ret()
        self.user_pages.drop(entry)

    # Pages of what backs a region

    @function(context="thread")
    def _add_backed_page(
        self, fault: Keep[Ptr[Fault]], slot: Keep[Ptr[U64]], region: Keep[Ptr[Region]]
    ) -> OrErrno[I32]:
        """Give the page, which has no entry, its page of what backs `region`, or a copy if it is to
        be written to and not shared. Returns what `_install` does, or `NEEDS_LOCK` if that has to
        be fetched."""
        before = local(U64)
        mov(before, self._removals(region))
        result = keep(self._install_backed_page(fault, slot, region))
        with if_(result == 0), if_(self._removals(region) != before):
            self._take_out(fault, slot)  # it may have been removed: the access faults again
        ret(result)

    @inline(changes=CALLER_SAVED)
    def _removals(self, region: Ptr[Region]) -> U64:
        """Return how often pages were removed from what backs `region`."""
        backing = scratch(region.backing)
        asserts(backing != 0)  # the caller has tested it
        operations = scratch(backing.operations)
        return operations.removals(backing)

    @inline(changes=(rax, rcx, rdx))
    def _take_out(self, fault: Ptr[Fault], slot: Ptr[U64]) -> None:
        """Take the entry at `slot` out, if there is one."""
        xor(ecx, ecx)
        xchg(slot[0], rcx)
        with if_(rcx != 0):
            mov(fault.replaced, rcx)
            lock.dec(self.user_pages.table_frame(slot).uses.entries)
            mov(rdx, fault.space)
            lock.dec(cast(rdx, Ptr[AddressSpace]).resident)

    @function(context="thread")
    def _install_backed_page(
        self, fault: Keep[Ptr[Fault]], slot: Keep[Ptr[U64]], region: Keep[Ptr[Region]]
    ) -> OrErrno[I32]:
        """Do what `_add_backed_page` does, though the page may be removed meanwhile."""
        memory = keep(self._find_page(region, fault))
        with if_(memory == 0):
            ret(NEEDS_LOCK)
        with if_((region.flags & RegionFlags.SHARED) == 0):
            with if_(fault.wanted & Rights.WRITE):
                tail(self._add_copy, fault, slot, memory)
            and_(fault.flags, ~int(PageFlags.WRITE))  # the first write copies it
        or_(memory, fault.flags)
        tail(self._insert, fault, slot, 0, memory)

    @inline
    def _number(self, region: Ptr[Region], fault: Ptr[Fault]) -> U64:
        """Return the number of the page in what backs `region`, in a scratch register."""
        number = scratch(u64(fault.page))
        sub(number, region.node.key)
        add(number, region.offset)
        shr(number, PageShift.PAGE)
        return number

    @inline(changes=CALLER_SAVED)
    def _find_page(self, region: Ptr[Region], fault: Ptr[Fault]) -> OrNull[PhysicalAddress]:
        """Ask what backs `region` for a reference to the page, if it is in memory."""
        number, backing = self._number(region, fault), scratch(region.backing)
        asserts(backing != 0)  # the caller has tested it
        operations = scratch(backing.operations)
        return operations.find_page(backing, number)

    @function(context="thread", sleeps=True)
    def _fetch_page(self, fault: Ptr[Fault], region: Ptr[Region]) -> OrErrno[I32]:
        """Have the page of what backs `region` in memory. Returns 0, or an error of the backing."""
        number, backing = self._number(region, fault), scratch(region.backing)
        asserts(backing != 0)  # the caller has tested it
        operations = scratch(backing.operations)
        result, found = operations.get_page(backing, number)
        with if_(found == 0):
            ret(result)
        ignore(result, "there is a page")
        self.user_pages.drop(found)
        ret(0)

    @function(context="thread")
    def _add_copy(
        self, fault: Keep[Ptr[Fault]], slot: Keep[Ptr[U64]], original: Keep[Owned[U64]]
    ) -> OrErrno[I32]:
        """Give the page, which has no entry, a copy of the page at physical `original`, to which a
        reference is dropped. Returns what `_install` does."""
        memory = keep(self.pages.allocate_page())
        with if_(memory != 0):
            copy_page(memory, original)
        self.user_pages.drop(original)
        fail_if(memory == 0, Errno.ENOMEM)
        tail(self._install, fault, slot, 0, memory)

    # Installing entries

    @function(context="thread")
    def _copy_page(
        self, fault: Keep[Ptr[Fault]], slot: Keep[Ptr[U64]], entry: Keep[U64]
    ) -> OrErrno[I32]:
        """Give the page a copy of the memory of `entry`, which it shares. Returns what `_install`
        does."""
        memory = keep(try_(self.pages.allocate_page(), Errno.ENOMEM))
        original = scratch(entry)
        and_(original, self.entries.address_mask)
        copy_page(memory, original)
        try_(self._install(fault, slot, entry, memory))
        mov(fault.replaced, entry)
        ret(0)

    @function(context="thread")
    def _install(
        self,
        fault: Ptr[Fault],
        slot: Ptr[U64],
        expected: U64,
        memory: Owned[PhysicalAddress],
    ) -> OrErrno[I32]:
        """Make the page at physical `memory` that of `slot`, if there still is `expected`.

        Returns 0; or -EAGAIN if the entry has changed, and `memory` is freed.
        """
        physical = scratch(memory)
        frame_of(physical).uses.references.start()
        or_(memory, fault.flags)
        tail(self._insert, fault, slot, expected, memory)

    @function(context="thread")
    def _insert(
        self, fault: Ptr[Fault], slot: Ptr[U64], expected: U64, entry: Owned[U64]
    ) -> OrErrno[I32]:
        """Write `entry` to `slot`, if there still is `expected`. Returns what `_install` does;
        after an error, the reference to the page of `entry` is dropped."""
        mov(rax, expected)
        lock.cmpxchg(slot[0], entry)
        with if_(~ZF):
            self.user_pages.drop(entry)
            ret(-Errno.EAGAIN)
        disown(entry, "it is in the table")
        with if_(expected == 0):  # the table has an entry more
            lock.inc(self.user_pages.table_frame(slot).uses.entries)
            mov(rax, fault.space)
            lock.inc(cast(rax, Ptr[AddressSpace]).resident)
        ret(0)
