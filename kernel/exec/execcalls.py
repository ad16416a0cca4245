"""System calls that run programs."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.exec.argumentlists import ArgumentLists
from kernel.exec.execution import Execution
from kernel.exec.executioncredentials import ExecutionCredentials
from kernel.exec.loadrequest import LoadRequest
from kernel.fs.files import Files
from kernel.fs.openflag import OpenFlag
from kernel.fs.subject import Subject
from kernel.process.namestarts import AT_FDCWD
from kernel.process.pathcalls import AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, PathCalls
from kernel.process.processes import Processes
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.tasklimits import TaskLimits
from kernel.process.userpath import UserPaths
from kernel.process.userreturn import UserReturn
from pykasm import *


class ExecCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        paths: PathCalls,
        names: UserPaths,
        files: Files,
        lists: ArgumentLists,
        credentials: ExecutionCredentials,
        execution: Execution,
        user_return: UserReturn,
        limits: TaskLimits,
    ) -> None:
        self.processes = processes
        self.paths = paths
        self.names = names
        self.files = files
        self.lists = lists
        self.credentials = credentials
        self.execution = execution
        self.user_return = user_return
        self.limits = limits

    @function(context="thread", sleeps=True)
    def execve(
        self, name: Fetched[User[U8]], arguments: User[U64], environment: User[U64]
    ) -> OrErrno[I64]:
        """Run the program in the file `name` instead of the one that runs."""
        tail(self.execveat, AT_FDCWD, name, arguments, environment, 0)

    @function(context="thread", sleeps=True)
    def execveat(
        self,
        directory: Keep[I32],
        name: Keep[Fetched[User[U8]]],
        arguments: Keep[User[U64]],
        environment: Keep[User[U64]],
        flags: Keep[U32],
    ) -> OrErrno[I64]:
        """Run the program in the file `name`, as seen from `directory`, instead of the one that
        runs; with AT_EMPTY_PATH and no name, the one in the open file `directory`."""
        request, result = local(LoadRequest), local(I64)
        try_(self.limits.check_program(scratch(self.processes.current())))
        fail_if(flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH), Errno.EINVAL)
        how = scratch(U32)
        mov(how, OpenFlag.CLOSE_ON_EXEC | OpenFlag.EXECUTE)
        with if_(flags & AT_SYMLINK_NOFOLLOW):
            or_(how, OpenFlag.NO_FOLLOW)
        with if_(flags & AT_EMPTY_PATH):
            or_(how, OpenFlag.UNNAMED)
        failed, opened = self.paths.find(directory, name, how, 0)
        with if_(opened == 0):
            ret(failed)
        ignore(failed, "it is open")
        mov(request.file, opened)
        refetch(name, "the file is open already: this is what the program is told of its name")
        mov(result, self._execute(address_of(request), name, arguments, environment))
        self.files.drop(request.file)
        with if_(result != 0):
            ret(result)
        tail(self.user_return.enter)

    @function(context="thread", sleeps=True)
    def _execute(
        self,
        request: Keep[Ptr[LoadRequest]],
        name: Fetched[User[U8]],
        arguments: Keep[User[U64]],
        environment: Keep[User[U64]],
    ) -> OrErrno[I64]:
        """Run the program in the file of `request`, whose name is `name`. Returns 0 or an error."""
        result = keep(I64)
        failed, copy = self.names.take(name)
        with if_(copy == 0):
            movsxd(rax, failed)
            ret(rax)
        ignore(failed, "there is a name")
        kept = keep(copy)
        mov(request.name, kept)
        mov(request.first_name, kept)
        mov(result, self._execute_with(request, arguments, environment))
        self.names.free(kept)
        ret(result)

    @function(context="thread", sleeps=True)
    def _execute_with(
        self,
        request: Keep[Ptr[LoadRequest]],
        arguments: Keep[User[U64]],
        environment: Keep[User[U64]],
    ) -> OrErrno[I64]:
        """Run the program in the file of `request` with what the pointers lead to. Returns 0 or an
        error."""
        subject, result = local(Subject), keep(I64)
        task = keep(self.processes.current())
        mov(request.credentials, 0)
        mov(request.risks, self.credentials.risks(task))
        for part, place in (
            ("credentials", task.credentials),
            ("context", task.context),
        ):
            mov(rax, place)
            mov(getattr(subject, part), rax)
        lea(rax, subject)
        mov(request.subject, rax)
        mov(request.list, try_(self.lists.create(), Errno.ENOMEM))
        movsxd(result, self.lists.take(request.list, arguments, environment))
        with if_(result == 0):
            movsxd(result, self.execution.execute(request))
        self.lists.free(request.list)
        self.credentials.drop(request)
        ret(result)
