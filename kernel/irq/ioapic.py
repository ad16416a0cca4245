"""An I/O APIC (Intel 82093AA data sheet, 1996)."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.acpi.madt import InterruptModel, IoApicEntry
from kernel.mm.directmap import DirectMap
from pykasm import *

DESTINATION_SHIFT = 24
"""Where a processor's number lies in the upper half of an entry (3.2.4)."""

LAST_ENTRY_SHIFT = 16
LAST_ENTRY_MASK = 0xFF
"""The number of the last entry in `VERSION` (3.2.2)."""

IO_APIC_SIZE = 0x20
"""Bytes of the two registers that are not reached through others, with the gap between them."""

ENTRY_REGISTERS = 2
"""An entry takes two registers, the lower half first."""

NO_ANSWER = 0xFFFF_FFFF
"""The value of reads where nothing answers; on some machines it is 0, which no version is."""


class Window(IntEnum):
    """Offsets of the two registers through which all others are reached (3.1)."""

    SELECT = 0x00
    DATA = 0x10


class IoApicRegister(IntEnum):
    """Numbers of registers (3.2)."""

    VERSION = 0x01
    ENTRIES = 0x10


class RedirectionEntry(IntFlag):
    """The lower half of an entry of the redirection table (3.2.4); the vector is in the low 8."""

    ACTIVE_LOW = 1 << 13
    LEVEL = 1 << 15
    MASKED = 1 << 16


class IoApics(Subsystem):
    """All I/O APICs of the machine, by the numbers of their lines (ACPI calls them GSI).

    Nothing is stored about them: the firmware's table names them, and they tell how many lines they
    have. Context: any. The lock of `Lines` is held around accesses, as a register is selected first
    and then read or written.
    """

    def __init__(self, model: InterruptModel, memory: DirectMap) -> None:
        self.model = model
        self.memory = memory

    @function(init=True)
    def start(self) -> U32:
        """Map their registers, and mask all lines. Return the number of those that answer."""
        count = keep(U32)
        xor(count, count)
        with self.model.each(IoApicEntry) as entry:
            mov(eax, entry.address)
            ignore(self.memory.claim_registers(rax, IO_APIC_SIZE))
            add(count, self._start_one(entry))
        ret(count)

    @function(init=True)
    def _start_one(self, entry: Ptr[IoApicEntry]) -> Bool:
        """Mask all lines of an I/O APIC. Return whether it answers."""
        base, register, end = keep(self.base(entry)), keep(U32), keep(U32)
        mov(end, self.lines(base))
        with if_(end == 0):
            ret(False)
        shl(end, 1)
        add(end, IoApicRegister.ENTRIES)
        mov(register, IoApicRegister.ENTRIES)
        with while_(register < end):
            self.write(base, register, RedirectionEntry.MASKED)
            add(register, ENTRY_REGISTERS)
        ret(True)

    @function
    def base(self, entry: Ptr[IoApicEntry]) -> U64:
        """Return the address of the registers of an I/O APIC; 0 if `start` could not map them."""
        mov(eax, entry.address)
        tail(self.memory.find_registers, rax, IO_APIC_SIZE)

    @function
    def lines(self, base: U64) -> U32:
        """Return the number of lines of the I/O APIC at `base`; 0 if nothing answers there."""
        with if_(base == 0):
            ret(0)
        version = self.read(base, IoApicRegister.VERSION)
        with if_((version == NO_ANSWER) | (version == 0)):
            ret(0)
        shr(version, LAST_ENTRY_SHIFT)
        and_(version, LAST_ENTRY_MASK)
        inc(version)
        ret(version)

    @function
    def find(self, line: Keep[U32]) -> tuple[U64, U32]:
        """Return the address of the registers of the I/O APIC with this `line`, and the number of
        the lower register of the line's entry; 0 and 0 if no I/O APIC has it."""
        base = keep(U64)
        with self.model.each(IoApicEntry) as entry:
            mov(base, self.base(entry))
            lines = self.lines(base)
            mov(edx, line)
            sub(edx, entry.first)
            with if_((line >= entry.first) & (edx < lines)):
                lea(edx, bare[rdx * ENTRY_REGISTERS + IoApicRegister.ENTRIES])
                ret(base, edx)
        ret(0, 0)

    @function(holds="Lines.lock")
    def set(self, line: Keep[U32], destination: U32, entry: Keep[U32]) -> Bool:
        """Write the redirection entry of `line`: `entry` is a vector with `RedirectionEntry` flags,
        `destination` a processor's APIC id. Return whether there is such a line."""
        # The upper half first: the lower one may unmask the line.
        with if_(~self.direct(line, destination)):
            ret(False)
        base, register = self.find(line)
        self.write(base, register, entry)
        ret(True)

    @function(holds="Lines.lock")
    def direct(self, line: U32, destination: Keep[U32]) -> Bool:
        """Redirect `line` to another processor, and change nothing else. Return whether there is
        such a line. The line need not be masked: the half of the entry that is written has nothing
        else."""
        base, register = self.find(line)
        with if_(base == 0):
            ret(False)
        shl(destination, DESTINATION_SHIFT)
        inc(register)
        self.write(base, register, destination)
        ret(True)

    @function(holds="Lines.lock")
    def mask(self, line: U32) -> None:
        """Mask `line`. One that is not there is ignored."""
        tail(self._change, line, RedirectionEntry.MASKED, RedirectionEntry.MASKED)

    @function(holds="Lines.lock")
    def unmask(self, line: U32) -> None:
        """Unmask `line`, which `set` has set up. One that is not there is ignored."""
        tail(self._change, line, RedirectionEntry.MASKED, 0)

    @function(holds="Lines.lock")
    def _change(self, line: U32, bits: Keep[U32], value: Keep[U32]) -> None:
        """Set those `bits` of the lower half of the entry of `line` to `value`."""
        base, register = self.find(line)
        with if_(base == 0):
            ret()
        base, register = keep(base), keep(register)
        entry = self.read(base, register)
        not_(bits)
        and_(entry, bits)
        or_(entry, value)
        self.write(base, register, entry)

    @function
    def read(self, base: U64, register: U32) -> U32:
        """Return the value of a register of the I/O APIC at `base`."""
        mov(u32[base + Window.SELECT], register)
        ret(u32[base + Window.DATA])

    @function
    def write(self, base: U64, register: U32, value: U32) -> None:
        """Write `value` to a register of the I/O APIC at `base`."""
        mov(u32[base + Window.SELECT], register)
        mov(u32[base + Window.DATA], value)
