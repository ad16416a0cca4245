"""Times as programs give and get them."""

from __future__ import annotations

from kernel.clock.units import NSEC_PER_SEC, Nanoseconds
from kernel.errno import Errno
from kernel.vm.usercopy import UserCopy
from pykasm import *

LATEST = (1 << 63) - 1
"""Nanoseconds of the latest time that there is (Linux: KTIME_MAX)."""


class TimeSpec(Struct):
    """A time, or a span: `struct timespec` (include/uapi/linux/time.h)."""

    seconds: Untrusted[I64]
    nanoseconds: Untrusted[U64]
    """Less than a second."""


class TimeSpecs(Subsystem):
    """Copies them, and converts them to nanoseconds. Context: thread."""

    def __init__(self, copy: UserCopy) -> None:
        self.copy = copy

    @function(context="thread", sleeps=True)
    def take(self, source: Fetched[User[U8]], target: Keep[Ptr[Nanoseconds]]) -> OrErrno[I64]:
        """Set what is at `target` to the span at the program's `source`, or to the longest one.
        Returns 0, -EFAULT, or -EINVAL for what is none."""
        spec = local(TimeSpec)
        result, left = self.copy.copy_in(address_of(spec), source, sizeof(TimeSpec))
        ignore(left)
        with if_(result != 0):
            movsxd(rax, result)
            ret(rax)
        fail_if(spec.seconds < 0, Errno.EINVAL)
        fail_if(spec.nanoseconds >= NSEC_PER_SEC, Errno.EINVAL)
        mov(rax, spec.seconds)
        mov(ecx, NSEC_PER_SEC)
        mul(rcx)
        add(rax, spec.nanoseconds)
        adc(rdx, 0)
        mov(rcx, LATEST)
        with if_((rdx != 0) | (rax > rcx)):
            mov(rax, rcx)
        mov(at(target), rax)
        ret(0)

    @inline(changes=(rax, rcx, rdx))
    def split(self) -> None:
        """Turn the nanoseconds in rax into seconds there, and in rdx those behind them."""
        xor(edx, edx)
        mov(ecx, NSEC_PER_SEC)
        div(rcx)

    @function(context="thread", sleeps=True)
    def give(self, target: User[U8], time: U64, unit: U64) -> OrErrno[I64]:
        """Store `time`, in nanoseconds, at the program's `target`: seconds, and the rest in units
        of so many nanoseconds. Returns 0 or -EFAULT."""
        unit, target = scratch(unit), scratch(target)
        mov(rax, time)
        self.split()
        mov(rsi, rax)
        with if_(unit != 1):
            mov(rax, rdx)
            xor(edx, edx)
            div(unit)
            mov(rdx, rax)
        tail(self.copy.copy_out_pair, target, rsi, rdx)
