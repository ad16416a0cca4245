"""What an interrupt, an exception or a system call leaves on the stack."""

from pykasm import *

SYSTEM_CALL = 256
"""What `TrapFrame.vector` is in a system call: that of no interrupt."""

RESUMED = 257
"""What it is once it is settled how the program goes on behind the call, which is not begun again
then."""

GENERAL_REGISTERS = (rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15)
"""In the order in which `TrapFrame` has them, from its upper end."""

INTERRUPT_FRAME_SIZE = 5 * sizeof(U64)
"""Bytes that the processor pushes: rip, cs, rflags, rsp, ss."""


class TrapFrame(Struct):
    """The interrupted code's registers: the general ones saved by our stubs, above them what the
    processor pushes (AMD64 APM vol. 2, 8.9.3 "Long-mode interrupt stack frame").

    `error_code` is 0 for vectors where the processor pushes none. Of a system call it is the
    number, all of rax as the program gave it.
    """

    r15: U64
    r14: U64
    r13: U64
    r12: U64
    r11: U64
    r10: U64
    r9: U64
    r8: U64
    rbp: U64
    rdi: U64
    rsi: U64
    rdx: U64
    rcx: U64
    rbx: U64
    rax: U64
    vector: U64
    error_code: U64
    rip: U64
    cs: U64
    rflags: U64
    rsp: U64
    ss: U64
