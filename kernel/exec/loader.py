"""Mapping the segments of a program."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.fileio import FileIo
from kernel.fs.iovector import IoVector
from kernel.paging.addresses import USER_START, above_user_end
from kernel.process.elf import (
    MACHINE_X86_64,
    MAGIC,
    MOST_HEADERS,
    ElfHeader,
    ElfType,
    ProgramHeader,
    SegmentFlag,
    SegmentType,
)
from kernel.structures.alignment import round_down, round_up
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.region import Region
from kernel.vm.rights import Rights
from kernel.vm.usercopy import UserCopy
from pykasm import *

RIGHTS = {
    SegmentFlag.READ: Rights.READ,
    SegmentFlag.WRITE: Rights.WRITE,
    SegmentFlag.EXECUTE: Rights.EXECUTE,
}


class ElfImage(Struct):
    """What there is to know of a file with a program, or with the interpreter of one."""

    file: Ptr[File]
    header: ElfHeader
    start: U64
    """Where the first of its segments begins, a page's first byte, and where the last one ends, a
    page's end; both as the file has them."""
    end: U64
    bias: U64
    """What is added to all addresses that the file has: where it begins, if it may lie anywhere."""
    headers: U64
    """Where its program headers are, as the file has it; 0 if no segment has them."""
    has_interpreter: U64
    """1 if it names one, the first in these two."""
    interpreter: Untrusted[U64]
    """Where in the file the name of its interpreter is."""
    interpreter_size: Untrusted[U64]
    """Bytes of it, with the end."""


