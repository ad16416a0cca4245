"""Programs that make way for others."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.exec.loadrequest import LoadRequest
from kernel.exec.programloader import ProgramLoader
from kernel.fs.filetables import FileTables
from kernel.process.dumpsettings import Dumpable, DumpSettings
from kernel.process.limits import Resource
from kernel.process.posixtimers import PosixTimers
from kernel.process.process import Process, ProcessState
from kernel.process.processes import Processes
from kernel.process.processids import ProcessIds
from kernel.process.processprograms import ProcessPrograms
from kernel.process.task import Task
from kernel.process.tasks import Tasks
from kernel.process.usages import Usages
from kernel.sched.thread import KILLABLE, Interruption
from kernel.sched.waiting import FOREVER, Waiting
from kernel.signals.restartablesequences import RestartableSequences
from kernel.signals.signalnumber import Signal
from kernel.signals.signalstates import SignalStates
from kernel.sync.pollqueue import ANYTHING
from kernel.sync.pollqueues import PollQueues
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from pykasm import *


class Execution(Subsystem):
    """Replaces the program of the process that runs. The new one is loaded into memory of its own
    first, so all that can fail has happened before anything of the old one ends. Context:
    thread."""

    def __init__(
        self,
        loader: ProgramLoader,
        processes: Processes,
        ids: ProcessIds,
        tasks: Tasks,
        tables: FileTables,
        spaces: AddressSpaces,
        queues: PollQueues,
        waiting: Waiting,
        signals: SignalStates,
        usages: Usages,
        posix_timers: PosixTimers,
        sequences: RestartableSequences,
        programs: ProcessPrograms,
        settings: DumpSettings,
    ) -> None:
        self.settings = settings
        self.programs = programs
        self.loader = loader
        self.processes = processes
        self.ids = ids
        self.tasks = tasks
        self.tables = tables
        self.spaces = spaces
        self.queues = queues
        self.waiting = waiting
        self.signals = signals
        self.usages = usages
        self.posix_timers = posix_timers
        self.sequences = sequences

    @function(context="thread", sleeps=True)
    def execute(self, request: Keep[Ptr[LoadRequest]]) -> OrErrno[I32]:
        """Load the program of `request`, and end all that belongs to the one that runs. Returns 0,
        with the task's registers at the start of the program, for `UserReturn.enter`; or an error,
        and nothing has changed."""
        space = keep(try_(self.spaces.create(), Errno.ENOMEM))
        mov(request.space, space)
        disown(space, "this thread keeps it, as soon as it is in it")
        own = scratch(self.spaces.current())
        asserts(own != 0)  # that of the program which runs
        mov(eax, own.small_pages)
        mov(space.small_pages, eax)
        release(own)
        before, result = keep(OrNull[Ptr[AddressSpace]]), keep(I32)
        mov(before, self.spaces.exchange(space))
        asserts(before != 0)  # that of the program which runs
        mov(result, self._prepare(request))
        with if_(result != 0):
            self.spaces.go_back(before)
            ret(result)
        self.usages.leave_space(self.processes.current_process(), before)
        self._show(space)
        self.spaces.drop(before)
        self._begin(request)
        ret(0)

    @function(context="thread", sleeps=True)
    def _prepare(self, request: Keep[Ptr[LoadRequest]]) -> OrErrno[I32]:
        """Do all that can fail. Returns 0 or an error."""
        try_(self.loader.load(request))
        task = keep(self.processes.current())
        files = scratch(task.files)
        with if_(files.references.count != 1):
            table = keep(try_(self.tables.clone(files), Errno.ENOMEM))
            process = scratch(task.process)
            with process.lock.held():
                xchg(task.files, table)
            self.tables.drop(table)
        try_(self._end_other_tasks())
        fail_if(~self.signals.execute(task), Errno.ENOMEM)
        ret(0)

    @function(context="thread")
    def _show(self, space: Ptr[AddressSpace]) -> None:
        """Show `space`, the memory that it has now, to those who may look into this task."""
        space = scratch(space)
        task = scratch(self.processes.current())
        process = scratch(task.process)
        with process.lock.held():
            mov(task.space, space)

    @function(context="thread", sleeps=True)
    def _begin(self, request: Keep[Ptr[LoadRequest]]) -> None:
        """Begin the program of `request`: forget all of the one before."""
        task = keep(self.processes.current())
        process = keep(task.process)
        self.tables.close_on_exec(task.files)
        self.posix_timers.delete_all(address_of(process.signals))
        self.processes.set_name(process, request.first_name)
        self.processes.name_task(task, address_of(process.name))
        self.programs.set(process, request.file)
        self._become(task, request)
        self._limit_stack(process, request.space)
        mov(task.clear_child_tid, 0)
        mov(task.robust_list, 0)
        self.sequences.forget(task)
        self.tasks.reset_registers(task, request.rip, request.rsp)
        mov(process.exit_signal, Signal.SIGCHLD)  # nobody but its maker knows of another one
        mov(process.executed, 1)
        mov(process.left_memory, 1)
        tail(self.queues.announce, address_of(process.changes), ANYTHING)

    @inline(changes=CALLER_SAVED)
    def _become(self, task: Ptr[Task], request: Ptr[LoadRequest]) -> None:
        """Exchange the credentials of `task` for those of `request`, which is the only one."""
        process = keep(task.process)
        with process.lock.held():
            mov(rax, request.credentials)
            asserts(rax != 0)  # they are known by now
            xchg(task.credentials, rax)
            mov(request.credentials, rax)
        credentials, dumpable = scratch(task.credentials), scratch(U32)
        mov(eax, credentials.user)
        mov(ecx, credentials.group)
        mov(dumpable, Dumpable.USUAL)
        with if_((eax != credentials.effective_user) | (ecx != credentials.effective_group)):
            mov(dumpable, self.settings.secure)
        mov(process.dumpable, dumpable)
        with if_(request.is_secure != 0):
            mov(task.parent_death_signal, 0)

    @inline(changes=rax)
    def _limit_stack(self, process: Ptr[Process], space: Ptr[AddressSpace]) -> None:
        """Limit the growth of the stack in `space`, and of all by it, to what `process` may
        have."""
        space = scratch(space)
        mov(rax, process.limits[Resource.STACK].soft)
        mov(space.stack_limit, rax)
        mov(rax, process.limits[Resource.AS].soft)
        mov(space.size_limit, rax)
        release(space)

    # The other threads

    @function(context="thread", sleeps=True)
    def _end_other_tasks(self) -> OrErrno[I32]:
        """End all other tasks of the process, and wait until they have ended. The one that runs has
        the number of the process then. Returns 0; or -EAGAIN if another one has begun to do the
        same, or the process ends."""
        task, noted = keep(self.processes.current()), keep(U64)
        process = keep(task.process)
        try_(self._tell_others(process, task))
        with loop():
            mov(noted, self.queues.note(process.changes))
            break_if(self._is_alone(process, task))
            waited = self.queues.wait(address_of(process.changes), noted, FOREVER, KILLABLE)
            with if_(waited != 0):
                ret(-Errno.EAGAIN)  # no program sees it: the process ends
        mov(eax, task.number)
        with if_(eax != process.number):
            self.ids.free(eax)
            mov(eax, process.number)
            mov(task.number, eax)
        ret(0)

    @function(context="thread")
    def _tell_others(self, process: Keep[Ptr[Process]], task: Keep[Ptr[Task]]) -> OrErrno[I32]:
        """Have all tasks of `process` but `task` end, and new ones. Returns 0 or -EAGAIN."""
        result = keep(I32)
        mov(result, -Errno.EAGAIN)
        with (
            process.lock.held(),
            if_((process.state == ProcessState.ALIVE) & (process.replacing == 0)),
        ):
            mov(process.replacing, 1)
            xor(result, result)
            with process.tasks.each(Task, "sibling") as other, if_(other != task):
                self.waiting.interrupt(other.thread, Interruption.KILL)
        ret(result)

    @function(context="thread")
    def _is_alone(self, process: Ptr[Process], task: Ptr[Task]) -> Bool:
        """Return whether `task` is the only one of `process`. Others may begin then."""
        others = scratch(U64)
        with process.lock.held():
            lea(rax, task.sibling)
            mov(others, process.tasks.next)
            xor(others, rax)
            xor(rax, process.tasks.previous)
            or_(others, rax)
            with if_(others == 0):
                mov(process.replacing, 0)
        ret(others == 0)
