"""The registers as they are, in the form of a trap frame."""

from kernel.cpu.trapframe import TrapFrame
from pykasm import *
from pykasm.lang import registers

GENERAL = (
    *("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp"),
    *("r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"),
)
"""The general registers but rsp."""

FRAME_ROOM = sizeof(TrapFrame) + sizeof(U64)
"""Bytes that `push_frame` takes: they leave the stack aligned for a call."""


@inline(changes=rax)
def push_frame() -> None:
    """Push the caller's registers as a TrapFrame, at the start of naked code.

    Its rip is the last byte of the call that led here, so that its line is the call's.
    """
    lea(rsp, bare[rsp - FRAME_ROOM])  # as `sub`, but leaves the flags
    frame = cast(rsp, Ptr[TrapFrame])
    for name in GENERAL:
        mov(getattr(frame, name), getattr(registers, name))
    pushfq()
    pop(rax)
    mov(frame.rflags, rax)
    lea(rax, bare[rsp + FRAME_ROOM + sizeof(U64)])
    mov(frame.rsp, rax)
    mov(rax, u64[rax - sizeof(U64)])
    dec(rax)
    mov(frame.rip, rax)
    for name, selector in (("cs", cs), ("ss", ss)):
        mov(rax, selector)
        mov(getattr(frame, name), rax)
