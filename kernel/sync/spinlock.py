"""A lock for short stretches of code, taken by waiting in a loop."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from pykasm import *
from pykasm.errors import FlowMistake
from pykasm.lang.builder import current
from pykasm.lang.piece import Leaving
from pykasm.source import Moment, moment_of


class SpinLock(Component):
    """A ticket lock: processors get it in the order in which they asked.

    Interrupts are off while it is held, so that no handler on the same processor can wait for it.
    (Mellor-Crummey and Scott, Algorithms for Scalable Synchronization, 1991, 2.2.)
    """

    next_ticket = bss(U16)
    now_serving = bss(U16)

    def held(self) -> AbstractContextManager[None]:
        """Hold the lock in the block, which ends at its end only. Uses a scratch register."""
        return self._held(moment_of(sys._getframe(1)))

    @contextmanager
    def _held(self, moment: Moment) -> Iterator[None]:
        code = current("held").items
        start = len(code)
        flags = local(U64)
        pushfq()
        pop(flags)
        cli()
        self._take()
        yield
        if any(isinstance(item, Leaving) for item in code[start:]):
            raise FlowMistake(
                "the function is left while it holds a lock",
                expected="`ret` and `tail` after the block",
                got="one of them inside",
                span=moment.span,
            )
        releasing(self)
        inc(self.now_serving)  # only the holder writes it, and x86 keeps stores in order
        push(flags)
        popfq()

    def _take(self) -> None:
        ticket = scratch(U16)
        mov(ticket, 1)
        taking(self)
        lock.xadd(self.next_ticket, ticket)
        with while_(ticket != self.now_serving):
            pause()
        release(ticket)

    def break_open(self) -> None:
        """Take the lock from whoever holds it, for a panic: the holder must never run again."""
        latest = scratch(U16)
        mov(latest, self.next_ticket)
        breaking_open(self)
        mov(self.now_serving, latest)
        release(latest)
