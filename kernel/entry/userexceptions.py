"""What happens when a program causes an exception."""

from collections.abc import Mapping
from enum import IntFlag
from typing import Any

from kernel.cpu.control import DebugStatus
from kernel.cpu.exceptions import EXCEPTIONS, UserTrapHandler, Vector
from kernel.cpu.trapframe import TrapFrame
from kernel.debug.faults import PageFaultCode
from kernel.errno import Errno
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.mm.faultinjection import FaultInjection
from kernel.paging.addresses import USER_END, UserAddress
from kernel.process.memorykiller import MemoryKiller
from kernel.process.processes import Processes
from kernel.process.task import Task
from kernel.sched.scheduler import Scheduler
from kernel.signals.forcedsignals import ForcedSignals
from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signalnumber import Signal, SignalCode
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.demandpaging import DemandPaging
from kernel.vm.rights import Rights
from pykasm import *


class ExceptionSignal(Struct):
    """What an exception of a program sends."""

    number: U32
    code: I32
    tells_rip: U32
    """1 if the signal tells the address of the instruction."""


DEFAULT_SIGNAL = (Signal.SIGSEGV, SignalCode.SI_KERNEL, False)

SIGNALS: Mapping[int, tuple[Signal, SignalCode, bool]] = {
    Vector.DIVIDE_ERROR: (Signal.SIGFPE, SignalCode.FPE_INTDIV, True),
    Vector.DEBUG: (Signal.SIGTRAP, SignalCode.TRAP_TRACE, True),
    Vector.BREAKPOINT: (Signal.SIGTRAP, SignalCode.SI_KERNEL, False),
    Vector.INVALID_OPCODE: (Signal.SIGILL, SignalCode.ILL_ILLOPN, True),
    Vector.SEGMENT_NOT_PRESENT: (Signal.SIGBUS, SignalCode.SI_KERNEL, False),
    Vector.STACK: (Signal.SIGBUS, SignalCode.SI_KERNEL, False),
    Vector.X87_FLOATING_POINT: (Signal.SIGFPE, SignalCode.SI_KERNEL, True),
    Vector.ALIGNMENT_CHECK: (Signal.SIGBUS, SignalCode.BUS_ADRALN, False),
    Vector.SIMD_FLOATING_POINT: (Signal.SIGFPE, SignalCode.SI_KERNEL, True),
}
"""The signal for each exception of a program, as Linux has it (arch/x86/kernel/traps.c); for all
others it is the default."""


class FloatingPointError(IntFlag):
    """What was wrong, in the status word of x87 and in MXCSR (AMD64 APM vol. 1, 4.2.2 and
    6.2.2)."""

    IE = 1 << 0
    DE = 1 << 1
    ZE = 1 << 2
    OE = 1 << 3
    UE = 1 << 4
    PE = 1 << 5


MXCSR_MASKS_SHIFT = 7
"""Where MXCSR has the bits that mask these."""

FLOATING_POINT_CODES = (
    (FloatingPointError.IE, SignalCode.FPE_FLTINV),
    (FloatingPointError.ZE, SignalCode.FPE_FLTDIV),
    (FloatingPointError.OE, SignalCode.FPE_FLTOVF),
    (FloatingPointError.DE | FloatingPointError.UE, SignalCode.FPE_FLTUND),
    (FloatingPointError.PE, SignalCode.FPE_FLTRES),
)
"""What each is told as; the first one that is there and not masked counts."""


