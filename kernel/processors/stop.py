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
"""Looks at the count of those that have stopped, before the rest is stopped the hard way."""


class Stop(Subsystem):
    """For panics and the like: needs no lock, no memory and no clock. Processors with interrupts on
    stop at once; the others by an NMI, which whoever it interrupts can't go on from."""

    stopped = bss(U32)
    """Processors that do nothing any more."""
    has_stopped = percpu(U32)
    """Whether this one is among them: 1 or 0."""

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
            self._others_by(InterruptVector.STOP)
            tail(self._others_by, InterruptCommand.NMI)

    @function
    def _others_by(self, command: U32) -> None:
        """Send `command` to all that have not stopped, if there are any, and wait a while."""
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
        """Another processor wants this one to stop."""
        tail(self.here)

    @function
    def here(self) -> NoReturn:
        """Halt this processor for good; only an NMI wakes it, for a moment."""
        cli()
        mov(eax, 1)
        xchg(self.has_stopped, eax)
        with if_(eax == 0):
            lock.inc(self.stopped)
        tail(self.halt)
        never()

    @function
    def halt(self) -> NoReturn:
        """As `here`, for the one that has stopped the others."""
        cli()
        with loop():
            hlt()
        never()
