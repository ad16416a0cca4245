"""The memory that code under test sees: regions with permissions, shared with the emulator."""

from __future__ import annotations

import ctypes
import mmap
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from unicorn.unicorn_const import UC_PROT_EXEC, UC_PROT_READ, UC_PROT_WRITE

from pykasm.hostrun.faults import HostError

PAGE = 4096
"""The emulator maps whole pages."""

LARGE = 1 << 16
"""Bytes; going back to a snapshot costs less by dropping pages than by copying from here on."""

PROTECTION = {"r": UC_PROT_READ, "w": UC_PROT_WRITE, "x": UC_PROT_EXEC, "-": 0}


@dataclass(eq=False)
class Region:
    """`size` bytes at `address`, with permissions such as `rw-`; `name` is for messages.

    `linked` is where the code in it and references to it believe it to be. `used` is how many
    bytes from its start on may hold something.
    """

    name: str
    address: int
    size: int
    permissions: str
    linked: int
    bytes: mmap.mmap = field(init=False)

    def __post_init__(self) -> None:
        self.used = self.size
        self.mapped = max(PAGE, -(-self.size // PAGE) * PAGE)
        self.bytes = mmap.mmap(-1, self.mapped, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)

    @property
    def end(self) -> int:
        """The address after the last mapped byte."""
        return self.address + self.mapped

    @property
    def host_address(self) -> int:
        """Where the bytes are in this process."""
        return ctypes.addressof(ctypes.c_char.from_buffer(self.bytes))


class Snapshot:
    """The contents of a region at one moment; zero pages of large regions are not kept."""

    def __init__(self, region: Region) -> None:
        self.region = region
        self.large = region.mapped > LARGE
        self.parts = list(_pages(region)) if self.large else [(0, region.bytes[:])]

    def restore(self) -> None:
        """Put the contents back."""
        contents = self.region.bytes
        if self.large:
            contents.madvise(mmap.MADV_DONTNEED)  # private anonymous pages read as zeros again
        for offset, part in self.parts:
            contents[offset : offset + len(part)] = part


def _pages(region: Region) -> Iterator[tuple[int, bytes]]:
    zeros = bytes(PAGE)
    for offset in range(0, region.used, PAGE):
        page = region.bytes[offset : offset + PAGE]
        if page != zeros:
            yield offset, page


class Memory:
    """All regions of one emulator."""

    def __init__(self, emulator: Any) -> None:
        self._emulator = emulator
        self._starts: list[int] = []
        self._regions: list[Region] = []

    def map(
        self, name: str, address: int, size: int, permissions: str, linked: int | None = None
    ) -> Region:
        """Make a region of zeros; an error if it overlaps another."""
        region = Region(name, address, size, permissions, address if linked is None else linked)
        place = bisect_right(self._starts, address)
        for other in self._regions[max(0, place - 1) : place + 1]:
            if other.address < region.end and address < other.end:
                raise HostError(
                    f"{name} at {address:#x} would overlap {other.name} at {other.address:#x}"
                )
        self._starts.insert(place, address)
        self._regions.insert(place, region)
        protection = sum(PROTECTION[one] for one in permissions)
        self._emulator.mem_map_ptr(address, region.mapped, protection, region.host_address)
        return region

    def find(self, address: int) -> Region | None:
        """The region that `address` is in."""
        place = bisect_right(self._starts, address) - 1
        if place >= 0 and address < self._regions[place].end:
            return self._regions[place]
        return None

    def locate(self, address: int, size: int) -> tuple[Region, int]:
        """The region that holds all of `size` bytes at `address`, and their offset in it."""
        region = self.find(address)
        if region is None or address + size > region.end:
            raise HostError(f"no memory is mapped at {address:#x}, {size} bytes")
        return region, address - region.address

    def read(self, address: int, size: int) -> bytes:
        """`size` bytes at `address`."""
        region, offset = self.locate(address, size)
        return region.bytes[offset : offset + size]

    def write(self, address: int, value: bytes) -> None:
        """Put `value` at `address`, whatever the permissions there."""
        region, offset = self.locate(address, len(value))
        region.bytes[offset : offset + len(value)] = value

    def state(self) -> list[Region | Snapshot]:
        """All regions, with the contents of those that code may write to; for `restore`."""
        return [Snapshot(one) if "w" in one.permissions else one for one in self._regions]

    def restore(self, state: list[Region | Snapshot]) -> None:
        """Go back to `state`; regions made since are gone."""
        kept = [one.region if isinstance(one, Snapshot) else one for one in state]
        for region in self._regions:
            if region not in kept:
                self._emulator.mem_unmap(region.address, region.mapped)
        self._regions = kept
        self._starts = [region.address for region in kept]
        for one in state:
            if isinstance(one, Snapshot):
                one.restore()
