"""Print the boot record on the console."""

from kernel.boot.information import BootInformation
from kernel.boot.memorykind import MemoryKind
from kernel.boot.memorymap import MemoryRegion
from kernel.boot.record import MESSAGES, BootModule
from kernel.console.console import Console
from kernel.cpu.pagetable import PageShift
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.structures.alignment import round_up
from pykasm import *

KIND_NAMES = {
    MemoryKind.AVAILABLE: "available",
    MemoryKind.RESERVED: "reserved",
    MemoryKind.ACPI_RECLAIMABLE: "ACPI tables",
    MemoryKind.ACPI_NVS: "ACPI storage",
    MemoryKind.DEFECTIVE: "defective",
}


MAX_SHOWN = 64
"""Regions that are printed, far more than maps have that people look at."""

TABLE = 1 << PageShift.LARGE
"""Bytes behind the image, at a multiple of as many, for the first part of the frame table."""


class BootReport(Subsystem):
    """Print the boot record. Context: threads, and the first processor while starting."""

    kind_names = rodata(
        Ptr[U8] * (max(MemoryKind) + 1), [None, *(KIND_NAMES[kind] for kind in MemoryKind)]
    )

    def __init__(self, console: Console, log: Log, information: BootInformation) -> None:
        self.console = console
        self.log = log
        self.information = information

    @function(init=True)
    def print(self) -> None:
        """Log what was wrong with the boot information, and print the record."""
        damage = keep(self.information.damage)
        for kind, message in MESSAGES.items():
            with if_(damage & kind):
                self.log.write(LogLevel.WARNING, f"boot information: {message}")
        self.console.print("loader: %s\n", address_of(self.information.loader_name))
        self.console.print("command line: %s\n", address_of(self.information.command_line))
        self.print_memory()
        self._print_modules()
        with if_(self.information.acpi_root != 0):
            self.console.print("ACPI root at 0x%x\n", self.information.acpi_root)
        with else_():
            self.console.print("no ACPI root\n")

    @function
    def print_memory(self) -> None:
        """Print the memory map and the total of available memory."""
        region, count, available = keep(Ptr[MemoryRegion]), keep(U32), keep(U64)
        self.console.print("memory map\n")
        mov(region, self.information.regions)
        mov(count, self.information.region_count)
        xor(available, available)
        with while_(count != 0):
            mov(eax, self.information.region_count)
            sub(eax, count)
            with if_(eax < MAX_SHOWN):
                self._print_region(region)
            with if_(region.kind == MemoryKind.AVAILABLE):
                add(available, region.length)
            add(region, sizeof(MemoryRegion))
            dec(count)
        mov(count, self.information.region_count)
        with if_(count > MAX_SHOWN):
            sub(count, MAX_SHOWN)
            self.console.print("  and %u more\n", count)
        self.console.print("%z available\n", available)
        with if_(available < self._least_memory()):
            self.print_too_little()

    @function
    def print_too_little(self) -> None:
        """Log that there is not enough memory."""
        least = self._least_memory()
        self.log.write(LogLevel.WARNING, "memory: that is too little; %z are needed", least)

    @function
    def _least_memory(self) -> U64:
        """Return the bytes of available memory that the kernel and its first threads need."""
        mov(rax, address_of(symbol("image_load_end")))
        round_up(rax, TABLE)
        add(rax, TABLE)
        ret(rax)

    @function
    def _print_region(self, region: Ptr[MemoryRegion]) -> None:
        """Print the first and last address, the size and the kind of `region`."""
        last, kind = scratch(region.address), scratch(region.kind)
        add(last, region.length)
        dec(last)
        self.console.print(
            "  %016x-%016x %10z  %s\n", region.address, last, region.length, self.kind_names[kind]
        )

    @function
    def _print_modules(self) -> None:
        """Print the physical address, the size and the name of each module."""
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
