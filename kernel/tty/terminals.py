"""The lives of terminals, and what ends their use."""

from __future__ import annotations

from kernel.process.jobcontrol import JobControl
from kernel.process.session import ControllingTerminal
from kernel.sync.pollqueue import ANYTHING
from kernel.sync.pollqueues import PollQueues
from kernel.tty.terminal import Terminal
from pykasm import *


class Terminals(Subsystem):
    """Lets go of terminals, and hangs them up. Context: thread."""

    def __init__(self, jobs: JobControl, queues: PollQueues) -> None:
        self.jobs = jobs
        self.queues = queues

    @function(context="thread")
    def drop(self, job: Owned[Ptr[ControllingTerminal]]) -> None:
        """Drop a reference to the terminal with this `job`."""
        with if_(job.references.drop()):
            tail(self.free, job)

    @function(context="thread")
    def free(self, job: Owned[Ptr[ControllingTerminal]]) -> None:
        """Free the terminal with this `job`, which nobody has any more."""
        disown(job, "its driver has it")
        terminal = container_of(job, Terminal, "job")
        driver = scratch(terminal.driver)
        take_over(terminal, "the driver frees it")
        driver.free(terminal)

    @function(context="thread")
    def hang_up(self, terminal: Keep[Ptr[Terminal]], is_gone: U32) -> None:
        """Take `terminal` from all who have it open, and from its session; with `is_gone`, for
        good (vhangup(2))."""
        mov(edx, is_gone)
        # First: who has it open and looks from here on finds it hung up, and who waits is woken
        # after it
        lock.inc(terminal.hangups)
        self.jobs.hang_up(address_of(terminal.job), edx)
        self.queues.announce(address_of(terminal.queue), ANYTHING)
        self.queues.announce(address_of(terminal.typist), ANYTHING)
