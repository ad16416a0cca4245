"""The boot record: a copy of what the loader told, so that the loader's memory can be reused."""

from enum import IntFlag

from kernel.boot.memorykind import MemoryKind
from kernel.boot.memorymap import REGIONS_OF_ENTRY, MemoryMap, MemoryRegion
from kernel.boot.placement import RecordPlacement
from kernel.paging.addresses import direct
from pykasm import *

TEXT_SIZE = 1024
"""Bytes of the copy of the command line, with its end."""

NAME_SIZE = 64
"""Bytes of the copies of the loader's name and of a module's, with their ends."""

RSDP_SIZE = 36
"""Bytes of an ACPI root system description pointer (ACPI 6.5, table 5.3)."""

FIRST_PRINTABLE, DELETE = 0x20, 0x7F
"""Control characters of ASCII are those below the one, and the other."""


class BootModule(Struct):
    """A file of `size` bytes that the loader put at the physical `address`."""

    address: U64
    size: U64
    name: Array[U8] = field(count=NAME_SIZE)


class Damage(IntFlag):
    """What was wrong with the loader's boot information."""

    SIZE = 1 << 0
    TAG = 1 << 1
    POINTER = 1 << 2
    REGION = 1 << 3
    MODULE = 1 << 4
    TEXT = 1 << 5
    NO_MEMORY = 1 << 6
    UNREACHABLE = 1 << 7
    NO_SPACE = 1 << 8


MESSAGES = {
    Damage.SIZE: "its size makes no sense, so all of it is ignored",
    Damage.TAG: "a tag does not fit, so it and what follows are ignored",
    Damage.POINTER: "a part lies where it can't be read, or is too long, and is ignored",
    Damage.REGION: "a memory region ends beyond all addresses, and is cut",
    Damage.MODULE: "a module ends before it begins, and is ignored",
    Damage.TEXT: "a text is too long, and is cut",
    Damage.UNREACHABLE: "there is memory beyond all addresses of the processor, and is ignored",
    Damage.NO_SPACE: "below 4 GiB there is no room to keep the memory map",
    Damage.NO_MEMORY: "there is no usable memory map, so nothing tells what memory there is",
}
"""The warning for each kind of damage, with what was done about it."""


