"""Which message somebody gets."""

from __future__ import annotations

from kernel.ipc.messagequeue import Message, MessageQueue, MessageSearch, MessageWaiter
from pykasm import *


class MessageSelection(Subsystem):
    """Looks for messages, and for those who want one. Context: thread, with the lock of
    `MessageQueues`."""

    @function
    def find(self, queue: Ptr[MessageQueue], waiter: Ptr[MessageWaiter]) -> OrNull[Ptr[Message]]:
        """Return the message of `queue` that `waiter` wants, the oldest one of its type; null if
        there is none."""
        with if_(waiter.search == MessageSearch.LOWEST):
            tail(self._find_lowest, queue, waiter.type)
        with if_(waiter.search == MessageSearch.PLACE):
            tail(self._find_place, queue, waiter.type)
        queue, waiter = scratch(queue), scratch(waiter)
        with queue.messages.each(Message, "link", place=scratch) as message:
            self._judge(message, waiter)
            with if_(eax != 0):
                ret(message)
        ret(0)

    @function
    def _find_lowest(self, queue: Ptr[MessageQueue], highest: U64) -> OrNull[Ptr[Message]]:
        """Return the first message of `queue` of the lowest type up to `highest`, or null."""
        queue, best, highest = scratch(queue), scratch(OrNull[Ptr[Message]]), scratch(highest)
        xor(u32(best), u32(best))
        with queue.messages.each(Message, "link", place=scratch) as message:
            mov(rax, message.type)
            with if_(rax <= highest):
                mov(best, message)
                lea(highest, bare[rax - 1])  # only a lower one is better
        ret(best)

    @function
    def _find_place(self, queue: Ptr[MessageQueue], place: U64) -> OrNull[Ptr[Message]]:
        """Return the message of `queue` behind `place` others, or null."""
        queue, place = scratch(queue), scratch(place)
        with queue.messages.each(Message, "link", place=scratch) as message:
            with if_(place == 0):
                ret(message)
            dec(place)
        ret(0)

    @inline(changes=(rax, rcx))
    def _judge(self, message: Ptr[Message], waiter: Ptr[MessageWaiter]) -> None:
        """Set eax to whether `waiter`, which does not want a lowest one or a place, takes
        `message`."""
        mov(rcx, message.type)
        mov(eax, 1)
        with if_((waiter.search == MessageSearch.EQUAL) & (rcx != waiter.type)):
            xor(eax, eax)
        with if_((waiter.search == MessageSearch.NOT_EQUAL) & (rcx == waiter.type)):
            xor(eax, eax)

    @function
    def takes(self, waiter: Ptr[MessageWaiter], message: Ptr[Message]) -> Bool:
        """Return whether `waiter`, who waits as nothing suits yet, takes a new `message`."""
        waiter, message = scratch(waiter), scratch(message)
        with if_(waiter.search == MessageSearch.LOWEST):
            mov(rax, message.type)
            ret(rax <= waiter.type)
        self._judge(message, waiter)
        ret(eax != 0)
