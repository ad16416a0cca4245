"""The values that switch the machine off, found in the firmware's AML bytecode."""

from enum import IntEnum

from kernel.acpi.structures import TableHeader, signature
from pykasm import *

S5_NAME = signature("_S5_")
"""The object with the values for soft off (ACPI 6.5, 7.4.2)."""

NOT_FOUND = 0xFFFF_FFFF


class Aml(IntEnum):
    """AML opcodes and prefixes (ACPI 6.5, 20.3, table 20.2)."""

    ZERO = 0x00
    ONE = 0x01
    NAME = 0x08
    BYTE_PREFIX = 0x0A
    PACKAGE = 0x12
    ROOT_CHARACTER = 0x5C


PACKAGE_LENGTH_SHIFT = 6
"""The two bits of a package's first length byte that count the length bytes after it (20.2.4)."""


class SleepTypes(Subsystem):
    """Find `Name (_S5_, Package (…) {a, b, …})` without interpreting the bytecode around it.

    Every known machine declares the name once, at the root, with constants; the bytes of a
    declaration can't appear before a package by chance. Context: any; nothing is written.
    """

    @function
    def soft_off(self, table: Ptr[TableHeader]) -> U32:
        """Return SLP_TYPa | SLP_TYPb << 8 for soft off, from the definition block `table`.

        Return NOT_FOUND if it has none.
        """
        cursor, end = scratch(Ptr[U8]), scratch(Ptr[U8])
        mov(u32(end), table.length)
        add(end, table)
        lea(cursor, cast(table[1], U8))
        with loop():
            lea(rax, cursor[sizeof(U32)])
            with if_(rax > end):
                ret(NOT_FOUND)
            with if_(cast(cursor, Ptr[U32])[0] == S5_NAME):
                self._parse_if_declared(cursor, end)
            inc(cursor)

    @inline(changes=rax)
    def _parse_if_declared(self, cursor: Ptr[U8], end: Ptr[U8]) -> None:
        """Leave the function by `_parse_package` if the name at `cursor` is declared there.

        The two bytes before it can be read, as at least the table's header precedes it.
        """
        mov(al, cursor[-1])
        with if_(al == Aml.ROOT_CHARACTER):  # the name may be written as `\_S5_`
            mov(al, cursor[-2])
        with if_(al == Aml.NAME):
            tail(self._parse_package, address_of(cursor[sizeof(U32)]), end)

    @function
    def _parse_package(self, cursor: Ptr[U8], end: Ptr[U8]) -> U32:
        """Return the first two integers of the package at `cursor`, the first in the low byte."""
        opcode = self._read_byte(cursor, end)
        with if_(opcode != Aml.PACKAGE):
            ret(NOT_FOUND)
        length = self._read_byte(cursor, end)  # its first byte tells how many others to skip
        shr(length, PACKAGE_LENGTH_SHIFT)
        add(cursor, u64(length))
        ignore(self._read_byte(cursor, end))  # the number of elements
        first = scratch(self._read_integer(cursor, end))
        second = self._read_integer(cursor, end)
        shl(second, 8)
        or_(second, first)
        ret(second)

    @inline(changes=("cursor", rax))
    def _read_byte(self, cursor: Ptr[U8], end: Ptr[U8]) -> U32:
        """Return the next byte; return NOT_FOUND from the function at the table's end."""
        with if_(cursor >= end):
            ret(NOT_FOUND)
        movzx(eax, at(cursor))
        inc(cursor)
        return eax

    @inline(changes=("cursor", rax))
    def _read_integer(self, cursor: Ptr[U8], end: Ptr[U8]) -> U32:
        """Return the next integer; return NOT_FOUND from the function if it is none of one
        byte."""
        opcode = self._read_byte(cursor, end)
        with if_(opcode == Aml.BYTE_PREFIX):
            ignore(self._read_byte(cursor, end))  # in eax, as the opcode that is its own value
        with elif_(opcode > Aml.ONE):
            ret(NOT_FOUND)
        return eax
