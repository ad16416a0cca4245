"""Texts about the machine and the kernel."""

from __future__ import annotations

from kernel.boot.record import BootRecord
from kernel.clock.clock import Clock
from kernel.clock.units import NSEC_PER_SEC
from kernel.cpu.pagetable import PageShift
from kernel.fs.inode import Inode
from kernel.fs.pagecache import PageCache
from kernel.fs.textwriter import TextWriter
from kernel.mm.pages import Pages
from kernel.proc.procsource import ProcSource, ProcText
from kernel.process.processids import PID_MAX
from kernel.process.systemnamecalls import SystemNameCalls, SystemNames
from kernel.vm.overcommit import Overcommit
from pykasm import *

PARTS = 100
"""Of a second, in which the time since the start is told."""

PAGE_KIB_SHIFT = PageShift.PAGE - 10
"""log2 of the KiB of a page."""


class MachineTexts(ProcSource):
    """Writes what is the same for all processes. Context: thread."""

    def __init__(
        self,
        writer: TextWriter,
        clock: Clock,
        pages: Pages,
        cache: PageCache,
        overcommit: Overcommit,
        names: SystemNameCalls,
        record: BootRecord,
    ) -> None:
        self.writer = writer
        self.clock = clock
        self.pages = pages
        self.cache = cache
        self.overcommit = overcommit
        self.names = names
        self.record = record
        self.proc_files = [
            ProcText("cmdline", self.show_command_line),
            ProcText("meminfo", self.show_memory),
            ProcText("uptime", self.show_uptime),
            ProcText("version", self.show_version),
            ProcText("sys/kernel/hostname", self.show_host),
            ProcText("sys/kernel/domainname", self.show_domain),
            ProcText("sys/kernel/osrelease", self.show_release),
            ProcText("sys/kernel/ostype", self.show_type),
            ProcText("sys/kernel/pid_max", self.show_most_processes),
            ProcText("sys/kernel/version", self.show_build),
            ProcText("sys/vm/overcommit_memory", self.show_overcommit),
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
        free = keep(self.pages.free_count())
        for title, place in (
            ("MemTotal", self.overcommit.most_pages),
            ("MemFree", free),
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

    @function(context="thread")
    def show_uptime(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the seconds since the start. Those without work, which would come next, are not
        counted: 0."""
        mov(rax, self.clock.now())
        xor(edx, edx)
        mov(ecx, NSEC_PER_SEC // PARTS)
        div(rcx)
        xor(edx, edx)
        mov(ecx, PARTS)
        div(rcx)
        self.writer.print("%u.%02u 0.00\n", rax, rdx)
        ret(0)

    @function
    def show_version(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write what `uname -a` tells of the kernel."""
        system, release_name, build = (self._name(one) for one in ("system", "release", "version"))
        self.writer.print("%s version %s %s\n", system, release_name, build)
        ret(0)

    @inline
    def _name(self, field_name: str) -> Ptr[U8]:
        """Return the address of one of `SystemNames`, in a scratch register."""
        place = scratch(Ptr[U8])
        lea(place, self.names.names[offsetof(SystemNames, field_name)])
        return place

    @inline(changes=CALLER_SAVED)
    def _show_name(self, field_name: str) -> None:
        """Write one of `SystemNames` in a line."""
        self.writer.print("%s\n", self._name(field_name))

    @function
    def show_host(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the name of the machine."""
        self._show_name("node")
        ret(0)

    @function
    def show_domain(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the name of its domain."""
        self._show_name("domain")
        ret(0)

    @function
    def show_release(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the release of the kernel."""
        self._show_name("release")
        ret(0)

    @function
    def show_type(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the name of the system."""
        self._show_name("system")
        ret(0)

    @function
    def show_build(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write which build of the kernel this is."""
        self._show_name("version")
        ret(0)

    @function
    def show_most_processes(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write one more than the largest number of a process."""
        self.writer.print(f"{PID_MAX}\n")
        ret(0)

    @function
    def show_overcommit(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write 0: what may be mapped is as `Overcommit` says."""
        self.writer.print("0\n")
        ret(0)
