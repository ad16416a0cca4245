"""The system calls, by their numbers."""

from kernel.errno import Errno
from kernel.process.processcalls import ProcessCalls
from pykasm import *


class SystemCallHandler(Fn[..., OrErrno[I64]], context="thread"):
    """What a system call does. Its parameters are the program's registers, as far as it needs any;
    its result is what the program gets in rax."""


CALLS = 512
"""How many numbers the table has room for."""


class SystemCalls(Subsystem):
    """What each number does, by the numbers of Linux (arch/x86/entry/syscalls/syscall_64.tbl)."""

    def __init__(self, process: ProcessCalls) -> None:
        rows = {
            39: process.getpid,
            60: process.exit,
            158: process.arch_prctl,
            186: process.gettid,
            218: process.set_tid_address,
            231: process.exit_group,
        }
        self.handlers = rodata(
            SystemCallHandler * CALLS, [rows.get(number, self.missing) for number in range(CALLS)]
        )

    @function(context="thread")
    def missing(self) -> OrErrno[I64]:
        """Do nothing: there is no such call."""
        ret(-Errno.ENOSYS)
