"""How much memory programs may have."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.paging.addresses import USER_END, UserAddress
from kernel.process.limits import INFINITY, Resource
from kernel.process.processes import Processes
from kernel.process.task import Task
from kernel.structures.alignment import round_up
from kernel.sync.biasedlock import BiasedLocks
from kernel.vm.addressspace import AddressSpace
from kernel.vm.growingstacks import GrowingStacks
from kernel.vm.region import Region, RegionFlags
from kernel.vm.regions import Regions
from kernel.vm.regionusage import RegionUsage
from kernel.vm.remapping import RemapFlag, RemapRequest
from kernel.vm.rights import Rights
from pykasm import *


class MemoryLimits(Subsystem):
    """Holds RLIMIT_AS, RLIMIT_DATA and RLIMIT_MEMLOCK of the process that runs (getrlimit(2)).
    Where there are any, the regions are looked at one by one. Context: thread."""

    def __init__(
        self, processes: Processes, regions: Regions, stacks: GrowingStacks, locks: BiasedLocks
    ) -> None:
        self.processes = processes
        self.regions = regions
        self.stacks = stacks
        self.locks = locks

    @function(init=True)
    def start(self) -> None:
        """Hold the limits for stacks that grow, too."""
        mov(self.stacks.may_have_locked, address_of(self.may_have_locked))

    @function(context="thread", sleeps=True)
    def _measure(
        self,
        space: Keep[Ptr[AddressSpace]],
        start: Keep[UserAddress],
        end: Keep[UserAddress],
        usage: Keep[Ptr[RegionUsage]],
    ) -> None:
        """Fill in `usage` with what is mapped from `start` up to `end`."""
        with self.locks.read_held(space.regions_lock):
            self.regions.measure(space, start, end, usage)

    @inline(changes=rax)
    def _are_unlimited(self) -> Condition:
        """Return the condition that the process may map as much as there is."""
        process = self.processes.current_process()
        mov(rax, process.limits[Resource.AS].soft)
        and_(rax, process.limits[Resource.DATA].soft)
        release(process)
        return i64(rax) == -1

    @function(context="thread", sleeps=True)
    def check(
        self, space: Keep[Ptr[AddressSpace]], more: Keep[U64], more_data: Keep[U64]
    ) -> OrErrno[I32]:
        """Return 0 if `space` may have `more` bytes, `more_data` of them private ones that can be
        written; else -ENOMEM."""
        usage = local(RegionUsage)
        with if_(self._are_unlimited()):
            ret(0)
        self._measure(space, 0, USER_END, address_of(usage))
        process = self.processes.current_process()
        for bytes, added, resource in (
            (usage.mapped, more, Resource.AS),
            (usage.data, more_data, Resource.DATA),
        ):
            with if_(added != 0):
                add(added, bytes)
                fail_if(CF | (added > process.limits[resource].soft), Errno.ENOMEM)
        ret(0)

    @function(context="thread", sleeps=True)
    def check_region(
        self, space: Keep[Ptr[AddressSpace]], region: Keep[Ptr[Region]], replaces: U32
    ) -> OrErrno[I32]:
        """Return 0 if `space` may have `region`, too; instead of what is there unless `replaces` is
        0. Else -ENOMEM; -EAGAIN if it would lock too much."""
        usage, more = local(RegionUsage), keep(region.end)
        replaces = keep(replaces)
        with if_(self._are_unlimited() & ((region.flags & RegionFlags.LOCKED) == 0)):
            ret(0)
        sub(more, region.node.key)
        with if_(region.flags & RegionFlags.LOCKED):
            try_(self._check_locks(space, more, Errno.EAGAIN))
        with if_(replaces != 0):
            self._measure(space, region.node.key, region.end, address_of(usage))
            sub(more, usage.mapped)
        xor(ecx, ecx)
        is_own = (region.flags & (RegionFlags.SHARED | RegionFlags.GROWS_DOWN)) == 0
        with if_(is_own & (region.rights & Rights.WRITE)):
            mov(rcx, more)
        tail(self.check, space, more, rcx)

    @function(context="thread", sleeps=True)
    def check_heap(
        self, space: Keep[Ptr[AddressSpace]], end: Untrusted[UserAddress]
    ) -> OrErrno[I32]:
        """Return 0 if the heap of `space` may end at `end`, else -ENOMEM or -EAGAIN."""
        more, rest = keep(end), keep(space.heap_end)
        with if_(more <= rest):
            ret(0)
        round_up(more, PAGE)
        round_up(rest, PAGE)
        sub(more, rest)
        with if_(CF | (more == 0)):  # too much for an address, or nothing
            ret(0)
        with if_(space.locks_new != 0):
            try_(self._check_locks(space, more, Errno.EAGAIN))
        tail(self.check, space, more, more)

    @function(context="thread", sleeps=True)
    def check_rights(
        self,
        space: Keep[Ptr[AddressSpace]],
        start: UserAddress,
        length: U64,
        rights: U32,
    ) -> OrErrno[I32]:
        """Return 0 if `length` bytes from `start` on may get these `rights`, else -ENOMEM."""
        usage, end = local(RegionUsage), scratch(start)
        with if_(self._are_unlimited() | ((rights & Rights.WRITE) == 0)):
            ret(0)
        add(end, length)
        self._measure(space, start, end, address_of(usage))
        tail(self.check, space, 0, usage.constant)

    @function(context="thread", sleeps=True)
    def check_move(
        self, space: Keep[Ptr[AddressSpace]], request: Keep[Ptr[RemapRequest]]
    ) -> OrErrno[I32]:
        """Return 0 if what `request` says may be done in `space`; -ENOMEM, or -EAGAIN if it would
        lock too much."""
        usage, more = local(RegionUsage), keep(request.new_length)
        with if_((request.flags & RemapFlag.DONT_UNMAP) == 0):
            sub(more, request.length)
            with if_(CF | ZF):
                ret(0)
        mov(rax, request.address)
        mov(rcx, rax)
        add(rcx, 1)
        self._measure(space, rax, rcx, address_of(usage))
        with if_(usage.locked != 0):
            try_(self._check_locks(space, more, Errno.EAGAIN))
        xor(ecx, ecx)
        with if_(usage.data != 0):
            mov(rcx, more)
        tail(self.check, space, more, rcx)

    # Locked memory

    @inline(changes=rax)
    def _may_lock_all(self) -> Condition:
        """Return the condition that the task may lock as much as there is."""
        task = self.processes.current()
        credentials = scratch(task.credentials)
        mov(rax, credentials.effective)
        release(task, credentials)
        return rax & (1 << CapabilityBit.IPC_LOCK)

    @function(context="thread")
    def may_lock(self) -> Bool:
        """Return whether the task may lock any memory."""
        with if_(self._may_lock_all()):
            ret(True)
        process = self.processes.current_process()
        ret(process.limits[Resource.MEMLOCK].soft != 0)

    @function(context="thread")
    def may_have_locked(self, bytes: U64) -> Bool:
        """Return whether the task that runs may have so many `bytes` locked, as `MayHaveLocked`
        says; a thread of the kernel, whose memory that is not, may."""
        thread = scratch(self.processes.scheduler.current)
        task = scratch(cast(thread.user, OrNull[Ptr[Task]]))
        with if_(task == 0):
            ret(True)
        credentials, process = scratch(task.credentials), scratch(task.process)
        with if_(credentials.effective & (1 << CapabilityBit.IPC_LOCK)):
            ret(True)
        ret(bytes <= process.limits[Resource.MEMLOCK].soft)

    @function(context="thread", sleeps=True)
    def _check_locks(
        self, space: Keep[Ptr[AddressSpace]], more: Keep[U64], error: Keep[U32]
    ) -> OrErrno[I32]:
        """Return 0 if the task may lock `more` bytes of `space`, else the negated `error`."""
        usage = local(RegionUsage)
        with if_(self._may_lock_all()):
            ret(0)
        self._measure(space, 0, USER_END, address_of(usage))
        tail(self._compare_locks, usage.locked, more, error)

    @function(context="thread")
    def _compare_locks(self, locked: U64, more: U64, error: U32) -> OrErrno[I32]:
        """Do that, where `locked` bytes are."""
        add(locked, more)
        with if_(CF):
            mov(locked, INFINITY)
        process = self.processes.current_process()
        with if_(locked > process.limits[Resource.MEMLOCK].soft):
            neg(error)
            ret(i32(error))
        ret(0)

    @function(context="thread", sleeps=True)
    def check_range(
        self, space: Keep[Ptr[AddressSpace]], start: Keep[UserAddress], end: Keep[UserAddress]
    ) -> OrErrno[I32]:
        """Return 0 if the task may lock the pages of `space` from `start` up to `end`, of which
        some may be, else -ENOMEM."""
        usage, more = local(RegionUsage), keep(end)
        with if_(self._may_lock_all()):
            ret(0)
        sub(more, start)
        self._measure(space, start, end, address_of(usage))
        sub(more, usage.locked)
        tail(self._check_locks, space, more, Errno.ENOMEM)

    @function(context="thread", sleeps=True)
    def check_everything(self, space: Keep[Ptr[AddressSpace]]) -> OrErrno[I32]:
        """Return 0 if the task may lock all that `space` has, else -ENOMEM."""
        usage = local(RegionUsage)
        with if_(self._may_lock_all()):
            ret(0)
        self._measure(space, 0, USER_END, address_of(usage))
        tail(self._compare_locks, 0, usage.mapped, Errno.ENOMEM)
