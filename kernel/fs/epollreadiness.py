"""Which files are ready in sets that programs wait for."""

from __future__ import annotations

from kernel.cpu.interruptflag import interrupts_disabled
from kernel.fs.epoll import Epoll, EpollItem
from kernel.sched.waiting import Waiting
from kernel.sync.pollqueue import READABLE, PollQueue, Watcher
from kernel.sync.pollqueues import PollQueues
from pykasm import *


class EpollReadiness(Subsystem):
    """Notes which items of sets are ready, and tells who waits.

    Changes of a file come with the lock of its own queue held, under which the lock of each set is
    taken that has it. A set that is itself watched, by another set or by `poll`, tells these in
    turn: all of that is under one lock, `nesting`, so that sets in sets need no order among them.
    """

    nesting = bss(PollQueue)
    """Nobody waits here: who watches a set does it with the lock of this queue."""

    def __init__(self, queues: PollQueues, waiting: Waiting) -> None:
        self.queues = queues
        self.waiting = waiting

    @function(holds="WaitQueue.lock")
    def _set_ready(self, epoll: Ptr[Epoll], item: Ptr[EpollItem]) -> None:
        """Put `item` last among those that are ready, unless it is there."""
        mov(item.is_changed, 1)
        with if_(item.is_ready == 0):
            mov(item.is_ready, 1)
            inc(epoll.ready_count)
            link = scratch(address_of(item.ready))
            epoll.ready.append(link)

    @function(holds="WaitQueue.lock")
    def clear_ready(self, epoll: Ptr[Epoll], item: Ptr[EpollItem]) -> None:
        """Take `item` away from those that are ready, if it is there."""
        with if_(item.is_ready != 0):
            mov(item.is_ready, 0)
            dec(epoll.ready_count)
            item.ready.unlink()

    @function(holds="WaitQueue.lock")
    def put_last(self, epoll: Ptr[Epoll], item: Ptr[EpollItem]) -> None:
        """Have all others that are ready come before `item`, if it is ready."""
        with if_(item.is_ready != 0):
            link = scratch(address_of(item.ready))
            item.ready.unlink()
            epoll.ready.append(link)

    @function(context="interrupts off")
    def notify(self, watcher: Ptr[Watcher], events: U32) -> Bool:
        """Note that some `events` may hold for the item that has `watcher`, and wake one who waits
        for its set, as `WatcherHandler` says."""
        item = keep(container_of(watcher, EpollItem, "watcher"))
        with if_((item.wanted & events) == 0):
            ret(False)
        woken, epoll = keep(self._make_ready(item)), scratch(item.epoll)
        with if_(~epoll.parents.is_empty()):
            self._tell_parents(epoll)
        ret(woken)

    @function(context="interrupts off")
    def _make_ready(self, item: Keep[Ptr[EpollItem]]) -> Bool:
        """Put `item` among those that are ready. Returns whether somebody who waits is woken."""
        epoll, woken = keep(item.epoll), keep(Bool)
        with epoll.queue.queue.lock.held_interrupts_off(rank="epoll"):
            self._set_ready(epoll, item)
            mov(woken, self.wake(epoll))
        ret(woken)

    @function(context="interrupts off", holds="WaitQueue.lock")
    def wake(self, epoll: Ptr[Epoll]) -> Bool:
        """Wake one who waits for `epoll`. Returns whether there is one."""
        inc(epoll.queue.changes)
        # Who looks for events and is about to wait sees by the number that it has to look again
        ret(self.waiting.wake_one(address_of(epoll.queue.queue)) != 0)

    @function(context="thread")
    def tell(self, item: Keep[Ptr[EpollItem]]) -> None:
        """Do what `notify` does, for who has found that something is possible."""
        epoll = keep(item.epoll)
        with interrupts_disabled():
            ignore(self._make_ready(item), "who waits looks")
            with if_(~epoll.parents.is_empty()):
                self._tell_parents(epoll)

    # Sets in sets

    @function(context="thread")
    def watch(self, epoll: Ptr[Epoll], watcher: Ptr[Watcher]) -> None:
        """Have `watcher` told when `epoll` may be ready, from now on."""
        epoll, link = scratch(epoll), scratch(address_of(watcher.link))
        lea(rax, self.nesting)
        mov(u64(watcher.watched), rax)
        with self.nesting.queue.lock.held():
            epoll.parents.append(link)

    @function(context="interrupts off")
    def _tell_parents(self, epoll: Keep[Ptr[Epoll]]) -> None:
        """Tell who watches `epoll` that it may be ready, and who watches these."""
        pending = keep(OrNull[Ptr[Epoll]])
        with self.nesting.queue.lock.held_interrupts_off(rank="nesting"):
            mov(epoll.pending, 0)
            # A list instead of recursion, as sets may lie deep in each other and the stack is small
            mov(epoll.is_pending, 1)
            mov(pending, epoll)
            with while_(pending != 0):
                mov(epoll, pending)
                mov(pending, epoll.pending)
                mov(epoll.is_pending, 0)
                with epoll.parents.each(Watcher, "link") as watcher:
                    mov(pending, self._tell_parent(watcher, pending))

    @function(context="interrupts off", holds="WaitQueue.lock")
    def _tell_parent(
        self, watcher: Ptr[Watcher], pending: Keep[OrNull[Ptr[Epoll]]]
    ) -> OrNull[Ptr[Epoll]]:
        """Tell one who watches a set. Returns the first whose parents are to be told then."""
        with if_(u64(watcher.handler) != 0):
            ignore(self.queues.pass_on(watcher, READABLE), "none of these is exclusive")
            ret(pending)
        item = keep(container_of(watcher, EpollItem, "watcher"))
        with if_((item.wanted & READABLE) == 0):
            ret(pending)
        ignore(self._make_ready(item), "none of these is exclusive")
        epoll = scratch(item.epoll)
        with if_(epoll.is_pending != 0):
            # Sets that lead to one by several ways tell its parents once
            ret(pending)
        mov(epoll.is_pending, 1)
        mov(epoll.pending, pending)
        ret(epoll)
