"""The ways to reset the machine."""

from __future__ import annotations

from enum import IntFlag
from typing import NoReturn

from kernel.acpi.fadt import FixedDescription
from kernel.acpi.structures import Fadt, FadtFlags
from kernel.pci.configuration import NO_RESPONSE, ConfigurationSpace
from kernel.pci.header import PciHeader
from kernel.power.registers import GenericRegisters
from kernel.terminal.ps2 import NO_CONTROLLER, Ps2Command, Ps2Port, Ps2Status
from pykasm import *

TIMEOUT = 1_000_000
"""Reads of a register before its device counts as dead: about a second."""

RESET_CONTROL = 0xCF9
"""The port of the reset control register of PCI chipsets (Intel ICH9 data sheet, 13.7.5)."""


class ResetControl(IntFlag):
    """The reset control register."""

    SYS_RST = 1 << 1
    """Reset the whole board, not only the processor."""
    RST_CPU = 1 << 2
    """The change from 0 to 1 resets."""


class Reset(Subsystem):
    """Reset the machine; each way but the last returns whether the machine has it, soon after which
    nothing should run. Context: threads, `by_acpi` with interrupts on, the others off."""

    def __init__(
        self,
        fixed: FixedDescription,
        registers: GenericRegisters,
        configuration: ConfigurationSpace,
        timeout: int = TIMEOUT,
    ) -> None:
        self.fixed = fixed
        self.registers = registers
        self.configuration = configuration
        self.timeout = timeout

    @function
    def by_acpi(self) -> Bool:
        """Write the reset register of the tables (ACPI 6.5, 4.8.3.6)."""
        table = self.fixed.table(offsetof(Fadt, "reset_value") + sizeof(U8))
        with if_(table == 0):
            ret(False)
        register = table.reset_register
        with if_(((table.flags & FadtFlags.RESET_REG_SUP) == 0) | (register.address == 0)):
            ret(False)
        self.registers.write_byte(register.space, register.address, table.reset_value)
        ret(True)

    @function
    def by_keyboard(self) -> Bool:
        """Have the keyboard controller pulse the processor's reset line."""
        with for_(ecx, 0, self.timeout):
            in_(al, Ps2Port.STATUS)
            with if_(al == NO_CONTROLLER):
                ret(False)
            break_if((al & Ps2Status.INPUT_FULL) == 0)
        mov(al, Ps2Command.PULSE_RESET)
        out(Ps2Port.COMMAND, al)
        ret(True)

    @function
    def by_chipset(self) -> Bool:
        """Write the reset control register of the chipset, which only one with PCI's ports has."""
        with if_(self.configuration.read_by_ports(0, offsetof(PciHeader, "vendor")) == NO_RESPONSE):
            ret(False)
        mov(edx, RESET_CONTROL)
        for value in (ResetControl.SYS_RST, ResetControl.SYS_RST | ResetControl.RST_CPU):
            mov(al, value)
            out(dx, al)
        ret(True)

    @naked
    def by_triple_fault(self) -> NoReturn:
        """Raise an exception without an interrupt table, which shuts the processor down; the board
        responds with a reset (AMD64 APM vol. 2, 14.1.5)."""
        push(0)
        push(0)
        lidt(bare[rsp])
        ud2()
        never()
