"""Looking at semaphores, and setting them."""

from __future__ import annotations

from enum import IntEnum

from kernel.errno import Errno
from kernel.fs.credentials import Credentials
from kernel.ipc.ipcobject import IpcAccess, IpcObject
from kernel.ipc.ipcpermission import IpcPermission
from kernel.ipc.ipctables import IpcTables
from kernel.ipc.semaphoreset import (
    MOST_IN_ALL,
    MOST_IN_SET,
    MOST_OPERATIONS,
    MOST_SETS,
    MOST_VALUE,
    SemaphoreOperation,
    SemaphoreRequest,
    SemaphoreSet,
)
from kernel.ipc.semaphoresets import SemaphoreSets
from kernel.ipc.semaphorestatus import SemaphoreInformation, SemaphoreStatus
from kernel.sched.scheduler import Scheduler
from kernel.sync.mutex import Mutexes
from pykasm import *

UNDO_SIZE = 20
"""What Linux says that a record of what is undone takes (include/uapi/linux/sem.h, SEMUSZ)."""


class SemaphoreCommand(IntEnum):
    """What `semctl` does (include/uapi/linux/sem.h)."""

    GET_PROCESS = 11
    GET_VALUE = 12
    GET_ALL = 13
    COUNT_INCREASE = 14
    COUNT_ZERO = 15
    SET_VALUE = 16
    SET_ALL = 17
    STATUS_BY_INDEX = 18
    INFORMATION = 19
    STATUS_OF_ANY = 20


