"""The counter of the high-precision event timer (IA-PC HPET Specification 1.0a)."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.acpi.hpet import HpetDescription
from kernel.cpu.pagetable import PAGE
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.mm.directmap import DirectMap
from kernel.time.referenceclock import ReferenceClock, ReferenceClockDriver
from pykasm import *

MAX_PERIOD = 100_000_000
"""Femtoseconds per count (2.3.4)."""

MASK_32 = (1 << 32) - 1
"""The bits of a 32-bit counter."""


class HpetRegister(IntEnum):
    """Offsets of the registers, which have 64 bits (2.3.2)."""

    CAPABILITIES = 0x000
    """The upper half is the period in femtoseconds."""
    CONFIGURATION = 0x010
    COUNTER = 0x0F0


class HpetCapabilities(IntFlag):
    """The register `CAPABILITIES` (2.3.4)."""

    COUNT_SIZE = 1 << 13
    """The counter has 64 bits."""


class HpetConfiguration(IntFlag):
    """The register `CONFIGURATION` (2.3.5)."""

    ENABLE = 1 << 0


class Hpet(ReferenceClockDriver):
    """Count at 10 MHz or faster. The comparators and their interrupts are not used."""

    base = bss(U64)
    """The address of the mapped registers."""

    def __init__(self, description: HpetDescription, memory: DirectMap, log: Log) -> None:
        self.description = description
        self.memory = memory
        self.log = log
        self.reference = data(
            ReferenceClock, ReferenceClock(name="hpet", read=self.read, mask=2**64 - 1)
        )

    @function(init=True)
    def start(self) -> None:
        """Start the counter, if there is one and its period is valid."""
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
        with if_((rax == 0) | (rax > MAX_PERIOD)):  # no HPET, or a broken one
            ret()
        with if_((capabilities & HpetCapabilities.COUNT_SIZE) == 0):
            mov(ecx, MASK_32)
            mov(self.reference.mask, rcx)
        or_(u64[base + HpetRegister.CONFIGURATION], HpetConfiguration.ENABLE)
        mov(self.base, base)
        mov(self.reference.period, rax)  # last: with a period it counts as working

    @function
    def read(self) -> U64:
        """Return the count. Context: any."""
        mov(rax, self.base)
        ret(u64[rax + HpetRegister.COUNTER])
