"""Having other processors order what they read and write."""

from __future__ import annotations

from kernel.paging.space import Space
from kernel.processors.processor import Processor
from kernel.processors.processors import Processors
from kernel.processors.request import Request
from kernel.sched.scheduler import Scheduler
from kernel.smp.calls import Calls
from pykasm import *

ALL = 0xFFFF_FFFF
"""Stands for the number of each processor."""


class MemoryBarriers(Subsystem):
    """Lets each processor come to a point where it has finished all accesses to memory that its
    program has begun. An interrupt is such a point, and its end has the processor fetch anew what
    it executes (AMD64 APM vol. 2, 7.6.4: IRET)."""

    def __init__(self, processors: Processors, calls: Calls, scheduler: Scheduler) -> None:
        self.processors = processors
        self.calls = calls
        self.scheduler = scheduler

    @function(sleeps=True)
    def on_all(self) -> None:
        """Wait until all processors have come to such a point."""
        request = local(Request)
        request.prepare(address_of(self.serve))
        mfence()
        self.calls.on_others(address_of(request))
        mfence()

    @function(sleeps=True)
    def on_users(self, space: Keep[Ptr[Space]]) -> None:
        """Wait until all processors that are in `space` have come to such a point. One that enters
        it from now on has loaded CR3 since, which is one, too."""
        request = local(Request)
        request.prepare(address_of(self.serve))
        self.calls.check_interrupts()
        with self.scheduler.preemption_disabled():
            mfence()  # what was written comes before the roots that are read
            with self.processors.others() as processor:
                self._post_if_inside(processor, space, request)
            request.wait()
            mfence()

    @function(sleeps=True)
    def restart_users(self, space: Keep[Ptr[Space]], number: Keep[U32]) -> None:
        """Have the threads that run in `space` on other processors, or on the one with this
        `number` unless that is ALL, give up what they do without an interruption, and wait until
        they know."""
        request = local(Request)
        request.prepare(address_of(self.restart))
        self.calls.check_interrupts()
        with self.scheduler.preemption_disabled():
            mfence()
            with (
                self.processors.others() as processor,
                if_((number == ALL) | (processor.number == number)),
            ):
                self._post_if_inside(processor, space, request)
            request.wait()
            mfence()

    @inline(changes=CALLER_SAVED)
    def _post_if_inside(
        self, processor: Ptr[Processor], space: Ptr[Space], request: Request
    ) -> None:
        """Post `request` to `processor` if it is in `space`."""
        mov(rax, processor.root)
        with if_(rax == space.root):
            self.calls.post(processor, address_of(request))

    @function(context="interrupt")
    def serve(self, request: Ptr[Request]) -> None:
        """Come to such a point."""
        mfence()

    @function(context="interrupt")
    def restart(self, request: Ptr[Request]) -> None:
        """Have the thread that runs give up what it does without an interruption, and come to such
        a point."""
        thread = scratch(self.scheduler.current)
        mov(eax, thread.restarts)
        lock.or_(thread.pending, eax)
        mfence()
