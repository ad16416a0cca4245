"""Multiboot2: the header that a loader searches the image for, and the boot information.

Source: Multiboot2 Specification version 2.0, sections 3.1 (header) and 3.6 (boot information).
"""

from enum import IntEnum, IntFlag

from kernel.boot.memorykind import MemoryKind
from kernel.console.framebuffermode import FIELDS, ColourField
from pykasm import *

HEADER_MAGIC = 0xE85250D6
"""The magic number of the header (3.1.2)."""

LOADER_MAGIC = 0x36D76289
"""The value of eax when a Multiboot2 loader enters the kernel (3.3)."""

ARCHITECTURE_I386 = 0
"""32-bit protected mode of i386 (3.1.2)."""

TAG_ALIGNMENT = 8
"""Bytes: the alignment of tags, in the header and in the boot information (3.1.3, 3.6.2)."""


class HeaderTagType(IntEnum):
    """Kinds of tags in the header (3.1.3 to 3.1.13)."""

    END = 0
    FRAMEBUFFER = 5


class HeaderTagFlag(IntFlag):
    """Flags of a tag in the header (3.1.3)."""

    OPTIONAL = 1 << 0
    """A loader that can't do it may start the kernel all the same."""


class HeaderTag(Struct):
    """The start of each tag of the header; `size` counts bytes, without padding (3.1.3)."""

    type: U16 = field(HeaderTagType)
    flags: U16 = field(HeaderTagFlag)
    size: Untrusted[U32]


class FramebufferRequest(Struct, align=TAG_ALIGNMENT):
    """A tag of the header that asks for a framebuffer; 0 says that any will do (3.1.10)."""

    tag: HeaderTag
    width: U32
    height: U32
    depth: U32


class Multiboot2Header(Struct, align=TAG_ALIGNMENT):
    """The header of this kernel's image, which asks the loader for a framebuffer (3.1.2)."""

    magic: U32
    architecture: U32
    header_length: U32
    checksum: U32
    framebuffer: FramebufferRequest
    end: HeaderTag


FRAMEBUFFER_REQUEST_SIZE = sizeof(HeaderTag) + 3 * sizeof(U32)
"""Without the padding."""


def image_header() -> Multiboot2Header:
    """Return the header of an image that is entered at its ELF entry point."""
    length = sizeof(Multiboot2Header)
    return Multiboot2Header(
        magic=HEADER_MAGIC,
        architecture=ARCHITECTURE_I386,
        header_length=length,
        checksum=-(HEADER_MAGIC + ARCHITECTURE_I386 + length) % (1 << 32),
        framebuffer=FramebufferRequest(
            tag=HeaderTag(
                type=HeaderTagType.FRAMEBUFFER,
                flags=HeaderTagFlag.OPTIONAL,
                size=FRAMEBUFFER_REQUEST_SIZE,
            )
        ),
        end=HeaderTag(type=HeaderTagType.END, size=sizeof(HeaderTag)),
    )


class TagType(IntEnum):
    """Kinds of tags in the boot information (3.6)."""

    END = 0
    COMMAND_LINE = 1
    BOOT_LOADER_NAME = 2
    MODULE = 3
    BASIC_MEMORY = 4
    MEMORY_MAP = 6
    FRAMEBUFFER = 8
    ACPI_OLD_RSDP = 14
    ACPI_NEW_RSDP = 15
    EFI_MEMORY_MAP = 17


class Tag(Struct):
    """The start of each tag; `size` counts bytes, without padding (3.6.2)."""

    type: U32 = field(TagType)
    size: Untrusted[U32]


class InformationHeader(Struct):
    """The start of the boot information; `total_size` counts bytes, including itself (3.6.1)."""

    total_size: Untrusted[U32]
    reserved: U32
    tags: Array[Tag]


class StringTag(Struct):
    """A command line or the loader's name, NUL-terminated (3.6.4, 3.6.5)."""

    tag: Tag
    string: Array[U8]


class ModuleTag(Struct):
    """A module: a file loaded at physical `start` up to `end`, exclusive (3.6.6)."""

    tag: Tag
    start: U32
    end: U32
    string: Array[U8]


class Multiboot2MemoryMapEntry(Struct):
    """`length` bytes of physical memory from `base_address` (3.6.8)."""

    base_address: U64
    length: U64
    type: U32 = field(MemoryKind)
    reserved: U32


class BasicMemoryTag(Struct):
    """KiB of memory from 0 on, and from 1 MiB on up to the first hole (3.6.3)."""

    tag: Tag
    lower: U32
    upper: U32


class MemoryMapTag(Struct):
    """The memory map, or that of UEFI; entries of `entry_size` bytes fill the rest of the tag
    (3.6.8, 3.6.17)."""

    tag: Tag
    entry_size: Untrusted[U32]
    entry_version: U32


class FramebufferType(IntEnum):
    """Kinds of framebuffer (3.6.12)."""

    INDEXED = 0
    DIRECT = 1
    EGA_TEXT = 2


class FramebufferTag(Struct, packed=True):
    """The framebuffer; `width` and `height` of EGA text count characters, and `fields` only
    DIRECT ones have (3.6.12)."""

    tag: Tag
    address: U64
    pitch: U32
    width: U32
    height: U32
    bits_per_pixel: U8
    type: U8 = field(FramebufferType)
    reserved: U16
    fields: Array[ColourField] = field(count=len(FIELDS))


class RsdpTag(Struct):
    """A copy of the ACPI root system description pointer (3.6.14, 3.6.15)."""

    tag: Tag
    rsdp: Array[U8]
