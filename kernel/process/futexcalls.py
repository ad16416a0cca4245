"""System calls for futexes."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.clock.clock import Clock
from kernel.clock.units import Nanoseconds
from kernel.errno import Errno
from kernel.futex.futexes import ALL_BITS, Futexes
from kernel.futex.futexwake import FutexWake
from kernel.futex.requeues import Requeues
from kernel.futex.robustlists import RobustListHead
from kernel.futex.wordchanges import WordChanges
from kernel.paging.addresses import UserAddress
from kernel.process.inspection import Inspection
from kernel.process.lockrequeues import LockRequeue, LockRequeues
from kernel.process.prioritylocks import PriorityLocks
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.timespec import TimeSpecs
from kernel.sched.waiting import FOREVER
from kernel.signals.signaltarget import RestartBlock
from kernel.time.daywaits import DAY_BIT
from kernel.vm.usercopy import UserCopy
from pykasm import *


class FutexOperation(IntEnum):
    """What `futex` does (include/uapi/linux/futex.h)."""

    WAIT = 0
    WAKE = 1
    REQUEUE = 3
    CMP_REQUEUE = 4
    WAKE_OP = 5
    LOCK_PI = 6
    UNLOCK_PI = 7
    TRYLOCK_PI = 8
    WAIT_BITSET = 9
    WAKE_BITSET = 10
    WAIT_REQUEUE_PI = 11
    CMP_REQUEUE_PI = 12
    LOCK_PI2 = 13


class FutexFlag(IntFlag):
    """How."""

    PRIVATE = 128
    """The word is in memory that nobody shares."""
    CLOCK_REALTIME = 256
    """The time of day ends the wait."""


FLAGS = FutexFlag.PRIVATE | FutexFlag.CLOCK_REALTIME


class FutexCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        futexes: Futexes,
        requeues: Requeues,
        changes: WordChanges,
        locks: PriorityLocks,
        lock_requeues: LockRequeues,
        processes: Processes,
        clock: Clock,
        specs: TimeSpecs,
        inspection: Inspection,
        copy: UserCopy,
    ) -> None:
        self.futexes = futexes
        self.requeues = requeues
        self.changes = changes
        self.locks = locks
        self.lock_requeues = lock_requeues
        self.processes = processes
        self.clock = clock
        self.specs = specs
        self.inspection = inspection
        self.copy = copy

    @function(context="thread", sleeps=True)
    def futex(
        self,
        address: Untrusted[UserAddress],
        operation: U32,
        value: U32,
        timeout: Fetched[User[U8]],
        second: Untrusted[UserAddress],
        third: U32,
    ) -> OrErrno[I64]:
        """Do what `operation` says with the word at `address`."""
        what = scratch(operation)
        and_(what, 0xFFFF_FFFF & ~int(FLAGS))
        with switch(what):
            with case(FutexOperation.WAIT):
                tail(self._wait, address, operation, value, timeout, ALL_BITS)
            with case(FutexOperation.WAIT_BITSET):
                tail(self._wait, address, operation, value, timeout, third)
            with case(FutexOperation.WAKE):
                tail(self._wake, address, operation, value, ALL_BITS)
            with case(FutexOperation.WAKE_BITSET):
                tail(self._wake, address, operation, value, third)
            with case(FutexOperation.WAKE_OP):
                tail(self._wake_by, address, operation, value, u32(timeout), second, third)
            with case(FutexOperation.LOCK_PI):
                or_(operation, FutexFlag.CLOCK_REALTIME)  # it knows no other one
                tail(self._lock, address, operation, timeout)
            with case(FutexOperation.LOCK_PI2):
                tail(self._lock, address, operation, timeout)
            with case(FutexOperation.TRYLOCK_PI):
                tail(self._try_lock, address, operation)
            with case(FutexOperation.UNLOCK_PI):
                tail(self._unlock, address, operation)
            with case(FutexOperation.REQUEUE):
                tail(self._requeue, address, operation, value, u32(timeout), second)
            with case(FutexOperation.CMP_REQUEUE):
                tail(self._requeue_if, address, operation, value, u32(timeout), second, third)
            with case(FutexOperation.WAIT_REQUEUE_PI):
                tail(self._wait_for_lock, address, operation, value, timeout, second)
            with case(FutexOperation.CMP_REQUEUE_PI):
                tail(self._requeue_to_lock, address, operation, value, u32(timeout), second, third)
        ret(-Errno.ENOSYS)

    @function(context="thread", sleeps=True)
    def _wake(
        self, address: Untrusted[UserAddress], operation: U32, most: U32, bits: U32
    ) -> OrErrno[I64]:
        """Wake up to `most` waiters, but at least one, as Linux does."""
        fail_if(bits == 0, Errno.EINVAL)
        with if_(i32(most) <= 0):
            mov(most, 1)
        and_(operation, FutexFlag.PRIVATE)
        result = self.futexes.wake(address, operation, most, bits)
        movsxd(rax, result)
        ret(rax)

    @function(context="thread", sleeps=True)
    def _wake_by(
        self,
        address: Untrusted[UserAddress],
        operation: U32,
        most: U32,
        most_second: U32,
        second: Untrusted[UserAddress],
        code: U32,
    ) -> OrErrno[I64]:
        """Change the word at `second`, and wake by what it was."""
        counts = scratch(U64)
        # Both numbers in one argument, as there are six in registers alone
        mov(u32(counts), most_second)
        shl(counts, 32)
        mov(eax, most)
        or_(counts, rax)
        and_(operation, FutexFlag.PRIVATE)
        result = self.changes.wake_by(address, second, operation, counts, code)
        movsxd(rax, result)
        ret(rax)

    @function(context="thread", sleeps=True)
    def _requeue(
        self,
        address: Untrusted[UserAddress],
        operation: U32,
        most: U32,
        most_moved: U32,
        target: Untrusted[UserAddress],
    ) -> OrErrno[I64]:
        """Wake up to `most` waiters, and move others to the word at `target`."""
        wake = local(FutexWake)
        mov(wake.is_checked, 0)
        result = self._move(address_of(wake), address, operation, most, most_moved, target)
        ret(result)

    @function(context="thread", sleeps=True)
    def _requeue_if(
        self,
        address: Untrusted[UserAddress],
        operation: U32,
        most: U32,
        most_moved: U32,
        target: Untrusted[UserAddress],
        expected: U32,
    ) -> OrErrno[I64]:
        """Do what `_requeue` does if there is the `expected` value at `address`."""
        wake = local(FutexWake)
        mov(wake.is_checked, 1)
        mov(wake.expected, expected)
        result = self._move(address_of(wake), address, operation, most, most_moved, target)
        ret(result)

    @function(context="thread", sleeps=True)
    def _move(
        self,
        wake: Ptr[FutexWake],
        address: Untrusted[UserAddress],
        operation: U32,
        most: U32,
        most_moved: U32,
        target: Untrusted[UserAddress],
    ) -> OrErrno[I64]:
        """Do what `wake` says besides."""
        fail_if((i32(most) < 0) | (i32(most_moved) < 0), Errno.EINVAL)
        mov(wake.bits, ALL_BITS)
        mov(wake.most, most)
        mov(wake.most_moved, most_moved)
        mov(wake.done, 0)
        and_(operation, FutexFlag.PRIVATE)
        result = self.requeues.requeue(wake, address, target, operation)
        movsxd(rax, result)
        ret(rax)

    # Locks that inherit priorities

    @function(context="thread", sleeps=True)
    def _lock(
        self,
        address: Keep[Untrusted[UserAddress]],
        operation: Keep[U32],
        timeout: Fetched[User[U8]],
    ) -> OrErrno[I64]:
        """Take the lock at `address`, or wait for it until the time at `timeout`, if there is one.
        After a signal it goes on."""
        time = local(Nanoseconds)
        self._take_deadline(timeout, operation, time)
        and_(operation, FutexFlag.PRIVATE)
        result = self.locks.acquire(address, operation, time, 1)
        with if_(result == -Errno.EINTR):
            ret(-Errno.ERESTARTNOINTR)
        movsxd(rax, result)
        ret(rax)

    @function(context="thread", sleeps=True)
    def _try_lock(self, address: Untrusted[UserAddress], operation: U32) -> OrErrno[I64]:
        """Take the lock at `address`, unless somebody has it."""
        and_(operation, FutexFlag.PRIVATE)
        result = self.locks.acquire(address, operation, FOREVER, 0)
        movsxd(rax, result)
        ret(rax)

    @function(context="thread", sleeps=True)
    def _unlock(self, address: Untrusted[UserAddress], operation: U32) -> OrErrno[I64]:
        """Give the lock at `address` away."""
        and_(operation, FutexFlag.PRIVATE)
        result = self.locks.release(address, operation)
        movsxd(rax, result)
        ret(rax)

    @function(context="thread", sleeps=True)
    def _wait_for_lock(
        self,
        address: Keep[Untrusted[UserAddress]],
        operation: Keep[U32],
        expected: Keep[U32],
        timeout: Fetched[User[U8]],
        target: Keep[Untrusted[UserAddress]],
    ) -> OrErrno[I64]:
        """Wait for the word at `address`, then for the lock at `target`, until the time at
        `timeout`, if there is one. What a signal ends before the lock begins again."""
        time = local(Nanoseconds)
        self._take_deadline(timeout, operation, time)
        and_(operation, FutexFlag.PRIVATE)
        result = self.lock_requeues.wait(address, target, operation, expected, time)
        with if_(result == -Errno.EINTR):
            ret(-Errno.ERESTARTNOINTR)
        movsxd(rax, result)
        ret(rax)

    @function(context="thread", sleeps=True)
    def _requeue_to_lock(
        self,
        address: Untrusted[UserAddress],
        operation: U32,
        most: U32,
        most_moved: U32,
        target: Untrusted[UserAddress],
        expected: U32,
    ) -> OrErrno[I64]:
        """Have up to `most_moved` + 1 waiters wait for the lock at `target`."""
        request = local(LockRequeue)
        fail_if((most != 1) | (i32(most_moved) < 0), Errno.EINVAL)
        inc(most_moved)
        # The one that is woken gets the lock, or waits for it like those that are moved
        mov(request.most, most_moved)
        mov(request.expected, expected)
        mov(request.is_checked, 1)
        mov(request.done, 0)
        mov(request.place, target)
        and_(operation, FutexFlag.PRIVATE)
        result = self.lock_requeues.requeue(address_of(request), address, operation)
        movsxd(rax, result)
        ret(rax)

    # Lists of locks

    @function(context="thread")
    def set_robust_list(self, head: User[U8], length: U64) -> OrErrno[I64]:
        """Note where this thread has the list of locks that end with it."""
        fail_if(length != sizeof(RobustListHead), Errno.EINVAL)
        task = self.processes.current()
        mov(task.robust_list, head)
        ret(0)

    @function(context="thread", sleeps=True)
    def get_robust_list(
        self, number: U32, head: Keep[User[U8]], length: Keep[User[U8]]
    ) -> OrErrno[I64]:
        """Store in `head` where the thread `number`, 0 for this one, has that list, and the size of
        its beginning in `length`."""
        value = local(U64)
        with if_(number == 0):
            task = self.processes.current()
            mov(number, task.number)
        failed, list = self.inspection.robust_list_of(number)
        mov(value, list)
        try_(failed)
        try_(self._store(length, sizeof(RobustListHead)))
        tail(self._store, head, value)

    @function(context="thread", sleeps=True)
    def _store(self, target: User[U8], value: U64) -> OrErrno[I64]:
        """Store a word of 8 bytes at `target`. Returns 0 or -EFAULT."""
        word = local(U64)
        mov(word, value)
        result, left = self.copy.copy_out(target, address_of(word), sizeof(U64))
        ignore(left)
        movsxd(rax, result)
        ret(rax)

    # Waiting

    @function(context="thread", sleeps=True)
    def _wait(
        self,
        address: Keep[Untrusted[UserAddress]],
        operation: Keep[U32],
        expected: Keep[U32],
        timeout: Fetched[User[U8]],
        bits: Keep[U32],
    ) -> OrErrno[I64]:
        """Wait for the word at `address`, for a span of time, or until a time by WAIT_BITSET."""
        time = local(Nanoseconds)
        fail_if(bits == 0, Errno.EINVAL)
        self._take_deadline(timeout, operation, time)
        and_(operation, FutexFlag.PRIVATE)
        tail(self._wait_until, address, operation, expected, time, bits)

    @inline(changes=("timeout", *CALLER_SAVED))
    def _take_deadline(self, timeout: User[U8], operation: U32, time: Nanoseconds) -> None:
        """Set `time` to when the wait ends, by the time at `timeout`: never, if that is 0. Leave
        with -EFAULT or -EINVAL."""
        mov(time, -1)
        with if_(timeout != 0):
            try_(self._take_time(timeout, operation, address_of(time)))

    @function(context="thread", sleeps=True)
    def _take_time(
        self, timeout: Fetched[User[U8]], operation: Keep[U32], time: Keep[Ptr[Nanoseconds]]
    ) -> OrErrno[I64]:
        """Set what is at `time` to when the wait ends, by the time at `timeout`. Returns 0, -EFAULT
        or -EINVAL."""
        try_(self.specs.take(timeout, time))
        mov(rax, u64(self._deadline(at(time), operation)))
        mov(at(time), rax)
        ret(0)

    @function(context="thread")
    def _deadline(self, time: Nanoseconds, operation: U32) -> Nanoseconds:
        """Return the time that `time` means, as `DayWaits` has it."""
        what = scratch(operation)
        and_(what, 0xFFFF_FFFF & ~int(FLAGS))
        with if_(what == FutexOperation.WAIT):
            end = self.clock.after(time)
            # WAIT alone takes a span, not a time
            with if_(i64(end) < 0):  # beyond all times of programs
                mov(end, FOREVER)
            ret(end)
        with if_((operation & FutexFlag.CLOCK_REALTIME) == 0):
            ret(time)
        bts(time, DAY_BIT)
        ret(time)

    @function(context="thread", sleeps=True)
    def _wait_until(
        self,
        address: Keep[Untrusted[UserAddress]],
        private: Keep[U32],
        expected: Keep[U32],
        deadline: Keep[Nanoseconds],
        bits: Keep[U32],
    ) -> OrErrno[I64]:
        """Wait until `deadline`. Returns what `Futexes.wait` does; after a signal, what has the
        call begin again, or go on to the same deadline."""
        result = self.futexes.wait(address, private, expected, deadline, bits)
        with if_(result != -Errno.EINTR):
            movsxd(rax, result)
            ret(rax)
        mov(rax, FOREVER)
        fail_if(deadline == rax, Errno.ERESTARTSYS)
        task = scratch(self.processes.current())
        block = scratch(address_of(task.restart))
        mov(block.function, address_of(self.go_on))
        mov(block.arguments[0], u64(address))
        mov(block.arguments[1], deadline)
        for number, value in enumerate((private, expected, bits), 2):
            mov(eax, value)
            mov(block.arguments[number], rax)
        ret(-Errno.ERESTART_RESTARTBLOCK)

    @function
    def go_on(self, block: Ptr[RestartBlock]) -> OrErrno[I64]:
        """Go on with a wait that a time ends."""
        words = block.arguments
        tail(self._wait_until, words[0], u32(words[2]), u32(words[3]), words[1], u32(words[4]))
