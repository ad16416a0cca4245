"""Sending to POSIX message queues, and receiving from them."""

from __future__ import annotations

from kernel.clock.units import Nanoseconds
from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.errno import Errno
from kernel.ipc.posixqueue import (
    PosixMessage,
    PosixNews,
    PosixQueue,
    PosixWaiter,
)
from kernel.mm.heap import Heap
from kernel.mm.slabs import SlabCache, Slabs
from kernel.sched.scheduler import Scheduler
from kernel.sched.waiting import Waiting, WaitResult
from kernel.structures.list import ListHead
from kernel.structures.tree import Trees
from kernel.sync.mutex import Mutexes
from kernel.sync.pollqueue import READABLE, WRITABLE
from kernel.sync.pollqueues import PollQueues
from kernel.time.daywaits import UNTIL_DAY, DayWaits
from kernel.users.useraccounts import UserAccounts
from pykasm import *

WAITS = 1
"""What `_try_send` and `_try_receive` give where the call has to wait."""


class PosixQueues(LeakChecks):
    """Makes and frees queues, and does what mq_send(3) and mq_receive(3) tell. Context: thread.

    A message goes at once to who waits for one. Where there is no room, its sender waits with it,
    and who makes room puts it in.
    """

    count = bss(U64)
    allocated = bss(U64)

    def __init__(
        self,
        accounts: UserAccounts,
        trees: Trees,
        mutexes: Mutexes,
        waiting: Waiting,
        scheduler: Scheduler,
        days: DayWaits,
        polls: PollQueues,
        heap: Heap,
        slabs: Slabs,
    ) -> None:
        self.accounts = accounts
        self.trees = trees
        self.mutexes = mutexes
        self.waiting = waiting
        self.scheduler = scheduler
        self.days = days
        self.polls = polls
        self.heap = heap
        self.records = SlabCache(slabs, "POSIX queue", PosixQueue)
        self.leak_checks = [
            leak_check("POSIX queues", self.used_count),
            leak_check("POSIX messages", self.message_count),
        ]

    @function
    def used_count(self) -> U64:
        """Return the number of queues."""
        ret(self.count)

    @function
    def message_count(self) -> U64:
        """Return the number of messages."""
        ret(self.allocated)

    # Queues

    @function
    def create(self) -> Owned[OrNull[Ptr[PosixQueue]]]:
        """Return a queue without messages that may have none, or null without memory."""
        made = scratch(try_(self.records.allocate_zeroed()))
        made.receivers.reset()
        made.senders.reset()
        lock.inc(self.count)
        ret(made)

    @function(context="thread", sleeps=True)
    def free(self, queue: Keep[Owned[Ptr[PosixQueue]]]) -> None:
        """Free a queue that nobody has open, with what is in it."""
        with loop():
            node = scratch(queue.messages.first)
            break_if(node == 0)
            message = keep(container_of(node, PosixMessage, "node"))
            self._take_out(queue, message)
            take_over(message, "the queue had it")
            self.free_message(message)
            release(message)
        self.forget(queue)
        account = scratch(queue.account)
        mov(queue.account, 0)
        with if_(account != 0):
            mov(rax, queue.cost)
            lock.sub(account.queue_bytes, rax)
            self.accounts.drop(account)
        self.records.free(queue)
        lock.dec(self.count)

    @function(context="thread", sleeps=True)
    def forget(self, queue: Ptr[PosixQueue]) -> None:
        """Have `queue`, which nobody else uses or which is locked, tell nobody."""
        notification = scratch(queue.notification)
        mov(queue.notification, 0)
        mov(queue.notified, 0)
        with if_(notification != 0):
            notification.drop(notification)

    # Messages

    @function
    def allocate_message(self, size: Keep[U64]) -> Owned[OrNull[Ptr[PosixMessage]]]:
        """Return a message of `size` bytes, or null without memory."""
        lea(rdi, bare[size + sizeof(PosixMessage)])
        message = scratch(cast(try_(self.heap.allocate(rdi)), Ptr[PosixMessage]))
        mov(message.size, size)
        lock.inc(self.allocated)
        ret(message)

    @function
    def free_message(self, message: Owned[Ptr[PosixMessage]]) -> None:
        """Free a message."""
        self.heap.free(u64(message))
        lock.dec(self.allocated)

    @function(holds="queue.lock")
    def _put(self, queue: Ptr[PosixQueue], message: Ptr[PosixMessage]) -> None:
        """Put `message` behind those of its priority."""
        inc(queue.count)
        mov(rax, message.size)
        add(queue.bytes, rax)
        mov(eax, message.priority)
        # The tree has the smallest key first, and equal ones in the order in which they came
        not_(eax)
        mov(message.node.key, rax)
        tail(self.trees.insert, address_of(queue.messages), address_of(message.node))

    @function
    def _take_out(self, queue: Ptr[PosixQueue], message: Ptr[PosixMessage]) -> None:
        """Take `message` out of `queue`."""
        dec(queue.count)
        mov(rax, message.size)
        sub(queue.bytes, rax)
        tail(self.trees.remove, address_of(queue.messages), address_of(message.node))

    # Sending

    @function(context="thread", sleeps=True)
    def send(
        self,
        queue: Keep[Ptr[PosixQueue]],
        message: Keep[Ptr[PosixMessage]],
        waits: Keep[U32],
        deadline: Keep[Nanoseconds],
    ) -> OrErrno[I64]:
        """Send `message`, which has no more bytes than it may. Returns 0 if the queue or who
        receives it has it; -EAGAIN without room unless the call `waits`; -ETIMEDOUT at `deadline`,
        a time as `DayWaits` has it; -ERESTARTSYS."""
        waiter, result = local(PosixWaiter), local(I64)
        mov(waiter.message, message)
        with self.mutexes.held(queue.lock):
            mov(result, self._try_send(queue, message))
            with if_(result == WAITS):
                mov(result, self._enqueue(address_of(queue.senders), address_of(waiter), waits))
        with if_(result == WAITS):
            mov(result, self._sleep(queue, address_of(waiter), deadline))
        with if_(result == 0):
            self.polls.announce(address_of(queue.poll), READABLE)
        ret(result)

    @function(context="thread", sleeps=True, holds="queue.lock")
    def _try_send(
        self, queue: Keep[Ptr[PosixQueue]], message: Keep[Ptr[PosixMessage]]
    ) -> OrErrno[I64]:
        """Send a message if there is room. Returns 0 or WAITS."""
        mov(rax, queue.count)
        with if_(rax >= queue.most):
            ret(WAITS)
        with if_(~queue.receivers.is_empty()):
            waiter = container_of(scratch(queue.receivers.next), PosixWaiter, "link")
            # Nobody is notified where somebody waits (mq_notify(3))
            mov(waiter.message, message)
            self._tell(waiter)
            ret(0)
        self._put(queue, message)
        with if_(queue.count == 1):
            self._notify(queue)
        ret(0)

    @function(context="thread", sleeps=True, holds="queue.lock")
    def _notify(self, queue: Ptr[PosixQueue]) -> None:
        """Tell who wants to know that a message has come to an empty queue."""
        notification = scratch(queue.notification)
        mov(queue.notification, 0)
        mov(queue.notified, 0)
        with if_(notification != 0):
            # Once: who wants to be told again asks again (mq_notify(3))
            notification.tell(notification)

    @function
    def _tell(self, waiter: Keep[Ptr[PosixWaiter]]) -> None:
        """Take `waiter` out of its list, and wake it; what it lies in may be gone then."""
        waiter.link.unlink()
        with waiter.queue.lock.held():
            mov(waiter.news, PosixNews.DONE)
            self.waiting.wake_all(address_of(waiter.queue))

    @function
    def _enqueue(
        self, waiters: Ptr[ListHead], waiter: Ptr[PosixWaiter], waits: U32
    ) -> OrErrno[I64]:
        """Put `waiter` last into the list `waiters` if the call `waits`. Returns WAITS, or
        -EAGAIN."""
        fail_if(waits == 0, Errno.EAGAIN)
        with unshared(waiter):
            waiter.queue.prepare()
            mov(waiter.news, PosixNews.NOTHING)
        link = scratch(address_of(waiter.link))
        waiters.append(link)
        ret(WAITS)

    # Receiving

    @function(context="thread", sleeps=True)
    def receive(
        self, queue: Keep[Ptr[PosixQueue]], waits: Keep[U32], deadline: Keep[Nanoseconds]
    ) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[PosixMessage]]]]:
        """Take the oldest message of the highest priority. Returns 0 and the message; or null, and
        -EAGAIN if there is none unless the call `waits`, -ETIMEDOUT or -ERESTARTSYS."""
        waiter, result = local(PosixWaiter), keep(I64)
        mov(waiter.message, 0)
        with self.mutexes.held(queue.lock):
            mov(result, self._try_receive(queue, address_of(waiter)))
            with if_(result == WAITS):
                waiters = address_of(queue.receivers)
                mov(result, self._enqueue(waiters, address_of(waiter), waits))
        with if_(result == WAITS):
            mov(result, self._sleep(queue, address_of(waiter), deadline))
        with if_(result != 0):
            ret(result, 0)
        self.polls.announce(address_of(queue.poll), WRITABLE)
        message = scratch(waiter.message)
        take_over(message, "the waiter has it")
        ret(0, message)

    @function(holds="queue.lock")
    def _try_receive(
        self, queue: Keep[Ptr[PosixQueue]], waiter: Keep[Ptr[PosixWaiter]]
    ) -> OrErrno[I64]:
        """Give `waiter` a message. Returns 0 or WAITS."""
        node = scratch(queue.messages.first)
        with if_(node == 0):
            ret(WAITS)
        message = keep(container_of(node, PosixMessage, "node"))
        self._take_out(queue, message)
        mov(waiter.message, message)
        with if_(~queue.senders.is_empty()):
            sender = keep(container_of(scratch(queue.senders.next), PosixWaiter, "link"))
            waiting = scratch(sender.message)
            asserts(waiting != 0)  # it waits with one
            self._put(queue, waiting)
            # The oldest sender gets the room before anybody who comes now
            self._tell(sender)
        ret(0)

    # Waiting

    @function(context="thread", sleeps=True)
    def _sleep(
        self,
        queue: Keep[Ptr[PosixQueue]],
        waiter: Keep[Ptr[PosixWaiter]],
        deadline: Keep[Nanoseconds],
    ) -> OrErrno[I64]:
        """Wait until there are news of `waiter`. Returns 0, -ETIMEDOUT or -ERESTARTSYS."""
        result, news = keep(I32), keep(U32)
        xor(result, result)
        with (
            waiter.queue.lock.held(),
            while_((waiter.news == PosixNews.NOTHING) & (result == WaitResult.WOKEN)),
        ):
            end = self.days.end_of(deadline)
            ended = self.waiting.wait_until(address_of(waiter.queue), end, UNTIL_DAY)
            mov(result, self.days.settle(ended))
        with self.mutexes.held(queue.lock):
            mov(news, waiter.news)
            with if_(news == PosixNews.NOTHING):
                # Only under the lock is it certain that nobody is about to tell it
                waiter.link.unlink()
        with if_(news == PosixNews.DONE):
            ignore(result, "the news came first")
            ret(0)
        with if_(result == WaitResult.TIMED_OUT):
            ret(-Errno.ETIMEDOUT)
        ret(-Errno.ERESTARTSYS)
