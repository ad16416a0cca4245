"""Starting programs."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.exec.initialstack import InitialStack
from kernel.exec.loader import ElfLoader, LoadedProgram
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.openflag import OpenFlag
from kernel.fs.opening import Opening
from kernel.fs.rootfilesystem import RootFileSystem
from kernel.process.filestates import FileStates
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.standardfiles import StandardFiles
from kernel.process.tasks import Tasks, program_frame
from kernel.vm.addressspace import AddressSpace
from kernel.vm.addressspaces import AddressSpaces
from pykasm import *


class ProgramStart(Struct):
    """Where a program starts."""

    rip: U64
    rsp: U64


class Programs(Subsystem):
    """Starts programs from files, each in a process of its own. Context: thread."""

    def __init__(
        self,
        root: RootFileSystem,
        opening: Opening,
        files: Files,
        spaces: AddressSpaces,
        loader: ElfLoader,
        stack: InitialStack,
        processes: Processes,
        tasks: Tasks,
        standard: StandardFiles,
        file_states: FileStates,
    ) -> None:
        self.root = root
        self.opening = opening
        self.files = files
        self.spaces = spaces
        self.loader = loader
        self.stack = stack
        self.processes = processes
        self.tasks = tasks
        self.standard = standard
        self.file_states = file_states

    @function(context="thread", sleeps=True)
    def start(
        self, name: Ptr[U8], arguments: Keep[Ptr[Ptr[U8]]], count: Keep[U64]
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[Process]]]]:
        """Start the program in the file `name` with `count` arguments, texts of the kernel's.
        Returns 0 and a reference to its process, for `Exits.wait`; or an error and null."""
        result, process = keep(I32), keep(Ptr[Process])
        failed, opened = self.opening.open(
            address_of(self.root.subject), 0, name, OpenFlag.CLOSE_ON_EXEC, 0
        )
        with if_(opened == 0):
            ret(failed, 0)
        ignore(failed, "it is open")
        file = keep(opened)
        failed, made = self._start(file, arguments, count)
        mov(result, failed)
        mov(process, made)
        self.files.drop(file)
        ret(result, process)

    @function(context="thread", sleeps=True)
    def _start(
        self, file: Keep[Ptr[File]], arguments: Ptr[Ptr[U8]], count: U64
    ) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[Process]]]]:
        """Start the program in `file`. Returns what `start` does."""
        arguments, count = keep(arguments), keep(count)
        place, result, space = local(ProgramStart), keep(I32), keep(self.spaces.create())
        with if_(space == 0):
            ret(-Errno.ENOMEM, 0)
        self.spaces.enter(space)  # the kernel writes to the program's memory
        mov(result, self._load(space, file, address_of(place), arguments, count))
        ignore(self.spaces.leave(), "nobody else is in it")
        with if_(result != 0):
            self.spaces.destroy(space)
            ret(result, 0)
        failed, started = self._run(space, address_of(place))
        ret(failed, started)

    @function(context="thread", sleeps=True)
    def _load(
        self,
        space: Keep[Ptr[AddressSpace]],
        file: Ptr[File],
        place: Keep[Ptr[ProgramStart]],
        arguments: Keep[Ptr[Ptr[U8]]],
        count: Keep[U64],
    ) -> OrErrno[I32]:
        """Map the program in `file`, with its stack, and note where it starts. Returns 0 or an
        error."""
        loaded = local(LoadedProgram)
        try_(self.loader.load(space, file, address_of(loaded)))
        result, stack = self.stack.make(space, address_of(loaded), arguments, count)
        mov(place.rsp, stack)
        mov(rcx, loaded.entry)
        mov(place.rip, rcx)
        ret(result)

    @function(context="thread", sleeps=True)
    def _run(
        self, space: Keep[Owned[Ptr[AddressSpace]]], place: Keep[Ptr[ProgramStart]]
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
        process = keep(self._create(space, place, console))
        self.files.drop(console)
        with if_(process == 0):
            ret(-Errno.ENOMEM, 0)
        ret(0, process)

    @function(context="thread", sleeps=True)
    def _create(
        self,
        space: Keep[Owned[Ptr[AddressSpace]]],
        place: Keep[Ptr[ProgramStart]],
        file: Keep[Ptr[File]],
    ) -> Owned[OrNull[Ptr[Process]]]:
        """Start a process whose standard files are `file`. Returns null without memory."""
        errdefer(self.spaces.destroy, space)
        process = keep(try_(self.processes.create(0, 0)))
        errdefer(self.processes.discard, process)
        task = keep(try_(self.tasks.create(process, process.number)))
        errdefer(self.tasks.discard, task)
        fail_if(~self.file_states.begin(task))
        fail_if(self.tasks.give_registers(task) != 0)
        self.standard.give(task, file)
        frame = program_frame(scratch(task.thread))
        mov(rax, place.rip)
        mov(frame.rip, rax)
        mov(rax, place.rsp)
        mov(frame.rsp, rax)
        process.references.gain()
        disown(process, "its thread ends it")
        disown(space, "its thread keeps it")
        self.tasks.start(task, space)
        take_over(process, "the reference gained for the caller")
        ret(process)
