"""Looking at message queues, and changing them."""

from __future__ import annotations

from enum import IntEnum

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit, Credentials
from kernel.ipc.ipcobject import IpcObject
from kernel.ipc.ipctables import IpcTables
from kernel.ipc.messagequeue import MOST_BYTES, MOST_QUEUES, QUEUE_BYTES, MessageQueue
from kernel.ipc.messagequeues import MessageQueues
from kernel.ipc.messagestatus import MessageInformation, MessageStatus
from kernel.sched.scheduler import Scheduler
from kernel.sync.mutex import Mutexes
from pykasm import *

SEGMENT_SIZE = 16
"""MSGSSZ, which means nothing any more, as all that is derived from it."""

POOL = MOST_QUEUES * QUEUE_BYTES // 1024
SEGMENTS = 0xFFFF


class MessageCommand(IntEnum):
    """What `msgctl` does (include/uapi/linux/msg.h)."""

    STATUS_BY_INDEX = 11
    INFORMATION = 12
    STATUS_OF_ANY = 13


class MessageControl(Subsystem):
    """What msgctl(2) does, but for copying. Context: thread."""

    def __init__(
        self, queues: MessageQueues, tables: IpcTables, mutexes: Mutexes, scheduler: Scheduler
    ) -> None:
        self.queues = queues
        self.tables = tables
        self.mutexes = mutexes
        self.scheduler = scheduler

    @function(context="thread", sleeps=True)
    def inform(self, target: Keep[Ptr[MessageInformation]], command: Keep[U32]) -> I64:
        """Fill in what there may be, and by the `command` INFORMATION what there is. Returns the
        highest index of a queue."""
        result = keep(I64)
        for name, value in (
            ("pool", POOL),
            ("map_size", QUEUE_BYTES),
            ("most_bytes", MOST_BYTES),
            ("queue_bytes", QUEUE_BYTES),
            ("most_queues", MOST_QUEUES),
            ("segment_size", SEGMENT_SIZE),
            ("headers", QUEUE_BYTES),
            ("segments", SEGMENTS),
            ("_unused", 0),
        ):
            mov(getattr(target, name), value)
        with self.mutexes.held(self.queues.table.lock):
            # Linux keeps what there is in fields that mean something else (msgctl(2), MSG_INFO)
            with if_(command == MessageCommand.INFORMATION):
                mov(eax, self.queues.table.count)
                mov(target.pool, eax)
                mov(rax, self.queues.messages)
                mov(target.map_size, eax)
                mov(rax, self.queues.bytes)
                mov(target.headers, eax)
            mov(result, self.tables.last_index(address_of(self.queues.table)))
        ret(result)

    @function(context="thread", sleeps=True)
    def describe(
        self,
        command: Keep[U32],
        id: Keep[U32],
        credentials: Keep[Ptr[Credentials]],
        target: Keep[Ptr[MessageStatus]],
    ) -> OrErrno[I64]:
        """Fill in what is told of a queue, which `id` or by another `command` an index leads to.
        Returns 0, or for an index the id; -EINVAL or -EACCES."""
        result = keep(I64)
        with self.mutexes.held(self.queues.table.lock):
            mov(result, self._describe(command, id, credentials, target))
        ret(result)

    @function(holds="queues.table.lock")
    def _describe(
        self,
        command: Keep[U32],
        id: Keep[U32],
        credentials: Keep[Ptr[Credentials]],
        target: Keep[Ptr[MessageStatus]],
    ) -> OrErrno[I64]:
        """Do what `describe` does."""
        found = keep(OrNull[Ptr[IpcObject]])
        self.tables.find_for_status(
            found, self.queues.table, command, MessageCommand, id, credentials
        )
        queue = cast(found, Ptr[MessageQueue])
        zero(target)
        self.tables.describe(queue, address_of(target.permission))
        copy_fields(target, queue, "sent", "received", "changed", "bytes", "count", "most_bytes")
        copy_fields(target, queue, "last_sender", "last_receiver")
        with if_(command >= MessageCommand.STATUS_BY_INDEX):
            mov(eax, queue.id)
            ret(rax)
        ret(0)

    @function(context="thread", sleeps=True)
    def change(
        self, id: Keep[U32], credentials: Keep[Ptr[Credentials]], wanted: Keep[Ptr[MessageStatus]]
    ) -> OrErrno[I64]:
        """Give the queue `id` another owner, other permissions and another size. Returns 0, -EINVAL
        or -EPERM."""
        result = keep(I64)
        with self.mutexes.held(self.queues.table.lock):
            mov(result, self._change(id, credentials, wanted))
        self.scheduler.preempt_if_due()
        ret(result)

    @function(holds="queues.table.lock")
    def _change(
        self, id: U32, credentials: Keep[Ptr[Credentials]], wanted: Keep[Ptr[MessageStatus]]
    ) -> OrErrno[I64]:
        """Do what `change` does."""
        queue = keep(try_(self.queues.find(id), Errno.EINVAL))
        try_(self.tables.check_owner(queue, credentials))
        # Below the usual size its owner may choose; more takes memory of the kernel's
        with if_(wanted.most_bytes > QUEUE_BYTES):
            right = credentials.effective & (1 << CapabilityBit.SYS_RESOURCE)
            fail_if(~right, Errno.EPERM)
        try_(self.tables.change(queue, address_of(wanted.permission)))
        mov(rax, wanted.most_bytes)
        mov(queue.most_bytes, rax)
        # A larger queue has room for who waits, and other rights may end a wait
        self.queues.retry(queue)
        ret(0)

    @function(context="thread", sleeps=True)
    def remove(self, id: Keep[U32], credentials: Keep[Ptr[Credentials]]) -> OrErrno[I64]:
        """Remove the queue `id`. Returns 0, -EINVAL or -EPERM."""
        result = keep(I64)
        with self.mutexes.held(self.queues.table.lock):
            mov(result, self._remove(id, credentials))
        self.scheduler.preempt_if_due()
        ret(result)

    @function(holds="queues.table.lock")
    def _remove(self, id: U32, credentials: Keep[Ptr[Credentials]]) -> OrErrno[I64]:
        """Do what `remove` does."""
        queue = keep(try_(self.queues.find(id), Errno.EINVAL))
        try_(self.tables.check_owner(queue, credentials))
        self.queues.remove(queue)
        ret(0)
