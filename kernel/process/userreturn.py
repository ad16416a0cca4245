"""The way from the kernel to a program."""

from __future__ import annotations

from typing import NoReturn

from kernel.cpu.trapframe import GENERAL_REGISTERS, INTERRUPT_FRAME_SIZE, TrapFrame
from kernel.process.userwork import UserWork
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Thread
from pykasm import *
from pykasm.objects.debug import EntryFrame

PUSHED = sizeof(TrapFrame) - INTERRUPT_FRAME_SIZE
"""Bytes of a `TrapFrame` below what the processor pushes."""


class UserReturn(Subsystem):
    """Goes on with a program, whose registers are in the `TrapFrame` at the upper end of its
    thread's stack, right below the `Thread`.

    With interrupts off, `Thread.pending` is compared with 0: signals, the end of the thread, all
    that is rare is behind that one branch.
    """

    def __init__(self, scheduler: Scheduler, work: UserWork) -> None:
        self.scheduler = scheduler
        self.work = work

    @naked(entered=EntryFrame.INTERRUPT, pushed=PUSHED, context="thread")
    def leave(self) -> None:
        """Go on with the program whose frame rsp points to. Interrupts are off, GS is the
        kernel's."""
        # Looked at with interrupts off up to `iretq`: what an interrupt brings after the look would
        # wait until the program comes into the kernel by itself
        with while_(lambda: self.is_work_pending()):
            sti()
            mov(rdi, rsp)
            call(self.work.run)
            cli()
        swapgs()
        for register in reversed(GENERAL_REGISTERS):
            pop(register)
        add(rsp, 2 * sizeof(U64))  # the vector and the error code
        iretq()

    @inline(changes=rax)
    def is_work_pending(self) -> Condition:
        """Return the condition that something is to be done before this thread's program goes
        on."""
        mov(rax, self.scheduler.current)
        return cast(rax, Ptr[Thread]).pending != 0

    @naked
    def enter(self) -> NoReturn:
        """Begin to run this thread's program: drop all that the kernel has on the stack. Context:
        thread."""
        cli()
        mov(rsp, self.scheduler.current)
        # The frame is where `UserEntry` makes it, right below the thread
        sub(rsp, sizeof(TrapFrame))
        jmp(self.leave)
        never()
