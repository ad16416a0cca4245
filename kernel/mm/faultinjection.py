"""Allocations that fail on purpose."""

from __future__ import annotations

from kernel.cpu.stack import STACK_SIZE
from pykasm import *

REACH = STACK_SIZE // 2
"""Bytes of the stack below where a shortage begins that are certainly the same thread's."""


class FaultInjection(Subsystem):
    """Lets an allocation of pages or of an object fail, in debug builds, as if memory were out.

    Who wants to see what callers make of that begins a shortage, and does something that allocates.
    Only its own thread's allocations count, which are known by the stack. One thread at a time.
    """

    left = bss(U64)
    """Allocations up to the one that fails, that included; 0: none fails."""
    stack = bss(U64)
    """Where the thread's stack ended when the shortage began."""

    @function
    def begin(self, number: U64) -> None:
        """Let the allocation with this `number`, counted from 1, fail. The caller does not return
        before it ends the shortage."""
        mov(self.stack, rsp)
        mov(self.left, number)

    @function
    def end(self) -> U32:
        """Let no allocation fail; 1 if one did."""
        xor(eax, eax)
        with if_(self.left == 0):
            inc(eax)
        mov(self.left, 0)
        ret(eax)

    def may_strike(self) -> None:
        """Emit code, at the start of a function that allocates, that lets it give 0 if it is its
        turn to fail. Changes rax."""
        if debugging():
            with if_(self.left != 0), if_(self.strikes() != 0):
                ret(0)

    @function(clobbers=(rax,))
    def strikes(self) -> U32:
        """Count an allocation; 1 if it is to fail."""
        mov(rax, self.stack)
        sub(rax, rsp)
        with if_(rax >= REACH):
            ret(0)
        dec(self.left)
        with if_(~ZF):
            ret(0)
        ret(1)
