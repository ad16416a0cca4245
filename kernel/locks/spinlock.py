"""A lock for short stretches of code, taken by waiting in a loop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pykasm import *
from pykasm.errors import FlowMistake
from pykasm.lang.builder import current
from pykasm.lang.routinebuilder import Exit
from pykasm.source import Moment


class SpinLock(Struct):
    """A ticket lock: processors get it in the order in which they asked. Zero is a free one.

    Interrupts are off while it is held, so that no handler on the same processor can wait for it.
    It is a datum, `bss(SpinLock)`, or a field of the struct that it guards.
    (Mellor-Crummey and Scott, Algorithms for Scalable Synchronization, 1991, 2.2.)
    """

    next_ticket: U16
    now_serving: U16

    @inline
    @contextmanager
    def held(self, *, rank: str = "") -> Iterator[None]:
        """Hold the lock in the block, which ends at its end only. Uses a scratch register.

        `rank` tells it from a lock of another object of the same type that is held, too.
        """
        flags = local(U64)
        pushfq()  # the state before, as the caller may have interrupts off already
        pop(flags)
        cli()  # before the ticket is taken: a handler that waits here would wait for ever
        with self._held(rank, called_at()):
            yield
        push(flags)
        popfq()

    @inline
    @contextmanager
    def held_interrupts_off(self, *, rank: str = "") -> Iterator[None]:
        """Hold the lock in the block, where interrupts are off already: see `held`."""
        with self._held(rank, called_at()):
            yield

    @inline
    @contextmanager
    def _held(self, rank: str, moment: Moment) -> Iterator[None]:
        code = current("held").items
        start = len(code)
        self._acquire(rank, moment)
        yield
        if any(isinstance(item, Exit) for item in code[start:]):
            raise FlowMistake(
                "the function is left while it holds a lock",
                expected="`ret` and `tail` after the block",
                got="one of them inside",
                span=moment.span,
            )
        self._release(rank, moment)

    @inline
    def acquire(self, *, rank: str = "") -> None:
        """Wait for the lock, where interrupts are off already. Uses a scratch register.

        For functions that leave it held, which say so by `acquires=`; others use a block.
        """
        self._acquire(rank, called_at())

    @inline
    def _acquire(self, rank: str, moment: Moment) -> None:
        if watch := lock_watch():
            watch.before_taking(self, rank, moment.source)
        ticket = scratch(U16)
        mov(ticket, 1)
        taking(self, rank=rank, interrupts_off=True)
        lock.xadd(self.next_ticket, ticket)
        with while_(ticket != self.now_serving):
            pause()  # leaves the cache line, and a sibling thread, the time to change it
        release(ticket)

    @inline
    def release(self, *, rank: str = "") -> None:
        """Release the lock to the next ticket."""
        self._release(rank, called_at())

    @inline
    def _release(self, rank: str, moment: Moment) -> None:
        if watch := lock_watch():
            watch.before_releasing(self, rank, moment.source)
        releasing(self, rank=rank)
        inc(self.now_serving)  # only the holder writes it, and x86 keeps stores in order

    @inline
    def break_open(self) -> None:
        """Take the lock from whoever holds it, for a panic: the holder must never run again."""
        if watch := lock_watch():
            watch.before_breaking()
        latest = scratch(U16)
        mov(latest, self.next_ticket)
        breaking_open(self)
        mov(self.now_serving, latest)
        release(latest)
