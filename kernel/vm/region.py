"""A part of a program's memory that has the same rights and backing all over."""

from __future__ import annotations

from enum import IntFlag

from kernel.paging.addresses import UserAddress
from kernel.structures.list import ListHead
from kernel.structures.tree import TreeNode
from kernel.vm.addressspace import AddressSpace
from kernel.vm.backing import Backing
from kernel.vm.rights import Rights
from pykasm import *


class RegionFlags(IntFlag):
    """What else is to be known of a region."""

    SHARED = 1 << 0
    """What one program writes, all see that map the same; else each has its own copy."""
    GROWS_DOWN = 1 << 1
    """A stack: it grows when what lies below it is touched."""
    READ_ONLY = 1 << 2
    """Shared memory of a file that is not open for writing: it can't get the right to write."""
    LOCKED = 1 << 3
    """Its pages are to stay in memory, as all do; a program can't give them back by advice."""
    NO_COPY = 1 << 4
    """Copies of the space don't have it."""
    EMPTY_COPY = 1 << 5
    """Copies of the space have it full of zeros."""
    SMALL_PAGES = 1 << 6
    """It gets no large pages."""
    LARGE_PAGES = 1 << 7
    """It gets large pages wherever there are some."""
    LOCKED_ON_FAULT = 1 << 8
    """Beside LOCKED: its pages stay in memory once they were touched, and are not put there."""
    NO_DUMP = 1 << 9
    """A process that leaves its memory in a file leaves that out (core(5))."""


LOCKS = RegionFlags.LOCKED | RegionFlags.LOCKED_ON_FAULT


class Region(Struct):
    """Addresses that have memory: that of `backing`, or anonymous one, which is full of zeros until
    it is written to. Pages are found when they are first touched (`DemandPaging`)."""

    node: TreeNode
    """In `AddressSpace.regions`; the key is where the region starts."""
    end: UserAddress
    rights: U32 = field(Rights)
    flags: U32 = field(RegionFlags)
    backing: OrNull[Ptr[Backing]]
    """What has its pages; null for anonymous memory."""
    offset: U64
    """The byte of the backing that the region starts with, a page's first. Of anonymous memory, its
    address where it was mapped: parts of it meet again as those of a file do."""
    space: Ptr[AddressSpace]
    mapped: ListHead
    """Among all regions that have the same backing."""
