"""PVH direct boot: the ELF note of the entry point, and the start info.

Source: Xen, "x86/HVM direct boot ABI" (docs/misc/pvh.pandoc) and public/arch-x86/hvm/start_info.h,
public/elfnote.h.
"""

from kernel.boot.memorykind import MemoryKind
from pykasm import *

PHYS32_ENTRY = 18
"""XEN_ELFNOTE_PHYS32_ENTRY: the type of the note (elfnote.h)."""

OWNER = b"Xen\0"
"""The name of the note (elfnote.h)."""

START_MAGIC = 0x336EC578
"""XEN_HVM_START_MAGIC_VALUE: "xEn3" with the 0x80 bit of the "E" set (start_info.h)."""

VERSION_WITH_MEMORY_MAP = 1
"""The first `StartInfo.version` with a memory map (start_info.h)."""


class EntryNote(Struct):
    """An ELF note (System V ABI, chapter 5, "Note Section") with a 32-bit physical address."""

    name_size: U32
    description_size: U32
    type: U32
    name: Array[U8] = field(count=len(OWNER))
    entry: U32


def entry_note(entry: object) -> EntryNote:
    """Return the note that has a PVH loader enter at `entry`, code linked at its load address."""
    return EntryNote(
        name_size=len(OWNER),
        description_size=sizeof(U32),
        type=PHYS32_ENTRY,
        name=OWNER,
        entry=entry,
    )


class StartInfo(Struct):
    """hvm_start_info, at the physical address in ebx. Pointers are physical; 0 stands for none."""

    magic: U32
    version: U32
    flags: U32
    module_count: U32
    modules: U64
    command_line: U64
    rsdp: U64
    memory_map: U64
    """Only since version 1, as are the fields that follow."""
    memory_map_entries: U32
    reserved: U32


class ModlistEntry(Struct):
    """hvm_modlist_entry: a file of `size` bytes at physical `address`."""

    address: U64
    size: U64
    command_line: U64
    reserved: U64


class MemmapTableEntry(Struct):
    """hvm_memmap_table_entry: `size` bytes of physical memory from `address`."""

    address: U64
    size: U64
    type: U32 = field(MemoryKind)
    reserved: U32
