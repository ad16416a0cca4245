"""Commands about the memory of programs."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.cpu.pagetable import PageShift
from kernel.cpu.percpu import PerCpu
from kernel.monitor.command import Commands, command
from kernel.process.processes import Processes
from kernel.process.task import Task
from kernel.processors.processors import Processors
from kernel.text.numbers import Numbers
from kernel.text.strings import Words
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.demandpaging import DemandPaging
from kernel.vm.regionview import RegionView
from kernel.vm.rightsletters import print_rights
from pykasm import *


class SpaceCommands(Commands):
    """`faults`, `regions`."""

    def __init__(
        self,
        console: Console,
        processors: Processors,
        per_cpu: PerCpu,
        paging: DemandPaging,
        processes: Processes,
        spaces: AddressSpaces,
        numbers: Numbers,
    ) -> None:
        self.console = console
        self.processors = processors
        self.per_cpu = per_cpu
        self.paging = paging
        self.processes = processes
        self.spaces = spaces
        self.numbers = numbers
        self.commands = [
            command("regions", "PID", "what a process has mapped", self.regions),
            command(
                "faults", "", "page faults of programs, and how many of them waited", self.faults
            ),
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
        ret(True)

    @function(context="thread", sleeps=True)
    def regions(self, words: Keep[Ptr[Words]]) -> Bool:
        """Print a line for each region of a process: its bounds, rights, how much of it is in
        memory, and how much of that in large pages."""
        value, good = self.numbers.parse(words.word[1])
        number, wide = keep(u32(value)), scratch(value)
        with if_(~good | (wide != u64(number))):
            ret(False)
        space = keep(self._space_of(number))
        with if_(space == 0):
            self.console.print("no process %u (`ps` shows them)\n", number)
            ret(True)
        self.console.print(f"{'start':<16} {'end':<16} rights  in memory  large pages\n")
        seen, address = local(RegionView), keep(U64)
        xor(u32(address), u32(address))
        with while_(lambda: self.spaces.look(space, address, address_of(seen))):
            mov(address, seen.end)
            self._print_region(address_of(seen))
        self.spaces.drop(space)
        ret(True)

    @function
    def _print_region(self, seen: Keep[Ptr[RegionView]]) -> None:
        """Print a line."""
        self.console.print("%016x-%016x ", seen.start, seen.end)
        print_rights(self.console, seen.rights, seen.flags)
        resident, large = scratch(seen.resident), scratch(seen.large)
        shl(resident, PageShift.PAGE)
        shl(large, PageShift.PAGE)
        self.console.print("  %10z  %10z\n", resident, large)

    @function(context="thread")
    def _space_of(self, number: U32) -> OrNull[Ptr[AddressSpace]]:
        """Return the memory of the process `number`, which stays until it is dropped; null if there
        is none."""
        process, space = keep(self.processes.find(number)), keep(U64)
        xor(u32(space), u32(space))
        with if_(process == 0):
            ret(0)
        with process.lock.held():
            with process.tasks.each(Task, "sibling", place=scratch) as task:
                mov(space, u64(task.space))
                break_()
            with if_(space != 0):
                self.spaces.gain(cast(space, Ptr[AddressSpace]))
        self.processes.drop(process)
        ret(cast(space, Ptr[AddressSpace]))
