"""Giving back memory that is kept for later."""

from __future__ import annotations

from typing import Any

from kernel.mm.pages import Pages
from kernel.mm.slabs import Slabs
from kernel.processors.processors import Processors
from kernel.processors.request import Request
from kernel.smp.calls import Calls
from pykasm import *


class Reclaim(Subsystem):
    """Empties what keeps memory so that the next one who needs some gets it faster.

    `steps` are the functions that do so for the whole kernel. Objects and pages are kept for each
    processor, so each has to give its own back.
    """

    def __init__(
        self, slabs: Slabs, pages: Pages, processors: Processors, calls: Calls, steps: list[Any]
    ) -> None:
        self.slabs = slabs
        self.pages = pages
        self.processors = processors
        self.calls = calls
        self.steps = steps

    @function(sleeps=True)
    def run(self) -> None:
        """Give everything back. Context: thread, without spin locks.

        Processors are asked before, too: a thread ends with interrupts off (`Threads.exit`), so
        those that were ending have given their stacks by the time that all have answered.
        """
        self.ask_all()
        for step in self.steps:
            step()
        self.ask_all()

    @function(sleeps=True)
    def ask_all(self) -> None:
        """Have each processor give back what it keeps. This one is asked like all others: the
        thread may be on another one by the time that those are asked."""
        request = local(Request)
        request.prepare(self.shrink)
        with self.processors.each() as processor:
            lea(rsi, request)
            self.calls.on(processor, rsi)

    @function(context="interrupt")
    def shrink(self, request: Ptr[Request]) -> None:
        """Give back what this processor keeps, which was asked to."""
        self.slabs.shrink()
        tail(self.pages.empty_cache)
