"""System calls for message queues of System V."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.ipc.ipcobject import IpcCommand, IpcFlag
from kernel.ipc.messagecontrol import MessageCommand, MessageControl
from kernel.ipc.messagequeue import (
    MOST_BYTES,
    Message,
    MessageFlag,
    MessageSearch,
    MessageWaiter,
)
from kernel.ipc.messagequeues import MessageQueues
from kernel.ipc.messagestatus import MessageInformation, MessageStatus
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.vm.usercopy import UserCopy
from pykasm import *

ANY_LENGTH = (1 << 31) - 1
"""Bytes that a message may have where it is cut off."""

LONGEST = (1 << 63) - 1
"""Bytes that a program can have room for."""


class MessageCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        queues: MessageQueues,
        control: MessageControl,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.queues = queues
        self.control = control
        self.copy = copy

    @function(context="thread", sleeps=True)
    def msgget(self, key: U32, flags: U32) -> OrErrno[I64]:
        """Return the id of the queue of `key`, perhaps a new one."""
        task = self.processes.current()
        tail(self.queues.get, key, flags, task.credentials)

    # Sending

    @function(context="thread", sleeps=True)
    def msgsnd(
        self, id: Keep[U32], source: Keep[Fetched[User[U8]]], size: Keep[U64], flags: Keep[U32]
    ) -> OrErrno[I64]:
        """Send the message at `source`, a type and `size` bytes, to the queue `id`."""
        waiter, result = local(MessageWaiter), keep(I64)
        fail_if((size > MOST_BYTES) | (i32(id) < 0), Errno.EINVAL)
        message, failed = self._take(source, size)
        with if_(message == 0):
            movsxd(rax, failed)
            ret(rax)
        ignore(failed, "there is a message")
        mov(waiter.message, message)
        disown(message, "the waiter has it")
        self._begin(address_of(waiter))
        self._waits(flags)
        task = scratch(self.processes.current())
        mov(result, self.queues.send(id, address_of(waiter), eax, task.credentials))
        left = scratch(waiter.message)
        with if_(left != 0), if_(result != 0):
            take_over(left, "nobody got it")
            self.queues.free(left)
        ret(result)

    @inline(changes=rax)
    def _waits(self, flags: U32) -> None:
        """Set eax to whether a call with `flags` waits."""
        xor(eax, eax)
        test(flags, int(IpcFlag.NO_WAIT))
        sete(al)

    @inline(changes=rax)
    def _begin(self, waiter: Ptr[MessageWaiter]) -> None:
        """Note in `waiter` whose call it is."""
        task = self.processes.current()
        mov(eax, task.process_number)
        place = scratch(waiter)
        mov(place.process, eax)
        release(task, place)

    @function(context="thread", sleeps=True)
    def _take(
        self, source: Keep[Fetched[User[U8]]], size: Keep[U64]
    ) -> tuple[Owned[OrNull[Ptr[Message]]], OrErrno[I32]]:
        """Return a message with the type and the `size` bytes at `source`; or null and -ENOMEM,
        -EFAULT or -EINVAL."""
        type = local(U64)
        with if_(size > MOST_BYTES):
            ret(0, -Errno.EINVAL)
        failed, left = self.copy.copy_in(address_of(type), source, sizeof(U64))
        ignore(left)
        with if_(failed != 0):
            ret(0, -Errno.EFAULT)
        with if_(i64(type) < 1):
            ret(0, -Errno.EINVAL)
        message = keep(self.queues.allocate(size))
        with if_(message == 0):
            ret(0, -Errno.ENOMEM)
        mov(rax, type)
        mov(message.type, rax)
        add(u64(source), sizeof(U64))
        failed, left = self.copy.copy_in(address_of(message.bytes), source, size)
        ignore(left)
        with if_(failed != 0):
            self.queues.free(message)
            ret(0, -Errno.EFAULT)
        ret(message, 0)

    # Receiving

    @function(context="thread", sleeps=True)
    def msgrcv(
        self, id: Keep[U32], target: Keep[User[U8]], size: Keep[U64], type: U64, flags: Keep[U32]
    ) -> OrErrno[I64]:
        """Receive a message from the queue `id` into `target`: its type, and up to `size` bytes.
        Return how many."""
        waiter, result = local(MessageWaiter), local(I64)
        mov(waiter.type, type)
        mov(rcx, LONGEST)
        fail_if((size > rcx) | (i32(id) < 0), Errno.EINVAL)
        self._set_search(address_of(waiter), flags)
        self._begin(address_of(waiter))
        mov(waiter.room, size)
        with if_(flags & MessageFlag.NO_ERROR):
            mov(waiter.room, ANY_LENGTH)
        with if_(flags & MessageFlag.COPY):
            both = MessageFlag.EXCEPT | IpcFlag.NO_WAIT
            and_(flags, int(both))
            fail_if(flags != int(IpcFlag.NO_WAIT), Errno.EINVAL)
            ret(self._copy(id, address_of(waiter), target, size))
        self._waits(flags)
        task = scratch(self.processes.current())
        mov(result, self.queues.receive(id, address_of(waiter), eax, task.credentials))
        try_(result)
        message = keep(waiter.message)
        asserts(message != 0)  # the call gave it
        mov(result, self._give(message, target, size))
        take_over(message, "the waiter had it")
        self.queues.free(message)
        ret(result)

    @function
    def _set_search(self, waiter: Ptr[MessageWaiter], flags: U32) -> None:
        """Set what `waiter` looks for, whose `type` is what the program gave."""
        waiter = scratch(waiter)
        mov(rax, waiter.type)
        mov(waiter.search, MessageSearch.EQUAL)
        with if_(flags & MessageFlag.COPY):
            mov(waiter.search, MessageSearch.PLACE)
        with elif_(i64(rax) == 0):
            mov(waiter.search, MessageSearch.ANY)
        with elif_(i64(rax) < 0):
            neg(rax)
            with if_(SF):  # the lowest number has no opposite
                dec(rax)
            mov(waiter.type, rax)
            mov(waiter.search, MessageSearch.LOWEST)
        with elif_(flags & MessageFlag.EXCEPT):
            mov(waiter.search, MessageSearch.NOT_EQUAL)

    @function(context="thread", sleeps=True)
    def _give(self, message: Keep[Ptr[Message]], target: Keep[User[U8]], size: U64) -> OrErrno[I64]:
        """Copy the type of `message` and up to `size` of its bytes to `target`. Returns how many,
        or -EFAULT."""
        length = keep(message.size)
        with if_(length > size):
            mov(length, size)
        self.copy.copy_out_all(target, address_of(message.type), sizeof(U64))
        add(u64(target), sizeof(U64))
        self.copy.copy_out_all(target, address_of(message.bytes), length)
        ret(i64(length))

    @function(context="thread", sleeps=True)
    def _copy(
        self,
        id: Keep[U32],
        waiter: Keep[Ptr[MessageWaiter]],
        target: Keep[User[U8]],
        size: U64,
    ) -> OrErrno[I64]:
        """Copy the message at a place of the queue `id` to `target`. Returns how many bytes."""
        result, room = keep(I64), scratch(size)
        mov(ecx, MOST_BYTES)
        with if_(room > rcx):
            mov(room, rcx)
        copy = keep(try_(self.queues.allocate(room), Errno.ENOMEM))
        task = scratch(self.processes.current())
        mov(result, self.queues.peek(id, waiter, copy, task.credentials))
        with if_(result == 0):
            mov(result, self._give(copy, target, copy.size))
        self.queues.free(copy)
        ret(result)

    # Control

    @function(context="thread", sleeps=True)
    def msgctl(self, id: U32, command: U32, place: User[U8]) -> OrErrno[I64]:
        """Do what `command` says with the queue `id`."""
        fail_if((i32(id) < 0) | (i32(command) < 0), Errno.EINVAL)
        with switch(command):
            with case(IpcCommand.INFORMATION, MessageCommand.INFORMATION):
                tail(self._inform, command, place)
            with case(
                IpcCommand.STATUS,
                MessageCommand.STATUS_BY_INDEX,
                MessageCommand.STATUS_OF_ANY,
            ):
                tail(self._describe, command, id, place)
            with case(IpcCommand.SET):
                tail(self._change, id, place)
            with case(IpcCommand.REMOVE):
                task = self.processes.current()
                tail(self.control.remove, id, task.credentials)
        ret(-Errno.EINVAL)

    @function(context="thread", sleeps=True)
    def _inform(self, command: U32, target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store what there may be at `target`, or what there is."""
        information, result = local(MessageInformation), keep(I64)
        mov(result, self.control.inform(address_of(information), command))
        size = sizeof(MessageInformation)
        self.copy.copy_out_all(target, address_of(information), size)
        ret(result)

    @function(context="thread", sleeps=True)
    def _describe(self, command: U32, id: U32, target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store what there is to know of a queue at `target`."""
        status, result = local(MessageStatus), keep(I64)
        task = self.processes.current()
        found = self.control.describe(command, id, task.credentials, address_of(status))
        mov(result, try_(found))
        self.copy.copy_out_all(target, address_of(status), sizeof(MessageStatus))
        ret(result)

    @function(context="thread", sleeps=True)
    def _change(self, id: Keep[U32], source: Fetched[User[U8]]) -> OrErrno[I64]:
        """Give the queue `id` the owner, the permissions and the size at `source`."""
        status = local(MessageStatus)
        self.copy.copy_in_all(address_of(status), source, sizeof(MessageStatus))
        task = self.processes.current()
        result = self.control.change(id, task.credentials, address_of(status))
        ret(result)
