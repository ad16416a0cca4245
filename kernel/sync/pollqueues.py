"""Waiting until something changes."""

from __future__ import annotations

from kernel.clock.units import Nanoseconds
from kernel.sched.scheduler import Scheduler
from kernel.sched.waiting import Waiting, WaitResult
from kernel.sync.pollqueue import PollQueue, Watcher
from pykasm import *


class PollQueues(Subsystem):
    """Operations on `PollQueue`.

    Who waits notes the number of changes, then looks, under whatever lock guards that, and then
    waits for the number to be another one. Who changes something announces it after that. So no
    change is missed, and no lock but the queue's is held while somebody waits.
    """

    def __init__(self, scheduler: Scheduler, waiting: Waiting) -> None:
        self.scheduler = scheduler
        self.waiting = waiting

    @inline(changes=rax)
    def note(self, queue: PollQueue | Ptr[PollQueue]) -> U64:
        """Return the number of changes. No lock is needed: the processor reads it before
        what is looked at then (AMD64 APM vol. 2, 7.1)."""
        mov(rax, queue.changes)
        return rax

    @function(context="thread", sleeps=True)
    def wait(
        self,
        queue: Keep[Ptr[PollQueue]],
        noted: Keep[U64],
        deadline: Keep[Nanoseconds],
        mode: Keep[U32],
    ) -> OrErrno[I32]:
        """Wait until the number of changes is another one than `noted`, as `Waiting.wait_until`
        does. Returns a `WaitResult`."""
        result = keep(I32)
        xor(result, result)
        with (
            queue.queue.lock.held(),
            while_((queue.changes == noted) & (result == WaitResult.WOKEN)),
        ):
            mov(result, self.waiting.wait_until(address_of(queue.queue), deadline, mode))
        ret(result)

    @function(context="any")
    def announce(self, queue: Keep[Ptr[PollQueue]], events: Keep[U32]) -> None:
        """Wake who waits for a change. Those who watch are told which `events` may hold now; they
        are told nothing if there are none."""
        with queue.queue.lock.held():
            inc(queue.changes)
            # Mostly nobody waits at the end that announces
            with if_(~queue.queue.is_empty()):
                self.waiting.wake_all(address_of(queue.queue))
            with if_(queue.watchers.next != 0):
                self._tell(queue, events)
        self.scheduler.preempt_if_due()

    @function(context="interrupts off", holds="queue.queue.lock")
    def _tell(self, queue: Keep[Ptr[PollQueue]], events: Keep[U32]) -> None:
        """Tell all who watch, but of the exclusive ones no more than it takes to wake a thread."""
        woken = keep(Bool)
        xor(u32(woken), u32(woken))
        with queue.watchers.each(Watcher, "link") as watcher:
            with if_((watcher.is_exclusive != 0) & (woken != 0)):
                continue_()
            told = watcher.handler(watcher, events)
            with if_(watcher.is_exclusive != 0):
                or_(u32(woken), u32(told))

    @function(context="interrupts off")
    def pass_on(self, watcher: Ptr[Watcher], events: U32) -> Bool:
        """Count a change at the target of `watcher`, as `WatcherHandler` says."""
        target = keep(watcher.target)
        with target.queue.lock.held_interrupts_off(rank="target"):
            inc(target.changes)
            self.waiting.wake_all(address_of(target.queue))
        ret(True)

    @function(context="any")
    def watch(self, queue: Ptr[PollQueue], watcher: Ptr[Watcher]) -> None:
        """Have `watcher` told of changes from now on."""
        link = scratch(address_of(watcher.link))
        mov(watcher.watched, queue)
        with queue.queue.lock.held():
            with if_(queue.watchers.next == 0):
                queue.watchers.reset()
            queue.watchers.append(link)

    @function(context="any")
    def unwatch(self, watcher: Ptr[Watcher]) -> None:
        """Have `watcher` told of nothing any more. It may be freed then."""
        queue = scratch(watcher.watched)
        with if_(queue != 0), queue.queue.lock.held():
            watcher.link.unlink()
