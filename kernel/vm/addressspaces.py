"""The address spaces of programs: their making, their changes, their faults, their end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.cpu.interruptflag import interrupts_disabled
from kernel.cpu.pagetable import ENTRIES, PAGE, PageFlags
from kernel.errno import Errno
from kernel.mm.caches import SlabCache, Slabs
from kernel.mm.frames import frame_of
from kernel.mm.kernelspace import KernelSpace
from kernel.mm.pages import Pages
from kernel.mm.pagetables import PageTables
from kernel.paging.addresses import USER_END, USER_START, direct
from kernel.paging.entryformat import EntryFormat
from kernel.paging.space import Space
from kernel.sched.scheduler import Scheduler
from kernel.sync.rwlock import ReadWriteLocks
from kernel.vm.addressspace import AddressSpace
from kernel.vm.region import Region
from kernel.vm.regions import Regions
from kernel.vm.rights import ALL_RIGHTS, Rights, entry_flags
from kernel.vm.userpages import UserPages
from pykasm import *


class AddressSpaces(Subsystem):
    """Operations on `AddressSpace`. Context: thread, without spin locks.

    Memory is found page by page when it is first touched, full of zeros. A clone has the same
    memory until one of both writes to a page: the writer gets a copy. Without memory the result is
    null or -ENOMEM; then nothing has changed, but for pages of `resolve` that do no harm.
    """

    flags = rodata(U64 * (ALL_RIGHTS + 1), [entry_flags(one) for one in range(ALL_RIGHTS + 1)])
    """Of an entry, by `Rights`."""

    def __init__(
        self,
        entries: EntryFormat,
        kernel: KernelSpace,
        tables: PageTables,
        pages: Pages,
        user_pages: UserPages,
        regions: Regions,
        locks: ReadWriteLocks,
        scheduler: Scheduler,
        slabs: Slabs,
    ) -> None:
        self.entries = entries
        self.kernel = kernel
        self.tables = tables
        self.pages = pages
        self.user_pages = user_pages
        self.regions = regions
        self.locks = locks
        self.scheduler = scheduler
        self.records = SlabCache(slabs, "address space", AddressSpace)

    @function(init=True)
    def start(self) -> None:
        """Let threads leave spaces again, and see all that is the kernel's in every one. Comes
        before the first one is made."""
        self.tables.fix_kernel_half()
        mov(rax, self.kernel.space.root)
        mov(self.scheduler.switch.kernel_root, rax)

    # Making and ending

    @function
    def create(self) -> Ptr[AddressSpace]:
        """A space without regions, or null."""
        space, root = keep(Ptr[AddressSpace]), keep(U64)
        mov(space, self.records.allocate())
        with if_(space == 0):
            ret(0)
        mov(root, self.pages.allocate_page())
        with if_(root == 0):
            self.records.free(space)
            ret(0)
        mov(rdi, space)
        xor(eax, eax)
        mov(ecx, sizeof(AddressSpace) // sizeof(U64))
        rep.stosq()
        mov(space.root, root)
        self._fill_root(root)
        ret(space)

    def _fill_root(self, root: U64) -> None:
        """Make the page at physical `root` a top table with the kernel's half, which never changes.
        Changes rax, rcx, rsi and rdi."""
        mov(rdi, root)
        direct(rdi)
        xor(eax, eax)
        mov(ecx, ENTRIES // 2)
        rep.stosq()
        mov(rsi, self.kernel.space.root)
        direct(rsi)
        add(rsi, PAGE // 2)
        mov(ecx, ENTRIES // 2)
        rep.movsq()

    @function(context="thread", sleeps=True)
    def clone(self, space: Ptr[AddressSpace]) -> Ptr[AddressSpace]:
        """A space with the same contents, or null."""
        space, made, result = keep(space), keep(Ptr[AddressSpace]), keep(I32)
        mov(made, self.create())
        with if_(made == 0):
            ret(0)
        with self._changing(space):
            mov(result, self.copy_regions(space, made))
            mov(rsi, USER_START)
            mov(rdx, USER_END)
            self.user_pages.flush(space, rsi, rdx)  # that they could write
        with if_(result != 0):
            self.destroy(made)
            ret(0)
        ret(made)

    @function
    def copy_regions(self, space: Ptr[AddressSpace], other: Ptr[AddressSpace]) -> I32:
        """Let `other`, which nobody uses yet, have the regions and pages of `space`. 0; or -ENOMEM,
        with a part of it done."""
        space, other, region, result = keep(space), keep(other), keep(Ptr[Region]), keep(I32)
        xor(result, result)
        mov(region, self.regions.after(space, 0))
        with while_((region != 0) & (result == 0)):
            rights = scratch(region.rights)
            mov(result, self.regions.add(other, region.place.key, region.end, rights))
            with if_(result == 0):
                mov(result, self.user_pages.share(space, other, region.place.key, region.end))
            mov(region, self.regions.next(region))
        ret(result)

    @function
    def destroy(self, space: Ptr[AddressSpace]) -> None:
        """End `space`, which no thread is in, and give all of its memory back."""
        space, region = keep(space), keep(Ptr[Region])
        asserts(space.threads == 0)
        with loop():
            mov(region, self.regions.after(space, 0))
            break_if(region == 0)
            self.user_pages.drop(space, region.place.key, region.end)
            self.regions.remove(space, region)
        self.pages.free_page(space.root)
        self.records.free(space)

    # Regions

    @contextmanager
    def _changing(self, space: Ptr[AddressSpace]) -> Iterator[None]:
        """Keep all others out of the regions in the block, which ends at its end only."""
        lea(rdi, space.changes)
        self.locks.lock_to_write(rdi)
        yield
        lea(rdi, space.changes)
        self.locks.unlock_write(rdi)

    @function
    def end_of(self, start: U64, length: U64) -> U64:
        """The end of `length` bytes from `start` on; 0 unless these are pages that programs may
        have."""
        end, limit = scratch(start), scratch(U64)
        mov(rax, start)
        or_(rax, length)
        add(end, length)
        mov(limit, USER_END)
        with if_(CF | (rax & (PAGE - 1)) | (length == 0) | (start < USER_START) | (end > limit)):
            ret(0)
        ret(end)

    @function(context="thread", sleeps=True)
    def map(self, space: Ptr[AddressSpace], start: U64, length: U64, rights: U32) -> I32:
        """Let there be memory from `start` on. 0, -EINVAL, -ENOMEM; -EEXIST if there is some."""
        space, start, end = keep(space), keep(start), keep(U64)
        rights, result = keep(rights), keep(I32)
        mov(end, self.end_of(start, length))
        with if_((end == 0) | (rights & ~int(ALL_RIGHTS))):
            ret(-Errno.EINVAL)
        self._complete(rights)
        with self._changing(space):
            mov(result, -Errno.EEXIST)
            region = self.regions.after(space, start)
            with if_((region == 0) | (region.place.key >= end)):
                mov(result, self.regions.add(space, start, end, rights))
                self.regions.join(space, start)
                self.regions.join(space, end)
        ret(result)

    def _complete(self, rights: U32) -> None:
        """Add what the processor can't keep from who has other rights."""
        with if_(rights != 0):
            or_(rights, Rights.READ)

    @function(context="thread", sleeps=True)
    def unmap(self, space: Ptr[AddressSpace], start: U64, length: U64) -> I32:
        """Let there be no memory from `start` on, where not all need have some. 0, -EINVAL;
        -ENOMEM if a region could not be cut."""
        space, start, end, result = keep(space), keep(start), keep(U64), keep(I32)
        mov(end, self.end_of(start, length))
        with if_(end == 0):
            ret(-Errno.EINVAL)
        with self._changing(space):
            mov(result, self.regions.cut_out(space, start, end))
            with if_(result == 0):
                self.regions.remove_all(space, start, end)
                self.user_pages.drop(space, start, end)
        ret(result)

    @function(context="thread", sleeps=True)
    def protect(self, space: Ptr[AddressSpace], start: U64, length: U64, rights: U32) -> I32:
        """Let the memory from `start` on have these rights. 0, -EINVAL; -ENOMEM if there is none in
        some place, or if a region could not be cut."""
        space, start, end = keep(space), keep(start), keep(U64)
        rights, result = keep(rights), keep(I32)
        mov(end, self.end_of(start, length))
        with if_((end == 0) | (rights & ~int(ALL_RIGHTS))):
            ret(-Errno.EINVAL)
        self._complete(rights)
        with self._changing(space):
            mov(result, self.prepare_to_protect(space, start, end))
            with if_(result == 0):
                self.regions.set_rights(space, start, end, rights)
                self._flags(rights)
                self.user_pages.protect(space, start, end, rax)
        ret(result)

    @function
    def prepare_to_protect(self, space: Ptr[AddressSpace], start: U64, end: U64) -> I32:
        """Cut regions at `start` and `end`. 0; -ENOMEM if one lacks, or for want of memory."""
        space, start, end = keep(space), keep(start), keep(end)
        covered = self.regions.is_covered(space, start, end)
        with if_(covered == 0):
            ret(-Errno.ENOMEM)
        tail(self.regions.cut_out, space, start, end)

    def _flags(self, rights: U32) -> None:
        """The flags of entries with `rights`, in rax. Changes rcx."""
        mov(ecx, rights)
        mov(rax, self.flags[rcx])
        and_(rax, self.entries.allowed)

    # Faults

    @function(context="thread", sleeps=True)
    def resolve(self, space: Ptr[AddressSpace], address: U64, wanted: U32) -> I32:
        """Let the page at `address` be such that an access which needs the right `wanted` does not
        fault again. 0; -EFAULT if it is not allowed; -ENOMEM."""
        space, address, wanted = keep(space), keep(address), keep(wanted)
        flags, result = keep(U64), keep(I32)
        and_(address, -PAGE)
        lea(rdi, space.changes)
        self.locks.lock_to_read(rdi)
        mov(result, -Errno.EFAULT)
        region = self.regions.at(space, address)
        with if_(region != 0), if_(region.rights & wanted):
            self._flags(region.rights)
            mov(flags, rax)
            mov(result, self.supply(space, address, flags, wanted))
        lea(rdi, space.changes)
        self.locks.unlock_read(rdi)
        with if_(result == -Errno.EAGAIN):  # another thread has resolved it
            xor(result, result)
        ret(result)

    @function
    def supply(self, space: Ptr[AddressSpace], page: U64, flags: U64, wanted: U32) -> I32:
        """Let there be an entry for `page` that allows what is `wanted`, and no more than `flags`.
        As `put`."""
        space, page, flags, wanted = keep(space), keep(page), keep(flags), keep(wanted)
        entry = keep(self.user_pages.find(space, page))
        with if_(entry == 0):
            tail(self.add_page, space, page, flags)
        with if_(flags & PageFlags.WRITE):
            mov(rax, entry)
            with if_(self.user_pages.page_record(rax).references != 1):
                with if_(wanted & Rights.WRITE):
                    tail(self.copy_page, space, page, flags, entry)
                and_(flags, ~int(PageFlags.WRITE))
        mov(rax, entry)
        and_(rax, self.entries.address_mask)
        or_(flags, rax)
        tail(self.permit, space, page, entry, flags)

    @function
    def permit(self, space: Ptr[AddressSpace], page: U64, entry: U64, wider: U64) -> I32:
        """Let `wider`, which forbids less, be the entry for `page`. Other processors that still
        know the old one fault once more, and come here. 0."""
        page = keep(page)
        ignore(self.user_pages.replace(space, page, entry, wider))
        invlpg(bare[page])
        ret(0)

    @function
    def add_page(self, space: Ptr[AddressSpace], page: U64, flags: U64) -> I32:
        """Let `page`, which has none, have memory full of zeros. As `put`."""
        space, page, flags = keep(space), keep(page), keep(flags)
        memory = keep(self.pages.zeroed())
        with if_(memory == 0):
            ret(-Errno.ENOMEM)
        tail(self.put, space, page, 0, memory, flags)

    @function
    def copy_page(self, space: Ptr[AddressSpace], page: U64, flags: U64, entry: U64) -> I32:
        """Let `page` have a copy of the memory that `entry` has, which others have too. As
        `put`."""
        space, page, flags, entry = keep(space), keep(page), keep(flags), keep(entry)
        memory = keep(self.pages.allocate_page())
        with if_(memory == 0):
            ret(-Errno.ENOMEM)
        mov(rdi, memory)
        direct(rdi)
        mov(rsi, entry)
        and_(rsi, self.entries.address_mask)
        direct(rsi)
        mov(ecx, PAGE // sizeof(U64))
        rep.movsq()
        result = self.put(space, page, entry, memory, flags)
        with if_(result != 0):
            ret(result)
        lea(rdx, bare[page + PAGE])
        self.user_pages.flush(space, page, rdx)
        self.user_pages.let_go(entry)
        ret(0)

    @function
    def put(
        self, space: Ptr[AddressSpace], page: U64, expected: U64, memory: U64, flags: U64
    ) -> I32:
        """Let `page`, whose entry is `expected`, have the page of `memory` from now on. 0; or
        -ENOMEM, or -EAGAIN if the entry is another one by now, and `memory` is freed."""
        memory = keep(memory)
        mov(rax, memory)
        mov(frame_of(rax).references, 1)
        or_(flags, memory)
        result = keep(self.user_pages.replace(space, page, expected, flags))
        with if_(result != 0):
            self.pages.free_page(memory)
        ret(result)

    # Threads in spaces

    @function(context="thread")
    def current(self) -> Ptr[AddressSpace]:
        """The space that this thread is in, or null."""
        thread = scratch(self.scheduler.current)
        ret(cast(thread.space, Ptr[AddressSpace]))

    @function(context="thread")
    def enter(self, space: Ptr[AddressSpace]) -> None:
        """Let this thread, which is in none, be in `space`. It leaves before it ends."""
        lock.inc(space.threads)
        tail(self.turn_to, space)

    @function(context="thread")
    def leave(self) -> None:
        """Let this thread be in none."""
        space = keep(self.current())
        self.turn_to(0)
        lock.dec(space.threads)

    @function(context="thread")
    def turn_to(self, space: Ptr[AddressSpace]) -> None:
        """Let this thread see the lower half of `space`, or nothing there if that is null."""
        with interrupts_disabled():
            thread = scratch(self.scheduler.current)
            mov(thread.space, cast(space, Ptr[Space]))
            mov(rax, space)
            self.scheduler.switch.use(rax)
