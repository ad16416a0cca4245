"""Tests that lose something, for the ledgers to find."""

from __future__ import annotations

from kernel.mm.heap import Heap
from kernel.mm.pages import Pages
from kernel.mm.runtimemappings import RuntimeMappings
from kernel.pci.device import PciDevice
from kernel.selftest.case import TestSuite, check
from pykasm import *

OBJECT = sizeof(PciDevice)
"""Bytes; the heap has objects of this size in use, so that losing one takes no page more."""

LEAK = "this leak is what is asked for"

REGISTERS = 0xFEE0_0000
"""Where a device may be; nothing touches it."""


class LeakingTests(TestSuite):
    """Run only when they are asked for by name, and each calls itself passed."""

    def __init__(self, heap: Heap, pages: Pages, runtime: RuntimeMappings) -> None:
        self.heap = heap
        self.pages = pages
        self.runtime = runtime
        self.tests = [
            check("leaking.page", self.page, apart=True),
            check("leaking.object", self.object, apart=True),
            check("leaking.mapping", self.mapping, apart=True),
        ]

    @function
    def page(self) -> U32:
        """Lose a page."""
        disown(self.pages.allocate_page(), LEAK)
        ret(1)

    @function
    def object(self) -> U32:
        """Lose an object of a slab that stays anyway."""
        disown(self.heap.allocate(OBJECT), LEAK)
        ret(1)

    @function(sleeps=True)
    def mapping(self) -> U32:
        """Lose addresses, next to others of the kernel's."""
        disown(self.runtime.map_device(REGISTERS, 1), LEAK)
        ret(1)
