"""An arena of addresses: ranges of them, allocated and freed (Bonwick and Adams, Magazines and
Vmem, 2001)."""

from __future__ import annotations

from kernel.cpu.pagetable import PageShift
from kernel.locks.spinlock import SpinLock
from kernel.mm.addressrange import AddressRange, RangeUse
from kernel.mm.recordpool import RecordPool
from kernel.structures.tree import Tree, Trees
from pykasm import *


class Arena(Subsystem):
    """Allocates ranges of addresses, by the smallest free one that is large enough, in O(log n)
    steps.

    Free ranges next to each other are one range. Context: any.
    """

    lock = bss(SpinLock)
    ranges = bss(Tree, guarded_by="lock", elements="AddressRange.by_address")
    """All ranges."""
    free_ranges = bss(Tree, guarded_by="lock", elements="AddressRange.by_size")
    used = bss(U64, guarded_by="lock")
    """Return the number of allocated ranges."""

    def __init__(self, trees: Trees, records: RecordPool) -> None:
        self.trees = trees
        self.records = records

    @function(init=True)
    def start(self, first: Keep[U64], end: U64) -> Bool:
        """Start with the addresses from `first` up to `end`, all free. Returns whether there was
        memory for their record."""
        pages = keep(end)
        sub(pages, first)
        shr(pages, PageShift.PAGE)
        self.records.start()
        range = keep(Ptr[AddressRange])
        with self.lock.held():
            mov(range, cast(self.records.allocate(), Ptr[AddressRange]))
            with if_(range != 0):
                self._add(range, first, pages)
                self._add_free(range)
                disown(range, "the trees lead to it")
        ret(range != 0)

    @function
    def allocate(self, pages: Keep[U64], use: Keep[U64]) -> Owned[OrNull[Ptr[AddressRange]]]:
        """Allocate a range of this many pages, for a `RangeUse`. Returns null if there is none, or
        no memory for its record."""
        found = keep(Ptr[AddressRange])
        with self.lock.held():
            mov(found, self._allocate(pages))
            with if_(found != 0):
                mov(found.use, use)  # under the lock: who frees a neighbour looks at it
                inc(self.used)
                take_over(found, "it is free no more")
        ret(found)

    @function
    def free(self, range: Keep[Owned[Ptr[AddressRange]]]) -> None:
        """Free a range, joined with its free neighbours."""
        with self.lock.held():
            dec(self.used)
            upper = self._free_range_at(self._end_of(range))
            with if_(upper != 0):
                take_over(upper, "it becomes part of this one")
                self._absorb_free(range, upper)
            before = scratch(range.by_address.key)
            dec(before)
            lower = self._free_range_at(before)
            with if_(lower != 0):  # the record of the lower one stays, as its start is the key
                lower = keep(lower)
                self._remove_free(lower)
                take_over(lower, "it is free no more")
                self._absorb(lower, range)
                mov(range, lower)
                release(lower)
            self._add_free(range)
            disown(range, "it is free")

    @function
    def find(self, start: Keep[U64]) -> OrNull[Ptr[AddressRange]]:
        """Return the range that starts at `start`, or null. Nobody else may be about to free it."""
        found = keep(Ptr[AddressRange])
        with self.lock.held():
            node = self.trees.at_least(address_of(self.ranges), start)
            mov(found, container_of(node, AddressRange, "by_address"))
        fail_if((found == 0) | (found.by_address.key != start))
        ret(found)

    @function
    def used_count(self) -> U64:
        """Return the number of allocated ranges."""
        count = scratch(U64)
        with self.lock.held():
            mov(count, self.used)
        ret(count)

    # Under the lock

    @inline(changes=("pages", *CALLER_SAVED))
    def _add(self, range: Ptr[AddressRange], start: U64, pages: U64) -> None:
        """Add `range` to all ranges."""
        mov(range.pages, pages)
        mov(range.by_address.key, start)
        self.trees.insert(address_of(self.ranges), address_of(range.by_address))

    @function(holds="lock")
    def _add_free(self, range: Ptr[AddressRange]) -> None:
        """Add `range` to the free ones."""
        mov(range.use, RangeUse.FREE)
        mov(rax, range.pages)
        mov(range.by_size.key, rax)
        tail(self.trees.insert, address_of(self.free_ranges), address_of(range.by_size))

    @function(holds="lock")
    def _remove_free(self, range: Ptr[AddressRange]) -> None:
        """Remove `range` from the free ones."""
        tail(self.trees.remove, address_of(self.free_ranges), address_of(range.by_size))

    @function(holds="lock")
    def _allocate(self, pages: Keep[U64]) -> OrNull[Ptr[AddressRange]]:
        """Remove a range of this many pages from the free ones, cut to size. Returns null if there
        is none, or no memory."""
        node = try_(self.trees.at_least(address_of(self.free_ranges), pages))
        range = keep(container_of(node, AddressRange, "by_size"))
        with if_(range.pages == pages):
            self._remove_free(range)
        with else_():
            fail_if(~self._cut(range, pages))
        ret(range)

    @function(holds="lock")
    def _cut(self, range: Keep[Ptr[AddressRange]], pages: Keep[U64]) -> Bool:
        """Remove `range` from the free ones, cut down to its first `pages`, and make a free range
        of the rest. Returns whether there was memory for that."""
        # First what can fail, while nothing has changed
        rest = keep(cast(try_(self.records.allocate()), Ptr[AddressRange]))
        self._remove_free(range)
        rest_pages = scratch(range.pages)
        sub(rest_pages, pages)
        mov(range.pages, pages)
        shl(pages, PageShift.PAGE)
        add(pages, range.by_address.key)
        self._add(rest, pages, rest_pages)
        self._add_free(rest)
        disown(rest, "the trees lead to it")
        ret(True)

    @function
    def _end_of(self, range: Ptr[AddressRange]) -> U64:
        """Return the first address after `range`."""
        mov(rax, range.pages)
        shl(rax, PageShift.PAGE)
        add(rax, range.by_address.key)
        ret(rax)

    @function(holds="lock")
    def _free_range_at(self, address: Keep[U64]) -> OrNull[Ptr[AddressRange]]:
        """Return the free range that `address` is in, or null."""
        # All addresses of the arena are in ranges; the end matters for those outside of it
        node = try_(self.trees.at_most(address_of(self.ranges), address))
        range = keep(container_of(node, AddressRange, "by_address"))
        fail_if((range.use != RangeUse.FREE) | (lambda: self._end_of(range) <= address))
        ret(range)

    @function(holds="lock")
    def _absorb_free(
        self, range: Keep[Ptr[AddressRange]], next: Keep[Owned[Ptr[AddressRange]]]
    ) -> None:
        """Add the pages of `next`, the free range after `range`, to that, and free its record."""
        self._remove_free(next)
        tail(self._absorb, range, next)

    @function(holds="lock")
    def _absorb(self, range: Ptr[AddressRange], next: Keep[Owned[Ptr[AddressRange]]]) -> None:
        """Add the pages of `next`, the range after `range`, which is not among the free ones, to
        that, and free its record."""
        mov(rax, next.pages)
        add(range.pages, rax)
        self.trees.remove(address_of(self.ranges), address_of(next.by_address))
        tail(self.records.free, u64(next))
