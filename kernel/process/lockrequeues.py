"""Having those who wait for a word wait for a lock that inherits priorities."""

from __future__ import annotations

from kernel.clock.units import Nanoseconds
from kernel.errno import Errno
from kernel.futex.futexbuckets import FutexBuckets
from kernel.futex.futexes import ALL_BITS, Futexes
from kernel.futex.futexkeys import FutexKeys
from kernel.futex.futexwaiter import FutexBucket, FutexKey, FutexWaiter
from kernel.futex.robustlists import OWNER_DIED, OWNER_MASK, WAITERS
from kernel.locks.waitqueue import WaitQueue
from kernel.paging.addresses import UserAddress
from kernel.process.lockwaiter import LockWaiter
from kernel.process.prioritylocks import LOOK_AGAIN, PriorityLocks
from kernel.process.process import Process
from kernel.process.task import LockNews, PriorityWait, Task
from kernel.process.tasksearch import TaskSearch
from kernel.sched.scheduler import Scheduler
from kernel.vm.rights import Rights
from kernel.vm.userwords import UserWords
from pykasm import *


class LockRequeue(Struct):
    """Which waits are moved to which lock, and what came of it."""

    key: FutexKey
    target: FutexKey
    """The lock."""
    place: Untrusted[UserAddress]
    """Where its word is."""
    word: U32
    """What was there."""
    process: OrNull[Owned[Ptr[Process]]]
    """That of who has the lock; null if nobody has it."""
    owner: OrNull[Ptr[Task]]
    is_checked: U32
    """1 if the word that is waited for has to have the value `expected`."""
    expected: U32
    most: U32
    """How many may still be moved."""
    done: I32
    """How many were."""


