"""What a range of physical memory is for."""

from enum import IntEnum


class MemoryKind(IntEnum):
    """The numbers that ACPI (6.5, table 15.2), Multiboot2 (3.6.8) and PVH agree on."""

    AVAILABLE = 1
    RESERVED = 2
    ACPI_RECLAIMABLE = 3
    ACPI_NVS = 4
    DEFECTIVE = 5
