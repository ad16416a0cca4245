"""Having other processors do something, and waiting until they have."""

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
    """Each processor has an inbox for one request. Who has a request for it puts that there, as
    soon as it is empty, and interrupts the processor, which empties it, does what it was asked, and
    counts that off in the request.

    Who calls waits, with interrupts on, so that it serves others meanwhile: nobody waits for ever.
    With interrupts off, two processors that call each other would stand still, and so would one
    that holds a lock which another waits for; so no spin lock may be held, which turns them off.
    The checker finds such calls, as all of this counts as sleeping, and debug builds look at the
    flag at each call.
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
        """Have `processor`, which may be this one, do what `request` says, and wait for it."""
        self.check_interrupts()
        self.post(processor, request)
        request.wait()

    @function(sleeps=True)
    def on_others(self, request: Keep[Ptr[Request]]) -> None:
        """Have all processors but this one do what `request` says, and wait until they have."""
        self.check_interrupts()
        with self.scheduler.preemption_disabled():
            with self.processors.others() as processor:
                self.post(processor, request)
            request.wait()

    @inline(changes=rax)
    def check_interrupts(self) -> None:
        """In debug builds: see that interrupts are on."""
        if debugging():
            pushfq()
            pop(rax)
            asserts(rax & RFlags.IF)

    @function
    def post(self, processor: Ptr[Processor], request: Ptr[Request]) -> None:
        """Give `request` to `processor`, once that is through with what it was given before."""
        lock.inc(request.left)
        with loop():
            xor(eax, eax)
            lock.cmpxchg(processor.inbox, request)
            break_if(ZF)
            pause()
        tail(self.apic.send, processor.apic, InterruptVector.CALL)

    @function(context="interrupt")
    def serve(self, argument: U64) -> None:
        """Do what this processor was asked to."""
        request = keep(Ptr[Request])
        xor(u32(request), u32(request))
        xchg(self.processors.own.inbox, request)
        with if_(request != 0):
            request.handler(request)
            lock.dec(request.left)  # its memory may be gone after this
