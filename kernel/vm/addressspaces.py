"""The address spaces of programs: creating, changing, using and destroying them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.cpu.interruptflag import interrupts_disabled
from kernel.cpu.pagetable import ENTRIES, PAGE
from kernel.errno import Errno
from kernel.mm.kernelspace import KernelSpace
from kernel.mm.pages import Pages
from kernel.mm.pagetables import PageTables
from kernel.mm.slabs import SlabCache, Slabs
from kernel.paging.addresses import USER_END, USER_START, UserAddress, direct
from kernel.paging.space import Space
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Thread
from kernel.sync.rwlock import ReadWriteLocks
from kernel.vm.addressspace import AddressSpace
from kernel.vm.region import Region, RegionFlags
from kernel.vm.regions import Regions
from kernel.vm.rights import ALL_RIGHTS, Rights
from kernel.vm.userpages import UserPages
from kernel.vm.userranges import UserRanges
from pykasm import *


class AddressSpaces(Subsystem):
    """Operations on `AddressSpace`, as Linux's fork, mmap, munmap and mprotect need them.

    Mapping allocates no memory but the region's record: `DemandPaging` finds pages when they are
    touched. A copy shares them until one of both writes. Without memory the result is null or
    -ENOMEM, and nothing has changed. Context: thread, without spin locks.
    """

    def __init__(
        self,
        kernel: KernelSpace,
        tables: PageTables,
        pages: Pages,
        user_pages: UserPages,
        ranges: UserRanges,
        regions: Regions,
        locks: ReadWriteLocks,
        scheduler: Scheduler,
        slabs: Slabs,
    ) -> None:
        self.kernel = kernel
        self.tables = tables
        self.pages = pages
        self.user_pages = user_pages
        self.ranges = ranges
        self.regions = regions
        self.locks = locks
        self.scheduler = scheduler
        self.spaces = SlabCache(slabs, "address space", AddressSpace)

    @function(init=True)
    def start(self) -> None:
        """Fix what every space has of the kernel's half, and let threads leave spaces for the
        kernel's own. Comes before the first space is created."""
        self.tables.fix_kernel_half()
        mov(rax, self.kernel.space.root)
        mov(self.scheduler.switch.kernel_root, rax)

    # Creating and destroying

    @function
    def create(self) -> Owned[OrNull[Ptr[AddressSpace]]]:
        """Allocate a space without regions, or return null."""
        space = keep(try_(self.spaces.allocate()))
        errdefer(self.spaces.free, space)
        root = keep(try_(self.pages.allocate_page()))
        mov(rdi, space)
        xor(eax, eax)
        mov(ecx, sizeof(AddressSpace) // sizeof(U64))
        rep.stosq()
        mov(space.root, root)
        self._fill_root(root)
        ret(space)

    @inline(changes=(rax, rcx, rsi, rdi))
    def _fill_root(self, root: U64) -> None:
        """Make the page at physical `root` a top table with an empty lower half and the kernel's
        upper half."""
        mov(rdi, root)
        direct(rdi)
        xor(eax, eax)
        mov(ecx, ENTRIES // 2)
        rep.stosq()
        # A copy stays right: the kernel's top table gets no more entries (`fix_kernel_half`)
        mov(rsi, self.kernel.space.root)
        direct(rsi)
        add(rsi, PAGE // 2)
        mov(ecx, ENTRIES // 2)
        rep.movsq()

    @function(context="thread", sleeps=True)
    def copy(self, space: Keep[Ptr[AddressSpace]]) -> Owned[OrNull[Ptr[AddressSpace]]]:
        """Return a new space with the same regions, or null: what fork does. Both share private
        pages until one of them writes, and shared memory for good."""
        result, made = keep(I32), keep(try_(self.create()))
        errdefer(self.destroy, made)
        with self._regions_write_locked(space):
            mov(result, self._copy_regions(space, made))
            # Also after a failure: entries of `space` may have lost the right to write
            self.user_pages.flush(space, USER_START, USER_END)
        fail_if(result != 0)
        ret(made)

    @function(context="thread", sleeps=True)
    def _copy_regions(
        self, space: Keep[Ptr[AddressSpace]], other: Keep[Ptr[AddressSpace]]
    ) -> OrErrno[I32]:
        """Add the regions of `space` to `other`, which nobody uses yet, and share their pages.
        Returns 0; or -ENOMEM, with a part of it done."""
        region = keep(self.regions.find_from(space, 0))
        with while_(region != 0):
            try_(self.regions.add(other, region))
            # Pages of shared memory are found again in its backing
            with if_((region.flags & RegionFlags.SHARED) == 0):
                try_(self.ranges.share(space, other, region.node.key, region.end))
            mov(region, self.regions.next(region))
        ret(0)

    @function(context="thread", sleeps=True)
    def destroy(self, space: Keep[Owned[Ptr[AddressSpace]]]) -> None:
        """Free `space`, which no thread is in, with all of its memory."""
        region = keep(Ptr[Region])
        asserts(space.threads == 0)
        with loop():
            mov(region, self.regions.find_from(space, 0))
            break_if(region == 0)
            self.ranges.unmap(space, region.node.key, region.end)
            self.regions.remove(space, region)
        self.pages.free_page(space.root)
        self.spaces.free(space)

    # Changing regions

    @inline(changes=CALLER_SAVED)
    @contextmanager
    def _regions_write_locked(self, space: Ptr[AddressSpace]) -> Iterator[None]:
        """Hold `regions_lock` for writing in the block, which ends at its end only."""
        self.locks.lock_write(address_of(space.regions_lock))
        yield
        self.locks.unlock_write(address_of(space.regions_lock))

    @function
    def _checked_end(self, start: UserAddress, length: U64) -> UserAddress:
        """Return the end of `length` bytes from `start` on; 0 unless these are whole pages that
        programs may have."""
        end, limit = scratch(start), scratch(U64)
        mov(rax, start)
        or_(rax, length)  # both are checked for alignment at once
        add(end, length)
        mov(limit, USER_END)
        with if_(CF | (rax & (PAGE - 1)) | (length == 0) | (start < USER_START) | (end > limit)):
            ret(0)
        ret(end)

    @function(context="thread", sleeps=True)
    def map(
        self,
        space: Keep[Ptr[AddressSpace]],
        start: Keep[UserAddress],
        length: U64,
        rights: Keep[U32],
    ) -> OrErrno[I32]:
        """Add a region of anonymous memory, of `length` bytes from `start` on, with `rights`.
        Returns 0, -EINVAL or -ENOMEM; or -EEXIST if there is a region in some of it."""
        region = local(Region)
        end = keep(try_(self._checked_end(start, length), Errno.EINVAL))
        mov(region.node.key, start)
        mov(region.offset, start)
        mov(region.end, end)
        mov(region.rights, rights)
        mov(region.flags, 0)
        mov(region.backing, 0)
        result = self.map_region(space, address_of(region))
        ret(result)

    @function(context="thread", sleeps=True)
    def map_region(self, space: Keep[Ptr[AddressSpace]], like: Keep[Ptr[Region]]) -> OrErrno[I32]:
        """Add a region as `like`, whose bounds are those of pages that programs may have. Returns
        what `map` does."""
        result, rights = keep(I32), scratch(U32)
        mov(rights, like.rights)
        fail_if(rights & ~int(ALL_RIGHTS), Errno.EINVAL)
        self._add_implied(rights)
        mov(like.rights, rights)
        with self._regions_write_locked(space):
            mov(result, -Errno.EEXIST)
            region, end = self.regions.find_from(space, like.node.key), scratch(like.end)
            with if_((region == 0) | (region.node.key >= end)):
                mov(result, self.regions.add(space, like))
                self.regions.merge(space, like.node.key)
                self.regions.merge(space, like.end)
        ret(result)

    @inline(changes="rights")
    def _add_implied(self, rights: U32) -> None:
        """Add READ to any other rights: page tables can't grant those without it."""
        with if_(rights != 0):
            or_(rights, Rights.READ)

    @function(context="thread", sleeps=True)
    def unmap(
        self, space: Keep[Ptr[AddressSpace]], start: Keep[UserAddress], length: U64
    ) -> OrErrno[I32]:
        """Remove regions and pages from `length` bytes from `start` on, of which not all need have
        some. Returns 0 or -EINVAL; or -ENOMEM if a region could not be split."""
        result, end = keep(I32), keep(try_(self._checked_end(start, length), Errno.EINVAL))
        with self._regions_write_locked(space):
            mov(result, self.regions.split_at_bounds(space, start, end))
            with if_(result == 0):
                self.regions.remove_all(space, start, end)
                self.ranges.unmap(space, start, end)
        ret(result)

    @function(context="thread", sleeps=True)
    def protect(
        self,
        space: Keep[Ptr[AddressSpace]],
        start: Keep[UserAddress],
        length: U64,
        rights: Keep[U32],
    ) -> OrErrno[I32]:
        """Give the memory of `length` bytes from `start` on these `rights`. Returns 0 or -EINVAL;
        or -ENOMEM if some of it has no region, or if a region could not be split."""
        result, end = keep(I32), keep(try_(self._checked_end(start, length), Errno.EINVAL))
        fail_if(rights & ~int(ALL_RIGHTS), Errno.EINVAL)
        self._add_implied(rights)
        with self._regions_write_locked(space):
            mov(result, self._split_if_covered(space, start, end))
            with if_(result == 0):
                self.regions.set_rights(space, start, end, rights)
                self.ranges.protect(space, start, end, self.user_pages.flags_of(rights))
        ret(result)

    @function(context="thread", sleeps=True)
    def _split_if_covered(
        self, space: Keep[Ptr[AddressSpace]], start: Keep[UserAddress], end: Keep[UserAddress]
    ) -> OrErrno[I32]:
        """Split regions at `start` and `end`. Returns 0; or -ENOMEM if a region lacks between them
        (as Linux's mprotect says it), or for want of memory."""
        fail_if(~self.regions.is_covered(space, start, end), Errno.ENOMEM)
        tail(self.regions.split_at_bounds, space, start, end)

    # Threads in spaces

    @function(context="thread")
    def current(self) -> OrNull[Ptr[AddressSpace]]:
        """Return the space that this thread is in, or null."""
        thread = scratch(self.scheduler.current)
        ret(cast(thread.space, Ptr[AddressSpace]))

    @function
    def admit(self, space: Ptr[AddressSpace], thread: Ptr[Thread]) -> None:
        """Make `thread`, which has never run, use `space` from its start on."""
        lock.inc(space.threads)  # before any TLB may have something of it; see `UserPages.flush`
        mov(thread.space, cast(space, Ptr[Space]))

    @function(context="thread")
    def enter(self, space: Ptr[AddressSpace]) -> None:
        """Make this thread, which is in no space, use `space`. It must leave before it ends."""
        lock.inc(space.threads)  # before any TLB may have something of it; see `UserPages.flush`
        tail(self._switch_to, space)

    @function(context="thread")
    def leave(self) -> Bool:
        """Make this thread use no space. Return whether it was the last in the one that it was
        in."""
        space = keep(self.current())
        asserts(space != 0)  # else it is in none
        self._switch_to(0)
        lock.dec(space.threads)
        asserts(~SF)
        ret(ZF)

    @function(context="thread")
    def _switch_to(self, space: Ptr[AddressSpace]) -> None:
        """Make this thread see the lower half of `space`, or nothing there if that is null."""
        with interrupts_disabled():  # `use` notes the space for the processor whose CR3 it loads
            thread = scratch(self.scheduler.current)
            mov(thread.space, cast(space, Ptr[Space]))
            mov(rax, space)
            self.scheduler.switch.use(rax)
