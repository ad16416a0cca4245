"""The slab layer: objects in and out of slabs (Bonwick, The Slab Allocator, 1994)."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.mm.frames import Frame, frame_at
from kernel.mm.objectcache import ObjectCache
from kernel.mm.pages import Pages
from kernel.mm.redzone import REDZONE_SIZE, RedZones
from kernel.mm.slab import Slab
from kernel.paging.addresses import direct, physical_of
from pykasm import *

ALIGNMENT = 16
"""Bytes; that of every object."""

LEAST_PER_SLAB = 8
"""Objects for which a slab of one page must have room, or it gets more pages."""


class SlabLayer(Subsystem):
    """Allocates and frees objects of a cache's slabs one by one. Context: any."""

    def __init__(self, pages: Pages, zones: RedZones) -> None:
        self.pages = pages
        self.zones = zones

    @function
    def compute_layout(self, cache: Ptr[ObjectCache]) -> None:
        """Compute how the objects of `cache`, which has none yet, lie in its slabs."""
        with unshared(cache):
            cache.partial.reset()
        mov(eax, cache.object_size)
        add(eax, (REDZONE_SIZE if debugging() else 0) + ALIGNMENT - 1)
        and_(eax, -ALIGNMENT)
        mov(cache.slot_size, eax)
        mov(cache.order, 0)
        with loop():
            mov(ecx, cache.slot_size)
            add(ecx, sizeof(U16))  # its number in the list of free ones
            mov(eax, PAGE)
            size = scratch(U32)
            mov(size, ecx)
            movzx(ecx, cache.order)
            shl(eax, cl)
            sub(eax, sizeof(Slab) + ALIGNMENT)
            xor(edx, edx)
            div(size)
            release(size)
            break_if(eax >= LEAST_PER_SLAB)
            inc(cache.order)
        mov(cache.per_slab, eax)
        lea(eax, bare[rax * sizeof(U16) + sizeof(Slab) + ALIGNMENT - 1])
        and_(eax, -ALIGNMENT)
        mov(cache.first_object, eax)

    # Objects

    @function(holds="ObjectCache.lock")
    def allocate(self, cache: Keep[Ptr[ObjectCache]]) -> Owned[OrNull[U64]]:
        """Allocate an object of a slab of `cache`; 0 if there is no memory."""
        with if_(cache.partial.is_empty()), if_(~self._add_slab(cache)):
            ret(0)
        slab = keep(container_of(cache.partial.next, Slab, "link"))
        inc(cache.used)
        inc(slab.used)
        number, next = scratch(slab.first_free), scratch(U32)
        movzx(next, slab.next_free[number])
        mov(slab.first_free, next)
        object = self._object(slab, cache, number)
        with if_(next == cache.per_slab):  # that was the last one
            slab.link.unlink()
        ret(object)

    @inline(changes=rax)
    def _object(self, slab: Ptr[Slab], cache: Ptr[ObjectCache], number: U32) -> U64:
        """Return the address of the object with this `number`, in a scratch register."""
        object = scratch(U64)
        mov(u32(object), cache.slot_size)
        imul(object, u64(number))
        mov(eax, cache.first_object)
        add(object, rax)
        add(object, slab)
        return object

    @function(holds="ObjectCache.lock")
    def free(self, cache: Keep[Ptr[ObjectCache]], object: Owned[U64]) -> None:
        """Free an object of `cache` into its slab. A slab that is empty by that is freed, unless it
        is the only one which has free objects."""
        slab = keep(self._slab_of(object))
        number, next = self._number(object, slab, cache), scratch(slab.first_free)
        disown(object, "it is free, by its number")
        mov(slab.next_free[number], u16(next))
        mov(slab.first_free, number)
        dec(cache.used)
        dec(slab.used)
        with if_(next == cache.per_slab):  # it had no free one before
            self._add_partial(cache, slab)
        with if_(slab.used == 0):
            # Alone in the list: both links of its head lead to it
            lea(rax, slab.link)
            with if_((cache.partial.next != rax) | (cache.partial.previous != rax)):
                self._free_slab(cache, slab)

    @inline(changes=(rax, rcx, rdx))
    def _number(self, object: U64, slab: Ptr[Slab], cache: Ptr[ObjectCache]) -> U32:
        """Return the number of the object at this address."""
        mov(rax, object)
        sub(rax, slab)
        mov(ecx, cache.first_object)
        sub(rax, rcx)
        xor(edx, edx)
        mov(ecx, cache.slot_size)
        div(ecx)
        return eax

    @inline(changes=rcx)
    def _slab_of(self, object: U64) -> Ptr[Slab]:
        """Return the slab that the object at this address is in."""
        mov(rcx, object)
        mov(rcx, frame_at(rcx).owner)
        return rcx

    @inline(changes=(rax, rcx))
    def _add_partial(self, cache: Ptr[ObjectCache], slab: Ptr[Slab]) -> None:
        """Put a slab that has free objects first."""
        link = scratch(address_of(slab.link))
        cache.partial.prepend(link)
        release(link)

    @function
    def check_object(self, cache: Keep[Ptr[ObjectCache]], object: Keep[U64]) -> None:
        """Panic unless `object` is one of `cache`. For debug builds."""
        slab = self._slab_of(object)
        with if_((slab == 0) | (slab.cache != cache)):
            self.zones.report(object, cache.name, text("is freed but belongs to another cache"))
        with else_():
            mov(rax, object)
            sub(rax, u64(slab))
            mov(ecx, cache.first_object)
            sub(rax, rcx)
            xor(edx, edx)
            mov(ecx, cache.slot_size)
            div(rcx)  # by 64 bits: before the first object the difference is negative, so huge
            mov(ecx, cache.per_slab)
            with if_((rdx != 0) | (rax >= rcx)):
                self.zones.report(object, cache.name, text("is freed but is not where one begins"))

    # Slabs

    @function(holds="ObjectCache.lock")
    def _add_slab(self, cache: Keep[Ptr[ObjectCache]]) -> Bool:
        """Allocate another slab. Returns whether there was memory for it."""
        order = scratch(U32)
        movzx(order, cache.order)
        slab = keep(cast(try_(self.pages.allocate(order)), Ptr[Slab]))
        direct(u64(slab))
        self._set_owner(slab, cache.order, slab)
        mov(slab.cache, cache)
        mov(slab.used, 0)
        mov(slab.first_free, 0)
        xor(eax, eax)
        with while_(eax < cache.per_slab):
            lea(ecx, bare[rax + 1])
            mov(slab.next_free[rax], cx)
            mov(eax, ecx)
        inc(cache.slabs)
        self._add_partial(cache, slab)
        disown(slab, "the cache's list leads to it")
        if debugging():
            self._poison_objects(cache, slab)
        ret(True)

    @inline(changes=(rax, rcx, rdx))
    def _set_owner(self, slab: Ptr[Slab], order: U8, owner: object) -> None:
        """Set `Frame.owner` of all pages of a block, by which objects find their slab."""
        mov(rdx, slab)
        frame = frame_at(rdx)
        movzx(ecx, order)
        mov(eax, 1)
        shl(eax, cl)
        with while_(eax != 0):
            mov(frame.owner, owner)
            add(frame, sizeof(Frame))
            dec(eax)

    @function
    def _poison_objects(self, cache: Keep[Ptr[ObjectCache]], slab: Ptr[Slab]) -> None:
        """Fill all objects of a new slab as free ones. For debug builds."""
        object, left = keep(U64), keep(U32)
        mov(u32(object), cache.first_object)
        add(object, slab)
        with for_(left, 0, cache.per_slab):
            self.zones.fill_free(object, cache.object_size, cache.slot_size)
            mov(eax, cache.slot_size)
            add(object, rax)

    @function(holds="ObjectCache.lock")
    def _free_slab(self, cache: Ptr[ObjectCache], slab: Ptr[Slab]) -> None:
        """Free the pages of a slab, all of whose objects are free."""
        slab.link.unlink()
        dec(cache.slabs)
        self._set_owner(slab, cache.order, 0)
        physical, order = scratch(u64(slab)), scratch(U32)
        physical_of(physical)
        movzx(order, cache.order)
        tail(self.pages.free, physical, order)

    @function(holds="ObjectCache.lock")
    def free_empty(self, cache: Ptr[ObjectCache]) -> None:
        """Free an empty slab, if there is one; there is at most one."""
        with if_(~cache.partial.is_empty()):
            slab = container_of(scratch(cache.partial.previous), Slab, "link")
            with if_(slab.used == 0):
                self._free_slab(cache, slab)
