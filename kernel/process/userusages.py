"""What was used, as programs get it."""

from __future__ import annotations

from kernel.clock.units import NSEC_PER_SEC
from kernel.cpu.pagetable import PAGE
from kernel.process.resourceusage import ResourceUsage
from kernel.process.usertimes import MICROSECOND
from kernel.vm.usercopy import UserCopy
from pykasm import *

KIBIBYTES = PAGE // 1024
"""In a page."""


class UserUsage(Struct):
    """Linux's `struct rusage`. What is not counted is 0, as most of it is in Linux."""

    user_seconds: U64
    user_microseconds: U64
    system_seconds: U64
    system_microseconds: U64
    peak: U64
    """KiB that were in memory at once."""
    shared_memory: U64
    data: U64
    stack: U64
    faults: U64
    major_faults: U64
    swaps: U64
    blocks_in: U64
    blocks_out: U64
    messages_sent: U64
    messages_received: U64
    signals: U64
    waits: U64
    preemptions: U64


class UserUsages(Subsystem):
    """Copies `ResourceUsage`s to programs. Context: thread."""

    def __init__(self, copy: UserCopy) -> None:
        self.copy = copy

    @function(context="thread", sleeps=True)
    def give(self, target: Keep[User[U8]], usage: Keep[Ptr[ResourceUsage]]) -> OrErrno[I64]:
        """Store `usage` at the program's `target`. Returns 0 or -EFAULT."""
        told = local(UserUsage)
        zero(told)
        for kind in ("user", "system"):
            mov(rax, getattr(usage.time, kind))
            xor(edx, edx)
            mov(ecx, NSEC_PER_SEC)
            div(rcx)
            mov(getattr(told, f"{kind}_seconds"), rax)
            mov(rax, rdx)
            xor(edx, edx)
            mov(ecx, MICROSECOND)
            div(rcx)
            mov(getattr(told, f"{kind}_microseconds"), rax)
        copy_fields(told, usage, "faults", "waits", "preemptions")
        imul(rax, usage.peak, KIBIBYTES)
        mov(told.peak, rax)
        result, left = self.copy.copy_out(target, address_of(told), sizeof(UserUsage))
        ignore(left)
        movsxd(rax, result)
        ret(rax)
