"""What lies on a program's stack while a handler runs."""

from __future__ import annotations

from enum import IntFlag

from kernel.signals.signalinfo import UserSignalInfo
from kernel.signals.signaltarget import AlternateStack
from pykasm import *

RESERVED_WORDS = 8
"""At the end of a `SignalContext`."""


class ContextFlag(IntFlag):
    """What is in a `UserContext` (arch/x86/include/uapi/asm/ucontext.h)."""

    FP_XSTATE = 1 << 0
    """There is an XSAVE area where `SignalContext.extended` points to."""
    SIGCONTEXT_SS = 1 << 1
    """`SignalContext.ss` means something."""
    STRICT_RESTORE_SS = 1 << 2
    """A selector in it that is no program's is an error."""


class SignalContext(Struct):
    """The interrupted program's registers: Linux's `struct sigcontext`
    (arch/x86/include/uapi/asm/sigcontext.h)."""

    r8: U64
    r9: U64
    r10: U64
    r11: U64
    r12: U64
    r13: U64
    r14: U64
    r15: U64
    rdi: U64
    rsi: U64
    rbp: U64
    rbx: U64
    rdx: U64
    rax: U64
    rcx: U64
    rsp: U64
    rip: U64
    rflags: U64
    cs: U16
    gs: U16
    fs: U16
    ss: U16
    error_code: U64
    trap_number: U64
    old_mask: U64
    fault_address: U64
    extended: U64
    """The address of its x87, SSE and AVX registers: a `SaveArea`, with `ExtendedMarks` in it."""
    reserved: Array[U64] = field(count=RESERVED_WORDS)


class UserContext(Struct):
    """All of what the program was doing: Linux's `struct ucontext`."""

    flags: U64 = field(ContextFlag)
    link: U64
    stack: AlternateStack
    context: SignalContext
    mask: U64


class SignalFrame(Struct):
    """What the kernel pushes: Linux's `struct rt_sigframe` (arch/x86/include/asm/sigframe.h)."""

    restorer: U64
    """Where the handler returns to: a function that calls `rt_sigreturn`."""
    context: UserContext
    info: UserSignalInfo


RESTORED_SIZE = offsetof(SignalFrame, "info")
"""Bytes that `rt_sigreturn` looks at."""


class ReturnedContext(Struct):
    """What `rt_sigreturn` takes from a frame beside the general registers, as it is there."""

    flags: U64 = field(ContextFlag)
    stack: AlternateStack
    cs: U16
    gs: U16
    fs: U16
    ss: U16
    extended: U64
    mask: U64
