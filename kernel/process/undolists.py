"""Which tasks share what is undone when they end."""

from __future__ import annotations

from kernel.ipc.semaphoreset import UndoList
from kernel.ipc.semaphoresets import SemaphoreSets
from kernel.ipc.semaphoreundos import SemaphoreUndos
from kernel.process.cloneflag import CloneFlag
from kernel.process.task import Task
from kernel.sched.scheduler import Scheduler
from pykasm import *


class UndoLists(Subsystem):
    """Gives tasks lists of what their operations on semaphores have changed. Context: thread."""

    def __init__(self, scheduler: Scheduler, sets: SemaphoreSets, undos: SemaphoreUndos) -> None:
        self.scheduler = scheduler
        self.sets = sets
        self.undos = undos

    @function
    def get(self) -> OrNull[Ptr[UndoList]]:
        """Return the list of the task that runs, a new one if it has none; null without memory."""
        thread = scratch(self.scheduler.current)
        task = keep(cast(thread.user, Ptr[Task]))
        with if_(task.undo_list == 0):
            mov(task.undo_list, try_(self.undos.create()))
        ret(task.undo_list)

    @function
    def copy(self, task: Keep[Ptr[Task]], flags: U32) -> Bool:
        """Give `task`, a new one, the list of the one that runs, if the `CloneFlag`s say so.
        Returns whether there was memory."""
        with if_((flags & CloneFlag.SYSVSEM) == 0):
            ret(True)
        list = scratch(try_(self.get()))
        list.references.gain()
        mov(task.undo_list, list)
        ret(True)

    @function(context="thread", sleeps=True)
    def end(self, task: Ptr[Task]) -> None:
        """Take its list from `task`, and undo what is noted there, if nobody shares it."""
        list = scratch(cast(task.undo_list, OrNull[Ptr[UndoList]]))
        mov(task.undo_list, 0)
        with if_(list != 0):
            tail(self.sets.leave, list, task.process_number)
