"""Small records for the memory manager itself, which can't ask the heap that stands on it."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.mm.frames import Frame, frame_at, frame_of, page_of
from kernel.mm.pages import Pages
from kernel.paging.addresses import direct
from kernel.structures.list import ListHead
from pykasm import *


class RecordPool(Subsystem):
    """Allocates and frees records of one `kind`, as many to a page as fit.

    Of a page, `FrameUses.records` counts the records in use, and `Frame.owner` leads to the first
    that is free, whose first word leads to the next. A page without any in use is freed. Context:
    any, under a lock of the user's.
    """

    partial = bss(ListHead, elements="Frame.link")
    """Pages that have free records, by `Frame.link`."""

    def __init__(self, pages: Pages, kind: type[Struct]) -> None:
        self.pages = pages
        self.size = sizeof(kind)

    @function(init=True)
    def start(self) -> None:
        """Start without any page."""
        self.partial.reset()

    @function
    def allocate(self) -> Owned[OrNull[U64]]:
        """Allocate a record, not cleared. Returns its address; 0 if there is no memory."""
        with if_(self.partial.is_empty()), if_(~self._add_page()):
            ret(0)
        frame, record = scratch(Ptr[Frame]), scratch(U64)
        # The first page in the list, until it is full: the others may become empty
        first = scratch(self.partial.next)
        mov(frame, container_of(first, Frame, "link"))
        inc(frame.uses.records)
        mov(record, frame.owner)
        mov(rax, u64[record])
        mov(frame.owner, rax)
        with if_(rax == 0):  # that was the last one
            frame.link.unlink()
        take_over(record, "the list of its page had it")
        ret(record)

    @function
    def _add_page(self) -> Bool:
        """Add a page of free records. Returns whether there was memory for it."""
        page = self.pages.allocate_page()
        with if_(page == 0):
            ret(False)
        disown(page, "its record leads to it")
        frame, record, last = scratch(Ptr[Frame]), scratch(page), scratch(U64)
        mov(frame, frame_of(rax))
        direct(record)
        mov(frame.uses.records, 0)
        mov(frame.owner, record)
        lea(last, bare[record + (PAGE // self.size - 1) * self.size])
        with while_(record != last):
            lea(rax, bare[record + self.size])
            mov(u64[record], rax)
            mov(record, rax)
        mov(u64[record], 0)
        link = scratch(address_of(frame.link))
        self.partial.prepend(link)
        ret(True)

    @function
    def free(self, record: Owned[U64]) -> None:
        """Free the record at this address."""
        page = scratch(record)
        frame = frame_at(page)
        link = scratch(address_of(frame.link))
        mov(rax, frame.owner)
        mov(u64[record], rax)
        with if_(rax == 0):  # it had no free record before
            self.partial.prepend(link)
        mov(frame.owner, record)
        disown(record, "it is free")
        dec(frame.uses.records)
        with if_(ZF):
            at(link).unlink()
            tail(self.pages.free_page, page_of(frame))
