"""The buddy allocator: blocks of 2^n pages that are split and joined again (Knuth, The Art of
Computer Programming, vol. 1, 2.5)."""

from kernel.mm.frames import Frame, FrameState
from kernel.mm.zone import MAX_ORDER, ORDERS, Zone
from kernel.structures.list import ListHead
from pykasm import *


class Buddy(Subsystem):
    """Allocates and frees blocks of one zone. Context: any.

    The record of a block's first page says whether it is free, and of which order. A block's buddy
    is never of a larger order than it, so where that begins with a record, it was written when the
    two were split; `FrameTable` sees to the first ones.
    """

    @function
    def start(self, zone: Ptr[Zone], next: U64, end: U64) -> None:
        """Initialize `zone` without blocks, with unopened sections from physical `next` up to
        `end`."""
        with unshared(zone):
            mov(zone.next_section, next)
            mov(zone.end, end)
            head = scratch(address_of(zone.free_lists))
            with for_(scratch(U32), 0, ORDERS):
                at(head).reset()
                add(head, sizeof(ListHead))

    @function(holds="zone.lock")
    def allocate(self, zone: Keep[Ptr[Zone]], order: Keep[U32]) -> Owned[OrNull[Ptr[Frame]]]:
        """Allocate a block of `order`: the smallest that will do, split until it fits. Returns the
        record of its first page, or null."""
        size = keep(U32)
        orders = scratch(zone.orders)
        mov(ecx, order)
        shr(orders, cl)  # out and in again: clears the bits of smaller orders
        shl(orders, cl)
        fail_if(orders == 0)
        mov(size, order)  # `bsf` leaves its result as it was if there is no bit, which can't be
        bsf(size, orders)
        head = scratch(Ptr[ListHead])
        point_at(head, zone.free_lists, size)
        frame = keep(container_of(head.next, Frame, "link"))
        self._remove(zone, frame, size)
        take_over(frame, "no list has it any more")
        with while_(size > order):  # the upper half goes back to the lists
            dec(size)
            upper = self._distance(size)
            add(upper, frame)
            self.insert(zone, cast(upper, Ptr[Frame]), size)
        mov(frame.state, FrameState.ALLOCATED)
        mov(frame.order, u8(order))
        ret(frame)

    @inline(changes=(rax, rcx))
    def _distance(self, order: U32) -> U64:
        """Return the distance of the records of two buddies of `order`."""
        mov(ecx, order)
        mov(eax, sizeof(Frame))
        shl(rax, cl)
        return rax

    @function(holds="zone.lock")
    def free(self, zone: Keep[Ptr[Zone]], frame: Keep[Owned[Ptr[Frame]]], order: Keep[U32]) -> None:
        """Free the block of `order` that begins with `frame`, joined with its buddy for as long as
        that is free."""
        buddy = keep(Ptr[Frame])
        disown(frame, "it is free")
        with while_(order < MAX_ORDER):
            mov(frame.state, FrameState.INNER)
            # Blocks are aligned to their size, and so are their records: buddies differ in one bit
            distance = self._distance(order)
            mov(buddy, frame)
            xor(u64(buddy), distance)
            break_if((buddy.state != FrameState.FREE) | (buddy.order != u8(order)))
            self._remove(zone, buddy, order)
            mov(buddy.state, FrameState.INNER)
            with if_(buddy < frame):
                mov(frame, buddy)
            inc(order)
        tail(self.insert, zone, frame, order)

    @function(holds="zone.lock")
    def insert(self, zone: Ptr[Zone], frame: Ptr[Frame], order: U32) -> None:
        """Put a free block of `order` into its list."""
        mov(frame.state, FrameState.FREE)
        mov(frame.order, u8(order))
        head, link = scratch(Ptr[ListHead]), scratch(address_of(frame.link))
        point_at(head, zone.free_lists, order)
        at(head).prepend(link)
        inc(zone.free_blocks[order])
        pages = self._pages(order)
        or_(zone.orders, u32(pages))
        add(zone.free_pages, pages)

    @function(holds="zone.lock")
    def _remove(self, zone: Ptr[Zone], frame: Ptr[Frame], order: U32) -> None:
        """Take a free block of `order` out of its list."""
        frame.link.unlink()
        pages = self._pages(order)
        sub(zone.free_pages, pages)
        dec(zone.free_blocks[order])
        with if_(ZF):
            xor(zone.orders, u32(pages))

    @inline(changes=(rax, rcx))
    def _pages(self, order: U32) -> U64:
        """Return the pages of a block of `order`, which is also the order's bit in
        `Zone.orders`."""
        mov(ecx, order)
        mov(eax, 1)
        shl(rax, cl)
        return rax
