"""System calls about terminals."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.process.jobcontrol import JobControl
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.tty.terminal import Terminal
from kernel.tty.terminals import Terminals
from pykasm import *


class TerminalCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(self, terminals: Terminals, jobs: JobControl, processes: Processes) -> None:
        self.terminals = terminals
        self.jobs = jobs
        self.processes = processes

    @function(context="thread")
    def vhangup(self) -> OrErrno[I64]:
        """Hang up the terminal that controls the session, if there is one."""
        task = scratch(self.processes.current())
        credentials = scratch(task.credentials)
        fail_if((credentials.effective & (1 << CapabilityBit.SYS_TTY_CONFIG)) == 0, Errno.EPERM)
        job = keep(self.jobs.gain_current())
        with if_(job != 0):
            self.terminals.hang_up(container_of(scratch(job), Terminal, "job"), 0)
            self.terminals.drop(job)
        ret(0)
