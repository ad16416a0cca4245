"""The way of system calls into the kernel while some are traced."""

from __future__ import annotations

from kernel.boot.information import BootInformation
from kernel.cpu.control import Msr
from kernel.cpu.trapframe import TrapFrame
from kernel.entry.systemcalltrace import ARGUMENTS, EVERYBODY, NOBODY, SystemCallTrace
from kernel.entry.userentry import STACK_LEFT, UserEntry
from kernel.process.userreturn import UserReturn
from kernel.processors.request import Request
from kernel.smp.calls import Calls
from kernel.sync.mutex import Mutex, Mutexes
from pykasm import *
from pykasm.objects.debug import EntryFrame

FIRST_PROCESS = 1


class TracedEntry(Subsystem):
    """Has processors enter by other code than `UserEntry.system_call` while a process is traced, so
    that nothing is asked of calls when none is."""

    lock = bss(Mutex)
    """Held by who changes what is traced."""

    def __init__(
        self,
        entry: UserEntry,
        trace: SystemCallTrace,
        user_return: UserReturn,
        calls: Calls,
        mutexes: Mutexes,
        information: BootInformation,
    ) -> None:
        self.entry = entry
        self.trace = trace
        self.user_return = user_return
        self.calls = calls
        self.mutexes = mutexes
        self.information = information

    @function(init=True, sleeps=True)
    def start(self) -> None:
        """Trace what the command line wants: all programs, or the first one."""
        with if_(self.information.has_option(text("trace=all"))):
            tail(self.set_traced, EVERYBODY)
        with if_(self.information.has_option(text("trace=1"))):
            tail(self.set_traced, FIRST_PROCESS)

    @function(context="thread", sleeps=True)
    def set_traced(self, number: Keep[U32]) -> None:
        """Trace the process `number` from now on, EVERYBODY or NOBODY."""
        request = local(Request)
        with self.mutexes.held(self.lock):
            mov(self.trace.traced, number)
            request.prepare(address_of(self._use_entry))
            self.calls.on_others(address_of(request))
            self._set_entry()

    @function(context="interrupt")
    def _use_entry(self, request: Ptr[Request]) -> None:
        """Have this processor's programs enter by what is right now."""
        tail(self._set_entry)

    @function(context="any")
    def _set_entry(self) -> None:
        """Set where `syscall` goes to on this processor."""
        lea(rax, self.entry.system_call)
        with if_(self.trace.traced != NOBODY):
            lea(rax, self.system_call)
        mov(rdx, rax)
        shr(rdx, 32)
        mov(ecx, Msr.LSTAR)
        wrmsr()

    @naked(entered=EntryFrame.SYSCALL, context="thread", stack=STACK_LEFT)
    def system_call(self) -> None:
        """Do what `UserEntry.system_call` does, and print it if that is wanted."""
        self.entry.save_registers()
        call(self.trace.is_traced)
        with if_(al != 0):
            mov(rdi, rsp)
            call(self.trace.begin)
        frame = cast(rsp, Ptr[TrapFrame])
        for name, register in zip(ARGUMENTS, (rdi, rsi, rdx, r10, r8, r9), strict=True):
            mov(register, getattr(frame, name))
        mov(rax, frame.error_code)
        self.entry.do_call()
        sti()  # calls that don't return turn interrupts off, and nothing tells these from others
        call(self.trace.is_traced)
        with if_(al != 0):
            mov(rdi, rsp)
            call(self.trace.end)
        cli()
        jmp(self.user_return.leave)
