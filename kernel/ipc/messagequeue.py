"""Message queues of System V.

A queue, its messages and those who wait refer to each other, so they stand together.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

from kernel.ipc.ipcobject import IpcObject
from kernel.locks.waitqueue import WaitQueue
from kernel.structures.list import ListHead
from pykasm import *

MOST_BYTES = 8192
"""Of a message (include/uapi/linux/msg.h, MSGMAX)."""

QUEUE_BYTES = 16384
"""Of all messages in a queue, and as many messages at most, unless its owner says otherwise
(MSGMNB)."""

MOST_QUEUES = 32000
"""MSGMNI."""


class MessageFlag(IntFlag):
    """Of `msgrcv` (include/uapi/linux/msg.h)."""

    NO_ERROR = 0o10000
    """A message that is too long is cut off."""
    EXCEPT = 0o20000
    """Any but those of the type."""
    COPY = 0o40000
    """The message at a place in the queue, which stays there."""


class MessageSearch(IntEnum):
    """Which messages are wanted."""

    ANY = 0
    EQUAL = 1
    """Of a type."""
    NOT_EQUAL = 2
    """Of all other types."""
    LOWEST = 3
    """Of the lowest type that is not above one."""
    PLACE = 4
    """The one at a place, from 0 on."""


class Message(Struct):
    """What somebody has sent (Linux: `msg_msg`)."""

    link: ListHead
    type: U64
    size: U64
    bytes: Array[U8]


class MessageQueue(IpcObject):
    """What `msgget` makes. The table's lock guards it."""

    sent: U64
    """Seconds since 1970 when a message was sent last; 0 if never."""
    received: U64
    bytes: U64
    """Of the messages in it."""
    count: U64
    most_bytes: U64
    last_sender: U32
    """The number of the process."""
    last_receiver: U32
    messages: ListHead = field(elements="Message.link")
    """The first ones first."""
    receivers: ListHead = field(elements="MessageWaiter.link")
    senders: ListHead = field(elements="MessageWaiter.link")


class MessageNews(IntEnum):
    """What has become of a wait."""

    NOTHING = 0
    DONE = 1
    """The message was sent or received."""
    LOOK_AGAIN = 2
    """The queue was changed: who waits may not be allowed to any more."""
    TOO_LONG = 3
    """There was a message that is longer than there is room for, and it is gone."""
    REMOVED = 4


class MessageWaiter(Struct):
    """Somebody who waits, on the stack of its thread."""

    link: ListHead
    """In `MessageQueue.receivers` or `MessageQueue.senders`, as long as there are no news."""
    process: U32
    """The number of the process."""
    search: U32 = field(MessageSearch)
    """What a receiver wants."""
    type: U64
    """Of what type, or at which place."""
    room: U64
    """Bytes that a message may have for a receiver."""
    message: OrNull[Ptr[Message]]
    """What a sender has, or a receiver was given."""
    queue: WaitQueue
    """In which the thread alone waits."""
    news: U32 = field(MessageNews, guarded_by="queue.lock", unlocked_reads=True)
