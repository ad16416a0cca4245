"""Which memory core files have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.cpu.pagetable import PAGE, PageShift
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.pathnames import PathNames
from kernel.paging.addresses import UserAddress, direct
from kernel.process.coredump import CoreDump
from kernel.process.dumpsettings import CoreFilter
from kernel.process.elf import MAGIC
from kernel.sync.biasedlock import BiasedLocks
from kernel.vm.region import RegionFlags
from kernel.vm.regions import Regions
from kernel.vm.rights import Rights
from kernel.vm.userpages import UserPages
from kernel.vm.userranges import UserRanges
from pykasm import *

EXECUTABLE = 0o111
"""Permissions of files, of which programs have some."""


class CoreRegions(Subsystem):
    """Goes through the regions of a space, and reads their pages without making any. Others that
    have the space, too, may change it meanwhile. Context: thread."""

    def __init__(
        self,
        locks: BiasedLocks,
        regions: Regions,
        ranges: UserRanges,
        user_pages: UserPages,
        files: Files,
        names: PathNames,
    ) -> None:
        self.names = names
        self.locks = locks
        self.regions = regions
        self.ranges = ranges
        self.user_pages = user_pages
        self.files = files

    @function(context="thread", sleeps=True)
    def find_from(self, dump: Keep[Ptr[CoreDump]], address: Keep[UserAddress]) -> Bool:
        """Go to the first region that ends after `address`, until it is given back. Returns whether
        there is one."""
        space, found = keep(dump.space), keep(U32)
        xor(found, found)
        with self.locks.read_held(space.regions_lock):
            region = self.regions.find_from(space, address)
            with if_(region != 0):
                address = region.node.key
                mov(found, self.regions.borrow(space, address, address_of(dump.region)))
                self._count(dump)
        fail_if(found == 0)
        mov(dump.size, self._dumped_size(dump))
        ret(True)

    @inline(changes=CALLER_SAVED)
    @contextmanager
    def each(self, dump: Ptr[CoreDump]) -> Iterator[None]:
        """Go to each region in turn, for a block that calls may be made in, until something could
        not be written."""
        address = keep(UserAddress)
        xor(u32(address), u32(address))
        with while_(lambda: (dump.failed == 0) & (lambda: self.find_from(dump, address))):
            mov(address, dump.region.end)
            yield
            self.give_back(dump)
        release(address)

    @inline(changes=CALLER_SAVED)
    def _count(self, dump: Ptr[CoreDump]) -> None:
        """Count what of the region is in memory."""
        mov(rax, dump.region.node.key)
        mov(dump.view.start, rax)
        mov(rax, dump.region.end)
        mov(dump.view.end, rax)
        mov(dump.view.is_backed, 0)
        self.ranges.count(dump.space, address_of(dump.view))

    @function(context="thread", sleeps=True)
    def give_back(self, dump: Ptr[CoreDump]) -> None:
        """Have the region be none of the dump's any more."""
        tail(self.regions.give_back, address_of(dump.region))

    @inline(changes=rax)
    def _is_of_file(self, dump: Ptr[CoreDump]) -> Condition:
        """Return the condition that the region shows a file."""
        backing = scratch(dump.region.backing)
        lea(rax, self.files.backing_operations)
        condition = (backing != 0) & (u64(backing.operations) == rax)
        release(backing)
        return condition

    @inline
    def file_of(self, dump: Ptr[CoreDump]) -> Ptr[File]:
        """Return the file that the region shows, in a kept register."""
        backing = scratch(dump.region.backing)
        asserts(backing != 0)
        return keep(container_of(backing, File, "backing"))

    @function
    def has_name(self, dump: Keep[Ptr[CoreDump]]) -> Bool:
        """Return whether the region shows a file that has a name, or had one."""
        fail_if(~self._is_of_file(dump))
        file = self.file_of(dump)
        ret(self.names.is_nameless(address_of(file.path)) == 0)

    # How much of it

    @function(context="thread", sleeps=True)
    def _dumped_size(self, dump: Keep[Ptr[CoreDump]]) -> U64:
        """Return how many bytes of the region are dumped."""
        whole, filter = keep(dump.region.end), keep(U32)
        sub(whole, dump.region.node.key)
        process = scratch(dump.process)
        mov(filter, process.dumped_memory)
        with if_(dump.region.flags & RegionFlags.NO_DUMP):
            ret(0)
        with if_(self._is_chosen(dump, filter)):
            ret(whole)
        with if_(self._is_first_of_file(dump) & (filter & CoreFilter.HEADERS)):
            tail(self._header_size, dump)
        ret(0)

    @function(context="thread")
    def _is_chosen(self, dump: Keep[Ptr[CoreDump]], filter: Keep[U32]) -> Bool:
        """Return whether `filter`, a `CoreFilter`, has all of the region."""
        with if_(dump.region.flags & RegionFlags.SHARED):
            with if_(self.has_name(dump)):
                inode = scratch(self.file_of(dump).inode)
                with if_(inode.links != 0):
                    ret((filter & CoreFilter.FILES_SHARED) != 0)
            ret((filter & CoreFilter.ANONYMOUS_SHARED) != 0)
        with if_(dump.region.backing == 0):
            with if_(dump.view.resident == 0):
                ret(False)  # nothing was ever there
            ret((filter & CoreFilter.ANONYMOUS) != 0)
        with if_(~self._is_of_file(dump)):
            ret(True)  # pages of the kernel's for all programs
        with if_(dump.view.dirty != 0), if_(filter & CoreFilter.ANONYMOUS):
            ret(True)
        ret((filter & CoreFilter.FILES) != 0)

    @inline(changes=rax)
    def _is_first_of_file(self, dump: Ptr[CoreDump]) -> Condition:
        """Return the condition that the region begins as a file of its own, and may be read."""
        return (
            (dump.region.offset == 0)
            & (dump.region.rights & Rights.READ)
            & ((dump.region.flags & RegionFlags.SHARED) == 0)
            & self._is_of_file(dump)
        )

    @function(context="thread", sleeps=True)
    def _header_size(self, dump: Keep[Ptr[CoreDump]]) -> U64:
        """Return the size of a page if the region begins with a program or a library, else 0."""
        inode = scratch(self.file_of(dump).inode)
        with if_(inode.mode & EXECUTABLE):
            ret(PAGE)
        with if_(self.read_page(dump, dump.region.node.key)):
            start = scratch(cast(scratch(dump.page), Ptr[U32]))
            with if_(at(start) == MAGIC):
                ret(PAGE)
        ret(0)

    # Its pages

    @function(context="thread", sleeps=True)
    def read_page(self, dump: Keep[Ptr[CoreDump]], address: Keep[UserAddress]) -> Bool:
        """Copy the page at `address` in the region to `dump.page`. Returns whether there is one."""
        space, found = keep(dump.space), keep(U32)
        with self.locks.read_held(space.regions_lock):
            mov(found, self.user_pages.copy(space, address, u64(scratch(dump.page))))
        with if_(found != 0):
            ret(True)
        backing = scratch(try_(dump.region.backing))
        sub(address, dump.region.node.key)
        add(address, dump.region.offset)
        shr(address, PageShift.PAGE)
        operations = scratch(backing.operations)
        page = keep(try_(operations.find_page(backing, address)))
        mov(rsi, page)
        direct(rsi)
        mov(rdi, dump.page)
        mov(ecx, PAGE // sizeof(U64))
        rep.movsq()
        self.user_pages.drop(page)
        ret(True)
