"""What processors remember of page tables."""

from __future__ import annotations

from kernel.cpu.control import Cr4
from kernel.cpu.pagetable import PAGE
from kernel.paging.space import Space
from kernel.processors.processor import Processor
from kernel.processors.processors import Processors
from kernel.processors.request import Request
from kernel.sched.scheduler import Scheduler
from kernel.smp.calls import Calls
from pykasm import *

SINGLY = 32
"""Pages up to which they are forgotten one by one; above that, forgetting all costs less."""


class Shootdown(Struct):
    """What processors are asked to forget."""

    request: Request
    address: U64
    pages: U64


class Tlb(Subsystem):
    """Makes processors forget what they know of addresses whose entries have changed.

    The kernel's half is known to all processors, the other one only to those that use the space:
    each notes which it uses before it does (`Switch.use`). So whoever changes an entry and then
    looks at the notes either finds the processor's, or that processor reads the entry anew.
    """

    def __init__(self, processors: Processors, calls: Calls, scheduler: Scheduler) -> None:
        self.processors = processors
        self.calls = calls
        self.scheduler = scheduler

    @function(sleeps=True)
    def invalidate(self, space: Ptr[Space], address: U64, pages: U64) -> None:
        """Flush `pages` pages of 4 KiB from `address` on, and what is cached of the tables that
        led to them, on all processors that use `space`. Context: interrupts on once there are
        several processors, as `Calls` wants it."""
        with if_(self.processors.count <= 1):
            tail(self.flush, address, pages)
        space, what = keep(space), local(Shootdown)
        mov(what.address, address)
        mov(what.pages, pages)
        what.request.prepare(address_of(self.serve))
        self.calls.check_interrupts()
        with self.scheduler.preemption_disabled():
            self.flush(what.address, what.pages)
            mfence()  # others have to see the changed entry before their notes are looked at
            with self.processors.others() as processor:
                self._post_if_needed(processor, space, what)
            what.request.wait()

    @inline(changes=CALLER_SAVED)
    def _post_if_needed(
        self, processor: Ptr[Processor], space: Ptr[Space], what: Shootdown
    ) -> None:
        """Ask `processor` if it may know the addresses: if they are the kernel's, or of the space
        that it uses."""
        mov(rax, processor.root)
        with if_((i64(what.address) < 0) | (rax == space.root)):
            self.calls.post(processor, address_of(what.request))

    @function(context="interrupt")
    def serve(self, request: Ptr[Request]) -> None:
        """Flush what another processor asks this one to."""
        what = cast(request, Ptr[Shootdown])
        tail(self.flush, what.address, what.pages)

    @function
    def flush(self, address: U64, pages: U64) -> None:
        """Flush `pages` pages from `address` on, on this processor."""
        with if_(pages > SINGLY):
            tail(self._flush_all)
        with while_(pages != 0):
            invlpg(bare[address])
            add(address, PAGE)
            dec(pages)

    @function
    def _flush_all(self) -> None:
        """Flush everything on this processor, global pages too, by switching them off for a
        moment (AMD64 APM vol. 2, 5.5.2)."""
        mov(rax, cr4)
        mov(rcx, rax)
        and_(rcx, ~int(Cr4.PGE))
        mov(cr4, rcx)
        mov(cr4, rax)
