"""The PCI bus in sysfs."""

from __future__ import annotations

from typing import Any

from kernel.fs.credentials import CapabilityBit
from kernel.fs.inode import Inode
from kernel.fs.textwriter import TextWriter
from kernel.pci.bus import PciBus
from kernel.pci.configuration import ConfigurationSpace
from kernel.pci.device import PciDevice, PciResource
from kernel.pci.header import BARS, DEVICES, FUNCTIONS, Bar, ConfigurationAddress, HeaderType
from kernel.process.task import Task
from kernel.sched.scheduler import Scheduler
from kernel.sysfs.sysnode import SysNode
from kernel.sysfs.syssource import SysSource
from kernel.sysfs.systree import NAME_ROOM, SysTree
from pykasm import *

PORTS, MEMORY = 0x4_0100, 0x4_0200
"""Kinds of resources, with addresses that are multiples of their sizes (include/linux/ioport.h:
IORESOURCE_IO, IORESOURCE_MEM, IORESOURCE_SIZEALIGN)."""
PREFETCHABLE, WIDE = 0x2000, 0x10_0000
"""IORESOURCE_PREFETCH, IORESOURCE_MEM_64."""

FURTHER, FURTHER_OF_BRIDGES = 1, 5
"""Resources behind those of the BARs, which are not told here: that of the ROM, and what a bridge
passes on."""

CONFIGURATION_SIZE, COMMON_SIZE = 256, 64
"""Bytes of a configuration space, and those that everybody may see."""


