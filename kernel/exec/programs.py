"""Starting programs."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.exec.argumentlists import ArgumentLists
from kernel.exec.executioncredentials import ExecutionCredentials
from kernel.exec.loadrequest import LoadRequest
from kernel.exec.programloader import ProgramLoader
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.openflag import OpenFlag
from kernel.fs.opening import Opening
from kernel.fs.rootfilesystem import RootFileSystem
from kernel.process.filestates import FileStates
from kernel.process.jobcontrol import JobControl
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.processprograms import ProcessPrograms
from kernel.process.session import ControllingTerminal
from kernel.process.standardfiles import StandardFiles
from kernel.process.tasks import Tasks
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from pykasm import *


class Programs(Subsystem):
    """Starts programs from files, each in a process of its own. Context: thread."""

    def __init__(
        self,
        root: RootFileSystem,
        opening: Opening,
        files: Files,
        spaces: AddressSpaces,
        lists: ArgumentLists,
        credentials: ExecutionCredentials,
        loader: ProgramLoader,
        processes: Processes,
        tasks: Tasks,
        file_states: FileStates,
        standard: StandardFiles,
        jobs: JobControl,
        programs: ProcessPrograms,
    ) -> None:
        self.programs = programs
        self.root = root
        self.opening = opening
        self.files = files
        self.spaces = spaces
        self.lists = lists
        self.credentials = credentials
        self.loader = loader
        self.processes = processes
        self.tasks = tasks
        self.file_states = file_states
        self.standard = standard
        self.jobs = jobs

    @function(context="thread", sleeps=True)
    def start(
        self,
        name: Keep[Ptr[U8]],
        arguments: Keep[Ptr[Ptr[U8]]],
        count: Keep[U64],
        terminal: OrNull[Ptr[ControllingTerminal]],
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[Process]]]]:
        """Start the program in the file `name` with `count` arguments, texts of the kernel's. If
        there is a `terminal` that nobody has, it gets that. Returns 0 and a reference to its
        process, for `Exits.wait`; or an error and null."""
        request, process, result = local(LoadRequest), keep(OrNull[Ptr[Process]]), keep(I32)
        mov(request.terminal, terminal)
        mov(request.name, name)
        mov(request.first_name, name)
        mov(result, self._begin(address_of(request), arguments, count))
        with if_(result != 0):
            ret(result, 0)
        failed, started = self._start(address_of(request))
        mov(result, failed)
        mov(process, started)
        self.files.drop(request.file)
        self.lists.free(request.list)
        self.credentials.drop(address_of(request))
        ret(result, process)

    @function(context="thread", sleeps=True)
    def _begin(
        self, request: Keep[Ptr[LoadRequest]], arguments: Keep[Ptr[Ptr[U8]]], count: Keep[U64]
    ) -> OrErrno[I32]:
        """Give `request`, which has a name, its file and arguments. Returns 0 or an error."""
        mov(request.risks, 0)
        mov(request.credentials, 0)
        lea(rax, self.root.subject)
        mov(request.subject, rax)
        flags = OpenFlag.CLOSE_ON_EXEC | OpenFlag.EXECUTE
        failed, opened = self.opening.open(request.subject, 0, request.name, flags, 0)
        with if_(opened == 0):
            ret(failed)
        ignore(failed, "it is open")
        file = keep(opened)
        errdefer(self.files.drop, file)
        list = keep(try_(self.lists.create(), Errno.ENOMEM))
        errdefer(self.lists.free, list)
        with while_(count != 0):
            try_(self.lists.add(list, at(arguments)))
            add(u64(arguments), sizeof(U64))
            dec(count)
        mov(request.file, file)
        mov(request.list, list)
        ret(0)

    @function(context="thread", sleeps=True)
    def _start(
        self, request: Keep[Ptr[LoadRequest]]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[Process]]]]:
        """Start the program of `request`. Returns what `start` does."""
        result, space = keep(I32), keep(self.spaces.create())
        with if_(space == 0):
            ret(-Errno.ENOMEM, 0)
        mov(request.space, space)
        self.spaces.enter(space)  # the kernel writes to the program's memory
        mov(result, self.loader.load(request))
        ignore(self.spaces.leave(), "nobody else is in it")
        with if_(result != 0):
            self.spaces.destroy(space)
            ret(result, 0)
        failed, started = self._run(space, request)
        ret(failed, started)

    @function(context="thread", sleeps=True)
    def _run(
        self, space: Keep[Owned[Ptr[AddressSpace]]], request: Keep[Ptr[LoadRequest]]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[Process]]]]:
        """Start a process for the program that is loaded in `space`, at the console. Returns what
        `start` does."""
        failed, opened = self.standard.open()
        with if_(opened == 0):
            result = keep(failed)
            self.spaces.destroy(space)
            ret(result, 0)
        ignore(failed, "it is open")
        console = keep(opened)
        process = keep(self._create(space, request, console))
        self.files.drop(console)
        with if_(process == 0):
            ret(-Errno.ENOMEM, 0)
        ret(0, process)

    @function(context="thread", sleeps=True)
    def _create(
        self,
        space: Keep[Owned[Ptr[AddressSpace]]],
        request: Keep[Ptr[LoadRequest]],
        file: Keep[Ptr[File]],
    ) -> Owned[OrNull[Ptr[Process]]]:
        """Start a process whose standard files are `file`. Returns null without memory."""
        errdefer(self.spaces.destroy, space)
        process = keep(try_(self.processes.create(0, 0)))
        errdefer(self.processes.discard, process)
        task = keep(try_(self.tasks.create(process, process.number)))
        errdefer(self.tasks.discard, task)
        fail_if(~self.file_states.begin(task))
        mov(rax, request.credentials)
        asserts(rax != 0)  # they are known by now
        xchg(task.credentials, rax)
        mov(request.credentials, rax)
        fail_if(self.tasks.give_registers(task, request.rip, request.rsp) != 0)
        self.standard.give(task, file)
        self.programs.set(process, request.file)
        terminal = scratch(request.terminal)
        with if_(terminal != 0):
            self.jobs.adopt(process, terminal)
        self.processes.set_name(process, request.first_name)
        self.processes.name_task(task, address_of(process.name))
        process.references.gain()
        disown(process, "its thread ends it")
        disown(space, "its thread keeps it")
        self.tasks.start(task, space)
        ret(process)
