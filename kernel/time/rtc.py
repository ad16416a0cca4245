"""The real-time clock of the PC (Motorola MC146818A data sheet)."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.acpi.fadt import FixedDescription
from kernel.locks.spinlock import SpinLock
from kernel.time.calendar import DateTime
from pykasm import *

CENTURY = 100
"""Years."""

THIS_CENTURY = 2000
"""The century of a clock that has no register for it."""

EARLIEST, LATEST = 1970, 2499
"""The years whose nanoseconds since 1970 fit into 64 bits; others come from a broken clock."""

BCD_SHIFT = 4
BCD_MASK = 0xF
PM = 0x80
"""The bit of the hour that stands for PM, in 12-hour mode."""

NOON = 12

TIMEOUT = 100_000
"""Reads while the clock is being updated, which takes it 2 ms at most."""

ATTEMPTS = 5
"""Pairs of readings that may differ before the clock counts as broken."""


class RtcPort(IntEnum):
    """The ports: a register is selected by one and accessed by the other."""

    INDEX = 0x70
    DATA = 0x71


class RtcRegister(IntEnum):
    """Register numbers (table 2)."""

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


FIELDS = {
    "second": (RtcRegister.SECONDS, 0, 59),
    "minute": (RtcRegister.MINUTES, 0, 59),
    "hour": (RtcRegister.HOURS, 0, 23),
    "day": (RtcRegister.DAY, 1, 31),
    "month": (RtcRegister.MONTH, 1, 12),
    "year": (RtcRegister.YEAR, 0, 99),
}
"""By field of a DateTime: its register, and its least and greatest value there."""

BYTE_BITS = 8


class RealTimeClock(Subsystem):
    """Read the time of day, which continues while the machine is off. Context: threads.

    The machine's clock is assumed to show universal time.
    """

    century_register = bss(U8)
    """The register with the century, 0 for none."""

    def __init__(self, description: FixedDescription) -> None:
        self.description = description
        self.lock = bss(SpinLock)

    @function(init=True)
    def start(self) -> None:
        """Find the register of the century."""
        mov(self.century_register, self.description.century())

    @function
    def read(self, date: Keep[Ptr[DateTime]]) -> Bool:
        """Fill in `date`, and return whether the clock works."""
        # An update may come between the reads of two registers, so two readings have to agree.
        first = keep(U64)
        with for_(keep(U32), 0, ATTEMPTS):
            self._wait()
            mov(first, self._read_once())
            second = self._read_once()
            with if_(second == first):
                tail(self._decode, first, date)
        ret(False)

    @function
    def _wait(self) -> None:
        """Wait until no update is in progress.

        Then none begins for at least 244 µs (Register A, UIP).
        """
        with for_(keep(U32), 0, TIMEOUT):
            state = self._read_register(RtcRegister.A)
            break_if((state & RegisterA.UPDATE_IN_PROGRESS) == 0)

    @function
    def _read_register(self, number: U8) -> U8:
        """Return the value of register `number`."""
        with self.lock.held():
            mov(al, number)
            out(RtcPort.INDEX, al)
            in_(al, RtcPort.DATA)
        ret(al)

    @function
    def _read_once(self) -> U64:
        """Return the registers of FIELDS, the first one in the lowest byte, then the century."""
        reading = keep(U64)
        xor(u32(reading), u32(reading))
        with if_(self.century_register != 0):
            mov(u8(reading), self._read_register(self.century_register))
        for number, _, _ in reversed(FIELDS.values()):
            shl(reading, BYTE_BITS)
            mov(u8(reading), self._read_register(number))
        ret(reading)

    @function
    def _decode(self, reading: Keep[U64], date: Keep[Ptr[DateTime]]) -> Bool:
        """Fill in `date` from a `reading`, and return whether it is a date."""
        format = keep(self._read_register(RtcRegister.B))
        for name, (_, least, most) in FIELDS.items():
            decode = self._decode_hour if name == "hour" else self._decode_number
            value = decode(u8(reading), format)
            wrong = (value < least) | (value > most) if least else value > most
            with if_(wrong):  # as of a clock that is not there
                ret(False)
            mov(getattr(date, name), value)
            shr(reading, BYTE_BITS)
        mov(eax, THIS_CENTURY)
        with if_(self.century_register != 0):
            century = self._decode_number(u8(reading), format)
            imul(century, century, CENTURY)  # in eax
        add(date.year, eax)
        ret((date.year >= EARLIEST) & (date.year <= LATEST))

    @function
    def _decode_number(self, value: U8, format: U8) -> U32:
        """Decode a register's `value`, in BCD or binary by `format`, which is register B."""
        movzx(eax, value)
        with if_((format & RegisterB.BINARY) == 0):
            mov(ecx, eax)
            shr(ecx, BCD_SHIFT)
            and_(eax, BCD_MASK)
            imul(ecx, ecx, 10)
            add(eax, ecx)
        ret(eax)

    @function
    def _decode_hour(self, value: U8, format: U8) -> U32:
        """Decode the register of the hour, by 12 or 24 hours by `format`, which is register B."""
        with if_(format & RegisterB.HOURS_24):
            tail(self._decode_number, value, format)
        afternoon = keep(value)
        and_(value, PM - 1)  # PM is no part of the BCD number
        hour = scratch(self._decode_number(value, format))
        with if_(hour == NOON):  # 12 AM is 0, and 12 PM is 12
            xor(hour, hour)
        with if_(afternoon & PM):
            add(hour, NOON)
        ret(hour)
