"""What threads block, and what they may take."""

from __future__ import annotations

from kernel.sched.thread import Interruption
from kernel.sched.waiting import Waiting
from kernel.signals.signalgroup import SignalGroup
from kernel.signals.signalset import UNBLOCKABLE
from kernel.signals.signaltarget import SignalTarget
from pykasm import *


class SignalMasks(Subsystem):
    """Changes the masks of threads. Context: thread."""

    def __init__(self, waiting: Waiting) -> None:
        self.waiting = waiting

    @function(context="thread")
    def set(self, target: Keep[Ptr[SignalTarget]], mask: Keep[U64]) -> None:
        """Block what is in `mask`, as far as it can be, and nothing else. `target` is the thread
        that runs. What others have left to it and it does not take any more, they are told of; what
        it takes from now on, it is."""
        and_(mask, ~UNBLOCKABLE)
        group, unwanted = keep(target.group), scratch(target.mask)
        not_(unwanted)
        and_(unwanted, mask)
        with group.lock.held():
            and_(unwanted, group.pending.set)
            mov(target.mask, mask)
            with if_(unwanted != 0):
                self.pass_on(group, target, unwanted)
            mov(rax, group.pending.set)
            or_(rax, target.pending.set)
            with if_((rax != 0) | (group.stop_signal != 0)):
                self.look_again(group, target)

    @function(context="interrupts off", holds="group.lock")
    def look_again(self, group: Ptr[SignalGroup], target: Ptr[SignalTarget]) -> None:
        """Have `target` look, if there is something for it."""
        mov(rax, group.pending.set)
        or_(rax, target.pending.set)
        mov(rcx, target.mask)
        not_(rcx)
        and_(rax, rcx)
        with if_((rax != 0) | (group.stop_signal != 0)):
            tail(self.waiting.interrupt, target.thread, Interruption.SIGNAL)

    @function(context="interrupts off", holds="group.lock")
    def pass_on(
        self, group: Keep[Ptr[SignalGroup]], target: Keep[Ptr[SignalTarget]], left: Keep[U64]
    ) -> None:
        """Have other members look that take one of the signals in the set `left`, which `target`
        does not take any more."""
        with group.members.each(SignalTarget, "member") as other:
            mov(rcx, other.mask)
            not_(rcx)
            with if_((other != target) & (rcx & left)):
                self.waiting.interrupt(other.thread, Interruption.SIGNAL)
