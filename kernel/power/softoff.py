"""The ACPI state S5, in which the machine is off."""

from __future__ import annotations

from enum import IntFlag

from kernel.acpi.fadt import FixedDescription
from kernel.acpi.sleeptypes import NOT_FOUND, SleepTypes
from kernel.acpi.structures import (
    DSDT_SIGNATURE,
    SSDT_SIGNATURE,
    AddressSpaceId,
    Fadt,
    FadtFlags,
    GenericAddress,
)
from kernel.acpi.tables import AcpiTables
from kernel.power.registers import GenericRegisters
from pykasm import *

TIMEOUT = 1_000_000
"""Reads of a register before its device counts as dead: about a second."""


class Pm1Control(IntFlag):
    """The PM1 control registers (ACPI 6.5, 4.8.3.2.1, table 4.12)."""

    SCI_EN = 1 << 0
    """The machine is in ACPI mode."""
    SLP_EN = 1 << 13
    """Enter the sleep state in SLP_TYP."""


SLP_TYP_SHIFT = 10
SLP_TYP_MASK = 7
"""The position of SLP_TYP, the sleep state, and its three bits (table 4.12)."""


class SleepControl(IntFlag):
    """The sleep control register (ACPI 6.5, 4.8.3.7, table 4.20)."""

    SLP_EN = 1 << 5


SLEEP_CONTROL_SHIFT = 2
"""The position of SLP_TYP in the sleep control register."""


class SoftOff(Subsystem):
    """Switch off by the fixed registers of ACPI, or by those of hardware-reduced ACPI.

    Context: threads.
    """

    def __init__(
        self,
        tables: AcpiTables,
        fixed: FixedDescription,
        types: SleepTypes,
        registers: GenericRegisters,
        timeout: int = TIMEOUT,
    ) -> None:
        self.tables = tables
        self.fixed = fixed
        self.types = types
        self.registers = registers
        self.timeout = timeout

    @function
    def enter(self) -> Bool:
        """Enter S5, soon after which nothing runs; return whether the tables say how."""
        table = keep(self.fixed.table(offsetof(Fadt, "flags") + sizeof(U32)))
        with if_(table == 0):
            ret(False)
        types = keep(self._find_sleep_types(table))
        with if_(types == NOT_FOUND):
            ret(False)
        with if_(table.flags & FadtFlags.HW_REDUCED_ACPI):
            tail(self._write_sleep_control, table, types)
        self._enter_acpi_mode(table)
        space, address = self._control_register(table, "pm1a_control")
        self._write_pm1_control(space, address, types)
        shr(types, 8)
        space, address = self._control_register(table, "pm1b_control")
        self._write_pm1_control(space, address, types)
        ret(True)

    # What the tables say

    @function
    def _find_sleep_types(self, table: Keep[Ptr[Fadt]]) -> U32:
        """Return the values for soft off of the DSDT that `table` names, or of the first SSDT that
        has them, as `SleepTypes.soft_off`."""
        address, types = scratch(U64), keep(U32)
        mov(u32(address), table.dsdt)
        with (
            if_(table.header.length >= offsetof(Fadt, "x_dsdt") + sizeof(U64)),
            if_(table.x_dsdt != 0),
        ):
            mov(address, table.x_dsdt)  # preferred where it is used (5.2.9)
        mov(types, self._types_of(address, DSDT_SIGNATURE))
        with self.tables.each() as other, if_(types == NOT_FOUND):
            mov(types, self._types_of(other, SSDT_SIGNATURE))
        ret(types)

    @function
    def _types_of(self, address: U64, signature: Keep[U32]) -> U32:
        """Return the values for soft off of the definition block at physical `address`; NOT_FOUND
        if its signature is another."""
        block = self.tables.table_at(address)
        with if_((block == 0) | (block.signature != signature)):
            ret(NOT_FOUND)
        tail(self.types.soft_off, block)

    @inline
    def _control_register(self, table: Ptr[Fadt], name: str) -> tuple[U8, U64]:
        """Return the address space and the address of the PM1 control register `name` of `table`;
        the address is 0 if there is none."""
        space, address, wide = scratch(U8), scratch(U64), getattr(table, f"x_{name}")
        mov(space, AddressSpaceId.IO)
        mov(u32(address), getattr(table, name))
        end = offsetof(Fadt, f"x_{name}") + sizeof(GenericAddress)
        with if_(table.header.length >= end), if_(wide.address != 0):
            mov(space, wide.space)
            mov(address, wide.address)
        return space, address

    # What is done by them

    @function
    def _write_sleep_control(self, table: Ptr[Fadt], types: U32) -> Bool:
        """Enter the sleep state in the low bits of `types` by the sleep control register of
        `table`; return whether it has one."""
        control = table.sleep_control
        with if_(table.header.length < offsetof(Fadt, "sleep_control") + sizeof(GenericAddress)):
            ret(False)
        with if_(control.address == 0):
            ret(False)
        and_(types, SLP_TYP_MASK)
        shl(types, SLEEP_CONTROL_SHIFT)
        or_(types, SleepControl.SLP_EN)
        self.registers.write_byte(control.space, control.address, u8(types))
        ret(True)

    @function
    def _write_pm1_control(self, space: Keep[U8], address: Keep[U64], types: Keep[U32]) -> None:
        """Enter the sleep state in the low bits of `types` by the PM1 control register at
        `address`, unless that is 0."""
        with if_(address == 0):
            ret()
        control = self.registers.read_word(space, address)
        and_(control, ~(SLP_TYP_MASK << SLP_TYP_SHIFT))
        and_(types, SLP_TYP_MASK)
        shl(types, SLP_TYP_SHIFT)
        or_(types, Pm1Control.SLP_EN)
        or_(control, u16(types))
        tail(self.registers.write_word, space, address, control)

    @function
    def _enter_acpi_mode(self, table: Keep[Ptr[Fadt]]) -> None:
        """Enter ACPI mode, in which the power registers work, unless it is entered (4.8.2.5)."""
        with if_(table.smi_command == 0):
            ret()
        entered = self._is_in_acpi_mode(table)
        with if_(entered):
            ret()
        mov(edx, table.smi_command)
        mov(al, table.acpi_enable)
        out(dx, al)
        with for_(keep(U32), 0, self.timeout):
            break_if(self._is_in_acpi_mode(table))

    @function
    def _is_in_acpi_mode(self, table: Ptr[Fadt]) -> Bool:
        """Return whether the machine is in ACPI mode."""
        space, address = self._control_register(table, "pm1a_control")
        control = self.registers.read_word(space, address)
        ret(control & Pm1Control.SCI_EN)
