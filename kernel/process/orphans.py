"""Process groups that nobody is left to look after."""

from __future__ import annotations

from kernel.process.process import Process, ProcessState
from kernel.process.session import ProcessGroup
from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signalnumber import Signal, SignalCode
from kernel.signals.signals import Signals
from pykasm import *


class Orphans(Subsystem):
    """Finds orphaned process groups: no member has a parent in another group of the session, who
    could let it go on (POSIX.1, 3.253). The terminal does not stop these. `Processes.lock` is
    held."""

    def __init__(self, signals: Signals) -> None:
        self.signals = signals

    @function(holds="Processes.lock")
    def is_orphaned(self, group: Ptr[ProcessGroup], init: OrNull[Ptr[Process]]) -> Bool:
        """Return whether `group` is orphaned; the first process, `init`, looks after nobody."""
        with group.members.each(Process, "group_link", place=scratch) as member:
            parent = scratch(member.parent)
            with if_((parent != 0) & (parent != init) & (member.state != ProcessState.ZOMBIE)):
                other = scratch(parent.group)
                mov(rax, other.session)
                with if_((other != group) & (rax == group.session)):
                    ret(False)
                release(other)
            release(parent)
        ret(True)

    @function(context="interrupts off", holds="Processes.lock")
    def release(
        self, child: Ptr[Process], parent: OrNull[Ptr[Process]], init: OrNull[Ptr[Process]]
    ) -> None:
        """Continue the group of `child`, one of the two processes having ended, if `parent` was
        the last that could: send its members SIGHUP and SIGCONT if one of them is stopped (POSIX.1,
        _exit)."""
        with if_(parent == 0):
            ret()
        group, other = keep(child.group), scratch(parent.group)
        mov(rax, other.session)
        with if_((group == other) | (rax != group.session)):
            ret()
        with if_(self.is_orphaned(group, init)), if_(self._is_stopped(group)):
            self._send(group, Signal.SIGHUP)
            tail(self._send, group, Signal.SIGCONT)

    @function(holds="Processes.lock")
    def _is_stopped(self, group: Ptr[ProcessGroup]) -> Bool:
        """Return whether a member of `group` is stopped."""
        with (
            group.members.each(Process, "group_link", place=scratch) as member,
            if_((member.signals.stop_signal != 0) & (member.state != ProcessState.ZOMBIE)),
        ):
            ret(True)
        ret(False)

    @function(context="interrupts off", holds="Processes.lock")
    def _send(self, group: Keep[Ptr[ProcessGroup]], number: Keep[U32]) -> None:
        """Send the signal `number`, from the kernel, to the members of `group`."""
        info = local(SignalInfo)
        with group.members.each(Process, "group_link") as member:
            info.clear()
            mov(info.number, number)
            mov(info.code, SignalCode.SI_KERNEL)
            ignore(
                self.signals.send(address_of(member.signals), address_of(info)), "it is not queued"
            )
