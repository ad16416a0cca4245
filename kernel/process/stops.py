"""Processes that are stopped."""

from __future__ import annotations

from kernel.process.orphans import Orphans
from kernel.process.parentreports import ParentReports
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.task import Task
from kernel.sched.thread import KILLABLE
from kernel.sched.waiting import FOREVER, Waiting, WaitResult
from kernel.signals.signalgroup import SignalGroup
from pykasm import *


class Stops(Subsystem):
    """Keeps the threads of stopped processes from their programs, and tells of it. Context:
    thread."""

    def __init__(
        self, processes: Processes, reports: ParentReports, orphans: Orphans, waiting: Waiting
    ) -> None:
        self.processes = processes
        self.orphans = orphans
        self.reports = reports
        self.waiting = waiting

    @function(context="thread", sleeps=True)
    def rest(self, task: Keep[Ptr[Task]]) -> None:
        """Come to rest, if the process of `task`, the one that runs, is stopped, until it goes on
        or the task is killed."""
        group, stops, number = keep(task.group), keep(U32), keep(U32)
        xor(number, number)
        with group.lock.held():
            mov(stops, group.stops)
            with if_(group.stop_signal == 0):
                # Any number but that of now ends the wait in `_sleep`
                dec(stops)  # it goes on already
            with else_():
                dec(group.moving)
                # The last one tells, once all rest: a parent that was told may look at their
                # registers
                with if_(ZF):
                    mov(number, group.stop_signal)
        with if_(number != 0):
            self.tell_stop(scratch(task.process), number)
        self._sleep(group, stops)
        self._tell_continuation(task)

    @function(context="thread", sleeps=True)
    def _sleep(self, group: Keep[Ptr[SignalGroup]], stops: Keep[U32]) -> None:
        """Sleep until `group` goes on, whose `SignalGroup.stops` is another number then, or until
        this thread is killed."""
        with group.resumed.lock.held(), while_(group.stops == stops):
            waited = self.waiting.wait_until(address_of(group.resumed), FOREVER, KILLABLE)
            break_if(waited != WaitResult.WOKEN)

    @function(context="thread")
    def tell_stop(self, process: Keep[Ptr[Process]], number: Keep[U32]) -> None:
        """Tell the parent of `process`, all of whose threads rest, that the signal `number` has
        stopped it."""
        with self.processes.lock.held():
            self.reports.tell_stop(process, number)

    @function(context="thread")
    def look_after(self, task: Keep[Ptr[Task]]) -> None:
        """Note whether the group of `task`, which the terminal may stop now, is orphaned."""
        process, group = keep(task.process), keep(task.group)
        with self.processes.lock.held():
            is_orphaned = self.orphans.is_orphaned(process.group, self.processes.init)
            mov(group.orphaned, is_orphaned)

    @function(context="thread")
    def _tell_continuation(self, task: Keep[Ptr[Task]]) -> None:
        """Tell the parent of the process of `task` that it goes on, if nobody has told yet."""
        group, process, told = scratch(task.group), keep(task.process), keep(U32)
        xor(told, told)
        with group.lock.held():
            xchg(group.goes_on, told)
        # Taken in one step, so that one of all threads tells
        with if_(told != 0), self.processes.lock.held():
            self.reports.tell_continuation(process)
