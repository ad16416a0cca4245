"""System calls of processes about themselves."""

from __future__ import annotations

from enum import IntEnum

from kernel.cpu.interruptflag import interrupts_disabled
from kernel.errno import Errno
from kernel.paging.addresses import UserAddress, below_user_end
from kernel.process.exits import Exits
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.task import Task
from kernel.sched.scheduler import Scheduler
from kernel.sched.segmentbases import SegmentBases
from kernel.vm.usercopy import UserCopy
from pykasm import *


class ArchPrctl(IntEnum):
    """What `arch_prctl` does (arch/x86/include/uapi/asm/prctl.h)."""

    SET_GS = 0x1001
    SET_FS = 0x1002
    GET_FS = 0x1003
    GET_GS = 0x1004
    GET_CPUID = 0x1011
    SET_CPUID = 0x1012


class ProcessCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        scheduler: Scheduler,
        processes: Processes,
        exits: Exits,
        bases: SegmentBases,
        copy: UserCopy,
    ) -> None:
        self.scheduler = scheduler
        self.processes = processes
        self.exits = exits
        self.bases = bases
        self.copy = copy

    @function(context="thread")
    def getpid(self) -> OrErrno[I64]:
        """Return the number of the process."""
        task = self.processes.current()
        process = scratch(task.process)
        mov(eax, process.number)
        ret(rax)

    @function(context="thread")
    def gettid(self) -> OrErrno[I64]:
        """Return the number of the thread."""
        task = self.processes.current()
        mov(eax, task.number)
        ret(rax)

    @function(context="thread")
    def set_tid_address(self, address: Untrusted[UserAddress]) -> OrErrno[I64]:
        """Note where a 0 is to be written when the thread ends. Return its number."""
        task = self.processes.current()
        mov(task.clear_child_tid, address)
        mov(eax, task.number)
        ret(rax)

    @function(context="thread", sleeps=True)
    def exit(self, status: U32) -> OrErrno[I64]:
        """End the thread; with the last one the process ends with `status`."""
        tail(self.exits.exit_task, self._wait_status(status))

    @function(context="thread", sleeps=True)
    def exit_group(self, status: U32) -> OrErrno[I64]:
        """End the process with `status`."""
        tail(self.exits.exit_process, self._wait_status(status))

    @inline(changes=rax)
    def _wait_status(self, status: U32) -> U32:
        """Return what `wait4` tells of a program that exits with `status`: its low 8 bits."""
        movzx(eax, u8(status))
        shl(eax, 8)
        return eax

    @function(context="thread", sleeps=True)
    def sched_yield(self) -> OrErrno[I64]:
        """Yield the processor to other threads."""
        self.scheduler.yield_now()
        ret(0)

    # FS and GS

    @function(context="thread", sleeps=True)
    def arch_prctl(self, what: U32, address: Untrusted[U64]) -> OrErrno[I64]:
        """Set the base of FS or GS to `address`, or store it there; tell that programs may use
        CPUID, which no processor can be told to forbid here. Returns 0; -EPERM for an address that
        is no program's, -EFAULT, -ENODEV, or -EINVAL."""
        with switch(what):
            with case(ArchPrctl.SET_FS):
                tail(self._set_base, address, offsetof(Task, "fs_base"))
            with case(ArchPrctl.SET_GS):
                tail(self._set_base, address, offsetof(Task, "gs_base"))
            with case(ArchPrctl.GET_FS):
                tail(self._get_base, address, offsetof(Task, "fs_base"))
            with case(ArchPrctl.GET_GS):
                tail(self._get_base, address, offsetof(Task, "gs_base"))
            with case(ArchPrctl.GET_CPUID):
                ret(1)
            with case(ArchPrctl.SET_CPUID):
                ret(-Errno.ENODEV)
        ret(-Errno.EINVAL)

    @function(context="thread")
    def _set_base(self, base: Keep[Untrusted[U64]], place: Keep[U64]) -> OrErrno[I64]:
        """Make `base` the one that lies at `place` in a task."""
        fail_if(~below_user_end(base), Errno.EPERM)
        with interrupts_disabled():  # a switch in between would save what was there
            task = keep(self.processes.current())
            self.bases.save(task)
            mov(u64[u64(task) + place], base)
            self.bases.load(task)
        ret(0)

    @function(context="thread", sleeps=True)
    def _get_base(self, target: Keep[Untrusted[U64]], place: Keep[U64]) -> OrErrno[I64]:
        """Copy the one that lies at `place` in a task to `target`."""
        base = local(U64)
        with interrupts_disabled():
            task = keep(self.processes.current())
            self.bases.save(task)
            mov(rax, u64[u64(task) + place])
            mov(base, rax)
        result, left = self.copy.copy_out(cast(target, User[U8]), address_of(base), sizeof(U64))
        ignore(left)
        movsxd(rax, result)
        ret(rax)
