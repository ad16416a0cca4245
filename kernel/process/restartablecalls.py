"""The system call for parts of programs that begin again when they are interrupted."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.paging.addresses import above_user_end
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.signals.restartablesequences import RestartableSequences, SequenceArea
from pykasm import *

UNREGISTER = 1
"""The only flag (include/uapi/linux/rseq.h: RSEQ_FLAG_UNREGISTER)."""

ALIGNMENT = 32
"""That of a `SequenceArea`."""


class RestartableCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name."""

    def __init__(self, processes: Processes, sequences: RestartableSequences) -> None:
        self.processes = processes
        self.sequences = sequences

    @function(context="thread", sleeps=True)
    def rseq(self, area: Untrusted[U64], length: U32, flags: U32, signature: U32) -> OrErrno[I64]:
        """Register the `area` of this thread, where each section is given up behind `signature`; or
        unregister it. Returns -EBUSY for what is registered already, -EPERM for another
        signature."""
        task, area, length = scratch(self.processes.current()), scratch(area), scratch(length)
        with if_(flags == UNREGISTER):
            tail(self._unregister, area, length, signature)
        fail_if(flags != 0, Errno.EINVAL)
        with if_(task.sequence_area != 0):
            fail_if((area != task.sequence_area) | (length != task.sequence_length), Errno.EINVAL)
            fail_if(signature != task.sequence_signature, Errno.EPERM)
            ret(-Errno.EBUSY)
        fail_if((area & (ALIGNMENT - 1)) | (length < sizeof(SequenceArea)), Errno.EINVAL)
        end = scratch(area)
        mov(eax, length)
        add(end, rax)
        fail_if(CF | above_user_end(end), Errno.EFAULT)
        release(end)
        self.sequences.register(task, area, length, signature)
        ret(0)

    @function(context="thread", sleeps=True)
    def _unregister(self, area: Untrusted[U64], length: U32, signature: U32) -> OrErrno[I64]:
        """Unregister the area of this thread, which is registered with just these."""
        task = keep(self.processes.current())
        fail_if((task.sequence_area == 0) | (task.sequence_area != area), Errno.EINVAL)
        fail_if(length != task.sequence_length, Errno.EINVAL)
        fail_if(signature != task.sequence_signature, Errno.EPERM)
        try_(self.sequences.reset(task))
        self.sequences.forget(task)
        ret(0)
