"""Locks of whole files, which open files have."""

from __future__ import annotations

from enum import IntEnum

from kernel.errno import Errno
from kernel.fs.file import File
from kernel.locks.spinlock import SpinLock
from kernel.sched.thread import INTERRUPTIBLE
from kernel.sched.waiting import FOREVER
from kernel.sync.pollqueue import ANYTHING, PollQueue
from kernel.sync.pollqueues import PollQueues
from pykasm import *


class FileLock(IntEnum):
    """What an open file has of its file."""

    NONE = 0
    SHARED = 1
    EXCLUSIVE = 2


class FileLocks(Subsystem):
    """What `flock` does: any number of open files share the lock of an inode, or one has it alone
    (flock(2)). Context: thread."""

    released = bss(PollQueue)
    """Somebody has given one up. So few wait that one queue does for all files."""

    def __init__(self, queues: PollQueues) -> None:
        self.queues = queues
        self.lock = bss(SpinLock)
        """Guards `File.lock` and what inodes count of it."""

    @function(context="thread", sleeps=True)
    def acquire(self, file: Keep[Ptr[File]], wanted: Keep[U32], waits: Keep[U32]) -> OrErrno[I64]:
        """Get the lock that is `wanted`, a `FileLock`, in place of what `file` has, which is lost
        in any case. Returns 0; -EAGAIN if it can't be had and nobody `waits`; -ERESTARTSYS."""
        noted = keep(U64)
        with if_(self._has(file, wanted)):
            ret(0)
        self.release(file)
        with loop():
            mov(noted, self.queues.note(self.released))
            with if_(self._try(file, wanted)):
                ret(0)
            fail_if(waits == 0, Errno.EAGAIN)
            waited = self.queues.wait(address_of(self.released), noted, FOREVER, INTERRUPTIBLE)
            fail_if(waited != 0, Errno.ERESTARTSYS)

    @function
    def _has(self, file: Ptr[File], wanted: U32) -> Bool:
        """Return whether `file` has what is `wanted`."""
        kind = scratch(U32)
        with self.lock.held():
            mov(kind, file.lock)
        ret(kind == wanted)

    @function
    def _try(self, file: Ptr[File], wanted: U32) -> Bool:
        """Give `file`, which has none, the lock if that can be. Returns whether it has it."""
        inode, done = scratch(file.inode), scratch(U32)
        xor(done, done)
        with self.lock.held():
            with if_((wanted == FileLock.SHARED) & (inode.locked_alone == 0)):
                inc(inode.lock_shares)
                inc(done)
            with if_(
                (wanted == FileLock.EXCLUSIVE)
                & (inode.locked_alone == 0)
                & (inode.lock_shares == 0)
            ):
                mov(inode.locked_alone, 1)
                inc(done)
            with if_(done != 0):
                mov(file.lock, wanted)
        ret(done != 0)

    @function(context="thread")
    def release(self, file: Ptr[File]) -> None:
        """Give up what `file` has."""
        inode, kind = scratch(file.inode), keep(U32)
        with self.lock.held():
            xor(kind, kind)
            xchg(file.lock, kind)
            with if_(kind == FileLock.SHARED):
                dec(inode.lock_shares)
            with if_(kind == FileLock.EXCLUSIVE):
                mov(inode.locked_alone, 0)
        with if_(kind != FileLock.NONE):
            self.queues.announce(address_of(self.released), ANYTHING)
