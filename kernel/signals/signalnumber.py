"""The numbers of signals."""

from enum import IntEnum


class Signal(IntEnum):
    """By the numbers of Linux on x86-64 (include/uapi/asm-generic/signal.h; signal(7))."""

    SIGHUP = 1
    SIGINT = 2
    SIGQUIT = 3
    SIGILL = 4
    SIGTRAP = 5
    SIGABRT = 6
    SIGBUS = 7
    SIGFPE = 8
    SIGKILL = 9
    SIGUSR1 = 10
    SIGSEGV = 11
    SIGUSR2 = 12
    SIGPIPE = 13
    SIGALRM = 14
    SIGTERM = 15
    SIGSTKFLT = 16
    SIGCHLD = 17
    SIGCONT = 18
    SIGSTOP = 19
    SIGTSTP = 20
    SIGTTIN = 21
    SIGTTOU = 22
    SIGURG = 23
    SIGXCPU = 24
    SIGXFSZ = 25
    SIGVTALRM = 26
    SIGPROF = 27
    SIGWINCH = 28
    SIGIO = 29
    SIGPWR = 30
    SIGSYS = 31


SIGNALS = 64
"""The number of signals, those of real time included."""


class SignalCode(IntEnum):
    """Why a signal was sent: `si_code` (include/uapi/asm-generic/siginfo.h; sigaction(2)).

    Those of exceptions mean something only beside their signal.
    """

    SI_USER = 0
    SI_KERNEL = 0x80
    SI_QUEUE = -1
    SI_TIMER = -2
    SI_MESGQ = -3
    SI_TKILL = -6
    ILL_ILLOPN = 2
    FPE_INTDIV = 1
    FPE_INTOVF = 2
    FPE_FLTDIV = 3
    FPE_FLTOVF = 4
    FPE_FLTUND = 5
    FPE_FLTRES = 6
    FPE_FLTINV = 7
    SEGV_MAPERR = 1
    SEGV_ACCERR = 2
    BUS_ADRALN = 1
    BUS_ADRERR = 2
    TRAP_BRKPT = 1
    TRAP_TRACE = 2
    CLD_EXITED = 1
    CLD_KILLED = 2
    CLD_DUMPED = 3
    CLD_STOPPED = 5
    CLD_CONTINUED = 6
