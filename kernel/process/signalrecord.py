"""Signals as files tell of them."""

from __future__ import annotations

from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signalnumber import Signal, SignalCode
from pykasm import *

UNUSED = 46
"""Bytes at the end."""

FAULTS = (
    *(Signal.SIGILL, Signal.SIGFPE, Signal.SIGSEGV),
    *(Signal.SIGBUS, Signal.SIGTRAP),
)


class SignalRecord(Struct):
    """Linux's `struct signalfd_siginfo` (include/uapi/linux/signalfd.h)."""

    number: U32
    error: U32
    code: I32
    process: U32
    user: U32
    file: U32
    timer: U32
    band: U32
    overrun: U32
    trap: U32
    status: I32
    value: U32
    pointer: U64
    """`value` with its upper half."""
    user_time: U64
    system_time: U64
    address: U64
    address_bits: U16
    unused: Array[U8] = field(count=UNUSED)


class SignalRecords(Subsystem):
    """Fills them in. Context: any."""

    @function
    def fill(self, record: Keep[Ptr[SignalRecord]], info: Keep[Ptr[SignalInfo]]) -> None:
        """Have `record` tell what `info` does, by what its signal and code mean."""
        zero(record)
        copy_fields(record, info, "number", "error", "code")
        with if_(info.code == SignalCode.SI_TIMER):
            tail(self._fill_timer, record, info)
        with if_(info.code < 0):
            self._fill_value(record, info)
        with elif_((info.code > 0) & (info.code < SignalCode.SI_KERNEL)):
            tail(self._fill_by_signal, record, info)
        tail(self._fill_sender, record, info)

    @function
    def _fill_by_signal(self, record: Keep[Ptr[SignalRecord]], info: Keep[Ptr[SignalInfo]]) -> None:
        """Tell what comes with one of the signals whose codes mean something beside them alone."""
        with switch(scratch(info.number)):
            with case(Signal.SIGCHLD):
                self._fill_child(record, info)
            with case(*FAULTS):
                mov(rax, info.details.fault.address)
                mov(record.address, rax)
                ret()
        tail(self._fill_sender, record, info)

    @function
    def _fill_sender(self, record: Ptr[SignalRecord], info: Ptr[SignalInfo]) -> None:
        """Tell who has sent a signal, or whose end has."""
        mov(eax, info.details.sender.process)
        mov(record.process, eax)
        mov(eax, info.details.sender.user)
        mov(record.user, eax)

    @function
    def _fill_timer(self, record: Ptr[SignalRecord], info: Ptr[SignalInfo]) -> None:
        """Tell of a timer."""
        mov(eax, info.details.timer.timer)
        mov(record.timer, eax)
        mov(eax, info.details.timer.overrun)
        mov(record.overrun, eax)
        mov(rax, info.details.timer.value)
        mov(record.pointer, rax)
        mov(record.value, eax)

    @function
    def _fill_value(self, record: Ptr[SignalRecord], info: Ptr[SignalInfo]) -> None:
        """Tell what a program has sent with a signal."""
        mov(rax, info.details.sender.value)
        mov(record.pointer, rax)
        mov(record.value, eax)

    @function
    def _fill_child(self, record: Ptr[SignalRecord], info: Ptr[SignalInfo]) -> None:
        """Tell what a child has come to."""
        mov(eax, u32(info.details.child.status))
        mov(u32(record.status), eax)
        mov(rax, u64(info.details.child.user_time))
        mov(record.user_time, rax)
        mov(rax, u64(info.details.child.system_time))
        mov(record.system_time, rax)
