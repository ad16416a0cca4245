"""The counter of the high-precision event timer (IA-PC HPET Specification 1.0a)."""

from __future__ import annotations

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


class HpetRegisters(Struct):
    """The registers, which have 64 bits (2.3.2)."""

    capabilities: U64 = bits(_identity=13, count_size=1, _more=18, period=32)
    """`count_size`: the counter has 64 bits; `period`: femtoseconds per count (2.3.4)."""
    reserved: U64
    configuration: U64 = bits(enable=1)
    """Whether it counts (2.3.5)."""
    counter: U64 = field(at=0x0F0)


class Hpet(ReferenceClockDriver):
    """Count at 10 MHz or faster. The comparators and their interrupts are not used."""

    registers = bss(Ptr[HpetRegisters])
    """Null until they are mapped."""

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
        with if_(~self.memory.claim(address, PAGE)):
            self.log.write(
                LogLevel.WARNING, "ACPI: no HPET can be at 0x%x; going on without it", address
            )
            ret()
        registers = keep(cast(self.memory.map_registers(address, PAGE), Ptr[HpetRegisters]))
        with if_(registers == 0):
            ret()
        period = scratch(registers.capabilities.period)
        with if_((period == 0) | (period > MAX_PERIOD)):  # no HPET, or a broken one
            ret()
        with if_(~registers.capabilities.count_size):
            mov(ecx, MASK_32)
            mov(self.reference.mask, rcx)
        mov(registers.configuration.enable, 1)
        mov(self.registers, registers)
        mov(self.reference.period, u64(period))  # last: with a period it counts as working

    @function(context="any")
    def read(self) -> U64:
        """Return the count. Context: any."""
        registers = scratch(self.registers)
        ret(registers.counter)
