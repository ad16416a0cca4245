"""The real-time clock of the PC (Motorola MC146818A data sheet)."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.acpi.fadt import FixedDescription
from kernel.locks.spinlock import SpinLock
from kernel.time.calendar import DateTime
from pykasm import *

CENTURY = 100
THIS_CENTURY = 2000
"""What a clock that does not tell the century is taken to mean."""

EARLIEST, LATEST = 1970, 2499
"""Years that nanoseconds since 1970 can be counted up to; others come from a broken clock."""

BCD_SHIFT = 4
BCD_MASK = 0xF
PM = 0x80
"""The bit of the hour that means after noon, where hours go from 1 to 12."""

NOON = 12

PATIENCE = 100_000
"""Looks at the clock while it moves on, which takes it 2 ms at most."""

ATTEMPTS = 5
"""Pairs of readings that may differ before the clock counts as broken."""


class RtcPort(IntEnum):
    """Its registers are chosen by one port and reached by the other."""

    INDEX = 0x70
    DATA = 0x71


class RtcRegister(IntEnum):
    """Numbers of registers (table 2)."""

    SECONDS = 0
    MINUTES = 2
    HOURS = 4
    DAY = 7
    MONTH = 8
    YEAR = 9
    A = 10
    B = 11


class RegisterA(IntFlag):
    """Register A."""

    UPDATE_IN_PROGRESS = 1 << 7


class RegisterB(IntFlag):
    """Register B."""

    HOURS_24 = 1 << 1
    BINARY = 1 << 2


PARTS = {
    "second": (RtcRegister.SECONDS, 0, 59),
    "minute": (RtcRegister.MINUTES, 0, 59),
    "hour": (RtcRegister.HOURS, 0, 23),
    "day": (RtcRegister.DAY, 1, 31),
    "month": (RtcRegister.MONTH, 1, 12),
    "year": (RtcRegister.YEAR, 0, 99),
}
"""The fields of a DateTime: where they come from, and what they may be."""

BYTE_BITS = 8


class RealTimeClock(Subsystem):
    """Tells the time of day, which goes on while the machine is off. Context: any but handlers.

    The machine's clock is taken to show universal time.
    """

    century_at = bss(U8)
    """The register that has the century, 0 for none."""

    def __init__(self, description: FixedDescription) -> None:
        self.description = description
        self.lock = bss(SpinLock)

    @function(init=True)
    def start(self) -> None:
        """Find out where the century is."""
        mov(self.century_at, self.description.century())

    @function
    def read(self, date: Keep[Ptr[DateTime]]) -> U32:
        """Fill in `date`: 1, or 0 if the clock does not work."""
        first = keep(U64)
        with for_(keep(U32), 0, ATTEMPTS):
            self.wait()
            mov(first, self.read_once())
            second = self.read_once()
            with if_(second == first):
                tail(self.decode, first, date)
        ret(0)

    @function
    def wait(self) -> None:
        """Wait until the clock does not move on, for a moment."""
        with for_(keep(U32), 0, PATIENCE):
            state = self.register(RtcRegister.A)
            break_if((state & RegisterA.UPDATE_IN_PROGRESS) == 0)

    @function
    def register(self, number: U8) -> U8:
        """The value of the register `number`."""
        with self.lock.held():
            mov(al, number)
            out(RtcPort.INDEX, al)
            in_(al, RtcPort.DATA)
        ret(al)

    @function
    def read_once(self) -> U64:
        """The registers of all PARTS, the first in the lowest byte, and that of the century."""
        reading = keep(U64)
        xor(u32(reading), u32(reading))
        with if_(self.century_at != 0):
            mov(u8(reading), self.register(self.century_at))
        for number, _, _ in reversed(PARTS.values()):
            shl(reading, BYTE_BITS)
            mov(u8(reading), self.register(number))
        ret(reading)

    @function
    def decode(self, reading: Keep[U64], date: Keep[Ptr[DateTime]]) -> U32:
        """Fill in `date` by a `reading`: 1, or 0 if that is no date."""
        format = keep(self.register(RtcRegister.B))
        for name, (_, least, most) in PARTS.items():
            turn = self.hour if name == "hour" else self.number
            value = turn(u8(reading), format)
            with if_((value < least) | (value > most)):
                ret(0)
            mov(getattr(date, name), value)
            shr(reading, BYTE_BITS)
        mov(eax, THIS_CENTURY)
        with if_(self.century_at != 0):
            century = self.number(u8(reading), format)
            imul(century, century, CENTURY)
        add(date.year, eax)
        with if_((date.year < EARLIEST) | (date.year > LATEST)):
            ret(0)
        ret(1)

    @function
    def number(self, value: U8, format: U8) -> U32:
        """The number that a register's `value` means, as register B says by `format`."""
        movzx(eax, value)
        with if_((format & RegisterB.BINARY) == 0):
            mov(ecx, eax)
            shr(ecx, BCD_SHIFT)
            and_(eax, BCD_MASK)
            imul(ecx, ecx, 10)
            add(eax, ecx)
        ret(eax)

    @function
    def hour(self, value: U8, format: U8) -> U32:
        """The hour that the register's `value` means; see `number`."""
        with if_(format & RegisterB.HOURS_24):
            tail(self.number, value, format)
        afternoon = keep(value)
        and_(value, PM - 1)
        hour = scratch(self.number(value, format))
        with if_(hour == NOON):
            xor(hour, hour)
        with if_(afternoon & PM):
            add(hour, NOON)
        ret(hour)
