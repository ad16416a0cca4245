"""The locks of inodes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.fs.inode import Inode
from kernel.sync.mutex import Mutex, Mutexes
from pykasm import *


class InodeLocks(Subsystem):
    """Holds `Inode.lock`: of one, or of several in an order. Context: thread."""

    def __init__(self, mutexes: Mutexes) -> None:
        self.mutexes = mutexes

    @inline(changes=CALLER_SAVED)
    @contextmanager
    def held(self, inode: Ptr[Inode]) -> Iterator[None]:
        """Hold the lock of `inode` in the block, which may sleep and ends at its end only."""
        with self.mutexes.held(inode.lock):
            yield

    @inline(changes=CALLER_SAVED)
    @contextmanager
    def child_held(self, inode: Ptr[Inode]) -> Iterator[None]:
        """Do what `held` does, for what lies in a directory whose lock is held already."""
        taking(inode.lock, rank="child", sleeps=True)
        self.mutexes.lock(self._lock_of(inode))
        yield
        self.mutexes.unlock(self._lock_of(inode))
        releasing(inode.lock, rank="child")

    @inline(changes=CALLER_SAVED)
    @contextmanager
    def second_held(self, inode: Ptr[Inode]) -> Iterator[None]:
        """Do what `held` does, for the second of two directories."""
        taking(inode.lock, rank="second", sleeps=True)
        self.mutexes.lock(self._lock_of(inode))
        yield
        self.mutexes.unlock(self._lock_of(inode))
        releasing(inode.lock, rank="second")

    @inline(changes=rdi)
    def _lock_of(self, inode: Ptr[Inode]) -> Ptr[Mutex]:
        """Return the address of the lock, of which the checker is told apart."""
        lea(rdi, inode.lock)
        return cast(rdi, Ptr[Mutex])
