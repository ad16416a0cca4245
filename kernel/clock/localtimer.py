"""Each processor's local APIC timer: an interrupt at a given time."""

from __future__ import annotations

from enum import IntEnum

from kernel.clock.clock import Clock
from kernel.clock.tsc import read_tsc
from kernel.clock.units import Nanoseconds, Ticks
from kernel.cpu.control import Msr
from kernel.cpu.features import BasicMore, Features
from kernel.interrupts.localapic import ApicRegister, LocalApic, Lvt
from kernel.interrupts.vectors import InterruptVector
from pykasm import *

MAX_COUNT = (1 << 32) - 1


class DivideConfiguration(IntEnum):
    """The divide configuration register (Intel SDM vol. 3A, 11.5.4)."""

    BY_1 = 0b1011


class LocalTimer(Subsystem):
    """The timer of the local APIC, in one-shot mode: it raises one interrupt each time it is set.

    It uses TSC-deadline mode where the processor has that, else a count. The interrupt may come too
    early, so that its handler has to look at the clock and set the timer again.
    """

    rate = bss(U64)
    """Counts of the timer per tick of the time-stamp counter, in units of 2**-32."""
    calibration_start = init(U64, 0)
    """The time-stamp counter at `start_calibration`."""

    def __init__(self, features: Features, apic: LocalApic, clock: Clock) -> None:
        self.features = features
        self.apic = apic
        self.clock = clock

    @function(init=True)
    def start_calibration(self) -> None:
        """Start counting down, for `finish_calibration` to measure."""
        self.apic.write(ApicRegister.DIVIDE, DivideConfiguration.BY_1)
        self.apic.write(ApicRegister.INITIAL_COUNT, MAX_COUNT)
        read_tsc()
        mov(self.calibration_start, rax)

    @function(init=True)
    def finish_calibration(self) -> None:
        """Compute the timer's rate, 100 µs to a second after `start_calibration`."""
        left = scratch(self.apic.read(ApicRegister.CURRENT_COUNT))
        read_tsc()
        sub(rax, self.calibration_start)
        mov(rcx, rax)
        mov(eax, MAX_COUNT)
        sub(eax, left)
        xor(edx, edx)
        shl(rax, 32)
        div(rcx)
        mov(self.rate, rax)

    @function
    def start(self) -> None:
        """Have this processor's timer raise `InterruptVector.TIMER`, once it is set."""
        self.apic.write(ApicRegister.DIVIDE, DivideConfiguration.BY_1)
        with if_(self.features.basic_more & BasicMore.TSC_DEADLINE):
            self.apic.write(ApicRegister.LVT_TIMER, Lvt.TSC_DEADLINE | InterruptVector.TIMER)
            mfence()  # or wrmsr may overtake the write to memory (Intel SDM vol. 3A, 11.5.4.1)
        with else_():
            self.apic.write(ApicRegister.LVT_TIMER, InterruptVector.TIMER)

    @function
    def set(self, deadline: Keep[Nanoseconds]) -> None:
        """Set the timer for the time `deadline`, in nanoseconds, in place of any earlier setting.

        A deadline in the past raises the interrupt at once. Context: preemption disabled.
        """
        sub(deadline, self.clock.now())
        with if_(CF):
            xor(u32(deadline), u32(deadline))
        ticks = self.clock.ticks_in(deadline)
        with if_(self.features.basic_more & BasicMore.TSC_DEADLINE):
            tail(self._set_deadline, ticks)
        tail(self._set_count, ticks)

    @function
    def _set_deadline(self, ticks: Ticks) -> None:
        """Raise the interrupt after `ticks` of the time-stamp counter, by TSC-deadline mode."""
        read_tsc()
        add(rax, ticks)
        mov(rdx, rax)
        shr(rdx, 32)
        mov(ecx, Msr.TSC_DEADLINE)
        wrmsr()

    @function
    def _set_count(self, ticks: Ticks) -> None:
        """Raise the interrupt after `ticks` of the time-stamp counter, or the longest count."""
        mov(rax, ticks)
        mul(self.rate)
        shrd(rax, rdx, 32)
        shr(rdx, 32)
        mov(ecx, MAX_COUNT)
        with if_((rdx != 0) | (rax > rcx)):
            mov(rax, rcx)
        or_(eax, 1)  # 0 would stop the timer
        tail(self.apic.write, ApicRegister.INITIAL_COUNT, eax)