class UserExceptions(Subsystem):
    """Page faults are resolved; all else becomes a signal. Nothing that a program does is a
    panic."""

    signals = rodata(
        ExceptionSignal * EXCEPTIONS,
        [
            ExceptionSignal(number=number, code=code, tells_rip=tells_rip)
            for number, code, tells_rip in (
                SIGNALS.get(vector, DEFAULT_SIGNAL) for vector in range(EXCEPTIONS)
            )
        ],
    )

    def __init__(
        self,
        scheduler: Scheduler,
        faults: FaultInjection,
        spaces: AddressSpaces,
        paging: DemandPaging,
        processes: Processes,
        killer: MemoryKiller,
        forced: ForcedSignals,
        log: Log,
    ) -> None:
        self.scheduler = scheduler
        self.faults = faults
        self.spaces = spaces
        self.paging = paging
        self.processes = processes
        self.killer = killer
        self.forced = forced
        self.log = log
        others: Mapping[int, Any] = {
            Vector.DEBUG: self.debug,
            Vector.PAGE_FAULT: self.page_fault,
            Vector.X87_FLOATING_POINT: self.x87_error,
            Vector.SIMD_FLOATING_POINT: self.sse_error,
        }
        handlers = [others.get(n, self.signal) for n in range(EXCEPTIONS)]
        self.handlers = rodata(UserTrapHandler * EXCEPTIONS, handlers)

    # Signals

    @function(context="thread", sleeps=True)
    def signal(self, frame: Keep[Ptr[TrapFrame]], address: U64) -> None:
        """Send the thread that runs the signal for the exception of `frame`."""
        info = local(SignalInfo)
        self._describe(address_of(info), frame)
        self._send(frame, address_of(info))

    @function(context="thread")
    def debug(self, frame: Keep[Ptr[TrapFrame]], status: Keep[U64]) -> None:
        """Send the signal for a debug exception that has left the `status`, a `DebugStatus`."""
        info = local(SignalInfo)
        self._describe(address_of(info), frame)
        with if_((status & DebugStatus.BS) == 0):
            mov(info.code, SignalCode.TRAP_BRKPT)  # that of `int1`: no address is watched
        self._send(frame, address_of(info))

    @function(context="thread")
    def _send(self, frame: Keep[Ptr[TrapFrame]], info: Keep[Ptr[SignalInfo]]) -> None:
        """Send the signal of `info` for the exception of `frame`, which the program can learn, too.
        Where that ends the program, there is a line that tells so."""
        task = keep(self.processes.current())
        mov(rax, frame.vector)
        mov(task.trap_number, rax)
        mov(rax, frame.error_code)
        mov(task.error_code, rax)
        with if_(~self.forced.is_handled(task, info.number)):
            self._tell(task, frame, info)
        self.forced.force(task, info)

    @function(context="thread")
    def _tell(
        self, task: Ptr[Task], frame: Keep[Ptr[TrapFrame]], info: Keep[Ptr[SignalInfo]]
    ) -> None:
        """Report that the exception of `frame` ends the program of `task`."""
        process = keep(task.process)
        name = keep(address_of(process.name))
        with if_(frame.vector == Vector.PAGE_FAULT):
            self.log.write(
                LogLevel.WARNING,
                "%s[%u]: segfault at %x ip %x sp %x error %x",
                name,
                process.number,
                info.details.fault.address,
                frame.rip,
                frame.rsp,
                frame.error_code,
            )
        with else_():
            self.log.write(
                LogLevel.WARNING,
                "%s[%u]: trap %u ip %x sp %x error %x",
                name,
                process.number,
                frame.vector,
                frame.rip,
                frame.rsp,
                frame.error_code,
            )

    @function
    def _describe(self, info: Ptr[SignalInfo], frame: Ptr[TrapFrame]) -> None:
        """Fill in `info` for the exception of `frame`."""
        entry, info = scratch(Ptr[ExceptionSignal]), scratch(info)
        info.clear()
        mov(rax, frame.vector)
        asserts(rax < EXCEPTIONS)
        point_at(entry, self.signals, rax)
        mov(eax, entry.number)
        mov(info.number, eax)
        mov(eax, u32(entry.code))
        mov(info.code, i32(eax))
        with if_(entry.tells_rip != 0):
            mov(rax, frame.rip)
            mov(info.details.fault.address, rax)

    # Page faults

    @function(context="thread", sleeps=True)
    def page_fault(self, frame: Keep[Ptr[TrapFrame]], address: Keep[UserAddress]) -> None:
        """Resolve a page fault at `address`; what can't be resolved becomes a signal."""
        wanted, space = keep(U32), keep(self.spaces.current())
        mov(wanted, Rights.READ)
        with if_(frame.error_code & PageFaultCode.ID):
            mov(wanted, Rights.EXECUTE)
        with elif_(frame.error_code & PageFaultCode.RW):
            mov(wanted, Rights.WRITE)
        asserts(space != 0)
        thread = scratch(self.scheduler.current)
        inc(thread.faults)
        release(thread)
        result = self._resolve(space, address, wanted)
        with if_(result != 0):
            self._send_fault(frame, address, result)

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

    @function(context="thread", sleeps=True)
    def _send_fault(
        self, frame: Keep[Ptr[TrapFrame]], address: Keep[U64], error: Keep[I32]
    ) -> None:
        """Send the signal for a page fault at `address` that gave an `error`."""
        info = local(SignalInfo)
        with if_(error == -Errno.ENOMEM):
            with if_(~self.killer.make_room()):
                self._kill()
            ret()
        info.clear()
        mov(info.details.fault.address, address)
        mov(info.number, Signal.SIGSEGV)
        mov(info.code, SignalCode.SEGV_MAPERR)
        space = self.spaces.current()
        asserts(space != 0)
        with if_(self.paging.covers(space, address)):
            mov(info.code, SignalCode.SEGV_ACCERR)
            with if_(error != -Errno.EFAULT):
                mov(info.number, Signal.SIGBUS)  # what the page should contain is not to be had
                mov(info.code, SignalCode.BUS_ADRERR)
        task = self.processes.current()
        mov(task.fault_address, address)
        mov(rax, USER_END)
        with if_(address >= rax):  # nobody learns whether the kernel has a page there
            or_(frame.error_code, PageFaultCode.P)
        self._send(frame, address_of(info))

    @function(context="thread")
    def _kill(self) -> None:
        """End the program that runs, for want of memory: there is no other one."""
        info, task = local(SignalInfo), keep(self.processes.current())
        process = scratch(task.process)
        name = scratch(address_of(process.name))
        self.log.write(LogLevel.WARNING, "%s[%u]: killed, out of memory", name, process.number)
        info.clear()
        mov(info.number, Signal.SIGKILL)
        mov(info.code, SignalCode.SI_KERNEL)
        self.forced.force(task, address_of(info))

    # Floating point

    @function(context="thread")
    def x87_error(self, frame: Keep[Ptr[TrapFrame]], address: U64) -> None:
        """Send the signal for the errors that x87 has noted and does not mask."""
        control = local(U16)
        fnstcw(control)
        fnstsw(ax)
        mov(cx, control)
        self._send_floating_point(frame, ax, cx)

    @function(context="thread")
    def sse_error(self, frame: Keep[Ptr[TrapFrame]], address: U64) -> None:
        """Send the signal for the errors that SSE has noted and does not mask."""
        status = local(U32)
        stmxcsr(status)
        mov(eax, status)
        mov(ecx, eax)
        shr(ecx, MXCSR_MASKS_SHIFT)
        self._send_floating_point(frame, ax, cx)

    @function(context="thread")
    def _send_floating_point(self, frame: Keep[Ptr[TrapFrame]], errors: U16, masks: U16) -> None:
        """Send SIGFPE for the first of the `errors` (`FloatingPointError`) that is not in
        `masks`."""
        info, found = local(SignalInfo), keep(U32)
        not_(masks)
        and_(masks, errors)
        movzx(found, masks)
        self._describe(address_of(info), frame)
        for bits, code in reversed(FLOATING_POINT_CODES):
            with if_(found & bits):
                mov(info.code, code)
        self._send(frame, address_of(info))
