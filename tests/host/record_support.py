"""A record of the start for tests that fill it themselves."""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from kernel.boot.information import BootInformation
from kernel.boot.memorymap import MemoryRegion
from kernel.boot.record import BootModule
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
    """Find room for what is added to the `record`, outside of the machine's memory."""
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


def describe_memory(host: Host, record: BootInformation, ranges: Iterable[Range]) -> None:
    """Give the `record` this memory map."""
    for one in sorted(ranges):
        host.call(record.add_region, *one)
    host.call(record.finish)


def settled(ranges: Iterable[Range]) -> list[Range]:
    """The regions of a memory map that has these `ranges`: where they overlap, the greatest kind
    counts, and adjacent ones of a kind are one."""
    changes = Counter[tuple[int, int]]()
    for address, length, kind in ranges:
        if length:
            changes[address, kind] += 1
            changes[address + length, kind] -= 1
    found: list[Range] = []
    open_kinds = Counter[int]()
    for (start, kind), (end, _) in pairwise([*sorted(changes), (0, 0)]):
        open_kinds[kind] += changes[start, kind]
        here = max(+open_kinds, default=0)
        last = found[-1] if found else Range(0, 0, 0)
        if start >= end or not here:
            continue
        if last.kind == here and last.address + last.length == start:
            found[-1] = last._replace(length=end - last.address)
        else:
            found.append(Range(start, end - start, here))
    return found
