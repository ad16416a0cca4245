"""Reading what people type."""

from __future__ import annotations

from kernel.locks.waitqueue import WaitQueue
from kernel.sched.scheduler import Scheduler
from kernel.sched.waiting import Waiting
from kernel.terminal.source import LOW, InputSource
from pykasm import *


class Input(Subsystem):
    """All sources as one. One thread reads."""

    sources = bss(Ptr[InputSource])
    """A list, the latest first. Sources stay for ever."""

    def __init__(self, scheduler: Scheduler, waiting: Waiting) -> None:
        self.scheduler = scheduler
        self.waiting = waiting
        self.queue = bss(WaitQueue)
        """Where the reader waits."""

    @function
    def add(self, source: Ptr[InputSource]) -> None:
        """Read from `source` too. Context: one at a time; the reader may be reading."""
        mov(rax, self.sources)
        mov(source.next, rax)
        mov(self.sources, source)

    @function(context="thread", sleeps=True)
    def read(self) -> U8:
        """Wait for a byte. Context: the one thread that reads, interrupts on."""
        source, byte = keep(Ptr[InputSource]), keep(U8)
        with self.queue.lock.held(), loop():
            mov(source, self.find())
            break_if(source != 0)
            self.waiting.wait(address_of(self.queue))
        source.queue.take(byte)
        self.let_go_on(source)
        ret(byte)

    @function
    def notify(self) -> None:
        """Wake the reader. Sources call this when they have appended something; any context.

        What they append is in their queue before the lock is taken, under which the reader looks
        before it waits, so it misses nothing.
        """
        with self.queue.lock.held():
            self.waiting.wake_all(address_of(self.queue))
        self.scheduler.preempt_if_due()

    @function
    def find(self) -> Ptr[InputSource]:
        """A source that has a byte, or null."""
        source = scratch(self.sources)
        with while_(source != 0):
            source.queue.count(al)
            break_if(al != 0)
            mov(source, source.next)
        ret(source)

    @function
    def let_go_on(self, source: Ptr[InputSource]) -> None:
        """Let the device go on if it was stopped and enough was read."""
        source.queue.count(al)
        with if_(al > LOW):
            ret()
        xor(eax, eax)
        xchg(source.stopped, eax)
        with if_(eax != 0):
            source.resume(source)
