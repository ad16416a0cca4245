"""What threads do with signals on their way to their program."""

from __future__ import annotations

from kernel.cpu.trapframe import TrapFrame
from kernel.mm.memoryshortage import MemoryShortage
from kernel.signals.alternatestacks import AlternateStacks
from kernel.signals.forcedsignals import ForcedSignals
from kernel.signals.foundsignal import FoundSignal
from kernel.signals.restartablesequences import RestartableSequences
from kernel.signals.restarts import Restarts
from kernel.signals.signalactions import ActionFlag, Disposition
from kernel.signals.signalactionstore import SignalActionStore
from kernel.signals.signalframes import SignalFrames
from kernel.signals.signalgroup import SignalGroup
from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signalmasks import SignalMasks
from kernel.signals.signalqueues import SignalQueues
from kernel.signals.signals import Signals
from kernel.signals.signalset import (
    DUMPING,
    IGNORED_BY_DEFAULT,
    STOPPING,
    TERMINAL_STOPS,
    bit_of,
)
from kernel.signals.signaltarget import SignalTarget, StackFlag
from pykasm import *


class SignalDelivery(Subsystem):
    """Takes signals that a thread does not block: what is sent to it before what is sent to its
    process, what exceptions send before all else, then lower numbers first (signal(7)). Context:
    thread, the one that it is about."""

    def __init__(
        self,
        signals: Signals,
        forced: ForcedSignals,
        queues: SignalQueues,
        actions: SignalActionStore,
        masks: SignalMasks,
        frames: SignalFrames,
        stacks: AlternateStacks,
        sequences: RestartableSequences,
        restarts: Restarts,
        shortage: MemoryShortage,
    ) -> None:
        self.signals = signals
        self.forced = forced
        self.queues = queues
        self.actions = actions
        self.masks = masks
        self.frames = frames
        self.stacks = stacks
        self.sequences = sequences
        self.restarts = restarts
        self.shortage = shortage

    @function(context="thread", sleeps=True)
    def deliver(self, target: Keep[Ptr[SignalTarget]], frame: Keep[Ptr[TrapFrame]]) -> None:
        """Continue the program of `target`, whose registers are in `frame`, with the handler of
        the next signal; as it was, if there is none. What else is there, and what ends or stops
        the process, is an interruption of the thread again."""
        found = local(FoundSignal)
        with if_(self._find(target, address_of(found))):
            self.restarts.before_handler(frame, found.action.flags)
            self._handle(target, frame, address_of(found))
            ret()
        group, thread = scratch(target.group), scratch(target.thread)
        with if_(group.dumper == thread):
            ret()  # what is left of it is as it was when the signal came
        release(group, thread)
        self.restarts.without_handler(frame)
        # No handler takes the mask back that the call has replaced
        with if_(target.has_saved_mask != 0):
            mov(target.has_saved_mask, 0)
            tail(self.masks.set, target, target.saved_mask)

    # Finding

    @function(context="thread")
    def _find(self, target: Keep[Ptr[SignalTarget]], found: Keep[Ptr[FoundSignal]]) -> Bool:
        """Find the next signal that has a handler, and fill in `found`. What comes before it is
        done as is the default; it may end or stop the process, then there is none."""
        # Most of what programs cause themselves has a handler, which is found without a lock
        with if_(target.forced.number != 0), if_(self._find_forced(target, found)):
            ret(True)
        group, number = keep(target.group), keep(U32)
        with group.lock.held(), loop():
            xor(number, number)
            break_if(group.deadly != 0)
            mov(number, self._take(group, target, address_of(found.info)))
            break_if(number == 0)
            break_if(self._is_handled(group, found))
            xor(number, number)
            self._do_default(group, target, found)
            # What comes after it waits until the process goes on, if it does
            break_if((group.deadly != 0) | (group.stop_signal != 0))
        ret(number != 0)

    @function(context="thread")
    def _find_forced(self, target: Keep[Ptr[SignalTarget]], found: Keep[Ptr[FoundSignal]]) -> Bool:
        """Take what is forced on `target`, if it has a handler that stays, and fill in `found`.
        Returns whether it has. Nobody else sees such signals: no lock is needed."""
        group, number = scratch(target.group), scratch(target.forced.number)
        self.actions.get(group.actions, number, address_of(found.action))
        fail_if(found.action.handler <= Disposition.IGNORE)
        # A handler that is called once alone: another thread might call it too but for the lock
        fail_if(found.action.flags & ActionFlag.RESETHAND)
        found.info.copy_from(scratch(address_of(target.forced)))
        mov(target.forced.number, 0)
        ret(True)

    @function(holds="group.lock")
    def _take(
        self,
        group: Ptr[SignalGroup],
        target: Ptr[SignalTarget],
        info: Ptr[SignalInfo],
    ) -> U32:
        """Take the next signal that `target` does not block, and return its number; 0 if there is
        none."""
        info = scratch(info)
        with if_(target.forced.number != 0):
            info.copy_from(scratch(address_of(target.forced)))
            mov(target.forced.number, 0)
            ret(info.number)
        wanted = scratch(target.mask)
        not_(wanted)
        tail(self.queues.take_next, group, target, wanted, info)

    @function(holds="group.lock")
    def _is_handled(self, group: Keep[Ptr[SignalGroup]], found: Keep[Ptr[FoundSignal]]) -> Bool:
        """Fill in what is to be done for the signal that was `found`, and return whether that is a
        handler. One that is to be called once is gone then."""
        self.actions.get(group.actions, found.info.number, address_of(found.action))
        with if_(found.action.handler <= Disposition.IGNORE):
            ret(False)
        with if_(found.action.flags & ActionFlag.RESETHAND):
            self.actions.set_handler(group.actions, found.info.number, Disposition.DEFAULT)
        ret(True)

    @function(context="interrupts off", holds="group.lock")
    def _do_default(
        self, group: Ptr[SignalGroup], target: Ptr[SignalTarget], found: Ptr[FoundSignal]
    ) -> None:
        """Do what is done for the signal that was `found` for `target`, which has no handler."""
        group, number = scratch(group), scratch(found.info.number)
        bit = bit_of(number)
        with if_(
            (found.action.handler == Disposition.IGNORE)
            | (bit & IGNORED_BY_DEFAULT)
            | (group.protected != 0)
        ):
            ret()
        # Nobody would let it go on (POSIX.1, 2.4.3)
        with if_((bit & TERMINAL_STOPS) & (group.orphaned != 0)):
            ret()
        with if_(bit & STOPPING):
            tail(self.signals.stop, group, number)
        with if_(bit & DUMPING):
            target.forced.copy_from(scratch(address_of(found.info)))
            tail(self.signals.end_with_dump, group, target, number)
        tail(self.signals.end, group, number)

    # Handling

    @function(context="thread", sleeps=True)
    def _handle(
        self,
        target: Keep[Ptr[SignalTarget]],
        frame: Keep[Ptr[TrapFrame]],
        found: Keep[Ptr[FoundSignal]],
    ) -> None:
        """Continue the program with the handler of the signal that was `found`, and block what it
        wants blocked. Where its stack can't be written to, that is a SIGSEGV."""
        with (
            # Before the frame is pushed: the handler comes back to where the section is given up
            if_(target.sequence_area != 0),
            if_(~self.sequences.settle(target, frame, found.info.number)),
        ):
            ret()
        with loop():
            break_if(self.frames.push(target, frame, found) == 0)
            with if_(~self.shortage.wait()):
                tail(self.forced.refuse, target, found.info.number)
        mov(target.has_saved_mask, 0)
        # The frame has it, and sigreturn takes it back from there
        mask = keep(target.mask)
        or_(mask, found.action.mask)
        with if_((found.action.flags & ActionFlag.NODEFER) == 0):
            or_(mask, bit_of(found.info.number))
        with if_(target.stack.flags & StackFlag.AUTO_DISARM):
            self.stacks.disarm(target)
        tail(self.masks.set, target, mask)
