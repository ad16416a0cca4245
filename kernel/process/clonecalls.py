"""System calls that make processes and threads."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.process.cloneflag import EXIT_SIGNAL_MASK, FIRST_SIZE, CloneArguments, CloneFlag
from kernel.process.clones import Clones
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.signals.signalnumber import SIGNALS, Signal
from kernel.vm.structcopy import StructCopy
from pykasm import *


class CloneCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(self, clones: Clones, structs: StructCopy) -> None:
        self.clones = clones
        self.structs = structs

    @function(context="thread", sleeps=True)
    def fork(self) -> OrErrno[I64]:
        """Make a process."""
        tail(self._make, Signal.SIGCHLD)

    @function(context="thread", sleeps=True)
    def vfork(self) -> OrErrno[I64]:
        """Make a process that uses this one's memory; wait until it does not any more."""
        tail(self._make, CloneFlag.VFORK | CloneFlag.VM | Signal.SIGCHLD)

    @function(context="thread", sleeps=True)
    def _make(self, flags: U64) -> OrErrno[I64]:
        """Do what `clone` does with these flags alone."""
        tail(self.clone, flags, 0, 0, 0, 0)

    @function(context="thread", sleeps=True)
    def clone(
        self,
        flags: Untrusted[U64],
        stack: Untrusted[U64],
        parent_tid: User[U32],
        child_tid: User[U32],
        tls: Untrusted[U64],
    ) -> OrErrno[I64]:
        """Make a process or a thread, whose program goes on with `stack`."""
        arguments = local(CloneArguments)
        for name, value in (
            ("stack", stack),
            ("pidfd", parent_tid),  # whatever the flags ask for
            ("parent_tid", parent_tid),
            ("child_tid", child_tid),
            ("tls", tls),
        ):
            mov(getattr(arguments, name), value)
        mov(arguments.stack_size, 0)
        mov(eax, u32(flags))
        and_(eax, EXIT_SIGNAL_MASK)
        mov(arguments.exit_signal, rax)
        mov(eax, u32(flags))  # the old call takes no more bits, and ignores one of them
        and_(eax, 0xFFFF_FFFF & ~EXIT_SIGNAL_MASK)
        with if_((eax & CloneFlag.PIDFD) == 0):
            and_(eax, 0xFFFF_FFFF & ~CloneFlag.DETACHED)
        mov(arguments.flags, rax)
        result = self.clones.clone(address_of(arguments))
        ret(result)

    @function(context="thread", sleeps=True)
    def clone3(self, source: Fetched[User[U8]], size: Untrusted[U64]) -> OrErrno[I64]:
        """Make a process or a thread as the `CloneArguments` at `source`, of `size` bytes, say."""
        arguments = local(CloneArguments)
        fail_if(size < FIRST_SIZE, Errno.EINVAL)
        try_(self.structs.copy_in(address_of(arguments), sizeof(CloneArguments), source, size))
        try_(self._check(address_of(arguments)))
        result = self.clones.clone(address_of(arguments))
        ret(result)

    @function
    def _check(self, arguments: Ptr[CloneArguments]) -> OrErrno[I64]:
        """Return 0 if `arguments`, those of `clone3`, are as it wants them, else -EINVAL."""
        flags, bad = scratch(arguments.flags), scratch(U64)
        mov(bad, (1 << 64) - (CloneFlag.INTO_CGROUP << 1) | EXIT_SIGNAL_MASK | CloneFlag.DETACHED)
        fail_if(flags & bad, Errno.EINVAL)
        fail_if(arguments.exit_signal > SIGNALS, Errno.EINVAL)
        with if_((flags & (CloneFlag.THREAD | CloneFlag.PARENT)) != 0):
            fail_if(arguments.exit_signal != 0, Errno.EINVAL)
        fail_if((arguments.stack == 0) & (arguments.stack_size != 0), Errno.EINVAL)
        fail_if((arguments.stack != 0) & (arguments.stack_size == 0), Errno.EINVAL)
        fail_if(arguments.set_tid_size != 0, Errno.EINVAL)
        ret(0)
