"""The parts of `kernel/mm`, in the order of reading."""

from functools import partial

from kernel.mm.arena import Arena, Range
from kernel.mm.buddy import Buddy
from kernel.mm.directmap import DirectMap
from kernel.mm.early import EarlyFrames
from kernel.mm.entrychanger import EntryChanger
from kernel.mm.entryfiller import EntryFiller
from kernel.mm.faultinjection import FaultInjection
from kernel.mm.freeranges import FreeRanges
from kernel.mm.heap import Heap
from kernel.mm.kernelspace import KernelSpace
from kernel.mm.mapper import Mapper
from kernel.mm.mappings import Mappings
from kernel.mm.pages import Pages
from kernel.mm.pagesplitter import PageSplitter
from kernel.mm.pagetables import PageTables
from kernel.mm.paging import Paging
from kernel.mm.reclaim import Reclaim
from kernel.mm.records import Records
from kernel.mm.redzone import RedZones
from kernel.mm.runtime import Runtime
from kernel.mm.sections import Sections
from kernel.mm.slablayer import SlabLayer
from kernel.mm.slabs import Slabs
from kernel.mm.tablewalker import TableWalker
from kernel.paging.layout import LAYOUT
from pykasm import *

CONTENTS: Contents = (
    FreeRanges,  # what was free at the start
    EarlyFrames,  # pages before there is an allocator
    Buddy,  # blocks of pages, split and joined
    Sections,  # memory that waits to be used
    FaultInjection,  # allocations that fail on purpose
    Pages,  # physical memory
    TableWalker,  # the page-table entries of an address
    PageTables,  # the tables of a space, made and freed
    PageSplitter,  # large pages into smaller ones
    EntryFiller,  # entries where there were none
    EntryChanger,  # others where there were some
    Mapper,  # mapping, unmapping and protecting
    KernelSpace,  # the kernel's own tables
    DirectMap,  # all physical memory, and device registers
    partial(Paging, layout=LAYOUT),  # the kernel's address space
    partial(Records, kind=Range),  # what describes ranges of addresses
    Arena,  # addresses for mappings
    Runtime,  # mappings made while running
    Mappings,  # what is mapped where
    RedZones,  # wrong uses of the heap
    SlabLayer,  # pages cut into objects of one size
    Slabs,  # caches of such objects
    Heap,  # memory of any size
    Reclaim,  # giving back memory that is kept for later
)
