"""The boot information, printed for people."""

from kernel.boot.information import BootInformation
from kernel.boot.memorykind import MemoryKind
from kernel.boot.record import MESSAGES, BootModule, MemoryRegion
from kernel.console.console import Console
from kernel.log.level import LogLevel
from kernel.log.log import Log
from pykasm import *

KIND_NAMES = {
    MemoryKind.AVAILABLE: "available",
    MemoryKind.RESERVED: "reserved",
    MemoryKind.ACPI_RECLAIMABLE: "ACPI tables",
    MemoryKind.ACPI_NVS: "ACPI storage",
    MemoryKind.DEFECTIVE: "defective",
}


class BootReport(Subsystem):
    """Prints the record of the start. Context: threads and starting up."""

    kind_names = rodata(
        Ptr[U8] * (max(MemoryKind) + 1), [None, *(KIND_NAMES[kind] for kind in MemoryKind)]
    )

    def __init__(self, console: Console, log: Log, information: BootInformation) -> None:
        self.console = console
        self.log = log
        self.information = information

    @function(init=True)
    def print(self) -> None:
        """Print all of it, what was wrong with it first."""
        damage = keep(self.information.damage)
        for kind, message in MESSAGES.items():
            with if_(damage & kind):
                self.log.write(LogLevel.WARNING, f"boot information: {message}")
        self.console.print("loader: %s\n", address_of(self.information.loader_name))
        self.console.print("command line: %s\n", address_of(self.information.command_line))
        self.print_memory()
        self.print_modules()
        with if_(self.information.acpi_root != 0):
            self.console.print("ACPI root at 0x%x\n", self.information.acpi_root)
        with else_():
            self.console.print("no ACPI root\n")

    @function
    def print_memory(self) -> None:
        """Print the memory map, and how much memory there is to use."""
        region, count, available = keep(Ptr[MemoryRegion]), keep(U32), keep(U64)
        self.console.print("memory map\n")
        mov(region, self.information.regions)
        mov(count, self.information.region_count)
        xor(available, available)
        with while_(count != 0):
            self.print_region(region)
            with if_(region.kind == MemoryKind.AVAILABLE):
                add(available, region.length)
            add(region, sizeof(MemoryRegion))
            dec(count)
        self.console.print("%z available\n", available)

    @function
    def print_region(self, region: Ptr[MemoryRegion]) -> None:
        """Print `region` as first and last byte, size and kind."""
        mov(rax, region.address)
        add(rax, region.length)
        dec(rax)
        mov(rcx, region.kind)
        self.console.print(
            "  %016x-%016x %10z  %s\n", region.address, rax, region.length, self.kind_names[rcx]
        )

    @function
    def print_modules(self) -> None:
        """Print the modules: place, size and name of each."""
        module, count = keep(Ptr[BootModule]), keep(U32)
        mov(module, self.information.modules)
        mov(count, self.information.module_count)
        with if_(count != 0):
            self.console.print("modules\n")
        with while_(count != 0):
            lea(rax, module.name)
            self.console.print("  %016x %10z  %s\n", module.address, module.size, rax)
            add(module, sizeof(BootModule))
            dec(count)
