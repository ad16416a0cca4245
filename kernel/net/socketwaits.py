"""Waiting in calls for sockets."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.units import Nanoseconds
from kernel.errno import Errno
from kernel.net.socketmessage import SocketMessage, SocketMessageFlag
from kernel.sched.thread import INTERRUPTIBLE
from kernel.sched.waiting import FOREVER, WaitResult
from kernel.sync.pollqueue import PollQueue
from kernel.sync.pollqueues import PollQueues
from pykasm import *


class SocketWaits(Subsystem):
    """What calls do that can't go on. Context: thread."""

    def __init__(self, queues: PollQueues, clock: Clock) -> None:
        self.queues = queues
        self.clock = clock

    @function
    def set_deadline(self, message: Keep[Ptr[SocketMessage]], timeout: Keep[Nanoseconds]) -> None:
        """Have the call for `message` wait as long as `timeout` from now on."""
        mov(rax, FOREVER)
        with if_(timeout != rax):
            mov(rax, u64(self.clock.after(timeout)))
        mov(message.deadline, cast(rax, Nanoseconds))

    @function(context="thread", sleeps=True)
    def wait(
        self, queue: Ptr[PollQueue], noted: U64, message: Keep[Ptr[SocketMessage]]
    ) -> OrErrno[I64]:
        """Wait until the number of changes is another one than `noted`, for the call for
        `message`. Returns 0; -EAGAIN if it does not wait, or when its time has come; -ERESTARTSYS,
        or -EINTR where it waits for a time (signal(7))."""
        fail_if(message.flags & SocketMessageFlag.DONT_WAIT, Errno.EAGAIN)
        waited = self.queues.wait(queue, noted, message.deadline, INTERRUPTIBLE)
        with if_(waited == WaitResult.WOKEN):
            ret(0)
        fail_if(waited == WaitResult.TIMED_OUT, Errno.EAGAIN)
        mov(rax, FOREVER)
        fail_if(message.deadline != rax, Errno.EINTR)
        fail(Errno.ERESTARTSYS)
