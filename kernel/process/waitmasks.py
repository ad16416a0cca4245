"""What signals are blocked while a call waits."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.process.processes import Processes
from kernel.signals.signalmasks import SignalMasks
from kernel.vm.usercopy import UserCopy
from pykasm import *

SET_SIZE = 8
"""Bytes of a set of signals."""


class WaitMasks(Subsystem):
    """Blocks other signals until a call is over, as `ppoll` and its like do. Context: thread."""

    def __init__(self, processes: Processes, masks: SignalMasks, copy: UserCopy) -> None:
        self.processes = processes
        self.masks = masks
        self.copy = copy

    @function(context="thread", sleeps=True)
    def block(self, mask: Fetched[User[U8]], size: U64) -> OrErrno[I64]:
        """Block the set of signals at `mask`, if that is not null, until the call is over. Returns
        0, -EINVAL or -EFAULT."""
        wanted = local(U64)
        with if_(u64(mask) == 0):
            ret(0)
        fail_if(size != SET_SIZE, Errno.EINVAL)
        self.copy.copy_in_all(address_of(wanted), mask, SET_SIZE)
        task = scratch(self.processes.current())
        mov(rax, task.mask)
        mov(task.saved_mask, rax)
        mov(task.has_saved_mask, 1)
        self.masks.set(task, wanted)
        ret(0)
