"""A record of the start for tests that fill it themselves."""

from typing import NamedTuple

from kernel.boot.information import BootInformation
from kernel.boot.record import Module, Region
from kernel.boot.room import Room
from pykasm import *
from pykasm.hostrun import Host

CAPACITY = 64
"""Regions, and modules, that there is room for."""


class Range(NamedTuple):
    """A memory region as a loader gives it."""

    address: int
    length: int
    kind: int


def boot_record() -> BootInformation:
    """A record without a loader."""
    return BootInformation(Room())


def keep_lists(host: Host, record: BootInformation) -> None:
    """Let what is added to the `record` be kept, outside of the machine's memory."""
    host[record.regions] = int(host.bytes(bytes(CAPACITY * sizeof(Region))))
    host[record.modules] = int(host.bytes(bytes(CAPACITY * sizeof(Module))))


def regions_of(host: Host, record: BootInformation) -> list[Range]:
    """The memory map of the `record`."""
    start = int(host[record.regions])
    places = (start + n * sizeof(Region) for n in range(host[record.region_count]))
    found = (host.at(Region, place) for place in places)
    return [Range(one.address, one.length, one.kind) for one in found]


def modules_of(host: Host, record: BootInformation) -> list[tuple[int, int, str]]:
    """Address, size and name of each module of the `record`."""
    start = int(host[record.modules])
    places = (start + n * sizeof(Module) for n in range(host[record.module_count]))
    found = (host.at(Module, place) for place in places)
    return [(one.address, one.size, host.read_text(one.name)) for one in found]
