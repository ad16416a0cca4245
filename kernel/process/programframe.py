"""Where the registers of programs are while the kernel runs."""

from __future__ import annotations

from kernel.cpu.trapframe import TrapFrame
from kernel.sched.thread import Thread
from pykasm import *


@inline(changes="thread")
def program_frame(thread: Ptr[Thread]) -> Ptr[TrapFrame]:
    """Turn `thread`, a register, into the address of the registers of its program."""
    sub(u64(thread), sizeof(TrapFrame))
    return cast(thread, Ptr[TrapFrame])
