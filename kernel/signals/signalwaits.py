"""Waiting for signals that are blocked."""

from __future__ import annotations

from kernel.clock.units import Nanoseconds
from kernel.errno import Errno
from kernel.sched.sleep import Sleep
from kernel.sched.thread import INTERRUPTIBLE
from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signalqueues import SignalQueues
from kernel.signals.signaltarget import SignalTarget
from pykasm import *


class SignalWaits(Subsystem):
    """What `rt_sigtimedwait` does. Context: thread, the one that waits."""

    def __init__(self, queues: SignalQueues, sleep: Sleep) -> None:
        self.queues = queues
        self.sleep = sleep

    @function(context="thread", sleeps=True)
    def wait(
        self,
        target: Keep[Ptr[SignalTarget]],
        wanted: Keep[U64],
        info: Keep[Ptr[SignalInfo]],
        deadline: Keep[Nanoseconds],
    ) -> OrErrno[I64]:
        """Wait for a signal of the set `wanted`, and fill in `info`. Returns its number; -EAGAIN
        after the `deadline`, which is 0 for not waiting at all; -EINTR."""
        waited = local(I32)
        with if_(deadline == 0):
            number = self._take(target, wanted, 0, info)
            fail_if(number == 0, Errno.EAGAIN)
            ret(rax)
        with if_(self._take(target, wanted, wanted, info) != 0):
            ret(rax)
        result = self.sleep.sleep_until(deadline, INTERRUPTIBLE)
        with if_(result == 0):
            mov(result, -Errno.EAGAIN)
        mov(waited, result)
        number = self._take(target, wanted, 0, info)
        with if_(number != 0):
            ret(rax)
        movsxd(rax, waited)
        ret(rax)

    @function(context="thread")
    def _take(
        self,
        target: Keep[Ptr[SignalTarget]],
        wanted: Keep[U64],
        awaited: Keep[U64],
        info: Keep[Ptr[SignalInfo]],
    ) -> U32:
        """Take a signal of the set `wanted`, and return its number; if there is none, have the
        thread woken by those of the set `awaited`, and return 0."""
        group, number = keep(target.group), local(U32)
        with group.lock.held():
            mov(number, self.queues.take_next(group, target, wanted, info))
            with if_(number != 0):
                xor(u32(awaited), u32(awaited))
            mov(target.awaited, awaited)
        ret(number)
