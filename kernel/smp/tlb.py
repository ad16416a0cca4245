"""TLB shoot-down: flushing what processors have cached of page tables."""

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
"""Pages up to which they are flushed one by one; above that, flushing all costs less."""


class Shootdown(Struct):
    """The addresses that processors are asked to flush."""

    request: Request
    address: U64
    pages: U64


class Tlb(Subsystem):
    """Flush the entries of changed page tables on all processors that may have cached them.

    Any processor may have cached the kernel's half, and the other half only those that use the
    space: each stores its `Processor.root` before it loads CR3 (`Switch.use`). So who changes an
    entry and then reads the roots either finds the processor's, or that processor has read the
    changed entry.
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
            mfence()  # others have to see the changed entry before their roots are read
            with self.processors.others() as processor:
                self._post_if_needed(processor, space, what)
            what.request.wait()

    @inline(changes=CALLER_SAVED)
    def _post_if_needed(
        self, processor: Ptr[Processor], space: Ptr[Space], what: Shootdown
    ) -> None:
        """Post the request to `processor` if it may have cached the addresses: if they are the
        kernel's, which are negative, or of the space that it uses."""
        mov(rax, processor.root)
        with if_((i64(what.address) < 0) | (rax == space.root)):
            self.calls.post(processor, address_of(what.request))

    @function(context="interrupt")
    def serve(self, request: Ptr[Request]) -> None:
        """Flush what another processor asks for."""
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
