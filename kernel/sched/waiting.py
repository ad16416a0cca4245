"""The one way in which threads wait for something, and are woken."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from kernel.clock.timer import Timer
from kernel.clock.timers import Timers
from kernel.clock.units import Nanoseconds
from kernel.cpu.interruptflag import interrupts_disabled
from kernel.errno import Errno
from kernel.locks.waitqueue import WaitQueue
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Interruption, Thread, ThreadState
from kernel.structures.list import ListHead
from pykasm import *

FOREVER = (1 << 64) - 1
"""The deadline of a wait that no time ends."""


class WaitResult(IntEnum):
    """What ended a wait. A wake-up counts before all else that came at the same time: what was
    given to a thread is never lost."""

    WOKEN = 0
    TIMED_OUT = -Errno.ETIMEDOUT
    INTERRUPTED = -Errno.EINTR


class WaitEntry(Struct):
    """One wait of a thread, on its stack. The lock of the queue guards it."""

    link: ListHead
    thread: Ptr[Thread]
    """Null once a waker has taken it out of the queue."""


class Timeout(Struct):
    """What ends a wait when its time has come, on the thread's stack."""

    timer: Timer
    thread: Ptr[Thread]


class Waiting(Subsystem):
    """Operations on `WaitQueue`.

    Who waits takes the queue's lock, looks, and calls `wait` as long as there is reason to, all in
    one block that holds the lock. Who wakes takes the lock, changes what is waited for, calls
    `wake_one` or `wake_all`, and after the block `Scheduler.preempt_if_due`.

    No wake-up is lost: the lock is held from the look until the thread is in the queue and BLOCKED,
    and wakers find it there under the same lock. Interrupts are off from then until the processor
    has left the thread (or gone on with it), so a thread that is preempted is never BLOCKED.
    Another processor may make it ready in between: it is in a run queue then while it still runs,
    and what that means is for `Scheduler` (see there).

    A wait returns with the lock held again, which its waker has released by then. So the
    thread that comes back from one may free what the queue lies in.
    """

    def __init__(self, scheduler: Scheduler, timers: Timers) -> None:
        self.scheduler = scheduler
        self.timers = timers

    # Waiting

    @function(context="interrupts off", sleeps=True, holds="queue.lock")
    def wait(self, queue: Ptr[WaitQueue]) -> None:
        """Wait in `queue` until somebody wakes this thread, with the queue's lock released."""
        self._wait(keep(queue))

    @function(context="interrupts off", holds="queue.lock")
    def wait_where_allowed(self, queue: Ptr[WaitQueue]) -> None:
        """Wait as `wait` does, in code that may run anywhere and has tested that it may sleep."""
        self._wait(keep(queue))

    @inline(changes=CALLER_SAVED)
    def _wait(self, queue: Ptr[WaitQueue]) -> None:
        """Do what `wait` does. `queue` outlives calls."""
        entry = local(WaitEntry)
        self._enqueue(queue, entry, scratch(self.scheduler.current))
        with loop():
            current = scratch(self.scheduler.current)
            mov(current.state, ThreadState.BLOCKED)
            self._leave(queue)
            # Otherwise somebody has woken the thread for the sake of another wait.
            break_if(entry.thread == 0)

    @function(context="interrupts off", sleeps=True, holds="queue.lock")
    def wait_until(
        self, queue: Keep[Ptr[WaitQueue]], deadline: Nanoseconds, mode: U32
    ) -> OrErrno[I32]:
        """Wait as `wait` does, but only until the clock has come to `deadline`, in nanoseconds, or
        until one of the interruptions in `mode` is pending: a `WaitResult` says which."""
        timeout, entry = local(Timeout), local(WaitEntry)
        thread, reasons = keep(self.scheduler.current), keep(U32)
        mov(thread.wait_mode, mode)
        self._enqueue(queue, entry, thread)
        mov(rcx, FOREVER)
        with if_(deadline != rcx):
            self._begin_timeout(address_of(timeout), thread, deadline)
        with loop():
            self._block_unless_interrupted(thread)
            self._leave(queue)
            xor(reasons, reasons)
            break_if(entry.thread == 0)
            mov(reasons, thread.pending)
            and_(reasons, thread.wait_mode)
            break_if(reasons != 0)
        with if_(reasons != 0):
            entry.link.unlink()
        ended = scratch(thread.wait_mode)
        mov(thread.wait_mode, 0)
        with if_(ended & Interruption.TIMEOUT):
            self._end_timeout(address_of(timeout), thread)
        with if_(reasons == 0):
            ret(WaitResult.WOKEN)
        ret(self.result(reasons))

    @inline(changes=(rax, rcx))
    def _enqueue(self, queue: Ptr[WaitQueue], entry: WaitEntry, thread: Ptr[Thread]) -> None:
        """Put `entry`, of `thread`, last into `queue`."""
        link = scratch(Ptr[ListHead])
        with if_(queue.waiters.next == 0):
            queue.waiters.reset()
        mov(entry.thread, thread)
        lea(link, entry.link)
        queue.waiters.append(link)
        release(link)

    @inline(changes=CALLER_SAVED)
    def _leave(self, queue: Ptr[WaitQueue]) -> None:
        """Leave the processor as a thread that is BLOCKED and in `queue`, until it is made ready.
        The lock is held before and after."""
        queue.lock.release()
        self.scheduler.schedule()
        queue.lock.acquire()

    @inline(changes=CALLER_SAVED)
    def _block_unless_interrupted(self, thread: Ptr[Thread]) -> None:
        """Make `thread`, the one that runs, BLOCKED, and ready again if something is pending that
        ends its wait.

        `interrupt` writes `pending` and then looks at the state, this does it the other way round,
        both by an instruction that no later read overtakes (AMD64 APM vol. 2, 7.1). So one of the
        two sees what the other wrote. If both do, the second one finds the thread ready.
        """
        mov(eax, ThreadState.BLOCKED)
        xchg(thread.state, eax)
        mov(eax, thread.pending)
        with if_(eax & thread.wait_mode):
            self.scheduler.make_ready(thread)

    @function(context="interrupts off")
    def _begin_timeout(
        self, timeout: Ptr[Timeout], thread: Ptr[Thread], deadline: Nanoseconds
    ) -> None:
        """Interrupt `thread`, the one that runs, when its time has come."""
        mov(timeout.thread, thread)
        timeout.timer.prepare(address_of(self.expire))
        or_(thread.wait_mode, Interruption.TIMEOUT)
        tail(self.timers.arm, address_of(timeout.timer), deadline)

    @function(context="interrupts off")
    def _end_timeout(self, timeout: Ptr[Timeout], thread: Keep[Ptr[Thread]]) -> None:
        """Detach `thread`, the one that runs, from `timeout`, and its wait.

        The timer's handler may be running on another processor. It takes none of the locks that
        are held here, so it ends.
        """
        ignore(self.timers.cancel_and_wait(address_of(timeout.timer)))
        self.clear(thread, Interruption.TIMEOUT)

    @function
    def result(self, reasons: U32) -> OrErrno[I32]:
        """Return the `WaitResult` for the interruptions that ended a wait."""
        with if_(reasons == 0):
            ret(WaitResult.WOKEN)
        with if_(reasons & Interruption.TIMEOUT):
            ret(WaitResult.TIMED_OUT)
        ret(WaitResult.INTERRUPTED)

    # Waking

    @function(context="interrupts off", holds="queue.lock")
    def wake_one(self, queue: Ptr[WaitQueue]) -> OrNull[Ptr[Thread]]:
        """Wake the thread that has waited longest in `queue`: that thread; null if none waits."""
        with if_(queue.is_empty()):
            ret(0)
        thread = keep(Ptr[Thread])
        entry = container_of(scratch(queue.waiters.next), WaitEntry, "link")
        entry.link.unlink()
        mov(thread, entry.thread)
        mov(entry.thread, 0)
        self.scheduler.make_ready(thread)
        ret(thread)

    @function(context="interrupts off", holds="queue.lock")
    def wake_all(self, queue: Keep[Ptr[WaitQueue]]) -> None:
        """Wake all threads that wait in `queue`."""
        with while_(lambda: ~queue.is_empty()):
            ignore(self.wake_one(queue), "all are to be woken")

    @inline
    def first(self, queue: WaitQueue) -> Ptr[Thread]:
        """Return the thread that has waited longest in `queue`, which is locked and not empty, in a
        scratch register."""
        entry = container_of(scratch(queue.waiters.next), WaitEntry, "link")
        return scratch(entry.thread)

    @function(context="any")
    def interrupt(self, thread: Ptr[Thread], reasons: U32) -> None:
        """Make the `reasons` (`Interruption`) pending for `thread`, and end its wait if one of them
        does. If its program runs on another processor, that is interrupted. Any context.

        The caller keeps `thread` from being freed. Reasons stay until somebody clears them: that
        of a thread that does not wait ends its next wait.
        """
        with interrupts_disabled():
            self._interrupt(thread, reasons)
        self.scheduler.preempt_if_due()

    @inline
    def note(self, thread: Ptr[Thread], reasons: int) -> None:
        """Make the `reasons` (`Interruption`) pending for `thread`, the one that runs."""
        lock.or_(thread.pending, reasons)

    @function(context="any")
    def clear(self, thread: Ptr[Thread], reasons: U32) -> None:
        """Clear the pending `reasons` (`Interruption`) of `thread`. Context: any."""
        not_(reasons)
        lock.and_(thread.pending, reasons)

    @function(context="interrupt")
    def expire(self, timer: Ptr[Timer]) -> None:
        """End the wait of the thread that `timer` belongs to."""
        timeout = container_of(timer, Timeout, "timer")
        self._interrupt(scratch(timeout.thread), Interruption.TIMEOUT)

    @inline(changes=("thread", "reasons", *CALLER_SAVED))
    def _interrupt(self, thread: Ptr[Thread], reasons: Any) -> None:
        """Do what `interrupt` does, with interrupts off: see `_block_unless_interrupted`."""
        lock.or_(thread.pending, reasons)
        with if_(thread.wait_mode & reasons):
            self.scheduler.make_ready(thread)
        with else_():
            self.scheduler.call_in(thread)
