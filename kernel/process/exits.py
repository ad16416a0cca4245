"""How threads of programs end, and programs with them."""

from __future__ import annotations

from typing import NoReturn

from kernel.futex.futexes import ALL_BITS, Futexes
from kernel.futex.robustlists import RobustLists
from kernel.mm.memoryshortage import MemoryShortage
from kernel.mm.slabs import SlabCache, Slabs
from kernel.process.corerests import CoreRests
from kernel.process.filestates import FileStates
from kernel.process.intervaltimers import IntervalTimers
from kernel.process.jobcontrol import JobControl
from kernel.process.posixtimers import PosixTimers
from kernel.process.prioritylocks import PriorityLocks
from kernel.process.process import Process, ProcessState
from kernel.process.processes import Processes
from kernel.process.processids import ProcessIds
from kernel.process.processprograms import ProcessPrograms
from kernel.process.processtimes import ProcessTimes
from kernel.process.stops import Stops
from kernel.process.task import Task
from kernel.process.undolists import UndoLists
from kernel.process.usages import Usages
from kernel.sched.scheduler import Scheduler
from kernel.sched.thread import UNINTERRUPTIBLE, Interruption
from kernel.sched.waiting import FOREVER, Waiting
from kernel.signals.signalstates import SignalStates
from kernel.sync.pollqueue import ANYTHING
from kernel.sync.pollqueues import PollQueues
from kernel.threads.threads import Threads
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.usercopy import UserCopy
from pykasm import *


