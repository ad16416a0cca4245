"""A processor that runs the kernel."""

from __future__ import annotations

from kernel.processors.request import Request
from kernel.structures.list import ListHead
from pykasm import *


class Processor(Struct):
    """What others know of a processor."""

    link: ListHead
    """In `Processors.all`."""
    number: U32
    """As in `PerCpu.number`."""
    apic: U32
    """The number of its local APIC, by which it is reached."""
    block: U64
    """Where its per-CPU variables are."""
    inbox: Ptr[Request]
    """What another one wants it to do, null if nothing: see `Calls`."""
    root: U64
    """The physical address of the top page table that it uses: see `Tlb`."""
