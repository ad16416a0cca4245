"""Waiting for words of programs to change, and waking who waits."""

from __future__ import annotations

from kernel.clock.units import Nanoseconds
from kernel.errno import Errno
from kernel.futex.futexbuckets import FutexBuckets
from kernel.futex.futexkeys import FutexKeys
from kernel.futex.futexwaiter import FutexBucket, FutexKey, FutexWaiter
from kernel.futex.futexwake import FutexWake
from kernel.locks.waitqueue import WaitQueue
from kernel.paging.addresses import UserAddress
from kernel.sched.scheduler import Scheduler
from kernel.sched.waiting import Waiting, WaitResult
from kernel.time.daywaits import UNTIL_DAY, DayWaits
from kernel.vm.rights import Rights
from kernel.vm.userwords import UserWords
from pykasm import *

ALL_BITS = 0xFFFF_FFFF
"""Listens to all wakers; wakes all who listen."""


class Futexes(Subsystem):
    """Linux's futexes (futex(2)). Context: thread.

    Who waits looks at the word with its bucket locked, and is in the list before that is released.
    Who wakes has changed the word before it takes the same lock, so nothing is missed.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        waiting: Waiting,
        waits: DayWaits,
        buckets: FutexBuckets,
        keys: FutexKeys,
        words: UserWords,
    ) -> None:
        self.scheduler = scheduler
        self.waiting = waiting
        self.waits = waits
        self.buckets = buckets
        self.keys = keys
        self.words = words

    # Waiting

    @function(context="thread", sleeps=True)
    def wait(
        self,
        address: Keep[Untrusted[UserAddress]],
        private: U32,
        expected: Keep[U32],
        deadline: Keep[Nanoseconds],
        bits: Keep[U32],
    ) -> OrErrno[I32]:
        """Wait until somebody wakes one of the `bits`, if there is the `expected` value in the word
        at `address`. Returns 0; -EAGAIN if there is another one; -EFAULT, -EINVAL; or -ETIMEDOUT or
        -EINTR as `Waiting.wait_until` does."""
        waiter, queue, private = local(FutexWaiter), local(WaitQueue), keep(private)
        mov(waiter.bits, bits)
        self.prepare(address_of(waiter), address_of(queue))
        try_(self.keys.find(address_of(waiter.key), address, private))
        release(private)
        try_(self.enqueue(address_of(waiter), address, expected))
        result = self.sleep(address_of(waiter), deadline)
        ret(result)

    @function
    def prepare(self, waiter: Ptr[FutexWaiter], queue: Ptr[WaitQueue]) -> None:
        """Make a new wait one that nobody has woken, of a thread that waits in the new `queue`."""
        with unshared(queue):
            queue.prepare()
        mov(waiter.queue, queue)
        mov(waiter.for_lock, 0)
        with unshared(waiter):
            mov(waiter.woken, 0)

    @function(context="thread", sleeps=True)
    def enqueue(
        self,
        waiter: Keep[Ptr[FutexWaiter]],
        address: Keep[Untrusted[UserAddress]],
        expected: Keep[U32],
    ) -> OrErrno[I32]:
        """Put `waiter`, which has the key of `address`, last into its bucket, if there is the
        `expected` value. Returns 0, -EAGAIN if there is another one, or -EFAULT."""
        result = keep(I32)
        with loop():
            mov(result, self._enqueue_if(waiter, address, expected))
            break_if(result != -Errno.EFAULT)
            try_(self.words.touch(address, Rights.READ))  # what it leads to is not in memory
        ret(result)

    @function(context="thread")
    def _enqueue_if(
        self, waiter: Keep[Ptr[FutexWaiter]], address: Keep[UserAddress], expected: Keep[U32]
    ) -> OrErrno[I32]:
        """Put `waiter` last into its bucket, if there is the `expected` value at `address`. Returns
        0; -EAGAIN if there is another one; -EFAULT if that can't be known without a page fault."""
        bucket, result = keep(self.buckets.of(address_of(waiter.key))), keep(I32)
        with bucket.lock.held():
            failed, value = self.words.load(address)
            mov(result, failed)
            with if_(result == 0):
                mov(result, -Errno.EAGAIN)
                with if_(value == expected):
                    self.append(bucket, waiter)
                    xor(result, result)
        ret(result)

    @inline(changes=(rax, rcx))
    def append(self, bucket: Ptr[FutexBucket], waiter: Ptr[FutexWaiter]) -> None:
        """Put `waiter` last into `bucket`, which is locked."""
        link = scratch(address_of(waiter.link))
        mov(waiter.bucket, bucket)
        with if_(bucket.waiters.next == 0):
            bucket.waiters.reset()
        bucket.waiters.append(link)
        release(link)

    @function(context="thread", sleeps=True)
    def sleep(self, waiter: Keep[Ptr[FutexWaiter]], deadline: Keep[Nanoseconds]) -> OrErrno[I32]:
        """Wait until `waiter`, which is in a list, is woken. Returns 0; or -ETIMEDOUT or -EINTR, as
        `Waiting.wait_until` does."""
        result, queue = keep(I32), keep(waiter.queue)
        xor(result, result)
        with (
            queue.lock.held(),
            while_((waiter.woken == 0) & (result == WaitResult.WOKEN)),
        ):
            end = self.waits.end_of(deadline)
            ended = self.waiting.wait_until(queue, end, UNTIL_DAY)
            mov(result, self.waits.settle(ended))
        with if_(result != 0), if_(~self.dequeue(waiter)):
            ret(0)  # somebody was about to wake it, and counts it as woken
        ret(result)

    @function(context="thread")
    def dequeue(self, waiter: Ptr[FutexWaiter]) -> Bool:
        """Take `waiter` out of its list. Returns whether it was in one; otherwise it was woken, and
        whoever did that touches it no more."""
        done, bucket, woken = scratch(U32), scratch(Ptr[FutexBucket]), scratch(U32)
        xor(done, done)
        with while_(done == 0):
            queue = scratch(waiter.queue)
            with queue.lock.held():
                mov(woken, waiter.woken)
            release(queue)
            with if_(woken != 0):
                ret(False)
            mov(bucket, waiter.bucket)
            with (
                bucket.lock.held(),
                # It may have been moved to another one, or woken, before this one was locked
                if_((waiter.bucket == bucket) & (waiter.link.next != 0)),
            ):
                waiter.link.unlink()
                mov(waiter.link.next, 0)
                inc(done)
        ret(True)

    # Waking

    @function(context="thread", sleeps=True)
    def wake(
        self,
        address: Untrusted[UserAddress],
        private: U32,
        most: U32,
        bits: U32,
    ) -> OrErrno[I32]:
        """Wake up to `most` who wait for the word at `address` and listen to one of the `bits`, in
        the order in which they came. Returns how many, -EFAULT or -EINVAL."""
        wake = local(FutexWake)
        mov(wake.bits, bits)
        mov(wake.most, most)
        mov(wake.done, 0)
        try_(self.keys.find(address_of(wake.key), address, private))
        self.wake_all(address_of(wake))
        ret(wake.done)

    @function(context="thread")
    def wake_all(self, wake: Keep[Ptr[FutexWake]]) -> None:
        """Wake whom `wake` means."""
        bucket = keep(self.buckets.of(address_of(wake.key)))
        with bucket.lock.held():
            self.wake_some(bucket, wake)
        self.scheduler.preempt_if_due()

    @function(context="interrupts off", holds="bucket.lock")
    def wake_some(self, bucket: Keep[Ptr[FutexBucket]], wake: Keep[Ptr[FutexWake]]) -> None:
        """Wake those in `bucket` whom `wake` means."""
        with if_(bucket.waiters.next == 0):  # nobody has ever waited there
            ret()
        with bucket.waiters.each_removable(FutexWaiter, "link") as waiter:
            break_if(wake.most == 0)
            with if_(self.is_at(at(waiter), wake.key)), if_(self._listens(waiter, wake)):
                dec(wake.most)
                inc(wake.done)
                with if_(waiter.for_lock != 0):  # only with the lock that it wants
                    mov(wake.done, -Errno.EINVAL)
                    mov(wake.most_moved, 0)
                    ret()
                self.wake_waiter(waiter)

    @inline(changes=rax)
    def _listens(self, waiter: Ptr[FutexWaiter], wake: Ptr[FutexWake]) -> Condition:
        """Return the condition that `waiter` listens to one of the bits of `wake`."""
        mov(eax, wake.bits)
        return eax & waiter.bits

    @inline(changes=(rax, rcx))
    def is_at(self, waiter: FutexWaiter, key: FutexKey) -> Condition:
        """Return the condition that `waiter` waits for the word `key`."""
        mov(rax, key.space)
        xor(rax, waiter.key.space)
        mov(rcx, key.place)
        xor(rcx, waiter.key.place)
        or_(rax, rcx)
        return ZF

    @function(context="interrupts off", holds="FutexBucket.lock")
    def wake_waiter(self, waiter: Ptr[FutexWaiter]) -> None:
        """Take `waiter` out of its list, and wake it. It may be gone then."""
        waiter.link.unlink()
        mov(waiter.link.next, 0)
        queue = keep(waiter.queue)
        with queue.lock.held_interrupts_off():
            mov(waiter.woken, 1)
            ignore(self.waiting.wake_one(queue), "nobody else waits there")
