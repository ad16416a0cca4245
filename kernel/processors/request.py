"""A function that a processor has others call."""

from __future__ import annotations

from pykasm import *


class Request(Struct):
    """A handler that other processors are to call. It is
    the first field of a struct with what the handler needs, or all that it needs."""

    handler: RequestHandler
    left: U32
    """The number of processors that it was posted to and that have not handled it yet."""

    @inline(changes=rax)
    def prepare(self, handler: RequestHandler) -> None:
        """Initialize a request that is posted to nobody."""
        mov(rax, handler)
        mov(self.handler, rax)
        mov(self.left, 0)

    @inline
    def wait(self) -> None:
        """Wait until all processors that it was posted to have handled it."""
        with while_(self.left != 0):
            pause()


class RequestHandler(Fn[[Ptr[Request]], Void], context="interrupt"):
    """Called on each of the processors with interrupts off."""
