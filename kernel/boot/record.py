"""What the kernel knows from its start: a copy, so that the loader's memory can be given away."""

from enum import IntFlag

from kernel.boot.memorykind import MemoryKind
from kernel.boot.placement import RecordPlacement
from kernel.paging.addresses import direct
from pykasm import *

TEXT_SIZE = 1024
"""Bytes kept of the command line and its end; the kernel's own is far shorter."""

NAME_SIZE = 64
"""Bytes kept of the loader's name and of each module's, with their end."""

RSDP_SIZE = 36
"""Bytes of an ACPI root system description pointer (ACPI 6.5, table 5.3)."""

FIRST_PRINTABLE, DELETE = 0x20, 0x7F
"""ASCII's control characters lie below the one, and at the other."""


class MemoryRegion(Struct):
    """`length` bytes of physical memory from `address`."""

    address: U64
    length: U64
    kind: U64 = field(MemoryKind)


class BootModule(Struct):
    """A file that the loader put at the physical `address`, `size` bytes, called `name`."""

    address: U64
    size: U64
    name: Array[U8] = field(count=NAME_SIZE)


class Damage(IntFlag):
    """What was wrong with the loader's information."""

    SIZE = 1 << 0
    TAG = 1 << 1
    POINTER = 1 << 2
    REGION = 1 << 3
    MODULE = 1 << 4
    TEXT = 1 << 5
    NO_MEMORY = 1 << 6
    UNREACHABLE = 1 << 7
    NO_ROOM = 1 << 8


MESSAGES = {
    Damage.SIZE: "its size makes no sense, so all of it is ignored",
    Damage.TAG: "a tag does not fit, so it and what follows are ignored",
    Damage.POINTER: "a part lies where it can't be read, or is too long, and is ignored",
    Damage.REGION: "a memory region ends beyond all addresses, and is cut",
    Damage.MODULE: "a module ends before it begins, and is ignored",
    Damage.TEXT: "a text is too long, and is cut",
    Damage.UNREACHABLE: "there is memory beyond all addresses of the processor, and is ignored",
    Damage.NO_ROOM: "below 4 GiB there is no room to keep the memory map, so it is ignored",
    Damage.NO_MEMORY: "there is no memory map, so only the kernel's own memory is used",
}
"""What is printed for each, and what was done about it."""


