"""What an interrupt or exception leaves on the stack."""

from pykasm import *


class TrapFrame(Struct):
    """The interrupted code's registers: the general ones saved by our stubs, above them what the
    processor pushes (AMD64 APM vol. 2, 8.9.3 "Long-mode interrupt stack frame").

    `error_code` is 0 for vectors where the processor pushes none.
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
