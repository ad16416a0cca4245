"""Sets of signals: bit n - 1 stands for the signal n."""

from __future__ import annotations

from kernel.signals.signalnumber import Signal
from pykasm import *


def set_of(*signals: Signal) -> int:
    """Return the set of these signals."""
    return sum(1 << (one - 1) for one in signals)


UNBLOCKABLE = set_of(Signal.SIGKILL, Signal.SIGSTOP)
"""What can't be blocked, ignored or handled (signal(7))."""

IGNORED_BY_DEFAULT = set_of(Signal.SIGCHLD, Signal.SIGCONT, Signal.SIGURG, Signal.SIGWINCH)

TERMINAL_STOPS = set_of(Signal.SIGTSTP, Signal.SIGTTIN, Signal.SIGTTOU)
"""What terminals stop process groups by."""

STOPPING = TERMINAL_STOPS | set_of(Signal.SIGSTOP)
"""What stops a process by default; all else that is not ignored ends it (signal(7))."""

DUMPING = set_of(
    *(Signal.SIGQUIT, Signal.SIGILL, Signal.SIGTRAP, Signal.SIGABRT, Signal.SIGBUS),
    *(Signal.SIGFPE, Signal.SIGSEGV, Signal.SIGXCPU, Signal.SIGXFSZ, Signal.SIGSYS),
)
"""What leaves the memory of a process in a file where it ends it by default (signal(7), "Core")."""

SYNCHRONOUS = set_of(
    *(Signal.SIGSEGV, Signal.SIGBUS, Signal.SIGILL, Signal.SIGTRAP, Signal.SIGFPE, Signal.SIGSYS)
)
"""What exceptions send. They are delivered before others."""

FIRST_REALTIME = 32
"""Signals from here on are queued as often as they are sent (signal(7), "Real-time signals")."""


@inline(changes=(rax, rcx))
def bit_of(number: U32) -> U64:
    """Return the set of the signal `number` alone."""
    mov(ecx, number)
    dec(ecx)
    xor(eax, eax)
    bts(rax, rcx)
    return rax
