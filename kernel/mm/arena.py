"""Ranges of addresses, handed out and taken back."""

from __future__ import annotations

from enum import IntEnum

from kernel.cpu.pagetable import PageShift
from kernel.locks.spinlock import SpinLock
from kernel.mm.records import Records
from kernel.structures.tree import Tree, TreeNode, Trees
from pykasm import *


class Use(IntEnum):
    """What a range of addresses is used for."""

    FREE = 0
    MEMORY = 1
    DEVICE = 2


class Range(Struct):
    """Pages of addresses next to each other."""

    place: TreeNode
    """Among all ranges, by the address where it starts."""
    size: TreeNode
    """Among those that are free, by the number of pages."""
    pages: U64
    use: U64 = field(Use)


class Arena(Subsystem):
    """Hands ranges out by the smallest free one that is large enough, in O(log n) steps.

    Free ranges next to each other are one range. Context: any.
    """

    lock = bss(SpinLock)
    ranges = bss(Tree, guarded_by="lock")
    """All ranges."""
    free_ranges = bss(Tree, guarded_by="lock")
    used = bss(U64, guarded_by="lock")
    """How many ranges are handed out."""

    def __init__(self, trees: Trees, records: Records) -> None:
        self.trees = trees
        self.records = records

    @function(init=True)
    def start(self, first: Keep[U64], end: U64) -> U32:
        """Begin with the addresses from `first` up to `end`; 0 if there is no memory for that."""
        pages = keep(end)
        sub(pages, first)
        shr(pages, PageShift.PAGE)
        self.records.start()
        range = keep(Ptr[Range])
        with self.lock.held():
            mov(range, cast(self.records.allocate(), Ptr[Range]))
            with if_(range != 0):
                self._add(range, first, pages)
                self.add_free(range)
        xor(eax, eax)
        with if_(range != 0):
            inc(eax)
        ret(eax)

    def _add(self, range: Ptr[Range], start: U64, pages: U64) -> None:
        """Put `range` among all ranges."""
        mov(range.pages, pages)
        mov(range.place.key, start)
        lea(rsi, range.place)
        self.trees.insert(address_of(self.ranges), cast(rsi, Ptr[TreeNode]))

    @function(holds="lock")
    def add_free(self, range: Ptr[Range]) -> None:
        """Put `range` among the free ones."""
        mov(range.use, Use.FREE)
        mov(rax, range.pages)
        mov(range.size.key, rax)
        lea(rsi, range.size)
        tail(self.trees.insert, address_of(self.free_ranges), cast(rsi, Ptr[TreeNode]))

    @function(holds="lock")
    def remove_free(self, range: Ptr[Range]) -> None:
        """Take `range` out of the free ones."""
        lea(rsi, range.size)
        tail(self.trees.remove, address_of(self.free_ranges), cast(rsi, Ptr[TreeNode]))

    @function
    def allocate(self, pages: Keep[U64], use: Keep[U64]) -> Ptr[Range]:
        """A range of this many pages, for `use`; null if there is none, or no memory."""
        found = keep(Ptr[Range])
        with self.lock.held():
            mov(found, self.take(pages))
            with if_(found != 0):
                mov(found.use, use)
                inc(self.used)
        ret(found)

    @function(holds="lock")
    def take(self, pages: Keep[U64]) -> Ptr[Range]:
        """A range that is no longer free, cut to size; null if there is none, or no memory."""
        node = self.trees.at_least(address_of(self.free_ranges), pages)
        with if_(node == 0):
            ret(0)
        range = keep(cast(node, Ptr[Range]))
        sub(u64(range), offsetof(Range, "size"))
        with if_(range.pages != pages):
            cut = self.cut(range, pages)
            with if_(cut == 0):
                ret(0)
        with else_():
            self.remove_free(range)
        ret(range)

    @function(holds="lock")
    def cut(self, range: Keep[Ptr[Range]], pages: Keep[U64]) -> U32:
        """Leave the first `pages` of a free range to it, which is free no longer, and make the
        rest another free one; 0 if there is no memory."""
        rest = keep(cast(self.records.allocate(), Ptr[Range]))
        with if_(rest == 0):
            ret(0)
        self.remove_free(range)
        mov(rcx, range.pages)
        sub(rcx, pages)
        mov(range.pages, pages)
        shl(pages, PageShift.PAGE)
        add(pages, range.place.key)
        self._add(rest, pages, rcx)
        self.add_free(rest)
        ret(1)

    @function
    def free(self, range: Keep[Ptr[Range]]) -> None:
        """Take a range back that `allocate` gave."""
        with self.lock.held():
            dec(self.used)
            neighbour = self.free_neighbour(self.end_of(range))
            with if_(neighbour != 0):
                self.absorb(range, neighbour)
            mov(rsi, range.place.key)
            dec(rsi)
            lower = self.free_neighbour(rsi)
            with if_(lower != 0):
                lower = keep(lower)
                self.remove_free(lower)
                self.absorb_used(lower, range)
                mov(range, lower)
                release(lower)
            self.add_free(range)

    @function
    def end_of(self, range: Ptr[Range]) -> U64:
        """The first address behind `range`."""
        mov(rax, range.pages)
        shl(rax, PageShift.PAGE)
        add(rax, range.place.key)
        ret(rax)

    @function(holds="lock")
    def free_neighbour(self, address: Keep[U64]) -> Ptr[Range]:
        """The free range that `address` is in, or null."""
        node = self.trees.at_most(address_of(self.ranges), address)
        with if_(node == 0):
            ret(0)
        range = keep(cast(node, Ptr[Range]))
        with if_((range.use != Use.FREE) | (self.end_of(range) <= address)):
            ret(0)
        ret(range)

    @function(holds="lock")
    def absorb(self, range: Keep[Ptr[Range]], next: Keep[Ptr[Range]]) -> None:
        """Let `range` have the pages of the free range behind it, which is no more."""
        self.remove_free(next)
        tail(self.absorb_used, range, next)

    @function(holds="lock")
    def absorb_used(self, range: Ptr[Range], next: Keep[Ptr[Range]]) -> None:
        """The same, where that one is not among the free ones."""
        mov(rax, next.pages)
        add(range.pages, rax)
        lea(rsi, next.place)
        self.trees.remove(address_of(self.ranges), cast(rsi, Ptr[TreeNode]))
        tail(self.records.free, u64(next))

    @function
    def used_count(self) -> U64:
        """How many ranges are handed out."""
        count = scratch(U64)
        with self.lock.held():
            mov(count, self.used)
        ret(count)

    @function
    def find(self, start: Keep[U64]) -> Ptr[Range]:
        """The range that starts at `start`, or null. Nobody else may be about to free it."""
        found = keep(Ptr[Range])
        with self.lock.held():
            mov(found, cast(self.trees.at_least(address_of(self.ranges), start), Ptr[Range]))
        with if_((found != 0) & (found.place.key == start)):
            ret(found)
        ret(0)
