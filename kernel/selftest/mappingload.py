"""Addresses whose pages change while all processors read them."""

from __future__ import annotations

from kernel.console.console import Console
from kernel.cpu.pagetable import PAGE, PageShift
from kernel.mm.kernelspace import KernelSpace
from kernel.mm.mapper import Mapper
from kernel.mm.pages import Pages
from kernel.mm.runtimemappings import RuntimeMappings
from kernel.mm.tablewalker import TableWalker
from kernel.paging.addresses import direct
from kernel.paging.permissions import WRITE
from kernel.selftest.load import Load
from kernel.selftest.random import Random
from kernel.selftest.threadpool import ThreadPool
from kernel.sync.rwlock import ReadWriteLock, ReadWriteLocks
from pykasm import *

PLACES = 8
"""Pages whose mappings change."""


class MappingLoad(Load):
    """A step changes what is mapped at one of the places, or reads all of them. A processor that
    remembers a mapping which is no more reads a number that is no more, either."""

    name = "mappings"
    STEPS = 1000
    """Each change waits for all processors, which takes long where the host has fewer of them."""

    shared = bss(ReadWriteLock)
    first = bss(Owned[U64])
    """The address of the first place; the others follow."""
    spare = bss(Owned[U64])
    """A page that is not mapped there."""
    expected = bss(U64 * PLACES)
    """The number at the start of each place."""
    counter = bss(U64)

    def __init__(
        self,
        console: Console,
        pool: ThreadPool,
        pages: Pages,
        kernel: KernelSpace,
        mapper: Mapper,
        walker: TableWalker,
        runtime: RuntimeMappings,
        rwlocks: ReadWriteLocks,
    ) -> None:
        super().__init__(console, pool)
        self.pages = pages
        self.kernel = kernel
        self.mapper = mapper
        self.walker = walker
        self.runtime = runtime
        self.rwlocks = rwlocks

    @function(sleeps=True)
    def prepare(self) -> Bool:
        """Map the places, and number them."""
        place = keep(U64)
        mov(self.violations, 0)
        mov(self.spare, self.pages.allocate_page())
        mov(self.first, self.runtime.allocate(PLACES))
        with if_((self.spare == 0) | (self.first == 0)):
            self.console.print("no memory: ")
            ret(False)
        mov(place, self.first)
        with for_(scratch(U64), 0, PLACES) as index:
            mov(u64[place], index)
            mov(self.expected[index], index)
            add(place, PAGE)
        mov(self.counter, PLACES)
        ret(True)

    @function(sleeps=True)
    def step(self, random: Ptr[Random]) -> None:
        """Change one place, or read all."""
        random = scratch(random)
        choice = random.next()
        with if_(choice & 3):
            tail(self.read)
        number = random.next()
        and_(number, PLACES - 1)
        tail(self._change, number)

    @function(sleeps=True)
    def read(self) -> None:
        """Check that every place has its number."""
        self.rwlocks.lock_read(address_of(self.shared))
        place = scratch(self.first)
        with for_(scratch(U64), 0, PLACES) as index:
            mov(rax, u64[place])
            with if_(rax != self.expected[index]):
                lock.inc(self.violations)
            add(place, PAGE)
        release(place, index)
        self.rwlocks.unlock_read(address_of(self.shared))

    @function(sleeps=True)
    def _change(self, index: Keep[U64]) -> None:
        """Map the spare page, with a new number, to a place; the page from there is spare then."""
        place = keep(U64)
        mov(place, index)
        shl(place, PageShift.PAGE)
        self.rwlocks.lock_write(address_of(self.shared))
        add(place, self.first)
        mov(rcx, self.spare)
        direct(rcx)
        mov(rax, self.counter)
        inc(self.counter)
        mov(u64[rcx], rax)
        mov(self.expected[index], rax)
        self._exchange(place)
        self.rwlocks.unlock_write(address_of(self.shared))

    @function
    def _exchange(self, place: U64) -> None:
        """Exchange the spare page and the one at `place`."""
        kernel = address_of(self.kernel.space)
        place, page = keep(place), keep(self.spare)
        old, entry = self.walker.translate(kernel, place)
        mov(self.spare, old)
        ignore(entry)
        ignore(self.mapper.unmap(kernel, place, PAGE), "all its pages are small")
        failed = self.mapper.map(kernel, place, page, PAGE, WRITE, PageShift.PAGE)
        with if_(failed != 0):
            lock.inc(self.violations)

    @function(sleeps=True)
    def finish(self) -> Bool:
        """Free all pages."""
        with if_(self.spare != 0):
            self.pages.free_page(self.spare)
        with if_(self.first != 0):
            self.runtime.free(self.first)
        mov(self.spare, 0)
        mov(self.first, 0)
        tail(self.judge)
