"""The archive that the boot loader brings: the first contents of the root file system."""

from __future__ import annotations

from kernel.boot.record import BootModule, BootRecord
from kernel.fs.cpioreader import CpioReader
from kernel.log.level import LogLevel
from kernel.log.log import Log
from kernel.paging.addresses import direct
from pykasm import *


class Initramfs(Subsystem):
    """Unpacks a module of the boot loader into the root file system: the one that is named
    `initramfs`, or else the first. Context: the thread that starts the kernel."""

    def __init__(self, record: BootRecord, reader: CpioReader, log: Log) -> None:
        self.record = record
        self.reader = reader
        self.log = log

    @function(context="thread", sleeps=True)
    def start(self) -> None:
        """Unpack the archive, if there is one."""
        module = keep(cast(self.record.modules, OrNull[Ptr[BootModule]]))
        with if_((module == 0) | (self.record.module_count == 0)):
            ret()
        address, reader = scratch(module.address), self.reader
        direct(address)
        result = keep(reader.feed(cast(address, Ptr[U8]), module.size))
        with if_(result == 0):
            mov(result, reader.finish())
        with else_():
            reader.close()
        with if_(result != 0):
            self.log.write(LogLevel.ERROR, "initramfs: %s", reader.problem)
        with if_(reader.failed != 0):
            self.log.write(LogLevel.ERROR, "initramfs: %u names could not be made", reader.failed)
        self.log.write(LogLevel.INFO, "initramfs: %u names", reader.made)
