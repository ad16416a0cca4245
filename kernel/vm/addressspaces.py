"""The address spaces of programs: creating, changing, using and destroying them."""

from __future__ import annotations

from kernel.cpu.interruptflag import interrupts_disabled
from kernel.cpu.pagetable import ENTRIES, PAGE
from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.errno import Errno
from kernel.mm.kernelspace import KernelSpace
from kernel.mm.pages import Pages
from kernel.mm.pagetables import PageTables
from kernel.mm.slabs import SlabCache, Slabs
from kernel.paging.addresses import (
    USER_END,
    USER_START,
    PhysicalAddress,
    UserAddress,
    above_user_end,
    direct,
)
from kernel.paging.space import Space
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Thread
from kernel.sync.biasedlock import BiasedLocks
from kernel.vm.addressspace import AddressSpace
from kernel.vm.gaps import Gaps
from kernel.vm.mappedregions import MappedRegions
from kernel.vm.region import LOCKS, Region, RegionFlags
from kernel.vm.regions import Regions
from kernel.vm.regionview import RegionView
from kernel.vm.rights import ALL_RIGHTS
from kernel.vm.userpages import UserPages
from kernel.vm.userranges import UserRanges
from pykasm import *

COPIED = (
    *("mapping_top", "stack_top", "stack_limit", "size_limit", "heap_start", "heap_end"),
    *("arguments", "environment", "environment_end", "auxiliary", "auxiliary_end"),
)
"""What a copy of a space has as it is."""


