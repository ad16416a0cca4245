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
    def disarm(self) -> U32:
        """Make no allocation fail. Returns 1 if one did, else 0."""
        xor(eax, eax)
        with if_(self.countdown == 0):
            inc(eax)
        mov(self.countdown, 0)
        ret(eax)

    def inject(self) -> None:
        """Emit code, at the start of a function that allocates, that returns 0 if the allocation is
        to fail. Changes rax."""
        if debugging():
            with if_(self.countdown != 0), if_(self._should_fail() != 0):
                ret(0)

    @function(clobbers=(rax,))
    def _should_fail(self) -> U32:
        """Count an allocation. Returns 1 if it is to fail, else 0."""
        mov(rax, self.stack_pointer)
        sub(rax, rsp)
        with if_(rax >= REACH):  # another thread's, or an interrupt's on a stack of its own
            ret(0)
        dec(self.countdown)
        with if_(~ZF):
            ret(0)
        ret(1)
