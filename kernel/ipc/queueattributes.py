"""How large a message queue is."""

from __future__ import annotations

from pykasm import *


class QueueAttributes(Struct):
    """`struct mq_attr` (include/uapi/linux/mqueue.h)."""

    flags: I64
    most: I64
    """Messages."""
    most_bytes: I64
    """Of a message."""
    count: I64
    _unused: Array[I64] = field(count=4)


class QueueRequest(Struct):
    """What a call that may make a queue asks for."""

    attributes: OrNull[Ptr[QueueAttributes]]
    """Null for those that queues have of which nobody says how large they are."""
    limit: U64
    """RLIMIT_MSGQUEUE of the process that asks."""
