"""Signals that a thread gets for what it has done."""

from __future__ import annotations

from kernel.sched.scheduler import Scheduler
from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signalnumber import SignalCode
from kernel.signals.signals import Signals
from kernel.signals.signaltarget import SignalTarget
from pykasm import *


class OwnSignals(Subsystem):
    """Sends signals to the thread that runs, if that runs a program, such as SIGPIPE for a write
    that nobody will read. Context: thread."""

    def __init__(self, scheduler: Scheduler, signals: Signals) -> None:
        self.scheduler = scheduler
        self.signals = signals

    @function(context="thread")
    def send(self, number: U32) -> None:
        """Send the signal `number`."""
        info, number = local(SignalInfo), scratch(number)
        info.clear()
        mov(info.number, number)
        mov(info.code, SignalCode.SI_USER)
        thread = scratch(self.scheduler.current)
        target = scratch(cast(thread.user, Ptr[SignalTarget]))
        with if_(u64(target) != 0):
            ignore(
                self.signals.send_to_thread(target, address_of(info)), "such a signal is not queued"
            )

    @function(context="thread")
    def largest_file(self) -> U64:
        """Return how long the program that runs may make files; who goes on beyond that gets
        SIGXFSZ."""
        thread = scratch(self.scheduler.current)
        target = scratch(cast(thread.user, OrNull[Ptr[SignalTarget]]))
        mov(rax, -1)
        with if_(target != 0):
            group = scratch(target.group)
            mov(rax, group.largest_file)
        ret(rax)
