"""What makes pages of programs when they are touched."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE, PageFlags
from kernel.errno import Errno
from kernel.mm.frames import frame_of
from kernel.mm.pages import Pages
from kernel.paging.addresses import PhysicalAddress, UserAddress, direct
from kernel.paging.entryformat import EntryFormat
from kernel.sync.rwlock import ReadWriteLocks
from kernel.vm.addressspace import AddressSpace
from kernel.vm.regions import Regions
from kernel.vm.rights import Rights
from kernel.vm.userpages import UserPages
from pykasm import *


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
        regions: Regions,
        locks: ReadWriteLocks,
    ) -> None:
        self.entries = entries
        self.pages = pages
        self.user_pages = user_pages
        self.regions = regions
        self.locks = locks

    @function(context="thread", sleeps=True)
    def resolve_fault(
        self, space: Keep[Ptr[AddressSpace]], address: Keep[UserAddress], wanted: Keep[U32]
    ) -> OrErrno[I32]:
        """Make the page at `address` accessible for what needs the right `wanted`.

        Returns 0, -EFAULT if the region does not allow it, or -ENOMEM.
        """
        result = keep(I32)
        and_(address, -PAGE)
        self.locks.lock_read(address_of(space.regions_lock))
        mov(result, -Errno.EFAULT)
        region = self.regions.find(space, address)
        with if_(region != 0), if_(region.rights & wanted):
            flags = self.user_pages.flags_of(region.rights)
            mov(result, self._resolve(space, address, flags, wanted))
        self.locks.unlock_read(address_of(space.regions_lock))
        with if_(result == -Errno.EAGAIN):  # another thread was faster: the access is tried again
            xor(result, result)
        ret(result)

    @function
    def _resolve(
        self,
        space: Keep[Ptr[AddressSpace]],
        page: Keep[UserAddress],
        flags: Keep[U64],
        wanted: Keep[U32],
    ) -> OrErrno[I32]:
        """Make an entry for `page` that allows what is `wanted`, and no more than `flags`. Returns
        0, -ENOMEM or -EAGAIN, as `_install` does."""
        entry = keep(self.user_pages.find(space, page))
        with if_(entry == 0):
            tail(self._add_zero_page, space, page, flags)
        with if_(flags & PageFlags.WRITE):
            # The count can't rise from 1 meanwhile: only `clone` shares, with `regions_lock` alone
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
        mov(rdi, memory)
        direct(rdi)
        mov(rsi, entry)
        and_(rsi, self.entries.address_mask)
        direct(rsi)
        mov(ecx, PAGE // sizeof(U64))
        rep.movsq()
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
        memory: Keep[Owned[PhysicalAddress]],
        flags: U64,
    ) -> OrErrno[I32]:
        """Make the page at physical `memory` that of `page`, if its entry is still `expected`.

        Returns 0; or -ENOMEM if there is none for tables, or -EAGAIN if the entry has changed, and
        `memory` is freed.
        """
        errdefer(self.pages.free_page, memory)
        physical = scratch(memory)
        frame_of(physical).uses.references.start()
        or_(flags, memory)
        try_(self.user_pages.replace(space, page, expected, flags))
        disown(memory, "the entry leads to it")
        ret(0)
