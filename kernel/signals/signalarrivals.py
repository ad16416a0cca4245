"""Waiting for signals by files."""

from __future__ import annotations

from kernel.signals.signalgroup import SignalGroup
from kernel.sync.pollqueue import READABLE, PollQueue
from kernel.sync.pollqueues import PollQueues
from pykasm import *

QUEUE_BITS = 6
QUEUES = 1 << QUEUE_BITS
GROUP_SHIFT = 6
"""Bits of the address of a group that are the same for all, or nearly so."""


class SignalArrivals(Subsystem):
    """Queues in which threads and sets wait for signals to come, each for many processes, by the
    addresses of their groups: a set that has such a file may outlive the process, and a queue does
    not end. Context: any."""

    queues = bss(PollQueue * QUEUES)
    files = bss(U64)
    """How many files there are that somebody may wait with; nobody is told if there are none."""

    def __init__(self, poll_queues: PollQueues) -> None:
        self.poll_queues = poll_queues

    @function
    def begin(self) -> None:
        """Count one more such file."""
        lock.inc(self.files)

    @function
    def end(self) -> None:
        """Count one less."""
        lock.dec(self.files)

    @function
    def queue_of(self, group: Ptr[SignalGroup]) -> Ptr[PollQueue]:
        """Return the queue of `group`."""
        mov(rax, group)
        shr(rax, GROUP_SHIFT)
        mov(rcx, rax)
        shr(rcx, QUEUE_BITS)
        xor(eax, ecx)
        and_(eax, QUEUES - 1)
        imul(eax, eax, sizeof(PollQueue))
        lea(rcx, self.queues)
        add(rax, rcx)
        ret(cast(rax, Ptr[PollQueue]))

    @function(context="any")
    def announce(self, group: Ptr[SignalGroup]) -> None:
        """Tell who waits that a signal has come for `group` or for one of its members. It is
        pending, and who makes such a file counts it first: so nobody misses it."""
        with if_(self.files != 0):
            tail(self.poll_queues.announce, self.queue_of(group), READABLE)
