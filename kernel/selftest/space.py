"""Address spaces of programs, used by the kernel's own copy routines."""

from __future__ import annotations

from typing import Any

from kernel.console.console import Console
from kernel.cpu.pagetable import PAGE, PageShift
from kernel.errno import Errno
from kernel.mm.pages import Pages
from kernel.paging.addresses import LOWER_HALF_END, USER_END, USER_START, Area
from kernel.selftest.benchmarks import ROUNDS
from kernel.selftest.case import MEASURED, SHOWN, BenchmarkSuite, TestSuite, check, measure
from kernel.selftest.memoryhog import MemoryHog
from kernel.selftest.threadpool import THREADS, ThreadPool
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.rights import Rights
from kernel.vm.usercopy import UserCopy
from pykasm import *

PAGES = 8
BASE = (1 << PageShift.TOP) - PAGES // 2 * PAGE
"""Where the tests have memory: around a bound of all kinds of tables."""

MIDDLE = 1 << PageShift.TOP
END = BASE + PAGES * PAGE
LAST = END - sizeof(U64)
PATTERN = 0x0123_4567_89AB_CDEF
TEXT = int.from_bytes(b"written\0", "little")
TEXT_LENGTH = 7
ENDLESS = int.from_bytes(b"endless!", "little")
READ_WRITE = Rights.READ | Rights.WRITE
GENERATIONS = 6
SPARSE = 1 << PageShift.TOP
"""Bytes of a region of which only some words are used."""

FAULTS = 500
"""Page faults in a round of a benchmark."""

FEW = 20
"""Pages that are left where memory is to end soon."""

CLONED = 16
"""Pages that a clone gets in a benchmark."""


