"""Threads of programs, by their numbers."""

from __future__ import annotations

from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.task import Task
from kernel.structures.tree import Trees
from pykasm import *


class TaskSearch(Subsystem):
    """Finds tasks. One that was found stays as long as the lock of its process is held. Context:
    any."""

    def __init__(self, processes: Processes, trees: Trees) -> None:
        self.processes = processes
        self.trees = trees

    @function
    def find_process(self, number: Keep[U32]) -> Owned[OrNull[Ptr[Process]]]:
        """Return a reference to the process that has the task `number`, 0 for the one that runs; or
        null."""
        own = keep(self.processes.current_process())
        with if_((number == 0) | self._has(own, number)):
            own.references.gain()
            ret(own)
        process = self.processes.find(number)  # that of a first thread
        with if_(process != 0):
            ret(process)
        tail(self._search, number)

    @function
    def _has(self, process: Keep[Ptr[Process]], number: U32) -> Bool:
        """Return whether `process` has the task `number`."""
        number, found = keep(number), keep(Bool)
        with process.lock.held():
            task = self.task_of(process, number)
            mov(found, 0)
            with if_(task != 0):
                mov(found, 1)
        ret(found)

    @function
    def _search(self, number: Keep[U32]) -> Owned[OrNull[Ptr[Process]]]:
        """Look at all processes for the task `number`."""
        key, found = keep(U64), keep(OrNull[Ptr[Process]])
        xor(u32(key), u32(key))
        xor(u32(found), u32(found))
        with self.processes.lock.held(), loop():
            node = scratch(self.trees.at_least(address_of(self.processes.all), key))
            break_if(node == 0)
            mov(key, node.key)
            inc(key)
            process = keep(container_of(node, Process, "node"))
            with if_(self._has(process, number)):
                process.references.gain()
                mov(found, process)
                break_()
        ret(found)

    @function(holds="process.lock")
    def task_of(self, process: Ptr[Process], number: U32) -> OrNull[Ptr[Task]]:
        """Return the task `number` of `process`, 0 for the one that runs, or null."""
        number = scratch(number)
        with if_(number == 0):
            ret(self.processes.current())
        with (
            process.tasks.each(Task, "sibling", place=scratch) as task,
            if_(task.number == number),
        ):
            ret(task)
        ret(0)
