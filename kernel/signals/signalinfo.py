"""What comes with a signal."""

from __future__ import annotations

from pykasm import *

UNUSED_WORDS = 10
"""Words behind a `SignalInfo` that programs find zero in the 128 bytes of a `siginfo_t`."""


class SenderDetails(Struct):
    """Of signals that a program has sent."""

    process: U32
    user: U32
    value: U64
    """What `sigqueue` gave with it."""


class ChildDetails(Struct):
    """Of SIGCHLD."""

    process: U32
    user: U32
    status: I32
    user_time: I64
    system_time: I64


class FaultDetails(Struct):
    """Of what an exception sent."""

    address: U64


class TimerDetails(Struct):
    """Of the signals of a timer (timer_create(2))."""

    timer: U32
    """Its number."""
    overrun: U32
    """How often it has expired since the signal was sent."""
    value: U64
    """What the program gave with it."""


class SignalDetails(Union):
    """What else is told, by the signal and its code."""

    sender: SenderDetails
    timer: TimerDetails
    child: ChildDetails
    fault: FaultDetails


class SignalInfo(Struct):
    """A signal, with all that is told of it: the first part of Linux's `siginfo_t`
    (include/uapi/asm-generic/siginfo.h; sigaction(2))."""

    number: U32
    error: U32
    code: I32
    """Why it was sent: a `SignalCode`, or what the program said that sent it."""
    details: SignalDetails

    @inline(changes=(rax, rcx))
    def clear(self) -> None:
        """Make all of it 0."""
        lea(rcx, self)
        xor(eax, eax)
        for offset in range(0, sizeof(SignalInfo), sizeof(U64)):
            mov(u64[rcx + offset], rax)

    @inline(changes=(rax, rcx))
    def copy_from(self, source: Ptr[SignalInfo]) -> None:
        """Make this what is at `source`, a register."""
        lea(rcx, self)
        for offset in range(0, sizeof(SignalInfo), sizeof(U64)):
            mov(rax, u64[u64(source) + offset])
            mov(u64[rcx + offset], rax)


class UserSignalInfo(Struct):
    """All of a `siginfo_t`, as programs see it."""

    info: SignalInfo
    unused: Array[U64] = field(count=UNUSED_WORDS)

    @inline
    def clear_rest(self) -> None:
        """Zero what is not used."""
        for number in range(UNUSED_WORDS):
            mov(self.unused[number], 0)
