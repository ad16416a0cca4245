"""Giving back memory that is kept for later."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.mm.pages import Pages
from kernel.mm.slabs import Slabs
from kernel.processors.processors import Processors
from kernel.processors.request import Request
from kernel.smp.calls import Calls
from pykasm import *


class Shrinker(Subsystem):
    """Keeps memory for later that the whole kernel shares."""

    @function
    def shrink(self) -> None:
        """Give it back. Context: thread."""
        raise NotImplementedError


class Reclaim(Subsystem):
    """Empties what keeps memory so that the next one who needs some gets it faster.

    Objects and pages are kept for each processor, so each has to give its own back; `shrinkers`
    have what is kept for the whole kernel.
    """

    def __init__(
        self,
        slabs: Slabs,
        pages: Pages,
        processors: Processors,
        calls: Calls,
        shrinkers: Sequence[Shrinker],
    ) -> None:
        self.slabs = slabs
        self.pages = pages
        self.processors = processors
        self.calls = calls
        self.shrinkers = shrinkers

    @function(sleeps=True)
    def run(self) -> None:
        """Give everything back. Context: thread, without spin locks.

        Processors are asked before, too: a thread ends with interrupts off (`Threads.exit`), so
        those that were ending have given their stacks by the time that all have answered.
        """
        self.ask_all()
        for one in self.shrinkers:
            one.shrink()
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
