"""Mapping and unmapping addresses."""

from __future__ import annotations

from kernel.cpu.pagetable import PageShift
from kernel.mm.entrychanger import EntryChanger
from kernel.mm.entryfiller import EntryFiller
from kernel.mm.mappingrequest import MappingRequest
from kernel.mm.pagetables import PageTables
from kernel.paging.entryformat import EntryFormat
from kernel.paging.space import Space
from kernel.smp.tlb import Tlb
from pykasm import *


class Mapper(Subsystem):
    """Maps, unmaps and protects addresses of a space, for all processors.

    Who uses which address is up to others; two calls for the same address at one time are a
    mistake, calls for different ones are not. Addresses, lengths and physical addresses are
    multiples of the page size. Context: thread, without spin locks.
    """

    def __init__(
        self,
        entries: EntryFormat,
        filler: EntryFiller,
        changer: EntryChanger,
        tables: PageTables,
        tlb: Tlb,
    ) -> None:
        self.entries = entries
        self.filler = filler
        self.changer = changer
        self.tables = tables
        self.tlb = tlb

    @function
    def map(
        self,
        space: Keep[Ptr[Space]],
        address: U64,
        target: U64,
        length: U64,
        flags: U64,
        largest: U32,
    ) -> OrErrno[I32]:
        """Map `length` bytes from `address` on to physical `target`, by pages of up to `largest`
        (a `PageShift`), with `flags` (`PageFlags`).

        Returns 0; or -ENOMEM, or -EEXIST if something is mapped there, and nothing has changed.
        -ENOMEM too, once there are other spaces, for an address of the kernel's that they would
        not see.
        """
        request, first = local(MappingRequest), keep(address)
        mov(request.address, first)
        add(length, first)
        mov(request.end, length)
        mov(request.target, target)
        and_(flags, self.entries.allowed)
        mov(request.flags, flags)
        mov(request.largest, u64(largest))
        mov(request.empty, 0)
        with space.lock.held():
            result = self.filler.fill(space, request)
        # What was not present is not cached and needs no flush (Intel SDM vol. 3A, 4.10.4.3). But
        # while another thread frees a table, processors may still look into that one.
        with if_(space.freeing_tables != 0):
            pages = scratch(request.end)
            sub(pages, first)
            shr(pages, PageShift.PAGE)
            self.tlb.invalidate(space, first, pages)
        with if_(result != 0):
            mapped = scratch(request.address)
            sub(mapped, first)
            ignore(self.unmap(space, first, mapped), "it ends as it was mapped: nothing is split")
            self.tlb.invalidate(space, first, 1)  # a processor may know the tables that led nowhere
            self.tables.free_chain(request.empty)
        ret(result)

    @function
    def unmap(self, space: Ptr[Space], address: U64, length: U64) -> OrErrno[I32]:
        """Unmap `length` bytes from `address` on, of which not all need be mapped. No processor
        knows them when it returns.

        Returns 0; or -ENOMEM if a larger page could not be split, with some of them unmapped.
        """
        tail(self._change, space, address, length, 0)

    @function
    def protect(self, space: Ptr[Space], address: U64, length: U64, flags: U64) -> OrErrno[I32]:
        """Give what is mapped of `length` bytes from `address` on the permissions `flags`.

        Returns 0; or -ENOMEM if a larger page could not be split, with some of them changed.
        """
        and_(flags, self.entries.allowed)
        tail(self._change, space, address, length, flags)

    @function
    def _change(
        self, space: Keep[Ptr[Space]], address: U64, length: U64, flags: U64
    ) -> OrErrno[I32]:
        """Give the addresses new permissions, or unmap them if `flags` is 0."""
        request = local(MappingRequest)
        first, pages = keep(address), keep(length)
        mov(request.address, first)
        lea(rax, bare[first + pages])
        mov(request.end, rax)
        mov(request.flags, flags)
        mov(request.empty, 0)
        shr(pages, PageShift.PAGE)
        with space.lock.held():
            result = self.changer.change(space, request)
            with if_(request.empty != 0):
                lock.inc(space.freeing_tables)
        # Tables are freed after the flush: a processor that walks them must not find other data
        self.tlb.invalidate(space, first, pages)
        with if_(request.empty != 0):
            lock.dec(space.freeing_tables)
            self.tables.free_chain(request.empty)
        ret(result)
