"""What parents are told of their children."""

from __future__ import annotations

from kernel.process.process import Process
from kernel.signals.signalactions import ActionFlag, Disposition, SignalAction
from kernel.signals.signalactionstore import SignalActionStore
from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signalnumber import SIGNALS, Signal, SignalCode
from kernel.signals.signals import Signals
from kernel.sync.pollqueue import ANYTHING
from kernel.sync.pollqueues import PollQueues
from pykasm import *

SIGNAL_BITS = 0x7F
"""The bits of a status that are the signal which ended a process (wait(2))."""
DUMPED = 0x80
"""The bit that says that it left its memory in a file."""


class ParentReports(Subsystem):
    """Sends SIGCHLD, and wakes parents that wait. `Processes.lock` is held, so that parents stay.
    Context: interrupts off."""

    def __init__(self, queues: PollQueues, signals: Signals, actions: SignalActionStore) -> None:
        self.queues = queues
        self.signals = signals
        self.actions = actions

    @function(context="interrupts off", holds="Processes.lock")
    def tell_end(self, parent: Keep[Ptr[Process]], child: Keep[Ptr[Process]]) -> Bool:
        """Tell `parent` that `child` has ended. Returns whether it will not wait for that: it
        ignores SIGCHLD, or has said so (sigaction(2), SA_NOCLDWAIT)."""
        unwanted = keep(U32)
        xor(unwanted, unwanted)
        action = local(SignalAction)
        with if_(child.exit_signal == Signal.SIGCHLD):
            self._get_action(parent, address_of(action))
            with if_(action.flags & ActionFlag.NOCLDWAIT):
                mov(unwanted, 1)
            with if_(action.handler == Disposition.IGNORE):
                mov(unwanted, 1)
        # `clone` takes whatever number a program gives it
        with if_((child.exit_signal != 0) & (child.exit_signal <= SIGNALS)):
            self._send_end(parent, child)
        self.queues.announce(address_of(parent.child_events), ANYTHING)
        ret(unwanted != 0)

    @function
    def _get_action(self, parent: Ptr[Process], action: Keep[Ptr[SignalAction]]) -> None:
        """Fill in `action` with what `parent` does for SIGCHLD; with 0 if it ends."""
        mov(action.handler, 0)
        mov(action.flags, 0)
        group = keep(address_of(parent.signals))
        with group.lock.held(), if_(group.count != 0):
            self.actions.get(group.actions, Signal.SIGCHLD, action)

    @function(context="interrupts off", holds="Processes.lock")
    def _send_end(self, parent: Keep[Ptr[Process]], child: Ptr[Process]) -> None:
        """Send `parent` the signal that it wants when `child` ends."""
        info, status = local(SignalInfo), scratch(child.exit_status)
        child = scratch(child)
        info.clear()
        mov(eax, child.exit_signal)
        mov(info.number, eax)
        mov(info.code, SignalCode.CLD_EXITED)
        mov(eax, status)
        shr(eax, 8)
        with if_(status & SIGNAL_BITS):
            mov(info.code, SignalCode.CLD_KILLED)
            with if_(status & DUMPED):
                mov(info.code, SignalCode.CLD_DUMPED)
            mov(eax, status)
            and_(eax, SIGNAL_BITS)
        mov(info.details.child.status, i32(eax))
        self._send(parent, child, address_of(info))

    @function(context="interrupts off", holds="Processes.lock")
    def _send(self, parent: Ptr[Process], child: Ptr[Process], info: Keep[Ptr[SignalInfo]]) -> None:
        """Send `parent` the signal of `info`, which is about `child`."""
        mov(eax, child.number)
        mov(info.details.child.process, eax)
        mov(eax, child.user)
        mov(info.details.child.user, eax)
        ignore(self.signals.send(address_of(parent.signals), info), "without memory it tells less")

    @function(context="interrupts off", holds="Processes.lock")
    def tell_stop(self, child: Ptr[Process], number: U32) -> None:
        """Tell the parent of `child` that the signal `number` has stopped it."""
        mov(child.stop_signal, number)
        mov(child.continued, 0)
        tail(self._tell_change, child, SignalCode.CLD_STOPPED, number)

    @function(context="interrupts off", holds="Processes.lock")
    def tell_continuation(self, child: Ptr[Process]) -> None:
        """Tell the parent of `child` that it goes on."""
        mov(child.stop_signal, 0)
        mov(child.continued, 1)
        tail(self._tell_change, child, SignalCode.CLD_CONTINUED, Signal.SIGCONT)

    @function(context="interrupts off", holds="Processes.lock")
    def _tell_change(self, child: Keep[Ptr[Process]], code: I32, number: U32) -> None:
        """Tell the parent of `child`, if it wants to know, that the signal `number` has stopped it
        or lets it go on."""
        info, action, parent = local(SignalInfo), local(SignalAction), keep(child.parent)
        with if_(parent == 0):
            ret()
        self._fill_change(address_of(info), code, number)
        self._get_action(parent, address_of(action))
        with if_(~(action.flags & ActionFlag.NOCLDSTOP)):
            self._send(parent, child, address_of(info))
        tail(self.queues.announce, address_of(parent.child_events), ANYTHING)

    @function
    def _fill_change(self, info: Ptr[SignalInfo], code: I32, number: U32) -> None:
        """Fill in `info` for SIGCHLD."""
        info, code, number = scratch(info), scratch(code), scratch(number)
        info.clear()
        mov(info.number, Signal.SIGCHLD)
        mov(info.code, code)
        mov(info.details.child.status, i32(number))