class BootRecord(MemoryMap):
    """The boot record, and functions that add to it after validation.

    Its lists are as long as the loader's, and their memory is found only after passes over the
    loader's lists (`RecordPlacement`): in these passes, what is added is counted and passed to
    `placement`. `FreeRanges` reserves the memory of the lists. Context: the first processor writes
    the record while starting; later it may be read in any context.
    """

    command_line = bss(U8 * TEXT_SIZE)
    loader_name = bss(U8 * NAME_SIZE)
    modules = bss(Ptr[BootModule])
    module_count = bss(U32)
    entry_count = bss(U32)
    """Entries of the loader's memory map, while they are only counted."""
    acpi_root = bss(U64)
    """Physical address of the ACPI root system description pointer, 0 for none."""
    damage = bss(U32)
    """A `Damage`."""

    def __init__(self, placement: RecordPlacement) -> None:
        self.placement = placement

    @inline
    def add_damage(self, damage: Damage) -> None:
        """Note in the record that something was wrong."""
        or_(self.damage, damage)

    @function(init=True)
    def add_region(self, address: U64, length: U64, kind: U32) -> None:
        """Add `length` bytes of memory at physical `address`, which is not less than that of the
        region before.

        A region of an unknown `kind` becomes reserved; an empty one is dropped.
        """
        with if_(length == 0):
            ret()
        with if_((kind < MemoryKind.AVAILABLE) | (kind > MemoryKind.DEFECTIVE)):
            mov(kind, MemoryKind.RESERVED)
        mov(rax, address)
        add(rax, length)
        with if_(CF & (rax != 0)):  # it may end with the address space, at 2**64
            self.add_damage(Damage.REGION)
            mov(length, address)
            neg(length)
        with if_(self.regions == 0):
            tail(self._count_entry, address, length, kind)
        add(length, address)
        dec(length)  # the last address, as the end may be 2**64
        tail(self.add_entry, address, length, kind)

    @function(init=True)
    def _count_entry(self, address: U64, length: U64, kind: U32) -> None:
        """Count an entry of the memory map and pass it to `placement`."""
        inc(self.entry_count)
        add(length, address)
        with if_(length == 0):  # its end, 2**64, is no 64-bit number
            dec(length)
        with if_(kind == MemoryKind.AVAILABLE):
            tail(self.placement.add_available, address, length)
        tail(self.placement.reserve, address, length)

    @function(init=True)
    def add_module(self, start: U64, end: U64, name: Ptr[U8], limit: U64) -> None:
        """Add a file at physical `start` up to `end`, whose name has at most `limit` bytes."""
        with if_(end < start):
            self.add_damage(Damage.MODULE)
            ret()
        with if_(self.modules == 0):
            inc(self.module_count)
            tail(self.placement.reserve, start, end)
        module = scratch(Ptr[BootModule])
        imul(u32(module), self.module_count, sizeof(BootModule))
        add(module, self.modules)
        mov(module.address, start)
        sub(end, start)
        mov(module.size, end)
        inc(self.module_count)
        tail(self._copy_string, address_of(module.name), NAME_SIZE, name, limit)

    @function(init=True)
    def set_command_line(self, line: Ptr[U8], limit: U64) -> None:
        """Copy the command line, which has at most `limit` bytes."""
        tail(self._copy_string, address_of(self.command_line), TEXT_SIZE, line, limit)

    @function(init=True)
    def set_loader_name(self, name: Ptr[U8], limit: U64) -> None:
        """Copy the loader's name, which has at most `limit` bytes."""
        tail(self._copy_string, address_of(self.loader_name), NAME_SIZE, name, limit)

    @function(init=True)
    def _copy_string(self, target: Ptr[U8], size: U64, source: Ptr[U8], limit: U64) -> None:
        """Copy a string to the `size` bytes at `target`, with `?` for control characters.

        It ends with a zero or after `limit` bytes. The copy is truncated if it does not fit.
        """
        dec(size)  # for the zero at the end
        with loop():
            mov(at(target), 0)  # in each round, so that the copy always has an end
            break_if(limit == 0)
            mov(al, at(source))
            break_if(al == 0)
            with if_(size == 0):
                self.add_damage(Damage.TEXT)
                ret()
            with if_((al < FIRST_PRINTABLE) | (al == DELETE)):
                mov(al, ord("?"))  # a terminal would obey control characters
            mov(at(target), al)
            inc(target)
            inc(source)
            dec(limit)
            dec(size)

    @function(init=True)
    def end_pass(self) -> Bool:
        """End a pass over the loader's lists, and count from 0 again.

        Return whether another pass is needed for counting. If not, what is added from now on is
        stored, or there is no memory to store it in (`regions` is null).
        """
        size = scratch(U64)
        imul(u32(size), self.entry_count, REGIONS_OF_ENTRY * sizeof(MemoryRegion))
        imul(eax, self.module_count, sizeof(BootModule))
        add(size, rax)
        again = self.placement.end_pass(size)
        with if_(~again):
            with if_(self.placement.size != 0):
                self._place_lists()
            with elif_(self.entry_count != 0):
                self.add_damage(Damage.NO_SPACE)
        mov(self.entry_count, 0)
        mov(self.module_count, 0)
        ret(again)

    @inline(changes=(rcx, rdx))
    def _place_lists(self) -> None:
        """Point the lists, whose lengths are known, to the memory found for them."""
        mov(rcx, self.placement.start)
        direct(rcx)
        mov(self.regions, rcx)
        imul(edx, self.entry_count, REGIONS_OF_ENTRY * sizeof(MemoryRegion))
        add(rcx, rdx)
        mov(self.modules, rcx)

    @function(init=True)
    def finish(self) -> None:
        """Complete the memory map, once all has been added; note if there is none."""
        with if_(self.regions != 0):
            self.end_entries()
        with if_(self.region_count == 0):
            self.add_damage(Damage.NO_MEMORY)

    @function(init=True)
    def limit_memory(self, end: U64) -> None:
        """Truncate the memory at physical `end`, the limit of the processor's addresses."""
        region, number = scratch(Ptr[MemoryRegion]), scratch(U32)
        mov(region, self.regions)
        with for_(number, 0, self.region_count):
            mov(rax, end)
            sub(rax, region.address)  # the bytes of the region that may stay
            with if_(CF):
                xor(eax, eax)
            with if_((region.kind != MemoryKind.RESERVED) & (region.length > rax)):
                self.add_damage(Damage.UNREACHABLE)
                with if_(rax == 0):
                    mov(region.kind, MemoryKind.RESERVED)
                with else_():
                    mov(region.length, rax)
            add(region, sizeof(MemoryRegion))

    @function
    def has_option(self, name: Ptr[U8]) -> Bool:
        """Return whether the command line has the word `name`, separated by blanks."""
        line = scratch(Ptr[U8])
        lea(line, self.command_line)
        with while_(at(line) != 0):
            with while_(at(line) == ord(" ")):
                inc(line)
            mov(rcx, name)
            with while_(at(line) > ord(" ")):
                mov(al, at(line))
                break_if(al != u8[rcx])
                inc(line)
                inc(rcx)
            with if_((u8[rcx] == 0) & (at(line) <= ord(" "))):  # both words end here
                ret(True)
            with while_(at(line) > ord(" ")):
                inc(line)
        ret(False)
