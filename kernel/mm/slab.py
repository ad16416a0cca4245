"""Blocks of pages cut into objects of one size (Bonwick, The Slab Allocator, 1994)."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.locks.spinlock import SpinLock
from kernel.mm.frames import Frame, frame_of
from kernel.mm.pages import Pages
from kernel.mm.redzone import REDZONE_SIZE, RedZones
from kernel.paging.addresses import Area, direct
from kernel.structures.list import ListHead, container
from pykasm import *

ALIGNMENT = 16
"""Bytes; that of every object."""

LEAST_PER_SLAB = 8
"""Objects for which a slab of one page must have room, or it gets more pages."""


class Slab(Struct):
    """The head of a block of pages with objects of a cache; the numbers of the free ones follow
    as a list, and then the objects."""

    link: ListHead
    """In `Cache.partial`, as long as there are free objects."""
    cache: Ptr[Cache]
    used: U32
    """Objects that are not free; those in magazines count as used."""
    first_free: U32
    """The number of the first free object; `Cache.per_slab` if there is none."""
    next_free: Array[U16] = field(count=0)
    """For each free object: the number of the one behind it."""


class Cache(Struct):
    """Objects of one size, in slabs and in the magazines of processors."""

    lock: SpinLock
    order: U8
    """log2 of the pages of a slab."""
    per_slab: U32
    """Objects in each."""
    first_object: U32
    """Where they begin in it, in bytes."""
    object_size: U32
    """Bytes that users ask for."""
    slot_size: U32
    """Bytes from one object to the next."""
    name: Ptr[U8]
    magazine: U64
    """Where each processor's magazine is in its block of variables."""
    listed: ListHead
    """In `Slabs.caches`."""
    partial: ListHead = field(guarded_by="lock")
    """Slabs that have free objects, by `Slab.link`; empty ones last."""
    slabs: U64 = field(guarded_by="lock")
    used: U64 = field(guarded_by="lock")
    """Objects that are not free in all slabs."""


