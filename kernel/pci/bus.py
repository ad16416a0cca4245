"""Enumerate the functions on the PCI buses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.acpi.mcfg import EcamRegions
from kernel.mm.heap import Heap
from kernel.pci.capabilities import CapabilityId, PciCapabilities
from kernel.pci.configuration import NO_RESPONSE, ConfigurationSpace
from kernel.pci.device import PciDevice
from kernel.pci.header import (
    BUSES,
    DEVICES,
    FUNCTIONS,
    INVALID_VENDOR,
    MULTI_FUNCTION,
    BridgeHeader,
    ConfigurationAddress,
    HeaderType,
    PciHeader,
)
from kernel.pci.resources import PciResources
from kernel.structures.list import ListHead
from pykasm import *
from pykasm.lang.structs import fields_of

COMMON_FIELDS = (
    "vendor",
    "device",
    "base_class",
    "subclass",
    "interface",
    "revision",
    "header_type",
    "line",
    "pin",
)
"""Fields of all headers that are copied to `PciDevice`."""
NORMAL_FIELDS = ("subsystem_vendor", "subsystem")
"""Fields of normal headers that are copied too."""
BRIDGE_CLASS, HOST_BRIDGE_SUBCLASS = 0x06, 0x00
"""The class code of a host bridge (PCI Code and ID Assignment Specification 1.11, 1.7)."""
BYTE_FIELDS = {one.name for one in fields_of(PciDevice) if one.type is U8}


class PciBus(Subsystem):
    """The list of all functions, on the buses as the firmware has numbered them.

    A bridge's secondary bus has a higher number than its own bus, so that one pass over the buses
    in ascending order finds all of them, and ends. Buses that no bridge leads to belong to other
    host bridges. Context: the list is complete after `start`, and may then be read in any context.
    """

    devices = bss(ListHead, elements="PciDevice.link")
    count = bss(U32)
    """The number of devices in the list."""
    lost = bss(U32)
    """The number of functions for which there was no memory."""
    reached = bss(U8 * BUSES)
    """The buses of the segment group being scanned that a bridge leads to: 1 or 0."""
    host_bridges = bss(U32)
    """The number of host bridges found so far in that segment group."""

    def __init__(
        self,
        ecam: EcamRegions,
        configuration: ConfigurationSpace,
        capabilities: PciCapabilities,
        resources: PciResources,
        heap: Heap,
    ) -> None:
        self.ecam = ecam
        self.configuration = configuration
        self.capabilities = capabilities
        self.resources = resources
        self.heap = heap

    @function
    def start(self) -> None:
        """Find all functions. Context: the first processor, while starting."""
        found = keep(U32)
        xor(found, found)
        self.devices.reset()
        with self.ecam.each() as segment:
            inc(found)
            group, first, last = scratch(U32), scratch(U32), scratch(U32)
            movzx(group, segment.group)
            shl(group, ConfigurationAddress.GROUP - ConfigurationAddress.BUS)
            movzx(first, segment.first)
            movzx(last, segment.last)
            self._scan_segment(group, first, last)
        with if_(found == 0):
            self._scan_segment(0, 0, BUSES - 1)

    @function
    def _scan_segment(self, group: Keep[U32], first: U32, last: Keep[U32]) -> None:
        """Scan the buses `first` to `last` of a segment group.

        `group` is its number, shifted to its position in the number of a bus.
        """
        bus = keep(first)
        lea(rdi, self.reached)
        xor(eax, eax)
        mov(ecx, BUSES)
        rep.stosb()
        mov(self.host_bridges, 0)
        mov(self.reached[bus], 1)  # the host bridge leads to the first one
        with while_(bus <= last):
            or_(group, bus)  # both parts of the bus's number; the group alone again below
            with if_(self._has_functions(group)):
                self._scan_bus(group)
            xor(group, bus)
            inc(bus)

    @function
    def _has_functions(self, bus: U32) -> Bool:
        """Return whether the bus has to be scanned.

        It has to be if a bridge leads to it; or if there is a function on it nevertheless, which is
        only possible if there is a second host bridge. That is probed by ports, which need no
        mapping for each bus, but reach only segment group 0.
        """
        function, end = keep(bus), keep(U32)
        movzx(eax, u8(bus))
        with if_(self.reached[rax] != 0):
            ret(True)
        with if_((self.host_bridges < 2) | (bus >= BUSES)):
            ret(False)
        shl(function, ConfigurationAddress.BUS)
        lea(end, bare[u64(function) + DEVICES * FUNCTIONS])
        with while_(function < end):
            identity = self.configuration.read_by_ports(function, offsetof(PciHeader, "vendor"))
            with if_((identity != NO_RESPONSE) & (identity != 0)):
                ret(True)
            add(function, FUNCTIONS)
        ret(False)

    @function
    def _scan_bus(self, bus: U32) -> None:
        """Scan the devices of a bus, whose number includes the segment group's."""
        function, end = keep(bus), keep(U32)
        shl(function, ConfigurationAddress.BUS)
        lea(end, bare[u64(function) + DEVICES * FUNCTIONS])
        with while_(function < end):
            self._scan_device(function)
            add(function, FUNCTIONS)

    @function
    def _scan_device(self, function: Keep[U32]) -> None:
        """Scan the functions of a device by its function 0, without which it has no others (PCI
        3.0, 3.2.2.3.4)."""
        end = keep(U32)
        lea(end, bare[u64(function) + FUNCTIONS])
        kind = self.configuration.read_field(function, PciHeader, "header_type")
        with if_((kind & MULTI_FUNCTION) == 0):
            lea(end, bare[u64(function) + 1])
        self._return_if_absent(function)
        with while_(function < end):
            self._scan_function(function)
            inc(function)

    @function
    def _scan_function(self, function: Keep[U32]) -> None:
        """Create the record of the function, if there is one."""
        self._return_if_absent(function)
        device = keep(cast(self.heap.allocate(sizeof(PciDevice)), Ptr[PciDevice]))
        with if_(device == 0):
            inc(self.lost)
            ret()
        self._clear(device)
        mov(device.function, function)
        self._read_header(device)
        with if_((device.base_class == BRIDGE_CLASS) & (device.subclass == HOST_BRIDGE_SUBCLASS)):
            inc(self.host_bridges)
        self._read_bridge(device)
        self._find_messages(device)
        self.resources.find(device)
        inc(self.count)
        link = scratch(address_of(device.link))
        self.devices.append(link)  # last: readers take no lock
        disown(device, "it is in the list of all")

    @inline(changes=(rax, rcx, rdi))
    def _clear(self, device: Ptr[PciDevice]) -> None:
        """Zero the record."""
        mov(rdi, device)
        xor(eax, eax)
        mov(ecx, sizeof(PciDevice))
        rep.stosb()

    @inline(changes=CALLER_SAVED)
    def _return_if_absent(self, function: U32) -> None:
        """Return from the emitting function if `function` does not exist."""
        vendor = self.configuration.read_field(function, PciHeader, "vendor")
        with if_((vendor == INVALID_VENDOR) | (vendor == 0)):
            ret()

    @function
    def _read_header(self, device: Keep[Ptr[PciDevice]]) -> None:
        """Copy fields of the header to the record."""
        for name in COMMON_FIELDS:
            self._copy(device, PciHeader, name)
        and_(device.header_type, MULTI_FUNCTION - 1)
        with if_(device.header_type == HeaderType.NORMAL):
            for name in NORMAL_FIELDS:
                self._copy(device, PciHeader, name)

    @inline(changes=CALLER_SAVED)
    def _copy(self, device: Ptr[PciDevice], kind: type[Struct], name: str) -> None:
        """Copy the field `name` of the header struct `kind` to that of `device`."""
        value = self.configuration.read_field(device.function, kind, name)
        mov(getattr(device, name), u8(value) if name in BYTE_FIELDS else u16(value))

    @function
    def _read_bridge(self, device: Keep[Ptr[PciDevice]]) -> None:
        """Note the secondary bus, to be scanned later, if the function is a bridge."""
        with if_(device.header_type != HeaderType.BRIDGE):
            ret()
        self._copy(device, BridgeHeader, "secondary")
        mov(eax, device.function)
        shr(eax, ConfigurationAddress.BUS)
        with if_(al < device.secondary):  # else it would be scanned again, or never
            movzx(eax, device.secondary)
            mov(self.reached[rax], 1)

    @function
    def _find_messages(self, device: Keep[Ptr[PciDevice]]) -> None:
        """Note the offsets of the capabilities of message-signalled interrupts."""
        mov(device.msi, u8(self.capabilities.find(device.function, CapabilityId.MSI)))
        mov(device.msi_x, u8(self.capabilities.find(device.function, CapabilityId.MSI_X)))

    @inline(changes=rax)
    @contextmanager
    def each(self) -> Iterator[Ptr[PciDevice]]:
        """Run the block for each function, with the address of its record in a kept register."""
        with self.devices.each(PciDevice, "link") as device:
            yield device

    @function
    def find(self, function: U32) -> OrNull[Ptr[PciDevice]]:
        """Return the record of the function with this number, or null."""
        with self.each() as device, if_(device.function == function):
            ret(device)
        ret(0)
