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
    one thread's allocations count, which are known by the stack. One thread at a time.
    """

    countdown = bss(U64)
    """Allocations up to the one that fails, that included; 0: none fails."""
    stack_pointer = bss(U64)
    """Where the thread's stack ended when it armed this."""

    @function
    def arm(self, number: U64) -> None:
        """Make the allocation with this `number`, counted from 1, fail. The caller does not return
        before it calls `disarm`."""
        tail(self.arm_below, number, rsp)

    @function
    def arm_below(self, number: U64, stack_pointer: U64) -> None:
        """Do what `arm` does for allocations by the thread whose stack `stack_pointer` is in, as
        long as that is deeper than there."""
        mov(self.stack_pointer, stack_pointer)
        mov(self.countdown, number)

    @function
    def pause(self, stack_pointer: U64) -> U64:
        """Make no allocation of the thread that was armed with `stack_pointer` fail, if one was.
        Returns what `go_on` needs."""
        left = scratch(U64)
        xor(u32(left), u32(left))
        with if_(self.stack_pointer == stack_pointer):
            xchg(self.countdown, left)
        ret(left)

    @function
    def go_on(self, left: U64) -> None:
        """Undo what `pause` did, which returned `left`."""
        with if_(left != 0):
            mov(self.countdown, left)

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
