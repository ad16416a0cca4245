"""Switching the machine off, and starting it again."""

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

PATIENCE = 1_000_000
"""How often a register is read before its device counts as silent: about a second."""


class Pm1Control(IntFlag):
    """The PM1 control registers (ACPI 6.5, 4.8.3.2.1, table 4.12)."""

    SCI_EN = 1 << 0
    """The machine is in ACPI mode."""
    SLP_EN = 1 << 13
    """Enter the sleep state that SLP_TYP names."""


SLP_TYP_SHIFT = 10
SLP_TYP_MASK = 7
"""The sleep state's three bits (table 4.12)."""


class Power(Subsystem):
    """Ends the machine's run, once all that was said has gone out. Context: any that does not hold
    the console's lock; interrupts go off, and nothing runs afterwards."""

    def __init__(
        self,
        record: BootRecord,
        tables: AcpiTables,
        fixed: FixedDescription,
        sleep: SleepTypes,
        console: Console,
        patience: int = PATIENCE,
    ) -> None:
        self.record = record
        self.tables = tables
        self.fixed = fixed
        self.sleep = sleep
        self.console = console
        self.patience = patience

    @function
    def power_off(self) -> NoReturn:
        """Switch off: under test by leaving the emulator, else by ACPI, else again by that."""
        self.console.flush()
        testing = self.record.has_option(text("test"))
        with if_(testing == 0):
            self.soft_off()
        leave_emulator(ExitValue.POWEROFF)
        tail(self.halt)
        never()

    @function
    def soft_off(self) -> None:
        """Enter the ACPI state S5; return if the tables do not tell how."""
        table = keep(self.fixed.table(offsetof(Fadt, "pm1b_control") + sizeof(U32)))
        with if_(table == 0):
            ret()
        types = keep(self.sleep_types(table))
        with if_(types == NOT_FOUND):
            ret()
        cli()
        self.enter_acpi_mode(table)
        self._write_control(table.pm1a_control, types)
        shr(types, 8)
        self._write_control(table.pm1b_control, types)
        self.wait()

    def _write_control(self, port: U32, types: U32) -> None:
        """Write the sleep state in the low bits of `types` to the control register at `port`."""
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
    def sleep_types(self, table: Ptr[Fadt]) -> U32:
        """The values for soft off (see `SleepTypes.soft_off`) by the DSDT that `table` names."""
        with if_(table.header.length >= offsetof(Fadt, "x_dsdt") + sizeof(U64)):
            mov(rax, table.x_dsdt)
        with else_():
            xor(eax, eax)
        with if_(rax == 0):
            mov(eax, table.dsdt)
        block = self.tables.table_at(rax)
        with if_((block == 0) | (block.signature != DSDT_SIGNATURE)):
            ret(NOT_FOUND)
        tail(self.sleep.soft_off, block)

    @function
    def enter_acpi_mode(self, table: Ptr[Fadt]) -> None:
        """Take the power registers over from the firmware, unless that is done (4.8.2.5)."""
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
        with for_(ecx, 0, self.patience):
            in_(ax, dx)
            break_if(ax & Pm1Control.SCI_EN)

    @function
    def reboot(self) -> NoReturn:
        """Reset the machine: by ACPI, else by the keyboard controller, else by a triple fault."""
        self.console.flush()
        self.reset_by_acpi()
        cli()
        self.reset_by_keyboard()
        tail(self.triple_fault)
        never()

    @function
    def reset_by_acpi(self) -> None:
        """Write the reset register, if the tables name one in a space that we reach (4.8.3.6)."""
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
        tail(self.wait)

    @function
    def reset_by_keyboard(self) -> None:
        """Let the keyboard controller pulse the processor's reset line."""
        with for_(ecx, 0, self.patience):
            in_(al, Ps2Port.STATUS)
            break_if((al & Ps2Status.INPUT_FULL) == 0)
        mov(al, Ps2Command.PULSE_RESET)
        out(Ps2Port.COMMAND, al)
        tail(self.wait)

    @naked
    def triple_fault(self) -> NoReturn:
        """Have an exception with no interrupt table, which shuts the processor down; the board
        answers by a reset (AMD64 APM vol. 2, 14.1.5)."""
        push(0)
        push(0)
        lidt(bare[rsp])
        ud2()
        never()

    @function
    def wait(self) -> None:
        """Give the machine time to obey."""
        with for_(ecx, 0, self.patience):
            pause()

    @function
    def halt(self) -> NoReturn:
        """Let the processor do nothing for ever."""
        with loop():
            cli()
            hlt()
        never()
