"""The form of programs in files: ELF, 64 bits, little-endian (System V ABI, chapters 4 and 5; the
supplement for AMD64, chapter 4)."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from pykasm import *

MAGIC = int.from_bytes(b"\x7fELF", "little")
"""The first four bytes (figure 4-4: e_ident)."""

CLASS_64, LITTLE_ENDIAN = 2, 1
"""The next two: ELFCLASS64, ELFDATA2LSB. Like Linux, nobody looks whether a file has them: the
processor that it is for says as much."""

MOST_HEADERS = 4096
"""Bytes of program headers at most (Linux: load_elf_phdrs)."""

VERSION = 1
"""The only one there is: EV_CURRENT (figure 4-3: e_version)."""

MACHINE_X86_64 = 62
"""EM_X86_64 (AMD64 supplement, 4.1.1)."""


class ElfType(IntEnum):
    """What a file is for: e_type (figure 4-3)."""

    EXECUTABLE = 2
    """A program with fixed addresses."""
    SHARED = 3
    """One that may lie anywhere, as those that are built by default do."""
    CORE = 4
    """What a process leaves behind."""


class ElfHeader(Struct):
    """The start of the file, Elf64_Ehdr (figure 4-3)."""

    magic: Untrusted[U32]
    file_class: U8
    data: U8
    file_version: U8
    os_abi: U8
    padding: U64
    type: Untrusted[U16]
    machine: Untrusted[U16]
    version: U32
    entry: Untrusted[U64]
    program_headers: Untrusted[U64]
    """Where they are in the file."""
    section_headers: U64
    flags: U32
    header_size: U16
    program_header_size: Untrusted[U16]
    program_header_count: Untrusted[U16]
    section_header_size: U16
    section_header_count: U16
    section_names: U16


class SegmentType(IntEnum):
    """What a program header tells of: p_type (figure 5-2)."""

    LOAD = 1
    """A part of the file that is loaded."""
    DYNAMIC = 2
    """What there is for linking it to others."""
    INTERPRETER = 3
    """The name of the program that loads the rest."""
    NOTE = 4
    """What else there is to say."""
    HEADERS = 6
    """The program headers themselves."""


class SegmentFlag(IntFlag):
    """What may be done with a segment: p_flags (figure 5-3)."""

    EXECUTE = 1 << 0
    WRITE = 1 << 1
    READ = 1 << 2


class ProgramHeader(Struct):
    """A segment, Elf64_Phdr (figure 5-1)."""

    type: Untrusted[U32]
    flags: Untrusted[U32]
    offset: Untrusted[U64]
    address: Untrusted[U64]
    physical: U64
    file_size: Untrusted[U64]
    memory_size: Untrusted[U64]
    alignment: U64
