"""Memory for many objects of one size, some of them at hand for each processor (Bonwick and Adams,
Magazines and Vmem, 2001)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from kernel.cpu.interruptflag import interrupts_disabled
from kernel.cpu.percpu import PerCpu
from kernel.mm.faultinjection import FaultInjection
from kernel.mm.objectcache import ObjectCache
from kernel.mm.redzone import RedZones
from kernel.mm.slablayer import SlabLayer
from kernel.structures.list import ListHead
from pykasm import *

MAGAZINE_SIZE = 30
"""Free objects of a cache that a processor keeps for itself at most."""

BATCH = MAGAZINE_SIZE // 2
"""Objects that go into or out of a magazine at once, so that a processor which allocates and frees
in turn at an edge of its magazine seldom needs the slabs."""

T = TypeVar("T")


class Magazine(Struct):
    """Free objects of a cache for one processor, used like a stack."""

    count: U64
    objects: Array[Owned[U64]] = field(count=MAGAZINE_SIZE)


class SlabCache(Component, Generic[T]):
    """A cache for objects of the type `kind`; what Linux calls a kmem_cache.

    It is declared where it is used: `self.threads = SlabCache(slabs, "thread", Thread)`.
    """

    magazine = percpu(Magazine)

    def __init__(self, slabs: Slabs, name: str, kind: type[T]) -> None:
        self.pointer: Any = Ptr[kind]  # type: ignore[valid-type]
        self.cache = data(ObjectCache, ObjectCache(name=name, object_size=sizeof(kind)))
        self.slabs = slabs
        slabs.declared.append(self)

    @inline(changes=CALLER_SAVED)
    def allocate(self) -> Ptr[T]:
        """Allocate an object, not cleared. Return its address, null if there is no memory."""
        return cast(self.slabs.allocate(address_of(self.cache)), self.pointer)

    @inline(changes=CALLER_SAVED)
    def allocate_zeroed(self) -> Ptr[T]:
        """Allocate an object full of zeros. Return its address, null if there is no memory."""
        object = scratch(self.allocate())
        mov(rdx, object)  # which `zero` leaves alone
        with if_(object != 0):
            zero(object)
        return cast(rdx, self.pointer)

    @inline(changes=("object", *CALLER_SAVED))
    def free(self, object: Ptr[T]) -> None:
        """Free `object`, which `allocate` returned."""
        self.slabs.free(address_of(self.cache), u64(object))


class Slabs(Subsystem):
    """All caches of objects. Without memory the result is null, and nothing has changed. Context:
    any."""

    caches = bss(ListHead, elements="ObjectCache.link")

    def __init__(
        self, layer: SlabLayer, per_cpu: PerCpu, zones: RedZones, fault_injection: FaultInjection
    ) -> None:
        self.layer = layer
        self.per_cpu = per_cpu
        self.zones = zones
        self.fault_injection = fault_injection
        self.declared: list[SlabCache[Any]] = []

    @function(init=True)
    def start(self) -> None:
        """Initialize all declared caches. They need no memory yet."""
        self.caches.reset()
        for one in self.declared:
            self._init_cache(address_of(one.cache), address_of(one.magazine))

    @function(init=True)
    def _init_cache(self, cache: Ptr[ObjectCache], magazine: U64) -> None:
        """Initialize `cache`, whose per-CPU variable `magazine` is, and list it."""
        link = scratch(address_of(cache.link))
        mov(cache.magazine, magazine)
        self.caches.append(link)
        release(link)
        tail(self.layer.compute_layout, cache)

    # Allocating and freeing

    @function
    def allocate(self, cache: Ptr[ObjectCache]) -> Owned[OrNull[U64]]:
        """Allocate an object of `cache`; 0 if there is no memory."""
        ret(self.allocate_inline(cache))

    @function
    def free(self, cache: Ptr[ObjectCache], object: Owned[U64]) -> None:
        """Free `object`, which was allocated of the same `cache`."""
        self.free_inline(cache, object)

    @inline(changes=("cache", *CALLER_SAVED))
    def allocate_inline(self, cache: Ptr[ObjectCache]) -> U64:
        """Do what `allocate` does, in place; in release builds without a call, while the magazine
        has objects."""
        return self._allocate_checked(cache) if debugging() else self._pop(cache)

    @inline(changes=("cache", "object", *CALLER_SAVED))
    def free_inline(self, cache: Ptr[ObjectCache], object: U64) -> None:
        """Do what `free` does, in place; in release builds without a call, while the magazine has
        room."""
        if debugging():
            self._free_checked(cache, object)
        else:
            self._push(cache, object)

    @inline(changes=("cache", *CALLER_SAVED))
    def _pop(self, cache: Ptr[ObjectCache]) -> U64:
        """Take an object from this processor's magazine, which is filled if it is empty."""
        with interrupts_disabled():
            magazine = self._own_magazine(cache)
            mov(rcx, magazine.count)
            with if_(rcx != 0):
                # The one that was freed last: it is likely to be in the data cache
                dec(rcx)
                mov(magazine.count, rcx)
                mov(rax, magazine.objects[rcx])
            with else_():
                ignore(self._refill(cache))
        return rax

    @inline(changes=("cache", "object", *CALLER_SAVED))
    def _push(self, cache: Ptr[ObjectCache], object: U64) -> None:
        """Put `object` into this processor's magazine, half of which is freed if it is full."""
        with interrupts_disabled():
            magazine = self._own_magazine(cache)
            count = scratch(magazine.count)
            with if_(count != MAGAZINE_SIZE):
                mov(magazine.objects[count], object)
                inc(magazine.count)
            with else_():
                self._flush_and_push(cache, object)

    @inline
    def _own_magazine(self, cache: Ptr[ObjectCache]) -> Ptr[Magazine]:
        """Return this processor's magazine of `cache`, in a scratch register. Context: interrupts
        off, or the thread may move to another processor."""
        magazine = scratch(U64)
        mov(magazine, cache.magazine)
        add(magazine, self.per_cpu.block)
        return cast(magazine, Ptr[Magazine])

    @function
    def _allocate_checked(self, cache: Keep[Ptr[ObjectCache]]) -> Owned[OrNull[U64]]:
        """Allocate an object in debug builds: with failures on purpose, and red zones."""
        self.fault_injection.inject()
        object = keep(self._pop(cache))
        with if_(object != 0):
            self.zones.check_allocated(object, cache.object_size, cache.slot_size, cache.name)
        ret(object)

    @function
    def _free_checked(self, cache: Keep[Ptr[ObjectCache]], object: Keep[Owned[U64]]) -> None:
        """Free an object in debug builds, if it is one of `cache` and its red zone is intact."""
        self.layer.check_object(cache, object)
        self.zones.check_freed(object, cache.object_size, cache.slot_size, cache.name)
        self._push(cache, object)

    # Between magazines and slabs

    @function
    def _refill(self, cache: Keep[Ptr[ObjectCache]]) -> Owned[OrNull[U64]]:
        """Put objects of slabs into this processor's empty magazine, and return one more; 0 if
        there is no memory. Context: interrupts off."""
        left, object = keep(U32), keep(U64)
        with cache.lock.held_interrupts_off():
            mov(object, self.layer.allocate(cache))
            # Half of a magazine: the next frees must not find it full
            with if_(object != 0), for_(left, 0, BATCH):
                more = self.layer.allocate(cache)
                break_if(more == 0)
                magazine = self._own_magazine(cache)  # anew: the call has changed the register
                mov(rcx, magazine.count)
                mov(magazine.objects[rcx], more)
                inc(magazine.count)
                release(magazine)
        ret(object)

    @function
    def _flush_and_push(self, cache: Keep[Ptr[ObjectCache]], object: Keep[Owned[U64]]) -> None:
        """Free objects of this processor's full magazine, and put `object` into it. Context:
        interrupts off."""
        self._flush(cache, BATCH)
        magazine = self._own_magazine(cache)
        mov(rcx, magazine.count)
        mov(magazine.objects[rcx], object)
        inc(magazine.count)

    @function
    def _flush(self, cache: Keep[Ptr[ObjectCache]], count: U32) -> None:
        """Free up to `count` objects of this processor's magazine into their slabs. Context:
        interrupts off."""
        left = keep(count)
        with cache.lock.held_interrupts_off(), while_(left != 0):
            magazine = self._own_magazine(cache)
            mov(rcx, magazine.count)
            break_if(rcx == 0)
            dec(rcx)
            mov(magazine.count, rcx)
            self.layer.free(cache, magazine.objects[rcx])
            dec(left)

    # All together

    @inline(changes=rax)
    @contextmanager
    def each(self) -> Iterator[Ptr[ObjectCache]]:
        """Run the block for each cache, whose address is in a kept register."""
        with self.caches.each(ObjectCache, "link") as cache:
            yield cache

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
        """Free all pages that no object needs: empty this processor's magazines, and free slabs
        that are empty."""
        with self.each() as cache:
            self._shrink_cache(cache)

    @function
    def _shrink_cache(self, cache: Keep[Ptr[ObjectCache]]) -> None:
        """Free all pages that no object of `cache` needs."""
        with interrupts_disabled():
            self._flush(cache, MAGAZINE_SIZE)
        # Freeing objects leaves one empty slab, for the next who allocates
        with cache.lock.held():
            self.layer.free_empty(cache)
