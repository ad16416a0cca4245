"""A device that people type on."""

from __future__ import annotations

from kernel.terminal.queue import CAPACITY, ByteQueue
from pykasm import *

LOW_WATER = CAPACITY // 2
"""A stopped device is resumed when no more bytes than these are in the queue."""


class InputSource(Struct):
    """The bytes that a device has received and that have not been read.

    The device's handler enqueues them. If there is no space it stops the device and calls
    `mark_stopped`, so that nothing is lost; the reader resumes it. Both may run at once on two
    processors: each first writes its own part, `stopped` or the queue, by an instruction that is a
    memory barrier, and then reads the other's, so that at least one of them sees both.
    """

    next: Ptr[InputSource]
    """For `Input`."""
    resume: Resume
    """Resumes the device; null for one that is never stopped."""
    stopped: U32
    """Whether the device is stopped: 1 or 0."""
    queue: ByteQueue

    @inline(changes=rax)
    def has_space(self) -> Condition:
        """Return the condition that a byte can be enqueued."""
        self.queue.count(al)
        return al != CAPACITY

    @inline(changes=rax)
    def mark_stopped(self) -> Condition:
        """Note that the device is stopped; return the condition that the queue is still full, so
        that the reader will resume it."""
        mov(eax, 1)
        xchg(self.stopped, eax)  # a memory barrier, unlike mov
        self.queue.count(al)
        return al == CAPACITY


class Resume(Fn[[Ptr[InputSource]], Void], context="thread"):
    """Called by the reader to resume a stopped device, with interrupts on or off."""
