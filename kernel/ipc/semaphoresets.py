"""Making, finding and removing sets of semaphores, and waiting for them."""

from __future__ import annotations

from kernel.clock.units import Nanoseconds
from kernel.debug.leakcheck import LeakChecks, leak_check
from kernel.errno import Errno
from kernel.fs.credentials import Credentials
from kernel.ipc.ipcobject import IpcAccess, IpcFlag, IpcObject
from kernel.ipc.ipctable import IpcTable
from kernel.ipc.ipctables import IpcTables
from kernel.ipc.semaphoreattempts import SemaphoreAttempts
from kernel.ipc.semaphoreset import (
    MOST_IN_ALL,
    MOST_IN_SET,
    MOST_SETS,
    PENDING,
    SemaphoreRequest,
    SemaphoreSet,
    SemaphoreUndo,
    SetSemaphore,
    UndoList,
)
from kernel.ipc.semaphoreundos import SemaphoreUndos
from kernel.mm.heap import Heap
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import INTERRUPTIBLE
from kernel.sched.waiting import Waiting, WaitResult
from kernel.sync.mutex import Mutexes
from pykasm import *


class SemaphoreSets(LeakChecks):
    """What semget(2), semop(2) and the end of processes do. Context: thread.

    Who has to wait leaves its request with the set. Whoever changes a semaphore tries the requests
    in the order in which they came, and does what can be done then in the place of who waits, so
    that nobody is overtaken by one who asks for the same later.
    """

    table = data(IpcTable, IpcTable(most=MOST_SETS))
    semaphores = bss(U64)
    """Of all sets; the table's lock guards it."""

    def __init__(
        self,
        tables: IpcTables,
        attempts: SemaphoreAttempts,
        undos: SemaphoreUndos,
        mutexes: Mutexes,
        waiting: Waiting,
        scheduler: Scheduler,
        heap: Heap,
    ) -> None:
        self.tables = tables
        self.attempts = attempts
        self.undos = undos
        self.mutexes = mutexes
        self.waiting = waiting
        self.scheduler = scheduler
        self.heap = heap
        self.leak_checks = [leak_check("semaphore sets", self.used_count)]

    @function
    def used_count(self) -> U64:
        """Return the number of sets."""
        mov(eax, self.table.count)
        ret(rax)

    # Making

    @function(context="thread", sleeps=True)
    def get(
        self,
        key: Keep[U32],
        count: Keep[U32],
        flags: Keep[U32],
        credentials: Keep[Ptr[Credentials]],
    ) -> OrErrno[I64]:
        """Return the id of the set that `key` leads to, by `IpcFlag`s and permissions; one of
        `count` semaphores that is made, where there is none or for no key. Returns -EINVAL,
        -ENOENT, -EEXIST, -EACCES, -ENOSPC or -ENOMEM."""
        result = keep(I64)
        fail_if(count > MOST_IN_SET, Errno.EINVAL)
        with self.mutexes.held(self.table.lock):
            found = self.tables.find_key(address_of(self.table), key)
            with if_(found != 0):
                mov(
                    result,
                    self._check_found(cast(found, Ptr[SemaphoreSet]), count, flags, credentials),
                )
            with elif_((key != 0) & ((flags & IpcFlag.CREATE) == 0)):
                mov(result, -Errno.ENOENT)
            with else_():
                mov(result, self._create(key, count, flags, credentials))
        ret(result)

    @function(holds="table.lock")
    def _check_found(
        self, set: Ptr[SemaphoreSet], count: U32, flags: U32, credentials: Ptr[Credentials]
    ) -> OrErrno[I64]:
        """Decide who gets `set`. Returns what `IpcTables.check_found` does; -EINVAL if it has less
        than `count` semaphores."""
        mov(eax, flags)
        and_(eax, IpcFlag.CREATE | IpcFlag.EXCLUSIVE)
        with if_(eax != int(IpcFlag.CREATE | IpcFlag.EXCLUSIVE)):
            # Else it is -EEXIST, whatever its size
            fail_if(count > set.count, Errno.EINVAL)
        tail(self.tables.check_found, cast(set, Ptr[IpcObject]), flags, credentials)

    @function(holds="table.lock")
    def _create(
        self,
        key: Keep[U32],
        count: Keep[U32],
        flags: Keep[U32],
        credentials: Keep[Ptr[Credentials]],
    ) -> OrErrno[I64]:
        """Make a set. Returns its id, -EINVAL, -ENOSPC or -ENOMEM."""
        fail_if(count == 0, Errno.EINVAL)
        mov(eax, count)
        add(rax, self.semaphores)
        fail_if(rax > MOST_IN_ALL, Errno.ENOSPC)
        set = keep(try_(self._allocate(count), Errno.ENOMEM))
        errdefer(self._free, set)
        self.tables.set_owner(set, flags, credentials)
        result = try_(self.tables.enter(address_of(self.table), set, key))
        disown(set, "the table has it")
        mov(ecx, count)
        add(self.semaphores, rcx)
        ret(result)

    @function
    def _allocate(self, count: Keep[U32]) -> Owned[OrNull[Ptr[SemaphoreSet]]]:
        """Return a set of `count` semaphores, all 0, or null without memory."""
        mov(eax, count)
        lea(rdi, bare[rax * sizeof(SetSemaphore) + sizeof(SemaphoreSet)])
        set = scratch(cast(try_(self.heap.allocate(rdi)), Ptr[SemaphoreSet]))
        mov(rdx, set)
        mov(rdi, set)
        mov(ecx, count)
        lea(rcx, bare[rcx + sizeof(SemaphoreSet) // sizeof(U64)])
        xor(eax, eax)
        rep.stosq()
        made = scratch(cast(rdx, Ptr[SemaphoreSet]))
        mov(made.count, count)
        made.requests.reset()
        made.undos.reset()
        ret(made)

    @function
    def _free(self, set: Owned[Ptr[SemaphoreSet]]) -> None:
        """Free the memory of a set."""
        self.heap.free(u64(set))

    @function(holds="table.lock")
    def find(self, id: U32) -> OrNull[Ptr[SemaphoreSet]]:
        """Return the set with this id, or null."""
        ret(cast(self.tables.find(address_of(self.table), id), Ptr[SemaphoreSet]))

    # Removing

    @function(holds="table.lock")
    def remove(self, set: Keep[Ptr[SemaphoreSet]]) -> None:
        """Remove `set`. Who waits for it is told."""
        with set.requests.each_removable(SemaphoreRequest, "link") as request:
            self._finish(request, -Errno.EIDRM)
        with set.undos.each_removable(SemaphoreUndo, "of_set") as undo:
            self.undos.remove(undo)
        mov(eax, set.count)
        sub(self.semaphores, rax)
        self.tables.remove(address_of(self.table), set)
        take_over(set, "the table had it")
        self._free(set)

    # Operations

    @function(context="thread", sleeps=True)
    def operate(
        self,
        id: Keep[U32],
        request: Keep[Ptr[SemaphoreRequest]],
        credentials: Keep[Ptr[Credentials]],
        deadline: Keep[Nanoseconds],
    ) -> OrErrno[I64]:
        """Do what is asked for in `request` with the set `id`, as soon as it can be done. Returns
        0; -EINVAL or -EIDRM without the set, -EFBIG without one of the semaphores, -EACCES,
        -ERANGE, -ENOMEM; -EAGAIN if it must not wait, or not longer than to `deadline`; -EINTR."""
        result = keep(I32)
        with self.mutexes.held(self.table.lock):
            mov(result, self._begin(id, request, credentials))
        self.scheduler.preempt_if_due()
        with if_(result == PENDING):
            mov(result, self._sleep(request, deadline))
        movsxd(rax, result)
        ret(rax)

    @function(holds="table.lock")
    def _begin(
        self, id: U32, request: Keep[Ptr[SemaphoreRequest]], credentials: Keep[Ptr[Credentials]]
    ) -> OrErrno[I32]:
        """Try what is asked for, or leave it with the set, PENDING. Returns what `operate` does, or
        PENDING."""
        set = keep(try_(self.find(id), Errno.EINVAL))
        mov(eax, request.highest)
        fail_if(eax >= set.count, Errno.EFBIG)
        wanted = scratch(U32)
        mov(wanted, IpcAccess.READ)
        with if_(request.is_change != 0):
            mov(wanted, IpcAccess.WRITE)
        fail_if(self.tables.check(set, wanted, credentials) != 0, Errno.EACCES)
        mov(request.undo, 0)
        with if_(request.is_undone != 0):
            list = scratch(request.list)
            asserts(list != 0)  # it was made for this
            mov(request.undo, try_(self.undos.get(list, set), Errno.ENOMEM))
        result = self.attempts.attempt(set, request)
        with if_(result == 0):
            # The record for what is undone is there first: an attempt that succeeds can't fail any
            # more
            tail(self._complete, set, request)
        with if_(result == PENDING):
            tail(self._enqueue, set, request)
        ret(result)

    @function(holds="table.lock")
    def _complete(
        self, set: Keep[Ptr[SemaphoreSet]], request: Keep[Ptr[SemaphoreRequest]]
    ) -> OrErrno[I32]:
        """Note that `request` was done. Returns 0."""
        mov(set.operated, self.tables.seconds())
        # Who only waits for zero lets nobody go on
        with if_(request.is_change != 0):
            self.retry(set)
        ret(0)

    @function(holds="table.lock")
    def _enqueue(self, set: Ptr[SemaphoreSet], request: Ptr[SemaphoreRequest]) -> OrErrno[I32]:
        """Leave `request` with `set`. Returns PENDING."""
        set, link = scratch(set), scratch(address_of(request.link))
        with unshared(request):
            request.queue.prepare()
            mov(request.news, PENDING)
        set.requests.append(link)
        ret(PENDING)

    @function(context="thread", sleeps=True)
    def _sleep(
        self, request: Keep[Ptr[SemaphoreRequest]], deadline: Keep[Nanoseconds]
    ) -> OrErrno[I32]:
        """Wait until `request`, which is with its set, was done. Returns what `operate` does."""
        result, news = keep(I32), keep(I32)
        xor(result, result)
        with (
            request.queue.lock.held(),
            while_((request.news == PENDING) & (result == WaitResult.WOKEN)),
        ):
            mov(result, self.waiting.wait_until(address_of(request.queue), deadline, INTERRUPTIBLE))
        with self.mutexes.held(self.table.lock):
            mov(news, request.news)
            with if_(news == PENDING):
                # Only under the lock is it certain that nobody is about to finish it
                request.link.unlink()
        with if_(news != PENDING):
            ignore(result, "the news came first")
            ret(news)
        with if_(result == WaitResult.TIMED_OUT):
            ret(-Errno.EAGAIN)
        ret(-Errno.EINTR)

    @function(holds="table.lock")
    def retry(self, set: Keep[Ptr[SemaphoreSet]]) -> None:
        """Do what has waited and can be done now, those that came first first, after values of
        `set` have changed."""
        changed = keep(U32)
        with loop():
            xor(changed, changed)
            with set.requests.each_removable(SemaphoreRequest, "link") as request:
                result = scratch(self.attempts.attempt(set, request))
                with if_(result != PENDING):
                    with if_(result == 0):
                        or_(changed, request.is_change)
                    self._finish(request, result)
                    # From the start: one that came before may be possible now
                    break_if(changed != 0)
            break_if(changed == 0)

    @function(holds="table.lock")
    def _finish(self, request: Keep[Ptr[SemaphoreRequest]], result: Keep[I32]) -> None:
        """Take `request` out of its set, and let its thread return `result`; what `request` lies in
        may be gone then."""
        request.link.unlink()
        with request.queue.lock.held():
            mov(request.news, result)
            self.waiting.wake_all(address_of(request.queue))

    # The end of processes

    @function(context="thread", sleeps=True)
    def leave(self, list: Keep[Owned[Ptr[UndoList]]], process: Keep[U32]) -> None:
        """Drop a reference of a thread of `process` to `list`; with the last one, undo what is
        noted there."""
        with if_(list.references.drop()):
            self._undo(list, process)
            self.undos.free(list)

    @function(context="thread", sleeps=True)
    def _undo(self, list: Keep[Ptr[UndoList]], process: Keep[U32]) -> None:
        """Undo what is noted in `list`, which nobody has any more."""
        set = keep(Ptr[SemaphoreSet])
        with (
            self.mutexes.held(self.table.lock),
            list.undos.each_removable(SemaphoreUndo, "of_list") as undo,
        ):
            mov(set, undo.set)
            self.undos.apply(undo, process)
            self.undos.remove(undo)
            mov(set.operated, self.tables.seconds())
            self.retry(set)
        self.scheduler.preempt_if_due()
