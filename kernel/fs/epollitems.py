"""The files in sets that programs wait for."""

from __future__ import annotations

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.fs.epoll import Epoll, EpollItem
from kernel.fs.epollreadiness import EpollReadiness
from kernel.fs.file import File
from kernel.locks.spinlock import SpinLock
from kernel.mm.slabs import SlabCache, Slabs
from kernel.structures.tree import Trees
from kernel.sync.pollqueue import PollQueue
from kernel.sync.pollqueues import PollQueues
from pykasm import *


class EpollItems(LeakChecks):
    """Puts items into sets, and takes them out. Context: thread."""

    count = bss(U64)
    lock = bss(SpinLock)
    """Held to put items in and to take them out, and by who closes files that are in sets."""

    def __init__(
        self, slabs: Slabs, trees: Trees, queues: PollQueues, readiness: EpollReadiness
    ) -> None:
        self.trees = trees
        self.queues = queues
        self.readiness = readiness
        self.records = SlabCache(slabs, "watched file", EpollItem)
        self.leak_checks = [leak_check("watched files", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return how many items there are."""
        ret(self.count)

    # Putting in and taking out

    @function(context="thread")
    def create(
        self, epoll: Keep[Ptr[Epoll]], file: Keep[Ptr[File]], key: Keep[U64]
    ) -> OrNull[Owned[Ptr[EpollItem]]]:
        """Return an item for `file` that is in no set yet, and that wants nothing; null without
        memory."""
        made = scratch(try_(self.records.allocate_zeroed()))
        mov(made.epoll, epoll)
        mov(made.file, file)
        mov(made.node.key, key)
        lea(rax, epoll.queue)
        mov(made.watcher.target, cast(rax, Ptr[PollQueue]))
        lea(rax, self.readiness.notify)
        mov(u64(made.watcher.handler), rax)
        lock.inc(self.count)
        ret(made)

    @function(context="thread")
    def discard(self, item: Owned[Ptr[EpollItem]]) -> None:
        """Free an item that is in no set."""
        lock.dec(self.count)
        self.records.free(item)

    @function(context="thread")
    def insert(self, item: Keep[Ptr[EpollItem]]) -> None:
        """Put `item` into its set. It watches nothing yet."""
        epoll, file = keep(item.epoll), keep(item.file)
        with self.lock.held():
            link = scratch(address_of(item.sibling))
            with if_(file.watches.next == 0):
                file.watches.reset()
            file.watches.append(link)
            release(link)
            with epoll.queue.queue.lock.held_interrupts_off(rank="epoll"):
                self.trees.insert(address_of(epoll.items), address_of(item.node))
            with (
                if_(item.is_nested != 0),
                self.readiness.nesting.queue.lock.held_interrupts_off(rank="nesting"),
            ):
                link = scratch(address_of(item.child))
                epoll.children.append(link)

    @function(context="thread")
    def find(self, epoll: Keep[Ptr[Epoll]], key: U64) -> OrNull[Ptr[EpollItem]]:
        """Return the item with this key, or null. Context: who calls keeps it from being taken
        out."""
        found = keep(OrNull[Ptr[EpollItem]])
        with epoll.queue.queue.lock.held(rank="epoll"):
            mov(found, self.find_locked(epoll, key))
        ret(found)

    @function(holds="WaitQueue.lock")
    def find_locked(self, epoll: Ptr[Epoll], key: Keep[U64]) -> OrNull[Ptr[EpollItem]]:
        """Return the item with this key, or null."""
        node = try_(self.trees.at_least(address_of(epoll.items), key))
        item = container_of(node, EpollItem, "node")
        with if_(item.node.key != key):
            ret(0)
        ret(item)

    @function(context="thread")
    def remove(self, item: Keep[Ptr[EpollItem]]) -> None:
        """Take `item` out of its set, and free it. Context: who calls has its set locked."""
        with self.lock.held():
            self._remove(item)

    @function(context="thread")
    def forget(self, file: Keep[Ptr[File]]) -> None:
        """Take `file`, which is being closed, out of all sets."""
        with self.lock.held(), while_(lambda: ~file.watches.is_empty()):
            self._remove(container_of(scratch(file.watches.next), EpollItem, "sibling"))

    @function(context="thread")
    def clear(self, epoll: Keep[Ptr[Epoll]]) -> None:
        """Take everything out of a set that is being closed."""
        item = keep(OrNull[Ptr[EpollItem]])
        with loop():
            with self.lock.held():
                mov(item, self._first(epoll))
                with if_(item != 0):
                    self._remove(item)
            break_if(item == 0)

    @function(context="interrupts off")
    def _first(self, epoll: Ptr[Epoll]) -> OrNull[Ptr[EpollItem]]:
        """Return some item of a set, or null."""
        first = scratch(Ptr[EpollItem])
        with epoll.queue.queue.lock.held_interrupts_off(rank="epoll"):
            mov(first, container_of(scratch(epoll.items.first), EpollItem, "node"))
        ret(first)

    @function(context="interrupts off", holds="lock")
    def _remove(self, item: Keep[Ptr[EpollItem]]) -> None:
        """Take `item` out, first where changes come from, and free it."""
        item.sibling.unlink()
        with (
            if_(item.is_nested != 0),
            self.readiness.nesting.queue.lock.held_interrupts_off(rank="nesting"),
        ):
            item.child.unlink()
        self.queues.unwatch(address_of(item.watcher))
        epoll = keep(item.epoll)
        with epoll.queue.queue.lock.held_interrupts_off(rank="epoll"):
            self.trees.remove(address_of(epoll.items), address_of(item.node))
            self.readiness.clear_ready(epoll, item)
        take_over(item, "its set had it")
        self.discard(item)
