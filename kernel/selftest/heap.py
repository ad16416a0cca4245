"""The heap of the running kernel."""

from __future__ import annotations

from kernel.mm.heap import SIZES, Heap
from kernel.mm.slabs import SlabCache, Slabs
from kernel.selftest.case import BenchmarkSuite, TestSuite, check, measure
from kernel.selftest.memoryhog import MemoryHog
from pykasm import *

SIZE = 64
ROUND = 200
"""Objects of each size in `all_sizes`, more than a magazine and a slab have."""


class TestObject(Struct):
    """Something to allocate."""

    words: Array[U64] = field(count=SIZE // sizeof(U64))


class HeapTests(TestSuite, BenchmarkSuite):
    """Allocates and frees."""

    first = bss(Owned[U64])
    """The objects of a test, each with the address of the next one at its start."""

    def __init__(self, heap: Heap, slabs: Slabs, hog: MemoryHog) -> None:
        self.heap = heap
        self.tests = [check("heap.all_sizes", self.all_sizes)]
        self.objects = SlabCache(slabs, "test object", TestObject)
        self.benchmarks = [
            measure("heap.allocate_free", self.allocate_free),
            measure("slab.allocate_free", self.allocate_free_object),
            measure(
                "slab.allocate_free_scarce",
                self.allocate_free_object,
                1000,
                hog.make_scarce,
                hog.free_all,
            ),
        ]

    @function
    def all_sizes(self) -> U32:
        """Objects of every size are there as long as they are needed."""
        left, good = keep(U32), keep(U32)
        mov(good, 1)
        mov(self.first, 0)
        for size in (*SIZES, 3 * SIZES[-1], 100 * SIZES[-1]):
            with for_(left, 0, ROUND if size in SIZES else 2):
                and_(good, self.add(size))
        with while_(self.first != 0):
            self._drop()
        ret(good)

    @function
    def add(self, size: U64) -> Bool:
        """Allocate another object. Return whether there was memory."""
        object = self.heap.allocate(size)
        with if_(object == 0):
            ret(False)
        mov(rcx, self.first)
        mov(u64[object], rcx)
        mov(self.first, object)
        ret(True)

    @function
    def _drop(self) -> None:
        """Free the last object."""
        mov(rdi, self.first)
        mov(rax, u64[rdi])
        mov(self.first, rax)
        tail(self.heap.free, rdi)

    @function
    def allocate_free(self, count: Keep[U32]) -> None:
        """Allocate and free an object of the heap, which the processor's magazine has."""
        with while_(count != 0):
            object = self.heap.allocate(SIZE)
            self.heap.free(object)
            dec(count)

    @function
    def allocate_free_object(self, count: Keep[U32]) -> None:
        """Allocate and free an object of a cache for one type."""
        with while_(count != 0):
            object = self.objects.allocate()
            self.objects.free(object)
            dec(count)
