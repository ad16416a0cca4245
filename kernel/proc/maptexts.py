"""Texts about the memory of programs, and texts that lie in it."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.exec.vdsomapping import VdsoMapping
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.inode import Inode
from kernel.fs.textwriter import TextWriter
from kernel.mm.pages import Pages
from kernel.paging.addresses import direct, physical_of
from kernel.proc.procaccess import ProcAccess
from kernel.proc.procentry import ProcNode
from kernel.proc.proclinks import ProcLinks
from kernel.proc.procsource import PROCESS, ProcSource, ProcText
from kernel.proc.regiontexts import RegionTexts
from kernel.sync.rwlock import ReadWriteLocks
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.region import Region
from kernel.vm.regions import Regions
from kernel.vm.rights import Rights
from kernel.vm.rightsletters import print_rights
from kernel.vm.usercopy import UserCopy
from pykasm import *


class MapTexts(ProcSource):
    """Writes what a thread has mapped, and what it was started with. Context: thread."""

    def __init__(
        self,
        writer: TextWriter,
        access: ProcAccess,
        links: ProcLinks,
        details: RegionTexts,
        spaces: AddressSpaces,
        regions: Regions,
        locks: ReadWriteLocks,
        files: Files,
        vdso: VdsoMapping,
        pages: Pages,
        copy: UserCopy,
    ) -> None:
        self.writer = writer
        self.access = access
        self.links = links
        self.details = details
        self.spaces = spaces
        self.regions = regions
        self.locks = locks
        self.files = files
        self.vdso = vdso
        self.pages = pages
        self.copy = copy
        self.proc_files = [
            ProcText(f"{PROCESS}/maps", self.show_maps, is_private=True),
            ProcText(f"{PROCESS}/smaps", self.show_details, is_private=True),
            ProcText(f"{PROCESS}/smaps_rollup", self.show_sum, is_private=True),
            ProcText(f"{PROCESS}/cmdline", self.show_arguments),
            ProcText(f"{PROCESS}/environ", self.show_environment, mode=0o400, is_private=True),
        ]

    # What is mapped

    @function(context="thread", sleeps=True)
    def show_maps(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write a line for each region: addresses, rights, the part of which file, its name."""
        tail(self._show_all, cast(scratch(inode.private), Ptr[ProcNode]), 0)

    @function(context="thread", sleeps=True)
    def show_details(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the same, and after each line what of the region is in memory."""
        tail(self._show_all, cast(scratch(inode.private), Ptr[ProcNode]), 1)

    @function(context="thread", sleeps=True)
    def _show_all(self, node: Ptr[ProcNode], detailed: Keep[U32]) -> OrErrno[I32]:
        """Write all regions, in detail unless `detailed` is 0. Returns 0 or -ENOMEM."""
        result, page = keep(I32), keep(U64)
        space = keep(self.access.space_of(node))
        with if_(space == 0):
            ret(0)
        mov(result, -Errno.ENOMEM)
        mov(page, self.pages.allocate_page())
        with if_(page != 0):
            direct(page)
            self._show_regions(space, cast(page, Ptr[U8]), detailed)
            physical_of(page)
            self.pages.free_page(page)
            xor(result, result)
        self.spaces.drop(space)
        ret(result)

    @function(context="thread", sleeps=True)
    def _show_regions(
        self, space: Keep[Ptr[AddressSpace]], page: Keep[Ptr[U8]], detailed: Keep[U32]
    ) -> None:
        """Write the regions of `space`, with names by way of `page`."""
        with self.locks.read_held(space.regions_lock):
            region = keep(self.regions.find_from(space, 0))
            with while_(region != 0):
                self._show_region(space, region, page)
                with if_(detailed != 0):
                    self.details.show(space, region)
                mov(region, self.regions.next(region))
            release(region)

    @function(context="thread", sleeps=True)
    def show_sum(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write what is in memory of all regions together."""
        space = keep(self.access.space_of(cast(scratch(inode.private), Ptr[ProcNode])))
        with if_(space == 0):
            ret(0)
        self.details.show_sum(space)
        self.spaces.drop(space)
        ret(0)

    @function(context="thread", sleeps=True)
    def _show_region(
        self, space: Keep[Ptr[AddressSpace]], region: Keep[Ptr[Region]], page: Keep[Ptr[U8]]
    ) -> None:
        """Write the line of `region`."""
        self.writer.print("%08x-%08x ", region.node.key, region.end)
        print_rights(self.writer, region.rights, region.flags)
        self.writer.print(" ")
        backing = scratch(region.backing)
        lea(rax, self.files.backing_operations)
        with if_((backing != 0) & (u64(backing.operations) == rax)):
            tail(self._show_file, region, page)
        self.writer.print("00000000 00:00 0 ")
        self._show_purpose(space, region)
        self.writer.print("\n")

    @function(context="thread", sleeps=True)
    def _show_file(self, region: Keep[Ptr[Region]], page: Keep[Ptr[U8]]) -> None:
        """Write which part of which file is in `region`."""
        backing = scratch(region.backing)
        asserts(backing != 0)  # the caller has looked
        file = keep(container_of(backing, File, "backing"))
        inode = keep(file.inode)
        superblock = scratch(inode.superblock)
        device = scratch(superblock.device)
        self.writer.print("%08x 00:%02x %u ", region.offset, device, inode.number)
        length = self.links.describe(address_of(file.path), page)
        with if_(length > 0):
            self.writer.print("%s", page)
        self.writer.print("\n")

    @function
    def _show_purpose(self, space: Ptr[AddressSpace], region: Ptr[Region]) -> None:
        """Write what a region is for that is no file's."""
        region, space = scratch(region), scratch(space)
        lea(rax, self.vdso.backing)
        with if_(u64(region.backing) == rax):
            with if_(region.rights & Rights.EXECUTE):
                self.writer.print("[vdso]")
                ret()
            self.writer.print("[vvar]")
            ret()
        mov(rax, space.heap_start)
        with if_((rax != space.heap_end) & (rax >= region.node.key) & (rax < region.end)):
            self.writer.print("[heap]")
            ret()
        mov(rax, space.stack_top)
        with if_((rax > region.node.key) & (rax <= region.end)):
            self.writer.print("[stack]")

    # What it was started with

    @function(context="thread", sleeps=True)
    def show_arguments(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the arguments, each with its zero, as they are now; nothing for a zombie."""
        space = keep(self.access.space_of(cast(scratch(inode.private), Ptr[ProcNode])))
        with if_(space == 0):
            ret(0)
        tail(self._show_texts, space, space.arguments, space.environment)

    @function(context="thread", sleeps=True)
    def show_environment(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the environment in the same way."""
        space = keep(self.access.space_of(cast(scratch(inode.private), Ptr[ProcNode])))
        with if_(space == 0):
            ret(0)
        tail(self._show_texts, space, space.environment, space.environment_end)

    @function(context="thread", sleeps=True)
    def _show_texts(
        self, space: Keep[Ptr[AddressSpace]], start: Keep[U64], end: Keep[U64]
    ) -> OrErrno[I32]:
        """Write the bytes of `space`, which is dropped, from `start` to `end`. Returns 0 or
        -ENOMEM."""
        result, page = keep(I32), keep(U64)
        mov(result, -Errno.ENOMEM)
        mov(page, self.pages.allocate_page())
        with if_(page != 0):
            direct(page)
            with while_(start < end):
                copied = self._copy_piece(space, start, end, page)
                break_if(copied == 0)
                add(start, copied)
            physical_of(page)
            self.pages.free_page(page)
            xor(result, result)
        self.spaces.drop(space)
        ret(result)

    @function(context="thread", sleeps=True)
    def _copy_piece(
        self, space: Ptr[AddressSpace], start: Keep[U64], end: U64, page: Keep[U64]
    ) -> U64:
        """Write as many of these bytes as fit into a page. Returns how many; 0 if they are not
        there any more."""
        length, before = keep(end), keep(OrNull[Ptr[AddressSpace]])
        sub(length, start)
        with if_(length > PAGE):
            mov(length, PAGE)
        mov(before, self.spaces.exchange(space))
        asserts(before != 0)  # that of the task which reads
        failed, left = self.copy.copy_in(page, cast(start, User[U8]), length)
        ignore(failed, "what is left tells as much")
        sub(length, left)
        self.spaces.go_back(before)
        release(start)
        self._write(cast(page, Ptr[U8]), length)
        ret(length)

    @function
    def _write(self, start: Keep[Ptr[U8]], length: Keep[U64]) -> None:
        """Write `length` bytes, whatever they are."""
        with while_(length != 0):
            self.writer.put(at(start))
            inc(start)
            dec(length)
