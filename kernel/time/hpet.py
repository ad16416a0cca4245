"""The high-precision event timer, as a counter (IA-PC HPET Specification 1.0a)."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.acpi.hpet import HpetDescription
from kernel.cpu.pagetable import PAGE
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.mm.directmap import DirectMap
from kernel.time.referenceclock import ReferenceClock, ReferenceCounter
from pykasm import *

LONGEST_PERIOD = 100_000_000
"""Femtoseconds (2.3.4)."""

SHORT_MASK = (1 << 32) - 1


class HpetRegister(IntEnum):
    """Offsets of registers, 64 bits each (2.3.2)."""

    CAPABILITIES = 0x000
    """The upper half is the period in femtoseconds."""
    CONFIGURATION = 0x010
    COUNTER = 0x0F0


class HpetCapabilities(IntFlag):
    """`CAPABILITIES` (2.3.4)."""

    COUNT_SIZE = 1 << 13
    """The counter has 64 bits."""


class HpetConfiguration(IntFlag):
    """`CONFIGURATION` (2.3.5)."""

    ENABLE = 1 << 0


class Hpet(ReferenceCounter):
    """Counts at 10 MHz or faster. Its comparators, and the interrupts they make, are not used."""

    base = bss(U64)
    """Where the registers are mapped."""

    def __init__(self, description: HpetDescription, memory: DirectMap, log: Log) -> None:
        self.description = description
        self.memory = memory
        self.log = log
        self.reference = data(ReferenceClock, ReferenceClock(name="hpet", read=self.read, mask=-1))

    @function(init=True)
    def start(self) -> None:
        """Let it count, if there is one and it makes sense."""
        address = self.description.address()
        with if_(address == 0):
            ret()
        address = keep(address)
        base = keep(self.memory.map_registers(address, PAGE))
        with if_(base == 0):
            self.log.write(
                LogLevel.WARNING, "ACPI: no HPET can be at 0x%x; going on without it", address
            )
            ret()
        capabilities = scratch(u64[base + HpetRegister.CAPABILITIES])
        mov(rax, capabilities)
        shr(rax, 32)
        with if_((rax == 0) | (rax > LONGEST_PERIOD)):
            ret()
        with if_((capabilities & HpetCapabilities.COUNT_SIZE) == 0):
            mov(ecx, SHORT_MASK)
            mov(self.reference.mask, rcx)
        or_(u64[base + HpetRegister.CONFIGURATION], HpetConfiguration.ENABLE)
        mov(self.base, base)
        mov(self.reference.period, rax)

    @function
    def read(self) -> U64:
        """The counter."""
        mov(rax, self.base)
        ret(u64[rax + HpetRegister.COUNTER])
