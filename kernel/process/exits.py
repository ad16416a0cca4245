"""How threads of programs end, and programs with them."""

from __future__ import annotations

from typing import NoReturn

from kernel.cpu.interruptflag import interrupts_disabled
from kernel.mm.slabs import SlabCache, Slabs
from kernel.process.filestates import FileStates
from kernel.process.process import Process, ProcessState
from kernel.process.processes import Processes
from kernel.process.processids import ProcessIds
from kernel.process.task import Task
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import Interruption
from kernel.sched.waiting import Waiting
from kernel.threads.threads import Threads
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from pykasm import *


class Exits(Subsystem):
    """Ends tasks and processes. A process ends when its last task does."""

    def __init__(
        self,
        scheduler: Scheduler,
        threads: Threads,
        waiting: Waiting,
        spaces: AddressSpaces,
        processes: Processes,
        ids: ProcessIds,
        file_states: FileStates,
        slabs: Slabs,
    ) -> None:
        self.scheduler = scheduler
        self.threads = threads
        self.waiting = waiting
        self.spaces = spaces
        self.processes = processes
        self.ids = ids
        self.file_states = file_states
        self.records = SlabCache(slabs, "task", Task)

    @function(context="thread", sleeps=True)
    def exit_process(self, status: U32) -> NoReturn:
        """End the process that runs, with `status` as `wait4` gives it, unless it is ending
        already: then it keeps the status that it has."""
        self._kill_tasks(status)
        tail(self.exit_task, 0)
        never()

    @function(context="thread")
    def _kill_tasks(self, status: Keep[U32]) -> None:
        """Have all tasks of the process that runs end as soon as they would go on with their
        program."""
        process = keep(self.processes.current().process)
        with process.lock.held(), if_(process.state == ProcessState.ALIVE):
            mov(process.state, ProcessState.EXITING)
            mov(process.exit_status, status)
            with process.tasks.each(Task, "sibling") as task:
                self.waiting.interrupt(task.thread, Interruption.KILL)

    @function(context="thread", sleeps=True)
    def exit_task(self, status: Keep[U32]) -> NoReturn:
        """End the task that runs. If it is the last of a process that nobody has ended, that ends
        with `status`, as `wait4` gives it."""
        task = keep(self.processes.current())
        self.file_states.end(task)
        with if_(self.spaces.leave()):
            process, space = scratch(task.process), scratch(Ptr[AddressSpace])
            xor(u32(space), u32(space))
            xchg(process.space, space)
            self.spaces.destroy(space)
        self._leave_process(task, status)
        with interrupts_disabled():  # a switch would save the bases in the task
            thread = scratch(self.scheduler.current)
            mov(thread.user, 0)
        self.records.free(task)
        self.threads.detach(self.scheduler.current)
        tail(self.threads.exit)
        never()

    @function(context="thread")
    def _leave_process(self, task: Keep[Ptr[Task]], status: Keep[U32]) -> None:
        """Take `task`, which has left its space, out of its process; the process has ended if it
        was the last. Nothing of the process is touched afterwards: who waits for it may free it."""
        process = keep(task.process)
        mov(eax, task.number)
        with if_(eax != process.number):
            self.ids.free(eax)
        with process.ended.lock.held():
            with process.lock.held_interrupts_off():
                task.sibling.unlink()
                with if_(process.tasks.is_empty()):
                    with if_(process.state == ProcessState.ALIVE):
                        mov(process.exit_status, status)
                    mov(process.state, ProcessState.ZOMBIE)
            with if_(process.state == ProcessState.ZOMBIE):
                self.waiting.wake_all(address_of(process.ended))

    @function(context="thread", sleeps=True)
    def wait(self, process: Keep[Ptr[Process]]) -> U32:
        """Wait until `process` has ended; its status, as `wait4` gives it."""
        with process.ended.lock.held(), while_(process.state != ProcessState.ZOMBIE):
            self.waiting.wait(address_of(process.ended))
        ret(process.exit_status)
