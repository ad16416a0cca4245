"""Allocations that fail on purpose."""

from __future__ import annotations

from kernel.cpu.stack import STACK_SIZE
from pykasm import *

REACH = STACK_SIZE // 2
"""Bytes of stack below the caller of `arm` that are certainly the same thread's."""


class FaultInjection(Subsystem):
    """Makes one allocation of pages or of an object fail, in debug builds, as if memory were out;
    what Linux calls failslab.

    A test arms it and does something that allocates, to see what callers make of the failure. Only
    its own thread's allocations count, which are known by the stack. One thread at a time.
    """

    countdown = bss(U64)
    """Allocations up to the one that fails, that included; 0: none fails."""
    stack_pointer = bss(U64)
    """Where the thread's stack ended when it armed this."""

    @function
    def arm(self, number: U64) -> None:
        """Make the allocation with this `number`, counted from 1, fail. The caller does not return
        before it calls `disarm`."""
        mov(self.stack_pointer, rsp)
        mov(self.countdown, number)

    @function
    def disarm(self) -> Bool:
        """Make no allocation fail. Returns whether one did."""
        left = scratch(self.countdown)
        mov(self.countdown, 0)
        ret(left == 0)

    @inline(changes=rax)
    def inject(self) -> None:
        """Return 0 from the function that begins with this, which allocates, if the allocation is
        to fail."""
        if debugging():
            with if_(self.countdown != 0), if_(self._should_fail()):
                ret(0)

    @function(clobbers=(rax,))
    def _should_fail(self) -> Bool:
        """Count an allocation. Returns whether it is to fail."""
        mov(rax, self.stack_pointer)
        sub(rax, rsp)
        fail_if(rax >= REACH)  # another thread's, or an interrupt's on a stack of its own
        dec(self.countdown)
        ret(ZF)
