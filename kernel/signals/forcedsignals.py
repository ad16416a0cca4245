"""Signals that a thread gets whatever it wants."""

from __future__ import annotations

from kernel.sched.thread import Interruption
from kernel.sched.waiting import Waiting
from kernel.signals.signalactions import Disposition
from kernel.signals.signalactionstore import SignalActionStore
from kernel.signals.signalgroup import SignalGroup
from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signalnumber import Signal, SignalCode
from kernel.signals.signalset import bit_of
from kernel.signals.signaltarget import SignalTarget
from pykasm import *


class ForcedSignals(Subsystem):
    """Sends a thread what it has caused itself, before its program goes on: there is one at most,
    in the thread's own record, so that it needs no memory. Context: thread, the one that gets
    it."""

    def __init__(self, waiting: Waiting, actions: SignalActionStore) -> None:
        self.waiting = waiting
        self.actions = actions

    @function(context="thread")
    def force(self, target: Keep[Ptr[SignalTarget]], info: Keep[Ptr[SignalInfo]]) -> None:
        """Send the signal of `info` to `target`. If that blocks or ignores it, the signal ends the
        program (sigaction(2))."""
        group = keep(target.group)
        with group.lock.held():
            handler = scratch(self.actions.handler_of(group.actions, info.number))
            with if_((handler <= Disposition.IGNORE) | (lambda: target.mask & bit_of(info.number))):
                self._make_deadly(group, target, info.number)
            target.forced.copy_from(info)
            self.waiting.interrupt(target.thread, Interruption.SIGNAL)

    @function(context="thread")
    def is_handled(self, target: Ptr[SignalTarget], number: Keep[U32]) -> Bool:
        """Return whether the program goes on with a handler if the signal `number` is forced
        now."""
        with if_(target.mask & bit_of(number)):
            ret(False)
        group = scratch(target.group)
        ret(self.actions.handler_of(group.actions, number) > Disposition.IGNORE)

    @function(holds="group.lock")
    def _make_deadly(self, group: Ptr[SignalGroup], target: Ptr[SignalTarget], number: U32) -> None:
        """Have the signal `number` end the program."""
        not_(bit_of(number))
        and_(target.mask, rax)
        mov(group.protected, 0)
        tail(self.actions.set_handler, group.actions, number, Disposition.DEFAULT)

    @function(context="thread")
    def refuse(self, target: Keep[Ptr[SignalTarget]], number: Keep[U32]) -> None:
        """Send SIGSEGV to `target`, since it can't go on with the handler of the signal `number`,
        or behind one if that is 0. A handler of SIGSEGV itself is not tried again."""
        info = local(SignalInfo)
        info.clear()
        mov(info.number, Signal.SIGSEGV)
        mov(info.code, SignalCode.SI_KERNEL)
        with if_(number == Signal.SIGSEGV):
            group = scratch(target.group)
            self.actions.set_handler(group.actions, number, Disposition.DEFAULT)
        self.force(target, address_of(info))
