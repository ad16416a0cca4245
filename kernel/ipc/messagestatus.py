"""What programs are told of message queues."""

from __future__ import annotations

from kernel.ipc.ipcpermission import IpcPermission
from pykasm import *


class MessageStatus(Struct):
    """`struct msqid64_ds` (include/uapi/asm-generic/msgbuf.h)."""

    permission: IpcPermission
    sent: U64
    received: U64
    changed: U64
    bytes: U64
    count: U64
    most_bytes: U64
    last_sender: U32
    last_receiver: U32
    _unused: Array[U64] = field(count=2)


class MessageInformation(Struct):
    """`struct msginfo` (include/uapi/linux/msg.h)."""

    pool: U32
    """KiB of all messages; the number of queues, for MSG_INFO."""
    map_size: U32
    """The number of messages, for MSG_INFO."""
    most_bytes: U32
    queue_bytes: U32
    most_queues: U32
    segment_size: U32
    headers: U32
    """The bytes of all messages, for MSG_INFO."""
    segments: U16
    _unused: U16
