"""System calls for sets of semaphores."""

from __future__ import annotations

from kernel.clock.clock import Clock
from kernel.clock.units import Nanoseconds
from kernel.errno import Errno
from kernel.ipc.ipcobject import IpcAccess, IpcCommand
from kernel.ipc.semaphorecontrol import SemaphoreCommand, SemaphoreControl
from kernel.ipc.semaphoreset import (
    MOST_IN_SET,
    MOST_OPERATIONS,
    MOST_VALUE,
    SemaphoreFlag,
    SemaphoreOperation,
    SemaphoreRequest,
)
from kernel.ipc.semaphoresets import SemaphoreSets
from kernel.ipc.semaphorestatus import SemaphoreInformation, SemaphoreStatus
from kernel.mm.heap import Heap
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.timespec import TimeSpecs
from kernel.process.undolists import UndoLists
from kernel.sched.waiting import FOREVER
from kernel.vm.usercopy import UserCopy
from pykasm import *

FEW = 8
"""Operations that need no memory."""


class SemaphoreCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        lists: UndoLists,
        sets: SemaphoreSets,
        control: SemaphoreControl,
        clock: Clock,
        specs: TimeSpecs,
        heap: Heap,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.lists = lists
        self.sets = sets
        self.control = control
        self.clock = clock
        self.specs = specs
        self.heap = heap
        self.copy = copy

    @function(context="thread", sleeps=True)
    def semget(self, key: U32, count: U32, flags: U32) -> OrErrno[I64]:
        """Return the id of the set of `key`, perhaps a new one of `count` semaphores."""
        task = self.processes.current()
        tail(self.sets.get, key, count, flags, task.credentials)

    # Operations

    @function(context="thread", sleeps=True)
    def semop(self, id: U32, operations: Fetched[User[U8]], count: U64) -> OrErrno[I64]:
        """Do `count` operations with the set `id` all at once, as soon as that can be."""
        tail(self._operate, id, operations, count, FOREVER)

    @function(context="thread", sleeps=True)
    def semtimedop(
        self,
        id: Keep[U32],
        operations: Keep[Fetched[User[U8]]],
        count: Keep[U64],
        timeout: Fetched[User[U8]],
    ) -> OrErrno[I64]:
        """Do what `semop` does, but wait no longer than `timeout` says."""
        span = local(Nanoseconds)
        mov(rax, FOREVER)
        mov(span, rax)
        with if_(timeout != 0):
            try_(self.specs.take(timeout, address_of(span)))
            now = self.clock.now()
            add(span, now)
            with if_(CF):
                mov(rax, FOREVER)
                mov(span, rax)
        tail(self._operate, id, operations, count, span)

    @function(context="thread", sleeps=True)
    def _operate(
        self,
        id: Keep[U32],
        source: Keep[Fetched[User[U8]]],
        count: Keep[U64],
        deadline: Keep[Nanoseconds],
    ) -> OrErrno[I64]:
        """Do `count` operations, and wait at most until `deadline`."""
        few, result = local(SemaphoreOperation * FEW), local(I64)
        fail_if((count == 0) | (i32(id) < 0), Errno.EINVAL)
        fail_if(count > MOST_OPERATIONS, Errno.E2BIG)
        with if_(count <= FEW):
            ret(self._operate_in(id, source, count, deadline, address_of(few)))
        mov(rax, count)
        imul(rax, rax, sizeof(SemaphoreOperation))
        room = keep(try_(self.heap.allocate(rax), Errno.ENOMEM))
        many = cast(room, Ptr[SemaphoreOperation])
        mov(result, self._operate_in(id, source, count, deadline, many))
        self.heap.free(room)
        ret(result)

    @function(context="thread", sleeps=True)
    def _operate_in(
        self,
        id: Keep[U32],
        source: Fetched[User[U8]],
        count: Keep[U64],
        deadline: Keep[Nanoseconds],
        room: Keep[Ptr[SemaphoreOperation]],
    ) -> OrErrno[I64]:
        """Do `count` operations, no more than there may be, for which there is `room`."""
        request = local(SemaphoreRequest)
        fail_if(count > MOST_OPERATIONS, Errno.E2BIG)
        mov(rax, count)
        imul(rax, rax, sizeof(SemaphoreOperation))
        self.copy.copy_in_all(u64(room), source, rax)
        mov(request.operations, room)
        mov(request.count, count)
        mov(request.list, 0)
        self._survey(address_of(request))
        with if_(request.is_undone != 0):
            mov(request.list, try_(self.lists.get(), Errno.ENOMEM))
        task = scratch(self.processes.current())
        mov(eax, task.process_number)
        mov(request.process, eax)
        result = self.sets.operate(id, address_of(request), task.credentials, deadline)
        ret(result)

    @function
    def _survey(self, request: Ptr[SemaphoreRequest]) -> None:
        """Note what there is to know of all operations of `request`."""
        operation, left = scratch(request.operations), scratch(request.count)
        mov(request.highest, 0)
        mov(request.is_change, 0)
        mov(request.is_undone, 0)
        mov(request.blocking, 0)
        with while_(left != 0):
            movzx(eax, operation.number)
            with if_(eax > request.highest):
                mov(request.highest, eax)
            with if_(operation.change != 0):
                mov(request.is_change, 1)
            with if_(operation.flags & SemaphoreFlag.UNDO):
                mov(request.is_undone, 1)
            add(u64(operation), sizeof(SemaphoreOperation))
            dec(left)

    # Control

    @function(context="thread", sleeps=True)
    def semctl(self, id: Untrusted[U32], number: U32, command: U32, argument: U64) -> OrErrno[I64]:
        """Do what `command` says with the set `id`, or with its semaphore `number`."""
        fail_if(i32(id) < 0, Errno.EINVAL)
        with switch(command):
            with case(IpcCommand.INFORMATION, SemaphoreCommand.INFORMATION):
                tail(self._inform, command, cast(argument, User[U8]))
            with case(
                IpcCommand.STATUS,
                SemaphoreCommand.STATUS_BY_INDEX,
                SemaphoreCommand.STATUS_OF_ANY,
            ):
                tail(self._describe, command, id, cast(argument, User[U8]))
            with case(
                SemaphoreCommand.GET_VALUE,
                SemaphoreCommand.GET_PROCESS,
                SemaphoreCommand.COUNT_INCREASE,
                SemaphoreCommand.COUNT_ZERO,
            ):
                task = self.processes.current()
                tail(self.control.read, command, id, number, task.credentials)
            with case(SemaphoreCommand.GET_ALL):
                tail(self._get_all, id, cast(argument, User[U8]))
            with case(SemaphoreCommand.SET_ALL):
                tail(self._set_all, id, cast(argument, User[U8]))
            with case(SemaphoreCommand.SET_VALUE):
                tail(self._set_value, id, number, u32(argument))
            with case(IpcCommand.SET):
                tail(self._set_owner, id, cast(argument, User[U8]))
            with case(IpcCommand.REMOVE):
                task = self.processes.current()
                tail(self.control.remove, id, task.credentials)
        ret(-Errno.EINVAL)

    @function(context="thread", sleeps=True)
    def _inform(self, command: U32, target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store what there may be at `target`, or what there is."""
        information, result = local(SemaphoreInformation), keep(I64)
        mov(result, self.control.inform(address_of(information), command))
        size = sizeof(SemaphoreInformation)
        self.copy.copy_out_all(target, address_of(information), size)
        ret(result)

    @function(context="thread", sleeps=True)
    def _describe(self, command: U32, id: U32, target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store what there is to know of a set at `target`."""
        status, result = local(SemaphoreStatus), keep(I64)
        task = self.processes.current()
        mov(
            result,
            try_(self.control.describe(command, id, task.credentials, address_of(status))),
        )
        self.copy.copy_out_all(target, address_of(status), sizeof(SemaphoreStatus))
        ret(result)

    @function(context="thread", sleeps=True)
    def _set_value(self, id: U32, number: U32, value: U32) -> OrErrno[I64]:
        """Set a semaphore."""
        task = self.processes.current()
        tail(self.control.set_value, id, number, i32(value), task.process_number, task.credentials)

    @function(context="thread", sleeps=True)
    def _set_owner(self, id: Keep[U32], source: Fetched[User[U8]]) -> OrErrno[I64]:
        """Give the set `id` the owner and the permissions at `source`."""
        status = local(SemaphoreStatus)
        self.copy.copy_in_all(address_of(status), source, sizeof(SemaphoreStatus))
        task = self.processes.current()
        result = self.control.set_owner(id, task.credentials, address_of(status.permission))
        ret(result)

    # All values of a set

    @function(context="thread", sleeps=True)
    def _get_all(self, id: Keep[U32], target: Keep[User[U8]]) -> OrErrno[I64]:
        """Store all values of the set `id` at `target`."""
        values, size, result = keep(U64), keep(U64), keep(I64)
        task = self.processes.current()
        mov(size, u64(try_(self.control.count(id, IpcAccess.READ, task.credentials))))
        fail_if(size > MOST_IN_SET, Errno.EINVAL)
        add(size, size)
        mov(values, try_(self.heap.allocate(size), Errno.ENOMEM))
        mov(result, self.control.read_all(id, cast(values, Ptr[U16])))
        with if_(result == 0):
            failed, left = self.copy.copy_out(target, values, size)
            ignore(left)
            with if_(failed != 0):
                mov(result, -Errno.EFAULT)
        self.heap.free(values)
        ret(result)

    @function(context="thread", sleeps=True)
    def _set_all(self, id: Keep[U32], source: Keep[Fetched[User[U8]]]) -> OrErrno[I64]:
        """Set all semaphores of the set `id` to what is at `source`."""
        values, count, result = keep(U64), keep(U64), keep(I64)
        task = self.processes.current()
        mov(count, u64(try_(self.control.count(id, IpcAccess.WRITE, task.credentials))))
        fail_if(count > MOST_IN_SET, Errno.EINVAL)
        lea(rdi, bare[count * sizeof(U16)])
        mov(values, try_(self.heap.allocate(rdi), Errno.ENOMEM))
        mov(result, self._take_values(cast(values, Ptr[U16]), source, count))
        with if_(result == 0):
            task = self.processes.current()
            number = task.process_number
            mov(result, self.control.set_all(id, cast(values, Ptr[U16]), number))
        self.heap.free(values)
        ret(result)

    @function(context="thread", sleeps=True)
    def _take_values(
        self, values: Keep[Ptr[U16]], source: Fetched[User[U8]], count: Keep[U64]
    ) -> OrErrno[I64]:
        """Copy `count` values, no more than a set has, from `source` to `values`. Returns 0,
        -EFAULT or -ERANGE."""
        fail_if(count > MOST_IN_SET, Errno.EINVAL)
        lea(rdx, bare[count * sizeof(U16)])
        self.copy.copy_in_all(u64(values), source, rdx)
        with for_(scratch(U64), 0, count) as index:
            movzx(eax, values[index])
            fail_if(eax > MOST_VALUE, Errno.ERANGE)
        ret(0)
