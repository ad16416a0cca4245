"""Memory for many objects of one size (Bonwick, The Slab Allocator, 1994; Bonwick and Adams,
Magazines and Vmem, 2001)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kernel.cpu.percpu import PerCpu
from kernel.cpu.uninterrupted import uninterrupted
from kernel.mm.addresses import Area, direct
from kernel.mm.frames import Frame, frame_of
from kernel.mm.pages import Pages
from kernel.mm.pagetable import PAGE
from kernel.mm.redzone import REDZONE_SIZE, RedZones
from kernel.mm.shortage import Shortage
from kernel.structures.list import ListHead, container
from kernel.sync.spinlock import SpinLock
from pykasm import *

MAGAZINE_SIZE = 30
"""Free objects of a cache that a processor keeps for itself at most."""

BATCH = MAGAZINE_SIZE // 2
"""Objects that go into or out of a magazine at once."""

ALIGNMENT = 16
"""Bytes; that of every object."""

LEAST_PER_SLAB = 8
"""Objects for which a slab of one page must have room, or it gets more pages."""


class Magazine(Struct):
    """Free objects of a cache for one processor, used like a stack."""

    count: U64
    objects: Array[U64] = field(count=MAGAZINE_SIZE)


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
    partial: ListHead
    """Slabs that have free objects, by `Slab.link`; empty ones last."""
    slabs: U64
    used: U64
    """Objects that are not free in all slabs."""


class SlabCache(Component):
    """A cache for objects of `size` bytes, or of the type `kind`, to be declared where they are
    used: `self.threads = SlabCache(slabs, "thread", Thread)`."""

    cached = percpu(Magazine)

    def __init__(self, slabs: Slabs, name: str, kind: Any) -> None:
        size = kind if isinstance(kind, int) else sizeof(kind)
        self.kind = U64 if isinstance(kind, int) else Ptr[kind]
        self.cache = data(Cache, Cache(name=name, object_size=size))
        self.slabs = slabs
        slabs.declared.append(self)

    def allocate(self) -> Any:
        """Emit a call that gives a new object, whose contents mean nothing, or null."""
        return cast(self.slabs.allocate(address_of(self.cache)), self.kind)

    def free(self, object: Any) -> None:
        """Emit a call that takes `object` back."""
        self.slabs.free(address_of(self.cache), u64(object))


class Slabs(Subsystem):
    """All caches. Without memory the result is null, and nothing has changed. Context: any."""

    caches = bss(ListHead)

    def __init__(self, pages: Pages, per_cpu: PerCpu, zones: RedZones, shortage: Shortage) -> None:
        self.pages = pages
        self.per_cpu = per_cpu
        self.zones = zones
        self.shortage = shortage
        self.declared: list[SlabCache] = []

    @function(init=True)
    def start(self) -> None:
        """Make all caches ready. They need no memory yet."""
        self.caches.reset()
        for one in self.declared:
            self.adopt(address_of(one.cache), address_of(one.cached))

    @function
    def adopt(self, cache: Ptr[Cache], magazine: U64) -> None:
        """Work out how the objects of `cache` lie in its slabs, and list it."""
        mov(cache.magazine, magazine)
        self._list(cache)
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

    def _list(self, cache: Ptr[Cache]) -> None:
        """Let `caches` have `cache`, which has no slabs. Changes rax and rcx."""
        link = scratch(Ptr[ListHead])
        cache.partial.reset()
        lea(link, cache.listed)
        self.caches.append(link)
        release(link)

    # The ways in and out

    @function
    def allocate(self, cache: Ptr[Cache]) -> U64:
        """An object of `cache`, or 0."""
        ret(self.allocated(cache))

    @function
    def free(self, cache: Ptr[Cache], object: U64) -> None:
        """Take `object` back, which `allocate` gave of the same `cache`."""
        self.freed(cache, object)

    def allocated(self, cache: Ptr[Cache]) -> U64:
        """The same in place, without a call as long as the magazine has objects."""
        return self.allocate_painted(cache) if debugging() else self._take(cache)

    def freed(self, cache: Ptr[Cache], object: U64) -> None:
        """The same in place."""
        if debugging():
            self.free_painted(cache, object)
        else:
            self._give(cache, object)

    def _take(self, cache: Ptr[Cache]) -> U64:
        """An object from this processor's magazine, filled up if need be. Changes rcx."""
        with uninterrupted():
            magazine = self._magazine(cache)
            mov(rcx, magazine.count)
            with if_(rcx != 0):
                dec(rcx)
                mov(magazine.count, rcx)
                mov(rax, magazine.objects[rcx])
            with else_():
                ignore(self.refill(cache))
        return u64(rax)

    def _give(self, cache: Ptr[Cache], object: U64) -> None:
        """Put `object` into this processor's magazine, with half of that going back if need be."""
        with uninterrupted():
            magazine = self._magazine(cache)
            mov(rcx, magazine.count)
            with if_(rcx != MAGAZINE_SIZE):
                mov(magazine.objects[rcx], object)
                inc(magazine.count)
            with else_():
                self.flush_and_put(cache, object)

    def _magazine(self, cache: Ptr[Cache]) -> Ptr[Magazine]:
        """This processor's magazine of `cache`. Context: interrupts off."""
        magazine = scratch(U64)
        mov(magazine, cache.magazine)
        add(magazine, self.per_cpu.block)
        return cast(magazine, Ptr[Magazine])

    @function
    def allocate_painted(self, cache: Ptr[Cache]) -> U64:
        """As `allocate`, in debug builds."""
        self.shortage.may_strike()
        cache = keep(cache)
        object = keep(self._take(cache))
        with if_(object != 0):
            self.zones.paint_new(object, cache.object_size, cache.slot_size, cache.name)
        ret(object)

    @function
    def free_painted(self, cache: Ptr[Cache], object: U64) -> None:
        """As `free`, in debug builds."""
        cache, object = keep(cache), keep(object)
        self.check(cache, object)
        self.zones.paint_free(object, cache.object_size, cache.slot_size, cache.name)
        self._give(cache, object)

    @function
    def check(self, cache: Ptr[Cache], object: U64) -> None:
        """In debug builds: see that `object` is one of `cache`."""
        cache, object = keep(cache), keep(object)
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
            with if_(rdx != 0):
                self.zones.report(object, cache.name, text("is freed but lies inside of one"))

    def _slab_of(self, object: U64) -> Ptr[Slab]:
        """The slab that the object at this address is in."""
        mov(rax, Area.DIRECT_MAP)
        mov(rcx, object)
        sub(rcx, rax)
        and_(rcx, -PAGE)
        mov(rcx, frame_of(rcx).owner)
        return cast(rcx, Ptr[Slab])

    # Between magazines and slabs

    @function
    def refill(self, cache: Ptr[Cache]) -> U64:
        """Put objects into this processor's empty magazine, and give one more; 0 if memory is out.
        Context: interrupts off."""
        cache, left, object = keep(cache), keep(U32), keep(U64)
        with cache.lock.held_uninterrupted():
            mov(object, self.take(cache))
            with if_(object != 0), for_(left, 0, BATCH):
                more = self.take(cache)
                break_if(more == 0)
                magazine = self._magazine(cache)
                mov(rcx, magazine.count)
                mov(magazine.objects[rcx], more)
                inc(magazine.count)
                release(magazine)
        ret(object)

    @function
    def flush_and_put(self, cache: Ptr[Cache], object: U64) -> None:
        """Give objects of this processor's full magazine back, and then put `object` into it.
        Context: interrupts off."""
        cache, object = keep(cache), keep(object)
        self.flush(cache, BATCH)
        magazine = self._magazine(cache)
        mov(rcx, magazine.count)
        mov(magazine.objects[rcx], object)
        inc(magazine.count)

    @function
    def flush(self, cache: Ptr[Cache], count: U32) -> None:
        """Give up to `count` objects of this processor's magazine back to their slabs. Context:
        interrupts off."""
        cache, left = keep(cache), keep(count)
        with cache.lock.held_uninterrupted(), while_(left != 0):
            magazine = self._magazine(cache)
            mov(rcx, magazine.count)
            break_if(rcx == 0)
            dec(rcx)
            mov(magazine.count, rcx)
            mov(rsi, magazine.objects[rcx])
            release(magazine)
            self.give(cache, rsi)
            dec(left)

    @function(holds="Cache.lock")
    def take(self, cache: Ptr[Cache]) -> U64:
        """An object of a slab of `cache`, or 0."""
        cache = keep(cache)
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
    def give(self, cache: Ptr[Cache], object: U64) -> None:
        """Take an object back into its slab. The pages of a slab that is empty go back, unless it
        is the only one which has free objects."""
        cache, slab = keep(cache), keep(Ptr[Slab])
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

    def _link(self, cache: Ptr[Cache], slab: Ptr[Slab]) -> None:
        """Put a slab that has free objects in front. Changes rax, rcx and a scratch register."""
        link = scratch(Ptr[ListHead])
        lea(link, slab.link)
        cache.partial.prepend(link)
        release(link)

    # Slabs

    @function(holds="Cache.lock")
    def grow(self, cache: Ptr[Cache]) -> U32:
        """Get pages for another slab; 1, or 0 if there are none."""
        cache, slab = keep(cache), keep(Ptr[Slab])
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
    def paint(self, cache: Ptr[Cache], slab: Ptr[Slab]) -> None:
        """In debug builds: let all objects of a new slab look free."""
        cache, object, left = keep(cache), keep(U64), keep(U32)
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

    # All together

    @contextmanager
    def each(self) -> Iterator[Ptr[Cache]]:
        """The block runs for each cache, whose address is in a kept register."""
        cache = keep(Ptr[Cache])
        mov(rax, self.caches.next)
        with loop():
            lea(rcx, self.caches)
            break_if(rax == rcx)
            mov(cache, container(cast(rax, Ptr[ListHead]), Cache, "listed"))
            yield cache
            mov(rax, cache.listed.next)
        release(cache)

    @function
    def used_count(self) -> U64:
        """Objects of all caches that are not free; those in magazines count as used."""
        sum = scratch(U64)
        xor(sum, sum)
        with self.each() as cache, cache.lock.held():
            add(sum, cache.used)
        ret(sum)

    @function
    def shrink(self) -> None:
        """Give back all memory that no object needs: this processor's magazines, and slabs that
        are empty."""
        with self.each() as cache:
            self.shrink_one(cache)

    @function
    def shrink_one(self, cache: Ptr[Cache]) -> None:
        """The same for a cache."""
        cache = keep(cache)
        with uninterrupted():
            self.flush(cache, MAGAZINE_SIZE)
        with cache.lock.held():
            self.drop_empty(cache)

    @function(holds="Cache.lock")
    def drop_empty(self, cache: Ptr[Cache]) -> None:
        """Give an empty slab back, if one is left; there is at most one."""
        with if_(~cache.partial.is_empty()):
            slab = container(scratch(cache.partial.previous), Slab, "link")
            with if_(slab.used == 0):
                self.give_back(cache, slab)
