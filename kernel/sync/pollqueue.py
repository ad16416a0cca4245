"""Who waits for what may become possible with a file."""

from __future__ import annotations

from enum import IntFlag

from kernel.locks.waitqueue import WaitQueue
from kernel.structures.list import ListHead
from pykasm import *


class PollEvent(IntFlag):
    """What may be possible or so (include/uapi/asm-generic/poll.h)."""

    IN = 0x1
    PRIORITY = 0x2
    OUT = 0x4
    ERROR = 0x8
    HANG_UP = 0x10
    INVALID = 0x20
    READ_NORMAL = 0x40
    WRITE_NORMAL = 0x100
    WRITE_BAND = 0x200
    READ_HANG_UP = 0x2000
    """The other end sends nothing any more."""


ANYTHING = 0xFFFF
"""All of them: what may hold after a change of which nothing more is known."""

READABLE = PollEvent.IN | PollEvent.READ_NORMAL
WRITABLE = PollEvent.OUT | PollEvent.WRITE_NORMAL

ALWAYS = PollEvent.ERROR | PollEvent.HANG_UP | PollEvent.INVALID
"""What everybody is told of."""


class PollQueue(Struct):
    """The one way to wait for a file: something changes, and who waits looks again. Zero is a queue
    in which nobody waits."""

    queue: WaitQueue
    changes: U64 = field(guarded_by="queue.lock", unlocked_reads=True)
    """How often something changed."""
    watchers: ListHead = field(guarded_by="queue.lock", elements="Watcher.link")
    """All zero as long as nobody has ever watched."""


class Watcher(Struct):
    """Somebody who waits for several files, and is told of the changes of one."""

    link: ListHead
    """In `PollQueue.watchers`."""
    watched: OrNull[Ptr[PollQueue]]
    """Null while it watches nothing."""
    handler: WatcherHandler
    target: Ptr[PollQueue]
    """At which that somebody waits."""
    is_exclusive: U32
    """1 if it need not be told once another one of this kind has woken somebody."""


class WatcherHandler(Fn[[Ptr[Watcher], U32], Bool], context="interrupts off"):
    """Called with the lock of what is watched: some `PollEvent`s may hold from now on. Returns
    whether a thread was woken."""
