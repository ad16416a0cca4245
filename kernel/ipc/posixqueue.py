"""POSIX message queues."""

from __future__ import annotations

from enum import IntEnum

from kernel.locks.waitqueue import WaitQueue
from kernel.structures.list import ListHead
from kernel.structures.tree import Tree, TreeNode
from kernel.sync.mutex import Mutex
from kernel.sync.pollqueue import PollQueue
from kernel.users.useraccount import UserAccount
from pykasm import *

MOST_PRIORITIES = 32768
"""Priorities are below it (include/uapi/linux/mqueue.h, MQ_PRIO_MAX)."""

MOST_QUEUES = 256
"""That those may make who have not the right to more (mq_overview(7), queues_max)."""

MOST_MESSAGES = 10
"""Of a queue, for them (msg_max), and for who does not say how many."""

MOST_BYTES = 8192
"""Of a message, likewise (msgsize_max)."""

HARD_MESSAGES = 65536
"""For who has the right to more (HARD_MSGMAX)."""

HARD_BYTES = 16 << 20
"""HARD_MSGSIZEMAX."""

MESSAGE_COST = 48
"""What Linux counts for a message beside its bytes, and for one more that may have a priority of
its own (ipc/mqueue.c)."""


class PosixMessage(Struct):
    """What somebody has sent."""

    node: TreeNode
    """In `PosixQueue.messages`; higher priorities have lower keys, and those with the same key stay
    in their order."""
    size: U64
    priority: U32
    bytes: Array[U8]


class QueueNotification(Struct):
    """Who is told once when a message comes to an empty queue."""

    tell: TellOwner
    drop: DropNotification


class TellOwner(Fn[[Owned[Ptr[QueueNotification]]], Void], context="thread"):
    """Tell who wants to be told, and free the record."""


class DropNotification(Fn[[Owned[Ptr[QueueNotification]]], Void], context="thread"):
    """Free the record: the notification is called off, or the queue goes."""


class PosixQueue(Struct):
    """What an inode of the file system `mqueue` has (Linux: `mqueue_inode_info`)."""

    lock: Mutex
    """Guards all of it."""
    account: OrNull[Owned[Ptr[UserAccount]]]
    """Where `cost` is counted."""
    cost: U64
    most: U64
    """Messages."""
    most_bytes: U64
    """Of a message."""
    count: U64
    bytes: U64
    messages: Tree = field(elements="PosixMessage.node")
    receivers: ListHead = field(elements="PosixWaiter.link")
    senders: ListHead = field(elements="PosixWaiter.link")
    poll: PollQueue
    notification: OrNull[Owned[Ptr[QueueNotification]]]
    notified: U32
    """The number of the process that has asked for it."""
    notified_by: U32
    """How it is told (`sigev_notify`)."""
    notified_signal: U32


class PosixNews(IntEnum):
    """What has become of a wait."""

    NOTHING = 0
    DONE = 1


class PosixWaiter(Struct):
    """Somebody who waits to send or to receive, on the stack of its thread."""

    link: ListHead
    message: OrNull[Ptr[PosixMessage]]
    """What a sender has, or a receiver was given."""
    queue: WaitQueue
    """In which the thread alone waits."""
    news: U32 = field(PosixNews, guarded_by="queue.lock", unlocked_reads=True)
