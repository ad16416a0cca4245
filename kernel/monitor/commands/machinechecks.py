"""The command that shows which errors the hardware had."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.entry.machinechecks import MachineChecks
from kernel.monitor.command import Commands, command
from kernel.processors.processors import Processors
from kernel.text.strings import Words
from pykasm import *


class MachineCheckCommands(Commands):
    """`mce`."""

    def __init__(self, console: Console, processors: Processors, checks: MachineChecks) -> None:
        self.console = console
        self.processors = processors
        self.checks = checks
        self.commands = [
            command("mce", "", "errors of the hardware that raised no exception", self.mce)
        ]

    @function
    def mce(self, words: Ptr[Words]) -> Bool:
        """Print how many errors the banks of each processor had, and how many banks there are."""
        with if_(self.checks.bank_count == 0):
            self.console.print("the processor has no machine checks\n")
            ret(True)
        self.console.print("cpu  errors  banks\n")
        with self.processors.each() as processor:
            errors = scratch(processor.block)
            self.processors.per_cpu.point_into(errors, self.checks.corrected)
            self.console.print(
                "%3u  %6u  %5u\n", processor.number, u64[errors], self.checks.bank_count
            )
        ret(True)
