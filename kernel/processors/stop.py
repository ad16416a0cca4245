"""Stopping all other processors, for good."""

from __future__ import annotations

from typing import NoReturn

from kernel.interrupts.action import Action
from kernel.interrupts.dispatcher import Dispatcher
from kernel.interrupts.localapic import InterruptCommand, LocalApic
from kernel.interrupts.vectors import InterruptVector
from kernel.processors.processors import Processors
from pykasm import *

TIMEOUT = 1_000_000
"""Reads of the count of stopped processors before the rest is stopped by NMI, and then given up."""


class Stop(Subsystem):
    """Stop processors for a panic or a reset, without lock, memory or clock.

    Those with interrupts on stop by an interrupt; the others by an NMI, after which the code that
    it interrupted can't continue.
    """

    stopped = bss(U32)
    """The number of processors that have stopped."""
    requester = bss(U32)
    """The number of the processor that stops the others, plus 1; 0 for none."""
    has_stopped = percpu(U32)
    """Whether this processor has stopped: 1 or 0."""

    def __init__(self, processors: Processors, apic: LocalApic, dispatcher: Dispatcher) -> None:
        self.processors = processors
        self.apic = apic
        self.dispatcher = dispatcher
        self.action = data(Action, Action(handler=self.serve))

    @function(init=True)
    def start(self) -> None:
        """Claim the vector by which processors are stopped. Once, before the second one starts."""
        tail(self.dispatcher.claim, InterruptVector.STOP, address_of(self.action))

    @function
    def others(self) -> None:
        """Stop all processors but this one. Any context; interrupts are off."""
        with if_(self.processors.count > 1):
            mov(eax, self.processors.per_cpu.number)
            inc(eax)
            mov(self.requester, eax)
            self._others_by(InterruptVector.STOP)
            tail(self._others_by, InterruptCommand.NMI)

    @function
    def _others_by(self, command: U32) -> None:
        """Send `command` to all other processors unless they have stopped, and wait a while until
        they have."""
        left = keep(U32)
        mov(left, self.processors.count)
        dec(left)
        with if_(self.stopped == left):
            ret()
        or_(command, InterruptCommand.TO_OTHERS)
        self.apic.send(0, command)
        with for_(scratch(U32), 0, TIMEOUT):
            break_if(self.stopped == left)
            pause()

    @function(context="interrupt")
    def serve(self, argument: U64) -> None:
        """Stop this processor, as another one asks."""
        tail(self.here)

    @function
    def here(self) -> NoReturn:
        """Stop this processor for good, and count it."""
        cli()
        # An NMI after the interrupt brings it here once more: it is counted once.
        mov(eax, 1)
        xchg(self.has_stopped, eax)
        with if_(eax == 0):
            lock.inc(self.stopped)
        tail(self.halt)
        never()

    @function
    def halt(self) -> NoReturn:
        """Halt this processor for good, without counting it: it has stopped the others."""
        cli()
        with loop():  # an NMI ends `hlt`
            hlt()
        never()
