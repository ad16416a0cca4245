"""Texts about the machine and the kernel."""

from __future__ import annotations

from kernel.boot.record import BootRecord
from kernel.cpu.pagetable import PageShift
from kernel.fs.characterdevices import MINOR_BITS, CharacterDevice, CharacterDevices
from kernel.fs.inode import Inode
from kernel.fs.pagecache import PageCache
from kernel.fs.textwriter import TextWriter
from kernel.mm.pages import Pages
from kernel.proc.procsource import ProcConstant, ProcSource, ProcText
from kernel.process.systemnamecalls import NAMES
from kernel.vm.overcommit import Overcommit
from pykasm import *

PAGE_KIB_SHIFT = PageShift.PAGE - 10
"""log2 of the KiB of a page."""


VERSION = f"{NAMES[0]} version {NAMES[2]} {NAMES[3]}"
"""The name of the system, its release and its build, which are for good."""

SWAPS = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority"
"""The title of a table without rows, as nothing is ever put on disk."""

PARTITIONS = "major minor  #blocks  name\n"

DRIVERS = {1: "mem", 4: "tty", 5: "/dev/tty", 10: "misc", 136: "pts"}
"""What Linux calls the drivers with these numbers."""


class MachineTexts(ProcSource):
    """Writes what is the same for all processes. Context: thread."""

    def __init__(
        self,
        writer: TextWriter,
        pages: Pages,
        cache: PageCache,
        overcommit: Overcommit,
        record: BootRecord,
        devices: CharacterDevices,
    ) -> None:
        self.writer = writer
        self.pages = pages
        self.cache = cache
        self.overcommit = overcommit
        self.record = record
        self.devices = devices
        self.proc_files = [
            ProcText("cmdline", self.show_command_line),
            ProcText("meminfo", self.show_memory),
            ProcConstant("version", VERSION),
            ProcConstant("swaps", SWAPS),
            ProcConstant("partitions", PARTITIONS),
            ProcText("devices", self.show_devices),
        ]

    @function
    def show_command_line(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write what the boot loader handed over."""
        self.writer.print("%s\n", address_of(self.record.command_line))
        ret(0)

    @function(context="thread")
    def show_memory(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write how much memory there is, and what is free. Files are nowhere but in memory, so
        what they take can't be given back."""
        unused, free = keep(self.pages.unused_count()), keep(self.pages.free_count())
        for title, place in (
            ("MemTotal", self.overcommit.most_pages),
            ("MemFree", unused),
            ("MemAvailable", free),
            ("Cached", self.cache.count),
            ("Shmem", self.cache.count),
            ("CommitLimit", self.overcommit.most_pages),
        ):
            mov(rax, place)
            shl(rax, PAGE_KIB_SHIFT)
            self.writer.print(f"{title + ':':<15} %8u kB\n", rax)
        for title in ("Buffers", "SwapCached", "SwapTotal", "SwapFree", "Dirty", "Writeback"):
            self.writer.print(f"{title + ':':<15} {0:8} kB\n")
        ret(0)

    @function
    def show_devices(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the drivers that have special files, by their numbers. None is of block devices."""
        self.writer.print("Character devices:\n")
        for number, name in DRIVERS.items():
            with if_(self._has_driver(number)):
                self.writer.print(f"{number:3} {name}\n")
        self.writer.print("\nBlock devices:\n")
        ret(0)

    @function
    def _has_driver(self, number: U64) -> Bool:
        """Return whether there is a driver with this number."""
        row, left = scratch(Ptr[CharacterDevice]), scratch(U32)
        lea(row, self.devices.devices)
        with for_(left, 0, self.devices.count):
            mov(rax, row.first)
            shr(rax, MINOR_BITS)
            with if_(rax == number):
                ret(True)
            add(row, sizeof(CharacterDevice))
        ret(False)
