"""How processes and threads make others."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.paging.addresses import below_user_end
from kernel.process.cloneflag import OTHER_NAMESPACES, CloneArguments, CloneFlag
from kernel.process.openedprocesses import OpenedProcess, OpenedProcesses
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.processids import ProcessIds
from kernel.process.processprograms import ProcessPrograms
from kernel.process.taskcopies import TaskCopies
from kernel.process.tasklimits import TaskLimits
from kernel.process.tasks import Tasks
from kernel.sched.thread import KILLABLE
from kernel.sched.userstate import NAME_SIZE
from kernel.sched.waiting import FOREVER
from kernel.signals.signalstates import SignalStates
from kernel.sync.pollqueues import PollQueues
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from kernel.vm.usercopy import UserCopy
from pykasm import *


class Clones(Subsystem):
    """Makes a process or a thread from the task that runs, which shares with it what flags say
    (Linux: `kernel_clone`). Context: thread."""

    def __init__(
        self,
        processes: Processes,
        ids: ProcessIds,
        tasks: Tasks,
        copies: TaskCopies,
        opened: OpenedProcesses,
        programs: ProcessPrograms,
        spaces: AddressSpaces,
        signals: SignalStates,
        limits: TaskLimits,
        queues: PollQueues,
        copy: UserCopy,
    ) -> None:
        self.processes = processes
        self.ids = ids
        self.tasks = tasks
        self.copies = copies
        self.opened = opened
        self.programs = programs
        self.spaces = spaces
        self.signals = signals
        self.limits = limits
        self.queues = queues
        self.copy = copy

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
            # Root and current directory would lie in both namespaces
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
            # Signals for a process choose any of its threads, so all have one set of actions
            fail_if(~(flags & CloneFlag.SIGHAND), Errno.EINVAL)
        with if_((flags & CloneFlag.SIGHAND) != 0):
            # Handlers are addresses, which mean the same only in the same memory
            fail_if(~(flags & CloneFlag.VM), Errno.EINVAL)
            mov(limit, CloneFlag.CLEAR_SIGHAND)
            fail_if(flags & limit, Errno.EINVAL)
        with if_((flags & CloneFlag.SETTLS) != 0):
            # The processor refuses to load others (#GP in the kernel)
            fail_if(~below_user_end(arguments.tls), Errno.EPERM)
        ret(0)

    # Processes

    @function(context="thread", sleeps=True)
    def _clone_process(self, arguments: Keep[Ptr[CloneArguments]]) -> OrErrno[I64]:
        """Make a process with one thread."""
        is_sibling = scratch(u32(arguments.flags))
        and_(is_sibling, CloneFlag.PARENT)
        maker = self.processes.current_process()
        # EAGAIN, as numbers of processes may be out as well as memory (fork(2))
        process = keep(try_(self.processes.create(maker, is_sibling), Errno.EAGAIN))
        errdefer(self.processes.discard, process)
        self._set_exit_signal(process, arguments)
        self._copy_identity(process)
        self.programs.inherit(process, self.processes.current_process())
        errdefer(self.programs.end, process)
        self._set_actions(process, arguments)
        task = keep(try_(self.copies.copy(process, process.number, arguments), Errno.ENOMEM))
        errdefer(self.tasks.discard, task)
        # Counted when it is all there but its memory: a fork bomb is refused before it copies any
        try_(self.limits.enter(task, scratch(self.processes.current())))
        opened = local(OpenedProcess)
        try_(self.opened.open(process, arguments, address_of(opened)))
        place = keep(address_of(opened))
        errdefer(self.opened.close, place)
        # The copy comes last, as it takes longest, and nothing has to be undone after it
        space = try_(self._share_space(arguments), Errno.ENOMEM)
        release(place)
        space = keep(space)
        self.opened.enter(address_of(opened))
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
            # Shared: starting in it counts one more who is there
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
        task = keep(try_(self.copies.copy(process, number, arguments), Errno.ENOMEM))
        errdefer(self.tasks.discard, task)
        try_(self.limits.enter(task, scratch(self.processes.current())))
        space = self.spaces.current()
        asserts(space != 0)
        space = keep(space)
        self._tell_parent(arguments, number)  # before it can end, which may clear that again
        self.tasks.start(task, space)
        mov(eax, number)
        ret(rax)
