"""Sets of files that programs wait for."""

from __future__ import annotations

from enum import IntFlag

from kernel.fs.file import File
from kernel.fs.filetable import MOST_FILES
from kernel.structures.list import ListHead
from kernel.structures.tree import Tree, TreeNode
from kernel.sync.mutex import Mutex
from kernel.sync.pollqueue import PollEvent, PollQueue, Watcher
from pykasm import *

MOST_NESTED = 4
"""How many sets may be, one in the other, in a set (epoll_ctl(2), ELOOP)."""


class EpollFlag(IntFlag):
    """How a file is watched, beside the `PollEvent`s (include/uapi/linux/eventpoll.h)."""

    EXCLUSIVE = 1 << 28
    WAKE_UP = 1 << 29
    """Keep the machine awake, which is all that it ever is."""
    ONE_SHOT = 1 << 30
    EDGE = 1 << 31


HOW = EpollFlag.EXCLUSIVE | EpollFlag.WAKE_UP | EpollFlag.ONE_SHOT | EpollFlag.EDGE

OF_EXCLUSIVE = (PollEvent.IN | PollEvent.OUT | PollEvent.ERROR | PollEvent.HANG_UP) | (
    EpollFlag.EXCLUSIVE | EpollFlag.WAKE_UP | EpollFlag.EDGE
)
"""What an exclusive watch may want besides."""

NUMBER_BITS = 20
FILE_SHIFT = 17
"""Of the key of an item: below the address of a file, whose lowest 3 bits are 0 and whose highest
17 are those of any address of the kernel's, there is room for a number."""

assert MOST_FILES <= 1 << NUMBER_BITS == 1 << (FILE_SHIFT + 3)


class EpollEvent(Struct, packed=True):
    """Linux's `struct epoll_event`, which is packed on this machine alone."""

    events: U32
    data: U64


class Epoll(Struct):
    """A set of files that are watched (Linux: `struct eventpoll`)."""

    lock: Mutex
    """Held by who changes what is watched, and by who collects what is ready."""
    queue: PollQueue
    """For who waits. Its spin lock guards the items and which of them are ready; it has no
    watchers: they are in `parents`."""
    items: Tree = field(guarded_by="WaitQueue.lock", elements="EpollItem.node")
    """By their keys."""
    ready: ListHead = field(
        guarded_by="WaitQueue.lock", elements="EpollItem.ready", unlocked_reads=True
    )
    """Those with which something may be possible, the one that is told next in front."""
    ready_count: U64 = field(guarded_by="WaitQueue.lock", unlocked_reads=True)
    children: ListHead = field(guarded_by="WaitQueue.lock", elements="EpollItem.child")
    """Those of its items whose files are such sets."""
    parents: ListHead = field(
        guarded_by="WaitQueue.lock", elements="Watcher.link", unlocked_reads=True
    )
    """Who watches this set itself."""
    pending: OrNull[Ptr[Epoll]] = field(guarded_by="WaitQueue.lock")
    """The next one whose parents are to be told, if it is one of these itself."""
    is_pending: U32 = field(guarded_by="WaitQueue.lock")
    search: U64 = field(guarded_by="WaitQueue.lock")
    """The number of the search that has found `depth`."""
    depth: U32 = field(guarded_by="WaitQueue.lock")
    """How many sets are below it, or above, one in the other."""


class EpollItem(Struct):
    """A file in a set (Linux: `struct epitem`)."""

    node: TreeNode
    """The key is that of the file and its number."""
    watcher: Watcher
    """For a file that is such a set, the handler is null: see `EpollReadiness`."""
    epoll: Ptr[Epoll]
    file: Ptr[File]
    """No reference: the item goes with the file."""
    sibling: ListHead
    """In `File.watches`."""
    child: ListHead
    """In `Epoll.children`."""
    is_nested: U32
    """1 if the file is such a set."""
    wanted: U32 = field(guarded_by="WaitQueue.lock", unlocked_reads=True)
    """`PollEvent`s and `EpollFlag`s; none of the former once a ONE_SHOT was told."""
    data: U64 = field(guarded_by="WaitQueue.lock", unlocked_reads=True)
    """What the program knows it by."""
    ready: ListHead
    """In `Epoll.ready`."""
    is_ready: U32 = field(guarded_by="WaitQueue.lock")
    """1 while it is there."""
    is_changed: U32 = field(guarded_by="WaitQueue.lock")
    """1 if something has changed since somebody looked."""


@inline(changes=rax)
def key_of(file: Ptr[File], number: U32) -> U64:
    """Return the key of an item. `number` is a register that `mov` extends to 64 bits."""
    mov(rax, file)
    shl(rax, FILE_SHIFT)
    or_(rax, u64(number))
    return rax
