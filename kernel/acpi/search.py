"""Search for what firmware leaves in the memory of the PC BIOS."""

from __future__ import annotations

from kernel.mm.directmap import DirectMap
from pykasm import *

EBDA_SEGMENT = 0x40E
"""Where the BIOS data area has the segment of the extended one (ACPI 6.5, 5.2.5.1)."""

EBDA_LOWEST = 0x80000
BASE_MEMORY_END = 0xA0000
"""The bounds of where the extended BIOS data area can begin."""

EBDA_SEARCHED = 1 << 10
"""Bytes of it that are searched, from its start on."""

LAST_KIB = BASE_MEMORY_END - EBDA_SEARCHED
"""The last KiB of base memory, where it is by default."""

BIOS_START, BIOS_END = 0xE0000, 0x100000
"""The read-only memory of the BIOS."""

STEP = 16
"""Bytes: the boundary on which structures begin."""


class FirmwareSearch(Subsystem):
    """Search the BIOS areas, as ACPI (6.5, 5.2.5.1) and the MultiProcessor Specification (1.4, 4)
    have it. Context: threads, while starting."""

    def __init__(self, memory: DirectMap) -> None:
        self.memory = memory

    @function(init=True)
    def find(self, signature: Keep[U64], mask: Keep[U64], size: Keep[U64]) -> U64:
        """Return the physical address of the first structure with a right checksum over its `size`
        bytes and with `signature` in those bits of its first 8 bytes that `mask` has; 0 for
        none."""
        segment = self.memory.map_read_only(EBDA_SEGMENT, sizeof(U16))
        start = scratch(U64)
        mov(start, LAST_KIB)
        with if_(segment != 0):
            movzx(u32(start), u16[segment])
            shl(start, 4)
            with if_((start < EBDA_LOWEST) | (start > LAST_KIB)):
                mov(start, LAST_KIB)
        found = keep(self._find_in(start, EBDA_SEARCHED, signature, mask, size))
        for area, end in ((LAST_KIB, BASE_MEMORY_END), (BIOS_START, BIOS_END)):
            with if_(found == 0):
                mov(found, self._find_in(area, end - area, signature, mask, size))
        ret(found)

    @function(init=True)
    def _find_in(
        self, start: U64, length: Keep[U64], signature: Keep[U64], mask: Keep[U64], size: Keep[U64]
    ) -> U64:
        """Search `length` bytes from physical `start` on, as `find`."""
        distance = local(U64)  # from where the area is mapped to its physical address
        mov(distance, start)
        place = keep(self.memory.map_read_only(start, length))
        with if_(place == 0):
            ret(0)
        sub(distance, place)
        add(length, place)
        sub(length, size)  # the last place where it fits
        with while_(place <= length):
            mov(rax, u64[place])
            and_(rax, mask)
            with if_(rax == signature), if_(self.checksum(cast(place, Ptr[U8]), size) == 0):
                add(place, distance)
                ret(place)
            add(place, STEP)
        ret(0)

    @function(context="any")
    def checksum(self, start: Ptr[U8], length: U64) -> U8:
        """Return the sum of `length` bytes, which is 0 where they have a right checksum. Context:
        any."""
        xor(eax, eax)
        with while_(length != 0):
            add(al, at(start))
            inc(start)
            dec(length)
        ret(al)
