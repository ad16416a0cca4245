"""Kinds of physical memory."""

from enum import IntEnum


class MemoryKind(IntEnum):
    """The kinds of a memory map, numbered as in ACPI 6.5 (table 15.2), Multiboot2 (3.6.8), PVH."""

    AVAILABLE = 1
    RESERVED = 2
    ACPI_RECLAIMABLE = 3
    ACPI_NVS = 4
    DEFECTIVE = 5
