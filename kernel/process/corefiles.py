"""Core files as a whole."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.process.coredump import CoreDump
from kernel.process.corenotes import ALIGNMENT, CoreNotes
from kernel.process.coreregions import CoreRegions
from kernel.process.corestreams import CoreStreams
from kernel.process.elf import (
    CLASS_64,
    LITTLE_ENDIAN,
    MACHINE_X86_64,
    MAGIC,
    VERSION,
    ElfHeader,
    ElfType,
    ProgramHeader,
    SegmentFlag,
    SegmentType,
)
from kernel.structures.alignment import round_up
from kernel.vm.rights import Rights
from pykasm import *


class CoreFiles(Subsystem):
    """Writes a file in the form of ELF (core(5); System V ABI, chapters 4 and 5): its header, a
    header for all notes and one for each region, the notes, and from a page's boundary on the
    memory of the regions. Pages that are not there are holes. Context: thread."""

    def __init__(self, streams: CoreStreams, regions: CoreRegions, notes: CoreNotes) -> None:
        self.streams = streams
        self.regions = regions
        self.notes = notes

    @function(context="thread", sleeps=True)
    def write(self, dump: Keep[Ptr[CoreDump]]) -> None:
        """Write all of `dump`, in whose file nothing is."""
        self._count(dump)
        self._write_header(dump)
        mov(rax, dump.notes)
        mov(dump.position, rax)
        self.notes.write(dump)
        self._write_segments(dump)
        self._write_memory(dump)

    @function(context="thread", sleeps=True)
    def _count(self, dump: Keep[Ptr[CoreDump]]) -> None:
        """Count regions and files, and find where the notes begin."""
        mov(dump.regions, 0)
        mov(dump.files, 0)
        with self.regions.each(dump):
            inc(dump.regions)
            with if_(self.regions.has_name(dump)):
                inc(dump.files)
        mov(eax, dump.regions)
        inc(eax)  # the notes have one, too
        imul(rax, rax, sizeof(ProgramHeader))
        add(rax, sizeof(ElfHeader))
        mov(dump.notes, rax)

    @function(context="thread", sleeps=True)
    def _write_header(self, dump: Ptr[CoreDump]) -> None:
        """Write the header of the file."""
        dump = scratch(dump)
        zero(dump.header)
        for name, value in (
            ("magic", MAGIC),
            ("file_class", CLASS_64),
            ("data", LITTLE_ENDIAN),
            ("file_version", VERSION),
            ("type", ElfType.CORE),
            ("machine", MACHINE_X86_64),
            ("version", VERSION),
            ("program_headers", sizeof(ElfHeader)),
            ("header_size", sizeof(ElfHeader)),
            ("program_header_size", sizeof(ProgramHeader)),
        ):
            mov(getattr(dump.header, name), int(value))
        mov(eax, dump.regions)
        inc(eax)
        mov(dump.header.program_header_count, ax)
        mov(dump.position, 0)
        tail(self.streams.write, dump, address_of(dump.header), sizeof(ElfHeader))

    # Headers of what follows

    @function(context="thread", sleeps=True)
    def _write_segments(self, dump: Keep[Ptr[CoreDump]]) -> None:
        """Write a header for the notes, which end at the position, and one for each region."""
        notes = keep(dump.notes)
        zero(dump.segment)
        mov(dump.segment.type, SegmentType.NOTE)
        mov(dump.segment.offset, notes)
        mov(rax, dump.position)
        sub(rax, notes)
        mov(dump.segment.file_size, rax)
        mov(dump.segment.alignment, ALIGNMENT)
        contents = scratch(dump.position)
        round_up(contents, PAGE)
        mov(dump.contents, contents)
        release(contents)
        mov(dump.position, sizeof(ElfHeader))
        self.streams.write(dump, address_of(dump.segment), sizeof(ProgramHeader))
        place = keep(dump.contents)
        with self.regions.each(dump), if_(dump.position < notes):  # there may be more by now
            self._write_segment(dump, place)
            add(place, dump.size)

    @function(context="thread", sleeps=True)
    def _write_segment(self, dump: Ptr[CoreDump], place: U64) -> None:
        """Write a header for the region, whose memory begins at `place`."""
        dump = scratch(dump)
        mov(dump.segment.type, SegmentType.LOAD)
        mov(dump.segment.offset, place)
        mov(dump.segment.flags, 0)
        for right, flag in (
            (Rights.READ, SegmentFlag.READ),
            (Rights.WRITE, SegmentFlag.WRITE),
            (Rights.EXECUTE, SegmentFlag.EXECUTE),
        ):
            with if_(dump.region.rights & right):
                or_(dump.segment.flags, flag)
        mov(rax, dump.region.node.key)
        mov(dump.segment.address, rax)
        mov(rcx, dump.region.end)
        sub(rcx, rax)
        mov(dump.segment.memory_size, rcx)
        mov(rax, dump.size)
        mov(dump.segment.file_size, rax)
        mov(dump.segment.alignment, PAGE)
        tail(self.streams.write, dump, address_of(dump.segment), sizeof(ProgramHeader))

    # Memory

    @function(context="thread", sleeps=True)
    def _write_memory(self, dump: Keep[Ptr[CoreDump]]) -> None:
        """Write what is dumped of the regions. A hole at the end has one byte, so that the file is
        as long as its headers say."""
        mov(rax, dump.contents)
        mov(dump.position, rax)
        with self.regions.each(dump):
            self._write_pages(dump)
        mov(rax, dump.position)
        with if_(dump.reach < rax):
            tail(self.streams.end, dump, rax)

    @function(context="thread", sleeps=True)
    def _write_pages(self, dump: Keep[Ptr[CoreDump]]) -> None:
        """Write those pages of the region that are there."""
        address, end = keep(dump.region.node.key), keep(dump.size)
        add(end, address)
        with while_((address < end) & (dump.failed == 0)):
            with if_(self.regions.read_page(dump, address)):
                self.streams.write(dump, u64(scratch(dump.page)), PAGE)
            with else_():
                add(dump.position, PAGE)
                self.streams.look(dump)
            add(address, PAGE)
