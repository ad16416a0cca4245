"""Links to what processes have: directories, programs, open files."""

from __future__ import annotations

from kernel.cpu.pagetable import PAGE
from kernel.errno import Errno
from kernel.fs.dentries import Dentries
from kernel.fs.epolls import Epolls
from kernel.fs.eventcounters import EventCounters
from kernel.fs.file import File
from kernel.fs.files import Files
from kernel.fs.filetables import FileTables
from kernel.fs.fscontexts import FsContexts
from kernel.fs.inode import Inode, Place, is_type
from kernel.fs.mode import FileType
from kernel.fs.path import Path
from kernel.fs.pathnames import PathNames
from kernel.fs.paths import Paths
from kernel.fs.textwriter import TextWriter
from kernel.fs.timerfiles import TimerFiles
from kernel.proc.procentry import NO_MEMBER, ProcNode
from kernel.proc.procsource import FILE, PROCESS, ProcLink, ProcNumbers, ProcSource
from kernel.process.inspection import Inspection
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.processfiles import ProcessFiles
from kernel.process.processprograms import ProcessPrograms
from kernel.process.signalfiles import SignalFiles
from kernel.process.task import Task
from kernel.process.tasksearch import TaskSearch
from kernel.text.textbuffer import TextBuffer
from pykasm import *

REMOVED = " (deleted)"
"""What comes behind the name of a file that has lost it."""


