"""The order in which the kernel comes up."""

from typing import NoReturn

from kernel.acpi.madt import InterruptModel
from kernel.acpi.mcfg import PciDescription
from kernel.acpi.tables import AcpiTables
from kernel.boot import multiboot2, pvh
from kernel.boot.information import BootInformation
from kernel.boot.protocol import Protocol
from kernel.boot.report import BootReport
from kernel.console.console import Console
from kernel.cpu.descriptors import Descriptors
from kernel.cpu.features import Features
from kernel.cpu.interrupts import Interrupts
from kernel.cpu.percpu import PerCpu
from kernel.cpu.protection import Protection
from kernel.input.keyboard import Keyboard
from kernel.input.serial import SerialInput
from kernel.interrupts.lines import Lines
from kernel.log.level import Level
from kernel.log.log import Log
from kernel.mm.addresses import direct
from kernel.mm.paging import Paging
from kernel.mm.runtime import Runtime
from kernel.mm.slab import Slabs
from kernel.monitor.monitor import Monitor
from kernel.pci.scan import PciBus
from kernel.threads.idle import Idle
from kernel.threads.threads import Threads
from kernel.time.timekeeping import Timekeeping
from pykasm import *


class BringUp(Subsystem):
    """Starts every subsystem, each after what it uses."""

    def __init__(
        self,
        per_cpu: PerCpu,
        descriptors: Descriptors,
        interrupts: Interrupts,
        console: Console,
        log: Log,
        information: BootInformation,
        features: Features,
        paging: Paging,
        runtime: Runtime,
        slabs: Slabs,
        protection: Protection,
        report: BootReport,
        acpi: AcpiTables,
        model: InterruptModel,
        lines: Lines,
        spaces: PciDescription,
        pci: PciBus,
        timekeeping: Timekeeping,
        serial_input: SerialInput,
        keyboard: Keyboard,
        threads: Threads,
        idle: Idle,
        monitor: Monitor,
    ) -> None:
        self.per_cpu = per_cpu
        self.descriptors = descriptors
        self.interrupts = interrupts
        self.console = console
        self.log = log
        self.information = information
        self.features = features
        self.paging = paging
        self.runtime = runtime
        self.slabs = slabs
        self.protection = protection
        self.report = report
        self.acpi = acpi
        self.model = model
        self.lines = lines
        self.spaces = spaces
        self.pci = pci
        self.timekeeping = timekeeping
        self.serial_input = serial_input
        self.keyboard = keyboard
        self.threads = threads
        self.idle = idle
        self.monitor = monitor

    @function
    def run(self, protocol: U32, info: U64) -> NoReturn:
        """Bring the kernel up; `info` is the physical address of what the loader left, in the form
        that the `protocol` has. Context: the first processor, interrupts off, `BootTables`."""
        self.start_all(protocol, info)
        self.paging.drop_init()
        sti()
        self.monitor.run()
        never()

    @function(init=True)
    def start_all(self, protocol: U32, info: U64) -> None:
        """Start every subsystem; see `run`."""
        protocol, info = keep(protocol), keep(info)
        self.per_cpu.start_first()
        self.descriptors.load()
        self.interrupts.load()
        self.console.serial.start()
        self.console.screen.start()
        self.read_information(protocol, info)
        self.log.write(
            Level.INFO,
            "started by %s, command line: %s",
            address_of(self.information.loader_name),
            address_of(self.information.command_line),
        )
        self.features.read()
        self.paging.switch_over()
        self.runtime.start()
        self.slabs.start()
        self.protection.enable()
        self.report.print()
        self.acpi.start()
        self.model.start()
        self.lines.start()
        self.spaces.start()
        self.pci.start()
        self.timekeeping.start()
        self.threads.start()
        self.idle.start_first()
        self.serial_input.start()
        self.keyboard.start()

    @function(init=True)
    def read_information(self, protocol: U32, info: U64) -> None:
        """Copy what the loader left at physical `info`."""
        direct(info)
        with if_(protocol == Protocol.PVH):
            self.information.from_pvh(cast(info, Ptr[pvh.StartInfo]))
        with else_():
            self.information.from_multiboot2(cast(info, Ptr[multiboot2.InformationHeader]))
