"""Reading from all devices that people type on."""

from __future__ import annotations

from kernel.locks.waitqueue import WaitQueue
from kernel.sched.scheduler import Scheduler
from kernel.sched.waiting import Waiting
from kernel.terminal.reader import Reader
from kernel.terminal.source import LOW_WATER, InputSource
from pykasm import *


class Input(Subsystem):
    """Merge the bytes of all sources for the reader that is in front."""

    sources = bss(Ptr[InputSource])
    """A list, the latest first. Sources are never removed."""
    front = data(U32, Reader.MONITOR)
    """The `Reader` that gets what is typed; changed with the lock of `queue` held."""

    def __init__(self, scheduler: Scheduler, waiting: Waiting) -> None:
        self.scheduler = scheduler
        self.waiting = waiting
        self.queue = bss(WaitQueue)
        """The queue in which readers wait."""

    @function
    def add(self, source: Ptr[InputSource]) -> None:
        """Add `source`. Context: the first processor, while starting; the reader may be reading."""
        mov(rax, self.sources)
        mov(source.next, rax)
        mov(self.sources, source)  # last, as the reader takes no lock for the list

    @function(context="thread", sleeps=True)
    def read(self, reader: Keep[U32]) -> U8:
        """Wait until `reader` is in front and there is a byte, and return it. Context: the only
        thread that reads as this one, interrupts on."""
        source, byte = keep(Ptr[InputSource]), keep(U8)
        with self.queue.lock.held():
            with loop():
                with if_(reader == self.front):
                    mov(source, self._find_ready())
                    break_if(source != 0)
                self.waiting.wait(address_of(self.queue))
            source.queue.dequeue(byte)
        self._resume(source)
        ret(byte)

    @function(context="thread", sleeps=True)
    def await_front(self, reader: Keep[U32]) -> None:
        """Wait until `reader` is in front."""
        with self.queue.lock.held(), while_(reader != self.front):
            self.waiting.wait(address_of(self.queue))

    @function(context="any")
    def put_in_front(self, reader: Keep[U32]) -> None:
        """Give `reader` what is typed from now on, and what nobody has read yet. Context: any."""
        with self.queue.lock.held():
            mov(self.front, reader)
            self.waiting.wake_all(address_of(self.queue))
        self.scheduler.preempt_if_due()

    @function(context="any")
    def notify(self) -> None:
        """Wake the reader, after a source has enqueued bytes. Context: any.

        No wake-up is lost: the bytes are in the queue before the lock is acquired here, and the
        reader searches and begins to wait under the lock.
        """
        with self.queue.lock.held():
            self.waiting.wake_all(address_of(self.queue))
        self.scheduler.preempt_if_due()

    @function
    def _find_ready(self) -> OrNull[Ptr[InputSource]]:
        """Return a source that has a byte, or null."""
        source = scratch(self.sources)
        with while_(source != 0):
            source.queue.count(al)
            break_if(al != 0)
            mov(source, source.next)
        ret(source)

    @function
    def _resume(self, source: Ptr[InputSource]) -> None:
        """Resume the device if it is stopped and its queue is down to LOW_WATER."""
        source.queue.count(al)
        with if_(al > LOW_WATER):
            ret()
        xor(eax, eax)
        xchg(source.stopped, eax)  # a memory barrier, after the queue has been changed
        with if_(eax != 0):
            tail(source.resume, source)