class SemaphoreControl(Subsystem):
    """What semctl(2) does, but for copying. Context: thread."""

    def __init__(
        self, sets: SemaphoreSets, tables: IpcTables, mutexes: Mutexes, scheduler: Scheduler
    ) -> None:
        self.sets = sets
        self.tables = tables
        self.mutexes = mutexes
        self.scheduler = scheduler

    # All of it

    @function(context="thread", sleeps=True)
    def inform(self, target: Keep[Ptr[SemaphoreInformation]], command: Keep[U32]) -> I64:
        """Fill in what there may be, and by the `command` INFORMATION what there is. Returns the
        highest index of a set."""
        result = keep(I64)
        for name, value in (
            ("map_size", MOST_IN_ALL),
            ("most_sets", MOST_SETS),
            ("most_in_all", MOST_IN_ALL),
            ("most_undos", MOST_IN_ALL),
            ("most_in_set", MOST_IN_SET),
            ("most_operations", MOST_OPERATIONS),
            ("most_of_undo", MOST_OPERATIONS),
            ("undo_size", UNDO_SIZE),
            ("most_value", MOST_VALUE),
            ("most_adjustment", MOST_VALUE),
        ):
            mov(getattr(target, name), value)
        with self.mutexes.held(self.sets.table.lock):
            # Linux keeps what there is in fields that mean something else (semctl(2), SEM_INFO)
            with if_(command == SemaphoreCommand.INFORMATION):
                mov(eax, self.sets.table.count)
                mov(target.undo_size, eax)
                mov(rax, self.sets.semaphores)
                mov(target.most_adjustment, eax)
            mov(result, self.tables.last_index(address_of(self.sets.table)))
        ret(result)

    @function(context="thread", sleeps=True)
    def describe(
        self,
        command: Keep[U32],
        id: Keep[U32],
        credentials: Keep[Ptr[Credentials]],
        target: Keep[Ptr[SemaphoreStatus]],
    ) -> OrErrno[I64]:
        """Fill in what is told of a set, which `id` or by another `command` an index leads to.
        Returns 0, or for an index the id; -EINVAL or -EACCES."""
        result = keep(I64)
        with self.mutexes.held(self.sets.table.lock):
            mov(result, self._describe(command, id, credentials, target))
        ret(result)

    @function(holds="sets.table.lock")
    def _describe(
        self,
        command: Keep[U32],
        id: Keep[U32],
        credentials: Keep[Ptr[Credentials]],
        target: Keep[Ptr[SemaphoreStatus]],
    ) -> OrErrno[I64]:
        """Do what `describe` does."""
        found = keep(OrNull[Ptr[IpcObject]])
        self.tables.find_for_status(
            found, self.sets.table, command, SemaphoreCommand, id, credentials
        )
        set = cast(found, Ptr[SemaphoreSet])
        zero(target)
        self.tables.describe(set, address_of(target.permission))
        copy_fields(target, set, "operated", "changed")
        mov(eax, set.count)
        mov(target.count, rax)
        with if_(command >= SemaphoreCommand.STATUS_BY_INDEX):
            mov(eax, set.id)
            ret(rax)
        ret(0)

    # Changes of the whole

    @function(context="thread", sleeps=True)
    def set_owner(
        self, id: Keep[U32], credentials: Keep[Ptr[Credentials]], wanted: Keep[Ptr[IpcPermission]]
    ) -> OrErrno[I64]:
        """Give the set `id` another owner and other permissions. Returns 0, -EINVAL or -EPERM."""
        result = keep(I64)
        with self.mutexes.held(self.sets.table.lock):
            mov(result, self._find_own(id, credentials))
            with if_(result == 0):
                set = self.sets.find(id)
                asserts(set != 0)  # it was found a moment ago
                mov(result, self.tables.change(set, wanted))
        ret(result)

    @function(context="thread", sleeps=True)
    def remove(self, id: Keep[U32], credentials: Keep[Ptr[Credentials]]) -> OrErrno[I64]:
        """Remove the set `id`. Returns 0, -EINVAL or -EPERM."""
        result = keep(I64)
        with self.mutexes.held(self.sets.table.lock):
            mov(result, self._find_own(id, credentials))
            with if_(result == 0):
                set = self.sets.find(id)
                asserts(set != 0)
                self.sets.remove(set)
        self.scheduler.preempt_if_due()
        ret(result)

    @function(holds="sets.table.lock")
    def _find_own(self, id: U32, credentials: Keep[Ptr[Credentials]]) -> OrErrno[I64]:
        """Return 0 if who has `credentials` may change or remove the set `id`; -EINVAL or
        -EPERM."""
        set = try_(self.sets.find(id), Errno.EINVAL)
        tail(self.tables.check_owner, set, credentials)

    # One semaphore

    @function(context="thread", sleeps=True)
    def read(
        self,
        command: Keep[U32],
        id: Keep[U32],
        number: Keep[U32],
        credentials: Keep[Ptr[Credentials]],
    ) -> OrErrno[I64]:
        """Return what a `command` asks of a semaphore; -EINVAL or -EACCES."""
        result = keep(I64)
        with self.mutexes.held(self.sets.table.lock):
            mov(result, self._read(command, id, number, credentials))
        ret(result)

    @function(holds="sets.table.lock")
    def _read(
        self, command: Keep[U32], id: U32, number: Keep[U32], credentials: Ptr[Credentials]
    ) -> OrErrno[I64]:
        """Do what `read` does."""
        credentials = keep(credentials)
        set = keep(try_(self.sets.find(id), Errno.EINVAL))
        try_(self.tables.check(set, IpcAccess.READ, credentials))
        fail_if(number >= set.count, Errno.EINVAL)
        index = scratch(U64)
        mov(u32(index), number)
        with switch(command):
            with case(SemaphoreCommand.GET_VALUE):
                mov(eax, u32(set.semaphores[index].value))
                ret(rax)
            with case(SemaphoreCommand.GET_PROCESS):
                mov(eax, set.semaphores[index].process)
                ret(rax)
        tail(self._count_waiting, set, number, command)

    @function(holds="sets.table.lock")
    def _count_waiting(self, set: Ptr[SemaphoreSet], number: U32, command: U32) -> OrErrno[I64]:
        """Return how many requests can't be done for the value of the semaphore `number`: because
        it is too small, or for COUNT_ZERO because it is not 0."""
        set, counted, wanted = scratch(set), scratch(U64), scratch(U32)
        xor(wanted, wanted)
        cmp(command, SemaphoreCommand.COUNT_ZERO)
        sete(u8(wanted))
        release(command)
        xor(u32(counted), u32(counted))
        # Each waits for one of its operations, the first that can't be done
        with set.requests.each(SemaphoreRequest, "link", place=scratch) as request:
            mov(eax, request.blocking)
            imul(rax, rax, sizeof(SemaphoreOperation))
            add(rax, request.operations)
            operation = cast(rax, Ptr[SemaphoreOperation])
            movzx(ecx, operation.number)
            movsx(edx, operation.change)
            with if_(ecx == number):
                with if_((edx == 0) & (wanted != 0)):
                    inc(counted)
                with if_((i32(edx) < 0) & (wanted == 0)):
                    inc(counted)
        ret(i64(counted))

    @function(context="thread", sleeps=True)
    def set_value(
        self,
        id: Keep[U32],
        number: Keep[U32],
        value: Keep[I32],
        process: Keep[U32],
        credentials: Ptr[Credentials],
    ) -> OrErrno[I64]:
        """Set a semaphore to `value`, for a `process`. Returns 0, -ERANGE, -EINVAL or -EACCES."""
        credentials, result = keep(credentials), local(I64)
        # Before the set is looked for, as with Linux
        fail_if((value < 0) | (value > MOST_VALUE), Errno.ERANGE)
        with self.mutexes.held(self.sets.table.lock):
            mov(result, self._may_set(id, number, credentials))
            with if_(result == 0):
                # The lock was not released since it was found
                self._set_value(self.sets.find(id), number, value, process)
        self.scheduler.preempt_if_due()
        ret(result)

    @function(holds="sets.table.lock")
    def _may_set(
        self, id: U32, number: Keep[U32], credentials: Keep[Ptr[Credentials]]
    ) -> OrErrno[I64]:
        """Return 0 if who has `credentials` may set a semaphore, which there is; -EINVAL or
        -EACCES."""
        set = keep(try_(self.sets.find(id), Errno.EINVAL))
        fail_if(number >= set.count, Errno.EINVAL)
        tail(self.tables.check, set, IpcAccess.WRITE, credentials)

    @function(holds="sets.table.lock")
    def _set_value(
        self, set: Keep[OrNull[Ptr[SemaphoreSet]]], number: U32, value: I32, process: U32
    ) -> None:
        """Do what `set_value` does with `set`, which was found a moment ago."""
        asserts(set != 0)
        index = scratch(U64)
        mov(u32(index), number)
        with if_(u32(index) < set.count):
            mov(set.semaphores[index].value, value)
            mov(set.semaphores[index].process, process)
            # What was noted is about a value that is gone (semctl(2), SETVAL)
            self.sets.undos.forget(set, index)
            self._complete(set)

    @function(holds="sets.table.lock")
    def _complete(self, set: Keep[Ptr[SemaphoreSet]]) -> None:
        """Note that values of `set` were set, and do what can be done then."""
        mov(set.changed, self.tables.seconds())
        tail(self.sets.retry, set)

    # All semaphores

    @function(context="thread", sleeps=True)
    def count(
        self, id: Keep[U32], wanted: Keep[U32], credentials: Keep[Ptr[Credentials]]
    ) -> OrErrno[I64]:
        """Return how many semaphores the set `id` has, for who wants to do that with all of them;
        -EINVAL or -EACCES."""
        result = keep(I64)
        with self.mutexes.held(self.sets.table.lock):
            mov(result, self._count(id, wanted, credentials))
        ret(result)

    @function(holds="sets.table.lock")
    def _count(
        self, id: U32, wanted: Keep[U32], credentials: Keep[Ptr[Credentials]]
    ) -> OrErrno[I64]:
        """Do what `count` does."""
        set = keep(try_(self.sets.find(id), Errno.EINVAL))
        try_(self.tables.check(set, wanted, credentials))
        mov(eax, set.count)
        ret(rax)

    @function(context="thread", sleeps=True)
    def read_all(self, id: Keep[U32], values: Keep[Ptr[U16]]) -> OrErrno[I64]:
        """Write all values of the set `id`, whose number is known, to `values`. Returns 0; -EIDRM
        if it was removed meanwhile."""
        result = keep(I64)
        # The number of values was read before, without the lock held until now
        mov(result, -Errno.EIDRM)
        with self.mutexes.held(self.sets.table.lock):
            set = scratch(self.sets.find(id))
            with if_(set != 0):
                xor(u32(result), u32(result))
                with for_(scratch(U32), 0, set.count) as index:
                    mov(eax, u32(set.semaphores[index].value))
                    mov(values[index], ax)
        ret(result)

    @function(context="thread", sleeps=True)
    def set_all(self, id: Keep[U32], values: Keep[Ptr[U16]], process: Keep[U32]) -> OrErrno[I64]:
        """Set all semaphores of the set `id`, whose number is known, to `values`, for a `process`.
        Returns 0; -EIDRM if it was removed meanwhile."""
        result = keep(I64)
        mov(result, -Errno.EIDRM)
        with self.mutexes.held(self.sets.table.lock):
            set = keep(self.sets.find(id))
            with if_(set != 0):
                xor(u32(result), u32(result))
                self._set_all(set, values, process)
        self.scheduler.preempt_if_due()
        ret(result)

    @function(holds="sets.table.lock")
    def _set_all(
        self, set: Keep[Ptr[SemaphoreSet]], values: Keep[Ptr[U16]], process: Keep[U32]
    ) -> None:
        """Do what `set_all` does."""
        with for_(keep(U32), 0, set.count) as number:
            index = scratch(U64)
            mov(u32(index), number)
            movzx(eax, values[index])
            mov(set.semaphores[index].value, i32(eax))
            mov(set.semaphores[index].process, process)
            self.sets.undos.forget(set, index)
        tail(self._complete, set)
