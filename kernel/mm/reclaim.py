"""Freeing memory that is kept for later."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.mm.pagemagazines import PageMagazines
from kernel.mm.slabs import Slabs
from kernel.processors.processors import Processors
from kernel.processors.request import Request
from kernel.smp.calls import Calls
from pykasm import *


class Shrinker(Subsystem):
    """Keeps memory for later that the whole kernel shares. The name is Linux's."""

    @function
    def shrink(self) -> None:
        """Free it. Context: thread."""
        raise NotImplementedError


class Reclaim(Subsystem):
    """Empties the caches that make the next allocation faster.

    Objects and pages are cached for each processor, so each has to free its own; `shrinkers` have
    what is cached for the whole kernel.
    """

    def __init__(
        self,
        slabs: Slabs,
        caches: PageMagazines,
        processors: Processors,
        calls: Calls,
        shrinkers: Sequence[Shrinker],
    ) -> None:
        self.slabs = slabs
        self.caches = caches
        self.processors = processors
        self.calls = calls
        self.shrinkers = shrinkers

    @function(sleeps=True)
    def run(self) -> None:
        """Free all cached memory. Context: thread, without spin locks.

        Processors are called before, too: a thread ends with interrupts off (`Threads.exit`), so
        those that were ending have freed their stacks by the time that all have answered.
        """
        self._shrink_processors()
        for one in self.shrinkers:
            one.shrink()
        self._shrink_processors()

    @function(sleeps=True)
    def _shrink_processors(self) -> None:
        """Have each processor free what it caches. This one is called like all others: the thread
        may have moved to another one by the time that those are called."""
        request = local(Request)
        request.prepare(address_of(self._shrink))
        with self.processors.each() as processor:
            self.calls.on(processor, address_of(request))

    @function(context="interrupt")
    def _shrink(self, request: Ptr[Request]) -> None:
        """Free what this processor caches, which was called to."""
        self.slabs.shrink()
        tail(self.caches.drain_all)
