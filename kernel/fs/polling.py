"""Waiting for several files at once."""

from __future__ import annotations

from typing import Any

from kernel.clock.units import Nanoseconds
from kernel.fs.file import File
from kernel.fs.openflag import OpenFlag
from kernel.sched.waiting import WaitResult
from kernel.sync.pollqueue import ALWAYS, PollEvent, PollQueue, Watcher
from kernel.sync.pollqueues import PollQueues
from pykasm import *


class PollEntry(Struct):
    """A file, and what somebody wants to know of it."""

    file: OrNull[Ptr[File]]
    """Null for none, which nothing becomes possible with."""
    wanted: U32
    found: U32
    """`PollEvent`s that hold, of those that are wanted and of `ALWAYS`."""
    watcher: Watcher


class Polling(Subsystem):
    """What `poll` and `select` do with open files. Context: thread."""

    def __init__(self, queues: PollQueues) -> None:
        self.queues = queues

    @function(context="thread", sleeps=True)
    def poll(
        self,
        entries: Ptr[PollEntry],
        count: U64,
        deadline: Nanoseconds,
        mode: U32,
    ) -> OrErrno[I32]:
        """Wait until something that is wanted holds for one of `count` files, as
        `Waiting.wait_until` does. Returns for how many of them something does, 0 after the deadline
        or -EINTR."""
        queue, result, noted = local(PollQueue), keep(I32), local(U64)
        entries, count, deadline, mode = keep(entries), keep(count), keep(deadline), keep(mode)
        zero(queue)
        mov(noted, 0)
        self._prepare(entries, count, address_of(queue))
        mov(result, self._look(entries, count, True))
        with while_(result == 0):
            waited = self.queues.wait(address_of(queue), noted, deadline, mode)
            with if_(waited != 0):
                mov(result, waited)
                break_()
            mov(noted, self.queues.note(queue))
            mov(result, self._look(entries, count, False))
        self._unwatch(entries, count)
        with if_(result == WaitResult.TIMED_OUT):
            ret(0)
        ret(result)

    @function
    def _prepare(self, entries: Ptr[PollEntry], count: U64, queue: Ptr[PollQueue]) -> None:
        """Have all entries watch for `queue`, once they do."""
        with while_(count != 0):
            mov(entries.found, 0)
            mov(entries.watcher.watched, 0)
            mov(entries.watcher.target, queue)
            mov(entries.watcher.is_exclusive, 0)
            lea(rax, self.queues.pass_on)
            mov(u64(entries.watcher.handler), rax)
            add(entries, sizeof(PollEntry))
            dec(count)

    @function(context="thread", sleeps=True)
    def _look(self, entry: Keep[Ptr[PollEntry]], count: Keep[U64], watches: Keep[U32]) -> I32:
        """Look what holds for each file, and begin to watch it. Returns for how many something
        does."""
        ready = keep(I32)
        xor(ready, ready)
        with while_(count != 0):
            file = scratch(entry.file)
            with if_(file != 0):
                watcher, events = scratch(OrNull[Ptr[Watcher]]), local(U32)
                xor(u32(watcher), u32(watcher))
                with if_(watches != 0):
                    lea(watcher, entry.watcher)
                mov(events, self.events_of(file, watcher))
                mov(eax, entry.wanted)
                or_(eax, ALWAYS)
                and_(eax, events)
                mov(entry.found, eax)
                with if_(eax != 0):
                    inc(ready)
            add(entry, sizeof(PollEntry))
            dec(count)
        ret(ready)

    @inline(changes=("file", "watcher", *CALLER_SAVED))
    def events_of(self, file: Ptr[File], watcher: Any) -> U32:
        """Return in eax what holds for `file`, which `watcher` watches from now on, unless it is
        null. What was opened for its place alone (open(2), O_PATH) is no file to wait for."""
        with if_(file.flags & OpenFlag.PATH):
            mov(eax, PollEvent.INVALID)
        with else_():
            operations = scratch(file.operations)
            mov(eax, operations.poll(file, watcher))
        return eax

    @function
    def _unwatch(self, entry: Keep[Ptr[PollEntry]], count: Keep[U64]) -> None:
        """End all watching."""
        with while_(count != 0):
            self.queues.unwatch(address_of(entry.watcher))
            add(entry, sizeof(PollEntry))
            dec(count)