class SlabLayer(Subsystem):
    """Gives and takes the objects of a cache's slabs, one at a time, with the cache's lock held.
    Context: any."""

    def __init__(self, pages: Pages, zones: RedZones) -> None:
        self.pages = pages
        self.zones = zones

    @function
    def lay_out(self, cache: Ptr[Cache]) -> None:
        """Work out how the objects of `cache`, which has none yet, lie in its slabs."""
        with unshared(cache):
            cache.partial.reset()
        mov(eax, cache.object_size)
        add(eax, (REDZONE_SIZE if debugging() else 0) + ALIGNMENT - 1)
        and_(eax, -ALIGNMENT)
        mov(cache.slot_size, eax)
        mov(cache.order, 0)
        with loop():
            mov(ecx, cache.slot_size)
            add(ecx, sizeof(U16))
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

    @function(holds="Cache.lock")
    def take(self, cache: Keep[Ptr[Cache]]) -> U64:
        """An object of a slab of `cache`, or 0."""
        with if_(cache.partial.is_empty()):
            grown = self.grow(cache)
            with if_(grown == 0):
                ret(0)
        slab = keep(container(cache.partial.next, Slab, "link"))
        inc(cache.used)
        inc(slab.used)
        mov(eax, slab.first_free)
        movzx(ecx, slab.next_free[rax])
        mov(slab.first_free, ecx)
        object = self._object(slab, cache)
        with if_(ecx == cache.per_slab):
            slab.link.unlink()
        ret(object)

    def _object(self, slab: Ptr[Slab], cache: Ptr[Cache]) -> U64:
        """The address of the object whose number is in eax. Changes rax."""
        object = scratch(U64)
        mov(u32(object), cache.slot_size)
        imul(object, rax)
        mov(eax, cache.first_object)
        add(object, rax)
        add(object, slab)
        return object

    @function(holds="Cache.lock")
    def give(self, cache: Keep[Ptr[Cache]], object: U64) -> None:
        """Take an object back into its slab. The pages of a slab that is empty go back, unless it
        is the only one which has free objects."""
        slab = keep(Ptr[Slab])
        mov(slab, self._slab_of(object))
        mov(rax, object)
        self._number(slab, cache)
        mov(ecx, slab.first_free)
        mov(slab.next_free[rax], cx)
        mov(slab.first_free, eax)
        dec(cache.used)
        dec(slab.used)
        with if_(ecx == cache.per_slab):
            self._link(cache, slab)
        with if_(slab.used == 0):
            lea(rax, slab.link)
            with if_((cache.partial.next != rax) | (cache.partial.previous != rax)):
                self.give_back(cache, slab)

    def _number(self, slab: Ptr[Slab], cache: Ptr[Cache]) -> None:
        """From the address of an object in rax to its number in eax. Changes rcx and rdx."""
        sub(rax, slab)
        mov(ecx, cache.first_object)
        sub(rax, rcx)
        xor(edx, edx)
        mov(ecx, cache.slot_size)
        div(ecx)

    def _slab_of(self, object: U64) -> Ptr[Slab]:
        """The slab that the object at this address is in."""
        mov(rax, Area.DIRECT_MAP)
        mov(rcx, object)
        sub(rcx, rax)
        and_(rcx, -PAGE)
        mov(rcx, frame_of(rcx).owner)
        return cast(rcx, Ptr[Slab])

    def _link(self, cache: Ptr[Cache], slab: Ptr[Slab]) -> None:
        """Put a slab that has free objects in front. Changes rax, rcx and a scratch register."""
        link = scratch(Ptr[ListHead])
        lea(link, slab.link)
        cache.partial.prepend(link)
        release(link)

    @function
    def check(self, cache: Keep[Ptr[Cache]], object: Keep[U64]) -> None:
        """In debug builds: see that `object` is one of `cache`."""
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
            div(rcx)
            mov(ecx, cache.per_slab)
            with if_((rdx != 0) | (rax >= rcx)):
                self.zones.report(object, cache.name, text("is freed but is not where one begins"))

    # Slabs

    @function(holds="Cache.lock")
    def grow(self, cache: Keep[Ptr[Cache]]) -> U32:
        """Get pages for another slab; 1, or 0 if there are none."""
        slab = keep(Ptr[Slab])
        movzx(edi, cache.order)
        mov(u64(slab), self.pages.allocate(edi))
        with if_(slab == 0):
            ret(0)
        direct(u64(slab))
        self._claim(slab, cache.order, slab)
        mov(slab.cache, cache)
        mov(slab.used, 0)
        mov(slab.first_free, 0)
        xor(eax, eax)
        with while_(eax < cache.per_slab):
            lea(ecx, bare[rax + 1])
            mov(slab.next_free[rax], cx)
            mov(eax, ecx)
        inc(cache.slabs)
        self._link(cache, slab)
        if debugging():
            self.paint(cache, slab)
        ret(1)

    def _claim(self, slab: Ptr[Slab], order: U8, owner: object) -> None:
        """Let the records of all pages of a block say whose they are. Changes rax, rcx, rdx."""
        mov(rax, Area.DIRECT_MAP)
        mov(rdx, slab)
        sub(rdx, rax)
        frame = frame_of(rdx)
        movzx(ecx, order)
        mov(eax, 1)
        shl(eax, cl)
        with while_(eax != 0):
            mov(frame.owner, owner)
            add(frame, sizeof(Frame))
            dec(eax)

    @function
    def paint(self, cache: Keep[Ptr[Cache]], slab: Ptr[Slab]) -> None:
        """In debug builds: let all objects of a new slab look free."""
        object, left = keep(U64), keep(U32)
        mov(u32(object), cache.first_object)
        add(object, slab)
        with for_(left, 0, cache.per_slab):
            self.zones.fill_free(object, cache.object_size, cache.slot_size)
            mov(eax, cache.slot_size)
            add(object, rax)

    @function(holds="Cache.lock")
    def give_back(self, cache: Ptr[Cache], slab: Ptr[Slab]) -> None:
        """Give the pages of a slab back, all of whose objects are free."""
        cache, slab = scratch(cache), scratch(slab)
        slab.link.unlink()
        dec(cache.slabs)
        self._claim(slab, cache.order, 0)
        mov(rax, Area.DIRECT_MAP)
        mov(rdi, slab)
        sub(rdi, rax)
        movzx(esi, cache.order)
        tail(self.pages.free, rdi, esi)

    @function(holds="Cache.lock")
    def drop_empty(self, cache: Ptr[Cache]) -> None:
        """Give an empty slab back, if one is left; there is at most one."""
        with if_(~cache.partial.is_empty()):
            slab = container(scratch(cache.partial.previous), Slab, "link")
            with if_(slab.used == 0):
                self.give_back(cache, slab)