class Exits(Subsystem):
    """Ends tasks and processes. A process ends when its last task does."""

    leaving = bss(U32)
    """How many tasks end whose memory nobody sees any more, though it is not free yet."""

    def __init__(
        self,
        scheduler: Scheduler,
        threads: Threads,
        waiting: Waiting,
        queues: PollQueues,
        spaces: AddressSpaces,
        processes: Processes,
        ids: ProcessIds,
        file_states: FileStates,
        copy: UserCopy,
        futexes: Futexes,
        robust: RobustLists,
        priority_locks: PriorityLocks,
        signals: SignalStates,
        jobs: JobControl,
        stops: Stops,
        rests: CoreRests,
        times: ProcessTimes,
        usages: Usages,
        intervals: IntervalTimers,
        posix_timers: PosixTimers,
        programs: ProcessPrograms,
        undo_lists: UndoLists,
        shortage: MemoryShortage,
        slabs: Slabs,
    ) -> None:
        self.scheduler = scheduler
        self.threads = threads
        self.waiting = waiting
        self.queues = queues
        self.spaces = spaces
        self.processes = processes
        self.ids = ids
        self.file_states = file_states
        self.copy = copy
        self.futexes = futexes
        self.robust = robust
        self.priority_locks = priority_locks
        self.jobs = jobs
        self.signals = signals
        self.stops = stops
        self.rests = rests
        self.times = times
        self.usages = usages
        self.intervals = intervals
        self.posix_timers = posix_timers
        self.programs = programs
        self.undo_lists = undo_lists
        self.shortage = shortage
        self.records = SlabCache(slabs, "task", Task)

    @function(context="thread", sleeps=True)
    def exit_process(self, status: U32) -> NoReturn:
        """End the process that runs, with `status` as `wait4` gives it, unless it is ending
        already: then it keeps the status that it has, or ends by the signal that came first."""
        self._kill_tasks(status)
        # The status of the process is set by that; what a task ends with counts only where it is
        # not
        tail(self.exit_task, 0)
        never()

    @function(context="thread")
    def _kill_tasks(self, status: Keep[U32]) -> None:
        """Have all tasks of the process that runs end as soon as they would go on with their
        program."""
        process = keep(self.processes.current().process)
        with if_(process.signals.deadly != 0):
            ret()  # a signal ends it, perhaps not at once
        # Two tasks may end it at once: the first one's status counts
        with process.lock.held(), if_(process.state == ProcessState.ALIVE):
            self._begin_end(process, status)
            with process.tasks.each(Task, "sibling") as task:
                self.waiting.interrupt(task.thread, Interruption.KILL)

    @inline(changes=rax)
    def _begin_end(self, process: Ptr[Process], status: U32) -> None:
        """Have `process`, whose lock is held, end with `status`; or by a deadly signal, if one has
        come before."""
        mov(process.state, ProcessState.EXITING)
        mov(eax, process.signals.deadly)
        with if_(eax == 0):
            mov(eax, status)
        mov(process.exit_status, eax)

    @function(context="thread", sleeps=True)
    def exit_task(self, status: Keep[U32]) -> NoReturn:
        """End the task that runs. If it is the last of a process that nobody has ended, that ends
        with `status`, as `wait4` gives it."""
        task = keep(self.processes.current())
        # Before anything of it is gone: another task may be writing it into a core file
        self.rests.leave(task)
        # From here on signals for the process choose another task, which is there to take them
        self._leave_signals(task)
        credentials, process = scratch(task.credentials), scratch(task.process)
        # Who waits is told the user; the task, and its credentials, are gone by then
        mov(eax, credentials.user)
        mov(process.user, eax)
        release(credentials, process)
        self._tell_memory(task)
        # Before the memory is left: the list of locks and the word to clear lie in it
        lock.inc(self.leaving)
        self._hide_memory(task)
        self.undo_lists.end(task)
        self.file_states.end(task)
        space = keep(self.spaces.exchange(0))
        # From here on this thread has the kernel's own tables, so that those of the program can go
        asserts(space != 0)  # that of its program
        self.usages.leave_space(task.process, space)
        self.spaces.drop(space)
        lock.dec(self.leaving)
        # Who looks for memory waits for those that are about to give some back
        release(space)
        process = keep(task.process)
        ended = keep(self._leave_process(task, status))
        # The last one alone: timers and the terminal are the process's, and others of it may use
        # them
        with if_(ended != 0):
            self.programs.end(process)
            self.jobs.leave(process)
            self.intervals.end(process)
            self.posix_timers.delete_all(address_of(process.signals))
        self.file_states.end_identity(task)
        # The credentials last, as closing files and leaving a terminal still ask for them
        self.scheduler.leave_program()  # a switch would save its segments in the task
        self.records.free(task)
        self.threads.detach(self.scheduler.current)
        cli()  # up to the end: who learns of it waits for no more than the switch
        with if_(ended != 0):
            self.processes.end(process)
        tail(self.threads.exit)
        never()

    @function(context="thread")
    def _leave_signals(self, task: Keep[Ptr[Task]]) -> None:
        """End the receipt of signals by `task`. Its process may have waited for it alone to be
        stopped."""
        with if_(self.signals.leave(task)):
            group = scratch(task.group)
            tail(self.stops.tell_stop, task.process, group.stop_signal)

    @function(context="thread", sleeps=True)
    def _tell_memory(self, task: Keep[Ptr[Task]]) -> None:
        """Tell those that share the memory of `task` that it has ended, as its program wants it."""
        with if_(task.robust_list != 0):
            self.robust.end(task.robust_list, task.number)
        self.priority_locks.leave(task)
        tail(self._clear_child_tid, task)

    @function(context="thread")
    def _hide_memory(self, task: Ptr[Task]) -> None:
        """Take the memory of `task` out of the sight of others."""
        process, task = scratch(task.process), scratch(task)
        with process.lock.held():
            mov(task.space, 0)

    @function(context="thread", sleeps=True)
    def _clear_child_tid(self, task: Keep[Ptr[Task]]) -> None:
        """Store a 0 where those wait who want to know that `task` has ended, and wake them."""
        zero = local(U32)
        with if_(task.clear_child_tid == 0):
            ret()
        mov(zero, 0)
        with loop():
            target = cast(task.clear_child_tid, User[U8])
            result, left = self.copy.copy_out(target, address_of(zero), sizeof(U32))
            ignore(left)
            with if_(result == 0):
                woken = self.futexes.wake(task.clear_child_tid, 0, 1, ALL_BITS)
                ignore(woken, "nobody is left to tell")
                ret()
            # Without memory for the page the waiter would sleep for ever; a bad address is given up
            # at once
            break_if(~self.shortage.wait())

    @function(context="thread")
    def _leave_process(self, task: Keep[Ptr[Task]], status: Keep[U32]) -> Bool:
        """Take `task`, which has left its space, out of its process. Returns whether it was the
        last one; if nobody has ended the process, it has ended with `status`."""
        process, is_last = keep(task.process), keep(Bool)
        mov(eax, task.number)
        with if_(eax != process.number):
            # The first one's is the number of the process too, which keeps it until somebody has
            # waited
            self.ids.free(eax)
        xor(is_last, is_last)
        is_awaited = local(U32)
        with process.lock.held():
            # Read while it is locked; it is announced without, as a queue has a lock of its own
            mov(eax, process.replacing)
            mov(is_awaited, eax)
            # Under the lock with the look at `is_empty`: of two that leave at once, one alone is
            # the last
            task.sibling.unlink()
            mov(eax, task.number)
            with if_(eax == process.number):
                self._keep_policy(process, task)
            self.times.add(address_of(process.ended), task)
            with if_(process.tasks.is_empty()):
                mov(is_last, 1)
                with if_(process.state == ProcessState.ALIVE):
                    self._begin_end(process, status)
        with if_(is_awaited != 0):
            # An execve(2) waits until it is the only one
            self.queues.announce(address_of(process.changes), ANYTHING)
        ret(is_last)

    @inline(changes=rax)
    def _keep_policy(self, process: Ptr[Process], task: Ptr[Task]) -> None:
        """Keep what can be asked of the first thread until its process has been waited for."""
        copy_fields(
            process.first_policy, task, "policy", "real_time_priority", "nice", "resets_policy"
        )

    @function(context="thread", sleeps=True)
    def wait(self, process: Keep[Owned[Ptr[Process]]]) -> U32:
        """Wait until `process`, a child of the kernel's, has ended, and drop the reference to it.
        Returns its status, as `wait4` gives it."""
        status = keep(U32)
        with loop():
            noted = self.queues.note(process.changes)
            break_if(process.state >= ProcessState.ZOMBIE)
            ignore(
                self.queues.wait(address_of(process.changes), noted, FOREVER, UNINTERRUPTIBLE),
                "nothing interrupts it",
            )
        mov(status, process.exit_status)
        self.processes.drop(process)
        ret(status)
