"""An address space."""

from kernel.locks.spinlock import SpinLock
from pykasm import *


class Space(Struct):
    """Page tables, and the lock that keeps changes to them apart."""

    lock: SpinLock
    root: U64
    """The physical address of the top table."""
    freeing_tables: U32
    """Changes that took tables out which processors may still remember."""
