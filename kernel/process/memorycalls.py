"""System calls for memory."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE, PageShift
from kernel.errno import Errno
from kernel.fs.anonymousfiles import AnonymousFiles
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.mode import Access
from kernel.fs.mount import MountFlag
from kernel.fs.openflag import OpenFlag
from kernel.paging.addresses import USER_END, USER_START, UserAddress, above_user_end
from kernel.process.filecalls import FileCalls
from kernel.process.mapflag import KNOWN_FLAGS, SHARED_VALIDATE, TYPE_MASK, MapFlag
from kernel.process.memorylimits import MemoryLimits
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.structures.alignment import round_down, round_up
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.demandpaging import DemandPaging
from kernel.vm.heaps import Heaps
from kernel.vm.overcommit import Overcommit
from kernel.vm.region import Region, RegionFlags
from kernel.vm.remapping import RemapFlag, Remapping, RemapRequest
from kernel.vm.rights import ALL_RIGHTS, Rights
from pykasm import *

LOW_END = 1 << 31
"""Where mappings end that are to lie low."""

GROWS_DOWN = 0x0100_0000
GROWS_UP = 0x0200_0000
"""What mprotect(2) takes beside rights (include/uapi/asm-generic/mman-common.h)."""

HUGE_SHIFT = 26
HUGE_MASK = 0x3F
"""Where the flags of mmap(2) have log2 of the size of pages
(include/uapi/asm-generic/hugetlb_encode.h)."""

SEMAPHORES = 0x8
"""PROT_SEM: the memory is for atomic operations, as all memory is here."""


class MemoryCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        numbers: FileCalls,
        files: Files,
        anonymous: AnonymousFiles,
        spaces: AddressSpaces,
        overcommit: Overcommit,
        limits: MemoryLimits,
        heaps: Heaps,
        remapping: Remapping,
        paging: DemandPaging,
    ) -> None:
        self.processes = processes
        self.numbers = numbers
        self.files = files
        self.anonymous = anonymous
        self.spaces = spaces
        self.overcommit = overcommit
        self.limits = limits
        self.heaps = heaps
        self.remapping = remapping
        self.paging = paging

    @function(context="thread", sleeps=True)
    def brk(self, end: Keep[Untrusted[UserAddress]]) -> OrErrno[I64]:
        """Make `end` that of the heap. Returns where it is then."""
        space = self.spaces.of_task()
        with if_(self.limits.check_heap(space, end) != 0):
            # It has no errors: a program sees that the end is where it was (brk(2))
            ret(i64(space.heap_end))
        before, now = keep(space.heap_end), keep(UserAddress)
        mov(now, self.heaps.move_end(space, end))
        # After `mlockall(MCL_FUTURE)` what comes is locked, unless it is filled by faults
        with if_((space.locks_new == int(RegionFlags.LOCKED)) & (now > before)):
            region = local(Region)
            round_down(before, PAGE)
            mov(region.node.key, before)
            mov(region.end, now)
            mov(region.rights, Rights.READ | Rights.WRITE)
            mov(region.flags, 0)
            self._populate(address_of(region))
        ret(i64(now))

    # mmap

    @function(context="thread", sleeps=True)
    def mmap(
        self,
        address: UserAddress,
        length: U64,
        rights: U32,
        flags: Keep[U32],
        number: Keep[U32],
        offset: U64,
    ) -> OrErrno[I64]:
        """Map `length` bytes of the file `number` from `offset` on, or anonymous memory. Returns
        where."""
        region, result = local(Region), keep(I32)
        # A page of a file can only be shown at a page
        fail_if(offset & (PAGE - 1), Errno.EINVAL)
        mov(region.node.key, address)
        # A length until `_set_bounds` knows the start
        mov(region.end, length)
        and_(rights, ALL_RIGHTS)
        mov(region.rights, rights)
        mov(region.offset, offset)
        space = self.spaces.of_task()
        with if_(flags & MapFlag.LOCKED):
            fail_if(~self.limits.may_lock(), Errno.EPERM)
        mov(eax, space.locks_new)
        mov(region.flags, eax)
        with if_(flags & MapFlag.LOCKED):
            or_(region.flags, RegionFlags.LOCKED)
        with if_(flags & MapFlag.STACK):
            or_(region.flags, RegionFlags.SMALL_PAGES)  # few of a stack's pages are ever touched
        mov(region.backing, 0)
        with if_(flags & MapFlag.ANONYMOUS):
            mov(result, self._map(address_of(region), flags, 0))
        with else_():
            file = keep(try_(self.numbers.get(number), Errno.EBADF))
            inode = scratch(file.inode)
            lock.inc(inode.being_mapped)  # before anybody looks at its seals
            release(inode)
            mov(result, self._map(address_of(region), flags, file))
            inode = scratch(file.inode)
            lock.dec(inode.being_mapped)
            release(inode)
            self.files.drop(file)
        with if_(result != 0):
            movsxd(rax, result)
            ret(rax)
        mov(rax, region.node.key)
        ret(i64(rax))

    @function(context="thread", sleeps=True)
    def _map(
        self, region: Keep[Ptr[Region]], flags: Keep[U32], file: Keep[OrNull[Ptr[File]]]
    ) -> OrErrno[I32]:
        """Map as much of `file`, or of anonymous memory if it is null, as the end of `region`
        says, a length yet, at the start of `region` or elsewhere. Returns 0 or an error."""
        try_(self._set_bounds(region, flags))
        with if_(file != 0):
            try_(self._check_file(region, flags, file))
            operations = scratch(file.operations)
            try_(operations.map(file, region))
        with else_():
            try_(self._check_anonymous(region, flags))
        # The cheap looks first; only `_place` changes the space, so nothing is undone
        try_(self._check_amount(region, flags))
        try_(self._check_limits(region, flags))
        with if_((region.flags & RegionFlags.SHARED) & (region.backing == 0)):
            try_(self._place_shared(region, flags))
        with else_():
            try_(self._place(region, flags))
        with if_(self._is_read_at_once(region, flags)):
            self._populate(region)
        ret(0)

    @inline(changes=(rax, rcx))
    def _is_read_at_once(self, region: Ptr[Region], flags: U32) -> Condition:
        """Return whether the pages of `region` are to be in memory from the start: those of locked
        memory are, unless it is filled by faults, and others that are asked for and may wait."""
        asked = MapFlag.POPULATE | MapFlag.NON_BLOCK
        mov(eax, flags)
        and_(eax, asked)
        filled = RegionFlags.LOCKED | RegionFlags.LOCKED_ON_FAULT
        mov(ecx, region.flags)
        and_(ecx, filled)
        return (eax == int(MapFlag.POPULATE)) | (ecx == int(RegionFlags.LOCKED))

    @function
    def _set_bounds(self, region: Ptr[Region], flags: U32) -> OrErrno[I32]:
        """Check where `region` is to be, and set its end, which is a length yet. Returns 0 or an
        error."""
        length, address, limit = scratch(region.end), scratch(region.node.key), scratch(U64)
        fail_if(length == 0, Errno.EINVAL)
        mov(limit, USER_END)
        fail_if(length > limit, Errno.ENOMEM)
        round_up(length, PAGE)
        mov(rax, region.offset)
        add(rax, length)
        # Offsets of files are below 2**64, so the end may not be beyond
        fail_if(CF, Errno.EOVERFLOW)
        sub(limit, length)
        with if_(flags & (MapFlag.FIXED | MapFlag.FIXED_NO_REPLACE)):
            fail_if(address > limit, Errno.ENOMEM)
            fail_if(address & (PAGE - 1), Errno.EINVAL)
            # So that a null pointer of the kernel leads to nothing a program has (mmap_min_addr)
            fail_if(address < USER_START, Errno.EPERM)
        with else_():  # a hint alone
            round_down(address, PAGE)
            with if_(address > limit):
                xor(u32(address), u32(address))
            with if_((address != 0) & (address < USER_START)):
                # A hint is taken as near as it may be
                mov(address, USER_START)
        mov(region.node.key, address)
        add(address, length)
        mov(region.end, address)
        ret(0)

    @function
    def _check_amount(self, region: Ptr[Region], flags: U32) -> OrErrno[I32]:
        """Return 0; or -ENOMEM if `region` would take too much memory: all of what is private and
        can be written, or is anonymous and shared, unless that is not asked for."""
        with if_(flags & MapFlag.NO_RESERVE):
            ret(0)
        length = scratch(region.end)
        sub(length, region.node.key)
        with if_(region.flags & RegionFlags.SHARED):
            with if_(region.backing == 0):
                tail(self.overcommit.check, length)
            ret(0)
        with if_(region.rights & Rights.WRITE):
            tail(self.overcommit.check, length)
        ret(0)

    @function(context="thread", sleeps=True)
    def _check_limits(self, region: Ptr[Region], flags: U32) -> OrErrno[I32]:
        """Return 0 if the process may map `region`, else -ENOMEM or -EAGAIN."""
        space = scratch(self.spaces.current())
        asserts(space != 0)  # a task has one
        and_(flags, MapFlag.FIXED)
        tail(self.limits.check_region, space, region, flags)

    @function
    def _check_anonymous(self, region: Ptr[Region], flags: U32) -> OrErrno[I32]:
        """Make `region` one of anonymous memory. Returns 0, or an error if the flags don't fit."""
        mov(rax, region.node.key)
        # So that regions beside each other have offsets beside each other, and become one
        mov(region.offset, rax)
        mov(eax, flags)
        and_(eax, TYPE_MASK)
        with if_(flags & MapFlag.HUGE_TLB):
            tail(self._refuse_huge, flags)
        with if_(eax == MapFlag.SHARED):
            # What grows takes pages of its own, and others would not see them
            fail_if(flags & MapFlag.GROWS_DOWN, Errno.EINVAL)
            or_(region.flags, RegionFlags.SHARED)
            ret(0)
        fail_if(eax != MapFlag.PRIVATE, Errno.EINVAL)
        with if_(flags & MapFlag.GROWS_DOWN):
            or_(region.flags, RegionFlags.GROWS_DOWN)
        ret(0)

    @function
    def _refuse_huge(self, flags: U32) -> OrErrno[I32]:
        """Return -ENOMEM, as no pages are set apart; -EINVAL for sizes that there are none of."""
        # The logarithm of the size stands in the flags' upper bits, 0 for the usual one
        shr(flags, HUGE_SHIFT)
        and_(flags, HUGE_MASK)
        fail_if((flags != 0) & (flags != PageShift.LARGE) & (flags != PageShift.HUGE), Errno.EINVAL)
        ret(-Errno.ENOMEM)

    @function
    def _check_file(self, region: Ptr[Region], flags: U32, file: Ptr[File]) -> OrErrno[I32]:
        """Add the flags of `region`, which is to be one of `file`. Returns 0, or an error if the
        flags don't fit or the file is not open for it."""
        fail_if(file.flags & OpenFlag.PATH, Errno.EBADF)
        mov(eax, flags)
        and_(eax, TYPE_MASK)
        with if_(eax == SHARED_VALIDATE):
            # That is what this type is for: plain SHARED takes unknown flags and does nothing
            fail_if(flags & (~int(KNOWN_FLAGS) & 0xFFFF_FFFF), Errno.EOPNOTSUPP)
            mov(eax, MapFlag.SHARED)
        with if_(eax == MapFlag.SHARED):
            or_(region.flags, RegionFlags.SHARED)
            with if_((file.access & Access.WRITE) == 0):
                fail_if(region.rights & Rights.WRITE, Errno.EACCES)
                # Nor may `mprotect` give that right later
                or_(region.flags, RegionFlags.READ_ONLY)
        with elif_(eax != MapFlag.PRIVATE):
            ret(-Errno.EINVAL)
        # Even where it is only written to, as a page that is written to can be read, too
        fail_if((file.access & Access.READ) == 0, Errno.EACCES)
        with if_(region.rights & Rights.EXECUTE):
            mount = scratch(file.path.mount)
            asserts(mount != 0)
            # Else a loader in a program would get around `noexec`
            fail_if(mount.flags & MountFlag.NO_EXECUTE, Errno.EPERM)
        fail_if(flags & (MapFlag.GROWS_DOWN | MapFlag.HUGE_TLB), Errno.EINVAL)
        ret(0)

    @function(context="thread", sleeps=True)
    def _place_shared(self, region: Keep[Ptr[Region]], flags: Keep[U32]) -> OrErrno[I32]:
        """Do what `_place` does for memory that is shared with nobody yet: a file that only those
        have who map it."""
        length, task = scratch(region.end), self.processes.current()
        sub(length, region.node.key)
        file = keep(try_(self.anonymous.memory(length, task.credentials), Errno.ENOMEM))
        result = keep(I32)
        lea(rax, file.backing)
        mov(region.backing, rax)
        mov(region.offset, 0)
        mov(result, self._place(region, flags))
        # The region has a reference of its own by now, or nobody wants the file
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def _place(self, region: Keep[Ptr[Region]], flags: Keep[U32]) -> OrErrno[I32]:
        """Add `region`, and note in it where. Returns 0 or an error."""
        space, result = self.spaces.of_task(), keep(I32)
        with if_(flags & MapFlag.FIXED_NO_REPLACE):
            mov(result, self.spaces.map_region(space, region))
        with elif_(flags & MapFlag.FIXED):
            # In one step, so that no thread sees a hole where the old region was
            mov(result, self.spaces.replace_region(space, region))
        with else_():
            limit = scratch(U64)
            xor(u32(limit), u32(limit))
            with if_(flags & MapFlag.LOW_2GB):
                mov(limit, LOW_END)
            mov(result, self.spaces.place_region(space, region, limit))
        ret(result)

    @function(context="thread", sleeps=True)
    def _populate(self, region: Ptr[Region]) -> None:
        """Touch the pages of `region` as far as there is memory."""
        page, end, wanted = keep(region.node.key), keep(region.end), keep(U32)
        space = self.spaces.of_task()
        # Private pages that can be written are copied now, so that no fault comes later
        mov(wanted, Rights.READ)
        with if_((region.flags & RegionFlags.SHARED) == 0):
            mov(eax, region.rights)
            and_(eax, Rights.WRITE)
            or_(wanted, eax)
        with while_(page < end):
            # The mapping is there and stays: what is missing comes by faults (mmap(2),
            # MAP_POPULATE)
            break_if(self.paging.resolve_fault(space, page, wanted) != 0)
            add(page, PAGE)

    # munmap and mprotect

    @function(context="thread", sleeps=True)
    def munmap(self, address: UserAddress, length: U64) -> OrErrno[I64]:
        """Unmap what is mapped of `length` bytes from `address` on."""
        address, length, limit = scratch(address), scratch(length), scratch(U64)
        mov(limit, USER_END)
        fail_if((length == 0) | (length > limit), Errno.EINVAL)
        round_up(length, PAGE)
        sub(limit, length)
        fail_if((address & (PAGE - 1)) | (address > limit), Errno.EINVAL)
        result = self.spaces.unmap(self.spaces.of_task(), address, length)
        movsxd(rax, result)
        ret(rax)

    @function(context="thread", sleeps=True)
    def mprotect(self, address: Keep[UserAddress], length: U64, rights: U32) -> OrErrno[I64]:
        """Give the memory of `length` bytes from `address` on these rights."""
        end = keep(length)
        rights, grows = keep(rights), scratch(rights)
        and_(grows, GROWS_DOWN | GROWS_UP)
        and_(rights, ~(GROWS_DOWN | GROWS_UP) & 0xFFFF_FFFF)
        fail_if((grows & GROWS_UP) | (address & (PAGE - 1)), Errno.EINVAL)
        with if_(end == 0):
            ret(0)
        # Before it is rounded up, which may overflow
        fail_if(above_user_end(end), Errno.ENOMEM)
        round_up(end, PAGE)
        add(end, address)
        # CF is that of the sum
        fail_if(CF | above_user_end(end), Errno.ENOMEM)
        fail_if(rights & (~(int(ALL_RIGHTS) | SEMAPHORES) & 0xFFFF_FFFF), Errno.EINVAL)
        and_(rights, ALL_RIGHTS)
        space = self.spaces.of_task()
        with if_(grows != 0):
            mov(address, try_(self.spaces.stack_start(space, address), Errno.EINVAL))
        sub(end, address)
        fail_if(self.limits.check_rights(space, address, end, rights) != 0, Errno.ENOMEM)
        result = self.spaces.protect(space, address, end, rights)
        movsxd(rax, result)
        ret(rax)

    # mremap

    @function(context="thread", sleeps=True)
    def mremap(
        self,
        address: UserAddress,
        length: U64,
        new_length: U64,
        flags: U32,
        target: UserAddress,
    ) -> OrErrno[I64]:
        """Move or resize what is mapped. Returns where it is then."""
        request = local(RemapRequest)
        known = RemapFlag.MAY_MOVE | RemapFlag.FIXED | RemapFlag.DONT_UNMAP
        fail_if(flags & (~int(known) & 0xFFFF_FFFF), Errno.EINVAL)
        with if_(flags & (RemapFlag.FIXED | RemapFlag.DONT_UNMAP)):
            # Both move it in any case
            fail_if((flags & RemapFlag.MAY_MOVE) == 0, Errno.EINVAL)
        fail_if(address & (PAGE - 1), Errno.EINVAL)
        round_up(length, PAGE)
        round_up(new_length, PAGE)
        # After rounding: a length at the end of the address space has become 0
        fail_if(new_length == 0, Errno.EINVAL)
        with if_(flags & RemapFlag.DONT_UNMAP):
            # The old place stays as large as it was, so there is one length
            fail_if(length != new_length, Errno.EINVAL)
        with if_(flags & RemapFlag.FIXED):
            fail_if(target & (PAGE - 1), Errno.EINVAL)
        for name, value in (
            ("address", address),
            ("length", length),
            ("new_length", new_length),
            ("flags", flags),
            ("target", target),
        ):
            mov(getattr(request, name), value)
        space, result = self.spaces.of_task(), keep(I32)
        mov(result, self.limits.check_move(space, address_of(request)))
        with if_(result == 0):
            mov(result, self.remapping.remap(space, address_of(request)))
        with if_(result != 0):
            movsxd(rax, result)
            ret(rax)
        mov(rax, request.target)
        ret(i64(rax))
