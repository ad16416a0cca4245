"""Giving back memory that is kept for later."""

from __future__ import annotations

from typing import Any

from kernel.mm.caches import Slabs
from kernel.mm.pages import Pages
from kernel.smp.calls import Calls
from kernel.smp.request import Request
from pykasm import *


class Reclaim(Subsystem):
    """Empties what keeps memory so that the next one who needs some gets it faster.

    `steps` are the functions that do so for the whole kernel. Objects and pages are kept for each
    processor, so each has to give its own back.
    """

    def __init__(self, slabs: Slabs, pages: Pages, calls: Calls, steps: list[Any]) -> None:
        self.slabs = slabs
        self.pages = pages
        self.calls = calls
        self.steps = steps

    @function(sleeps=True)
    def run(self) -> None:
        """Give everything back. Context: thread, without spin locks."""
        request = local(Request)
        for step in self.steps:
            step()
        self.shrink()
        request.prepare(self.shrink_here)
        lea(rdi, request)
        self.calls.on_others(rdi)

    @function(context="interrupt")
    def shrink_here(self, request: Ptr[Request]) -> None:
        """Do the same where this processor was asked to."""
        tail(self.shrink)

    @function
    def shrink(self) -> None:
        """Give back what this processor keeps. Context: any."""
        self.slabs.shrink()
        tail(self.pages.empty_cache)
