"""Read the boot information of either protocol into the boot record."""

from typing import Any

from kernel.boot import multiboot2, pvh
from kernel.boot.multiboot2 import TAG_ALIGNMENT, TagType
from kernel.boot.record import NAME_SIZE, RSDP_SIZE, BootRecord, Damage
from kernel.boot.tables import MAPPED_END
from kernel.paging.addresses import direct
from pykasm import *

MAX_INFORMATION = 1 << 20
"""Bytes: an upper limit of the boot information, and of a list in it, to reject damaged sizes."""


class BootInformation(BootRecord):
    """The boot record, filled by `from_multiboot2` or `from_pvh`.

    No size, count or address is used before it is validated; what is invalid is left out and
    noted in `damage`. Context: the first processor, once, before the record is used.
    """

    rsdp = bss(U8 * RSDP_SIZE, align=8)
    """A copy of the ACPI root pointer from a Multiboot2 tag."""

    @function(init=True)
    def from_multiboot2(self, info: Keep[Ptr[multiboot2.InformationHeader]]) -> None:
        """Fill the record from a Multiboot2 loader's information (3.6)."""
        size = scratch(info.total_size)
        with if_((size >= sizeof(multiboot2.InformationHeader)) & (size <= MAX_INFORMATION)):
            self._read_tags(info, self._read_single_tag)
            self._read_lists(self._read_multiboot2_lists, u64(info))
        with else_():
            self.add_damage(Damage.SIZE)
        tail(self.finish)

    @function(init=True)
    def _read_lists(self, read: Keep[Fn[[U64], Void]], info: Keep[U64]) -> None:
        """Call `read` to add the lists of `info`, as often as it takes to find memory for them,
        and then once more to store them."""
        self.placement.begin()
        with loop():
            read(info)
            break_if(~self.end_pass())
        with if_(self.regions != 0):
            read(info)  # there is memory, so that this time all is stored

    @function(init=True)
    def _read_multiboot2_lists(self, info: Keep[U64]) -> None:
        """Add the regions and modules of a Multiboot2 loader's information, and reserve it."""
        header, size = cast(info, Ptr[multiboot2.InformationHeader]), scratch(U64)
        mov(u32(size), header.total_size)
        self.placement.reserve_mapped(info, size)
        tail(self._read_tags, header, self._read_list_tag)

    @function(init=True)
    def _read_tags(
        self, info: Ptr[multiboot2.InformationHeader], read: Fn[[Ptr[multiboot2.Tag]], Void]
    ) -> None:
        """Call `read` for each tag of `info` up to the END tag, once its size is validated."""
        tag, end, next_tag = keep(Ptr[multiboot2.Tag]), keep(U64), keep(U64)
        read = keep(read)
        mov(u32(end), info.total_size)
        add(end, info)
        lea(tag, cast(info[1], multiboot2.Tag))
        with loop():
            lea(next_tag, tag[1])
            break_if(next_tag > end)  # not even the tag's size can be read
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
        self.add_damage(Damage.TAG)  # left without having met the END tag

    @function(init=True)
    def _read_single_tag(self, tag: Ptr[multiboot2.Tag]) -> None:
        """Add the contents of a tag of which there is only one."""
        kind, size = scratch(tag.type), scratch(tag.size)
        with switch(kind):
            with case(TagType.COMMAND_LINE):
                self._read_string(tag, size, self.set_command_line)
            with case(TagType.BOOT_LOADER_NAME):
                self._read_string(tag, size, self.set_loader_name)
            with case(TagType.ACPI_OLD_RSDP), if_(self.acpi_root == 0):  # a new one is preferred
                self._read_rsdp(tag, size)
            with case(TagType.ACPI_NEW_RSDP):
                self._read_rsdp(tag, size)

    @function(init=True)
    def _read_list_tag(self, tag: Ptr[multiboot2.Tag]) -> None:
        """Add the contents of a tag with an element of a list, or with a list."""
        kind = scratch(tag.type)
        with switch(kind):
            with case(TagType.MODULE):
                tail(self._read_module, cast(tag, Ptr[multiboot2.ModuleTag]))
            with case(TagType.MEMORY_MAP):
                tail(self._read_memory_map, cast(tag, Ptr[multiboot2.MemoryMapTag]))

    @inline
    def _read_string(self, tag: Ptr[multiboot2.Tag], size: U32, setter: Any) -> None:
        """Leave the function by calling `setter` with the string of `tag`."""
        string = cast(tag, Ptr[multiboot2.StringTag]).string
        sub(size, offsetof(multiboot2.StringTag, "string"))
        tail(setter, address_of(string), u64(size))

    @inline(changes=("tag", rcx, rsi))
    def _read_rsdp(self, tag: Ptr[multiboot2.Tag], size: U32) -> None:
        """Copy the root pointer, as the memory of the tag will be reused."""
        lea(rsi, cast(tag, Ptr[multiboot2.RsdpTag]).rsdp)
        mov(ecx, size)
        sub(ecx, offsetof(multiboot2.RsdpTag, "rsdp"))
        with if_(ecx > RSDP_SIZE):
            mov(ecx, RSDP_SIZE)
        lea(rdi, self.rsdp)
        rep.movsb()
        mov(self.acpi_root, physical(self.rsdp))

    @function(init=True)
    def _read_module(self, tag: Ptr[multiboot2.ModuleTag]) -> None:
        """Add the module of `tag`."""
        size = scratch(tag.tag.size)
        with if_(size < offsetof(multiboot2.ModuleTag, "string")):
            self.add_damage(Damage.MODULE)
            ret()
        start, end = scratch(U64), scratch(U64)
        sub(size, offsetof(multiboot2.ModuleTag, "string"))
        mov(u32(start), tag.start)
        mov(u32(end), tag.end)
        tail(self.add_module, start, end, address_of(tag.string), u64(size))

    @function(init=True)
    def _read_memory_map(self, tag: Ptr[multiboot2.MemoryMapTag]) -> None:
        """Add the regions of the memory map `tag`, whose entries may have more fields than ours."""
        entry, end, step = keep(Ptr[multiboot2.Multiboot2MemoryMapEntry]), keep(U64), keep(U64)
        mov(u32(end), tag.tag.size)
        with if_(
            (end < offsetof(multiboot2.MemoryMapTag, "entries"))
            | (tag.entry_size < sizeof(multiboot2.Multiboot2MemoryMapEntry))
        ):
            self.add_damage(Damage.TAG)
            ret()
        add(end, tag)
        mov(u32(step), tag.entry_size)
        lea(entry, tag.entries)
        with loop():
            lea(rax, entry[1])
            break_if(rax > end)  # an entry that the tag's end cuts off is none
            self.add_region(entry.base_address, entry.length, entry.type)
            add(entry, step)

    @function(init=True)
    def from_pvh(self, info: Keep[Ptr[pvh.StartInfo]]) -> None:
        """Fill the record from a PVH loader's start info."""
        self.set_loader_name(text("PVH"), NAME_SIZE)
        mov(rax, info.rsdp)
        mov(self.acpi_root, rax)
        line, limit = self._string_at(info.command_line)
        self.set_command_line(line, limit)
        self._read_lists(self._read_pvh_lists, u64(info))
        tail(self.finish)

    @function(init=True)
    def _read_pvh_lists(self, info: U64) -> None:
        """Add the modules and regions of a PVH loader's start info."""
        start_info = keep(cast(info, Ptr[pvh.StartInfo]))
        self.placement.reserve_mapped(info, sizeof(pvh.StartInfo))
        self._read_pvh_modules(start_info)
        with if_(start_info.version >= pvh.VERSION_WITH_MEMORY_MAP):
            tail(self._read_pvh_memory_map, start_info)

    @function(init=True)
    def _read_pvh_modules(self, info: Ptr[pvh.StartInfo]) -> None:
        """Add the modules of `info`."""
        module, count = keep(Ptr[pvh.ModlistEntry]), keep(info.module_count)
        mov(module, self._map_array(info.modules, count, pvh.ModlistEntry))
        with while_(count != 0):
            # The name is copied only in the last pass, so until then its memory may not be used.
            name_end = scratch(module.command_line)
            add(name_end, NAME_SIZE)
            self.placement.reserve(module.command_line, name_end)
            name, limit = self._string_at(module.command_line)
            end = scratch(module.address)
            add(end, module.size)
            self.add_module(module.address, end, name, limit)
            add(module, sizeof(pvh.ModlistEntry))
            dec(count)

    @function(init=True)
    def _read_pvh_memory_map(self, info: Ptr[pvh.StartInfo]) -> None:
        """Add the memory regions of `info`."""
        entry, count = keep(Ptr[pvh.MemmapTableEntry]), keep(info.memory_map_entries)
        mov(entry, self._map_array(info.memory_map, count, pvh.MemmapTableEntry))
        with while_(count != 0):
            self.add_region(entry.address, entry.size, entry.type)
            add(entry, sizeof(pvh.MemmapTableEntry))
            dec(count)

    @inline(changes=("address", "count", *CALLER_SAVED))
    def _map_array(self, address: U64, count: U32, element: Any) -> U64:
        """Return the address of an array of `count` elements at a physical `address`; set `count`
        to 0 if it can't be read."""
        size = scratch(U64)
        imul(size, u64(count), sizeof(element))
        array = self._map_physical(address, size)
        with if_(array == 0):
            xor(count, count)
        return array

    @function(init=True)
    def _map_physical(self, address: U64, size: U64) -> U64:
        """Return the mapped address of `size` bytes at a physical `address`, and reserve them.

        Return 0 if there are none, or if they can't be read.
        """
        with if_(size == 0):
            ret(0)
        mov(rax, MAPPED_END)
        sub(rax, size)  # address + size might wrap around
        with if_((size > MAX_INFORMATION) | (address == 0) | (address > rax)):
            self.add_damage(Damage.POINTER)
            ret(0)
        address = keep(address)
        direct(address)
        self.placement.reserve_mapped(address, size)
        ret(address)

    @function(init=True)
    def _string_at(self, address: U64) -> tuple[Ptr[U8], U64]:
        """Return the mapped address of the string at a physical `address`, and the limit of its
        length; null and 0 if `address` is 0 or not mapped."""
        with if_(address == 0):
            ret(0, 0)
        mov(rax, MAPPED_END)
        sub(rax, address)
        with if_(CF):
            self.add_damage(Damage.POINTER)
            ret(0, 0)
        direct(address)
        ret(cast(address, Ptr[U8]), rax)
