"""System calls for files that stand for processes."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.openflag import OpenFlag
from kernel.process.filecalls import FileCalls
from kernel.process.inspection import Inspection
from kernel.process.process import ProcessState
from kernel.process.processes import Processes
from kernel.process.processfiles import ProcessFiles
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.tasksearch import TaskSearch
from pykasm import *


class PidfdCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        search: TaskSearch,
        numbers: FileCalls,
        files: ProcessFiles,
        inspection: Inspection,
    ) -> None:
        self.processes = processes
        self.search = search
        self.numbers = numbers
        self.files = files
        self.inspection = inspection

    @function(context="thread", sleeps=True)
    def pidfd_open(self, number: Keep[I32], flags: Keep[U32]) -> OrErrno[I64]:
        """Open the process `number`; with NONBLOCK, nobody waits for it by that file. A thread that
        is not the first of its process is no process."""
        fail_if(flags & ~int(OpenFlag.NONBLOCK), Errno.EINVAL)
        fail_if(number <= 0, Errno.EINVAL)
        process = keep(try_(self.search.process_of(u32(number)), Errno.ESRCH))
        errdefer(self.processes.drop, process)
        fail_if(process.number != u32(number), Errno.EINVAL)
        file = keep(try_(self.files.create(process, flags), Errno.ENOMEM))
        self.processes.drop(process)
        tail(self.numbers.add, file, 0, OpenFlag.CLOSE_ON_EXEC)

    @function(context="thread", sleeps=True)
    def pidfd_getfd(self, number: U32, wanted: Keep[U32], flags: U32) -> OrErrno[I64]:
        """Give this process a number for the file `wanted` of the process that the file `number`
        stands for, if it may look into that."""
        fail_if(flags != 0, Errno.EINVAL)
        thread = try_(self.first_thread(number))
        failed, file = self.inspection.file_of(u32(thread), wanted)
        with if_(file == 0):
            ret(failed)
        ignore(failed, "there is a file")
        tail(self.numbers.add, file, 0, OpenFlag.CLOSE_ON_EXEC)

    @function(context="thread", sleeps=True)
    def first_thread(self, number: U32) -> OrErrno[I64]:
        """Return the number of the first thread of the process that the file `number` stands for;
        -EBADF if it stands for none, -ESRCH if that has ended."""
        result = keep(I64)
        found, ignored = self.files.find(number)
        ignore(ignored)
        fail_if(found == 0, Errno.EBADF)
        process = keep(found)
        mov(u32(result), process.number)
        with if_(process.state >= ProcessState.ZOMBIE):
            mov(result, -Errno.ESRCH)
        self.processes.drop(process)
        ret(result)