class BootRecord(Subsystem):
    """The record, and the ways to add to it, which take nothing on trust.

    Its lists are as long as the loader's. They have no place until the loader's were looked
    through: till then what is added is only counted, and shown to the `placement` for them.
    `FreeRanges` keeps others out of that. Only the first processor writes it, while starting;
    later it may be read in any context.
    """

    command_line = bss(U8 * TEXT_SIZE)
    loader_name = bss(U8 * NAME_SIZE)
    regions = bss(Ptr[MemoryRegion])
    """In the order of their addresses. They may overlap: then the worse kind counts. Null as long
    as regions and modules are only counted."""
    region_count = bss(U32)
    modules = bss(Ptr[BootModule])
    module_count = bss(U32)
    own_memory = bss(MemoryRegion)
    """The only region if the loader tells of none."""
    acpi_root = bss(U64)
    """Physical address of the ACPI root system description pointer, 0 for none."""
    damage = bss(U32)

    def __init__(self, placement: RecordPlacement) -> None:
        self.placement = placement

    def _note(self, damage: Damage) -> None:
        """Remember that something was wrong."""
        or_(self.damage, damage)

    @function(init=True)
    def add_region(self, address: U64, length: U64, kind: U32) -> None:
        """Add a memory region; one of an unknown kind is reserved, an empty one is nothing."""
        with if_(length == 0):
            ret()
        with if_((kind < MemoryKind.AVAILABLE) | (kind > MemoryKind.DEFECTIVE)):
            mov(kind, MemoryKind.RESERVED)
        mov(rax, address)
        add(rax, length)
        with if_(CF & (rax != 0)):
            self._note(Damage.REGION)
            mov(length, address)
            neg(length)
        with if_(self.regions == 0):
            tail(self.show_region, address, length, kind)
        slot = self._slot_for(address)
        mov(slot.address, address)
        mov(slot.length, length)
        mov(slot.kind, u64(kind))
        inc(self.region_count)

    @function(init=True)
    def show_region(self, address: U64, length: U64, kind: U32) -> None:
        """Count a region and show it to `placement`."""
        inc(self.region_count)
        add(length, address)
        with if_(length == 0):  # it goes on to the end of all addresses
            dec(length)
        with if_(kind == MemoryKind.AVAILABLE):
            tail(self.placement.offer, address, length)
        tail(self.placement.avoid, address, length)

    def _slot_for(self, address: U64) -> Ptr[MemoryRegion]:
        """Move the regions above `address` up by one; the slot that becomes free."""
        slot, first = scratch(Ptr[MemoryRegion]), scratch(Ptr[MemoryRegion])
        mov(first, self.regions)
        imul(u32(slot), self.region_count, sizeof(MemoryRegion))
        add(slot, first)
        with while_(slot > first):
            break_if(slot[-1].address <= address)
            for name in ("address", "length", "kind"):
                mov(rax, getattr(slot[-1], name))
                mov(getattr(slot, name), rax)
            sub(slot, sizeof(MemoryRegion))
        return slot

    @function(init=True)
    def add_module(self, start: U64, end: U64, name: Ptr[U8], placement: U64) -> None:
        """Add a file at physical `start` up to `end`; its name has at most `placement` bytes."""
        with if_(end < start):
            self._note(Damage.MODULE)
            ret()
        with if_(self.modules == 0):
            inc(self.module_count)
            tail(self.placement.avoid, start, end)
        imul(eax, self.module_count, sizeof(BootModule))
        add(rax, self.modules)
        module = cast(rax, Ptr[BootModule])
        mov(module.address, start)
        sub(end, start)
        mov(module.size, end)
        inc(self.module_count)
        lea(rdi, module.name)
        tail(self.copy_text, rdi, NAME_SIZE, name, placement)

    @function(init=True)
    def set_command_line(self, line: Ptr[U8], placement: U64) -> None:
        """Keep the command line, which has at most `placement` bytes."""
        tail(self.copy_text, address_of(self.command_line), TEXT_SIZE, line, placement)

    @function(init=True)
    def set_loader_name(self, name: Ptr[U8], placement: U64) -> None:
        """Keep the loader's name, which has at most `placement` bytes."""
        tail(self.copy_text, address_of(self.loader_name), NAME_SIZE, name, placement)

    @function(init=True)
    def copy_text(self, target: Ptr[U8], size: U64, source: Ptr[U8], placement: U64) -> None:
        """Copy a text to the `size` bytes at `target`, with `?` for control characters.

        It ends with a zero or after `placement` bytes. What does not fit is cut off.
        """
        dec(size)  # for the zero at the end
        with loop():
            mov(at(target), 0)
            break_if(placement == 0)
            mov(al, at(source))
            break_if(al == 0)
            with if_(size == 0):
                self._note(Damage.TEXT)
                ret()
            with if_((al < FIRST_PRINTABLE) | (al == DELETE)):
                mov(al, ord("?"))
            mov(at(target), al)
            inc(target)
            inc(source)
            dec(placement)
            dec(size)

    @function(init=True)
    def settle_room(self) -> U32:
        """End a look through the loader's lists: 1 if another look is needed, which counts anew;
        or 0 if what is added is kept from now on, or if there is no room."""
        imul(edi, self.region_count, sizeof(MemoryRegion))
        imul(eax, self.module_count, sizeof(BootModule))
        add(rdi, rax)
        again = self.placement.settle(rdi)
        with if_(again == 0):
            with if_(self.placement.size != 0):
                self._take_room()
            with elif_(self.region_count != 0):
                self._note(Damage.NO_ROOM)
        mov(self.region_count, 0)
        mov(self.module_count, 0)
        ret(again)

    def _take_room(self) -> None:
        """Place the lists, whose lengths are known."""
        mov(rcx, self.placement.start)
        direct(rcx)
        mov(self.regions, rcx)
        imul(edx, self.region_count, sizeof(MemoryRegion))
        add(rcx, rdx)
        mov(self.modules, rcx)

    @function(init=True)
    def complete(self) -> None:
        """Make the record usable whatever was missing: end the start's reading with this."""
        with if_(self.region_count == 0):
            self._note(Damage.NO_MEMORY)
            lea(rax, self.own_memory)
            mov(self.regions, rax)
            mov(rdi, address_of(symbol("image_load_start")))
            mov(rsi, address_of(symbol("image_load_end")))
            sub(rsi, rdi)
            tail(self.add_region, rdi, rsi, MemoryKind.AVAILABLE)

    @function(init=True)
    def limit_to(self, end: U64) -> None:
        """Let there be no memory from physical `end` on, which nothing can reach there."""
        region, number = scratch(Ptr[MemoryRegion]), scratch(U32)
        mov(region, self.regions)
        with for_(number, 0, self.region_count):
            mov(rax, end)
            sub(rax, region.address)
            with if_(CF):
                xor(eax, eax)
            with if_((region.kind != MemoryKind.RESERVED) & (region.length > rax)):
                self._note(Damage.UNREACHABLE)
                with if_(rax == 0):
                    mov(region.kind, MemoryKind.RESERVED)
                with else_():
                    mov(region.length, rax)
            add(region, sizeof(MemoryRegion))

    @function
    def has_memory(self, start: U64, last: U64) -> U32:
        """Whether there is memory, whoever uses it, between physical `start` and `last`, the bounds
        included: 1 or 0."""
        region, number = scratch(Ptr[MemoryRegion]), scratch(U32)
        mov(region, self.regions)
        with for_(number, 0, self.region_count):
            mov(rax, region.address)
            add(rax, region.length)
            dec(rax)
            with (
                if_((region.kind != MemoryKind.RESERVED) & (region.address <= last)),
                if_(rax >= start),
            ):
                ret(1)
            add(region, sizeof(MemoryRegion))
        ret(0)

    @function
    def has_option(self, name: Ptr[U8]) -> U32:
        """Whether the command line has the word `name`; words are parted by blanks."""
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
            with if_((u8[rcx] == 0) & (at(line) <= ord(" "))):
                ret(1)
            with while_(at(line) > ord(" ")):
                inc(line)
        ret(0)
