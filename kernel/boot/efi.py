"""The memory map of UEFI.

Source: UEFI Specification version 2.10, section 7.2.3 (GetMemoryMap).
"""

from __future__ import annotations

from enum import IntEnum

from kernel.boot.memorykind import MemoryKind
from pykasm import *


class MemoryType(IntEnum):
    """EFI_MEMORY_TYPE (table 7.6)."""

    RESERVED = 0
    LOADER_CODE = 1
    LOADER_DATA = 2
    BOOT_SERVICES_CODE = 3
    BOOT_SERVICES_DATA = 4
    RUNTIME_SERVICES_CODE = 5
    RUNTIME_SERVICES_DATA = 6
    CONVENTIONAL = 7
    UNUSABLE = 8
    ACPI_RECLAIM = 9
    ACPI_NVS = 10


class MemoryDescriptor(Struct):
    """EFI_MEMORY_DESCRIPTOR: pages of 4 KiB. Firmware may have longer ones."""

    type: U32 = field(MemoryType)
    physical_start: U64
    virtual_start: U64
    number_of_pages: U64
    attribute: U64


TYPES_OF_KIND = {
    MemoryKind.AVAILABLE: (
        MemoryType.LOADER_CODE,
        MemoryType.LOADER_DATA,
        MemoryType.BOOT_SERVICES_CODE,
        MemoryType.BOOT_SERVICES_DATA,
        MemoryType.CONVENTIONAL,
    ),
    MemoryKind.DEFECTIVE: (MemoryType.UNUSABLE,),
    MemoryKind.ACPI_RECLAIMABLE: (MemoryType.ACPI_RECLAIM,),
    MemoryKind.ACPI_NVS: (MemoryType.ACPI_NVS,),
}
"""What memory is used for when boot services have ended (table 7.10); all other types are
reserved."""
