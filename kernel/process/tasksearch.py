"""Finding processes by the numbers of their threads."""

from __future__ import annotations

from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.task import Task
from pykasm import *


class TaskSearch(Subsystem):
    """Finds threads by their numbers. Context: thread."""

    def __init__(self, processes: Processes) -> None:
        self.processes = processes

    @function(context="thread")
    def process_of(self, number: Keep[U32]) -> Owned[OrNull[Ptr[Process]]]:
        """Return a reference to the process that has a thread with this number, or null. Those of
        other processes than the one that runs are looked for one by one, unless they are the first
        ones of these."""
        found = keep(self.processes.find(number))
        with if_(found != 0):
            ret(found)
        with (
            self.processes.lock.held(),
            self.processes.each() as process,
            if_(self._has(process, number)),
        ):
            process.references.gain()
            mov(found, process)
            break_()
        ret(found)

    @function(context="interrupts off")
    def _has(self, process: Keep[Ptr[Process]], number: U32) -> Bool:
        """Return whether `process` has a thread with this number."""
        found = keep(Ptr[Task])
        with process.lock.held():
            mov(found, self.find(process, number))
        ret(found != 0)

    @function(holds="process.lock")
    def find(self, process: Ptr[Process], number: U32) -> OrNull[Ptr[Task]]:
        """Return the thread of `process` with this number, or null."""
        with (
            process.tasks.each(Task, "sibling", place=scratch) as task,
            if_(task.number == number),
        ):
            ret(task)
        ret(0)

    # With 0 for the one that runs

    @function(context="thread")
    def find_process(self, number: U32) -> Owned[OrNull[Ptr[Process]]]:
        """Return what `process_of` does; for 0 the process that runs."""
        with if_(number == 0):
            own = self.processes.current_process()
            own.references.gain()
            ret(own)
        tail(self.process_of, number)

    @function(holds="process.lock")
    def task_of(self, process: Ptr[Process], number: U32) -> OrNull[Ptr[Task]]:
        """Return what `find` does; for 0 the thread that runs."""
        with if_(number == 0):
            ret(self.processes.current())
        tail(self.find, process, number)
