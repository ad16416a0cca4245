"""The buddy allocator: blocks of 2^n pages that are split and joined again (Knuth, The Art of
Computer Programming, vol. 1, 2.5)."""

from kernel.mm.frames import Frame, FrameState
from kernel.mm.zone import MAX_ORDER, ORDERS, Zone
from kernel.structures.list import ListHead, container
from pykasm import *


class Buddy(Subsystem):
    """Blocks of one zone, in and out. Context: any, with the zone's lock held.

    The record of a block's first page says whether it is free, and of which order. A block's buddy
    is never of a larger order than it, so where that begins with a record, it was written when the
    two were split; `Sections` sees to the first ones.
    """

    @function
    def start(self, zone: Ptr[Zone], next: U64, end: U64) -> None:
        """Make `zone` an empty one, whose sections from physical `next` up to `end` are closed."""
        with unshared(zone):
            mov(zone.next, next)
            mov(zone.end, end)
            head = scratch(Ptr[ListHead])
            lea(head, zone.free)
            with for_(scratch(U32), 0, ORDERS):
                head[0].reset()
                add(head, sizeof(ListHead))

    @function(holds="zone.lock")
    def take(self, zone: Keep[Ptr[Zone]], order: Keep[U32]) -> Ptr[Frame]:
        """A block of `order`, the smallest that will do, split until it fits; null if none does."""
        size = keep(U32)
        mov(eax, zone.orders)
        mov(ecx, order)
        shr(eax, cl)
        shl(eax, cl)
        with if_(eax == 0):
            ret(0)
        mov(size, order)  # stays if there is no bit, which can't be
        bsf(size, eax)
        frame = keep(Ptr[Frame])
        point_at(rcx, zone.free, size)
        mov(frame, container(cast(rcx, Ptr[ListHead]).next, Frame, "link"))
        self.unlink(zone, frame, size)
        with while_(size > order):
            dec(size)
            self._distance(size)
            add(rax, frame)
            self.link(zone, cast(rax, Ptr[Frame]), size)
        mov(frame.state, FrameState.ALLOCATED)
        mov(frame.order, u8(order))
        ret(frame)

    def _distance(self, order: U32) -> None:
        """How far the records of two buddies of `order` lie apart, in rax. Changes rcx."""
        mov(ecx, order)
        mov(eax, sizeof(Frame))
        shl(rax, cl)

    @function(holds="zone.lock")
    def give(self, zone: Keep[Ptr[Zone]], frame: Keep[Ptr[Frame]], order: Keep[U32]) -> None:
        """Take the block of `order` that begins with `frame` back, and join it with its buddy for
        as long as that is free."""
        buddy = keep(Ptr[Frame])
        with while_(order < MAX_ORDER):
            mov(frame.state, FrameState.INNER)
            self._distance(order)
            mov(buddy, frame)
            xor(u64(buddy), rax)
            break_if((buddy.state != FrameState.FREE) | (buddy.order != u8(order)))
            self.unlink(zone, buddy, order)
            mov(buddy.state, FrameState.INNER)
            with if_(buddy < frame):
                mov(frame, buddy)
            inc(order)
        tail(self.link, zone, frame, order)

    @function(holds="zone.lock")
    def link(self, zone: Ptr[Zone], frame: Ptr[Frame], order: U32) -> None:
        """Put a free block of `order` into its list."""
        mov(frame.state, FrameState.FREE)
        mov(frame.order, u8(order))
        head, link = scratch(Ptr[ListHead]), scratch(Ptr[ListHead])
        point_at(head, zone.free, order)
        lea(link, frame.link)
        head[0].prepend(link)
        inc(zone.blocks[order])
        self._pages(order)
        or_(zone.orders, eax)
        add(zone.free_pages, rax)

    @function(holds="zone.lock")
    def unlink(self, zone: Ptr[Zone], frame: Ptr[Frame], order: U32) -> None:
        """Take a free block of `order` out of its list."""
        frame.link.unlink()
        self._pages(order)
        sub(zone.free_pages, rax)
        dec(zone.blocks[order])
        with if_(ZF):
            xor(zone.orders, eax)

    def _pages(self, order: U32) -> None:
        """The pages of a block of `order`, which is also the order's bit, in rax. Changes rcx."""
        mov(ecx, order)
        mov(eax, 1)
        shl(rax, cl)
