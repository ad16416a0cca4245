"""Having those who wait for one word wait for another one."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.futex.futexbuckets import FutexBuckets
from kernel.futex.futexes import Futexes
from kernel.futex.futexkeys import FutexKeys
from kernel.futex.futexwaiter import FutexBucket, FutexWaiter
from kernel.futex.futexwake import FutexWake
from kernel.paging.addresses import UserAddress
from kernel.sched.scheduler import Scheduler
from kernel.vm.rights import Rights
from kernel.vm.userwords import UserWords
from pykasm import *


class Requeues(Subsystem):
    """Moves waits, so that not all run at once for what only one gets (futex(2), FUTEX_REQUEUE).
    Context: thread."""

    def __init__(
        self,
        scheduler: Scheduler,
        futexes: Futexes,
        buckets: FutexBuckets,
        keys: FutexKeys,
        words: UserWords,
    ) -> None:
        self.scheduler = scheduler
        self.futexes = futexes
        self.buckets = buckets
        self.keys = keys
        self.words = words

    @function(context="thread", sleeps=True)
    def requeue(
        self,
        wake: Keep[Ptr[FutexWake]],
        address: Keep[Untrusted[UserAddress]],
        target: Keep[Untrusted[UserAddress]],
        private: Keep[U32],
    ) -> OrErrno[I32]:
        """Wake those who wait for the word at `address` as `wake` says, and have the rest wait for
        the one at `target`. Returns how many that were; -EAGAIN if there is not the value that is
        expected, -EFAULT or -EINVAL."""
        result = keep(I32)
        try_(self.keys.find(address_of(wake.key), address, private))
        try_(self.keys.find(address_of(wake.target), target, private))
        with loop():
            mov(result, self._with_both(wake, address))
            break_if(result != -Errno.EFAULT)
            try_(self.words.touch(address, Rights.READ))
        self.scheduler.preempt_if_due()
        ret(result)

    @function(context="thread")
    def _with_both(self, wake: Keep[Ptr[FutexWake]], address: Keep[UserAddress]) -> OrErrno[I32]:
        """Do it with the buckets of both words locked, the one at the lower address first. Returns
        what `requeue` does; -EFAULT if the word can't be read without a page fault."""
        source, result = keep(self.buckets.of(address_of(wake.key))), keep(I32)
        other = keep(self.buckets.of(address_of(wake.target)))
        with if_(source == other), source.lock.held():
            mov(result, self._move(source, other, wake, address))
        with (
            elif_(source < other),
            source.lock.held(),
            other.lock.held_interrupts_off(rank="second"),
        ):
            mov(result, self._move(source, other, wake, address))
        with else_(), other.lock.held(), source.lock.held_interrupts_off(rank="second"):
            mov(result, self._move(source, other, wake, address))
        ret(result)

    @function(context="interrupts off", holds="FutexBucket.lock")
    def _move(
        self,
        source: Keep[Ptr[FutexBucket]],
        other: Keep[Ptr[FutexBucket]],
        wake: Keep[Ptr[FutexWake]],
        address: UserAddress,
    ) -> OrErrno[I32]:
        """Wake those in `source`, and move the rest to `other`. Returns what `_with_both` does."""
        with if_(wake.is_checked != 0):
            failed, value = self.words.load(address)
            with if_(failed != 0):
                ret(failed)
            fail_if(value != wake.expected, Errno.EAGAIN)
        self.futexes.wake_some(source, wake)
        with if_(source.waiters.next == 0):  # nobody has ever waited there
            ret(0)
        with source.waiters.each_removable(FutexWaiter, "link") as waiter:
            break_if(wake.most_moved == 0)
            with if_(self.futexes.is_at(at(waiter), wake.key)):
                with if_(waiter.for_lock != 0):  # it wants a lock, which `target` is not
                    ret(-Errno.EINVAL)
                dec(wake.most_moved)
                inc(wake.done)
                self._change(waiter, other, wake)
        ret(wake.done)

    @function(context="interrupts off", holds="FutexBucket.lock")
    def _change(
        self, waiter: Ptr[FutexWaiter], other: Ptr[FutexBucket], wake: Ptr[FutexWake]
    ) -> None:
        """Have `waiter` wait for the target of `wake`, in the bucket `other`."""
        waiter.link.unlink()
        copy_fields(waiter.key, wake.target, "space", "place")
        self.futexes.append(other, waiter)
