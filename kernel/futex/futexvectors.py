"""Waiting for one of several words of programs."""

from __future__ import annotations

from kernel.clock.units import Nanoseconds
from kernel.futex.futexes import ALL_BITS, Futexes
from kernel.futex.futexkeys import FutexKeys
from kernel.futex.futexwaiter import FutexWaiter
from kernel.locks.waitqueue import WaitQueue
from kernel.paging.addresses import UserAddress
from kernel.sched.waiting import Waiting, WaitResult
from kernel.time.daywaits import UNTIL_DAY, DayWaits
from pykasm import *


class VectorWait(Struct):
    """The wait for one of them."""

    waiter: FutexWaiter
    address: Untrusted[UserAddress]
    expected: U32
    private: U32
    """0 if several may share the memory."""


class FutexVectors(Subsystem):
    """A thread waits once for each word, and sleeps in one queue for all. Context: thread."""

    def __init__(
        self, futexes: Futexes, keys: FutexKeys, waiting: Waiting, waits: DayWaits
    ) -> None:
        self.futexes = futexes
        self.keys = keys
        self.waiting = waiting
        self.waits = waits

    @function(context="thread", sleeps=True)
    def wait(
        self, first: Keep[Ptr[VectorWait]], count: Keep[U32], deadline: Keep[Nanoseconds]
    ) -> OrErrno[I32]:
        """Wait until somebody wakes one of the `count` waits from `first` on. Returns which, from 0
        on; -EAGAIN if a word is not as expected, -EFAULT, -EINVAL, -ETIMEDOUT or -EINTR."""
        queue, result, woken = local(WaitQueue), keep(I32), keep(I32)
        try_(self._prepare(first, count, address_of(queue)))
        enqueued = local(U32)
        mov(enqueued, 0)
        mov(result, self._enqueue(first, count, address_of(enqueued)))
        with if_(result == 0):
            mov(result, self._sleep(first, count, deadline))
        mov(woken, self._dequeue(first, enqueued))
        with if_(woken >= 0):
            ignore(result, "somebody was about to wake it")
            ret(woken)
        ret(result)

    @function(context="thread", sleeps=True)
    def _prepare(
        self, wait: Keep[Ptr[VectorWait]], count: Keep[U32], queue: Keep[Ptr[WaitQueue]]
    ) -> OrErrno[I32]:
        """Find all words. Returns 0, -EFAULT or -EINVAL."""
        with while_(count != 0):
            self.futexes.prepare(address_of(wait.waiter), queue)
            mov(wait.waiter.bits, ALL_BITS)
            try_(self.keys.find(address_of(wait.waiter.key), wait.address, wait.private))
            add(wait, sizeof(VectorWait))
            dec(count)
        ret(0)

    @function(context="thread", sleeps=True)
    def _enqueue(
        self, wait: Keep[Ptr[VectorWait]], count: Keep[U32], enqueued: Keep[Ptr[U32]]
    ) -> OrErrno[I32]:
        """Enqueue all waits, and count them in `enqueued`. Returns 0, -EAGAIN or -EFAULT."""
        with while_(count != 0):
            try_(self.futexes.enqueue(address_of(wait.waiter), wait.address, wait.expected))
            inc(at(enqueued))
            add(wait, sizeof(VectorWait))
            dec(count)
        ret(0)

    @function(context="thread", sleeps=True)
    def _sleep(
        self, wait: Keep[Ptr[VectorWait]], count: Keep[U32], deadline: Keep[Nanoseconds]
    ) -> OrErrno[I32]:
        """Wait until one of them is woken. Returns what `Waiting.wait_until` does."""
        result, queue = keep(I32), keep(wait.waiter.queue)
        xor(result, result)
        with queue.lock.held(), loop():
            break_if(self._is_woken(wait, count))
            break_if(result != WaitResult.WOKEN)
            end = self.waits.end_of(deadline)
            ended = self.waiting.wait_until(queue, end, UNTIL_DAY)
            mov(result, self.waits.settle(ended))
        ret(result)

    @function(context="interrupts off", holds="WaitQueue.lock")
    def _is_woken(self, wait: Ptr[VectorWait], count: U32) -> Bool:
        """Return whether one of them is woken."""
        with while_(count != 0):
            with if_(wait.waiter.woken != 0):
                ret(True)
            add(wait, sizeof(VectorWait))
            dec(count)
        ret(False)

    @function(context="thread")
    def _dequeue(self, wait: Keep[Ptr[VectorWait]], count: Keep[U32]) -> I32:
        """Take the first `count` waits out of their lists. Returns the number of the last one that
        was woken; -1 if none was."""
        found, number = keep(I32), keep(U32)
        mov(found, -1)
        with for_(number, 0, count):
            with if_(~self.futexes.dequeue(address_of(wait.waiter))):
                mov(u32(found), number)
            add(wait, sizeof(VectorWait))
        ret(found)
