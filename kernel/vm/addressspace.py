"""What a program sees of memory."""

from __future__ import annotations

from kernel.paging.addresses import UserAddress
from kernel.paging.space import Space
from kernel.structures.tree import Tree
from kernel.sync.biasedlock import BiasedLock
from pykasm import *


class AddressSpace(Space):
    """Page tables, and the regions that say what may come to be in their lower half.

    `regions_lock` is what Linux calls `mmap_lock`. Page faults hold it for reading, quickly if they
    can, and change entries by compare-and-exchange: so many of them run at once, and write to
    nothing in common but `resident` and the count of a table's entries. Whoever holds it for
    writing is alone with entries and tables, but for what `FileMappings` removes: both do it under
    `lock`.
    """

    regions_lock: BiasedLock
    """Held for reading to use the regions, for writing to change them."""
    regions: Tree = field(elements="Region.node")
    """`Region`s that don't overlap. Where two of them meet they differ in more than their
    place."""
    region_count: U32
    locks_new: U32
    """`RegionFlags.LOCKED`, and LOCKED_ON_FAULT, if what a program maps from now on gets that."""
    mapping_top: UserAddress
    """MappedRegions that may be anywhere are put below it as long as there is room."""
    search_limit: UserAddress
    """Between it and `mapping_top` all gaps have at most `largest_gap` bytes, so that there is no
    need to look there for more; 0 where nobody has looked yet."""
    largest_gap: U64
    stack_top: UserAddress
    """Where the stack of the first thread ends."""
    stack_limit: U64
    """Bytes that a stack may grow to (getrlimit(2), RLIMIT_STACK)."""
    size_limit: U64
    """Bytes that stacks may not let it grow beyond (getrlimit(2), RLIMIT_AS)."""
    heap_start: UserAddress
    heap_end: UserAddress
    """What brk(2) moves; of a program's own choice, so not a page's end."""
    arguments: UserAddress
    """Where the texts lie that its program was started with, those of the environment behind the
    arguments."""
    environment: UserAddress
    """Where the arguments end."""
    environment_end: UserAddress
    auxiliary: UserAddress
    """Where the auxiliary vector was put that its program was started with."""
    auxiliary_end: UserAddress
    resident: U64
    """How many pages of 4 KiB are in it; changed by atomic instructions."""
    peak: U64 = field(guarded_by="lock", unlocked_reads=True)
    """How many there were before pages were unmapped, at most."""
    small_pages: U32
    """1 if nothing in it gets large pages."""
    barriers: U32
    """What its programs have registered for with `membarrier`, by the numbers of that."""
    threads: U32 = field(written_by="AddressSpaces")
    """How many threads are in it. No TLB has anything of a space that has none."""
