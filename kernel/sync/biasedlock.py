"""Locks whose readers mostly write to nothing that other processors write to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kernel.processors.processors import Processors
from kernel.sync.rwlock import ReadWriteLock, ReadWriteLocks
from pykasm import *


class BiasedLock(ReadWriteLock):
    """The holders of the lock, but for quick readers, whom `Processor.reads` tells."""


class BiasedLocks(Subsystem):
    """Operations on `BiasedLock`: a lock for reading and writing that may also be read quickly, by
    who does not sleep meanwhile and so needs no place in the lock itself (Dice and Kogan, BRAVO:
    Biased Locking for Reader-Writer Locks, 2019).

    A quick reader notes the lock in the record of its processor, and then looks for a writer; a
    writer who has got the lock looks into all records, and waits until none has it. Whichever of
    both comes first, the other one sees it. Context: thread, without spin locks.
    """

    def __init__(self, locks: ReadWriteLocks, processors: Processors) -> None:
        self.locks = locks
        self.processors = processors

    # Reading

    @function(context="thread", tries="biased")
    def try_read(self, biased: Ptr[BiasedLock]) -> Bool:
        """Lock `biased` for reading unless there is a writer. Return whether this is done. The
        thread stays on its processor until `end_reading`, and reads no other such lock."""
        mov(rax, biased)
        xchg(self.processors.own.reads, rax)  # orders it before the look at `writers`
        asserts(rax == 0)
        with if_(biased.writers != 0):
            mov(self.processors.own.reads, 0)
            ret(False)
        ret(True)

    @function(context="thread", unlocks="biased", clobbers=())
    def end_reading(self, biased: Ptr[BiasedLock]) -> None:
        """Unlock `biased` after `try_read`."""
        mov(self.processors.own.reads, 0)

    @inline(changes=CALLER_SAVED)
    @contextmanager
    def read_held(self, biased: BiasedLock) -> Iterator[None]:
        """Hold `biased` for reading in the block, which may sleep and ends at its end only."""
        with self.locks.read_held(biased):
            yield

    # Writing

    @inline(changes=CALLER_SAVED)
    @contextmanager
    def write_held(self, biased: BiasedLock) -> Iterator[None]:
        """Hold `biased` for writing in the block, which may sleep and ends at its end only."""
        with self.locks.write_held(biased):
            self._await_readers(address_of(biased))
            yield

    @function(context="thread", sleeps=True)
    def _await_readers(self, biased: Ptr[BiasedLock]) -> None:
        """Wait until no processor reads `biased` quickly. None begins to: there is a writer."""
        with if_(self.processors.count <= 1):  # its readers are not preempted
            ret()
        mfence()  # others have to see the writer before what they read is looked at
        with self.processors.each(scratch) as processor, while_(processor.reads == biased):
            pause()
