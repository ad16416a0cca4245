"""Special files that stand for devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kernel.errno import Errno
from kernel.fs.file import File, FileOperations
from kernel.fs.filedefaults import FileDefaults
from kernel.fs.inode import Inode
from pykasm import *

MINOR_BITS = 20
"""Bits of a device number below that of the driver, as in the kernel; programs see it otherwise
(`makedev`)."""


class CharacterDevice(Struct):
    """Devices with numbers in a row."""

    first: U64
    """The number of the first of them."""
    count: U64
    operations: Ptr[FileOperations]
    name: Ptr[U8]
    """Its name, from the root of devtmpfs on."""
    mode: U32
    """Who may do what with it."""


class CharacterDriver(Subsystem):
    """A subsystem with character devices."""

    devices: list[CharacterDevice]
    """Their rows, which the constructor makes."""


def device(
    major: int, minor: int, operations: Any, name: str, mode: int = 0o666
) -> CharacterDevice:
    """Return a row for a device, by its number and name in Linux's list
    (Documentation/admin-guide/devices.txt)."""
    first = major << MINOR_BITS | minor
    return CharacterDevice(first=first, count=1, operations=operations, name=f"/{name}", mode=mode)


class CharacterDevices(Subsystem):
    """Opens special files by what the drivers do with them. Context: thread."""

    def __init__(self, defaults: FileDefaults, drivers: Sequence[CharacterDriver]) -> None:
        rows = [row for driver in drivers for row in driver.devices]
        self.count = len(rows)
        self.devices = rodata(CharacterDevice * self.count, rows)
        self.operations = rodata(FileOperations, defaults.table(open=self.open))

    @function(context="thread", sleeps=True, recursion=1)  # no driver's table has it
    def open(self, inode: Ptr[Inode], file: Ptr[File]) -> OrErrno[I32]:
        """Give `file` the operations of its device's driver. Returns what that does, or -ENXIO if
        there is no such device."""
        row, left = scratch(Ptr[CharacterDevice]), scratch(U32)
        lea(row, self.devices)
        with for_(left, 0, self.count):
            mov(rax, inode.device)
            sub(rax, row.first)
            with if_(rax < row.count):
                operations = scratch(row.operations)
                mov(file.operations, operations)
                mov(rax, operations.flags)
                mov(file.kind, eax)
                result = operations.open(inode, file)
                ret(result)
            add(row, sizeof(CharacterDevice))
        ret(-Errno.ENXIO)
