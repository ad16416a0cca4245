"""Call functions on other processors, and wait until they have run."""

from __future__ import annotations

from kernel.cpu.control import RFlags
from kernel.interrupts.action import Action
from kernel.interrupts.dispatcher import Dispatcher
from kernel.interrupts.localapic import LocalApic
from kernel.interrupts.vectors import InterruptVector
from kernel.processors.processor import Processor
from kernel.processors.processors import Processors
from kernel.processors.request import Request
from kernel.sched.scheduler import Scheduler
from pykasm import *


class Calls(Subsystem):
    """Each processor has an inbox for one request. A caller puts its request there as soon as it is
    empty, and interrupts the processor, which empties it, calls the handler, and counts that off in
    the request.

    Callers wait with interrupts on, and so serve the calls of others meanwhile. With interrupts
    off, two processors that call each other would deadlock, and so would one that holds a lock
    which another waits for; so no spin lock may be held. The checker finds such calls, as calling
    counts as sleeping, and debug builds test the flag at each call.
    """

    def __init__(
        self, processors: Processors, apic: LocalApic, scheduler: Scheduler, dispatcher: Dispatcher
    ) -> None:
        self.processors = processors
        self.apic = apic
        self.scheduler = scheduler
        self.dispatcher = dispatcher
        self.action = data(Action, Action(handler=self.serve))

    @function(init=True)
    def start(self) -> None:
        """Claim the vector of calls. Once, before the second processor starts."""
        tail(self.dispatcher.claim, InterruptVector.CALL, address_of(self.action))

    @function(sleeps=True)
    def on(self, processor: Ptr[Processor], request: Keep[Ptr[Request]]) -> None:
        """Call the handler of `request` on `processor`, which may be this one, and wait for it."""
        self.check_interrupts()
        self.post(processor, request)
        request.wait()

    @function(sleeps=True)
    def on_others(self, request: Keep[Ptr[Request]]) -> None:
        """Call the handler of `request` on all processors but this one, and wait for it."""
        self.check_interrupts()
        # On another processor, this thread would leave out the wrong one.
        with self.scheduler.preemption_disabled():
            with self.processors.others() as processor:
                self.post(processor, request)
            request.wait()

    @inline(changes=rax)
    def check_interrupts(self) -> None:
        """Assert that interrupts are on."""
        if debugging():
            pushfq()
            pop(rax)
            asserts(rax & RFlags.IF)

    @function
    def post(self, processor: Ptr[Processor], request: Ptr[Request]) -> None:
        """Put `request` into the inbox of `processor`, once that is empty, and interrupt it."""
        lock.inc(request.left)  # before it is found: it may be counted off at once
        with loop():
            xor(eax, eax)
            lock.cmpxchg(processor.inbox, request)
            break_if(ZF)
            pause()
        tail(self.apic.send, processor.apic, InterruptVector.CALL)

    @function(context="interrupt")
    def serve(self, argument: U64) -> None:
        """Handle the request in this processor's inbox."""
        request = keep(Ptr[Request])
        # Emptied before it is handled, so that the next caller need not wait for that.
        xor(u32(request), u32(request))
        xchg(self.processors.own.inbox, request)
        with if_(request != 0):
            request.handler(request)
            lock.dec(request.left)  # its memory may be gone after this
