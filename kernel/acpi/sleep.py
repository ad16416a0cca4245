"""How the machine is told to switch itself off, found in the firmware's bytecode."""

from enum import IntEnum

from kernel.acpi.structures import TableHeader, signature
from pykasm import *

S5_NAME = signature("_S5_")
"""The object with the values for soft off (ACPI 6.5, 7.4.2)."""

NOT_FOUND = 0xFFFF_FFFF


class Aml(IntEnum):
    """First bytes of terms (ACPI 6.5, 20.3, table 20.2)."""

    ZERO = 0x00
    ONE = 0x01
    NAME = 0x08
    BYTE_PREFIX = 0x0A
    PACKAGE = 0x12
    ROOT_CHARACTER = 0x5C


PACKAGE_LENGTH_SHIFT = 6
"""The upper two bits of a package's first length byte count those that follow (20.2.4)."""


class SleepTypes(Subsystem):
    """Finds `Name (_S5_, Package (…) {a, b, …})` without understanding the code around it.

    The name is declared once, at the root, with constants, on every machine known; the bytes of
    a declaration can't appear by chance in front of a package. Only reads, in any context.
    """

    @function
    def soft_off(self, table: Ptr[TableHeader]) -> U32:
        """SLP_TYPa | SLP_TYPb << 8 for soft off by the definition block `table`, or NOT_FOUND."""
        cursor, end = scratch(Ptr[U8]), scratch(Ptr[U8])
        mov(u32(end), table.length)
        add(end, table)
        lea(cursor, table[1])
        with loop():
            lea(rax, cursor[sizeof(U32)])
            with if_(rax > end):
                ret(NOT_FOUND)
            with if_(cast(cursor, Ptr[U32])[0] == S5_NAME):
                self._leave_if_declared(cursor, end)
            inc(cursor)

    def _leave_if_declared(self, cursor: Ptr[U8], end: Ptr[U8]) -> None:
        """Go on with `package` if the name at `cursor` is being declared there.

        The table's header lies before it, so the two bytes in front can be looked at.
        """
        mov(al, cursor[-1])
        with if_(al == Aml.ROOT_CHARACTER):
            mov(al, cursor[-2])
        with if_(al == Aml.NAME):
            lea(rdi, cursor[sizeof(U32)])
            tail(self.package, rdi, end)

    @function
    def package(self, cursor: Ptr[U8], end: Ptr[U8]) -> U32:
        """The first two numbers of the package at `cursor`, the first one in the low byte."""
        self._take(cursor, end)
        with if_(eax != Aml.PACKAGE):
            ret(NOT_FOUND)
        self._take(cursor, end)  # the package's length, or the first byte of it
        shr(eax, PACKAGE_LENGTH_SHIFT)
        add(cursor, rax)
        self._take(cursor, end)  # how many elements it has
        first = scratch(U32)
        self._take_number(cursor, end)
        mov(first, eax)
        self._take_number(cursor, end)
        shl(eax, 8)
        or_(eax, first)
        ret(eax)

    def _take(self, cursor: Ptr[U8], end: Ptr[U8]) -> None:
        """The next byte in eax; leaves the function at the table's end."""
        with if_(cursor >= end):
            ret(NOT_FOUND)
        movzx(eax, at(cursor))
        inc(cursor)

    def _take_number(self, cursor: Ptr[U8], end: Ptr[U8]) -> None:
        """The next number in eax; leaves the function where there is none of one byte."""
        self._take(cursor, end)
        with if_(eax == Aml.BYTE_PREFIX):
            self._take(cursor, end)
        with elif_(eax > Aml.ONE):
            ret(NOT_FOUND)
