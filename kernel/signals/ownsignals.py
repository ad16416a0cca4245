"""Signals that a thread gets for what it has done."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Interruption
from kernel.sched.waiting import Waiting
from kernel.signals.signalactions import Disposition
from kernel.signals.signalactionstore import SignalActionStore
from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signalnumber import SIGNALS, Signal, SignalCode
from kernel.signals.signals import Signals
from kernel.signals.signalset import STOPPING, UNBLOCKABLE, bit_of, set_of
from kernel.signals.signaltarget import SignalTarget
from pykasm import *

AT_ONCE = UNBLOCKABLE | STOPPING | set_of(Signal.SIGCONT)
"""Signals that do something as soon as they are sent, whatever is done when they are delivered."""


class OwnSignals(Subsystem):
    """Sends signals to the thread that runs, if that runs a program, such as SIGPIPE for a write
    that nobody will read. Context: thread."""

    def __init__(
        self, scheduler: Scheduler, waiting: Waiting, actions: SignalActionStore, signals: Signals
    ) -> None:
        self.scheduler = scheduler
        self.waiting = waiting
        self.actions = actions
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
    def hand_over(self, info: Keep[Ptr[SignalInfo]]) -> Bool:
        """Give the thread that runs the signal of `info`, which nobody else takes, without a queue,
        if its program goes on with the handler for that: nothing has come before it, and it does
        nothing as soon as it is sent. Returns whether that is so; not for what is no signal."""
        mov(eax, info.number)
        dec(eax)
        fail_if(eax >= SIGNALS)
        thread = scratch(self.scheduler.current)
        target = keep(cast(thread.user, Ptr[SignalTarget]))
        fail_if(thread.pending != 0)
        release(thread)
        group, bit = scratch(target.group), bit_of(info.number)
        mov(rcx, target.mask)
        or_(rcx, AT_ONCE)
        fail_if(bit & rcx)
        mov(rcx, target.pending.set)
        or_(rcx, group.pending.set)
        fail_if((rcx != 0) | (target.forced.number != 0))
        fail_if(self.actions.handler_of(group.actions, info.number) <= Disposition.IGNORE)
        target.forced.copy_from(info)
        self.waiting.note(scratch(self.scheduler.current), Interruption.SIGNAL)
        ret(True)

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

    @function(context="thread")
    def check_file_size(self, size: Keep[U64], present: U64) -> OrErrno[I32]:
        """Return 0 if the program that runs may make a file of the size `present` one of `size`;
        else it gets SIGXFSZ, and -EFBIG is returned."""
        with if_(size <= present):
            ret(0)
        limit = self.largest_file()
        with if_(size > limit):
            self.send(Signal.SIGXFSZ)
            ret(-Errno.EFBIG)
        ret(0)
