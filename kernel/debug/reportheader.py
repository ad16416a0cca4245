"""Which processor and which thread a report is about."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.cpu.percpu import PerCpu
from kernel.paging.walk import PageWalk
from kernel.processors.processors import Processors
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Thread
from kernel.sched.userstate import UserState
from pykasm import *


class ReportHeader(Subsystem):
    """Tells who runs on a processor. Context: any; nothing but tables that are there is trusted."""

    def __init__(
        self,
        console: Console,
        memory: PageWalk,
        per_cpu: PerCpu,
        processors: Processors,
        scheduler: Scheduler,
    ) -> None:
        self.console = console
        self.memory = memory
        self.per_cpu = per_cpu
        self.processors = processors
        self.scheduler = scheduler

    @function
    def print(self, apic: Keep[U32]) -> None:
        """Print the number of the processor with the local APIC `apic`, and its thread."""
        processor = keep(self.processors.find(apic))
        with if_(processor == 0):  # it has not listed itself yet
            self.console.print("  cpu with the local APIC %u\n", apic)
            ret()
        self.console.print("  cpu %u\n", processor.number)
        mov(rax, processor.block)
        self.per_cpu.point_into(rax, self.scheduler.current)
        thread = keep(cast(u64[rax], Ptr[Thread]))
        with if_(self.memory.is_mapped(u64(thread))):  # a damaged block may have anything there
            self.console.print("  thread %u %s\n", thread.number, thread.name)
            self._print_program(scratch(thread.user))

    @function
    def _print_program(self, program: Keep[OrNull[Ptr[UserState]]]) -> None:
        """Print which program a thread runs, if it runs one."""
        with if_(program != 0), if_(self.memory.is_mapped(u64(program))):
            name = scratch(address_of(program.name))
            self.console.print(
                "  process %u, thread %u: %s\n", program.process_number, program.number, name
            )
