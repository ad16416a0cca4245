"""Read the boot information of either protocol into the boot record."""

from typing import Any

from kernel.boot import multiboot2, pvh
from kernel.boot.efi import MemoryDescriptor
from kernel.boot.loadermap import LoaderMap
from kernel.boot.multiboot2 import TAG_ALIGNMENT, Multiboot2MemoryMapEntry, TagType
from kernel.boot.placement import RecordPlacement
from kernel.boot.record import NAME_SIZE, RSDP_SIZE, BootRecord, Damage
from kernel.boot.tables import MAPPED_END
from kernel.console.framebuffer import Framebuffer
from kernel.console.framebuffermode import FIELDS
from kernel.paging.addresses import direct
from pykasm import *

MAX_INFORMATION = 1 << 20
"""Bytes: an upper limit of the boot information, and of a list in it, to reject damaged sizes."""


class BootInformation(BootRecord):
    """The boot record, filled by `from_multiboot2` or `from_pvh`.

    No size, count or address is used before it is validated; what is invalid is left out and
    noted in `damage`. Context: the first processor, once, before the record is used.
    """

    memory_map = bss(Ptr[multiboot2.MemoryMapTag])
    efi_memory_map = bss(Ptr[multiboot2.MemoryMapTag])
    basic_memory = bss(Ptr[multiboot2.BasicMemoryTag])
    """The tags of a Multiboot2 loader that tell of memory; null for none."""
    rsdp = bss(U8 * RSDP_SIZE, align=8)
    """A copy of the ACPI root pointer from a Multiboot2 tag."""

    def __init__(
        self, placement: RecordPlacement, loader_map: LoaderMap, framebuffer: Framebuffer
    ) -> None:
        super().__init__(placement)
        self.framebuffer = framebuffer
        self.loader_map = loader_map

    @function(init=True)
    def from_multiboot2(self, info: Keep[Ptr[multiboot2.InformationHeader]]) -> None:
        """Fill the record from a Multiboot2 loader's information (3.6)."""
        size = scratch(info.total_size)
        with if_((size >= sizeof(multiboot2.InformationHeader)) & (size <= MAX_INFORMATION)):
            self._read_tags(info, self._read_single_tag)
            self._offer_memory_maps()
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
        self._read_tags(header, self._read_module_tag)
        tail(self._read_memory_map)

    @function(init=True)
    def _read_tags(
        self, info: Ptr[multiboot2.InformationHeader], read: Keep[Fn[[Ptr[multiboot2.Tag]], Void]]
    ) -> None:
        """Call `read` for each tag of `info` up to the END tag, once its size is validated."""
        end = keep(U64)
        mov(u32(end), info.total_size)
        add(end, info)
        with records(address_of(info.tags), end, "size", align=TAG_ALIGNMENT) as tag:
            with if_(tag.type == TagType.END):
                ret()
            read(tag)
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
            with case(TagType.BASIC_MEMORY):
                self._note_tag(self.basic_memory, tag, size, multiboot2.BasicMemoryTag)
            with case(TagType.MEMORY_MAP):
                self._note_tag(self.memory_map, tag, size, multiboot2.MemoryMapTag)
            with case(TagType.EFI_MEMORY_MAP):
                self._note_tag(self.efi_memory_map, tag, size, multiboot2.MemoryMapTag)
            with case(TagType.FRAMEBUFFER), if_(size >= sizeof(multiboot2.FramebufferTag)):
                tail(self._read_framebuffer, cast(tag, Ptr[multiboot2.FramebufferTag]))
            with case(TagType.ACPI_OLD_RSDP), if_(self.acpi_root == 0):  # a new one is preferred
                self._read_rsdp(tag, size)
            with case(TagType.ACPI_NEW_RSDP):
                self._read_rsdp(tag, size)

    @function(init=True)
    def _read_module_tag(self, tag: Ptr[multiboot2.Tag]) -> None:
        """Add the module of `tag`, if it has one."""
        with if_(tag.type == TagType.MODULE):
            tail(self._read_module, cast(tag, Ptr[multiboot2.ModuleTag]))

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
    def _read_framebuffer(self, tag: Ptr[multiboot2.FramebufferTag]) -> None:
        """Note the mode of a framebuffer whose pixels are colours."""
        with if_(tag.type != multiboot2.FramebufferType.DIRECT):
            ret()
        mode = self.framebuffer.mode
        mov(rax, tag.address)
        mov(mode.address, rax)
        copy_fields(mode, tag, "pitch", "width", "height")
        movzx(eax, tag.bits_per_pixel)
        mov(mode.bits_per_pixel, eax)
        for number in range(len(FIELDS)):
            mov(ax, u16(tag.fields[number]))
            mov(u16(mode.fields[number]), ax)

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

    @inline
    def _note_tag(self, place: Any, tag: Ptr[multiboot2.Tag], size: U32, kind: Any) -> None:
        """Note `tag`, of the struct `kind`, at `place`, unless there is one or it is cut off."""
        with if_(size < sizeof(kind)):
            self.add_damage(Damage.TAG)
        with elif_(place == 0):
            mov(place, cast(tag, Ptr[kind]))

    @function(init=True)
    def _offer_memory_maps(self) -> None:
        """Offer what the tags tell of memory, the best first."""
        for place, offer, least in (
            (self.memory_map, self.loader_map.offer, Multiboot2MemoryMapEntry),
            (self.efi_memory_map, self.loader_map.offer_efi, MemoryDescriptor),
        ):
            count, size = self._entries_of(place, sizeof(least))
            entries = scratch(place)
            add(entries, sizeof(multiboot2.MemoryMapTag))
            offer(cast(entries, Ptr[least]), count, size)  # type: ignore[valid-type]
        basic = scratch(self.basic_memory)
        with if_(basic != 0):
            tail(self.loader_map.offer_basic, basic.lower, basic.upper)

    @function(init=True)
    def _entries_of(self, tag: Ptr[multiboot2.MemoryMapTag], least: U32) -> tuple[U64, U64]:
        """Return how many whole entries `tag` has, which may be null, and how long each is, which
        has to be at least `least` bytes."""
        with if_(tag == 0):
            ret(0, 0)
        size = scratch(tag.entry_size)
        with if_((size < least) | (size & sizeof(U64) - 1)):
            self.add_damage(Damage.TAG)
            ret(0, 0)
        mov(eax, tag.tag.size)
        sub(eax, sizeof(multiboot2.MemoryMapTag))
        xor(edx, edx)
        div(size)
        ret(rax, u64(size))

    @function(init=True)
    def from_pvh(self, info: Keep[Ptr[pvh.StartInfo]]) -> None:
        """Fill the record from a PVH loader's start info."""
        self.set_loader_name(text("PVH"), NAME_SIZE)
        mov(rax, info.rsdp)
        mov(self.acpi_root, rax)
        line, limit = self._string_at(info.command_line)
        self.set_command_line(line, limit)
        with if_(info.version >= pvh.VERSION_WITH_MEMORY_MAP):
            self._offer_pvh_memory_map(info)
        self._read_lists(self._read_pvh_lists, u64(info))
        tail(self.finish)

    @function(init=True)
    def _read_pvh_lists(self, info: U64) -> None:
        """Add the modules and regions of a PVH loader's start info."""
        start_info = keep(cast(info, Ptr[pvh.StartInfo]))
        self.placement.reserve_mapped(info, sizeof(pvh.StartInfo))
        self._read_pvh_modules(start_info)
        tail(self._read_memory_map)

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
    def _offer_pvh_memory_map(self, info: Ptr[pvh.StartInfo]) -> None:
        """Offer the memory map of `info`, whose entries have the form of Multiboot2's."""
        count = keep(info.memory_map_entries)
        entries = self._map_array(info.memory_map, count, pvh.MemmapTableEntry)
        map = cast(entries, Ptr[Multiboot2MemoryMapEntry])
        tail(self.loader_map.offer, map, u64(count), sizeof(pvh.MemmapTableEntry))

    @function(init=True)
    def _read_memory_map(self) -> None:
        """Add the regions of the loader's memory map, and reserve what it takes."""
        entry, left, size = keep(self.loader_map.entries), keep(U64), keep(self.loader_map.size)
        with if_(entry == 0):
            ret()
        mov(left, self.loader_map.count)
        mov(rax, left)
        imul(rax, size)
        self.placement.reserve_mapped(u64(entry), rax)
        with while_(left != 0):
            self.add_region(entry.base_address, entry.length, entry.type)
            add(entry, size)
            dec(left)

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
