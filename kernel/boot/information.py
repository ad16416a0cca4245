"""What the loader told of the machine, whichever way the kernel was started."""

from typing import Any

from kernel.boot import multiboot2, pvh
from kernel.boot.multiboot2 import TAG_ALIGNMENT, TagType
from kernel.boot.record import NAME_SIZE, RSDP_SIZE, BootRecord, Damage
from kernel.boot.tables import READABLE
from kernel.paging.addresses import direct
from pykasm import *

MAX_INFORMATION = 1 << 20
"""Bytes; more than any loader's information or list has, so that a damaged size can't lead far."""


class BootInformation(BootRecord):
    """The record of the start, filled by one of `from_multiboot2` and `from_pvh`.

    They believe no size, count or address before it is checked; what makes no sense is left out
    and noted in `damage`. They run once, before anything else uses the record.
    """

    rsdp = bss(U8 * RSDP_SIZE, align=8)

    @function(init=True)
    def from_multiboot2(self, info: Ptr[multiboot2.InformationHeader]) -> None:
        """Fill the record from a Multiboot2 loader's information (3.6)."""
        info, size = keep(info), scratch(info.total_size)
        with if_((size >= sizeof(multiboot2.InformationHeader)) & (size <= MAX_INFORMATION)):
            self.read_tags(info, self.read_fact)
            self.read_lists(self.read_multiboot2_lists, u64(info))
        with else_():
            self._note(Damage.SIZE)
        tail(self.complete)

    @function(init=True)
    def read_lists(self, read: Fn[[U64], Void], info: U64) -> None:
        """Let `read` go through the lists in `info` until there is room for them, and then once
        more to keep them."""
        read, info = keep(read), keep(info)
        self.placement.begin()
        with loop():
            read(info)
            again = self.settle_room()
            break_if(again == 0)
        with if_(self.regions != 0):
            read(info)

    @function(init=True)
    def read_multiboot2_lists(self, info: U64) -> None:
        """Add the regions and modules of a Multiboot2 loader's information."""
        info = keep(info)
        header = cast(info, Ptr[multiboot2.InformationHeader])
        mov(esi, header.total_size)
        self.placement.avoid_mapped(info, rsi)
        tail(self.read_tags, header, self.read_list)

    @function(init=True)
    def read_tags(
        self, info: Ptr[multiboot2.InformationHeader], read: Fn[[Ptr[multiboot2.Tag]], Void]
    ) -> None:
        """Let `read` see the tags of `info` up to the END tag; their sizes are sound."""
        tag, end, next_tag = keep(Ptr[multiboot2.Tag]), keep(U64), keep(U64)
        read = keep(read)
        mov(u32(end), info.total_size)
        add(end, info)
        lea(tag, info[1])
        with loop():
            lea(next_tag, tag[1])
            break_if(next_tag > end)
            mov(eax, tag.size)
            break_if(eax < sizeof(multiboot2.Tag))
            lea(next_tag, bare[u64(tag) + rax])
            break_if(next_tag > end)
            with if_(tag.type == TagType.END):
                ret()
            read(tag)
            add(next_tag, TAG_ALIGNMENT - 1)
            and_(next_tag, -TAG_ALIGNMENT)
            mov(tag, next_tag)
        self._note(Damage.TAG)

    @function(init=True)
    def read_fact(self, tag: Ptr[multiboot2.Tag]) -> None:
        """Put what there is but one of into the record."""
        kind, size = scratch(tag.type), scratch(tag.size)
        with switch(kind):
            with case(TagType.COMMAND_LINE):
                self._read_text(tag, size, self.set_command_line)
            with case(TagType.BOOT_LOADER_NAME):
                self._read_text(tag, size, self.set_loader_name)
            with case(TagType.ACPI_OLD_RSDP), if_(self.acpi_root == 0):
                self._read_rsdp(tag, size)
            with case(TagType.ACPI_NEW_RSDP):
                self._read_rsdp(tag, size)

    @function(init=True)
    def read_list(self, tag: Ptr[multiboot2.Tag]) -> None:
        """Add what `tag` has of the lists."""
        kind = scratch(tag.type)
        with switch(kind):
            with case(TagType.MODULE):
                tail(self.read_module, cast(tag, Ptr[multiboot2.ModuleTag]))
            with case(TagType.MEMORY_MAP):
                tail(self.read_memory_map, cast(tag, Ptr[multiboot2.MemoryMapTag]))

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
        entry, end, step = keep(Ptr[multiboot2.Multiboot2MemoryMapEntry]), keep(U64), keep(U64)
        mov(u32(end), tag.tag.size)
        with if_(
            (end < offsetof(multiboot2.MemoryMapTag, "entries"))
            | (tag.entry_size < sizeof(multiboot2.Multiboot2MemoryMapEntry))
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
        line, placement = self.text_at(info.command_line)
        self.set_command_line(line, placement)
        self.read_lists(self.read_pvh_lists, u64(info))
        tail(self.complete)

    @function(init=True)
    def read_pvh_lists(self, info: U64) -> None:
        """Add the modules and regions of a PVH loader's start info."""
        start_info = keep(cast(info, Ptr[pvh.StartInfo]))
        self.placement.avoid_mapped(info, sizeof(pvh.StartInfo))
        self.read_pvh_modules(start_info)
        with if_(start_info.version >= pvh.VERSION_WITH_MEMORY_MAP):
            tail(self.read_pvh_memory_map, start_info)

    @function(init=True)
    def read_pvh_modules(self, info: Ptr[pvh.StartInfo]) -> None:
        """Add the modules of `info`."""
        module, count = keep(Ptr[pvh.ModlistEntry]), keep(info.module_count)
        mov(module, self._array_at(info.modules, count, pvh.ModlistEntry))
        with while_(count != 0):
            mov(rdi, module.command_line)
            lea(rsi, bare[rdi + NAME_SIZE])
            self.placement.avoid(rdi, rsi)
            name, placement = self.text_at(module.command_line)
            mov(rcx, module.address)
            add(rcx, module.size)
            self.add_module(module.address, rcx, name, placement)
            add(module, sizeof(pvh.ModlistEntry))
            dec(count)

    @function(init=True)
    def read_pvh_memory_map(self, info: Ptr[pvh.StartInfo]) -> None:
        """Add the memory regions of `info`."""
        entry, count = keep(Ptr[pvh.MemmapTableEntry]), keep(info.memory_map_entries)
        mov(entry, self._array_at(info.memory_map, count, pvh.MemmapTableEntry))
        with while_(count != 0):
            self.add_region(entry.address, entry.size, entry.type)
            add(entry, sizeof(pvh.MemmapTableEntry))
            dec(count)

    def _array_at(self, address: U64, count: U32, element: Any) -> U64:
        """Where the `count` elements at a physical `address` are; no `count` if unreadable."""
        imul(rsi, u64(count), sizeof(element))
        place = self.array_at(address, rsi)
        with if_(place == 0):
            xor(count, count)
        return place

    @function(init=True)
    def array_at(self, address: U64, size: U64) -> U64:
        """Where `size` bytes of a list at a physical `address` can be read, or 0; the room for
        the record is elsewhere."""
        with if_(size == 0):
            ret(0)
        mov(rax, READABLE)
        sub(rax, size)
        with if_((size > MAX_INFORMATION) | (address == 0) | (address > rax)):
            self._note(Damage.POINTER)
            ret(0)
        address = keep(address)
        direct(address)
        self.placement.avoid_mapped(address, size)
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
