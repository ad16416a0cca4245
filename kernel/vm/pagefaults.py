"""The page-fault exception: the kernel's copies to and from programs survive it."""

from __future__ import annotations

from collections.abc import Mapping

from kernel.cpu.control import RFlags
from kernel.cpu.exceptions import Vector, VectorHandlers
from kernel.cpu.features import Features, Structured
from kernel.cpu.trapframe import TrapFrame
from kernel.debug.faults import PageFaultCode
from kernel.debug.panic import Panic
from kernel.paging.addresses import LOWER_HALF_END
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Thread
from kernel.vm.useraccess import UserAccess
from pykasm import *
from pykasm.lang.function import BoundFunction

RESOLVABLE = PageFaultCode.P | PageFaultCode.RW
"""Bits of the error code that a fault may have which `DemandPaging` can resolve."""


class PageFaults(VectorHandlers):
    """Sends faults in `UserAccess` to their fixups, and those of code with many accesses to where
    that wants to go on (`Thread.recovery`); every other fault of the kernel is a panic.

    Nothing is resolved in the handler: the fixup returns to `UserCopy`, which has
    `DemandPaging.resolve_fault` allocate the page in its thread, with interrupts on, and tries
    again.
    """

    def __init__(
        self, access: UserAccess, scheduler: Scheduler, features: Features, panic: Panic
    ) -> None:
        self.access = access
        self.scheduler = scheduler
        self.features = features
        self.panic = panic

    def handlers(self) -> Mapping[int, BoundFunction[None]]:
        """Return those of page faults, and of what the processor does not load."""
        return {Vector.PAGE_FAULT: self.handle, Vector.GENERAL_PROTECTION: self.refuse}

    @function
    def handle(self, frame: Ptr[TrapFrame]) -> None:
        """Handle a page fault. Context: exception, interrupts off."""
        mov(rax, cr2)
        mov(rcx, LOWER_HALF_END)
        expected = (frame.error_code & ~int(RESOLVABLE)) == 0
        with if_((rax < rcx) & expected & self._is_access_open(frame)):
            # Addresses are compared one by one: there are few
            for index in range(self.access.count):
                fixup = self.access.fixups[index]
                mov(rcx, fixup.instruction)
                with if_(frame.rip == rcx):
                    mov(frame.rax, rax)
                    mov(rax, fixup.target)
                    mov(frame.rip, rax)
                    ret()
            self._recover(frame)
        tail(self.panic.exception, frame)

    @function
    def refuse(self, frame: Ptr[TrapFrame]) -> None:
        """Handle a general-protection exception: the registers that a program has in its memory may
        be none that `xrstor` loads. Context: exception, interrupts off."""
        xor(eax, eax)
        with if_(self._is_access_open(frame)):
            self._recover(frame)
        tail(self.panic.exception, frame)

    @inline(changes=rcx)
    def _recover(self, frame: Ptr[TrapFrame]) -> None:
        """Go on where the thread wants to, if it does, with the address in rax, and return."""
        thread = scratch(cast(self.scheduler.current, OrNull[Ptr[Thread]]))
        with if_(thread != 0), if_(thread.recovery != 0):
            mov(frame.rax, rax)
            mov(rcx, thread.recovery)
            mov(frame.rip, rcx)
            ret()
        release(thread)

    @inline
    def _is_access_open(self, frame: Ptr[TrapFrame]) -> Condition:
        """Return whether the code may touch the memory of programs at all; if not, SMAP causes
        the fault, and would cause it again whatever is resolved (AMD64 APM vol. 2, 5.6.6)."""
        smap = self.features.structured & Structured.SMAP
        return ~smap | (frame.rflags & RFlags.AC)
