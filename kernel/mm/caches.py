"""Memory for many objects of one size, some of them at hand for each processor (Bonwick and Adams,
Magazines and Vmem, 2001)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kernel.cpu.interruptflag import interrupts_disabled
from kernel.cpu.percpu import PerCpu
from kernel.mm.faultinjection import FaultInjection
from kernel.mm.redzone import RedZones
from kernel.mm.slab import Cache, SlabLayer
from kernel.structures.list import ListHead, container
from pykasm import *

MAGAZINE_SIZE = 30
"""Free objects of a cache that a processor keeps for itself at most."""

BATCH = MAGAZINE_SIZE // 2
"""Objects that go into or out of a magazine at once."""


class Magazine(Struct):
    """Free objects of a cache for one processor, used like a stack."""

    count: U64
    objects: Array[U64] = field(count=MAGAZINE_SIZE)


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

    def __init__(
        self, layer: SlabLayer, per_cpu: PerCpu, zones: RedZones, fault_injection: FaultInjection
    ) -> None:
        self.layer = layer
        self.per_cpu = per_cpu
        self.zones = zones
        self.fault_injection = fault_injection
        self.declared: list[SlabCache] = []

    @function(init=True)
    def start(self) -> None:
        """Make all caches ready. They need no memory yet."""
        self.caches.reset()
        for one in self.declared:
            self.adopt(address_of(one.cache), address_of(one.cached))

    @function(init=True)
    def adopt(self, cache: Ptr[Cache], magazine: U64) -> None:
        """Make `cache`, with its place for magazines, ready, and list it."""
        link = scratch(Ptr[ListHead])
        mov(cache.magazine, magazine)
        lea(link, cache.listed)
        self.caches.append(link)
        release(link)
        tail(self.layer.lay_out, cache)

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
        with interrupts_disabled():
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
        with interrupts_disabled():
            magazine = self._magazine(cache)
            count = scratch(magazine.count)
            with if_(count != MAGAZINE_SIZE):
                mov(magazine.objects[count], object)
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
        self.fault_injection.may_strike()
        cache = keep(cache)
        object = keep(self._take(cache))
        with if_(object != 0):
            self.zones.paint_new(object, cache.object_size, cache.slot_size, cache.name)
        ret(object)

    @function
    def free_painted(self, cache: Keep[Ptr[Cache]], object: Keep[U64]) -> None:
        """As `free`, in debug builds."""
        self.layer.check(cache, object)
        self.zones.paint_free(object, cache.object_size, cache.slot_size, cache.name)
        self._give(cache, object)

    # Between magazines and slabs

    @function
    def refill(self, cache: Keep[Ptr[Cache]]) -> U64:
        """Put objects into this processor's empty magazine, and give one more; 0 if memory is out.
        Context: interrupts off."""
        left, object = keep(U32), keep(U64)
        with cache.lock.held_interrupts_off():
            mov(object, self.layer.take(cache))
            with if_(object != 0), for_(left, 0, BATCH):
                more = self.layer.take(cache)
                break_if(more == 0)
                magazine = self._magazine(cache)
                mov(rcx, magazine.count)
                mov(magazine.objects[rcx], more)
                inc(magazine.count)
                release(magazine)
        ret(object)

    @function
    def flush_and_put(self, cache: Keep[Ptr[Cache]], object: Keep[U64]) -> None:
        """Give objects of this processor's full magazine back, and then put `object` into it.
        Context: interrupts off."""
        self.flush(cache, BATCH)
        magazine = self._magazine(cache)
        mov(rcx, magazine.count)
        mov(magazine.objects[rcx], object)
        inc(magazine.count)

    @function
    def flush(self, cache: Keep[Ptr[Cache]], count: U32) -> None:
        """Give up to `count` objects of this processor's magazine back to their slabs. Context:
        interrupts off."""
        left = keep(count)
        with cache.lock.held_interrupts_off(), while_(left != 0):
            magazine = self._magazine(cache)
            mov(rcx, magazine.count)
            break_if(rcx == 0)
            dec(rcx)
            mov(magazine.count, rcx)
            mov(rsi, magazine.objects[rcx])
            release(magazine)
            self.layer.give(cache, rsi)
            dec(left)

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
    def shrink_one(self, cache: Keep[Ptr[Cache]]) -> None:
        """The same for a cache."""
        with interrupts_disabled():
            self.flush(cache, MAGAZINE_SIZE)
        with cache.lock.held():
            self.layer.drop_empty(cache)
