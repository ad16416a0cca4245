"""Operations on semaphores, all at once or none."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.ipc.semaphoreset import (
    MOST_VALUE,
    PENDING,
    SemaphoreFlag,
    SemaphoreOperation,
    SemaphoreRequest,
    SemaphoreSet,
)
from pykasm import *


class SemaphoreAttempts(Subsystem):
    """Tries what somebody asks for. Context: thread, with the lock of `SemaphoreSets`."""

    @function
    def attempt(
        self, set: Keep[Ptr[SemaphoreSet]], request: Keep[Ptr[SemaphoreRequest]]
    ) -> OrErrno[I32]:
        """Do what is asked for, unless some of it can't be done: then nothing is changed. Returns
        0; PENDING if it has to wait, with `blocking` set, or -EAGAIN if it must not; -ERANGE for
        values that are too large."""
        done, operation, result = keep(U64), keep(request.operations), keep(I32)
        xor(u32(done), u32(done))
        with loop():
            mov(result, self._do(set, request, operation))
            break_if(result != 0)
            add(u64(operation), sizeof(SemaphoreOperation))
            inc(done)
            break_if(done == request.count)
        with if_(result == 0):
            self._note_process(set, request)
            ret(0)
        mov(request.blocking, u32(done))
        with while_(done != 0):
            dec(done)
            sub(u64(operation), sizeof(SemaphoreOperation))
            self._take_back(set, request, operation)
        ret(result)

    @function
    def _do(
        self,
        set: Ptr[SemaphoreSet],
        request: Ptr[SemaphoreRequest],
        operation: Ptr[SemaphoreOperation],
    ) -> OrErrno[I32]:
        """Do one operation. Returns what `attempt` does."""
        number, value, change = scratch(U64), scratch(I32), scratch(I32)
        movzx(u32(number), operation.number)
        movsx(change, operation.change)
        mov(value, set.semaphores[number].value)
        with if_((change == 0) & (value != 0)):
            tail(self._block, operation)
        add(value, change)
        with if_(value < 0):
            tail(self._block, operation)
        fail_if(value > MOST_VALUE, Errno.ERANGE)
        # Adjustments first, as they may be out of range, and then nothing has changed
        with if_(operation.flags & SemaphoreFlag.UNDO):
            undo = scratch(request.undo)
            asserts(undo != 0)  # it was made for this
            movsx(eax, undo.adjustments[number])
            sub(eax, change)
            fail_if((i32(eax) < -MOST_VALUE - 1) | (i32(eax) > MOST_VALUE), Errno.ERANGE)
            mov(undo.adjustments[number], ax)
        mov(set.semaphores[number].value, value)
        ret(0)

    @function
    def _block(self, operation: Ptr[SemaphoreOperation]) -> OrErrno[I32]:
        """Return what becomes of a request whose `operation` can't be done yet."""
        fail_if(operation.flags & SemaphoreFlag.NO_WAIT, Errno.EAGAIN)
        ret(PENDING)

    @function
    def _take_back(
        self,
        set: Ptr[SemaphoreSet],
        request: Ptr[SemaphoreRequest],
        operation: Ptr[SemaphoreOperation],
    ) -> None:
        """Undo an operation that was done."""
        number = scratch(U64)
        movzx(u32(number), operation.number)
        movsx(eax, operation.change)
        # What was done was in range, and so is what was before
        sub(set.semaphores[number].value, eax)
        with if_(operation.flags & SemaphoreFlag.UNDO):
            undo = scratch(request.undo)
            asserts(undo != 0)
            add(undo.adjustments[number], ax)

    @function
    def _note_process(self, set: Ptr[SemaphoreSet], request: Ptr[SemaphoreRequest]) -> None:
        """Note who has operated on the semaphores of `request`."""
        operation, left, number = scratch(request.operations), scratch(request.count), scratch(U64)
        mov(eax, request.process)
        with while_(left != 0):
            movzx(u32(number), operation.number)
            mov(set.semaphores[number].process, eax)
            add(u64(operation), sizeof(SemaphoreOperation))
            dec(left)
