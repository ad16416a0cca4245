"""An interrupt at a time, on each processor."""

from __future__ import annotations

from enum import IntEnum

from kernel.clock.clock import Clock
from kernel.clock.tsc import read_tsc
from kernel.cpu.control import Msr
from kernel.cpu.features import BasicMore, Features
from kernel.interrupts.localapic import ApicRegister, LocalApic, Lvt
from kernel.interrupts.vectors import InterruptVector
from pykasm import *

LONGEST_COUNT = (1 << 32) - 1


class DivideConfiguration(IntEnum):
    """The register `DIVIDE` (Intel SDM vol. 3A, 11.5.4)."""

    BY_1 = 0b1011


class LocalTimer(Subsystem):
    """The timer of the local APIC. It goes off once for each time that it is set.

    By the time-stamp counter where the processor can do that (TSC-deadline mode), else by a count
    down. It may go off early, never for good: whoever set it looks at the clock and sets it again.
    """

    rate = bss(U64)
    """Counts of the timer in a tick of the time-stamp counter, in units of 2**-32."""
    measured_from = init(U64, 0)
    """The time-stamp counter when `begin_measuring` let the timer count."""

    def __init__(self, features: Features, apic: LocalApic, clock: Clock) -> None:
        self.features = features
        self.apic = apic
        self.clock = clock

    @function(init=True)
    def begin_measuring(self) -> None:
        """Let the timer count down, until `finish_measuring` tells how fast that was."""
        self.apic.write(ApicRegister.DIVIDE, DivideConfiguration.BY_1)
        self.apic.write(ApicRegister.INITIAL_COUNT, LONGEST_COUNT)
        read_tsc()
        mov(self.measured_from, rax)

    @function(init=True)
    def finish_measuring(self) -> None:
        """Find the timer's rate. At least some 100 µs after `begin_measuring`, and no seconds."""
        left = scratch(self.apic.read(ApicRegister.CURRENT_COUNT))
        read_tsc()
        sub(rax, self.measured_from)
        mov(rcx, rax)
        mov(eax, LONGEST_COUNT)
        sub(eax, left)
        xor(edx, edx)
        shl(rax, 32)
        div(rcx)
        mov(self.rate, rax)

    @function
    def start(self) -> None:
        """Let this processor's timer interrupt by `InterruptVector.TIMER`, once it is set."""
        self.apic.write(ApicRegister.DIVIDE, DivideConfiguration.BY_1)
        with if_(self.features.basic_more & BasicMore.TSC_DEADLINE):
            self.apic.write(ApicRegister.LVT_TIMER, Lvt.TSC_DEADLINE | InterruptVector.TIMER)
            mfence()  # MSRs do not wait for the write to memory (Intel SDM vol. 3A, 11.5.4.1)
        with else_():
            self.apic.write(ApicRegister.LVT_TIMER, InterruptVector.TIMER)

    @function
    def set(self, deadline: Keep[U64]) -> None:
        """Go off when the clock comes to `deadline`, in nanoseconds, instead of when it was set
        for before; at once if that is past. Context: any that stays on its processor."""
        sub(deadline, self.clock.now())
        with if_(CF):
            xor(u32(deadline), u32(deadline))
        ticks = self.clock.ticks_in(deadline)
        with if_(self.features.basic_more & BasicMore.TSC_DEADLINE):
            tail(self.set_by_deadline, ticks)
        tail(self.set_by_count, ticks)

    @function
    def set_by_deadline(self, ticks: U64) -> None:
        """Go off after so many ticks of the time-stamp counter."""
        read_tsc()
        add(rax, ticks)
        mov(rdx, rax)
        shr(rdx, 32)
        mov(ecx, Msr.TSC_DEADLINE)
        wrmsr()

    @function
    def set_by_count(self, ticks: U64) -> None:
        """Go off after so many ticks of the time-stamp counter, or as late as the timer can."""
        mov(rax, ticks)
        mul(self.rate)
        shrd(rax, rdx, 32)
        shr(rdx, 32)
        mov(ecx, LONGEST_COUNT)
        with if_((rdx != 0) | (rax > rcx)):
            mov(rax, rcx)
        or_(eax, 1)  # 0 would stop the timer
        tail(self.apic.write, ApicRegister.INITIAL_COUNT, eax)
