"""The page tables of an address space."""

from kernel.locks.spinlock import SpinLock
from kernel.paging.addresses import PhysicalAddress
from pykasm import *


class Space(Struct):
    """Page tables, and the lock under which they are changed."""

    lock: SpinLock
    root: Owned[PhysicalAddress]
    """The physical address of the top table, for CR3."""
    freeing_tables: U32
    """Changes that took tables out which TLBs may still have, and that are about to flush them."""
