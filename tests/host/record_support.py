"""A record of the start for tests that fill it themselves."""

from typing import NamedTuple

from kernel.boot.information import BootInformation
from kernel.boot.record import BootModule, MemoryRegion
from pykasm import *
from pykasm.hostrun import Host

CAPACITY = 64
"""Regions, and modules, that there is room for."""


class Range(NamedTuple):
    """A memory region as a loader gives it."""

    address: int
    length: int
    kind: int


def keep_lists(host: Host, record: BootInformation) -> None:
    """Let what is added to the `record` be kept, outside of the machine's memory."""
    host[record.regions] = int(host.bytes(bytes(CAPACITY * sizeof(MemoryRegion))))
    host[record.modules] = int(host.bytes(bytes(CAPACITY * sizeof(BootModule))))


def regions_of(host: Host, record: BootInformation) -> list[Range]:
    """The memory map of the `record`."""
    start = int(host[record.regions])
    places = (start + n * sizeof(MemoryRegion) for n in range(host[record.region_count]))
    found = (host.at(MemoryRegion, place) for place in places)
    return [Range(one.address, one.length, one.kind) for one in found]


def modules_of(host: Host, record: BootInformation) -> list[tuple[int, int, str]]:
    """Address, size and name of each module of the `record`."""
    start = int(host[record.modules])
    places = (start + n * sizeof(BootModule) for n in range(host[record.module_count]))
    found = (host.at(BootModule, place) for place in places)
    return [(one.address, one.size, host.read_text(one.name)) for one in found]
