"""System calls for POSIX message queues."""

from __future__ import annotations

from kernel.clock.units import Nanoseconds
from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.mode import Access
from kernel.fs.openflag import ACCESS_MODE, OpenFlag
from kernel.fs.opening import Opening
from kernel.fs.path import Path
from kernel.fs.removal import Removal
from kernel.fs.subject import Subject
from kernel.ipc.mqueuefs import Mqueuefs
from kernel.ipc.posixqueue import HARD_BYTES, MOST_PRIORITIES, PosixMessage
from kernel.ipc.posixqueues import PosixQueues
from kernel.ipc.queueattributes import QueueAttributes, QueueRequest
from kernel.process.filecalls import FileCalls
from kernel.process.limits import Resource
from kernel.process.processes import Processes
from kernel.process.processnotifications import NotificationRequest, ProcessNotifications
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.timespec import TimeSpecs
from kernel.process.userpath import UserPaths
from kernel.sched.waiting import FOREVER
from kernel.sync.mutex import Mutexes
from kernel.time.daywaits import DAY_BIT
from kernel.vm.usercopy import UserCopy
from pykasm import *

OF_OPENING = ACCESS_MODE | OpenFlag.CREATE | OpenFlag.EXCLUSIVE | OpenFlag.NONBLOCK
"""The flags of `mq_open` that do something; the others are ignored, as Linux does."""

BAD_ACCESS = 3
"""No way to open a queue."""


class MessageQueueCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        numbers: FileCalls,
        files: Files,
        names: UserPaths,
        opening: Opening,
        removal: Removal,
        system: Mqueuefs,
        queues: PosixQueues,
        notifications: ProcessNotifications,
        specs: TimeSpecs,
        mutexes: Mutexes,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.numbers = numbers
        self.files = files
        self.names = names
        self.opening = opening
        self.removal = removal
        self.system = system
        self.queues = queues
        self.notifications = notifications
        self.specs = specs
        self.mutexes = mutexes
        self.copy = copy

    # Names

    @function(context="thread", sleeps=True)
    def mq_open(
        self,
        name: Keep[Fetched[User[U8]]],
        flags: Keep[U32],
        mode: Keep[U32],
        source: Keep[Fetched[User[U8]]],
    ) -> OrErrno[I64]:
        """Open the queue `name`, or make it with the permissions in `mode` and the attributes at
        `source`, if there are any. Return its number."""
        attributes, request, result = local(QueueAttributes), local(QueueRequest), local(I64)
        mov(request.attributes, 0)
        with if_((source != 0) & (flags & OpenFlag.CREATE)):
            self.copy.copy_in_all(address_of(attributes), source, sizeof(QueueAttributes))
            lea(rax, attributes)
            mov(u64(request.attributes), rax)
        process = self.processes.current_process()
        mov(rax, process.limits[Resource.MSGQUEUE].soft)
        mov(request.limit, rax)
        failed, copied = self.names.take(name)
        with if_(copied == 0):
            movsxd(rax, failed)
            ret(rax)
        ignore(failed, "there is a name")
        held = keep(copied)
        mov(result, self._open(held, flags, mode, address_of(request)))
        self.names.free(held)
        ret(result)

    @function(context="thread", sleeps=True)
    def _open(
        self,
        name: Keep[Ptr[U8]],
        flags: Keep[U32],
        mode: U32,
        request: Keep[Ptr[QueueRequest]],
    ) -> OrErrno[I64]:
        """Do what `mq_open` does."""
        subject, path, file = local(Subject), local(Path), keep(OrNull[Ptr[File]])
        result, permissions = keep(I32), local(U32)
        mov(permissions, mode)
        and_(flags, int(OF_OPENING))
        mov(eax, flags)
        and_(eax, ACCESS_MODE)
        fail_if(eax == BAD_ACCESS, Errno.EINVAL)
        try_(self._check_name(name))
        self._begin(subject)
        self.system.root(path)
        with self.mutexes.held(self.system.making):
            mov(self.system.request, request)
            mov(self.system.maker, u64(scratch(self.processes.scheduler.current)))
            failed, opened = self.opening.open(
                address_of(subject), address_of(path), name, flags, permissions
            )
            mov(result, failed)
            mov(file, opened)
            mov(self.system.maker, 0)
        with if_(file == 0):
            movsxd(rax, result)
            ret(rax)
        ignore(result, "there is a file")
        and_(flags, OpenFlag.NONBLOCK)
        or_(flags, OpenFlag.CLOSE_ON_EXEC)
        tail(self.numbers.add, file, 0, flags)

    @inline
    def _begin(self, subject: Subject) -> None:
        """Fill in `subject` with the task that runs."""
        task = self.processes.current()
        value = scratch(task.credentials)
        mov(subject.credentials, value)
        context = scratch(task.context)
        mov(subject.context, context)
        release(task, value, context)

    @function
    def _check_name(self, name: Ptr[U8]) -> OrErrno[I64]:
        """Return 0 if `name` may be that of a queue, one name and no path; -ENOENT for none, or
        -EACCES."""
        place = scratch(name)
        fail_if(at(place) == 0, Errno.ENOENT)
        with if_(at(place) == ord(".")):
            inc(place)
            with if_(at(place) == ord(".")):
                inc(place)
            fail_if(at(place) == 0, Errno.EACCES)
        with while_(at(place) != 0):
            fail_if(at(place) == ord("/"), Errno.EACCES)
            inc(place)
        ret(0)

    @function(context="thread", sleeps=True)
    def mq_unlink(self, name: Fetched[User[U8]]) -> OrErrno[I64]:
        """Remove the name of a queue, which goes when nobody has it open any more."""
        result = keep(I64)
        failed, copied = self.names.take(name)
        with if_(copied == 0):
            movsxd(rax, failed)
            ret(rax)
        ignore(failed, "there is a name")
        held = keep(copied)
        mov(result, self._unlink(held))
        self.names.free(held)
        ret(result)

    @function(context="thread", sleeps=True)
    def _unlink(self, name: Keep[Ptr[U8]]) -> OrErrno[I64]:
        """Do what `mq_unlink` does."""
        subject, path = local(Subject), local(Path)
        try_(self._check_name(name))
        self._begin(subject)
        self.system.root(path)
        result = self.removal.unlink(address_of(subject), address_of(path), name)
        movsxd(rax, result)
        ret(rax)

    # Messages

    @function(context="thread", sleeps=True)
    def _deadline(self, source: Fetched[User[U8]], target: Keep[Ptr[Nanoseconds]]) -> OrErrno[I64]:
        """Set what is at `target` to the time of day at the program's `source`, as `DayWaits` has
        it; FOREVER for none. Returns 0, -EFAULT or -EINVAL."""
        mov(rax, FOREVER)
        mov(at(target), rax)
        with if_(source == 0):
            ret(0)
        try_(self.specs.take(source, target))
        mov(rax, at(target))
        bts(rax, DAY_BIT)
        mov(at(target), rax)
        ret(0)

    @function(context="thread", sleeps=True)
    def _get(self, number: U32, access: Keep[U32]) -> OrNull[Owned[Ptr[File]]]:
        """Return a reference to the file `number`, if it is a queue that is open for `access`;
        else null."""
        file = keep(try_(self.numbers.get(number)))
        with if_(self.system.queue_of(file) != 0):
            mov(eax, file.access)
            and_(eax, access)
            with if_((eax == access) & ((file.flags & OpenFlag.PATH) == 0)):
                ret(file)
        self.files.drop(file)
        ret(0)

    @inline(changes=rax)
    def _waits(self, file: Ptr[File]) -> None:
        """Set eax to whether calls for `file` wait."""
        xor(eax, eax)
        test(file.flags, int(OpenFlag.NONBLOCK))
        sete(al)

    @function(context="thread", sleeps=True)
    def mq_timedsend(
        self,
        number: Keep[U32],
        source: Keep[Fetched[User[U8]]],
        length: Keep[U64],
        priority: Keep[U32],
        timeout: Fetched[User[U8]],
    ) -> OrErrno[I64]:
        """Send `length` bytes at `source` to the queue `number`, and wait for room at most until
        `timeout`."""
        deadline, result = local(Nanoseconds), local(I64)
        try_(self._deadline(timeout, address_of(deadline)))
        fail_if(priority >= MOST_PRIORITIES, Errno.EINVAL)
        file = keep(try_(self._get(number, Access.WRITE), Errno.EBADF))
        mov(result, self._send(file, source, length, priority, deadline))
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def _send(
        self,
        file: Keep[Ptr[File]],
        source: Fetched[User[U8]],
        length: Keep[U64],
        priority: Keep[U32],
        deadline: Nanoseconds,
    ) -> OrErrno[I64]:
        """Do what `mq_timedsend` does."""
        source, end, result = keep(source), local(Nanoseconds), local(I64)
        mov(end, deadline)
        queue = scratch(self.system.queue_of(file))
        asserts(queue != 0)  # it is one's
        fail_if((length > queue.most_bytes) | (length > HARD_BYTES), Errno.EMSGSIZE)
        message = keep(try_(self.queues.allocate_message(length), Errno.ENOMEM))
        mov(message.priority, priority)
        failed, left = self.copy.copy_in(address_of(message.bytes), source, length)
        ignore(left)
        mov(result, -Errno.EFAULT)
        with if_(failed == 0):
            queue = scratch(self.system.queue_of(file))
            asserts(queue != 0)
            self._waits(file)
            mov(result, self.queues.send(queue, message, eax, end))
        with if_(result != 0):
            self.queues.free_message(message)
            ret(result)
        disown(message, "the queue has it")
        ret(0)

    @function(context="thread", sleeps=True)
    def mq_timedreceive(
        self,
        number: Keep[U32],
        target: Keep[User[U8]],
        length: Keep[U64],
        priority: Keep[User[U8]],
        timeout: Fetched[User[U8]],
    ) -> OrErrno[I64]:
        """Receive a message from the queue `number` into `target`, which has room for `length`
        bytes, and store its priority; wait for one at most until `timeout`. Return how many
        bytes."""
        deadline, result = local(Nanoseconds), local(I64)
        try_(self._deadline(timeout, address_of(deadline)))
        file = keep(try_(self._get(number, Access.READ), Errno.EBADF))
        mov(result, self._receive(file, target, length, priority, deadline))
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def _receive(
        self,
        file: Keep[Ptr[File]],
        target: Keep[User[U8]],
        length: U64,
        priority: Keep[User[U8]],
        deadline: Nanoseconds,
    ) -> OrErrno[I64]:
        """Do what `mq_timedreceive` does."""
        end, room, result = local(Nanoseconds), local(U64), local(I64)
        mov(end, deadline)
        mov(room, length)
        queue = keep(self.system.queue_of(file))
        asserts(queue != 0)  # it is one's
        mov(rax, room)
        fail_if(rax < queue.most_bytes, Errno.EMSGSIZE)
        self._waits(file)
        failed, got = self.queues.receive(queue, eax, end)
        message = keep(got)
        with if_(message == 0):
            ret(failed)
        ignore(failed, "there is a message")
        mov(result, self._give(message, target, priority))
        self.queues.free_message(message)
        ret(result)

    @function(context="thread", sleeps=True)
    def _give(
        self, message: Keep[Ptr[PosixMessage]], target: User[U8], priority: Keep[User[U8]]
    ) -> OrErrno[I64]:
        """Copy `message` to `target`, and store its priority, if that is wanted. Returns how many
        bytes, or -EFAULT."""
        self.copy.copy_out_all(target, address_of(message.bytes), message.size)
        with if_(priority != 0):
            fail_if(self.copy.copy_out_word(priority, message.priority) != 0, Errno.EFAULT)
        ret(i64(message.size))

    # Attributes

    @function(context="thread", sleeps=True)
    def mq_getsetattr(
        self, number: U32, source: Fetched[User[U8]], target: Keep[User[U8]]
    ) -> OrErrno[I64]:
        """Store the attributes of the queue `number` at `target`, and make it wait or not as those
        at `source` say, each if it is wanted."""
        wanted, result, number = local(QueueAttributes), keep(I64), keep(number)
        changes = keep(u64(source))
        with if_(changes != 0):
            self.copy.copy_in_all(address_of(wanted), source, sizeof(QueueAttributes))
            fail_if(u64(wanted.flags) & ~int(OpenFlag.NONBLOCK), Errno.EINVAL)
        file = keep(try_(self._get(number, 0), Errno.EBADF))
        mov(result, self._tell(file, target))
        with if_((changes != 0) & (result == 0)):
            mov(eax, file.flags)
            and_(eax, ~int(OpenFlag.NONBLOCK) & 0xFFFF_FFFF)
            or_(eax, u32(wanted.flags))
            mov(file.flags, eax)
        self.files.drop(file)
        ret(result)

    @function(context="thread", sleeps=True)
    def _tell(self, file: Keep[Ptr[File]], target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store the attributes of the queue `file` at `target`, unless that is null. Returns 0 or
        -EFAULT."""
        attributes = local(QueueAttributes)
        with if_(target == 0):
            ret(0)
        queue = scratch(self.system.queue_of(file))
        asserts(queue != 0)
        zero(attributes)
        mov(eax, file.flags)
        and_(eax, OpenFlag.NONBLOCK)
        mov(u64(attributes.flags), rax)
        copy_fields(attributes, queue, "most", "most_bytes", "count")
        self.copy.copy_out_all(target, address_of(attributes), sizeof(QueueAttributes))
        ret(0)

    # Notification

    @function(context="thread", sleeps=True)
    def mq_notify(self, number: Keep[U32], source: Keep[Fetched[User[U8]]]) -> OrErrno[I64]:
        """Have the process be told once when a message comes to the queue `number` and it was
        empty, as the `sigevent` at `source` says; or no more, without one."""
        request, result = local(NotificationRequest), keep(I64)
        with if_(source != 0):
            try_(self.notifications.take(source, address_of(request)))
        file = keep(try_(self._get(number, 0), Errno.EBADF))
        queue = scratch(self.system.queue_of(file))
        asserts(queue != 0)
        with if_(source == 0):
            self.system.end_notification(queue)
            xor(u32(result), u32(result))
        with else_():
            mov(result, self.notifications.set(queue, address_of(request)))
        self.files.drop(file)
        ret(result)
