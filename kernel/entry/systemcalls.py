"""The system calls, by their numbers."""

from kernel.errno import Errno
from kernel.process.exits import Exits
from kernel.process.processes import Processes
from pykasm import *


class SystemCallHandler(Fn[..., OrErrno[I64]], context="thread"):
    """What a system call does; its result is what the program gets in rax."""


CALLS = 512
"""How many numbers the table has room for."""


class SystemCalls(Subsystem):
    """What each number does, by the numbers of Linux (arch/x86/entry/syscalls/syscall_64.tbl)."""

    def __init__(self, processes: Processes, exits: Exits) -> None:
        self.processes = processes
        self.exits = exits
        rows = {39: self.getpid, 60: self.exit, 186: self.gettid, 231: self.exit_group}
        self.handlers = rodata(
            SystemCallHandler * CALLS, [rows.get(n, self.missing) for n in range(CALLS)]
        )

    @function(context="thread")
    def missing(self) -> OrErrno[I64]:
        """Do nothing: there is no such call."""
        ret(-Errno.ENOSYS)

    @function(context="thread")
    def getpid(self) -> OrErrno[I64]:
        """Return the number of the process."""
        task = self.processes.current()
        process = scratch(task.process)
        mov(eax, process.number)
        ret(rax)

    @function(context="thread")
    def gettid(self) -> OrErrno[I64]:
        """Return the number of the thread."""
        task = self.processes.current()
        mov(eax, task.number)
        ret(rax)

    @function(context="thread", sleeps=True)
    def exit(self, status: U32) -> OrErrno[I64]:
        """End the thread."""
        tail(self.exits.exit_task)

    @function(context="thread", sleeps=True)
    def exit_group(self, status: U32) -> OrErrno[I64]:
        """End the process, whose parent is told the low 8 bits of `status`."""
        movzx(eax, u8(status))
        shl(eax, 8)
        tail(self.exits.exit_process, eax)
