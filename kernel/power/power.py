"""Power off and reboot the machine."""

from __future__ import annotations

from typing import NoReturn

from kernel.boot.record import BootRecord
from kernel.console.console import Console
from kernel.debug.emulator import ExitValue, leave_emulator
from kernel.power.reset import Reset
from kernel.power.softoff import SoftOff
from kernel.processors.stop import Stop
from pykasm import *

TIMEOUT = 1_000_000
"""Rounds of waiting for the end of a machine that was told to: a second at most."""


class Power(Subsystem):
    """Power off or reboot the machine, after flushing the console.

    Context: a thread that does not hold the console's lock. Nothing runs afterwards.
    """

    def __init__(
        self,
        record: BootRecord,
        soft_off: SoftOff,
        reset: Reset,
        console: Console,
        stopping: Stop,
        timeout: int = TIMEOUT,
    ) -> None:
        self.record = record
        self.soft_off = soft_off
        self.reset = reset
        self.console = console
        self.stopping = stopping
        self.timeout = timeout

    @function
    def power_off(self) -> NoReturn:
        """Power off by ACPI, or else by leaving the emulator; under test by that at once. A machine
        that can't be switched off is halted."""
        self.console.flush()
        with if_(~self.record.has_option(text("test"))), if_(self.soft_off.enter()):
            self._wait()
        leave_emulator(ExitValue.POWEROFF)  # does nothing on a real machine
        self.console.print("no way is known to switch this machine off; it is halted\n")
        self.console.flush()
        cli()
        self.stopping.others()
        tail(self.stopping.halt)
        never()

    @function
    def reboot(self) -> NoReturn:
        """Reset the machine by the first way that works; the last is a triple fault."""
        self.console.flush()
        with if_(self.reset.by_acpi()):
            self._wait()
        self.console.flush()
        cli()  # what still runs must not disturb the controller
        for way in (self.reset.by_keyboard, self.reset.by_chipset):
            with if_(way()):
                self._wait()
        self.console.print(
            "no register resets this machine; if it stands still now, switch it off\n"
        )
        self.console.flush()
        tail(self.reset.by_triple_fault)
        never()

    @function
    def _wait(self) -> None:
        """Wait until the machine should have ended."""
        with for_(ecx, 0, self.timeout):
            pause()
