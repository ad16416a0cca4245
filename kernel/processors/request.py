"""Something that a processor wants others to do."""

from __future__ import annotations

from pykasm import *


class Request(Struct):
    """It belongs to whoever waits until it is done, and is the first field of a struct with what
    the handler needs to know, or all that it needs."""

    handler: RequestHandler
    left: U32
    """Processors that it was given to and that have not done it yet."""

    @inline(changes=rax)
    def prepare(self, handler: RequestHandler) -> None:
        """Make a request that nobody has been given."""
        mov(rax, handler)
        mov(self.handler, rax)
        mov(self.left, 0)

    @inline
    def wait(self) -> None:
        """Wait until all have done it that it was given to."""
        with while_(self.left != 0):
            pause()


class RequestHandler(Fn[[Ptr[Request]], Void], context="interrupt"):
    """Called on each of the processors with interrupts off."""
