"""What is to be done before a program goes on."""

from __future__ import annotations

from kernel.cpu.trapframe import TrapFrame
from kernel.process.exits import Exits
from kernel.process.processes import Processes
from kernel.sched.thread import Interruption
from kernel.sched.waiting import Waiting
from pykasm import *


class UserWork(Subsystem):
    """Deals with what is pending for a thread whose program is about to go on (`Thread.pending`):
    its end, and signals."""

    def __init__(self, processes: Processes, exits: Exits, waiting: Waiting) -> None:
        self.processes = processes
        self.exits = exits
        self.waiting = waiting

    @function(context="thread", sleeps=True)
    def run(self, frame: Ptr[TrapFrame]) -> None:
        """Do it. `frame` has the registers that the program goes on with."""
        task = scratch(self.processes.current())
        thread = scratch(task.thread)
        with if_(thread.pending & Interruption.KILL):
            tail(self.exits.exit_task, 0)
        tail(self.waiting.clear, thread, Interruption.SIGNAL)
