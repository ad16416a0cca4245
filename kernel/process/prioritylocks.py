"""Locks that inherit priorities."""

from __future__ import annotations

from kernel.clock.units import Nanoseconds
from kernel.errno import Errno
from kernel.futex.futexkeys import FutexKeys
from kernel.futex.futexwaiter import FutexKey
from kernel.futex.robustlists import OWNER_DIED, OWNER_MASK, WAITERS
from kernel.locks.spinlock import SpinLock
from kernel.paging.addresses import UserAddress
from kernel.process.processes import Processes
from kernel.process.task import LockNews, PriorityWait, Task
from kernel.process.tasksearch import TaskSearch
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Thread
from kernel.sched.waiting import Waiting, WaitResult
from kernel.time.daywaits import UNTIL_DAY, DayWaits
from kernel.vm.rights import Rights
from kernel.vm.userwords import UserWords
from pykasm import *

OWNED = 1
"""Somebody has the lock."""

LOOK_AGAIN = 2
"""Something has changed since it was looked at."""

LONGEST_CHAIN = 1024
"""How many tasks may wait for each other in a row (Linux: max_lock_depth)."""


class PriorityLocks(Subsystem):
    """Futexes whose word has the number of the thread that has the lock (futex(2), "Priority-
    inheritance futexes"). Who waits is in the list of the task that has the lock, which is as
    urgent meanwhile as the most urgent of them; so is whoever that waits for, and so on. Context:
    thread."""

    def __init__(
        self,
        scheduler: Scheduler,
        waiting: Waiting,
        waits: DayWaits,
        keys: FutexKeys,
        words: UserWords,
        processes: Processes,
        search: TaskSearch,
    ) -> None:
        self.scheduler = scheduler
        self.waiting = waiting
        self.waits = waits
        self.keys = keys
        self.words = words
        self.processes = processes
        self.search = search
        self.lock = bss(SpinLock)
        """Guards who waits for whom."""

    # Locking

    @function(context="thread", sleeps=True)
    def acquire(
        self,
        address: Keep[Untrusted[UserAddress]],
        private: U32,
        deadline: Keep[Nanoseconds],
        waits: Keep[U32],
    ) -> OrErrno[I32]:
        """Take the lock at `address`; wait for it until `deadline` unless `waits` is 0. Returns 0;
        -EAGAIN if somebody has it, -EDEADLK if that is this thread, or waits for it, -ESRCH if
        there is no such thread, -ETIMEDOUT, -EINTR, -EFAULT, -EINVAL or -EPERM."""
        wait = local(PriorityWait)
        private = keep(private)
        self.prepare(address_of(wait))
        # Before any lock, as it may have to read the program's memory
        try_(self.keys.find(address_of(wait.key), address, private))
        release(private)
        result = self._acquire_as(address_of(wait), address, deadline, waits)
        ret(result)

    @function(context="thread", sleeps=True)
    def finish(
        self,
        wait: Keep[Ptr[PriorityWait]],
        address: Keep[Untrusted[UserAddress]],
        deadline: Keep[Nanoseconds],
    ) -> OrErrno[I32]:
        """Wait for the lock at `address`, for which somebody has enqueued `wait` of the task that
        runs, or which it has got already. Returns what `acquire` does."""
        result = self._sleep(wait, deadline)
        with if_(result != LOOK_AGAIN):
            ret(result)
        tail(self._acquire_as, wait, address, deadline, 1)

    @function(context="thread", sleeps=True)
    def _acquire_as(
        self,
        wait: Keep[Ptr[PriorityWait]],
        address: Keep[Untrusted[UserAddress]],
        deadline: Keep[Nanoseconds],
        waits: Keep[U32],
    ) -> OrErrno[I32]:
        """Do what `acquire` does, as `wait`, which has the key of `address`."""
        result = keep(I32)
        with loop():
            mov(result, self._try(wait, address))
            with if_(result == OWNED):
                # FUTEX_TRYLOCK_PI
                fail_if(waits == 0, Errno.EAGAIN)
                mov(result, self._enqueue(wait, address))
                with if_(result == 0):
                    mov(result, self._sleep(wait, deadline))
            with if_(result == -Errno.EFAULT):
                try_(self.words.touch(address, Rights.WRITE))
                mov(result, LOOK_AGAIN)
            break_if(result != LOOK_AGAIN)
        ret(result)

    @function
    def prepare(self, wait: Ptr[PriorityWait]) -> None:
        """Make `wait` one of the task that runs."""
        with unshared(wait):
            wait.queue.prepare()
            mov(wait.news, LockNews.NOTHING)
        mov(wait.orphan_of, 0)
        task = self.processes.current()
        mov(wait.task, task)

    @function(context="thread")
    def _try(self, wait: Keep[Ptr[PriorityWait]], address: Keep[UserAddress]) -> OrErrno[I32]:
        """Take the lock if nobody has it. Returns 0, OWNED, LOOK_AGAIN, -EDEADLK or -EFAULT."""
        failed, value = self.words.load(address)
        with if_(failed != 0):
            ret(failed)
        mov(wait.word, value)
        owner, fresh, task = scratch(value), keep(U32), scratch(wait.task)
        and_(owner, OWNER_MASK)
        mov(fresh, task.number)
        # It would wait for itself
        fail_if(owner == fresh, Errno.EDEADLK)
        with if_((owner != 0) & (owner != wait.orphan_of)):
            # Its holder is in the word still where that has ended, and nobody else took it
            # meanwhile
            ret(OWNED)
        mov(eax, wait.word)
        # The next holder is told that what the lock guards may be half done (robust futexes)
        and_(eax, OWNER_DIED)
        with if_(owner != 0):
            mov(eax, OWNER_DIED)
        or_(fresh, eax)
        failed, found = self.words.compare_and_exchange(address, wait.word, fresh)
        with if_(failed != 0):
            ret(failed)
        # The program takes and gives locks without the kernel, so the word may change at any time
        with if_(found != wait.word):
            ret(LOOK_AGAIN)
        ret(0)

    @function(context="thread", sleeps=True)
    def _enqueue(self, wait: Keep[Ptr[PriorityWait]], address: Keep[UserAddress]) -> OrErrno[I32]:
        """Wait for whom the word tells to have the lock. Returns 0, LOOK_AGAIN, -ESRCH, -EDEADLK or
        -EFAULT."""
        number, result = keep(wait.word), keep(I32)
        and_(number, OWNER_MASK)
        process = keep(self.processes.current().process)
        mov(result, -Errno.ESRCH)
        with process.lock.held():  # most locks stay in one process
            task = scratch(self.search.find(process, number))
            with if_(task != 0):
                mov(result, self._wait_for(task, wait, address))
        with if_(result == -Errno.ESRCH):
            mov(process, self.search.process_of(number))
            with if_(process == 0):
                tail(self.explain_absence, wait, address)
            with process.lock.held():
                task = scratch(self.search.find(process, number))
                with if_(task != 0):
                    mov(result, self._wait_for(task, wait, address))
            self.processes.drop(process)
        self.scheduler.preempt_if_due()
        with if_(result == -Errno.EBUSY):  # it ends, and its locks are marked then
            self.scheduler.yield_now()
            ret(LOOK_AGAIN)
        ret(result)

    @function(context="thread")
    def explain_absence(self, wait: Keep[Ptr[PriorityWait]], address: UserAddress) -> OrErrno[I32]:
        """Return LOOK_AGAIN if the word has changed meanwhile; -ESRCH if not, -EFAULT."""
        failed, value = self.words.load(address)
        with if_(failed != 0):
            ret(failed)
        with if_(value != wait.word):
            ret(LOOK_AGAIN)
        ret(-Errno.ESRCH)

    @function(context="interrupts off")
    def _wait_for(
        self,
        owner: Keep[Ptr[Task]],
        wait: Keep[Ptr[PriorityWait]],
        address: Keep[UserAddress],
    ) -> OrErrno[I32]:
        """Put `wait` into the list of `owner`, whose process is locked, and say in the word that
        somebody waits. Returns what `_enqueue` does; -EBUSY if `owner` is about to end."""
        result = keep(I32)
        with self.lock.held_interrupts_off():
            mov(result, self.check(owner, wait.task))
            with if_(result == 0):
                # Who unlocks comes into the kernel from here on, and finds the wait there, as both
                # is done under `lock`
                mov(result, self.mark(wait, address))
            with if_(result == 0):
                # Last in order of time: of waits with one priority the first gets the lock
                self.insert(owner, wait)
                self.inherit(owner)
        ret(result)

    @function(holds="lock")
    def check(self, owner: Ptr[Task], task: Ptr[Task]) -> OrErrno[I32]:
        """Return 0 if `task` may wait for `owner`; -EDEADLK if that waits for it, perhaps by way of
        others, -EBUSY if it has ended its locks."""
        left = scratch(U32)
        # Under the lock, under which `leave` sets it: a wait that comes after that nobody would end
        fail_if(owner.has_left_locks != 0, Errno.EBUSY)
        mov(left, LONGEST_CHAIN)
        # Not longer, as it is gone through with interrupts off
        with loop():
            wait = scratch(owner.waits_for)
            break_if(wait == 0)
            mov(owner, wait.owner)
            asserts(owner != 0)  # it is in a list
            release(wait)
            fail_if((owner == task) | (left == 0), Errno.EDEADLK)
            dec(left)
        ret(0)

    @function(context="interrupts off")
    def mark(self, wait: Keep[Ptr[PriorityWait]], address: UserAddress) -> OrErrno[I32]:
        """Set WAITERS in the word, if it is as it was. Returns 0, LOOK_AGAIN or -EFAULT."""
        fresh = scratch(wait.word)
        or_(fresh, WAITERS)
        failed, found = self.words.compare_and_exchange(address, wait.word, fresh)
        with if_(failed != 0):
            ret(failed)
        with if_(found != wait.word):
            ret(LOOK_AGAIN)
        ret(0)

    @function(holds="lock")
    def insert(self, owner: Ptr[Task], wait: Ptr[PriorityWait]) -> None:
        """Put `wait` last into the list of `owner`."""
        link, task = scratch(address_of(wait.link)), scratch(wait.task)
        with if_(owner.dependents.next == 0):
            owner.dependents.reset()
        with unshared(wait):
            mov(wait.news, LockNews.NOTHING)
        mov(wait.owner, owner)
        mov(task.waits_for, wait)
        owner.dependents.append(link)

    @function(holds="lock")
    def _remove(self, wait: Ptr[PriorityWait]) -> None:
        """Take `wait` out of its list."""
        task = scratch(wait.task)
        mov(wait.owner, 0)
        mov(task.waits_for, 0)
        wait.link.unlink()

    @function(context="thread", sleeps=True)
    def _sleep(self, wait: Keep[Ptr[PriorityWait]], deadline: Keep[Nanoseconds]) -> OrErrno[I32]:
        """Wait until there are news of `wait`. Returns 0 with the lock, LOOK_AGAIN, -ETIMEDOUT or
        -EINTR."""
        result, news = keep(I32), keep(U32)
        xor(result, result)
        with (
            wait.queue.lock.held(),
            while_((wait.news == LockNews.NOTHING) & (result == WaitResult.WOKEN)),
        ):
            end = self.waits.end_of(deadline)
            ended = self.waiting.wait_until(address_of(wait.queue), end, UNTIL_DAY)
            mov(result, self.waits.settle(ended))
        with self.lock.held():
            # Whoever gives the lock holds `lock`, so news can't come between this look and the
            # removal
            with wait.queue.lock.held_interrupts_off():
                mov(news, wait.news)
            with if_(news == LockNews.NOTHING):
                owner = keep(wait.owner)
                asserts(owner != 0)  # it is still in the list
                self._remove(wait)
                # It may have been this wait that made the owner urgent
                self.inherit(owner)
        self.scheduler.preempt_if_due()
        with if_(news == LockNews.NOTHING):
            ret(result)
        ignore(result, "the news came first")
        with if_(news == LockNews.GIVEN):
            ret(0)
        ret(LOOK_AGAIN)

    # Inheriting

    @function(context="thread")
    def pass_on(self, task: Ptr[Task]) -> None:
        """Have whom `task` waits for be as urgent as that has become. Its process is locked."""
        with self.lock.held():
            wait = scratch(task.waits_for)
            with if_(wait != 0):
                owner = scratch(wait.owner)
                asserts(owner != 0)  # it is in a list
                self.inherit(owner)

    @function(context="interrupts off", holds="lock")
    def inherit(self, task: Keep[Ptr[Task]]) -> None:
        """Make `task` as urgent as the most urgent of those who wait for it; then whom it waits
        for, and so on."""
        left = keep(U32)
        mov(left, LONGEST_CHAIN)
        # No longer than `check` goes: interrupts are off
        with while_(left != 0):
            most = self._most_urgent(task)
            self.scheduler.inherit_priority(task.thread, most)
            wait = scratch(task.waits_for)
            break_if(wait == 0)
            mov(task, wait.owner)
            asserts(task != 0)  # it is in a list
            release(wait)
            dec(left)

    @function(holds="lock")
    def _most_urgent(self, task: Ptr[Task]) -> U32:
        """Return the highest priority of those who wait for `task`; 0 if nobody does."""
        most = scratch(U32)
        xor(most, most)
        with if_(task.dependents.next == 0):
            ret(0)
        with task.dependents.each(PriorityWait, "link", place=scratch) as wait:
            waiter = scratch(wait.task)
            thread = scratch(waiter.thread)
            with if_(thread.priority > most):
                mov(most, thread.priority)
            release(waiter, thread)
        ret(most)

    # Unlocking

    @function(context="thread", sleeps=True)
    def release(self, address: Keep[Untrusted[UserAddress]], private: U32) -> OrErrno[I32]:
        """Give the lock at `address`, which this thread has, to the most urgent one that waits.
        Returns 0, -EPERM if another one has it, -EFAULT or -EINVAL."""
        key, result, value = local(FutexKey), keep(I32), keep(U32)
        task = keep(self.processes.current())
        try_(self.keys.find(address_of(key), address, private))
        with loop():
            failed, found = self.words.load(address)
            mov(result, failed)
            mov(value, found)
            with if_(result == 0):
                mov(eax, value)
                and_(eax, OWNER_MASK)
                # The word is the program's, which may write anything there
                fail_if(eax != task.number, Errno.EPERM)
                mov(result, self._give(task, address_of(key), address, value))
            with if_(result == -Errno.EFAULT):
                try_(self.words.touch(address, Rights.WRITE))
                mov(result, LOOK_AGAIN)
            break_if(result != LOOK_AGAIN)
        self.scheduler.preempt_if_due()
        ret(result)

    @function(context="thread")
    def _give(
        self,
        task: Keep[Ptr[Task]],
        key: Keep[Ptr[FutexKey]],
        address: Keep[UserAddress],
        value: Keep[U32],
    ) -> OrErrno[I32]:
        """Give the lock `key`, in whose word there is `value`, to the most urgent one that waits.
        Returns 0, LOOK_AGAIN or -EFAULT."""
        fresh, result = local(U32), local(I32)
        with self.lock.held():
            # Without waiters the lock is free, for the fast way
            mov(fresh, 0)
            chosen = keep(self._choose(task, key))
            with if_(chosen != 0):
                next = scratch(chosen.task)
                mov(eax, next.number)
                or_(eax, WAITERS)
                # Also where nobody else waits, which the next unlocking finds out
                mov(fresh, eax)
                release(next)
            failed, found = self.words.compare_and_exchange(address, value, fresh)
            mov(result, failed)
            # Somebody has set WAITERS or died meanwhile: all is to be looked at again
            with if_((failed == 0) & (found != value)):
                mov(result, LOOK_AGAIN)
            with if_((result == 0) & (chosen != 0)):
                self._hand_over(task, key, chosen)
        ret(result)

    @function(holds="lock")
    def _choose(self, task: Ptr[Task], key: Keep[Ptr[FutexKey]]) -> OrNull[Ptr[PriorityWait]]:
        """Return the most urgent wait for the lock `key` of `task`, the first one of those that are
        alike; null if there is none."""
        chosen, most = scratch(OrNull[Ptr[PriorityWait]]), scratch(U32)
        xor(u32(chosen), u32(chosen))
        xor(most, most)
        fail_if(task.dependents.next == 0)
        with task.dependents.each(PriorityWait, "link", place=scratch) as wait:
            mov(rax, wait.key.space)
            mov(rcx, wait.key.place)
            with if_((rax == u64(key.space)) & (rcx == key.place)):
                waiter = scratch(wait.task)
                mov(rax, waiter.thread)
                release(waiter)
                mov(eax, cast(rax, Ptr[Thread]).priority)
                with if_((chosen == 0) | (eax > most)):
                    mov(chosen, wait)
                    mov(most, eax)
        ret(chosen)

    @function(context="interrupts off", holds="lock")
    def _hand_over(
        self,
        task: Keep[Ptr[Task]],
        key: Keep[Ptr[FutexKey]],
        chosen: Keep[Ptr[PriorityWait]],
    ) -> None:
        """Give the lock `key` of `task` to `chosen`, whom the word names already: priorities may
        have changed since, so nobody is chosen again. The others wait for that then."""
        next = keep(chosen.task)
        # Before the rest moves, or it would wait for itself
        self._remove(chosen)
        self._move_rest(task, key, next)
        self.tell(chosen, LockNews.GIVEN)
        self.inherit(next)
        # Both: one has gained waiters, and the other may have lost its most urgent one
        self.inherit(task)

    @function(holds="lock")
    def _move_rest(
        self, task: Keep[Ptr[Task]], key: Keep[Ptr[FutexKey]], next: Keep[Ptr[Task]]
    ) -> None:
        """Have all who wait for the lock `key` of `task` wait for `next`."""
        with task.dependents.each_removable(PriorityWait, "link") as wait:
            mov(rax, wait.key.space)
            mov(rcx, wait.key.place)
            with if_((rax == u64(key.space)) & (rcx == key.place)):
                wait.link.unlink()
                self.insert(next, wait)

    @function(context="interrupts off", holds="lock")
    def tell(self, wait: Keep[Ptr[PriorityWait]], news: Keep[U32]) -> None:
        """Wake the thread of `wait`, which is in no list any more, with `news`."""
        with wait.queue.lock.held_interrupts_off():
            mov(wait.news, news)
            self.waiting.wake_all(address_of(wait.queue))

    # The end

    @function(context="thread")
    def leave(self, task: Keep[Ptr[Task]]) -> None:
        """Wake all who wait for locks of `task`, which ends: they belong to nobody."""
        with self.lock.held():
            # From here on nobody enqueues with it, so what is in the list now is all
            mov(task.has_left_locks, 1)
            with (
                if_(task.dependents.next != 0),
                task.dependents.each_removable(PriorityWait, "link") as wait,
            ):
                mov(eax, task.number)
                # The word has this number still, which the waiter may then take for free
                mov(wait.orphan_of, eax)
                self._remove(wait)
                self.tell(wait, LockNews.ORPHANED)
        self.scheduler.preempt_if_due()
