"""The ways from programs into the kernel."""

from kernel.cpu.control import DebugStatus, Efer, Msr, RFlags
from kernel.cpu.exceptions import Vector
from kernel.cpu.features import Extended, Features
from kernel.cpu.segments import SYSRET_BASE, Selector
from kernel.cpu.stack import STACK_SIZE
from kernel.cpu.trapframe import GENERAL_REGISTERS, SYSTEM_CALL, TrapFrame
from kernel.entry.maskableinterrupts import MaskableInterrupts
from kernel.entry.systemcalls import CALLS, FIRST_PRIVATE, SystemCalls
from kernel.entry.userexceptions import UserExceptions
from kernel.errno import Errno
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.process.userreturn import PUSHED, UserReturn
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Thread
from pykasm import *
from pykasm.objects.debug import EntryFrame

CLEARED = RFlags.TF | RFlags.IF | RFlags.DF | RFlags.IOPL | RFlags.NT | RFlags.RF | RFlags.AC
"""Flags that `syscall` clears. A program may have set any of them: a trap after each instruction,
string instructions downwards, a fault at `iretq`, access to its memory."""

TRACED = RFlags.TF | RFlags.RF
"""Flags that `sysretq` does not restore, or too early."""

STACK_LEFT = STACK_SIZE - sizeof(Thread)
"""Bytes of a thread's stack below its record."""


class UserEntry(Subsystem):
    """Interrupts, exceptions and system calls of programs all leave a `TrapFrame` at the upper end
    of the thread's stack, right below the `Thread`."""

    user_rsp = percpu(U64)
    """Where rsp of the program is until it is in the frame."""

    def __init__(
        self,
        maskable: MaskableInterrupts,
        user_exceptions: UserExceptions,
        calls: SystemCalls,
        user_return: UserReturn,
        scheduler: Scheduler,
        features: Features,
        log: Log,
    ) -> None:
        self.maskable = maskable
        self.user_exceptions = user_exceptions
        self.calls = calls
        self.user_return = user_return
        self.scheduler = scheduler
        self.features = features
        self.log = log

    @function(init=True)
    def start(self) -> None:
        """Allow programs to enter on the first processor, and say so if they can't."""
        with if_((self.features.extended & Extended.SYSCALL) == 0):
            self.log.write(LogLevel.WARNING, "cpu: the processor has no SYSCALL (programs need it)")
        tail(self.start_processor)

    @function
    def start_processor(self) -> None:
        """Allow programs to enter this processor's kernel by `syscall`."""
        mov(ecx, Msr.STAR)
        xor(eax, eax)  # the lower half is for legacy mode
        mov(edx, SYSRET_BASE << 16 | Selector.CODE)
        wrmsr()
        mov(ecx, Msr.LSTAR)
        lea(rax, self.system_call)
        mov(rdx, rax)
        shr(rdx, 32)
        wrmsr()
        mov(ecx, Msr.SF_MASK)
        mov(eax, CLEARED)
        xor(edx, edx)
        wrmsr()
        mov(ecx, Msr.EFER)
        rdmsr()
        or_(eax, Efer.SCE)
        wrmsr()

    @naked(entered=EntryFrame.INTERRUPT, pushed=PUSHED, context="thread", stack=STACK_LEFT)
    def interrupted(self) -> None:
        """Handle an interrupt of a program, whose frame is complete. GS is the kernel's, interrupts
        are off."""
        mov(rdi, rsp)
        mov(self.scheduler.ticks.in_program, 1)
        call(self.maskable.handle)
        mov(self.scheduler.ticks.in_program, 0)
        with if_(self.scheduler.preemption.is_due()):
            self.scheduler.preempt_now()
        jmp(self.user_return.leave)

    @naked(entered=EntryFrame.INTERRUPT, pushed=PUSHED, context="thread", stack=STACK_LEFT)
    def raised(self) -> None:
        """Handle an exception of a program, whose frame is complete. GS is the kernel's, interrupts
        are off."""
        mov(rdi, rsp)
        mov(rax, cast(rsp, Ptr[TrapFrame]).vector)
        mov(rsi, cr2)  # the next page fault, which may come soon, changes it
        with if_(rax == Vector.DEBUG):
            self._take_debug_status()
        sti()
        call(self.user_exceptions.handlers[rax])
        cli()
        jmp(self.user_return.leave)

    @inline(changes=(rsi, rcx))
    def _take_debug_status(self) -> None:
        """Take DR6 to rsi: the processor only ever sets bits there (AMD64 APM vol. 2, 13.1.1.3)."""
        mov(rsi, dr6)
        mov(ecx, DebugStatus.NONE)
        mov(dr6, rcx)

    @naked(entered=EntryFrame.SYSCALL, context="thread", stack=STACK_LEFT)
    def system_call(self) -> None:
        """Do the system call whose number is in rax, with arguments in rdi, rsi, rdx, r10, r8, r9
        (System V ABI AMD64 supplement, A.2.1). rcx and r11 have rip and rflags of the program."""
        self.save_registers()
        self.do_call()
        frame = cast(rsp, Ptr[TrapFrame])
        cli()  # before the look, so that no work comes between it and the program
        with if_(self.user_return.is_work_pending() | (frame.rflags & TRACED)):
            jmp(self.user_return.leave)
        swapgs()
        for register in reversed(GENERAL_REGISTERS):
            pop(register)
        # rip and rflags are in rcx and r11, as they came: who changes the frame has work pending
        mov(rsp, u64[rsp + (offsetof(TrapFrame, "rsp") - offsetof(TrapFrame, "vector"))])
        sysretq()

    @inline(changes=rsp)
    def save_registers(self) -> None:
        """Leave a frame with the registers of a program that has done `syscall`, and let interrupts
        come."""
        swapgs()  # first of all: per-CPU variables are behind the kernel's GS
        mov(self.user_rsp, rsp)  # no register is free
        mov(rsp, self.scheduler.current)  # whose record lies at the end of its stack
        for word in (Selector.USER_DATA, self.user_rsp, r11, Selector.USER_CODE, rcx):
            push(word)
        push(rax)
        push(SYSTEM_CALL)
        for register in GENERAL_REGISTERS:
            push(register)
        sti()  # not before: an interrupt would have found the program's stack

    @inline(changes=CALLER_SAVED)
    def do_call(self) -> None:
        """Do the system call with its number in rax; the frame at rsp gets its result."""
        mov(rcx, r10)  # where functions expect it; `syscall` needs rcx for rip
        mov(eax, eax)  # the upper half does not count, and must not count in the index
        with if_(eax < CALLS):
            call(self.calls.handlers[rax])
        with else_():
            sub(eax, FIRST_PRIVATE)  # lower numbers become very large ones
            with if_(eax < len(self.calls.private)):
                call(self.calls.private_handlers[rax])
            with else_():
                mov(rax, -Errno.ENOSYS)
        mov(cast(rsp, Ptr[TrapFrame]).rax, rax)