class ProcLinks(ProcSource):
    """Who may look into a process finds what it has by these links, whatever that is called, and
    even if it has no name. Context: thread."""

    def __init__(
        self,
        processes: Processes,
        search: TaskSearch,
        inspection: Inspection,
        programs: ProcessPrograms,
        tables: FileTables,
        files: Files,
        contexts: FsContexts,
        paths: Paths,
        names: PathNames,
        dentries: Dentries,
        writer: TextWriter,
        counters: EventCounters,
        epolls: Epolls,
        timers: TimerFiles,
        signals: SignalFiles,
        owners: ProcessFiles,
    ) -> None:
        self.kinds = {
            "[eventfd]": counters.operations,
            "[eventpoll]": epolls.operations,
            "[timerfd]": timers.operations,
            "[signalfd]": signals.operations,
            "[pidfd]": owners.operations,
        }
        """What files are called that nothing but a call has made."""
        self.writer = writer
        self.processes = processes
        self.search = search
        self.inspection = inspection
        self.programs = programs
        self.tables = tables
        self.files = files
        self.contexts = contexts
        self.paths = paths
        self.names = names
        self.dentries = dentries
        self.proc_files = [
            ProcLink("self", self.read_self, self.follow_text),
            ProcLink("thread-self", self.read_thread_self, self.follow_text),
            ProcLink("mounts", self.read_mounts, self.follow_text),
            ProcLink(f"{PROCESS}/exe", self.read_name, self.follow_program),
            ProcLink(f"{PROCESS}/cwd", self.read_name, self.follow_current),
            ProcLink(f"{PROCESS}/root", self.read_name, self.follow_root),
            ProcNumbers(
                f"{PROCESS}/fd/{FILE}",
                self.next_file,
                self.enter_file,
                member=ProcLink("", self.read_name, self.follow_file),
                is_private=True,
            ),
        ]

    # Links with texts

    @function
    def follow_text(self, inode: Ptr[Inode], place: Ptr[Place]) -> OrErrno[I32]:
        """Have the walk go along the text."""
        ret(1)

    @function(context="thread")
    def read_self(self, inode: Ptr[Inode], page: Keep[Ptr[U8]]) -> OrErrno[I64]:
        """Write the number of the process that runs."""
        process = keep(self.processes.current_process())
        ret(self.print(page, "%u", process.number))

    @function(context="thread")
    def read_thread_self(self, inode: Ptr[Inode], page: Keep[Ptr[U8]]) -> OrErrno[I64]:
        """Write where the thread that runs is."""
        task = keep(self.processes.current())
        process = keep(task.process)
        ret(self.print(page, "%u/task/%u", process.number, task.number))

    @function(context="thread")
    def read_mounts(self, inode: Ptr[Inode], page: Keep[Ptr[U8]]) -> OrErrno[I64]:
        """Write where the process that runs has it."""
        ret(self.print(page, "self/mounts"))

    @inline(changes=CALLER_SAVED)
    def print(self, page: Ptr[U8], format: str, *arguments: object) -> I64:
        """Write formatted text, which is short, and a zero into `page`. Returns its length."""
        buffer = local(TextBuffer)
        mov(buffer.start, u64(page))
        mov(buffer.capacity, PAGE - 1)
        with self.writer.into(address_of(buffer)):
            self.writer.print(format, *arguments)
        mov(rax, buffer.length)
        mov(page[rax], 0)
        return i64(rax)

    # Where they lead

    @function(context="thread", sleeps=True)
    def follow_program(self, inode: Ptr[Inode], place: Keep[Ptr[Place]]) -> OrErrno[I32]:
        """Lead to the file that the process runs."""
        node = keep(cast(scratch(inode.private), Ptr[ProcNode]))
        try_(self._check(node))
        file = keep(try_(self.programs.get(self._process_of(node)), Errno.ENOENT))
        tail(self._lead_to, file, place)

    @function(context="thread", sleeps=True)
    def _lead_to(self, file: Keep[Owned[Ptr[File]]], place: Ptr[Place]) -> OrErrno[I32]:
        """Lead to `file`, and drop it. Returns 0."""
        self.paths.copy(cast(place, Ptr[Path]), address_of(file.path))
        self.files.drop(file)
        ret(0)

    @inline
    def _process_of(self, node: Ptr[ProcNode]) -> Ptr[Process]:
        """Return the process that `node` is about."""
        process = scratch(node.process)
        asserts(process != 0)  # it is in the directory of one
        return process

    @function(context="thread")
    def _check(self, node: Keep[Ptr[ProcNode]]) -> OrErrno[I32]:
        """Return 0 if the task that runs may look into the thread of `node`, or an error."""
        result = keep(I64)
        process = keep(self._process_of(node))
        self.inspection.look_into(process, node.thread, result, lambda task: None)
        tail(self.convert, result)

    @function
    def convert(self, result: I64) -> OrErrno[I32]:
        """Return an error as files tell it: -EACCES, or -ENOENT for what has ended."""
        fail_if(result == -Errno.EPERM, Errno.EACCES)
        fail_if(result != 0, Errno.ENOENT)
        ret(0)

    @function(context="thread", sleeps=True)
    def follow_current(self, inode: Ptr[Inode], place: Keep[Ptr[Place]]) -> OrErrno[I32]:
        """Lead to the current directory of the thread."""
        node, result = keep(cast(scratch(inode.private), Ptr[ProcNode])), keep(I64)
        process = keep(self._process_of(node))

        def take(task: Ptr[Task]) -> None:
            self.contexts.get_current(task.context, cast(place, Ptr[Path]))

        self.inspection.look_into(process, node.thread, result, take)
        tail(self.convert, result)

    @function(context="thread", sleeps=True)
    def follow_root(self, inode: Ptr[Inode], place: Keep[Ptr[Place]]) -> OrErrno[I32]:
        """Lead to the root of the thread."""
        node, result = keep(cast(scratch(inode.private), Ptr[ProcNode])), keep(I64)
        process = keep(self._process_of(node))

        def take(task: Ptr[Task]) -> None:
            self.contexts.get_root(task.context, cast(place, Ptr[Path]))

        self.inspection.look_into(process, node.thread, result, take)
        tail(self.convert, result)

    @function(context="thread", sleeps=True)
    def follow_file(self, inode: Ptr[Inode], place: Keep[Ptr[Place]]) -> OrErrno[I32]:
        """Lead to what the thread has open by this number."""
        node, result = keep(cast(scratch(inode.private), Ptr[ProcNode])), keep(I64)
        process, file = keep(self._process_of(node)), local(U64)
        mov(file, 0)

        def take(task: Ptr[Task]) -> None:
            table = scratch(task.files)
            with if_(table != 0):
                mov(file, u64(self.tables.get(table, node.file)))

        self.inspection.look_into(process, node.thread, result, take)
        with if_(file == 0):
            try_(self.convert(result))
            fail(Errno.ENOENT)
        tail(self._lead_to, cast(file, Ptr[File]), place)

    # Open files

    @function(context="thread")
    def next_file(self, node: Keep[Ptr[ProcNode]], number: Keep[U64]) -> U64:
        """Return the lowest number of an open file, as `NextMember` says."""
        result, process, found = keep(I64), keep(self._process_of(node)), local(U64)
        mov(found, NO_MEMBER)

        def take(task: Ptr[Task]) -> None:
            mov(found, self.tables.next_taken(task.files, number))

        self.inspection.look_into(process, node.thread, result, take)
        with if_(result != 0):
            ret(NO_MEMBER)
        ret(found)

    @function
    def enter_file(self, node: Ptr[ProcNode], number: U64) -> OrErrno[I32]:
        """Have `node` stand for the file with this number."""
        mov(node.file, u32(number))
        ret(0)

    # How that is called

    @function(context="thread", sleeps=True)
    def read_name(self, inode: Ptr[Inode], page: Keep[Ptr[U8]]) -> OrErrno[I64]:
        """Write the name of what the link leads to, as the task that runs sees it."""
        path, result, operations = local(Path), keep(I64), scratch(inode.operations)
        mov(path.mount, 0)
        mov(path.dentry, 0)
        movsxd(result, operations.follow(inode, address_of(path)))
        with if_(result != 0):
            ret(result)
        mov(result, self.describe(address_of(path), page))
        self.paths.drop(address_of(path))
        ret(result)

    @function(context="thread", sleeps=True)
    def describe(self, path: Keep[Ptr[Path]], page: Keep[Ptr[U8]]) -> OrErrno[I64]:
        """Write the name of what is at `path`, or what it is, into `page`. Returns the length, or
        -ENAMETOOLONG."""
        with if_(self.names.is_nameless(path)):
            tail(self._describe_nameless, path, page)
        tail(self._describe_named, path, page)

    @function(context="thread")
    def _describe_nameless(self, path: Ptr[Path], page: Keep[Ptr[U8]]) -> OrErrno[I64]:
        """Write what kind of file is at `path`, and its number. Returns the length."""
        dentry = scratch(path.dentry)
        asserts(dentry != 0)
        inode = keep(dentry.inode)
        asserts(inode != 0)
        with if_(is_type(inode, FileType.FIFO)):
            ret(self.print(page, "pipe:[%u]", inode.number))
        with if_(is_type(inode, FileType.SOCKET)):
            ret(self.print(page, "socket:[%u]", inode.number))
        with if_(is_type(inode, FileType.REGULAR)):
            ret(self.print(page, f"/memfd:{REMOVED}"))
        for name, operations in self.kinds.items():
            lea(rax, operations)
            with if_(u64(inode.file_operations) == rax):
                ret(self.print(page, f"anon_inode:{name}"))
        ret(self.print(page, "anon_inode:[%u]", inode.number))

    @inline(changes=(rax, "length"))
    def _write_text(self, page: Ptr[U8], length: U64, characters: str) -> None:
        """Write constant text and a zero at the offset `length`, which the text is added to."""
        for character in characters.encode():
            mov(page[length], character)
            inc(length)
        mov(page[length], 0)

    @function(context="thread", sleeps=True)
    def _describe_named(self, path: Keep[Ptr[Path]], page: Keep[Ptr[U8]]) -> OrErrno[I64]:
        """Write the name of what is at `path`. Returns its length, or -ENAMETOOLONG."""
        root, start = local(Path), keep(I64)
        mov(root.mount, 0)
        mov(root.dentry, 0)
        task = self.processes.current()
        self.contexts.get_root(task.context, address_of(root))
        mov(start, self.names.describe(path, address_of(root), page))
        self.paths.drop(address_of(root))
        with if_(start < 0):
            ret(start)
        length = scratch(U64)
        mov(length, PAGE - 1)
        sub(length, u64(start))
        lea(rsi, page[u64(start)])
        mov(rdi, page)
        lea(rcx, bare[length + 1])
        mov(start, i64(length))
        rep.movsb()
        dentry = scratch(path.dentry)
        asserts(dentry != 0)
        with if_(self.dentries.is_removed(dentry) & (start < PAGE - 1 - len(REMOVED))):
            self._write_text(page, u64(start), REMOVED)
        ret(start)
