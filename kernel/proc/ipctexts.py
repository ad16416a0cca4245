"""Texts about what programs share: `/proc/sysvipc`, and its limits."""

from __future__ import annotations

from typing import Any

from kernel.cpu.pagetable import PageShift
from kernel.fs.inode import Inode
from kernel.fs.textwriter import TextWriter
from kernel.ipc import messagequeue, posixqueue, semaphoreset, sharedsegment
from kernel.ipc.ipcobject import IpcObject
from kernel.ipc.ipctable import IpcTable
from kernel.ipc.ipctables import IpcTables
from kernel.ipc.messagequeue import MessageQueue
from kernel.ipc.messagequeues import MessageQueues
from kernel.ipc.semaphoreset import SemaphoreSet
from kernel.ipc.semaphoresets import SemaphoreSets
from kernel.ipc.sharedsegment import SharedSegment
from kernel.ipc.sharedsegments import SharedSegments
from kernel.proc.procsource import ProcConstant, ProcSource, ProcText
from kernel.sync.mutex import Mutexes
from pykasm import *

OCTAL_DIGITS = 4
"""Of a mode."""

SEMAPHORE_LIMITS = (
    semaphoreset.MOST_IN_SET,
    semaphoreset.MOST_IN_ALL,
    semaphoreset.MOST_OPERATIONS,
    semaphoreset.MOST_SETS,
)

CONSTANTS = {
    "kernel/msgmax": messagequeue.MOST_BYTES,
    "kernel/msgmnb": messagequeue.QUEUE_BYTES,
    "kernel/msgmni": messagequeue.MOST_QUEUES,
    "kernel/sem": "\t".join(str(limit) for limit in SEMAPHORE_LIMITS),
    "kernel/shmall": sharedsegment.MOST_BYTES,
    "kernel/shmmax": sharedsegment.MOST_BYTES,
    "kernel/shmmni": sharedsegment.MOST_SEGMENTS,
    "fs/mqueue/msg_default": posixqueue.MOST_MESSAGES,
    "fs/mqueue/msg_max": posixqueue.MOST_MESSAGES,
    "fs/mqueue/msgsize_default": posixqueue.MOST_BYTES,
    "fs/mqueue/msgsize_max": posixqueue.MOST_BYTES,
    "fs/mqueue/queues_max": posixqueue.MOST_QUEUES,
}
"""Limits below `/proc/sys` (proc(5), mq_overview(7)), which can't be set."""


class IpcTexts(ProcSource):
    """Writes all objects of each kind, in the order of their indexes. Context: thread."""

    def __init__(
        self,
        writer: TextWriter,
        tables: IpcTables,
        messages: MessageQueues,
        semaphores: SemaphoreSets,
        segments: SharedSegments,
        mutexes: Mutexes,
    ) -> None:
        self.writer = writer
        self.tables = tables
        self.messages = messages
        self.semaphores = semaphores
        self.segments = segments
        self.mutexes = mutexes
        self.proc_files = [
            *(ProcConstant(f"sys/{path}", str(value)) for path, value in CONSTANTS.items()),
            ProcText("sysvipc/msg", self.show_messages),
            ProcText("sysvipc/sem", self.show_semaphores),
            ProcText("sysvipc/shm", self.show_segments),
        ]

    @inline(changes=CALLER_SAVED)
    def _show_all(self, table: IpcTable, show: Any) -> None:
        """Have `show` write a line for each object of `table`."""
        index = keep(U64)
        with self.mutexes.held(table.lock):
            xor(u32(index), u32(index))
            with loop():
                object = self.tables.next(address_of(table), index)
                break_if(object == 0)
                mov(index, object.node.key)
                inc(index)
                show(object)

    @function
    def _show_head(self, object: Keep[Ptr[IpcObject]]) -> None:
        """Write the key, the id and the mode of `object`."""
        mode, digits = scratch(object.mode), scratch(U64)
        xor(u32(digits), u32(digits))
        for place in range(OCTAL_DIGITS):
            mov(eax, mode)
            and_(eax, 0o7)
            imul(eax, eax, 10**place)
            add(digits, rax)
            if place < OCTAL_DIGITS - 1:
                shr(mode, 3)
        self.writer.print("%10d %10u  %4u ", i32(object.key), object.id, digits)

    @function
    def _show_owners(self, object: Keep[Ptr[IpcObject]]) -> None:
        """Write whose `object` is, and who has made it."""
        for name in ("user", "group", "creator_user", "creator_group"):
            self.writer.print(" %5u", getattr(object, name))

    @function(context="thread", sleeps=True)
    def show_messages(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the message queues."""
        self.writer.print(
            "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid"
            "  cgid      stime      rtime      ctime\n"
        )
        self._show_all(self.messages.table, self._show_queue)
        ret(0)

    @function
    def _show_queue(self, object: Keep[Ptr[IpcObject]]) -> None:
        """Write a message queue."""
        queue = keep(cast(object, Ptr[MessageQueue]))
        self._show_head(object)
        self.writer.print(" %10u %10u ", queue.bytes, queue.count)
        self.writer.print("%5u %5u", queue.last_sender, queue.last_receiver)
        self._show_owners(object)
        for name in ("sent", "received", "changed"):
            self.writer.print(" %10u", getattr(queue, name))
        self.writer.print("\n")

    @function(context="thread", sleeps=True)
    def show_semaphores(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the sets of semaphores."""
        self.writer.print(
            "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n"
        )
        self._show_all(self.semaphores.table, self._show_set)
        ret(0)

    @function
    def _show_set(self, object: Keep[Ptr[IpcObject]]) -> None:
        """Write a set of semaphores."""
        set = keep(cast(object, Ptr[SemaphoreSet]))
        self._show_head(object)
        self.writer.print("%10u", set.count)
        self._show_owners(object)
        self.writer.print(" %10u %10u\n", set.operated, set.changed)

    @function(context="thread", sleeps=True)
    def show_segments(self, inode: Ptr[Inode]) -> OrErrno[I32]:
        """Write the segments of shared memory."""
        self.writer.print(
            "       key      shmid perms                  size  cpid  lpid nattch   uid   gid"
            "  cuid  cgid      atime      dtime      ctime                   rss"
            "                  swap\n"
        )
        self._show_all(self.segments.table, self._show_segment)
        ret(0)

    @function
    def _show_segment(self, object: Keep[Ptr[IpcObject]]) -> None:
        """Write a segment of shared memory."""
        segment = keep(cast(object, Ptr[SharedSegment]))
        self._show_head(object)
        self.writer.print("%21u %5u %5u", segment.size, segment.creator, segment.last)
        self.writer.print("  %5u", segment.attachments)
        self._show_owners(object)
        for name in ("attached", "detached", "changed"):
            self.writer.print(" %10u", getattr(segment, name))
        file = scratch(segment.file)
        inode = scratch(file.inode)
        resident = scratch(inode.pages.count)
        shl(resident, PageShift.PAGE)
        self.writer.print(" %21u %21u\n", resident, 0)
