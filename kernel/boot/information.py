"""What the loader told of the machine, whichever way the kernel was started."""

from typing import Any

from kernel.boot import multiboot2, pvh
from kernel.boot.multiboot2 import TAG_ALIGNMENT, TagType
from kernel.boot.record import MAX_MODULES, MAX_REGIONS, NAME_SIZE, RSDP_SIZE, BootRecord, Damage
from kernel.boot.tables import REACH
from kernel.mm.addresses import direct
from kernel.mm.pagetable import PageShift
from pykasm import *

MAX_INFORMATION = 1 << 20
"""Bytes; more than any loader's information has, so that a damaged size can't lead far."""

READABLE = REACH << PageShift.HUGE
"""Physical memory below it is mapped while the kernel starts."""


class BootInformation(BootRecord):
    """The record of the start, filled by one of `from_multiboot2` and `from_pvh`.

    They believe no size, count or address before it is checked; what makes no sense is left out
    and noted in `damage`. They run once, before anything else uses the record.
    """

    rsdp = bss(U8 * RSDP_SIZE, align=8)

    @function(init=True)
    def from_multiboot2(self, info: Ptr[multiboot2.InformationHeader]) -> None:
        """Fill the record from a Multiboot2 loader's information (3.6)."""
        size = scratch(info.total_size)
        with if_((size >= sizeof(multiboot2.InformationHeader)) & (size <= MAX_INFORMATION)):
            lea(rsi, u64[u64(info) + u64(size)])
            lea(rdi, info[1])
            self.read_tags(cast(rdi, Ptr[multiboot2.Tag]), rsi)
        with else_():
            self._note(Damage.SIZE)
        tail(self.complete)

    @function(init=True)
    def read_tags(self, tag: Ptr[multiboot2.Tag], end: U64) -> None:
        """Read tags from `tag` on up to the END tag; none reaches beyond `end`."""
        tag, end, next_tag = keep(tag), keep(end), keep(U64)
        with loop():
            lea(next_tag, tag[1])
            break_if(next_tag > end)
            mov(eax, tag.size)
            break_if(eax < sizeof(multiboot2.Tag))
            lea(next_tag, bare[u64(tag) + rax])
            break_if(next_tag > end)
            with if_(tag.type == TagType.END):
                ret()
            self.read_tag(tag)
            add(next_tag, TAG_ALIGNMENT - 1)
            and_(next_tag, -TAG_ALIGNMENT)
            mov(tag, next_tag)
        self._note(Damage.TAG)

    @function(init=True)
    def read_tag(self, tag: Ptr[multiboot2.Tag]) -> None:
        """Put what `tag` says into the record; its size is sound."""
        kind, size = scratch(tag.type), scratch(tag.size)
        with switch(kind):
            with case(TagType.COMMAND_LINE):
                self._read_text(tag, size, self.set_command_line)
            with case(TagType.BOOT_LOADER_NAME):
                self._read_text(tag, size, self.set_loader_name)
            with case(TagType.MODULE):
                tail(self.read_module, cast(tag, Ptr[multiboot2.ModuleTag]))
            with case(TagType.MEMORY_MAP):
                tail(self.read_memory_map, cast(tag, Ptr[multiboot2.MemoryMapTag]))
            with case(TagType.ACPI_OLD_RSDP), if_(self.acpi_root == 0):
                self._read_rsdp(tag, size)
            with case(TagType.ACPI_NEW_RSDP):
                self._read_rsdp(tag, size)

    def _read_text(self, tag: Ptr[multiboot2.Tag], size: U32, setter: Any) -> None:
        string = cast(tag, Ptr[multiboot2.StringTag]).string
        lea(rdi, string)
        sub(size, offsetof(multiboot2.StringTag, "string"))
        tail(setter, rdi, u64(size))

    def _read_rsdp(self, tag: Ptr[multiboot2.Tag], size: U32) -> None:
        """Copy the root pointer: that of the loader's copy is as good as the firmware's own."""
        lea(rsi, cast(tag, Ptr[multiboot2.RsdpTag]).rsdp)
        mov(ecx, size)
        sub(ecx, offsetof(multiboot2.RsdpTag, "rsdp"))
        with if_(ecx > RSDP_SIZE):
            mov(ecx, RSDP_SIZE)
        lea(rdi, self.rsdp)
        rep.movsb()
        mov(self.acpi_root, physical(self.rsdp))

    @function(init=True)
    def read_module(self, tag: Ptr[multiboot2.ModuleTag]) -> None:
        """Add the module that `tag` tells of."""
        size = scratch(tag.tag.size)
        with if_(size < offsetof(multiboot2.ModuleTag, "string")):
            self._note(Damage.MODULE)
            ret()
        sub(size, offsetof(multiboot2.ModuleTag, "string"))
        lea(rdx, tag.string)
        mov(eax, tag.start)
        mov(esi, tag.end)
        tail(self.add_module, rax, rsi, rdx, u64(size))

    @function(init=True)
    def read_memory_map(self, tag: Ptr[multiboot2.MemoryMapTag]) -> None:
        """Add the regions of the memory map `tag`; entries may be larger than we know them."""
        entry, end, step = keep(Ptr[multiboot2.MemoryMapEntry]), keep(U64), keep(U64)
        mov(u32(end), tag.tag.size)
        with if_(
            (end < offsetof(multiboot2.MemoryMapTag, "entries"))
            | (tag.entry_size < sizeof(multiboot2.MemoryMapEntry))
        ):
            self._note(Damage.TAG)
            ret()
        add(end, tag)
        mov(u32(step), tag.entry_size)
        lea(entry, tag.entries)
        with loop():
            lea(rax, entry[1])
            break_if(rax > end)
            self.add_region(entry.base_address, entry.length, entry.type)
            add(entry, step)

    @function(init=True)
    def from_pvh(self, info: Ptr[pvh.StartInfo]) -> None:
        """Fill the record from a PVH loader's start info."""
        info = keep(info)
        self.set_loader_name(text("PVH"), NAME_SIZE)
        mov(rax, info.rsdp)
        mov(self.acpi_root, rax)
        line, room = self.text_at(info.command_line)
        self.set_command_line(line, room)
        self.read_pvh_modules(info)
        with if_(info.version >= pvh.VERSION_WITH_MEMORY_MAP):
            self.read_pvh_memory_map(info)
        tail(self.complete)

    @function(init=True)
    def read_pvh_modules(self, info: Ptr[pvh.StartInfo]) -> None:
        """Add the modules of `info`."""
        module, count = keep(Ptr[pvh.Module]), keep(info.module_count)
        with if_(count > MAX_MODULES):
            mov(count, MAX_MODULES + 1)  # one too many is told of, more need not be read
        mov(module, self._array_at(info.modules, count, pvh.Module))
        with while_(count != 0):
            name, room = self.text_at(module.command_line)
            mov(rcx, module.address)
            add(rcx, module.size)
            self.add_module(module.address, rcx, name, room)
            add(module, sizeof(pvh.Module))
            dec(count)

    @function(init=True)
    def read_pvh_memory_map(self, info: Ptr[pvh.StartInfo]) -> None:
        """Add the memory regions of `info`."""
        entry, count = keep(Ptr[pvh.MemoryMapEntry]), keep(info.memory_map_entries)
        with if_(count > MAX_REGIONS):
            mov(count, MAX_REGIONS + 1)
        mov(entry, self._array_at(info.memory_map, count, pvh.MemoryMapEntry))
        with while_(count != 0):
            self.add_region(entry.address, entry.size, entry.type)
            add(entry, sizeof(pvh.MemoryMapEntry))
            dec(count)

    def _array_at(self, address: U64, count: U32, element: Any) -> U64:
        """Where the `count` elements at a physical `address` are; no `count` if unreadable."""
        imul(ecx, count, sizeof(element))
        place = self.readable(address, rcx)
        with if_(place == 0):
            xor(count, count)
        return place

    @function(init=True)
    def readable(self, address: U64, size: U64) -> U64:
        """Where `size` bytes, less than READABLE, at a physical `address` can be read, or 0."""
        with if_(size == 0):
            ret(0)
        mov(rax, READABLE)
        sub(rax, size)
        with if_((address == 0) | (address > rax)):
            self._note(Damage.POINTER)
            ret(0)
        direct(address)
        ret(address)

    @function(init=True)
    def text_at(self, address: U64) -> tuple[Ptr[U8], U64]:
        """Where the text at a physical `address`, 0 for none, is, and how long it may be."""
        with if_(address == 0):
            ret(0, 0)
        mov(rax, READABLE)
        sub(rax, address)
        with if_(CF):
            self._note(Damage.POINTER)
            ret(0, 0)
        direct(address)
        ret(cast(address, Ptr[U8]), rax)
