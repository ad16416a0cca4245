"""The order in which the kernel comes up."""

from typing import NoReturn

from kernel.boot import multiboot2, pvh
from kernel.boot.information import BootInformation
from kernel.boot.loaderframebuffer import LoaderFramebuffer
from kernel.boot.protocol import Protocol
from kernel.boot.record import MESSAGES, Damage
from kernel.boot.report import BootReport
from kernel.debug.panic import Panic
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.mm.paging import Paging
from kernel.monitor.monitor import Monitor
from kernel.paging.addresses import direct
from kernel.start.firstprogram import FirstProgram
from kernel.start.order import EarlySteps, LateSteps, MainSteps
from pykasm import *


class Init(Subsystem):
    """Start every subsystem in the order of `kernel.start.order`."""

    def __init__(
        self,
        information: BootInformation,
        framebuffer: LoaderFramebuffer,
        report: BootReport,
        log: Log,
        panic: Panic,
        paging: Paging,
        first_program: FirstProgram,
        monitor: Monitor,
        early: EarlySteps,
        main: MainSteps,
        late: LateSteps,
    ) -> None:
        self.information = information
        self.framebuffer = framebuffer
        self.report = report
        self.log = log
        self.panic = panic
        self.paging = paging
        self.first_program = first_program
        self.monitor = monitor
        self.early = early
        self.main = main
        self.late = late

    @function
    def run(self, protocol: U32, info: U64) -> NoReturn:
        """Start the kernel. `info` is the physical address of the loader's information, in the form
        of the `protocol`. Context: the first processor, interrupts off, on `BootTables`."""
        self._start_all(protocol, info)
        sti()  # the other processors are called by interrupts, and answer by them
        for step in self.late:
            step()
        self.paging.free_init()
        self.first_program.run()
        self.monitor.run()
        never()

    @function(init=True)
    def _start_all(self, protocol: Keep[U32], info: Keep[U64]) -> None:
        """Start every subsystem that starts with interrupts off."""
        for step in self.early:
            step()
        self._read_information(protocol, info)
        self.framebuffer.start()
        with if_(self.information.damage & Damage.NO_SPACE):
            self.report.print_too_little()
        for damage in (Damage.NO_SPACE, Damage.NO_MEMORY):
            with if_(self.information.damage & damage):
                self.panic.stop(text(f"boot information: {MESSAGES[damage]}"))
        self.log.write(
            LogLevel.INFO,
            "started by %s, command line: %s",
            address_of(self.information.loader_name),
            address_of(self.information.command_line),
        )
        for step in self.main:
            step()

    @function(init=True)
    def _read_information(self, protocol: U32, info: U64) -> None:
        """Copy the loader's information at physical `info`."""
        direct(info)
        with if_(protocol == Protocol.PVH):
            self.information.from_pvh(cast(info, Ptr[pvh.StartInfo]))
        with else_():
            self.information.from_multiboot2(cast(info, Ptr[multiboot2.InformationHeader]))