class LockRequeues(Subsystem):
    """What condition variables of locks that inherit priorities are made of: who waits for a word
    has the lock when the wait ends (futex(2), FUTEX_WAIT_REQUEUE_PI). Context: thread."""

    def __init__(
        self,
        scheduler: Scheduler,
        futexes: Futexes,
        buckets: FutexBuckets,
        keys: FutexKeys,
        words: UserWords,
        locks: PriorityLocks,
        search: TaskSearch,
    ) -> None:
        self.scheduler = scheduler
        self.futexes = futexes
        self.buckets = buckets
        self.keys = keys
        self.words = words
        self.locks = locks
        self.search = search

    @function(context="thread", sleeps=True)
    def wait(
        self,
        address: Keep[Untrusted[UserAddress]],
        target: Keep[Untrusted[UserAddress]],
        private: Keep[U32],
        expected: Keep[U32],
        deadline: Keep[Nanoseconds],
    ) -> OrErrno[I32]:
        """Wait for the word at `address`, if it is as `expected`, until `requeue` moves this to
        the lock at `target`, and then for that. Returns 0 with the lock; -EINTR if a signal came
        before it was moved, -EAGAIN if one came later or there is another value; -ETIMEDOUT,
        -EFAULT, -EINVAL, or an error of `PriorityLocks.acquire`."""
        waiter, queue = local(LockWaiter), local(WaitQueue)
        mov(waiter.bits, ALL_BITS)
        self.futexes.prepare(address_of(waiter), address_of(queue))
        mov(waiter.for_lock, 1)
        self.locks.prepare(address_of(waiter.wait))
        try_(self.keys.find(address_of(waiter.wait.key), target, private))
        try_(self.keys.find(address_of(waiter.key), address, private))
        # Who was moved could not be told from who was not
        fail_if(self.futexes.is_at(waiter, waiter.wait.key), Errno.EINVAL)
        # The lock's key is known by now, as `requeue` compares it and may not fault under its locks
        try_(self.futexes.enqueue(address_of(waiter), address, expected))
        try_(self.futexes.sleep(address_of(waiter), deadline))
        result = self.locks.finish(address_of(waiter.wait), target, deadline)
        # The word was waited for already: to begin again would wait for a second wake-up
        fail_if(result == -Errno.EINTR, Errno.EAGAIN)
        ret(result)

    # Moving

    @function(context="thread", sleeps=True)
    def requeue(
        self,
        request: Keep[Ptr[LockRequeue]],
        address: Keep[Untrusted[UserAddress]],
        private: Keep[U32],
    ) -> OrErrno[I32]:
        """Move those who wait for the word at `address` to the lock at `request.place`; the first
        of them gets it if nobody has it. Returns how many these are; -EAGAIN if there is not the
        value that is expected, -EINVAL if somebody waits for anything else, -ESRCH if who has the
        lock does not exist, -EDEADLK, -EFAULT."""
        result = keep(I32)
        try_(self.keys.find(address_of(request.key), address, private))
        try_(self.keys.find(address_of(request.target), request.place, private))
        fail_if(self._is_same(request), Errno.EINVAL)
        with loop():
            mov(result, self._look(request))
            with if_(result == 0):
                mov(result, self._move_all(request, address))
                self._drop(request)
            with if_(result == -Errno.EFAULT):
                # Faults are resolved here, without locks: the words are read with interrupts off
                try_(self.words.touch(address, Rights.READ))
                try_(self.words.touch(request.place, Rights.WRITE))
                mov(result, LOOK_AGAIN)
            with if_(result == -Errno.EBUSY):  # it ends, and its locks are marked then
                self.scheduler.yield_now()
                mov(result, LOOK_AGAIN)
            break_if(result != LOOK_AGAIN)
        self.scheduler.preempt_if_due()
        with if_(result == 0):
            mov(result, request.done)
        ret(result)

    @function
    def _is_same(self, request: Ptr[LockRequeue]) -> Bool:
        """Return whether the word is that of the lock."""
        mov(rax, request.key.space)
        sub(rax, request.target.space)
        mov(rcx, request.key.place)
        sub(rcx, request.target.place)
        or_(rax, rcx)
        ret(rax == 0)

    @function(context="thread", sleeps=True)
    def _look(self, request: Keep[Ptr[LockRequeue]]) -> OrErrno[I32]:
        """Note what is in the word of the lock, and whose process that is. Returns 0 or
        -EFAULT."""
        mov(request.process, 0)
        mov(request.owner, 0)
        failed, value = self.words.load(request.place)
        with if_(failed != 0):
            ret(failed)
        mov(request.word, value)
        number = scratch(value)
        and_(number, OWNER_MASK)
        with if_(number != 0):
            process = self.search.process_of(number)
            mov(request.process, process)
        ret(0)

    @function(context="thread", sleeps=True)
    def _drop(self, request: Ptr[LockRequeue]) -> None:
        """Drop what `_look` has found."""
        process = scratch(request.process)
        with if_(process != 0):
            tail(self.search.processes.drop, process)

    @function(context="thread")
    def _move_all(
        self, request: Keep[Ptr[LockRequeue]], address: Keep[UserAddress]
    ) -> OrErrno[I32]:
        """Move all who may be. Returns 0, LOOK_AGAIN, -EBUSY or an error of `requeue`."""
        bucket, result = keep(self.buckets.of(address_of(request.key))), keep(I32)
        process = keep(request.process)
        with bucket.lock.held():
            mov(result, self._compare(request, address))
            with if_((result == 0) & (bucket.waiters.next != 0)):
                with if_(process == 0):
                    mov(result, self._move_some(request, bucket))
                # Held until all are queued, so that the owner can't end in between
                with else_(), process.lock.held_interrupts_off():
                    mov(eax, request.word)
                    and_(eax, OWNER_MASK)
                    mov(request.owner, self.search.find(process, eax))
                    mov(result, self._move_some(request, bucket))
        ret(result)

    @function(context="interrupts off")
    def _compare(self, request: Keep[Ptr[LockRequeue]], address: UserAddress) -> OrErrno[I32]:
        """Return 0 if there is the value that is expected at `address`, as soon as it was there
        once; -EAGAIN, or -EFAULT if that can't be known without a page fault."""
        with if_(request.is_checked == 0):
            ret(0)
        failed, value = self.words.load(address)
        with if_(failed != 0):
            ret(failed)
        fail_if(value != request.expected, Errno.EAGAIN)
        # Once is enough: another round begins only after a fault, or a race for the lock's word
        mov(request.is_checked, 0)
        ret(0)

    @function(context="interrupts off", holds="FutexBucket.lock")
    def _move_some(
        self, request: Keep[Ptr[LockRequeue]], bucket: Keep[Ptr[FutexBucket]]
    ) -> OrErrno[I32]:
        """Move those in `bucket`. Returns what `_move_all` does."""
        result = keep(I32)
        xor(result, result)
        with (
            self.locks.lock.held_interrupts_off(),
            bucket.waiters.each_removable(FutexWaiter, "link") as waiter,
        ):
            # Those that were moved before an error stay moved
            break_if((request.most == 0) | (result != 0))
            with if_(self.futexes.is_at(at(waiter), request.key)):
                mov(result, self._move(request, cast(waiter, Ptr[LockWaiter])))
        ret(result)

    @function(context="interrupts off", holds=("FutexBucket.lock", "PriorityLocks.lock"))
    def _move(self, request: Keep[Ptr[LockRequeue]], waiter: Keep[Ptr[LockWaiter]]) -> OrErrno[I32]:
        """Move `waiter`. Returns what `_move_all` does."""
        fail_if(waiter.for_lock == 0, Errno.EINVAL)
        mov(rax, request.target.space)
        mov(rcx, request.target.place)
        # It said which lock it wants; to give it another would be found by nobody
        fail_if((rax != u64(waiter.wait.key.space)) | (rcx != waiter.wait.key.place), Errno.EINVAL)
        mov(eax, request.word)
        mov(waiter.wait.word, eax)
        and_(eax, OWNER_MASK)
        with if_(eax == 0):
            try_(self._give(request, address_of(waiter.wait)))
        with else_():
            try_(self._enqueue(request, address_of(waiter.wait)))
        dec(request.most)
        inc(request.done)
        self.futexes.wake_waiter(cast(waiter, Ptr[FutexWaiter]))
        ret(0)

    @function(context="interrupts off", holds="PriorityLocks.lock")
    def _give(self, request: Keep[Ptr[LockRequeue]], wait: Keep[Ptr[PriorityWait]]) -> OrErrno[I32]:
        """Give the lock, which nobody has, to the thread of `wait`. Returns 0, LOOK_AGAIN or
        -EFAULT."""
        task, fresh = scratch(wait.task), keep(request.word)
        # Who gets the lock has to learn that its data may be half changed
        and_(fresh, OWNER_DIED)
        or_(fresh, task.number)
        mov(request.owner, task)
        release(task)
        failed, found = self.words.compare_and_exchange(request.place, request.word, fresh)
        with if_(failed != 0):
            ret(failed)
        # The program has changed it without the kernel, as the fast way does
        with if_(found != request.word):
            ret(LOOK_AGAIN)
        mov(request.word, fresh)
        self.locks.tell(wait, LockNews.GIVEN)
        ret(0)

    @function(context="interrupts off", holds="PriorityLocks.lock")
    def _enqueue(
        self, request: Keep[Ptr[LockRequeue]], wait: Keep[Ptr[PriorityWait]]
    ) -> OrErrno[I32]:
        """Have the thread of `wait` wait for who has the lock. Returns what `_move_all` does."""
        owner = keep(request.owner)
        with if_(owner == 0):
            tail(self.locks.explain_absence, wait, request.place)
        # It would wait for itself
        fail_if(owner == wait.task, Errno.EDEADLK)
        # A circle of waiters would have priorities go round for ever
        try_(self.locks.check(owner, wait.task))
        # First the mark: an owner that unlocks by the fast way would not look for waiters
        result = self.locks.mark(wait, request.place)
        with if_(result != 0):
            ret(result)
        or_(request.word, WAITERS)
        self.locks.insert(owner, wait)
        # Last, when it is among the owner's waiters, by whose priorities this goes
        self.locks.inherit(owner)
        ret(0)