class SysPci(SysSource):
    """Which functions there are on the PCI bus (Documentation/ABI/testing/sysfs-bus-pci). Context:
    thread."""

    names = bss(OrNull[Ptr[SysNode]])
    """The directory that has all functions by their names."""

    def __init__(
        self,
        tree: SysTree,
        writer: TextWriter,
        bus: PciBus,
        configuration: ConfigurationSpace,
        scheduler: Scheduler,
    ) -> None:
        self.tree = tree
        self.writer = writer
        self.bus = bus
        self.configuration = configuration
        self.scheduler = scheduler
        self.files = {
            "vendor": self.show_vendor,
            "device": self.show_device,
            "subsystem_vendor": self.show_subsystem_vendor,
            "subsystem_device": self.show_subsystem,
            "class": self.show_class,
            "revision": self.show_revision,
            "irq": self.show_line,
            "resource": self.show_resources,
            "config": self.show_configuration,
            "uevent": self.show_event,
        }

    @function
    def fill(self) -> None:
        """Add all functions, as `SysSource` says."""
        buses = self.tree.directory_at(address_of(self.tree.root), text("bus"))
        own = self.tree.add_directory(buses, text("pci"))
        mov(self.names, self.tree.add_directory(own, text("devices")))
        with self.bus.each() as device:
            self._add(device)

    @function
    def _add(self, device: Keep[Ptr[PciDevice]]) -> None:
        """Add a function where the bus that it is on lies, and a link to it."""
        name, parent = local(U8 * NAME_ROOM), keep(self._bus_of(device))
        self._write_name(name, device)
        directory = keep(self.tree.add_directory(parent, address_of(name)))
        mov(directory.subject, device)
        self.tree.add_files(directory, self.files)
        names = scratch(self.names)
        asserts(names != 0)  # `fill` has made it
        self.tree.add_link(names, address_of(name), directory)

    @inline(changes=CALLER_SAVED)
    def _write_name(self, name: Array[U8], device: Ptr[PciDevice]) -> None:
        """Write what the function is called."""
        self.tree.write_name(name, "%04x:%02x:%02x.%u", *self._parts(device))

    @inline(changes=(rax, rcx, rdx, rsi))
    def _parts(self, device: Ptr[PciDevice]) -> tuple[Any, ...]:
        """Return segment group, bus, device and function in registers."""
        registers = (rax, rcx, rdx, rsi)
        shifts = (
            (ConfigurationAddress.GROUP, 0xFFFF),
            (ConfigurationAddress.BUS, 0xFF),
            (ConfigurationAddress.DEVICE, DEVICES - 1),
            (ConfigurationAddress.FUNCTION, FUNCTIONS - 1),
        )
        for register, (shift, mask) in zip(registers, shifts, strict=True):
            mov(u32(register), device.function)
            shr(u32(register), shift)
            and_(u32(register), mask)
        return registers

    @function
    def _bus_of(self, device: Keep[Ptr[PciDevice]]) -> Ptr[SysNode]:
        """Return the directory of the bus that `device` is on: that of the bridge which leads
        there, or one for a bus that none leads to."""
        name = local(U8 * NAME_ROOM)
        with self.bus.each() as bridge, if_(bridge.header_type == HeaderType.BRIDGE):
            mov(eax, device.function)
            xor(eax, bridge.function)
            shr(eax, ConfigurationAddress.GROUP)
            mov(ecx, device.function)
            shr(ecx, ConfigurationAddress.BUS)
            with if_((eax == 0) & (cl == bridge.secondary)):
                self._write_name(name, bridge)
                names = scratch(self.names)
                asserts(names != 0)
                link = self.tree.find(names, address_of(name))
                with if_(link != 0):
                    target = scratch(link.target)
                    asserts(target != 0)
                    ret(target)
        devices = keep(self.tree.directory_at(address_of(self.tree.root), text("devices")))
        group, number, *_ = self._parts(device)
        self.tree.write_name(name, "pci%04x:%02x", group, number)
        ret(self.tree.directory_at(devices, address_of(name)))

    # Texts

    @inline
    def _device_of(self, inode: Ptr[Inode]) -> Ptr[PciDevice]:
        """Return the function that a file tells of, in a kept register."""
        return cast(self.tree.subject_of(inode), Ptr[PciDevice])

    @function
    def show_vendor(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the number of its vendor."""
        tail(self._show_number, self._device_of(inode).vendor)

    @function
    def show_device(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write which of the vendor's devices it is."""
        tail(self._show_number, self._device_of(inode).device)

    @function
    def show_subsystem_vendor(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write who has made the board that it is on."""
        tail(self._show_number, self._device_of(inode).subsystem_vendor)

    @function
    def show_subsystem(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write which board that is."""
        tail(self._show_number, self._device_of(inode).subsystem)

    @function
    def _show_number(self, number: U16) -> OrErrno[I32]:
        """Write a number. Returns 0."""
        movzx(eax, number)
        self.writer.print("0x%04x\n", rax)
        ret(0)

    @inline(changes=(rax, rcx))
    def _class_of(self, device: Ptr[PciDevice]) -> U64:
        """Return class, subclass and interface."""
        movzx(eax, device.base_class)
        shl(eax, 16)
        movzx(ecx, device.subclass)
        shl(ecx, 8)
        or_(eax, ecx)
        movzx(ecx, device.interface)
        or_(eax, ecx)
        return u64(rax)

    @function
    def show_class(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write what kind of device it is."""
        self.writer.print("0x%06x\n", self._class_of(self._device_of(inode)))
        ret(0)

    @function
    def show_revision(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write its revision."""
        device = self._device_of(inode)
        movzx(eax, device.revision)
        self.writer.print("0x%02x\n", rax)
        ret(0)

    @function
    def show_line(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the interrupt line that the firmware has assigned."""
        device = self._device_of(inode)
        movzx(eax, device.line)
        self.writer.print("%u\n", rax)
        ret(0)

    @function
    def show_event(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write what is told of it when it comes."""
        device = self._device_of(inode)
        self.writer.print("PCI_CLASS=%x\n", self._class_of(device))
        for title, names in (
            ("PCI_ID", ("vendor", "device")),
            ("PCI_SUBSYS_ID", ("subsystem_vendor", "subsystem")),
        ):
            movzx(eax, getattr(device, names[0]))
            movzx(ecx, getattr(device, names[1]))
            self.writer.print(f"{title}=%04x:%04x\n", rax, rcx)
        self.writer.print("PCI_SLOT_NAME=%04x:%02x:%02x.%u\n", *self._parts(device))
        ret(0)

    # Resources

    @function
    def show_resources(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write a line for each resource: its first and its last address, and its flags."""
        resource, left = keep(Ptr[PciResource]), keep(U32)
        device = self._device_of(inode)
        lea(resource, device.resources)
        with for_(left, 0, BARS):
            self._show_resource(resource)
            add(resource, sizeof(PciResource))
        mov(left, FURTHER)
        with if_(device.header_type == HeaderType.BRIDGE):
            mov(left, FURTHER_OF_BRIDGES)
        with while_(left != 0):
            self.writer.print("0x%016x 0x%016x 0x%016x\n", 0, 0, 0)
            dec(left)
        ret(0)

    @function
    def _show_resource(self, resource: Ptr[PciResource]) -> None:
        """Write the line of a resource, which may be none."""
        resource, end, flags = scratch(resource), scratch(U64), scratch(U64)
        with if_(resource.size == 0):
            self.writer.print("0x%016x 0x%016x 0x%016x\n", 0, 0, 0)
            ret()
        mov(end, resource.address)
        add(end, resource.size)
        dec(end)
        mov(u32(flags), resource.flags)
        with if_(resource.flags & Bar.IO):
            or_(flags, PORTS)
        with else_():
            or_(flags, MEMORY)
            with if_(resource.flags & Bar.PREFETCHABLE):
                or_(flags, PREFETCHABLE)
            with if_(resource.flags & Bar.MEMORY_64):
                or_(flags, WIDE)
        self.writer.print("0x%016x 0x%016x 0x%016x\n", resource.address, end, flags)

    # The configuration space

    @function(context="thread")
    def show_configuration(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the bytes of its configuration space; only those that all functions have, but for
        who may administer the system: some devices mind being read further."""
        device, offset, end = self._device_of(inode), keep(U32), keep(U32)
        mov(end, COMMON_SIZE)
        with if_(self._may_administer()):
            mov(end, CONFIGURATION_SIZE)
        xor(offset, offset)
        with while_(offset < end):
            self._write_bytes(self.configuration.read(device.function, offset))
            add(offset, sizeof(U32))
        ret(0)

    @function(context="thread")
    def _may_administer(self) -> Bool:
        """Return whether who runs may administer the system; the kernel itself may."""
        thread = scratch(self.scheduler.current)
        task = scratch(cast(thread.user, Ptr[Task]))
        with if_(task == 0):
            ret(True)
        credentials = scratch(task.credentials)
        ret((credentials.effective & (1 << CapabilityBit.SYS_ADMIN)) != 0)

    @function
    def _write_bytes(self, word: Keep[U32]) -> None:
        """Write the bytes of `word`, whatever they are."""
        for place in range(sizeof(U32)):
            mov(eax, word)
            shr(eax, 8 * place)
            self.writer.put(al)
