"""What happens when the processor finds no page, or none that allows what is done."""

from __future__ import annotations

from typing import Any

from kernel.cpu.control import RFlags
from kernel.cpu.features import Features, Structured
from kernel.cpu.trapframe import TrapFrame
from kernel.debug.faults import PageFaultCode
from kernel.debug.panic import Panic
from kernel.paging.addresses import LOWER_HALF_END
from kernel.vm.useraccess import UserAccess
from pykasm import *

RESOLVED_LATER = PageFaultCode.P | PageFaultCode.RW
"""Bits of the error code that a copy routine can do something about."""


class PageFaults(Subsystem):
    """Lets the kernel's copy routines survive the faults of a program's addresses.

    Nothing is resolved in the handler: the routine goes on where it gives up, in its thread and
    with interrupts on, and asks for the page itself. Every other fault of the kernel is a panic.
    """

    def __init__(self, access: UserAccess, features: Features, panic: Panic) -> None:
        self.access = access
        self.features = features
        self.panic = panic

    @function
    def handle(self, frame: Ptr[TrapFrame]) -> None:
        """Called for every page fault."""
        mov(rax, cr2)
        mov(rcx, LOWER_HALF_END)
        expected = (frame.error_code & ~int(RESOLVED_LATER)) == 0
        with if_((rax < rcx) & expected & self._is_open(frame)):
            for index in range(self.access.count):
                recovery = self.access.recoveries[index]
                mov(rcx, recovery.instruction)
                with if_(frame.rip == rcx):
                    mov(frame.rax, rax)
                    mov(rax, recovery.target)
                    mov(frame.rip, rax)
                    ret()
        tail(self.panic.exception, frame)

    def _is_open(self, frame: Ptr[TrapFrame]) -> Any:
        """The condition that the code was allowed to touch the memory of programs at all; if it
        was not, resolving the fault would lead to the next one."""
        smap = self.features.structured & Structured.SMAP
        return ~smap | (frame.rflags & RFlags.AC)
