"""Making and removing message queues, sending and receiving."""

from __future__ import annotations

from collections.abc import Callable

from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.errno import Errno
from kernel.fs.credentials import Credentials
from kernel.ipc.ipcobject import IpcAccess, IpcFlag
from kernel.ipc.ipctable import IpcTable
from kernel.ipc.ipctables import IpcTables
from kernel.ipc.messagequeue import (
    MOST_QUEUES,
    QUEUE_BYTES,
    Message,
    MessageNews,
    MessageQueue,
    MessageWaiter,
)
from kernel.ipc.messageselection import MessageSelection
from kernel.mm.heap import Heap
from kernel.mm.slabs import SlabCache, Slabs
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import INTERRUPTIBLE
from kernel.sched.waiting import FOREVER, Waiting, WaitResult
from kernel.structures.list import ListHead
from kernel.sync.mutex import Mutexes
from pykasm import *

WAITS = 1
"""What `_try_send` and `_try_receive` give where the call has to wait."""


class MessageQueues(LeakChecks):
    """What msgget(2), msgsnd(2) and msgrcv(2) do. Context: thread.

    A message goes at once to who waits for it. Where it has no room, its sender waits with it, and
    who makes room puts in what fits, the longest wait first.
    """

    table = data(IpcTable, IpcTable(most=MOST_QUEUES))
    messages = bss(U64)
    """In all queues; the table's lock guards it, as it does their bytes."""
    bytes = bss(U64)
    allocated = bss(U64)

    def __init__(
        self,
        tables: IpcTables,
        selection: MessageSelection,
        mutexes: Mutexes,
        waiting: Waiting,
        scheduler: Scheduler,
        heap: Heap,
        slabs: Slabs,
    ) -> None:
        self.tables = tables
        self.selection = selection
        self.mutexes = mutexes
        self.waiting = waiting
        self.scheduler = scheduler
        self.heap = heap
        self.records = SlabCache(slabs, "message queue", MessageQueue)
        self.leak_checks = [
            leak_check("message queues", self.used_count),
            leak_check("messages", self.message_count),
        ]

    @function
    def used_count(self) -> U64:
        """Return the number of queues."""
        mov(eax, self.table.count)
        ret(rax)

    @function
    def message_count(self) -> U64:
        """Return the number of messages, also of those in nobody's queue."""
        ret(self.allocated)

    # Messages

    @function
    def allocate(self, size: Keep[U64]) -> Owned[OrNull[Ptr[Message]]]:
        """Return a message of `size` bytes, or null without memory."""
        lea(rdi, bare[size + sizeof(Message)])
        message = scratch(cast(try_(self.heap.allocate(rdi)), Ptr[Message]))
        mov(message.size, size)
        lock.inc(self.allocated)
        ret(message)

    @function
    def free(self, message: Owned[Ptr[Message]]) -> None:
        """Free a message."""
        self.heap.free(u64(message))
        lock.dec(self.allocated)

    # Making and removing

    @function(context="thread", sleeps=True)
    def get(
        self, key: Keep[U32], flags: Keep[U32], credentials: Keep[Ptr[Credentials]]
    ) -> OrErrno[I64]:
        """Return the id of the queue that `key` leads to, by `IpcFlag`s and permissions; one that
        is made, where there is none or for no key. Returns -ENOENT, -EEXIST, -EACCES, -ENOSPC or
        -ENOMEM."""
        result = keep(I64)
        with self.mutexes.held(self.table.lock):
            found = self.tables.find_key(address_of(self.table), key)
            with if_(found != 0):
                mov(result, self.tables.check_found(found, flags, credentials))
            with elif_((key != 0) & ((flags & IpcFlag.CREATE) == 0)):
                mov(result, -Errno.ENOENT)
            with else_():
                mov(result, self._create(key, flags, credentials))
        ret(result)

    @function(holds="table.lock")
    def _create(
        self, key: Keep[U32], flags: Keep[U32], credentials: Keep[Ptr[Credentials]]
    ) -> OrErrno[I64]:
        """Make a queue. Returns its id, -ENOSPC or -ENOMEM."""
        queue = keep(try_(self.records.allocate_zeroed(), Errno.ENOMEM))
        # Nothing but its record is to be undone: it is empty
        errdefer(self._free_queue, queue)
        mov(queue.most_bytes, QUEUE_BYTES)
        queue.messages.reset()
        queue.receivers.reset()
        queue.senders.reset()
        self.tables.set_owner(queue, flags, credentials)
        result = try_(self.tables.enter(address_of(self.table), queue, key))
        disown(queue, "the table has it")
        ret(result)

    @function
    def _free_queue(self, queue: Owned[Ptr[MessageQueue]]) -> None:
        """Free the memory of a queue."""
        self.records.free(queue)

    @function(holds="table.lock")
    def find(self, id: U32) -> OrNull[Ptr[MessageQueue]]:
        """Return the queue with this id, or null."""
        ret(cast(self.tables.find(address_of(self.table), id), Ptr[MessageQueue]))

    @function(holds="table.lock")
    def remove(self, queue: Keep[Ptr[MessageQueue]]) -> None:
        """Remove `queue` with what is in it. Who waits is told."""
        for waiters in (queue.receivers, queue.senders):
            with waiters.each_removable(MessageWaiter, "link") as waiter:
                self._tell(waiter, MessageNews.REMOVED)
        with queue.messages.each_removable(Message, "link") as message:
            self._take_out(queue, message)
            take_over(message, "the queue had it")
            self.free(message)
        self.tables.remove(address_of(self.table), queue)
        take_over(queue, "the table had it")
        self._free_queue(queue)

    @function(holds="table.lock")
    def retry(self, queue: Keep[Ptr[MessageQueue]]) -> None:
        """Have all who wait look again, after `queue` was changed."""
        for waiters in (queue.receivers, queue.senders):
            with waiters.each_removable(MessageWaiter, "link") as waiter:
                self._tell(waiter, MessageNews.LOOK_AGAIN)

    @function(holds="table.lock")
    def _tell(self, waiter: Keep[Ptr[MessageWaiter]], news: Keep[U32]) -> None:
        """Take `waiter` out of its queue, and wake it with `news`; what it lies in may be gone
        then."""
        waiter.link.unlink()
        with waiter.queue.lock.held():
            mov(waiter.news, news)
            self.waiting.wake_all(address_of(waiter.queue))

    # Sending

    @function(context="thread", sleeps=True)
    def send(
        self,
        id: Keep[U32],
        waiter: Keep[Ptr[MessageWaiter]],
        waits: Keep[U32],
        credentials: Keep[Ptr[Credentials]],
    ) -> OrErrno[I64]:
        """Send the message of `waiter` to the queue `id`. Returns 0 if that or who receives it has
        the message; -EINVAL, -EACCES, -EIDRM; -EAGAIN without room unless the call `waits`;
        -ERESTARTNOHAND."""
        self._try_or_wait(
            waiter,
            waits,
            lambda: self._try_send(id, waiter, credentials),
            lambda: self._enqueue_sender(id, waiter),
            Errno.EAGAIN,
        )

    @function(holds="table.lock")
    def _try_send(
        self, id: U32, waiter: Keep[Ptr[MessageWaiter]], credentials: Keep[Ptr[Credentials]]
    ) -> OrErrno[I64]:
        """Send a message if there is room. Returns 0, WAITS, -EINVAL or -EACCES."""
        queue = keep(try_(self.find(id), Errno.EINVAL))
        try_(self.tables.check(queue, IpcAccess.WRITE, credentials))
        message = keep(waiter.message)
        asserts(message != 0)  # the caller has one
        # Who comes now may pass those that wait, if its message is shorter, as with Linux
        with if_(~self._fits(queue, message)):
            ret(WAITS)
        mov(waiter.message, 0)
        self._put(queue, message, waiter.process)
        ret(0)

    @inline(changes=rax)
    def _fits(self, queue: Ptr[MessageQueue], message: Ptr[Message]) -> Condition:
        """Return whether there is room in `queue` for `message`."""
        mov(rax, queue.bytes)
        add(rax, message.size)
        # The number of messages has the same limit as their bytes, or empty ones would take no end
        # of memory
        fits = scratch(U64)
        mov(fits, queue.most_bytes)
        release(fits)
        return (rax <= fits) & (queue.count < fits)

    @function(holds="table.lock")
    def _put(
        self, queue: Keep[Ptr[MessageQueue]], message: Keep[Ptr[Message]], process: U32
    ) -> None:
        """Give `message`, which a `process` has sent, to who waits for it, or put it in."""
        mov(queue.last_sender, process)
        mov(queue.sent, self.tables.seconds())
        # A message that somebody waits for is never in the queue, so that nobody else takes it
        with if_(self._hand_over(queue, message)):
            ret()
        link = scratch(address_of(message.link))
        queue.messages.append(link)
        release(link)
        mov(rax, message.size)
        add(queue.bytes, rax)
        add(self.bytes, rax)
        inc(queue.count)
        inc(self.messages)

    @function(holds="table.lock")
    def _hand_over(self, queue: Keep[Ptr[MessageQueue]], message: Keep[Ptr[Message]]) -> Bool:
        """Give `message` to the first one who waits for it; who has no room for it is told that.
        Returns whether somebody has it."""
        with queue.receivers.each_removable(MessageWaiter, "link") as waiter:
            with if_(~self.selection.takes(waiter, message)):
                # It wants another type
                continue_()
            mov(rax, message.size)
            with if_(rax > waiter.room):
                # It fails by that, and the message is for the next one
                self._tell(waiter, MessageNews.TOO_LONG)
                continue_()
            mov(eax, waiter.process)
            mov(queue.last_receiver, eax)
            mov(queue.received, self.tables.seconds())
            mov(waiter.message, message)
            self._tell(waiter, MessageNews.DONE)
            ret(True)
        ret(False)

    @function(holds="table.lock")
    def _enqueue_sender(self, id: U32, waiter: Keep[Ptr[MessageWaiter]]) -> None:
        """Have `waiter` wait for room in the queue `id`."""
        queue = keep(self.find(id))
        asserts(queue != 0)  # there was no room in it
        link = self._prepare(waiter)
        queue.senders.append(link)

    @inline(changes=rax)
    def _prepare(self, waiter: Ptr[MessageWaiter]) -> Ptr[ListHead]:
        """Prepare `waiter` for a wait. Returns its link, in a scratch register."""
        with unshared(waiter):
            waiter.queue.prepare()
            mov(waiter.news, MessageNews.NOTHING)
        return scratch(address_of(waiter.link))

    # Receiving

    @function(context="thread", sleeps=True)
    def receive(
        self,
        id: Keep[U32],
        waiter: Keep[Ptr[MessageWaiter]],
        waits: Keep[U32],
        credentials: Keep[Ptr[Credentials]],
    ) -> OrErrno[I64]:
        """Get from the queue `id` the message that `waiter` wants; its `message` is the caller's
        then. Returns 0; -EINVAL, -EACCES, -EIDRM, -E2BIG; -ENOMSG without one unless the call
        `waits`; -ERESTARTNOHAND."""
        mov(waiter.message, 0)
        self._try_or_wait(
            waiter,
            waits,
            lambda: self._try_receive(id, waiter, credentials),
            lambda: self._enqueue_receiver(id, waiter),
            Errno.ENOMSG,
        )

    @function(holds="table.lock")
    def _try_receive(
        self, id: U32, waiter: Keep[Ptr[MessageWaiter]], credentials: Keep[Ptr[Credentials]]
    ) -> OrErrno[I64]:
        """Take out the message that is wanted. Returns 0, WAITS, -EINVAL, -EACCES or -E2BIG."""
        queue = keep(try_(self.find(id), Errno.EINVAL))
        try_(self.tables.check(queue, IpcAccess.READ, credentials))
        message = keep(self.selection.find(queue, waiter))
        with if_(message == 0):
            ret(WAITS)
        mov(rax, message.size)
        # The message stays, for a call with more room
        fail_if(rax > waiter.room, Errno.E2BIG)
        self._take_out(queue, message)
        mov(waiter.message, message)
        mov(eax, waiter.process)
        mov(queue.last_receiver, eax)
        mov(queue.received, self.tables.seconds())
        # After the message has gone, whose room they take
        self._let_in(queue)
        ret(0)

    @function(holds="table.lock")
    def _take_out(self, queue: Ptr[MessageQueue], message: Ptr[Message]) -> None:
        """Take `message` out of `queue`."""
        queue, message = scratch(queue), scratch(message)
        message.link.unlink()
        mov(rax, message.size)
        sub(queue.bytes, rax)
        sub(self.bytes, rax)
        dec(queue.count)
        dec(self.messages)

    @function(holds="table.lock")
    def _let_in(self, queue: Keep[Ptr[MessageQueue]]) -> None:
        """Put in what waits and has room now, as far as the first one that has none."""
        with queue.senders.each_removable(MessageWaiter, "link") as waiter:
            message = keep(waiter.message)
            asserts(message != 0)  # it waits with one
            # No shorter one goes before it here, or a long one would wait for ever
            break_if(~self._fits(queue, message))
            mov(waiter.message, 0)
            self._put(queue, message, waiter.process)
            self._tell(waiter, MessageNews.DONE)
            release(message)

    @function(holds="table.lock")
    def _enqueue_receiver(self, id: U32, waiter: Keep[Ptr[MessageWaiter]]) -> None:
        """Have `waiter` wait for a message in the queue `id`."""
        queue = keep(self.find(id))
        asserts(queue != 0)  # there was no message in it
        link = self._prepare(waiter)
        queue.receivers.append(link)

    @function(context="thread", sleeps=True)
    def peek(
        self,
        id: Keep[U32],
        waiter: Keep[Ptr[MessageWaiter]],
        copy: Keep[Ptr[Message]],
        credentials: Keep[Ptr[Credentials]],
    ) -> OrErrno[I64]:
        """Copy the message that `waiter` wants to `copy`, whose size is how much it has room for.
        Returns 0; -EINVAL, -EACCES; -ENOMSG without one; -E2BIG, or -EINVAL if it is too long for
        the copy alone."""
        result = keep(I64)
        with self.mutexes.held(self.table.lock):
            mov(result, self._peek(id, waiter, copy, credentials))
        ret(result)

    @function(holds="table.lock")
    def _peek(
        self,
        id: U32,
        waiter: Keep[Ptr[MessageWaiter]],
        copy: Keep[Ptr[Message]],
        credentials: Keep[Ptr[Credentials]],
    ) -> OrErrno[I64]:
        """Do what `peek` does."""
        queue = keep(try_(self.find(id), Errno.EINVAL))
        try_(self.tables.check(queue, IpcAccess.READ, credentials))
        message = scratch(try_(self.selection.find(queue, waiter), Errno.ENOMSG))
        mov(rcx, message.size)
        fail_if(rcx > waiter.room, Errno.E2BIG)
        fail_if(rcx > copy.size, Errno.EINVAL)
        mov(copy.size, rcx)
        mov(rax, message.type)
        mov(copy.type, rax)
        target, source = scratch(address_of(copy.bytes)), scratch(address_of(message.bytes))
        mov(rdi, target)
        mov(rsi, source)
        rep.movsb()
        ret(0)

    # Waiting

    @inline(changes=CALLER_SAVED)
    def _try_or_wait(
        self,
        waiter: Ptr[MessageWaiter],
        waits: U32,
        attempt: Callable[[], I64],
        enqueue: Callable[[], None],
        refusal: Errno,
    ) -> None:
        """Leave the function with what `attempt` gives, once that is not WAITS: else `enqueue` has
        `waiter` wait for others, or a call that does not wait fails with `refusal`."""
        result = keep(I64)
        with loop():
            # Both under one lock: what another does between them would wake nobody
            with self.mutexes.held(self.table.lock):
                mov(result, attempt())
                with if_((result == WAITS) & (waits == 0)):
                    mov(result, -refusal)
                with elif_(result == WAITS):
                    enqueue()
            self.scheduler.preempt_if_due()
            with if_(result != WAITS):
                ret(result)
            # Without the lock: who brings the news takes it
            mov(result, self._sleep(waiter))
            with if_(result != WAITS):
                ret(result)

    @function(context="thread", sleeps=True)
    def _sleep(self, waiter: Keep[Ptr[MessageWaiter]]) -> OrErrno[I64]:
        """Wait until there are news of `waiter`. Returns 0; WAITS if it has to look again; -EIDRM,
        -E2BIG, -ERESTARTNOHAND."""
        result, news = keep(I32), keep(U32)
        xor(result, result)
        with (
            waiter.queue.lock.held(),
            while_((waiter.news == MessageNews.NOTHING) & (result == WaitResult.WOKEN)),
        ):
            mov(
                result,
                self.waiting.wait_until(address_of(waiter.queue), FOREVER, INTERRUPTIBLE),
            )
        ignore(result, "the news tell")
        with self.mutexes.held(self.table.lock):
            mov(news, waiter.news)
            with if_(news == MessageNews.NOTHING):
                # Nobody has taken it out, so it is still listed, and must not be when this returns
                waiter.link.unlink()
        with switch(news):
            with case(MessageNews.NOTHING):
                ret(-Errno.ERESTARTNOHAND)
            with case(MessageNews.LOOK_AGAIN):
                ret(WAITS)
            with case(MessageNews.TOO_LONG):
                ret(-Errno.E2BIG)
            with case(MessageNews.REMOVED):
                ret(-Errno.EIDRM)
        ret(0)
