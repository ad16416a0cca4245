"""Telling processes of messages that have come to queues."""

from __future__ import annotations

from enum import IntEnum

from kernel.errno import Errno
from kernel.fs.files import Files
from kernel.fs.inode import is_type
from kernel.fs.mode import FileType
from kernel.ipc.posixqueue import PosixQueue, QueueNotification
from kernel.mm.heap import Heap
from kernel.process.filecalls import FileCalls
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.signals.signalinfo import SignalInfo
from kernel.signals.signalnumber import SIGNALS, SignalCode
from kernel.signals.signals import Signals
from kernel.sync.mutex import Mutexes
from kernel.vm.usercopy import UserCopy
from pykasm import *

COOKIE_SIZE = 32
"""What is sent by the socket of a notification of a thread (NOTIFY_COOKIE_LEN)."""


class NotificationKind(IntEnum):
    """How a process is told (include/uapi/asm-generic/siginfo.h)."""

    SIGNAL = 0
    NONE = 1
    THREAD = 2


class NotificationRequest(Struct):
    """`struct sigevent`, as far as it matters here."""

    value: Untrusted[U64]
    signal: Untrusted[U32]
    kind: Untrusted[U32]


class ProcessNotification(QueueNotification):
    """Which process is told, and by what."""

    process: Owned[Ptr[Process]]
    info: SignalInfo
    """Its number is 0 if nothing is sent."""


class ProcessNotifications(Subsystem):
    """Does what mq_notify(3) tells. Context: thread."""

    def __init__(
        self,
        processes: Processes,
        numbers: FileCalls,
        files: Files,
        signals: Signals,
        mutexes: Mutexes,
        heap: Heap,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.numbers = numbers
        self.files = files
        self.signals = signals
        self.mutexes = mutexes
        self.heap = heap
        self.copy = copy

    @function(context="thread", sleeps=True)
    def take(
        self, source: Fetched[User[U8]], request: Keep[Ptr[NotificationRequest]]
    ) -> OrErrno[I64]:
        """Copy the request at the program's `source`. Returns 0, -EFAULT, or -EINVAL for one that
        there is not; for a thread what Linux says of a file that is no socket for it."""
        self.copy.copy_in_all(u64(request), source, sizeof(NotificationRequest))
        kind = scratch(request.kind)
        fail_if(kind > NotificationKind.THREAD, Errno.EINVAL)
        with if_(kind == NotificationKind.SIGNAL):
            fail_if(request.signal > SIGNALS, Errno.EINVAL)
        with if_(kind == NotificationKind.THREAD):
            tail(self._refuse_thread, request)
        ret(0)

    @function(context="thread", sleeps=True)
    def _refuse_thread(self, request: Keep[Ptr[NotificationRequest]]) -> OrErrno[I64]:
        """Return why nothing is sent by the file whose number is in place of a signal: it must be a
        netlink socket, which there are none of."""
        cookie, result = local(U8 * COOKIE_SIZE), keep(I64)
        value = scratch(request.value)
        self.copy.copy_in_all(address_of(cookie), cast(value, User[U8]), COOKIE_SIZE)
        file = keep(try_(self.numbers.get(request.signal), Errno.EBADF))
        inode = scratch(file.inode)
        mov(result, -Errno.ENOTSOCK)
        with if_(is_type(inode, FileType.SOCKET)):
            mov(result, -Errno.EINVAL)
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def set(
        self, queue: Keep[Ptr[PosixQueue]], request: Keep[Ptr[NotificationRequest]]
    ) -> OrErrno[I64]:
        """Have the process that runs be told of a message in `queue`. Returns 0; -EBUSY if another
        one is to be told, -ENOMEM."""
        result, notification = keep(I64), keep(try_(self._create(request), Errno.ENOMEM))
        mov(result, -Errno.EBUSY)
        with self.mutexes.held(queue.lock), if_(queue.notification == 0):
            mov(queue.notification, cast(notification, Ptr[QueueNotification]))
            process = self.processes.current_process()
            mov(eax, process.number)
            mov(queue.notified, eax)
            mov(eax, request.kind)
            mov(queue.notified_by, eax)
            mov(eax, notification.info.number)
            mov(queue.notified_signal, eax)
            xor(u32(result), u32(result))
        with if_(result != 0):
            self.drop(cast(notification, Ptr[QueueNotification]))
            ret(result)
        disown(notification, "the queue has it")
        ret(0)

    @function
    def _create(
        self, request: Keep[Ptr[NotificationRequest]]
    ) -> OrNull[Owned[Ptr[ProcessNotification]]]:
        """Return a notification for the process that runs, or null without memory."""
        made = scratch(
            cast(try_(self.heap.allocate(sizeof(ProcessNotification))), Ptr[ProcessNotification])
        )
        mov(made.tell, address_of(self.tell))
        mov(made.drop, address_of(self.drop))
        made.info.clear()
        with if_(request.kind == NotificationKind.SIGNAL):
            mov(eax, request.signal)
            mov(made.info.number, eax)
            mov(made.info.code, SignalCode.SI_MESGQ)
            mov(rax, request.value)
            mov(made.info.details.sender.value, rax)
        process = self.processes.current_process()
        process.references.gain()
        mov(made.process, process)
        ret(made)

    @function(context="thread")
    def tell(self, notification: Keep[Owned[Ptr[QueueNotification]]]) -> None:
        """Tell the process, as `TellOwner` says: the process that runs has sent the message."""
        made = keep(cast(notification, Ptr[ProcessNotification]))
        with if_(made.info.number != 0):
            task = self.processes.current()
            mov(eax, task.process_number)
            mov(made.info.details.sender.process, eax)
            credentials = scratch(task.credentials)
            mov(eax, credentials.user)
            mov(made.info.details.sender.user, eax)
            process = scratch(made.process)
            group = address_of(process.signals)
            ignore(self.signals.send(group, address_of(made.info)), "it may have too many")
        tail(self.drop, notification)

    @function(context="thread")
    def drop(self, notification: Keep[Owned[Ptr[QueueNotification]]]) -> None:
        """Tell nobody, as `DropNotification` says."""
        made = cast(notification, Ptr[ProcessNotification])
        self.processes.drop(made.process)
        self.heap.free(u64(notification))
