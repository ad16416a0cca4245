"""System calls for how memory is used."""

from __future__ import annotations

from enum import IntFlag

from kernel.cpu.pagetable import PAGE, PageShift
from kernel.errno import Errno
from kernel.fs.cachedfiles import CachedFiles
from kernel.fs.file import File
from kernel.paging.addresses import UserAddress, above_user_end
from kernel.process.memorylimits import MemoryLimits
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.structures.alignment import round_down, round_up
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.demandpaging import DemandPaging
from kernel.vm.memoryadvice import Advice, MemoryAdvice
from kernel.vm.region import LOCKS, Region, RegionFlags
from kernel.vm.regionview import RegionView
from kernel.vm.rights import Rights
from kernel.vm.usercopy import UserCopy
from pykasm import *

CHUNK = 256
"""Pages that `mincore` looks at before it copies out what it has seen."""

ONLY_ADVICE = (
    Advice.NORMAL,
    Advice.RANDOM,
    Advice.SEQUENTIAL,
    Advice.WILL_NEED,
)
"""Advice that changes nothing of what a program sees."""

TAKEN = (
    Advice.DONT_NEED,
    Advice.FREE,
    Advice.DONT_FORK,
    Advice.DO_FORK,
    Advice.WIPE_ON_FORK,
    Advice.KEEP_ON_FORK,
    Advice.DONT_DUMP,
    Advice.DO_DUMP,
    Advice.HUGE_PAGE,
    Advice.NO_HUGE_PAGE,
    Advice.DONT_NEED_LOCKED,
)
"""That which `MemoryAdvice` follows."""


class SyncFlag(IntFlag):
    """The flags of msync(2) (include/uapi/asm-generic/mman-common.h)."""

    ASYNC = 1 << 0
    INVALIDATE = 1 << 1
    SYNC = 1 << 2


class LockFlag(IntFlag):
    """The flags of mlockall(2) (include/uapi/asm-generic/mman.h)."""

    CURRENT = 1 << 0
    FUTURE = 1 << 1
    ON_FAULT = 1 << 2


LOCK_ON_FAULT = 1 << 0
"""The flag of mlock2(2)."""


class AdviceCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        spaces: AddressSpaces,
        advice: MemoryAdvice,
        paging: DemandPaging,
        limits: MemoryLimits,
        cached: CachedFiles,
        copy: UserCopy,
    ) -> None:
        self.spaces = spaces
        self.advice = advice
        self.paging = paging
        self.limits = limits
        self.cached = cached
        self.copy = copy

    @function(context="thread", sleeps=True)
    def madvise(self, address: UserAddress, length: U64, advice: U32) -> OrErrno[I64]:
        """Take advice for `length` bytes from `address` on."""
        space = scratch(self.spaces.current())
        asserts(space != 0)  # a task has one
        result = self.advise(space, address, length, advice)
        movsxd(rax, result)
        ret(rax)

    @function(context="thread", sleeps=True)
    def advise(
        self, space: Ptr[AddressSpace], address: UserAddress, length: U64, advice: U32
    ) -> OrErrno[I32]:
        """Take advice for `length` bytes of `space` from `address` on. Returns 0, -EINVAL or what
        comes of the advice."""
        end = scratch(length)
        round_up(end, PAGE)
        # Rounding up has come round to 0
        fail_if((length != 0) & (end == 0), Errno.EINVAL)
        add(end, address)
        fail_if(CF | (address & (PAGE - 1)), Errno.EINVAL)
        tail(self._advise, space, address, end, advice)

    @function(context="thread", sleeps=True)
    def _advise(
        self,
        space: Keep[Ptr[AddressSpace]],
        start: Keep[UserAddress],
        end: Keep[UserAddress],
        advice: Keep[U32],
    ) -> OrErrno[I32]:
        """Take advice for the addresses from `start` up to `end`, if it is any that is known."""
        with switch(advice):
            with case(*ONLY_ADVICE):
                tail(self.advice.check, space, start, end, 0)
            with case(Advice.COLD, Advice.PAGE_OUT):
                tail(self.advice.check, space, start, end, Errno.EINVAL)
            with case(*TAKEN):
                with if_(start == end):
                    ret(0)
                tail(self.advice.take, space, start, end, advice)
            with case(Advice.REMOVE):
                tail(self._remove, space, start, end)
            with case(Advice.POPULATE_READ):
                try_(self.advice.check(space, start, end, 0))
                tail(self._touch_all, space, start, end, Rights.READ)
            with case(Advice.POPULATE_WRITE):
                try_(self.advice.check(space, start, end, 0))
                tail(self._touch_all, space, start, end, Rights.WRITE)
        ret(-Errno.EINVAL)

    @function(context="thread", sleeps=True)
    def _remove(
        self, space: Keep[Ptr[AddressSpace]], start: Keep[UserAddress], end: Keep[UserAddress]
    ) -> OrErrno[I32]:
        """Make holes of what files have from `start` up to `end`. Returns 0; -ENOMEM where nothing
        is mapped, or what `_punch` does."""
        region, result = local(Region), keep(I32)
        with while_(start < end):
            # A copy with a reference: making the hole sleeps, and must not hold the regions' lock
            fail_if(~self.advice.borrow(space, start, address_of(region)), Errno.ENOMEM)
            mov(result, self._punch(address_of(region), start, end))
            self.advice.regions.give_back(address_of(region))
            try_(result)
            mov(start, region.end)
        ret(0)

    @function(context="thread", sleeps=True)
    def _punch(self, region: Ptr[Region], start: UserAddress, end: UserAddress) -> OrErrno[I32]:
        """Make a hole of what is in `region` from `start` up to `end`. Returns 0; -EINVAL if it is
        locked or no file, -EACCES if its file is not to be written to by it."""
        region, start, end = scratch(region), scratch(start), scratch(end)
        fail_if((region.flags & RegionFlags.LOCKED) | (region.backing == 0), Errno.EINVAL)
        mov(eax, region.flags)
        and_(eax, RegionFlags.SHARED | RegionFlags.READ_ONLY)
        # A private region would have kept its own copies, and a read-only one may change nothing
        fail_if(eax != int(RegionFlags.SHARED), Errno.EACCES)
        with if_(end > region.end):
            mov(end, region.end)
        for place in (start, end):
            sub(place, region.node.key)
            add(place, region.offset)
        backing = scratch(region.backing)
        file = container_of(backing, File, "backing")  # only files are shared
        tail(self.cached.punch, file.inode, start, end)

    @function(context="thread", sleeps=True)
    def _touch_all(
        self,
        space: Keep[Ptr[AddressSpace]],
        page: Keep[UserAddress],
        end: Keep[UserAddress],
        wanted: Keep[U32],
    ) -> OrErrno[I32]:
        """Have all pages up to `end` in memory. Returns 0; -EINVAL where the right `wanted` lacks,
        -EFAULT where there is none of a file, -ENOMEM."""
        with while_(page < end):
            result = self.paging.resolve_fault(space, page, wanted)
            with if_(result == -Errno.EFAULT):
                ret(-Errno.EINVAL)
            with if_(result == -Errno.ENXIO):
                ret(-Errno.EFAULT)
            try_(result)
            add(page, PAGE)
        ret(0)

    @function(context="thread", sleeps=True)
    def msync(self, address: Keep[UserAddress], length: U64, flags: Keep[U32]) -> OrErrno[I64]:
        """Write what was changed of mapped files back, which all are that are in memory alone."""
        end = keep(length)
        fail_if(address & (PAGE - 1), Errno.EINVAL)
        round_up(end, PAGE)
        known = SyncFlag.ASYNC | SyncFlag.INVALIDATE | SyncFlag.SYNC
        fail_if(flags & (~int(known) & 0xFFFF_FFFF), Errno.EINVAL)
        fail_if((flags & SyncFlag.ASYNC) & (flags & SyncFlag.SYNC), Errno.EINVAL)
        add(end, address)
        fail_if(CF, Errno.ENOMEM)
        and_(flags, SyncFlag.INVALIDATE)
        with if_(flags != 0):
            # Other views of what is locked can't be thrown away (msync(2))
            mov(flags, Errno.EBUSY)
        result = self.advice.check(self.spaces.of_task(), address, end, flags)
        movsxd(rax, result)
        ret(rax)

    # mincore

    @function(context="thread", sleeps=True)
    def mincore(
        self, address: Keep[UserAddress], length: U64, notes: Keep[User[U8]]
    ) -> OrErrno[I64]:
        """Tell for each page of `length` bytes from `address` on whether it is in memory."""
        end = keep(length)
        fail_if(address & (PAGE - 1), Errno.EINVAL)
        fail_if(above_user_end(end), Errno.ENOMEM)
        round_up(end, PAGE)
        add(end, address)
        fail_if(CF | above_user_end(end), Errno.ENOMEM)
        with while_(address < end):
            result = self._note_chunk(address, end, notes)
            with if_(result != 0):
                movsxd(rax, result)
                ret(rax)
            add(address, CHUNK * PAGE)
            add(u64(notes), CHUNK)
        ret(0)

    @function(context="thread", sleeps=True)
    def _note_chunk(
        self, start: Keep[UserAddress], end: Keep[UserAddress], notes: Keep[User[U8]]
    ) -> OrErrno[I32]:
        """Tell of at most `CHUNK` pages. Returns 0, -ENOMEM or -EFAULT."""
        seen = local(U8 * CHUNK)
        lea(rax, bare[start + CHUNK * PAGE])
        # A bounded piece on the stack, so that no length takes memory of the kernel's
        with if_(end > rax):
            mov(end, rax)
        try_(self.advice.note_resident(self.spaces.of_task(), start, end, address_of(seen)))
        sub(end, start)
        shr(end, PageShift.PAGE)
        result, left = self.copy.copy_out(notes, address_of(seen), end)
        ignore(left)
        ret(result)

    # Locking

    @function(context="thread", sleeps=True)
    def mlock(self, address: UserAddress, length: U64) -> OrErrno[I64]:
        """Have `length` bytes from `address` on in memory, and keep them there."""
        tail(self.mlock2, address, length, 0)

    @function(context="thread", sleeps=True)
    def mlock2(
        self, address: Keep[UserAddress], length: Keep[U64], flags: Keep[U32]
    ) -> OrErrno[I64]:
        """Do what `mlock` does, or with `LOCK_ON_FAULT` keep what comes there."""
        fail_if(flags & (~LOCK_ON_FAULT & 0xFFFF_FFFF), Errno.EINVAL)
        fail_if(~self.limits.may_lock(), Errno.EPERM)
        locks, result = scratch(U32), keep(I32)
        self._locks_by(locks, flags & LOCK_ON_FAULT)
        mov(result, self._lock(address, length, locks))
        with if_((result == 0) & (flags == 0)):
            mov(result, self._fill(address, length))
        movsxd(rax, result)
        ret(rax)

    @inline(changes="locks")
    def _locks_by(self, locks: U32, is_on_fault: Condition) -> None:
        """Set `locks`, a register, to what regions get that are locked, perhaps by faults."""
        mov(locks, RegionFlags.LOCKED)
        with if_(is_on_fault):
            mov(locks, LOCKS)

    @function(context="thread", sleeps=True)
    def munlock(self, address: UserAddress, length: U64) -> OrErrno[I64]:
        """Undo `mlock`."""
        result = self._lock(address, length, 0)
        movsxd(rax, result)
        ret(rax)

    @function(context="thread", sleeps=True)
    def _lock(
        self, address: Keep[UserAddress], length: Keep[U64], locked: Keep[U32]
    ) -> OrErrno[I32]:
        """Note whether all pages with some of the `length` bytes at `address` are `locked`."""
        self._widen(address, length)
        add(length, address)
        fail_if(CF, Errno.EINVAL)
        with if_(length == address):
            ret(0)
        space = self.spaces.of_task()
        # Unlocking takes nothing, so no limit holds for it
        with if_(locked != 0):
            try_(self.limits.check_range(space, address, length))
        tail(self.advice.set_locked, space, address, length, locked)

    @inline(changes=(rax, "address", "length"))
    def _widen(self, address: UserAddress, length: U64) -> None:
        """Turn the range in the registers `address` and `length` into one of whole pages."""
        mov(rax, address)
        and_(eax, PAGE - 1)
        add(length, rax)
        round_up(length, PAGE)
        round_down(address, PAGE)

    @function(context="thread", sleeps=True)
    def _fill(self, address: Keep[UserAddress], length: Keep[U64]) -> OrErrno[I32]:
        """Have all pages with some of the `length` bytes at `address` in memory. Returns 0; -ENOMEM
        where they can't be read, -EAGAIN where memory is out."""
        self._widen(address, length)
        add(length, address)
        result = self._touch_all(self.spaces.of_task(), address, length, Rights.READ)
        with if_(result == 0):
            ret(0)
        # The range is locked already, and stays so, as with Linux
        with if_(result == -Errno.ENOMEM):
            ret(-Errno.EAGAIN)
        ret(-Errno.ENOMEM)

    @function(context="thread", sleeps=True)
    def mlockall(self, flags: Keep[U32]) -> OrErrno[I64]:
        """Keep all that is mapped, or with FUTURE what will be mapped, in memory."""
        known = LockFlag.CURRENT | LockFlag.FUTURE | LockFlag.ON_FAULT
        fail_if(flags & (~int(known) & 0xFFFF_FFFF), Errno.EINVAL)
        fail_if((flags & (LockFlag.CURRENT | LockFlag.FUTURE)) == 0, Errno.EINVAL)
        fail_if(~self.limits.may_lock(), Errno.EPERM)
        space = self.spaces.of_task()
        with if_(flags & LockFlag.CURRENT):
            fail_if(self.limits.check_everything(space) != 0, Errno.ENOMEM)
        locks = keep(U32)
        self._locks_by(locks, flags & LockFlag.ON_FAULT)
        # Each call says anew what holds for what comes
        mov(space.locks_new, 0)
        with if_(flags & LockFlag.FUTURE):
            mov(space.locks_new, locks)
        with if_((flags & LockFlag.CURRENT) == 0):
            ret(0)
        result = self.advice.set_all_locked(space, locks)
        with if_(result != 0):
            movsxd(rax, result)
            ret(rax)
        with if_((flags & LockFlag.ON_FAULT) == 0):
            self._fill_all(space)
        ret(0)

    @function(context="thread", sleeps=True)
    def _fill_all(self, space: Keep[Ptr[AddressSpace]]) -> None:
        """Have all of `space` in memory that there is memory for, and that may be read."""
        seen, address = local(RegionView), keep(UserAddress)
        xor(u32(address), u32(address))
        with while_(lambda: self.spaces.look(space, address, address_of(seen))):
            mov(address, seen.end)
            filled = self._touch_all(space, seen.start, seen.end, Rights.READ)
            ignore(filled, "as Linux does, too: mlockall(2) tells of limits alone")

    @function(context="thread", sleeps=True)
    def munlockall(self) -> OrErrno[I64]:
        """Undo `mlockall` and every `mlock`."""
        space = self.spaces.of_task()
        mov(space.locks_new, 0)
        result = self.advice.set_all_locked(space, 0)
        movsxd(rax, result)
        ret(rax)