class AddressSpaces(LeakChecks):
    """Operations on `AddressSpace`, as Linux's fork, mmap, munmap and mprotect need them.

    Mapping allocates no memory but the region's record: `DemandPaging` finds pages when they are
    touched. A copy shares them until one of both writes. Without memory the result is null or
    -ENOMEM, and nothing has changed. Context: thread, without spin locks.
    """

    count = bss(U64)

    def __init__(
        self,
        kernel: KernelSpace,
        tables: PageTables,
        pages: Pages,
        user_pages: UserPages,
        ranges: UserRanges,
        regions: Regions,
        mapped: MappedRegions,
        gaps: Gaps,
        locks: BiasedLocks,
        scheduler: Scheduler,
        slabs: Slabs,
    ) -> None:
        self.kernel = kernel
        self.tables = tables
        self.pages = pages
        self.user_pages = user_pages
        self.ranges = ranges
        self.regions = regions
        self.mapped = mapped
        self.gaps = gaps
        self.locks = locks
        self.scheduler = scheduler
        self.spaces = SlabCache(slabs, "address space", AddressSpace)
        self.leak_checks = [leak_check("address spaces", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return the number of spaces."""
        ret(self.count)

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
        space = keep(try_(self.spaces.allocate_zeroed()))
        errdefer(self.spaces.free, space)
        root = keep(try_(self.pages.allocate_page()))
        mov(space.root, root)
        mov(space.size_limit, -1)
        self._fill_root(root)
        lock.inc(self.count)
        ret(space)

    @inline(changes=(rax, rcx, rsi, rdi))
    def _fill_root(self, root: PhysicalAddress) -> None:
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
        with self.locks.write_held(space.regions_lock):
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
        for name in COPIED:
            place = scratch(getattr(space, name))
            mov(getattr(other, name), place)
            release(place)
        copy_fields(other, space, "barriers", "small_pages")
        region = keep(self.regions.find_from(space, 0))
        with while_(region != 0):
            with if_((region.flags & RegionFlags.NO_COPY) == 0):
                try_(self._copy_region(space, other, region))
            mov(region, self.regions.next(region))
        ret(0)

    @function(context="thread", sleeps=True)
    def _copy_region(
        self,
        space: Keep[Ptr[AddressSpace]],
        other: Keep[Ptr[AddressSpace]],
        region: Keep[Ptr[Region]],
    ) -> OrErrno[I32]:
        """Add `region` of `space` to `other`, too. Returns 0; or -ENOMEM, with a part of it
        done."""
        made = scratch(try_(self.regions.allocate(other, region), Errno.ENOMEM))
        and_(made.flags, ~int(LOCKS))
        self.regions.insert(other, made)
        # Pages of shared memory are found again in its backing
        with if_(region.flags & (RegionFlags.SHARED | RegionFlags.EMPTY_COPY)):
            ret(0)
        tail(self.ranges.share, space, other, region.node.key, region.end)

    @function(context="thread", sleeps=True)
    def destroy(self, space: Keep[Owned[Ptr[AddressSpace]]]) -> None:
        """Free `space`, which no thread is in, with all of its memory."""
        region = keep(Ptr[Region])
        asserts(space.threads == 0)
        with loop():
            mov(region, self.regions.find_from(space, 0))
            break_if(region == 0)
            self.ranges.unmap(space, region.node.key, region.end)
            take_over(region, "the space had it")
            self.regions.remove(space, region)
        lock.dec(self.count)
        self.pages.free_page(space.root)
        self.spaces.free(space)

    # Changing regions

    @function
    def _checked_end(self, start: UserAddress, length: U64) -> UserAddress:
        """Return the end of `length` bytes from `start` on; 0 unless these are whole pages below
        `USER_END`."""
        end = scratch(start)
        mov(rax, start)
        or_(rax, length)  # both are checked for alignment at once
        add(end, length)
        with if_(CF | (rax & (PAGE - 1)) | (length == 0) | above_user_end(end)):
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
        fail_if(start < USER_START, Errno.EINVAL)
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
        result = keep(I32)
        fail_if(like.rights > ALL_RIGHTS, Errno.EINVAL)
        with self.locks.write_held(space.regions_lock):
            mov(result, -Errno.EEXIST)
            region, end = self.regions.find_from(space, like.node.key), scratch(like.end)
            with if_((region == 0) | (region.node.key >= end)):
                mov(result, self.mapped.add(space, like))
        ret(result)

    @function(context="thread", sleeps=True)
    def replace_region(
        self, space: Keep[Ptr[AddressSpace]], like: Keep[Ptr[Region]]
    ) -> OrErrno[I32]:
        """Add a region as `like`, as `map_region` does, instead of all that is there. Returns 0,
        -EINVAL or -ENOMEM."""
        result = keep(I32)
        fail_if(like.rights > ALL_RIGHTS, Errno.EINVAL)
        with self.locks.write_held(space.regions_lock):
            mov(result, self.mapped.replace(space, like))
        ret(result)

    @function(context="thread", sleeps=True)
    def place_region(
        self, space: Keep[Ptr[AddressSpace]], like: Keep[Ptr[Region]], limit: Keep[U64]
    ) -> OrErrno[I32]:
        """Add a region as `like` at its place if that is free, else where there is room below
        `limit` (0: anywhere), and note in `like` where that is. Returns 0, -EINVAL or -ENOMEM."""
        result = keep(I32)
        fail_if(like.rights > ALL_RIGHTS, Errno.EINVAL)
        with self.locks.write_held(space.regions_lock):
            mov(result, self._find_place(space, like, limit))
            with if_(result == 0):
                mov(result, self.mapped.add(space, like))
        ret(result)

    @function(context="thread")
    def _find_place(
        self, space: Keep[Ptr[AddressSpace]], like: Keep[Ptr[Region]], limit: U64
    ) -> OrErrno[I32]:
        """Set the bounds of `like`, which is as long as it is to be, to where it can be. Returns 0
        or -ENOMEM."""
        limit, place = keep(limit), keep(like.node.key)
        with if_((place == 0) | (lambda: ~self.gaps.is_free(space, place, like.end))):
            length = scratch(like.end)
            sub(length, place)
            mov(place, try_(self.gaps.find(space, length, limit), Errno.ENOMEM))
        mov(rax, place)
        sub(rax, like.node.key)
        add(like.end, rax)
        mov(like.node.key, place)
        with if_(like.backing == 0):
            mov(like.offset, place)
        ret(0)

    @function(context="thread", sleeps=True)
    def unmap(
        self, space: Keep[Ptr[AddressSpace]], start: Keep[UserAddress], length: U64
    ) -> OrErrno[I32]:
        """Remove regions and pages from `length` bytes from `start` on, of which not all need have
        some. Returns 0 or -EINVAL; or -ENOMEM if a region could not be split."""
        result, end = keep(I32), keep(try_(self._checked_end(start, length), Errno.EINVAL))
        with self.locks.write_held(space.regions_lock):
            mov(result, self.mapped.remove(space, start, end))
        ret(result)

    @function(context="thread", sleeps=True)
    def protect(
        self,
        space: Keep[Ptr[AddressSpace]],
        start: Keep[UserAddress],
        length: U64,
        rights: Keep[U32],
    ) -> OrErrno[I32]:
        """Give the memory of `length` bytes from `start` on these `rights`. Returns 0 or -EINVAL,
        or what `MappedRegions.protect` does."""
        result, end = keep(I32), keep(try_(self._checked_end(start, length), Errno.EINVAL))
        fail_if(rights & ~int(ALL_RIGHTS), Errno.EINVAL)
        with self.locks.write_held(space.regions_lock):
            mov(result, self.mapped.protect(space, start, end, rights))
        ret(result)

    @function(context="thread", sleeps=True)
    def look(
        self, space: Keep[Ptr[AddressSpace]], address: UserAddress, seen: Keep[Ptr[RegionView]]
    ) -> Bool:
        """Fill in `seen` with the first region that ends after `address`. Returns whether there is
        one."""
        address, found = keep(address), keep(U32)
        xor(found, found)
        with self.locks.read_held(space.regions_lock):
            region = keep(self.regions.find_from(space, address))
            with if_(region != 0):
                inc(found)
                mov(rax, region.node.key)
                mov(seen.start, rax)
                mov(rax, region.end)
                mov(seen.end, rax)
                copy_fields(seen, region, "rights", "flags")
                mov(seen.is_backed, 0)
                with if_(region.backing != 0):
                    inc(seen.is_backed)
                self.ranges.count(space, seen)
        ret(found != 0)

    @function(context="thread", sleeps=True)
    def stack_start(
        self, space: Keep[Ptr[AddressSpace]], address: Keep[UserAddress]
    ) -> UserAddress:
        """Return where the region starts that `address` is in, if it grows down, else 0."""
        start = keep(UserAddress)
        xor(u32(start), u32(start))
        with self.locks.read_held(space.regions_lock):
            region = self.regions.find(space, address)
            with if_(region != 0), if_(region.flags & RegionFlags.GROWS_DOWN):
                mov(start, region.node.key)
        ret(start)

    # Threads in spaces

    @function(context="thread", clobbers=())
    def current(self) -> OrNull[Ptr[AddressSpace]]:
        """Return the space that this thread is in, or null."""
        mov(rax, self.scheduler.current)
        thread = cast(rax, Ptr[Thread])
        ret(cast(thread.space, Ptr[AddressSpace]))

    @inline(changes=rax)
    def of_task(self) -> Ptr[AddressSpace]:
        """Return the space of the task that runs, in a register that calls keep."""
        space = keep(self.current())
        asserts(space != 0)  # a task has one
        return space

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
    def exchange(self, space: Keep[OrNull[Ptr[AddressSpace]]]) -> OrNull[Ptr[AddressSpace]]:
        """Make this thread use `space`, or none, instead of the one that it is in. Return that; the
        thread counts there until it is dropped."""
        before = keep(self.current())
        with if_(space != 0):
            lock.inc(space.threads)  # before any TLB has something of it; see `UserPages.flush`
        self._switch_to(space)
        ret(before)

    @function(context="thread", sleeps=True)
    def go_back(self, before: Ptr[AddressSpace]) -> None:
        """Undo `exchange`, which returned `before`."""
        space = keep(self.current())
        asserts(space != 0)
        self._switch_to(before)
        tail(self.drop, space)

    @function
    def gain(self, space: Ptr[AddressSpace]) -> None:
        """Count one thread more in `space`, which stays so until that is dropped."""
        lock.inc(space.threads)

    @function(context="thread", sleeps=True)
    def drop(self, space: Ptr[AddressSpace]) -> None:
        """Count one thread less in `space`; destroy it with the last one."""
        lock.dec(space.threads)
        asserts(~SF)
        with if_(ZF):
            take_over(space, "no thread is in it")
            tail(self.destroy, space)

    @function(context="thread")
    def _switch_to(self, space: OrNull[Ptr[AddressSpace]]) -> None:
        """Make this thread see the lower half of `space`, or nothing there if that is null."""
        with interrupts_disabled():  # `use` notes the space for the processor whose CR3 it loads
            thread = scratch(self.scheduler.current)
            mov(thread.space, cast(space, Ptr[Space]))
            mov(rax, space)
            self.scheduler.switch.use(rax)
