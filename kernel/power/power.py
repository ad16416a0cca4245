"""Power off and reboot the machine."""

from enum import IntFlag
from typing import NoReturn

from kernel.acpi.fadt import FixedDescription
from kernel.acpi.sleeptypes import NOT_FOUND, SleepTypes
from kernel.acpi.structures import (
    DSDT_SIGNATURE,
    AddressSpaceId,
    Fadt,
    FadtFlags,
)
from kernel.acpi.tables import AcpiTables
from kernel.boot.record import BootRecord
from kernel.console.console import Console
from kernel.debug.emulator import ExitValue, leave_emulator
from kernel.terminal.ps2 import Ps2Command, Ps2Port, Ps2Status
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


class Power(Subsystem):
    """Power off or reboot the machine, after flushing the console.

    Context: any that does not hold the console's lock. Interrupts are disabled, and nothing runs
    afterwards.
    """

    def __init__(
        self,
        record: BootRecord,
        tables: AcpiTables,
        fixed: FixedDescription,
        types: SleepTypes,
        console: Console,
        timeout: int = TIMEOUT,
    ) -> None:
        self.record = record
        self.tables = tables
        self.fixed = fixed
        self.types = types
        self.console = console
        self.timeout = timeout

    @function
    def power_off(self) -> NoReturn:
        """Power off by ACPI, or else by leaving the emulator; under test by that at once."""
        self.console.flush()
        with if_(~self.record.has_option(text("test"))):
            self._soft_off()
        leave_emulator(ExitValue.POWEROFF)  # does nothing on a real machine
        tail(self._halt)
        never()

    @function
    def _soft_off(self) -> None:
        """Enter the ACPI state S5; return if the tables don't say how, or if it does not work."""
        table = keep(self.fixed.table(offsetof(Fadt, "pm1b_control") + sizeof(U32)))
        with if_(table == 0):
            ret()
        types = keep(self._find_sleep_types(table))
        with if_(types == NOT_FOUND):
            ret()
        cli()
        self._enter_acpi_mode(table)
        self._write_control(table.pm1a_control, types)
        shr(types, 8)
        self._write_control(table.pm1b_control, types)
        self._wait()

    @inline(changes=(rax, rcx, rdx))
    def _write_control(self, port: U32, types: U32) -> None:
        """Enter the sleep state in the low bits of `types` by the control register at `port`, which
        is 0 for none."""
        mov(edx, port)
        with if_(edx != 0):
            mov(ecx, types)
            and_(ecx, SLP_TYP_MASK)
            shl(ecx, SLP_TYP_SHIFT)
            in_(ax, dx)
            and_(ax, ~(SLP_TYP_MASK << SLP_TYP_SHIFT))
            or_(ax, cx)
            or_(ax, Pm1Control.SLP_EN)
            out(dx, ax)

    @function
    def _find_sleep_types(self, table: Ptr[Fadt]) -> U32:
        """Return the values for soft off of the DSDT that `table` names, as
        `SleepTypes.soft_off`."""
        with if_(table.header.length >= offsetof(Fadt, "x_dsdt") + sizeof(U64)):
            mov(rax, table.x_dsdt)
        with else_():
            xor(eax, eax)
        with if_(rax == 0):  # the 64-bit field is preferred, if it is there and used (5.2.9)
            mov(eax, table.dsdt)
        block = self.tables.table_at(rax)
        with if_((block == 0) | (block.signature != DSDT_SIGNATURE)):
            ret(NOT_FOUND)
        tail(self.types.soft_off, block)

    @function
    def _enter_acpi_mode(self, table: Ptr[Fadt]) -> None:
        """Enter ACPI mode, in which the power registers work, unless it is entered (4.8.2.5)."""
        mov(edx, table.smi_command)
        with if_(edx == 0):
            ret()
        mov(edx, table.pm1a_control)
        in_(ax, dx)
        with if_(ax & Pm1Control.SCI_EN):
            ret()
        mov(edx, table.smi_command)
        mov(al, table.acpi_enable)
        out(dx, al)
        mov(edx, table.pm1a_control)
        with for_(ecx, 0, self.timeout):
            in_(ax, dx)
            break_if(ax & Pm1Control.SCI_EN)

    @function
    def reboot(self) -> NoReturn:
        """Reset the machine by ACPI, else by the keyboard controller, else by a triple fault."""
        self.console.flush()
        self._reset_by_acpi()
        cli()  # what still runs must not disturb the controller
        self._reset_by_keyboard()
        tail(self._triple_fault)
        never()

    @function
    def _reset_by_acpi(self) -> None:
        """Write the reset register, if the tables have one in I/O space (4.8.3.6)."""
        table = self.fixed.table(offsetof(Fadt, "reset_value") + sizeof(U8))
        with if_(table == 0):
            ret()
        with if_((table.flags & FadtFlags.RESET_REG_SUP) == 0):
            ret()
        with if_(table.reset_register.space != AddressSpaceId.IO):
            ret()
        cli()
        mov(dx, u16(table.reset_register.address))
        mov(al, table.reset_value)
        out(dx, al)
        tail(self._wait)

    @function
    def _reset_by_keyboard(self) -> None:
        """Have the keyboard controller pulse the processor's reset line."""
        with for_(ecx, 0, self.timeout):
            in_(al, Ps2Port.STATUS)
            break_if((al & Ps2Status.INPUT_FULL) == 0)
        mov(al, Ps2Command.PULSE_RESET)
        out(Ps2Port.COMMAND, al)
        tail(self._wait)

    @naked
    def _triple_fault(self) -> NoReturn:
        """Raise an exception without an interrupt table, which shuts the processor down; the board
        responds with a reset (AMD64 APM vol. 2, 14.1.5)."""
        push(0)
        push(0)
        lidt(bare[rsp])
        ud2()
        never()

    @function
    def _wait(self) -> None:
        """Wait until the machine should be off."""
        with for_(ecx, 0, self.timeout):
            pause()

    @function
    def _halt(self) -> NoReturn:
        """Halt this processor."""
        with loop():
            cli()
            hlt()
        never()