class SpaceTests(TestSuite, BenchmarkSuite):
    """Needs memory for some thousand pages. Context: one at a time."""

    first = bss(Owned[Ptr[AddressSpace]])
    """The space that most tests begin with."""
    second = bss(Owned[Ptr[AddressSpace]])
    family = bss(Owned[Ptr[AddressSpace]] * GENERATIONS)
    buffer = bss(U8 * PAGE)
    cursor = bss(U64)
    """The address of a benchmark's next fault."""
    failures = bss(U64)

    def __init__(
        self,
        console: Console,
        spaces: AddressSpaces,
        copy: UserCopy,
        pages: Pages,
        pool: ThreadPool,
        hog: MemoryHog,
    ) -> None:
        self.console = console
        self.spaces = spaces
        self.copy = copy
        self.pages = pages
        self.pool = pool
        self.hog = hog
        self.tests = [
            check("space.demand_zero", self.demand_zero),
            check("space.sparse", self.sparse),
            check("space.copy_on_write", self.copy_on_write),
            check("space.clones_of_clones", self.clones_of_clones),
            check("space.permissions", self.permissions),
            check("space.wrong_addresses", self.wrong_addresses),
            check("space.text", self.text),
            check("space.unmap", self.unmap),
            check("space.faults_at_once", self.faults_at_once),
            check("space.exhaustion", self.exhaustion),
        ]
        self.benchmarks = [
            measure("space.fault", self.touch, FAULTS, self.prepare_faults, self.finish),
            measure("space.copy_on_write", self.touch, FAULTS, self.prepare_copies, self.finish),
            measure("space.clone", self.clone_and_destroy, 100, self.prepare_clones, self.finish),
            measure("space.copy_word", self.copy_word, 1000, self.prepare_clones, self.finish),
            measure("space.copy_page", self.copy_page, 100, self.prepare_clones, self.finish),
        ]

    # Words in the space that this thread is in

    @function(sleeps=True)
    def _write(self, address: U64, value: U64) -> OrErrno[I32]:
        """Write a word. Return 0 or an error."""
        word = local(U64)
        mov(word, value)
        result, left = self.copy.copy_out(cast(address, User[U8]), address_of(word), sizeof(U64))
        ignore(left)
        ret(result)

    @function(sleeps=True)
    def read(self, address: U64) -> tuple[OrErrno[I32], U64]:
        """Read a word. Return 0 or an error, and the word."""
        word = local(U64)
        result, left = self.copy.copy_in(address_of(word), cast(address, User[U8]), sizeof(U64))
        ignore(left)
        ret(result, word)

    @function(sleeps=True)
    def _writes(self, address: Keep[U64], value: U64) -> Bool:
        """Write a word. Return whether that worked; print the error if not."""
        result = self._write(address, value)
        with if_(result == 0):
            ret(True)
        self.console.print("writing 0x%x: %d: ", address, result)
        ret(False)

    @function(sleeps=True)
    def _reads(self, address: Keep[U64], value: Keep[U64]) -> Bool:
        """Return whether the word at `address` is `value`; print what it is if not."""
        result, found = self.read(address)
        with if_((result == 0) & (found == value)):
            ret(True)
        self.console.print("0x%x: %d, 0x%x for 0x%x: ", address, result, found, value)
        ret(False)

    @inline(changes=("good", *CALLER_SAVED))
    def _all(self, good: U32, *checks: Any) -> None:
        """Clear `good` unless every one of the `checks`, functions with their arguments, returns
        true."""
        for function, *arguments in checks:
            for register, value in zip((rdi, rsi), arguments, strict=False):
                mov(register, value)
            and_(good, function(*(rdi, rsi)[: len(arguments)]))

    # Spaces

    @function(sleeps=True)
    def begin(self) -> Bool:
        """Create a space with some memory to write to, and enter it. Return whether that worked."""
        mov(self.first, self.spaces.create())
        with if_(self.first == 0):
            ret(False)
        self.spaces.enter(self.first)
        result = self.spaces.map(self.first, BASE, PAGES * PAGE, READ_WRITE)
        with if_(result == 0):
            ret(True)
        ret(False)

    @function(sleeps=True)
    def _move_to(self, space: Keep[Ptr[AddressSpace]]) -> None:
        """Leave the space of this thread and enter `space`."""
        ignore(self.spaces.leave(), "the test destroys it")
        self.spaces.enter(space)

    @function(sleeps=True)
    def end(self) -> None:
        """Leave and destroy the first space."""
        with if_(self.first != 0):
            ignore(self.spaces.leave(), "the test destroys it")
            self.spaces.destroy(self.first)
            mov(self.first, 0)

    # Tests

    @function(sleeps=True)
    def demand_zero(self) -> U32:
        """Memory is full of zeros at first, and keeps what is written to it."""
        good = keep(self.begin())
        with if_(good != 0):
            for address in (BASE, MIDDLE - 8, MIDDLE, LAST):
                self._all(good, (self._reads, address, 0))
            for address in (BASE, MIDDLE - 4, LAST):
                self._all(good, (self._writes, address, PATTERN), (self._reads, address, PATTERN))
            self._all(good, (self._reads, BASE + 8, 0))
        self.end()
        ret(good)

    @function(sleeps=True)
    def sparse(self) -> U32:
        """Only what is touched takes memory, where pages are small."""
        good, before = keep(self.begin()), keep(self.pages.free_count())
        with if_(good != 0):
            space = scratch(self.first)
            mov(space.small_pages, 1)
            release(space)
            result = self.spaces.map(self.first, 2 * SPARSE, SPARSE, READ_WRITE)
            with if_(result != 0):
                xor(good, good)
            for address in (2 * SPARSE, 2 * SPARSE + SPARSE // 2, 3 * SPARSE - 8):
                self._all(good, (self._writes, address, address), (self._reads, address, address))
            sub(before, self.pages.free_count())
            with if_(before > 3 * 4):  # a page and its tables on three levels for each
                xor(good, good)
                self.console.print("%u pages for 3: ", before)
        self.end()
        ret(good)

    @function(sleeps=True)
    def copy_on_write(self) -> U32:
        """What one of two clones writes, the other one does not see, whoever writes first."""
        good = keep(self.begin())
        self._all(good, (self._writes, BASE, 1), (self._writes, MIDDLE, 2))
        mov(self.second, self.spaces.copy(self.first))
        with if_((good != 0) & (self.second != 0)):
            self._all(good, (self._writes, BASE, 3), (self._reads, MIDDLE, 2))
            self._move_to(self.second)
            self._all(
                good, (self._reads, BASE, 1), (self._writes, BASE, 4), (self._writes, MIDDLE, 5)
            )
            self._all(
                good, (self._reads, BASE, 4), (self._reads, MIDDLE, 5), (self._reads, LAST, 0)
            )
            self._move_to(self.first)
            self._all(good, (self._reads, BASE, 3), (self._reads, MIDDLE, 2))
            self.spaces.destroy(self.second)
            mov(self.second, 0)
            self._all(good, (self._writes, MIDDLE, 6), (self._reads, MIDDLE, 6))
        with else_():
            xor(good, good)
        self.end()
        ret(good)

    @function(sleeps=True)
    def clones_of_clones(self) -> U32:
        """Each of many generations has what its parent had, and what it wrote itself."""
        good = keep(self.begin())
        mov(rax, self.first)
        mov(self.family[0], rax)
        for number in range(1, GENERATIONS):
            self._all(
                good, (self._writes, BASE, number), (self._writes, BASE + number * PAGE, number)
            )
            mov(self.family[number], self.spaces.copy(self.family[number - 1]))
            with if_(self.family[number] == 0):
                xor(good, good)
            with if_(good != 0):
                self._move_to(self.family[number])
        for number in range(GENERATIONS):
            with if_(good != 0):
                self._move_to(self.family[number])
                newest = min(number + 1, GENERATIONS - 1)
                self._all(good, (self._reads, BASE, newest))
                for page in range(1, GENERATIONS):
                    self._all(
                        good, (self._reads, BASE + page * PAGE, page if page <= newest else 0)
                    )
        self._move_to(self.first)
        for number in range(1, GENERATIONS):
            with if_(self.family[number] != 0):
                self.spaces.destroy(self.family[number])
        self.end()
        ret(good)

    @function(sleeps=True)
    def _protects(self, rights: U64) -> Bool:
        """Give all memory these rights. Return whether that worked."""
        result = self.spaces.protect(self.first, BASE, PAGES * PAGE, u32(rights))
        with if_(result == 0):
            ret(True)
        ret(False)

    @function(sleeps=True)
    def _refuses_to_read(self, address: U64) -> Bool:
        """Return whether reading returns -EFAULT."""
        result, word = self.read(address)
        ignore(word)
        with if_(result == -Errno.EFAULT):
            ret(True)
        self.console.print("read, %d: ", result)
        ret(False)

    @function(sleeps=True)
    def _refuses_to_write(self, address: U64) -> Bool:
        """Return whether writing returns -EFAULT."""
        result = self._write(address, 0)
        with if_(result == -Errno.EFAULT):
            ret(True)
        self.console.print("written, %d: ", result)
        ret(False)

    @function(sleeps=True)
    def permissions(self) -> U32:
        """Nothing is done that a region does not allow, and its contents stay as they were."""
        good = keep(self.begin())
        self._all(good, (self._writes, BASE, PATTERN))
        for rights in (Rights.READ, Rights.READ | Rights.EXECUTE):
            self._all(good, (self._protects, rights), (self._reads, BASE, PATTERN))
            for address in (BASE, MIDDLE):
                self._all(good, (self._refuses_to_write, address))
        self._all(good, (self._protects, 0))
        for address in (BASE, MIDDLE):
            self._all(good, (self._refuses_to_read, address), (self._refuses_to_write, address))
        self._all(good, (self._protects, READ_WRITE), (self._reads, BASE, PATTERN))
        self._all(good, (self._writes, BASE, 1), (self._reads, BASE, 1))
        self.end()
        ret(good)

    @function(sleeps=True)
    def _copies(self, address: Keep[U64], length: Keep[U64], left: Keep[U64]) -> Bool:
        """Return whether copies of `length` bytes to and from `address` return -EFAULT and
        `left`."""
        good = keep(Bool)
        mov(good, 1)
        for outward in (False, True):
            lea(rcx, self.buffer)
            if outward:
                result, rest = self.copy.copy_out(cast(address, User[U8]), rcx, length)
            else:
                result, rest = self.copy.copy_in(rcx, cast(address, User[U8]), length)
            with if_((result != -Errno.EFAULT) | (rest != left)):
                xor(good, good)
                self.console.print("0x%x: %d, %u left: ", address, result, rest)
        ret(good)

    @function(sleeps=True)
    def wrong_addresses(self) -> U32:
        """Copies stop at the first byte that is not the program's."""
        good = keep(self.begin())
        for address, length, left in (
            (0, 8, 8),
            (USER_START, 1, 1),
            (BASE - 8, 16, 16),
            (END, 1, 1),
            (END - 5, 8, 3),
            (END - 2048, 4096, 2048),
            (USER_END, PAGE, PAGE),
            (LOWER_HALF_END, 1, 1),
            (LOWER_HALF_END - 1, 2, 2),
            (Area.DIRECT_MAP, 8, 8),
            (Area.IMAGE, 8, 8),
            (2**64 - 8, 16, 16),
            (2**64 - 1, 1, 1),
            (BASE, 2**64 - 1, 2**64 - 1),
        ):
            for register, value in ((rdi, address), (rsi, length), (rdx, left)):
                mov(register, int(value))
            and_(good, self._copies(rdi, rsi, rdx))
        self.end()
        for address in (BASE, MIDDLE):
            self._all(good, (self._refuses_to_read, address))  # in no space at all
        ret(good)

    @function(sleeps=True)
    def text(self) -> U32:
        """Texts are read over the bounds of pages, up to their zeros or the end of memory."""
        good = keep(self.begin())
        self._all(good, (self._writes, MIDDLE - 4, TEXT), (self._writes, LAST, ENDLESS))
        for address, expected in ((MIDDLE - 4, TEXT_LENGTH), (LAST, -Errno.EFAULT)):
            length = self.copy.copy_in_string(address_of(self.buffer), address, PAGE)
            with if_(length != expected):
                xor(good, good)
                self.console.print("%d for %d: ", length, expected)
        self.end()
        ret(good)

    @function(sleeps=True)
    def unmap(self) -> U32:
        """What is unmapped can't be used, gives its memory back, and is empty when it is mapped
        again."""
        good, before = keep(self.begin()), keep(U64)
        self._all(good, (self._writes, BASE, PATTERN), (self._writes, LAST, PATTERN))
        mov(before, self.pages.free_count())
        for page in range(1, PAGES - 1):
            self._all(good, (self._writes, BASE + page * PAGE, PATTERN))
        ignore(self.spaces.unmap(self.first, BASE + PAGE, (PAGES - 2) * PAGE), SHOWN)
        with if_(self.pages.free_count() != before):
            xor(good, good)
            self.console.print("memory is gone: ")
        for page in range(1, PAGES - 1):
            self._all(good, (self._refuses_to_read, BASE + page * PAGE))
        self._all(good, (self._reads, BASE, PATTERN), (self._reads, LAST, PATTERN))
        ignore(self.spaces.map(self.first, BASE + PAGE, PAGE, READ_WRITE), SHOWN)
        self._all(good, (self._reads, BASE + PAGE, 0))
        self.end()
        ret(good)

    # Several threads

    @function(sleeps=True)
    def faults_at_once(self) -> U32:
        """Threads that touch the same pages at once all have the same memory."""
        good, number = keep(self.begin()), keep(U64)
        mov(self.failures, 0)
        with if_(good != 0):
            and_(good, self.pool.run(self._write_everywhere))
            with if_(self.failures != 0):
                xor(good, good)
            with for_(number, 0, THREADS):
                and_(good, self._are_all(number))
        self.end()
        ret(good)

    @function(context="thread", sleeps=True)
    def _write_everywhere(self, number: Keep[U64]) -> None:
        """Write this thread's number into its word of every page."""
        address, end = keep(U64), keep(U64)
        self.spaces.enter(self.first)
        mov(end, END)
        mov(address, BASE)
        with while_(address < end):
            result = self._write(bare_word(address, number), number)
            with if_(result != 0):
                lock.inc(self.failures)
            add(address, PAGE)
        ignore(self.spaces.leave(), "the test destroys it")

    @function(sleeps=True)
    def _are_all(self, number: Keep[U64]) -> Bool:
        """Return whether the word of the thread `number` has that number in every page."""
        address, good = keep(U64), keep(Bool)
        mov(good, 1)
        mov(address, BASE)
        with for_(keep(U32), 0, PAGES):
            and_(good, self._reads(bare_word(address, number), number))
            add(address, PAGE)
        ret(good)

    # Without memory

    @function(sleeps=True)
    def exhaustion(self) -> U32:
        """When memory ends, the copy routines say so, and go on when there is some again."""
        good, result = keep(self.begin()), keep(I32)
        with if_(self.spaces.map(self.first, 2 * SPARSE, SPARSE, READ_WRITE) != 0):
            xor(good, good)
        self._all(good, (self._writes, BASE, PATTERN))
        self.hog.leave(FEW)
        mov(rax, 2 * SPARSE)
        mov(self.cursor, rax)
        with loop():
            mov(result, self._write(self.cursor, PAGE))
            break_if(result != 0)
            add(self.cursor, PAGE)
        with if_(result != -Errno.ENOMEM):
            xor(good, good)
            self.console.print("error %d at 0x%x: ", result, self.cursor)
        clone = self.spaces.copy(self.first)
        with if_(clone != 0):
            self.spaces.destroy(clone)
            xor(good, good)
        self._all(good, (self._reads, BASE, PATTERN))
        self.hog.free_all()
        and_(good, self._writes(self.cursor, PATTERN))
        self._all(good, (self._writes, BASE, 1))
        self.end()
        ret(good)

    # Benchmarks

    @function(sleeps=True)
    def prepare_faults(self) -> U32:
        """Have memory that nobody has touched."""
        tail(self.prepare, FAULTS * ROUNDS)

    @function(sleeps=True)
    def prepare(self, pages: Keep[U64]) -> Bool:
        """Map `pages` pages in a space. Return whether there was memory."""
        ready = self.begin()
        with if_(~ready):
            ret(False)
        mov(rsi, MIDDLE * 2)
        mov(self.cursor, rsi)
        shl(pages, PageShift.PAGE)
        result = self.spaces.map(self.first, rsi, pages, READ_WRITE)
        with if_(result != 0):
            ret(False)
        ret(True)

    @function(sleeps=True)
    def prepare_copies(self) -> U32:
        """Have memory that another space has, too."""
        ready = self.prepare(FAULTS * ROUNDS)
        with if_(~ready):
            ret(0)
        self.touch(FAULTS * ROUNDS)
        tail(self._make_second)

    @function(sleeps=True)
    def _make_second(self) -> Bool:
        """Clone the space. Return whether there was memory."""
        mov(rsi, MIDDLE * 2)
        mov(self.cursor, rsi)
        mov(self.second, self.spaces.copy(self.first))
        with if_(self.second == 0):
            ret(False)
        ret(True)

    @function(sleeps=True)
    def prepare_clones(self) -> U32:
        """Have some pages."""
        ready = self.prepare(CLONED)
        with if_(~ready):
            ret(0)
        self.touch(CLONED)
        ret(1)

    @function(sleeps=True)
    def touch(self, count: U32) -> None:
        """Write to the next `count` pages."""
        left = keep(count)
        with while_(left != 0):
            ignore(self._write(self.cursor, PATTERN), MEASURED)
            add(self.cursor, PAGE)
            dec(left)

    @function(sleeps=True)
    def clone_and_destroy(self, count: U32) -> None:
        """Clone a space with `CLONED` pages, and destroy the clone."""
        left = keep(count)
        with while_(left != 0):
            space = self.spaces.copy(self.first)
            with if_(space != 0):
                self.spaces.destroy(space)
            dec(left)

    @function(sleeps=True)
    def copy_word(self, count: U32) -> None:
        """Write a word to a page that is there."""
        left, place = keep(count), keep(U64)
        mov(place, MIDDLE * 2)
        with while_(left != 0):
            ignore(self._write(place, PATTERN), MEASURED)
            dec(left)

    @function(sleeps=True)
    def copy_page(self, count: U32) -> None:
        """Write all of it."""
        left = keep(count)
        with while_(left != 0):
            result, rest = self.copy.copy_out(MIDDLE * 2, address_of(self.buffer), PAGE)
            ignore(result, MEASURED)
            ignore(rest)
            dec(left)

    @function(sleeps=True, context="thread")
    def finish(self) -> None:
        """Destroy both spaces."""
        with if_(self.second != 0):
            self.spaces.destroy(self.second)
            mov(self.second, 0)
        tail(self.end)


@inline(changes=rdi)
def bare_word(address: U64, number: U64) -> U64:
    """Return the address of the word `number` of the page at `address`."""
    lea(rdi, bare[address + number * sizeof(U64)])
    return rdi
