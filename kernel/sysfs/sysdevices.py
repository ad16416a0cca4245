"""Devices with special files in sysfs."""

from __future__ import annotations

from kernel.fs.characterdevices import MINOR_BITS, CharacterDevice, CharacterDevices
from kernel.fs.inode import Inode
from kernel.fs.textwriter import TextWriter
from kernel.sysfs.sysnode import SysNode
from kernel.sysfs.syssource import SysSource
from kernel.sysfs.systree import NAME_ROOM, SysTree
from pykasm import *

CLASSES = {1: "mem", 4: "tty", 5: "tty"}
OTHER = "misc"
"""The classes that drivers' devices belong to, by the drivers' numbers (Linux: drivers/char/mem.c,
drivers/tty/tty_io.c, drivers/char/misc.c)."""

MINOR_MASK = (1 << MINOR_BITS) - 1


class SysDevices(SysSource):
    """Which devices there are that have special files: by class, and by number. What lies behind
    each tells its name, so that programs can make the file (mdev(8), udev(7)). Context: thread."""

    def __init__(self, tree: SysTree, writer: TextWriter, devices: CharacterDevices) -> None:
        self.tree = tree
        self.writer = writer
        self.devices = devices
        self.files = {"dev": self.show_number, "uevent": self.show_event}

    @function
    def fill(self) -> None:
        """Add all devices, as `SysSource` says."""
        row, left, numbers = keep(Ptr[CharacterDevice]), keep(U32), keep(Ptr[SysNode])
        by_number = self.tree.directory_at(address_of(self.tree.root), text("dev"))
        mov(numbers, self.tree.directory_at(by_number, text("char")))
        by_class = self.tree.directory_at(address_of(self.tree.root), text("class"))
        classes = keep(by_class)
        lea(row, self.devices.devices)
        with for_(left, 0, self.devices.count):
            with if_(row.count == 1):  # each has a name of its own
                self._add(row, classes, numbers)
            add(row, sizeof(CharacterDevice))

    @function
    def _add(
        self,
        row: Keep[Ptr[CharacterDevice]],
        classes: Keep[Ptr[SysNode]],
        numbers: Keep[Ptr[SysNode]],
    ) -> None:
        """Add a device, and links to it."""
        name, directory = local(U8 * NAME_ROOM), keep(self._add_directory(row))
        kind = self._class_of(row)
        members = keep(self.tree.directory_at(classes, kind))
        self.tree.add_link(members, directory.name, directory)
        self.tree.add_link(directory, text("subsystem"), members)
        self._load_number(row)
        self.tree.write_name(name, "%u:%u", rax, rdx)
        self.tree.add_link(numbers, address_of(name), directory)

    @function
    def _add_directory(self, row: Keep[Ptr[CharacterDevice]]) -> Ptr[SysNode]:
        """Add the directory of a device."""
        devices = self.tree.directory_at(address_of(self.tree.root), text("devices"))
        virtual = keep(self.tree.directory_at(devices, text("virtual")))
        kind = self._class_of(row)
        parent = keep(self.tree.directory_at(virtual, kind))
        directory = keep(self.tree.add_directory(parent, self._name_of(row)))
        mov(directory.subject, row)
        self.tree.add_files(directory, self.files)
        ret(directory)

    @inline(changes=(rax, rdx))
    def _load_number(self, row: Ptr[CharacterDevice]) -> None:
        """Load the number of the driver into rax, and that of the device into rdx."""
        mov(rdx, row.first)
        mov(rax, rdx)
        shr(rax, MINOR_BITS)
        and_(edx, MINOR_MASK)

    @function
    def _class_of(self, row: Ptr[CharacterDevice]) -> Ptr[U8]:
        """Return what the class of a device is called."""
        mov(rcx, row.first)
        shr(rcx, MINOR_BITS)
        for number, name in CLASSES.items():
            with if_(ecx == number):
                ret(text(name))
        ret(text(OTHER))

    @function
    def _name_of(self, row: Ptr[CharacterDevice]) -> Ptr[U8]:
        """Return the last part of the name of a device."""
        place, name = scratch(row.name), scratch(Ptr[U8])
        mov(name, place)
        with while_(at(place) != 0):
            with if_(at(place) == ord("/")):
                lea(name, place[1])
            inc(place)
        ret(name)

    # Texts

    @function
    def show_number(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the numbers of driver and device."""
        self._load_number(cast(self.tree.subject_of(inode), Ptr[CharacterDevice]))
        self.writer.print("%u:%u\n", rax, rdx)
        ret(0)

    @function
    def show_event(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write what is told of it when it comes."""
        row = cast(self.tree.subject_of(inode), Ptr[CharacterDevice])
        self._load_number(row)
        self.writer.print("MAJOR=%u\nMINOR=%u\n", rax, rdx)
        name = self._name_of(row)
        self.writer.print("DEVNAME=%s\n", name)
        ret(0)
