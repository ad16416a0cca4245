"""What happens when a program causes an exception."""

from collections.abc import Mapping

from kernel.cpu.exceptions import EXCEPTIONS, UserTrapHandler, Vector
from kernel.cpu.trapframe import TrapFrame
from kernel.debug.faults import PageFaultCode
from kernel.mm.faultinjection import FaultInjection
from kernel.paging.addresses import UserAddress
from kernel.process.exits import Exits
from kernel.process.signalnumber import Signal
from kernel.sched.scheduler import Scheduler
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.demandpaging import DemandPaging
from kernel.vm.rights import Rights
from pykasm import *

SIGNALS: Mapping[int, Signal] = {
    Vector.DIVIDE_ERROR: Signal.SIGFPE,
    Vector.DEBUG: Signal.SIGTRAP,
    Vector.BREAKPOINT: Signal.SIGTRAP,
    Vector.INVALID_OPCODE: Signal.SIGILL,
    Vector.SEGMENT_NOT_PRESENT: Signal.SIGBUS,
    Vector.STACK: Signal.SIGBUS,
    Vector.X87_FLOATING_POINT: Signal.SIGFPE,
    Vector.ALIGNMENT_CHECK: Signal.SIGBUS,
    Vector.SIMD_FLOATING_POINT: Signal.SIGFPE,
}
"""The signal for each exception of a program, as Linux has it (arch/x86/kernel/traps.c); for all
others it is SIGSEGV."""


class UserExceptions(Subsystem):
    """Page faults are resolved; all else becomes a signal. Nothing that a program does is a
    panic."""

    signals = rodata(
        U8 * EXCEPTIONS, [SIGNALS.get(vector, Signal.SIGSEGV) for vector in range(EXCEPTIONS)]
    )

    def __init__(
        self,
        scheduler: Scheduler,
        faults: FaultInjection,
        spaces: AddressSpaces,
        paging: DemandPaging,
        exits: Exits,
    ) -> None:
        self.scheduler = scheduler
        self.faults = faults
        self.spaces = spaces
        self.paging = paging
        self.exits = exits
        handlers = [
            self.page_fault if n == Vector.PAGE_FAULT else self.signal for n in range(EXCEPTIONS)
        ]
        self.handlers = rodata(UserTrapHandler * EXCEPTIONS, handlers)

    @function(context="thread", sleeps=True)
    def signal(self, frame: Ptr[TrapFrame], address: U64) -> None:
        """Send the thread that runs the signal for the exception of `frame`."""
        mov(rax, frame.vector)
        movzx(eax, self.signals[rax])
        tail(self.exits.exit_process, eax)

    @function(context="thread", sleeps=True)
    def page_fault(self, frame: Keep[Ptr[TrapFrame]], address: Keep[UserAddress]) -> None:
        """Resolve a page fault at `address`; what can't be resolved becomes a signal."""
        wanted = keep(U32)
        mov(wanted, Rights.READ)
        with if_(frame.error_code & PageFaultCode.ID):
            mov(wanted, Rights.EXECUTE)
        with elif_(frame.error_code & PageFaultCode.RW):
            mov(wanted, Rights.WRITE)
        space = keep(self.spaces.current())
        asserts(space != 0)
        with if_(self._resolve(space, address, wanted) != 0):
            tail(self.signal, frame, address)

    @inline(changes=CALLER_SAVED)
    def _resolve(self, space: Ptr[AddressSpace], address: UserAddress, wanted: U32) -> I32:
        """Call `resolve_fault`. Tests have allocations of system calls fail, not those of faults
        between them."""
        if not debugging():
            return self.paging.resolve_fault(space, address, wanted)
        result, left = keep(I32), local(U64)
        mov(left, self.faults.pause(u64(scratch(self.scheduler.current))))
        mov(result, self.paging.resolve_fault(space, address, wanted))
        self.faults.go_on(left)
        return result
