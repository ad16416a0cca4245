"""System calls that lock files."""

from __future__ import annotations

from enum import IntFlag

from kernel.errno import Errno
from kernel.fs.filelocks import FileLock, FileLocks
from kernel.fs.files import Files
from kernel.fs.openflag import OpenFlag
from kernel.process.filecalls import FileCalls
from kernel.process.systemcallgroup import SystemCallGroup
from pykasm import *


class LockOperation(IntFlag):
    """What `flock` does (include/uapi/asm-generic/fcntl.h)."""

    SHARED = 1
    EXCLUSIVE = 2
    NONBLOCK = 4
    UNLOCK = 8


class LockCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(self, numbers: FileCalls, files: Files, locks: FileLocks) -> None:
        self.numbers = numbers
        self.files = files
        self.locks = locks

    @function(context="thread", sleeps=True)
    def flock(self, number: U32, operation: Keep[U32]) -> OrErrno[I64]:
        """Lock the whole file `number`, or unlock it."""
        waits, result = keep(U32), keep(I64)
        xor(waits, waits)
        btr(operation, int(LockOperation.NONBLOCK).bit_length() - 1)
        adc(waits, 0)
        xor(waits, 1)
        fail_if(
            (operation != LockOperation.SHARED)
            & (operation != LockOperation.EXCLUSIVE)
            & (operation != LockOperation.UNLOCK),
            Errno.EINVAL,
        )
        file = keep(try_(self.numbers.get(number), Errno.EBADF))
        mov(result, -Errno.EBADF)
        with if_((file.flags & OpenFlag.PATH) == 0), switch(operation):
            with case(LockOperation.SHARED):
                mov(result, self.locks.acquire(file, FileLock.SHARED, waits))
            with case(LockOperation.EXCLUSIVE):
                mov(result, self.locks.acquire(file, FileLock.EXCLUSIVE, waits))
            with case(LockOperation.UNLOCK):
                self.locks.release(file)
                xor(u32(result), u32(result))
        self.files.drop(file)
        ret(result)
