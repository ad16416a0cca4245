"""All physical memory at one place, and what is added to it later."""

from kernel.boot.record import BootRecord
from kernel.cpu.pagetable import PAGE, PageFlags, PageShift
from kernel.errno import Errno
from kernel.mm.kernelspace import KernelSpace
from kernel.mm.mapper import Mapper
from kernel.mm.registerclaims import RegisterClaims
from kernel.paging.addresses import direct
from kernel.paging.entryformat import EntryFormat
from kernel.paging.permissions import DEVICE, FRAMEBUFFER, READ
from kernel.paging.walk import PageWalk
from kernel.structures.alignment import round_down, round_up
from pykasm import *


class DirectMap(Subsystem):
    """Adds firmware tables and device registers to the direct map (`Area.DIRECT_MAP`).

    Nothing is taken out again. Context: thread; before there are other processors, any.
    """

    def __init__(
        self,
        record: BootRecord,
        entries: EntryFormat,
        kernel: KernelSpace,
        mapper: Mapper,
        walk: PageWalk,
        claims: RegisterClaims,
    ) -> None:
        self.record = record
        self.entries = entries
        self.kernel = kernel
        self.mapper = mapper
        self.walk = walk
        self.claims = claims

    @function
    def map_read_only(self, start: U64, length: U64) -> U64:
        """Map `length` bytes at physical `start` for reading, such as tables of the firmware.

        Returns their address; 0 as `map` does.
        """
        tail(self.map, start, length, READ)

    @function
    def map_registers(self, start: Keep[U64], length: Keep[U64]) -> U64:
        """Map `length` bytes of device registers at physical `start`, uncached.

        Returns their address; or 0 if there can't be any, what is there is used otherwise, or no
        memory is left for page tables.
        """
        with if_(~self.can_be_registers(start, length)):
            ret(0)
        tail(self.map, start, length, DEVICE)

    @function(init=True)
    def claim(self, start: Keep[U64], length: Keep[U64]) -> Bool:
        """Claim `length` bytes of registers at physical `start` for one device alone, without
        mapping them. Return whether they can be there: where no memory is, no other device, and
        nothing that was read as a table."""
        with if_(~self.can_be_registers(start, length)):
            ret(False)
        address = scratch(start)
        direct(address)
        entry = self.walk.find(address)
        with if_((entry != 0) & ((entry & PageFlags.CACHE_DISABLE) == 0)):
            ret(False)
        tail(self.claims.claim, start, length)

    @function(init=True)
    def claim_registers(self, start: Keep[U64], length: Keep[U64]) -> U64:
        """Map `length` bytes of registers of one device alone at physical `start`, as
        `map_registers`. Return 0 as that does, and where those of another device are: then the
        table that tells of the place is wrong."""
        with if_(~self.claim(start, length)):
            ret(0)
        tail(self.map_registers, start, length)

    @function(init=True)
    def map_framebuffer(self, start: Keep[U64], length: Keep[U64]) -> OrErrno[I32]:
        """Map `length` bytes of a framebuffer at physical `start`, where nothing is mapped, so that
        stores to it are combined. Return 0, or an error: there can't be one, or no memory is left
        for page tables."""
        with if_(~self.can_be_registers(start, length)):
            ret(-Errno.EINVAL)
        add(length, start)
        round_down(start, PAGE)
        round_up(length, PAGE)
        sub(length, start)
        address = scratch(start)
        direct(address)
        kernel = address_of(self.kernel.space)
        tail(self.mapper.map, kernel, address, start, length, FRAMEBUFFER, self.entries.largest)

    @function(context="any")
    def find_registers(self, start: Keep[U64], length: U64) -> U64:
        """Return the address of just these `length` bytes of registers at physical `start`, if
        `claim_registers` has mapped them; 0 for others. Context: any."""
        with if_(~self.claims.has(start, length)):
            ret(0)
        direct(start)
        with if_(self.walk.is_mapped(start)):  # there may have been no memory for page tables
            ret(start)
        ret(0)

    @function
    def can_be_registers(self, start: U64, length: U64) -> Bool:
        """Return whether a device may answer at `length` bytes from physical `start` on, which is
        where no memory is. To be asked before touching a place that a table or a device tells."""
        mov(rax, self.entries.end)
        sub(rax, length)
        with if_(CF | (start > rax)):
            ret(False)
        last = scratch(U64)
        lea(last, bare[start + length - 1])
        ret(~self.record.has_memory(start, last))

    @function
    def map(self, start: U64, length: U64, flags: U64) -> U64:
        """Map the pages of `length` bytes at physical `start` that are not mapped yet, with
        `flags`.

        Returns the address of `start`; or 0 if there are no such physical addresses, if some are
        mapped without one of these flags, or if no memory is left for page tables.
        """
        # start + length could wrap around; end - length can't without CF
        mov(rax, self.entries.end)
        sub(rax, length)
        with if_(CF | (start > rax)):
            ret(0)
        start, page, end, flags = keep(start), keep(start), keep(length), keep(flags)
        add(end, start)
        round_down(page, PAGE)
        with while_(page < end):
            with if_(~self._map_page(page, flags)):
                ret(0)
            add(page, PAGE)
        direct(start)
        ret(start)

    @function
    def _map_page(self, page: Keep[U64], flags: Keep[U64]) -> Bool:
        """Map the page at physical `page` with `flags`, if it is not mapped yet. Returns whether it
        is mapped so now."""
        address = keep(page)
        direct(address)
        entry = self.walk.find(address)
        with if_(entry != 0):
            and_(flags, self.entries.allowed)
            and_(entry, flags)
            ret(entry == flags)
        kernel = address_of(self.kernel.space)
        failed = self.mapper.map(kernel, address, page, PAGE, flags, PageShift.PAGE)
        # -EEXIST is success: another thread was faster
        ret(failed != -Errno.ENOMEM)
