"""A processor that runs the kernel."""

from __future__ import annotations

from kernel.processors.request import Request
from kernel.structures.list import ListHead
from pykasm import *


class Processor(Struct):
    """A processor's record, which all processors may read."""

    link: ListHead
    """In `Processors.all`."""
    number: U32
    """As in `PerCpu.number`."""
    apic: U32
    """The number of its local APIC, by which it is reached."""
    block: U64
    """The address of its per-CPU variables."""
    inbox: Ptr[Request]
    """A request of another processor, or null: see `Calls`."""
    root: U64
    """The physical address of the top page table that it uses: see `Tlb`."""
    reads: U64
    """The address of the lock that its thread reads quickly, or 0: see `BiasedLocks`."""
