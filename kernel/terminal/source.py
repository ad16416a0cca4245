"""A device that people type on."""

from __future__ import annotations

from kernel.terminal.queue import ROOM, ByteQueue
from pykasm import *

Resume = Fn[[Ptr["InputSource"]], Void]
"""Called by the reader: there is room again. Context: threads, interrupts on or off."""

LOW = ROOM // 2
"""A device that was stopped is let go on when no more bytes than these wait."""


class InputSource(Struct):
    """The bytes that a device had from people and that nobody has read.

    Its handler `append`s them. Before there is no room it stops the device and says so by
    `is_stopped`, so that nothing is lost; the reader's `let_go_on` then undoes that. Both may run
    at once on two processors: each first writes its own part, `stopped` or the queue, by an
    instruction that nothing passes, and then looks at the other's, so that one of them sees both.
    """

    next: Ptr[InputSource]
    """For `Input`."""
    resume: Resume
    """Lets the device go on; null for one that is never stopped."""
    stopped: U32
    queue: ByteQueue

    def has_room(self) -> object:
        """The condition that a byte can be appended. Computes with al."""
        self.queue.count(al)
        return al != ROOM

    def is_stopped(self) -> object:
        """Say that the device is stopped; the condition that it has to stay so. Computes with
        eax."""
        mov(eax, 1)
        xchg(self.stopped, eax)
        self.queue.count(al)
        return al == ROOM
