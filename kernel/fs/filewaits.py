"""Waiting until something changes with an open file."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.file import File
from kernel.fs.openflag import OpenFlag
from kernel.sched.thread import INTERRUPTIBLE
from kernel.sched.waiting import FOREVER
from kernel.sync.pollqueue import PollQueue
from kernel.sync.pollqueues import PollQueues
from pykasm import *


class FileWaits(Subsystem):
    """What calls do that can't go on. Context: thread."""

    def __init__(self, queues: PollQueues) -> None:
        self.queues = queues

    @function(context="thread", sleeps=True)
    def wait(self, file: Ptr[File], queue: Ptr[PollQueue], noted: U64) -> OrErrno[I64]:
        """Wait until the number of changes is another one than `noted`, for a call for `file`.
        Returns 0; -EAGAIN if its calls do not wait; -ERESTARTSYS."""
        fail_if(file.flags & OpenFlag.NONBLOCK, Errno.EAGAIN)
        waited = self.queues.wait(queue, noted, FOREVER, INTERRUPTIBLE)
        fail_if(waited != 0, Errno.ERESTARTSYS)
        ret(0)
