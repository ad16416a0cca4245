"""How processes and threads make others."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.openflag import OpenFlag
from kernel.paging.addresses import below_user_end
from kernel.process.cloneflag import OTHER_NAMESPACES, CloneArguments, CloneFlag
from kernel.process.filecalls import FileCalls
from kernel.process.filestates import FileStates
from kernel.process.policies import Policies
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.processfiles import ProcessFiles
from kernel.process.processids import ProcessIds
from kernel.process.processprograms import ProcessPrograms
from kernel.process.task import Task
from kernel.process.tasklimits import TaskLimits
from kernel.process.tasks import Tasks, program_frame
from kernel.process.undolists import UndoLists
from kernel.sched.thread import KILLABLE
from kernel.sched.userstate import NAME_SIZE
from kernel.sched.waiting import FOREVER
from kernel.signals.restartablesequences import RestartableSequences
from kernel.signals.signalstates import SignalStates
from kernel.sync.pollqueues import PollQueues
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.usercopy import UserCopy
from pykasm import *


class OpenedProcess(Struct):
    """A file that stands for a process that is being made."""

    file: OrNull[Owned[Ptr[File]]]
    """Null if nobody wants one."""
    number: I64
    """Reserved for it."""


class Clones(Subsystem):
    """Makes a process or a thread from the task that runs, which shares with it what flags say
    (Linux: `kernel_clone`). Context: thread."""

    def __init__(
        self,
        processes: Processes,
        ids: ProcessIds,
        tasks: Tasks,
        file_states: FileStates,
        undo_lists: UndoLists,
        files: ProcessFiles,
        numbers: FileCalls,
        open_files: Files,
        spaces: AddressSpaces,
        signals: SignalStates,
        limits: TaskLimits,
        queues: PollQueues,
        copy: UserCopy,
        policies: Policies,
        sequences: RestartableSequences,
        programs: ProcessPrograms,
    ) -> None:
        self.programs = programs
        self.processes = processes
        self.ids = ids
        self.tasks = tasks
        self.file_states = file_states
        self.undo_lists = undo_lists
        self.files = files
        self.numbers = numbers
        self.open_files = open_files
        self.spaces = spaces
        self.signals = signals
        self.limits = limits
        self.queues = queues
        self.copy = copy
        self.policies = policies
        self.sequences = sequences

    @function(context="thread", sleeps=True)
    def clone(self, arguments: Keep[Ptr[CloneArguments]]) -> OrErrno[I64]:
        """Make what `arguments` ask for. Return its number, or an error."""
        try_(self._check(arguments))
        with if_(arguments.flags & CloneFlag.THREAD):
            tail(self._clone_thread, arguments)
        tail(self._clone_process, arguments)

    @function
    def _check(self, arguments: Ptr[CloneArguments]) -> OrErrno[I64]:
        """Return 0 if the flags go together, else -EINVAL; -EPERM for a bad base of FS, or if the
        task that runs may not have a mount namespace of its own."""
        flags, limit = scratch(arguments.flags), scratch(U64)
        mov(limit, int(OTHER_NAMESPACES | CloneFlag.INTO_CGROUP))
        fail_if(flags & limit, Errno.EINVAL)
        with if_((flags & CloneFlag.NEWNS) != 0):
            fail_if(flags & CloneFlag.FS, Errno.EINVAL)
            task = self.processes.current()
            credentials = scratch(task.credentials)
            fail_if((credentials.effective & (1 << CapabilityBit.SYS_ADMIN)) == 0, Errno.EPERM)
            release(task, credentials)
        with if_((flags & CloneFlag.PIDFD) != 0):
            fail_if(flags & (CloneFlag.DETACHED | CloneFlag.THREAD), Errno.EINVAL)
            with if_((flags & CloneFlag.PARENT_SETTID) != 0):
                mov(rax, arguments.pidfd)  # one place can't be told both
                fail_if(rax == arguments.parent_tid, Errno.EINVAL)
        with if_((flags & CloneFlag.THREAD) != 0):
            fail_if(~(flags & CloneFlag.SIGHAND), Errno.EINVAL)
        with if_((flags & CloneFlag.SIGHAND) != 0):
            fail_if(~(flags & CloneFlag.VM), Errno.EINVAL)
            mov(limit, CloneFlag.CLEAR_SIGHAND)
            fail_if(flags & limit, Errno.EINVAL)
        with if_((flags & CloneFlag.SETTLS) != 0):
            fail_if(~below_user_end(arguments.tls), Errno.EPERM)
        ret(0)

    # Processes

    @function(context="thread", sleeps=True)
    def _clone_process(self, arguments: Keep[Ptr[CloneArguments]]) -> OrErrno[I64]:
        """Make a process with one thread."""
        is_sibling = scratch(u32(arguments.flags))
        and_(is_sibling, CloneFlag.PARENT)
        maker = self.processes.current_process()
        process = keep(try_(self.processes.create(maker, is_sibling), Errno.EAGAIN))
        errdefer(self.processes.discard, process)
        self._set_exit_signal(process, arguments)
        self._copy_identity(process)
        self.programs.inherit(process, self.processes.current_process())
        errdefer(self.programs.end, process)
        self._set_actions(process, arguments)
        task = keep(try_(self._copy_task(process, process.number, arguments), Errno.ENOMEM))
        errdefer(self.tasks.discard, task)
        try_(self.limits.enter(task, scratch(self.processes.current())))
        opened = local(OpenedProcess)
        try_(self._open(process, arguments, address_of(opened)))
        place = keep(address_of(opened))
        errdefer(self._close, place)
        # The copy comes last, as it takes longest, and nothing has to be undone after it
        space = try_(self._share_space(arguments), Errno.ENOMEM)
        release(place)
        space = keep(space)
        file = scratch(opened.file)
        with if_(file != 0):
            ignore(self.numbers.enter(opened.number, file), "it is stored already")
        self._tell_parent(arguments, process.number)
        # Before it starts, which may end it, and with it the number
        process.references.gain()
        # For `_finish`: once it runs, it can end and be waited for by another thread
        disown(process, "who waits for its end frees it")
        self.tasks.start(task, space)
        tail(self._finish, process, arguments)

    @inline(changes=(rax, rcx))
    def _set_exit_signal(self, process: Ptr[Process], arguments: Ptr[CloneArguments]) -> None:
        """Note which signal tells of the end of `process`: of a sibling of its maker the same one
        as of that, since their parent has asked for no other."""
        mov(rcx, arguments.exit_signal)
        with if_((arguments.flags & CloneFlag.PARENT) != 0):
            maker = self.processes.current_process()
            mov(ecx, maker.exit_signal)
        mov(process.exit_signal, ecx)

    @function(context="thread", sleeps=True)
    def _open(
        self,
        process: Keep[Ptr[Process]],
        arguments: Keep[Ptr[CloneArguments]],
        opened: Keep[Ptr[OpenedProcess]],
    ) -> OrErrno[I64]:
        """Prepare in `opened` a file that stands for `process`, and store its number, if that is
        wanted. Returns 0 or an error."""
        mov(opened.file, 0)
        with if_((arguments.flags & CloneFlag.PIDFD) == 0):
            ret(0)
        number = keep(self.numbers.reserve(OpenFlag.CLOSE_ON_EXEC))
        with if_(number < 0):
            ret(number)
        mov(opened.number, number)
        failed = self.copy.copy_out_word(
            cast(scratch(arguments.pidfd), User[U8]), u32(opened.number)
        )
        with if_(failed != 0):
            tail(self.numbers.release, number, failed)
        file = self.files.create(process, 0)
        with if_(file == 0):
            tail(self.numbers.release, number, -Errno.ENOMEM)
        mov(opened.file, file)
        ret(0)

    @function(context="thread", sleeps=True)
    def _close(self, opened: Keep[Ptr[OpenedProcess]]) -> None:
        """Undo `_open`."""
        file = keep(opened.file)
        with if_(file != 0):
            ignore(self.numbers.release(opened.number, 0), "it is the second argument")
            self.open_files.drop(file)

    @function
    def _set_actions(self, process: Ptr[Process], arguments: Ptr[CloneArguments]) -> None:
        """Give `process` what it has of its maker's actions for signals, of which it has a copy."""
        flags, group = scratch(arguments.flags), scratch(address_of(process.signals))
        with if_((flags & CloneFlag.SIGHAND) != 0):
            maker = self.processes.current_process()
            tail(self.signals.share, group, address_of(maker.signals))
        mov(rax, CloneFlag.CLEAR_SIGHAND)
        with if_(flags & rax):
            tail(self.signals.clear_handlers, group)

    @inline(changes=rax)
    def _copy_identity(self, process: Ptr[Process]) -> None:
        """Give `process` the user and the name of the one that runs."""
        task = self.processes.current()
        credentials = scratch(task.credentials)
        mov(eax, credentials.user)
        mov(process.user, eax)
        current = scratch(task.process)
        release(task, credentials)
        for offset in range(0, NAME_SIZE, sizeof(U64)):
            mov(rax, u64[u64(current) + (offsetof(Process, "name") + offset)])
            mov(u64[u64(process) + (offsetof(Process, "name") + offset)], rax)
        release(current)

    @function(context="thread", sleeps=True)
    def _share_space(self, arguments: Keep[Ptr[CloneArguments]]) -> OrNull[Ptr[AddressSpace]]:
        """Return the memory for what is made: that of the task that runs, or a copy, which is its
        first thread's; null without memory for one."""
        space = self.spaces.current()
        asserts(space != 0)  # a program's thread has one
        with if_((arguments.flags & CloneFlag.VM) != 0):
            ret(space)
        copy = try_(self.spaces.copy(space))
        disown(copy, "who starts in it keeps it")
        ret(copy)

    @function(context="thread", sleeps=True)
    def _finish(
        self, process: Keep[Owned[Ptr[Process]]], arguments: Keep[Ptr[CloneArguments]]
    ) -> OrErrno[I64]:
        """Wait for `process`, which has started, if it borrows its maker's memory. Return its
        number."""
        number = keep(process.number)
        with if_((arguments.flags & CloneFlag.VFORK) != 0):
            self._wait_for_memory(process)
        self.processes.drop(process)
        mov(eax, number)
        ret(rax)

    @function(context="thread", sleeps=True)
    def _tell_parent(self, arguments: Ptr[CloneArguments], number: U32) -> None:
        """Store `number` where the parent wants it, if it does and can."""
        stored = local(U32)
        mov(stored, number)
        with if_((arguments.flags & CloneFlag.PARENT_SETTID) != 0):
            target = cast(scratch(arguments.parent_tid), User[U8])
            result, left = self.copy.copy_out(target, address_of(stored), sizeof(U32))
            ignore(result, "as Linux does")
            ignore(left)

    @function(context="thread", sleeps=True)
    def _wait_for_memory(self, process: Keep[Ptr[Process]]) -> None:
        """Wait until `process` uses this task's memory no more, or until the task is killed."""
        waited, noted = keep(I32), keep(U64)
        with loop():
            mov(noted, self.queues.note(process.changes))
            # Killable alone: a handler would run on memory that the child changes
            break_if(process.left_memory != 0)
            mov(waited, self.queues.wait(address_of(process.changes), noted, FOREVER, KILLABLE))
            break_if(waited != 0)

    # Threads

    @function(context="thread", sleeps=True)
    def _clone_thread(self, arguments: Keep[Ptr[CloneArguments]]) -> OrErrno[I64]:
        """Make a thread of the process that runs."""
        number = keep(try_(self.ids.allocate(), Errno.EAGAIN))
        errdefer(self.ids.free, number)
        process = self.processes.current_process()
        task = keep(try_(self._copy_task(process, number, arguments), Errno.ENOMEM))
        errdefer(self.tasks.discard, task)
        try_(self.limits.enter(task, scratch(self.processes.current())))
        space = self.spaces.current()
        asserts(space != 0)
        space = keep(space)
        self._tell_parent(arguments, number)  # before it can end, which may clear that again
        self.tasks.start(task, space)
        mov(eax, number)
        ret(rax)

    @function(context="thread", sleeps=True)
    def _copy_task(
        self, process: Ptr[Process], number: U32, arguments: Keep[Ptr[CloneArguments]]
    ) -> OrNull[Owned[Ptr[Task]]]:
        """Make a task of `process` like the one that runs, but for its memory, which does not run
        yet. Return null without memory."""
        task = keep(try_(self.tasks.create(process, number)))
        errdefer(self.tasks.discard, task)
        current = keep(self.processes.current())
        flags = u32(arguments.flags)
        fail_if(~self.file_states.copy(task, current, flags))
        fail_if(~self.undo_lists.copy(task, u32(arguments.flags)))
        fail_if(self.tasks.copy_registers(task, current) != 0)
        self._set_up(task, arguments)
        self.policies.inherit(task, current)
        flags = scratch(u32(arguments.flags))
        and_(flags, CloneFlag.VM | CloneFlag.VFORK)
        xor(flags, CloneFlag.VM)  # a child that its maker waits for may go on with its stack
        self.signals.inherit(task, current, flags)
        with if_((arguments.flags & CloneFlag.VM) == 0):
            self.sequences.inherit(task, current)
        ret(task)

    @function
    def _set_up(self, task: Ptr[Task], arguments: Ptr[CloneArguments]) -> None:
        """Give `task`, a copy, what is its own."""
        flags = scratch(arguments.flags)
        self._inherit(task)
        mov(task.clear_child_tid, 0)
        frame = program_frame(scratch(task.thread))
        mov(frame.rax, 0)
        mov(rax, arguments.stack)
        with if_(rax != 0):
            add(rax, arguments.stack_size)
            mov(frame.rsp, rax)
        for flag, source, target in (
            (CloneFlag.SETTLS, arguments.tls, task.fs_base),
            (CloneFlag.CHILD_SETTID, arguments.child_tid, task.set_child_tid),
            (CloneFlag.CHILD_CLEARTID, arguments.child_tid, task.clear_child_tid),
        ):
            with if_((flags & flag) != 0):
                mov(rax, source)
                mov(target, rax)

    @inline(changes=rax)
    def _inherit(self, task: Ptr[Task]) -> None:
        """Give `task` what it keeps of the one that runs."""
        current = self.processes.current()
        mov(eax, current.no_new_privileges)
        mov(task.no_new_privileges, eax)
        mov(eax, current.personality)
        mov(task.personality, eax)
        mov(rax, current.timer_slack)
        mov(task.timer_slack, rax)
        mov(task.default_timer_slack, rax)
        for offset in range(0, NAME_SIZE, sizeof(U64)):
            mov(rax, u64[u64(current) + (offsetof(Task, "name") + offset)])
            mov(u64[u64(task) + (offsetof(Task, "name") + offset)], rax)
        release(current)
