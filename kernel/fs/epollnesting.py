"""Sets of files in sets of files."""

from __future__ import annotations

from kernel.fs.epoll import MOST_NESTED, Epoll, EpollItem
from kernel.fs.epollreadiness import EpollReadiness
from kernel.sync.pollqueue import Watcher
from pykasm import *

TOO_DEEP = MOST_NESTED + 1


class EpollNesting(Subsystem):
    """Says which sets may be in which. Context: thread."""

    searches = bss(U64, guarded_by="WaitQueue.lock")
    """The number of the last search through nested sets."""

    def __init__(self, readiness: EpollReadiness) -> None:
        self.readiness = readiness

    @function(context="thread")
    def may_nest(self, epoll: Keep[Ptr[Epoll]], child: Keep[Ptr[Epoll]]) -> Bool:
        """Return whether `child` may be in `epoll`: neither is `epoll` in it, nor are more than
        `MOST_NESTED` sets in one then. Context: who calls keeps others from nesting any."""
        depth = keep(U32)
        with self.readiness.nesting.queue.lock.held(rank="nesting"):
            inc(self.searches)
            mov(depth, self._depth_below(child, epoll))
            inc(self.searches)
            add(depth, self._depth_above(epoll))
        ret(depth < MOST_NESTED)

    @function(holds="WaitQueue.lock", recursion=MOST_NESTED + 1)
    def _depth_below(self, epoll: Keep[Ptr[Epoll]], unwanted: Keep[Ptr[Epoll]]) -> U32:
        """Return how many sets are in `epoll`, one in the other; TOO_DEEP if `unwanted` is one of
        them, or it itself."""
        depth = keep(U32)
        with if_(epoll == unwanted):
            ret(TOO_DEEP)
        mov(rax, self.searches)
        with if_(epoll.search == rax):
            ret(epoll.depth)
        xor(depth, depth)
        with epoll.children.each(EpollItem, "child") as item:
            file = scratch(item.file)
            below = scratch(self._depth_below(cast(file.private, Ptr[Epoll]), unwanted))
            self._deepen(depth, below)
        tail(self._note_depth, epoll, depth)

    @function(holds="WaitQueue.lock", recursion=MOST_NESTED + 1)
    def _depth_above(self, epoll: Keep[Ptr[Epoll]]) -> U32:
        """Return in how many sets `epoll` is, one in the other."""
        depth = keep(U32)
        mov(rax, self.searches)
        with if_(epoll.search == rax):
            ret(epoll.depth)
        xor(depth, depth)
        with epoll.parents.each(Watcher, "link") as watcher:
            continue_if(u64(watcher.handler) != 0)
            item = container_of(scratch(watcher), EpollItem, "watcher")
            self._deepen(depth, scratch(self._depth_above(item.epoll)))
        tail(self._note_depth, epoll, depth)

    @inline(changes=("depth", "other"))
    def _deepen(self, depth: U32, other: U32) -> None:
        """Make `depth` one more than `other`, unless it is that deep."""
        inc(other)
        with if_(depth < other):
            mov(depth, other)
        release(other)

    @function(holds="WaitQueue.lock")
    def _note_depth(self, epoll: Ptr[Epoll], depth: U32) -> U32:
        """Note that this search has found `depth`, and return it."""
        mov(rax, self.searches)
        mov(epoll.search, rax)
        mov(epoll.depth, depth)
        ret(depth)
