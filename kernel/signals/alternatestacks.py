"""Stacks of their own for handlers."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.signals.signaltarget import AlternateStack, SignalTarget, StackFlag
from pykasm import *

MIN_SIZE = 2048
"""Bytes that such a stack has at least (Linux: MINSIGSTKSZ)."""


class AlternateStacks(Subsystem):
    """Notes where the stacks of threads lie, and whether they are on them (sigaltstack(2)).
    Context: thread, the one that it is about."""

    @function
    def is_on(self, target: Ptr[SignalTarget], rsp: U64) -> Bool:
        """Return whether `rsp` is on the stack of `target`. One that is disabled while a handler
        runs there is as if it never were (SS_AUTODISARM)."""
        with if_(target.stack.flags & StackFlag.AUTO_DISARM):
            ret(False)
        tail(self.holds, target, rsp)

    @function
    def holds(self, target: Ptr[SignalTarget], rsp: U64) -> Bool:
        """Return whether `rsp` lies in the stack of `target`, or right above it."""
        mov(rax, rsp)
        sub(rax, target.stack.base)
        with if_(CF | ZF):
            ret(False)
        ret(rax <= target.stack.size)

    @function
    def get(
        self, target: Keep[Ptr[SignalTarget]], rsp: U64, stack: Keep[Ptr[AlternateStack]]
    ) -> None:
        """Fill in `stack` as the program whose stack pointer is `rsp` sees that of
        `target`."""
        mov(rax, target.stack.base)
        mov(stack.base, rax)
        mov(rax, target.stack.size)
        mov(stack.size, rax)
        mov(eax, target.stack.flags)
        and_(eax, StackFlag.AUTO_DISARM)
        mov(u64(stack.flags), rax)  # and what pads it
        with if_(target.stack.size == 0):
            or_(stack.flags, StackFlag.DISABLE)
            ret()
        with if_(self.is_on(target, rsp)):
            or_(stack.flags, StackFlag.ON_STACK)

    @function
    def set(
        self, target: Keep[Ptr[SignalTarget]], rsp: U64, stack: Keep[Ptr[AlternateStack]]
    ) -> OrErrno[I32]:
        """Make `stack` that of `target`, whose program's stack pointer is `rsp`. Returns 0; -EPERM
        while the program is on the stack that it has, -EINVAL for unknown flags, -ENOMEM if the new
        one is too small."""
        fail_if(self.is_on(target, rsp), Errno.EPERM)
        mode = scratch(stack.flags)
        btr(mode, int(StackFlag.AUTO_DISARM).bit_length() - 1)
        fail_if(mode > StackFlag.DISABLE, Errno.EINVAL)
        mov(ecx, stack.flags)
        with if_(mode == StackFlag.DISABLE):
            mov(target.stack.base, 0)
            mov(target.stack.size, 0)
            mov(target.stack.flags, ecx)
            ret(0)
        fail_if(stack.size < MIN_SIZE, Errno.ENOMEM)
        mov(target.stack.flags, ecx)
        mov(rax, stack.base)
        mov(target.stack.base, rax)
        mov(rax, stack.size)
        mov(target.stack.size, rax)
        ret(0)

    @function
    def disarm(self, target: Ptr[SignalTarget]) -> None:
        """Disable the stack of `target` as a handler begins that wants it so (SS_AUTODISARM)."""
        mov(target.stack.base, 0)
        mov(target.stack.size, 0)
        mov(target.stack.flags, StackFlag.DISABLE)
