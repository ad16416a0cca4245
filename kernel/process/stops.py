"""Processes that are stopped."""

from __future__ import annotations

from kernel.process.task import Task
from kernel.sched.thread import KILLABLE
from kernel.sched.waiting import FOREVER, Waiting, WaitResult
from pykasm import *


class Stops(Subsystem):
    """Keeps the threads of stopped processes from their programs. Context: thread."""

    def __init__(self, waiting: Waiting) -> None:
        self.waiting = waiting

    @function(context="thread", sleeps=True)
    def rest(self, task: Keep[Ptr[Task]]) -> None:
        """Come to rest, if the process of `task`, the one that runs, is stopped, until it goes on
        or the task is killed."""
        group, stops = keep(task.group), keep(U32)
        with group.lock.held():
            mov(stops, group.stops)
            with if_(group.stop_signal == 0):
                dec(stops)  # it goes on already
            with else_():
                dec(group.moving)
        with group.resumed.lock.held(), while_(group.stops == stops):
            waited = self.waiting.wait_until(address_of(group.resumed), FOREVER, KILLABLE)
            break_if(waited != WaitResult.WOKEN)
