"""Finding all that is on the PCI bus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.acpi.mcfg import EcamRegions
from kernel.mm.heap import Heap
from kernel.pci.capabilities import CapabilityId, PciCapabilities
from kernel.pci.configuration import NOTHING, ConfigurationSpace
from kernel.pci.device import PciDevice
from kernel.pci.header import (
    ABSENT,
    BUSES,
    DEVICES,
    FUNCTIONS,
    MANY_FUNCTIONS,
    BridgeHeader,
    ConfigurationAddress,
    HeaderType,
    PciHeader,
)
from kernel.pci.resources import PciResources
from kernel.structures.list import ListHead, container
from pykasm import *
from pykasm.lang.structs import fields_of

IDENTITY = (
    "vendor",
    "device",
    "base_class",
    "subclass",
    "interface",
    "revision",
)
"""Fields of every header that `PciDevice` has too."""
ORDINARY = ("subsystem_vendor", "subsystem")
"""Those of ordinary functions only."""
BRIDGES, HOST_BRIDGE = 0x06, 0x00
"""The class, and the subclass, of what joins a bus to the processors (PCI Code and ID Assignment
Specification 1.11, 1.7)."""
BYTES = {one.name for one in fields_of(PciDevice) if one.type is U8}


class PciBus(Subsystem):
    """All functions that answer, in a list, as the firmware has numbered the buses.

    A bridge leads to a bus of a higher number than its own, so that one pass over the buses in
    their order finds all, however they hang on each other, and ends. Buses that no bridge leads to
    are those of other host bridges.
    """

    devices = bss(ListHead)
    count = bss(U32)
    lost = bss(U32)
    """Functions for which there was no memory."""
    reached = bss(U8 * BUSES)
    """Buses of the segment being scanned that something leads to: 1 or 0."""
    host_bridges = bss(U32)
    """Those found so far in that segment."""

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
            movzx(edi, segment.group)
            shl(edi, ConfigurationAddress.GROUP - ConfigurationAddress.BUS)
            movzx(esi, segment.first)
            movzx(edx, segment.last)
            self.scan_segment(edi, esi, edx)
        with if_(found == 0):
            self.scan_segment(0, 0, BUSES - 1)

    @function
    def scan_segment(self, group: Keep[U32], first: U32, last: Keep[U32]) -> None:
        """Scan the buses of a segment group from `first` to `last`. `group` is its number, moved to
        where it is in the number of a bus."""
        bus = keep(first)
        lea(rdi, self.reached)
        xor(eax, eax)
        mov(ecx, BUSES)
        rep.stosb()
        mov(self.host_bridges, 0)
        mov(self.reached[bus], 1)
        with while_(bus <= last):
            or_(group, bus)
            there = self.is_there(group)
            with if_(there != 0):
                self.scan_bus(group)
            xor(group, bus)
            inc(bus)

    @function
    def is_there(self, bus: U32) -> U32:
        """Whether something leads to a bus, or is on it nevertheless, which can't be with only one
        host bridge: 1 or 0. Ports tell, as they need no mapping; they reach one group."""
        function, end = keep(bus), keep(U32)
        movzx(eax, u8(bus))
        with if_(self.reached[rax] != 0):
            ret(1)
        with if_((self.host_bridges < 2) | (bus >= BUSES)):
            ret(0)
        shl(function, ConfigurationAddress.BUS)
        lea(end, bare[u64(function) + DEVICES * FUNCTIONS])
        with while_(function < end):
            identity = self.configuration.read_by_ports(function, offsetof(PciHeader, "vendor"))
            with if_((identity != NOTHING) & (identity != 0)):
                ret(1)
            add(function, FUNCTIONS)
        ret(0)

    @function
    def scan_bus(self, bus: U32) -> None:
        """Look at all functions of a bus, whose number has its group's in front."""
        function, end = keep(bus), keep(U32)
        shl(function, ConfigurationAddress.BUS)
        lea(end, bare[u64(function) + DEVICES * FUNCTIONS])
        with while_(function < end):
            self.scan_device(function)
            add(function, FUNCTIONS)

    @function
    def scan_device(self, function: Keep[U32]) -> None:
        """Look at a device by its function 0; without that it has no others (PCI 3.0,
        3.2.2.3.4)."""
        end = keep(U32)
        lea(end, bare[u64(function) + FUNCTIONS])
        kind = self.configuration.fetch(function, PciHeader, "kind")
        with if_((kind & MANY_FUNCTIONS) == 0):
            lea(end, bare[u64(function) + 1])
        self._leave_if_absent(function)
        with while_(function < end):
            self.scan_function(function)
            inc(function)

    @function
    def scan_function(self, function: Keep[U32]) -> None:
        """Make a record of the function, if there is one."""
        self._leave_if_absent(function)
        device = keep(cast(self.heap.allocate(sizeof(PciDevice)), Ptr[PciDevice]))
        with if_(device == 0):
            inc(self.lost)
            ret()
        self._clear(device)
        mov(device.function, function)
        self.identify(device)
        with if_((device.base_class == BRIDGES) & (device.subclass == HOST_BRIDGE)):
            inc(self.host_bridges)
        self.find_bridge(device)
        self.find_messages(device)
        self.resources.find(device)
        inc(self.count)
        self.devices.append(cast(device, Ptr[ListHead]))

    def _clear(self, device: Ptr[PciDevice]) -> None:
        """Zero the record, as a function has no part of most of it. Changes rax, rcx and rdi."""
        mov(rdi, device)
        xor(eax, eax)
        mov(ecx, sizeof(PciDevice))
        rep.stosb()

    def _leave_if_absent(self, function: U32) -> None:
        """Leave the emitting function if nothing answers as `function`."""
        vendor = self.configuration.fetch(function, PciHeader, "vendor")
        with if_((vendor == ABSENT) | (vendor == 0)):
            ret()

    @function
    def identify(self, device: Keep[Ptr[PciDevice]]) -> None:
        """Copy what the header tells about the function."""
        for name in IDENTITY:
            self._copy(device, name, PciHeader, name)
        self._copy(device, "kind", PciHeader, "kind")
        and_(device.kind, MANY_FUNCTIONS - 1)
        for name in ("line", "pin"):
            self._copy(device, name, PciHeader, name)
        with if_(device.kind == HeaderType.ORDINARY):
            for name in ORDINARY:
                self._copy(device, name, PciHeader, name)

    def _copy(self, device: Ptr[PciDevice], name: str, kind: type[Struct], source: str) -> None:
        """Let the field `name` of `device` be that called `source` in the configuration space."""
        self.configuration.fetch(device.function, kind, source)
        mov(getattr(device, name), al if name in BYTES else ax)

    @function
    def find_bridge(self, device: Keep[Ptr[PciDevice]]) -> None:
        """Note which bus is behind the function, to scan that later."""
        with if_(device.kind != HeaderType.BRIDGE):
            ret()
        self._copy(device, "secondary", BridgeHeader, "secondary")
        mov(eax, device.function)
        shr(eax, ConfigurationAddress.BUS)
        with if_(al < device.secondary):
            movzx(eax, device.secondary)
            mov(self.reached[rax], 1)

    @function
    def find_messages(self, device: Keep[Ptr[PciDevice]]) -> None:
        """Note where the capabilities are that let the function interrupt by messages."""
        mov(device.msi, u8(self.capabilities.find(device.function, CapabilityId.MSI)))
        mov(device.msi_x, u8(self.capabilities.find(device.function, CapabilityId.MSI_X)))
        mov(device.messages, 0)
        mov(device.attached, 0)

    @contextmanager
    def each(self) -> Iterator[Ptr[PciDevice]]:
        """The block runs for each function, whose record is in a kept register."""
        link = keep(Ptr[ListHead])
        mov(link, self.devices.next)
        with loop():
            lea(rax, self.devices)
            break_if(link == rax)
            yield container(link, PciDevice, "link")
            mov(link, link.next)
        release(link)

    @function
    def find(self, function: U32) -> Ptr[PciDevice]:
        """The record of the function of this number, or null."""
        with self.each() as device, if_(device.function == function):
            ret(device)
        ret(0)
