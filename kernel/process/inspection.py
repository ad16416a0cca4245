"""Looking into processes."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from kernel.errno import Errno
from kernel.fs.credentials import CapabilityBit
from kernel.fs.file import File
from kernel.fs.filetables import FileTables
from kernel.process.dumpsettings import Dumpable
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.task import Task
from kernel.process.tasksearch import TaskSearch
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from pykasm import *


class Comparison(IntEnum):
    """Things that threads have, alone or with others (include/uapi/linux/kcmp.h: KCMP_FILE and so
    on)."""

    FILE = 0
    MEMORY = 1
    FILES = 2
    CONTEXT = 3
    ACTIONS = 4
    IO = 5
    SEMAPHORES = 6


class Inspection(Subsystem):
    """Gives the task that runs what others have, as far as it may look into them (ptrace(2),
    "Ptrace access mode checking"). Context: thread."""

    def __init__(
        self,
        processes: Processes,
        search: TaskSearch,
        tables: FileTables,
        spaces: AddressSpaces,
    ) -> None:
        self.processes = processes
        self.search = search
        self.tables = tables
        self.spaces = spaces

    @function(context="interrupts off", holds="process.lock")
    def check(self, process: Ptr[Process], task: Ptr[Task]) -> OrErrno[I64]:
        """Return 0 if the task that runs may look into `task` of `process`: it is of the same
        process, or has the right; or all users and groups of `task` are its own real ones, `task`
        may do nothing more, and lets others look. Else -EPERM."""
        own = self.processes.current()
        with if_(process == own.process):
            ret(0)
        mine, theirs = scratch(own.credentials), scratch(task.credentials)
        with if_(mine.effective & (1 << CapabilityBit.SYS_PTRACE)):
            ret(0)
        for kind in ("user", "group"):
            mov(eax, getattr(mine, kind))
            for name in (kind, f"effective_{kind}", f"saved_{kind}"):
                fail_if(eax != getattr(theirs, name), Errno.EPERM)
        fail_if(process.dumpable != Dumpable.USUAL, Errno.EPERM)
        mov(rax, mine.permitted)
        not_(rax)  # what is not its own
        fail_if(rax & theirs.permitted, Errno.EPERM)
        ret(0)

    @inline(changes=("result", *CALLER_SAVED))
    def _look(self, number: U32, result: I64, take: Any) -> None:
        """Have the function `take` look into the thread `number`, with what it is called with: its
        process, whose lock is held, and the thread. `result` is -ESRCH if there is none, -EPERM if
        that may not be, else 0."""
        mov(result, -Errno.ESRCH)
        process = keep(self.search.process_of(number))
        with if_(process != 0):
            self.look_into(process, number, result, take)
            self.processes.drop(process)

    @inline(changes=("result", *CALLER_SAVED))
    def look_into(self, process: Ptr[Process], number: U32, result: I64, take: Any) -> None:
        """Have the function `take` look into the thread `number` of `process`, with the thread that
        it is called with; the lock of the process is held. `result` is -ESRCH if there is none,
        -EPERM if that may not be, else 0."""
        mov(result, -Errno.ESRCH)
        with process.lock.held():
            task = keep(self.search.find(process, number))
            with if_(task != 0):
                mov(result, self.check(process, task))
                with if_(result == 0):
                    take(task)
            release(task)

    @function(context="thread")
    def space_of(self, number: Keep[U32]) -> tuple[OrErrno[I64], OrNull[Ptr[AddressSpace]]]:
        """Return 0 and the memory of the thread `number`, which stays until it is dropped; or
        -ESRCH or -EPERM, and null."""
        result, found = keep(I64), local(U64)
        mov(found, 0)

        def take(task: Ptr[Task]) -> None:
            space = scratch(task.space)
            mov(found, u64(space))
            with if_(space != 0):
                self.spaces.gain(space)

        self._look(number, result, take)
        with if_((result == 0) & (found == 0)):
            ret(-Errno.ESRCH, 0)
        ret(result, cast(found, Ptr[AddressSpace]))

    @function(context="thread")
    def file_of(
        self, number: Keep[U32], file_number: Keep[U32]
    ) -> tuple[OrErrno[I64], Owned[OrNull[Ptr[File]]]]:
        """Return 0 and a reference to the file `file_number` of the thread `number`; or -ESRCH,
        -EPERM or -EBADF, and null."""
        result, file = keep(I64), local(U64)
        mov(file, 0)

        def take(task: Ptr[Task]) -> None:
            table = scratch(task.files)
            with if_(table != 0):
                mov(file, u64(self.tables.get(table, file_number)))

        self._look(number, result, take)
        with if_((result == 0) & (file == 0)):
            ret(-Errno.EBADF, 0)
        ret(result, cast(file, Ptr[File]))

    @function(context="thread")
    def address_of_part(self, number: Keep[U32], what: Keep[U32]) -> tuple[OrErrno[I64], U64]:
        """Return 0 and the address of `what` the thread `number` has, which is there no longer than
        it has it, 0 for what no thread has; or -ESRCH or -EPERM."""
        result, found = keep(I64), local(U64)
        mov(found, 0)

        def take(task: Ptr[Task]) -> None:
            group = scratch(task.group)
            for part, place in (
                (Comparison.MEMORY, task.space),
                (Comparison.FILES, task.files),
                (Comparison.CONTEXT, task.context),
                (Comparison.ACTIONS, group.actions),
            ):
                with if_(what == part):
                    mov(rax, u64(place))
                    mov(found, rax)

        self._look(number, result, take)
        ret(result, found)

    @function(context="thread")
    def robust_list_of(self, number: Keep[U32]) -> tuple[OrErrno[I64], U64]:
        """Return 0 and where the thread `number` has the list of locks that end with it; or -ESRCH
        or -EPERM."""
        result, found = keep(I64), local(U64)
        mov(found, 0)

        def take(task: Ptr[Task]) -> None:
            mov(rax, u64(task.robust_list))
            mov(found, rax)

        self._look(number, result, take)
        ret(result, found)
