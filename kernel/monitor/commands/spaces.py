"""Commands about the memory of programs."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.cpu.percpu import PerCpu
from kernel.monitor.command import Commands, command
from kernel.processors.processors import Processors
from kernel.text.strings import Words
from kernel.vm.demandpaging import DemandPaging
from pykasm import *


class SpaceCommands(Commands):
    """`faults`."""

    def __init__(
        self,
        console: Console,
        processors: Processors,
        per_cpu: PerCpu,
        paging: DemandPaging,
    ) -> None:
        self.console = console
        self.processors = processors
        self.per_cpu = per_cpu
        self.paging = paging
        self.commands = [
            command(
                "faults", "", "page faults of programs, and how many of them waited", self.faults
            )
        ]

    @function
    def faults(self, words: Ptr[Words]) -> Bool:
        """Print a line for each processor: faults that were resolved without the lock of the space,
        and those that had to hold it."""
        self.console.print("cpu  without lock  with lock\n")
        quick, locked = keep(U64), keep(U64)
        with self.processors.each() as processor:
            mov(quick, processor.block)
            self.per_cpu.point_into(quick, self.paging.quick_count)
            mov(quick, u64[quick])
            mov(locked, processor.block)
            self.per_cpu.point_into(locked, self.paging.locked_count)
            mov(locked, u64[locked])
            self.console.print("%3u  %12u  %9u\n", processor.number, quick, locked)
        ret(1)
