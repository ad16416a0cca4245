"""The parts of `kernel/mm`, in the order of reading."""

from functools import partial

from kernel.mm.addressrange import AddressRange
from kernel.mm.arena import Arena
from kernel.mm.buddy import Buddy
from kernel.mm.directmap import DirectMap
from kernel.mm.early import EarlyFrames
from kernel.mm.entrychanger import EntryChanger
from kernel.mm.entryfiller import EntryFiller
from kernel.mm.faultinjection import FaultInjection
from kernel.mm.frametable import FrameTable
from kernel.mm.freeranges import FreeRanges
from kernel.mm.heap import Heap
from kernel.mm.kernelspace import KernelSpace
from kernel.mm.mapper import Mapper
from kernel.mm.mappings import Mappings
from kernel.mm.memoryshortage import MemoryShortage
from kernel.mm.pagemagazines import PageMagazines
from kernel.mm.pages import Pages
from kernel.mm.pagesplitter import PageSplitter
from kernel.mm.pagetables import PageTables
from kernel.mm.paging import Paging
from kernel.mm.reclaim import Reclaim
from kernel.mm.recordpool import RecordPool
from kernel.mm.redzone import RedZones
from kernel.mm.registerclaims import RegisterClaims
from kernel.mm.remaining import RemainingMemory
from kernel.mm.runtimemappings import RuntimeMappings
from kernel.mm.sectioncounter import SectionCounter
from kernel.mm.sections import Sections
from kernel.mm.slablayer import SlabLayer
from kernel.mm.slabs import Slabs
from kernel.mm.tablewalker import TableWalker
from kernel.mm.zones import Zones
from kernel.paging.layout import LAYOUT
from pykasm import *

CONTENTS: Contents = (
    FreeRanges,  # what was free at the start
    EarlyFrames,  # pages before there is an allocator
    RemainingMemory,  # free memory that those left
    SectionCounter,  # how much that is
    FrameTable,  # the records of pages
    Buddy,  # blocks of pages, split and joined
    Sections,  # memory that waits to be used
    MemoryShortage,  # who is told when there is none
    Zones,  # memory below and above 4 GiB
    PageMagazines,  # pages at hand for each processor
    FaultInjection,  # allocations that fail on purpose
    Pages,  # physical memory
    TableWalker,  # the page-table entries of an address
    PageTables,  # the tables of a space, allocated and freed
    PageSplitter,  # large pages into smaller ones
    EntryFiller,  # entries where there were none
    EntryChanger,  # others where there were some
    Mapper,  # mapping, unmapping and protecting
    KernelSpace,  # the kernel's own tables
    RegisterClaims,  # which device registers are whose
    DirectMap,  # all physical memory, and device registers
    partial(Paging, layout=LAYOUT),  # the kernel's address space
    partial(RecordPool, kind=AddressRange),  # records of ranges of addresses
    Arena,  # addresses for mappings
    RuntimeMappings,  # memory and devices mapped while running
    Mappings,  # what is mapped where
    RedZones,  # wrong uses of the heap
    SlabLayer,  # pages cut into objects of one size
    Slabs,  # caches of such objects
    Heap,  # memory of any size
    Reclaim,  # freeing memory that is kept for later
)