class ElfLoader(Subsystem):
    """Maps programs from files, page by page as they are touched. A file may be damaged in any way:
    the worst that comes of it is an error. Context: a thread in the space."""

    def __init__(self, spaces: AddressSpaces, copy: UserCopy, io: FileIo) -> None:
        self.spaces = spaces
        self.copy = copy
        self.io = io

    # The file

    @function(context="thread", sleeps=True)
    def examine(self, image: Keep[Ptr[ElfImage]]) -> OrErrno[I32]:
        """Fill `image`, which has its file, in. Returns 0; -ENOEXEC if that is no program, -EIO if
        it is too short for a header, or another error."""
        segment, number = local(ProgramHeader), keep(U32)
        try_(self.read(image, address_of(image.header), sizeof(ElfHeader), 0))
        try_(self._check(address_of(image.header)))
        for name in ("end", "bias", "headers", "has_interpreter"):
            mov(getattr(image, name), 0)
        # Larger than any, so that the first segment sets it
        mov(image.start, -1)
        with for_(number, 0, self._header_count(image)):
            try_(self._read_header(image, number, address_of(segment)))
            with if_(segment.type == SegmentType.LOAD):
                try_(self._check_segment(address_of(segment)))
                self._note(image, address_of(segment))
            with elif_((segment.type == SegmentType.INTERPRETER) & (image.has_interpreter == 0)):
                mov(image.has_interpreter, 1)
                mov(rax, segment.offset)
                mov(image.interpreter, rax)
                mov(rax, segment.file_size)
                mov(image.interpreter_size, rax)
        # Nothing to load is no program, though its header is right
        fail_if(image.end == 0, Errno.ENOEXEC)
        ret(0)

    @inline(changes=rax)
    def _header_count(self, image: Ptr[ElfImage]) -> U32:
        """Return the number of its program headers, in a register that calls keep."""
        count = keep(U32)
        movzx(count, image.header.program_header_count)
        return count

    @function(context="thread", sleeps=True)
    def _read_header(
        self, image: Ptr[ElfImage], number: U32, segment: Ptr[ProgramHeader]
    ) -> OrErrno[I32]:
        """Read the program header `number`. Returns 0, or -ENOEXEC if there is none."""
        # Checked to be few, so 32 bits hold it
        imul(eax, number, sizeof(ProgramHeader))
        add(rax, image.header.program_headers)
        result = self.read(image, u64(segment), sizeof(ProgramHeader), rax)
        fail_if(result != 0, Errno.ENOEXEC)
        ret(0)

    @function(context="thread", sleeps=True)
    def read(
        self, image: Ptr[ElfImage], target: U64, length: Keep[U64], position: U64
    ) -> OrErrno[I32]:
        """Read `length` bytes at `position` into the kernel's `target`. Returns 0; -EIO if the file
        ends before (Linux: elf_read)."""
        vector = local(IoVector)
        vector.start(target, length, is_user=False)
        result = self.io.read_at(image.file, address_of(vector), i64(position))
        with if_(u64(result) != length):
            ret(-Errno.EIO)
        ret(0)

    @function
    def _check(self, header: Ptr[ElfHeader]) -> OrErrno[I32]:
        """Return 0 if `header` is that of a program for this processor, else -ENOEXEC."""
        fail_if(header.magic != MAGIC, Errno.ENOEXEC)
        fail_if(header.machine != MACHINE_X86_64, Errno.ENOEXEC)
        fail_if(header.program_header_size != sizeof(ProgramHeader), Errno.ENOEXEC)
        most = MOST_HEADERS // sizeof(ProgramHeader)
        fail_if(header.program_header_count > most, Errno.ENOEXEC)
        with if_(header.type != ElfType.SHARED):
            fail_if(header.type != ElfType.EXECUTABLE, Errno.ENOEXEC)
        ret(0)

    @function
    def _note(self, image: Ptr[ElfImage], segment: Ptr[ProgramHeader]) -> None:
        """Note where `segment` begins and ends, and the program headers if it has them."""
        place = scratch(segment.address)
        round_down(place, PAGE)
        with if_(place < image.start):
            mov(image.start, place)
        mov(place, segment.address)
        add(place, segment.memory_size)
        round_up(place, PAGE)
        with if_(place > image.end):
            mov(image.end, place)
        mov(place, image.header.program_headers)
        sub(place, segment.offset)
        # Otherwise the headers are not in this segment, and its memory does not show them
        with if_(~CF & (place < segment.file_size)):
            add(place, segment.address)
            mov(image.headers, place)

    @function(context="thread", sleeps=True)
    def map(self, space: Keep[Ptr[AddressSpace]], image: Keep[Ptr[ElfImage]]) -> OrErrno[I32]:
        """Map all segments of `image`, whose `bias` is known now. Returns 0 or an error, with a
        part of it mapped."""
        segment, number = local(ProgramHeader), keep(U32)
        with for_(number, 0, self._header_count(image)):
            try_(self._read_header(image, number, address_of(segment)))
            with if_(segment.type == SegmentType.LOAD):
                # The file may have changed since it was examined
                mov(rax, image.bias)
                add(segment.address, rax)
                try_(self._check_segment(address_of(segment)))
                # As for `mmap`: at 0 it would catch null pointers of the kernel
                fail_if(segment.address < USER_START, Errno.EPERM)
                try_(self._map(space, image.file, address_of(segment)))
        ret(0)

    # Segments

    @function(context="thread", sleeps=True)
    def _map(
        self,
        space: Keep[Ptr[AddressSpace]],
        file: Keep[Ptr[File]],
        segment: Keep[Ptr[ProgramHeader]],
    ) -> OrErrno[I32]:
        """Map `segment`: first what is in the file, then zeros. Returns 0 or an error."""
        region = local(Region)
        # With the bias this time, which must not lead out of what programs have
        try_(self._check_segment(segment))
        self._set_rights(address_of(region), segment)
        mov(region.flags, 0)
        mov(rax, segment.address)
        round_down(rax, PAGE)
        mov(region.node.key, rax)
        mov(region.end, rax)  # nothing is mapped yet
        with if_(segment.file_size != 0):
            try_(self._map_file(space, file, segment, address_of(region)))
        result = self._map_zeros(space, segment, address_of(region))
        ret(result)

    @function(context="thread", sleeps=True)
    def _map_file(
        self,
        space: Ptr[AddressSpace],
        file: Ptr[File],
        segment: Keep[Ptr[ProgramHeader]],
        region: Keep[Ptr[Region]],
    ) -> OrErrno[I32]:
        """Map what the file has of `segment`, from the start of `region` on. Returns 0 or an
        error."""
        end = keep(segment.address)
        add(end, segment.file_size)
        mov(rax, end)
        round_up(rax, PAGE)
        mov(region.end, rax)
        # Address and offset are alike within a page (`_check_segment`), so both round down alike
        mov(rax, segment.offset)
        round_down(rax, PAGE)
        mov(region.offset, rax)
        lea(rax, file.backing)
        mov(region.backing, rax)
        try_(self.spaces.map_region(space, region))
        mov(rax, segment.memory_size)
        # What follows in the last page of the file is to be zero (.bss); where it can't be written,
        # it is left, as by Linux
        with if_((segment.file_size != rax) & (region.rights & Rights.WRITE)):
            tail(self._clear_rest, end)
        ret(0)

    @function(context="thread", sleeps=True)
    def _map_zeros(
        self, space: Ptr[AddressSpace], segment: Ptr[ProgramHeader], region: Ptr[Region]
    ) -> OrErrno[I32]:
        """Map what `segment` has behind the end of `region`. Returns 0 or an error."""
        end = scratch(segment.address)
        add(end, segment.memory_size)
        round_up(end, PAGE)
        mov(rax, region.end)
        with if_(end <= rax):
            ret(0)
        mov(region.node.key, rax)
        mov(region.offset, rax)
        mov(region.end, end)
        mov(region.backing, 0)
        tail(self.spaces.map_region, space, region)

    @function
    def _check_segment(self, segment: Ptr[ProgramHeader]) -> OrErrno[I32]:
        """Return 0 if `segment` lies where programs may be, and page by page in the file, else
        -ENOEXEC."""
        end = scratch(U64)
        mov(end, segment.address)
        add(end, segment.memory_size)
        # CF is that of the sum: a segment may not come round
        fail_if(CF | above_user_end(end), Errno.ENOEXEC)
        mov(end, segment.offset)
        add(end, segment.file_size)
        fail_if(CF | above_user_end(end), Errno.ENOEXEC)
        mov(rax, segment.memory_size)
        # What the file has would be mapped over what comes behind the segment
        fail_if(segment.file_size > rax, Errno.ENOEXEC)
        mov(rax, segment.address)
        sub(rax, segment.offset)
        # Pages of files are mapped as they are, never copied together
        fail_if(rax & (PAGE - 1), Errno.ENOEXEC)
        ret(0)

    @function
    def _set_rights(self, region: Ptr[Region], segment: Ptr[ProgramHeader]) -> None:
        """Give `region` the rights of `segment`."""
        xor(eax, eax)
        mov(ecx, segment.flags)
        for flag, right in RIGHTS.items():
            with if_(ecx & flag):
                or_(eax, right)
        mov(region.rights, eax)

    @function(context="thread", sleeps=True)
    def _clear_rest(self, start: U64) -> OrErrno[I32]:
        """Clear the bytes of a page from `start` on. Returns 0 or an error."""
        length = scratch(start)
        # The bytes up to the next page: -start modulo its size
        neg(length)
        and_(length, PAGE - 1)
        result, left = self.copy.copy_out(cast(start, User[U8]), address_of(self.zeros), length)
        ignore(left)
        ret(result)

    zeros = rodata(U8 * PAGE, [0] * PAGE)
    """What the rest of a page is cleared with."""
