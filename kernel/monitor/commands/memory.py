"""Commands that show memory."""

from kernel.boot.report import BootReport
from kernel.console.console import Console
from kernel.cpu.pagetable import PAGE, PageShift
from kernel.mm.objectcache import ObjectCache
from kernel.mm.pages import Pages
from kernel.mm.slabs import Slabs
from kernel.mm.zone import ORDERS, Zone
from kernel.mm.zones import Zones
from kernel.monitor.addresses import Addresses
from kernel.monitor.command import Commands, command
from kernel.paging.walk import PageWalk
from kernel.text.numbers import Numbers
from kernel.text.strings import Words
from pykasm import *

ROW = 16
"""Bytes shown on one line."""

USUAL_COUNT = 64
MAX_COUNT = 4096
"""Bytes that `peek` shows if no count is given, and at most."""

FIRST_PRINTABLE, LAST_PRINTABLE = 0x20, 0x7E


class MemoryCommands(Commands):
    """`mem` and `peek`."""

    def __init__(
        self,
        console: Console,
        report: BootReport,
        numbers: Numbers,
        addresses: Addresses,
        walk: PageWalk,
        zones: Zones,
        pages: Pages,
        slabs: Slabs,
    ) -> None:
        self.console = console
        self.report = report
        self.numbers = numbers
        self.addresses = addresses
        self.walk = walk
        self.zones = zones
        self.pages = pages
        self.slabs = slabs
        self.commands = [
            command("mem", "", "the memory map, and what is free", self.mem),
            command("peek", "ADDRESS [COUNT]", "bytes of memory, at a number or symbol", self.peek),
        ]

    @function
    def mem(self, words: Ptr[Words]) -> Bool:
        """Print the memory map, the free blocks of each zone, and the caches of objects."""
        self.report.print_memory()
        self._print_zone(text("below 4 GiB"), address_of(self.zones.low))
        self._print_zone(text("above 4 GiB"), address_of(self.zones.high))
        pages = keep(self.pages.free_count())
        mov(rax, pages)
        shl(rax, PageShift.PAGE)
        self.console.print("%u pages free, %z\n", pages, rax)
        self.console.print(f"{'objects':<20} {'bytes':>7} {'in use':>8} {'pages':>7}\n")
        with self.slabs.each() as cache:
            self._print_cache(cache)
        ret(True)

    @function
    def _print_cache(self, cache: Keep[Ptr[ObjectCache]]) -> None:
        """Print how many objects of `cache` are in use, or in processors' magazines, and the pages
        of its slabs."""
        used, pages = keep(U64), keep(U64)
        with cache.lock.held():  # copied, as printing takes long
            mov(used, cache.used)
            mov(pages, cache.slabs)
        mov(cl, cache.order)
        shl(pages, cl)
        self.console.print("%-20s %7u %8u %7u\n", cache.name, cache.object_size, used, pages)

    @function
    def _print_zone(self, name: Keep[Ptr[U8]], zone: Keep[Ptr[Zone]]) -> None:
        """Print the free memory of a zone, and how many blocks of each order it is in."""
        free, unopened = keep(U64), keep(U64)
        blocks, order = local(U64 * ORDERS), keep(U32)
        with zone.lock.held():
            mov(free, zone.free_pages)
            mov(unopened, zone.unopened_pages)
            with for_(order, 0, ORDERS):
                mov(rax, zone.free_blocks[order])
                mov(blocks[order], rax)
        shl(free, PageShift.PAGE)
        shl(unopened, PageShift.PAGE)
        self.console.print("%s: %z in blocks, %z unopened\n  orders ", name, free, unopened)
        with for_(order, 0, ORDERS):
            self.console.print(" %u", blocks[order])
        self.console.print("\n")

    @function
    def peek(self, words: Keep[Ptr[Words]]) -> Bool:
        """Print memory that is mapped; never a fault."""
        count = keep(self.count(words))
        with if_((count == 0) | (count > MAX_COUNT)):
            self.console.print(f"COUNT is a number from 1 to {MAX_COUNT}\n")
            ret(True)
        address, good = self.addresses.read(words.word[1])
        with if_(~good):
            self.console.print("neither a number nor a symbol: %s\n", words.word[1])
            ret(True)
        self._show(address, count)
        ret(True)

    @function
    def count(self, words: Ptr[Words]) -> U64:
        """Return the count among `words`; 0 if it is no number."""
        with if_(words.count == 2):
            ret(USUAL_COUNT)
        count, good = self.numbers.parse(words.word[2])
        ignore(good)
        ret(count)

    @function
    def _show(self, address: Keep[U64], count: Keep[U64]) -> None:
        """Print `count` bytes from `address` on, up to the first that is not mapped."""
        length = keep(U64)
        with while_(count != 0):
            with if_(~self.walk.is_mapped(address)):
                self.console.print("%016x  not mapped\n", address)
                ret()
            self._fit_row(length, address, count)
            self._show_row(cast(address, Ptr[U8]), length)
            add(address, length)
            sub(count, length)

    @inline(changes="length")
    def _fit_row(self, length: U64, address: U64, count: U64) -> None:
        """Compute the `length` of a row: how many of `count` bytes from `address` on it shows, none
        of the next page, which may not be mapped."""
        mov(length, address)
        or_(length, -PAGE)
        neg(length)  # the bytes from `address` to the end of its page
        for most in (ROW, count):
            with if_(length > most):
                mov(length, most)

    @function
    def _show_row(self, start: Keep[Ptr[U8]], length: Keep[U64]) -> None:
        """Print a line: the address, `length` bytes in hexadecimal, and as characters."""
        index = keep(U64)
        self.console.print("%016x ", start)
        with for_(index, 0, ROW):
            with if_(index < length):
                self.console.print(" %02x", start[index])
            with else_():
                self.console.print("   ")
        self.console.print("  ")
        with for_(index, 0, length):
            mov(al, start[index])
            with if_((al < FIRST_PRINTABLE) | (al > LAST_PRINTABLE)):
                mov(al, ord("."))
            self.console.print("%c", al)
        self.console.print("\n")
