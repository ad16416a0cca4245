"""System calls for namespaces, and for roots."""

from __future__ import annotations

from kernel.errno import Errno
from kernel.fs.files import Files
from kernel.fs.fscontext import FsContext
from kernel.fs.fscontexts import FsContexts
from kernel.fs.mount import MountNamespace
from kernel.fs.namespacefiles import NamespaceFiles
from kernel.fs.path import Path
from kernel.fs.rootpivot import Pivot, RootPivot
from kernel.fs.subject import Subject
from kernel.process.cloneflag import CloneFlag
from kernel.process.filecalls import FileCalls
from kernel.process.inspection import Inspection
from kernel.process.pidfdcalls import PidfdCalls
from kernel.process.process import Process
from kernel.process.processes import Processes
from kernel.process.processfiles import ProcessFiles
from kernel.process.systemcallgroup import SystemCallGroup
from kernel.process.task import Task
from kernel.process.unsharing import Unsharing
from kernel.process.userpath import UserPaths
from kernel.structures.tree import Trees
from pykasm import *


class NamespaceCalls(SystemCallGroup):
    """Each method is what Linux does for the call of its name (man-pages, section 2)."""

    def __init__(
        self,
        processes: Processes,
        numbers: FileCalls,
        names: UserPaths,
        files: Files,
        states: Unsharing,
        contexts: FsContexts,
        pivots: RootPivot,
        namespace_files: NamespaceFiles,
        process_files: ProcessFiles,
        pidfds: PidfdCalls,
        inspection: Inspection,
        trees: Trees,
    ) -> None:
        self.processes = processes
        self.numbers = numbers
        self.names = names
        self.files = files
        self.states = states
        self.contexts = contexts
        self.pivots = pivots
        self.namespace_files = namespace_files
        self.process_files = process_files
        self.pidfds = pidfds
        self.inspection = inspection
        self.trees = trees

    @function(context="thread", sleeps=True)
    def unshare(self, flags: U32) -> OrErrno[I64]:
        """Share no longer with others what `flags` name."""
        tail(self.states.unshare, flags)

    # Going to another one

    @function(context="thread", sleeps=True)
    def setns(self, number: Keep[U32], kind: Keep[U32]) -> OrErrno[I64]:
        """Go into the mount namespace that the file `number` stands for, or that the process is in
        for which it stands. `kind` may say that it is such a one."""
        file = keep(try_(self.numbers.get(number), Errno.EBADF))
        namespace = keep(self.namespace_files.namespace_of(file))
        self.files.drop(file)
        with if_(namespace == 0):
            tail(self._enter_that_of_process, number, kind)
        with errdefer(self.contexts.namespaces.drop, namespace):
            fail_if((kind != 0) & (kind != CloneFlag.NEWNS), Errno.EINVAL)
        tail(self.states.enter, namespace)

    @function(context="thread", sleeps=True)
    def _enter_that_of_process(self, number: Keep[U32], kind: U32) -> OrErrno[I64]:
        """Go into the namespace of the process that the file `number` stands for."""
        kind, result, found = keep(kind), keep(I64), local(U64)
        process, flags = self.process_files.find(number)
        ignore(flags)
        fail_if(process == 0, Errno.EINVAL)
        process = keep(process)
        mov(found, 0)

        def take(task: Ptr[Task]) -> None:
            context = scratch(task.context)
            with if_(context != 0):
                namespace = scratch(context.namespace)
                namespace.references.gain()
                disown(namespace, "it is taken over below")
                mov(found, u64(namespace))

        mov(result, -Errno.EINVAL)
        with if_(kind == CloneFlag.NEWNS):
            self.inspection.look_into(process, process.number, result, take)
        self.processes.drop(process)
        try_(result)
        fail_if(found == 0, Errno.ESRCH)
        namespace = scratch(cast(found, Ptr[MountNamespace]))
        take_over(namespace, "it was found above")
        tail(self.states.enter, namespace)

    # Another root

    @function(context="thread", sleeps=True)
    def pivot_root(self, new: Fetched[User[U8]], old: Keep[Fetched[User[U8]]]) -> OrErrno[I64]:
        """Make the mount `new` the root of all who are at the root, which comes to `old`."""
        result = local(I64)
        failed, taken = self.names.take(new)
        with if_(taken == 0):
            movsxd(rax, failed)
            ret(rax)
        ignore(failed, "there is a name")
        name = keep(taken)
        failed, other = self.names.take(old)
        with if_(other == 0):
            movsxd(rax, failed)
            mov(result, rax)
            self.names.free(name)
            ret(result)
        ignore(failed, "there is a name")
        other = keep(other)
        mov(result, self._pivot(name, other))
        self.names.free(name)
        self.names.free(other)
        ret(result)

    @function(context="thread", sleeps=True)
    def _pivot(self, new: Ptr[U8], old: Ptr[U8]) -> OrErrno[I64]:
        """Do what `pivot_root` does for copies of the names."""
        pivot, subject = local(Pivot), local(Subject)
        task = self.processes.current()
        mov(rcx, task.credentials)
        mov(subject.credentials, rcx)
        mov(rcx, task.context)
        mov(subject.context, rcx)
        movsxd(rax, self.pivots.pivot(address_of(pivot), address_of(subject), new, old))
        with if_(i64(rax) != 0):
            ret(rax)
        self._move_all(address_of(pivot.root.place), address_of(pivot.new.place))
        self.pivots.end(address_of(pivot))
        ret(0)

    @function(context="thread", sleeps=True)
    def _move_all(self, place: Keep[Ptr[Path]], other: Keep[Ptr[Path]]) -> None:
        """Move all tasks whose root or current directory is `place` to `other`."""
        number = keep(U64)
        xor(u32(number), u32(number))
        with loop():
            process = keep(self._process_from(number))
            break_if(process == 0)
            mov(eax, process.number)
            lea(number, bare[rax + 1])
            with loop():
                context = keep(self._context_at(process, place))
                break_if(context == 0)
                self.contexts.move(context, place, other)
                self.contexts.drop(context)
                release(context)
            self.processes.drop(process)
            release(process)

    @function(context="thread")
    def _process_from(self, number: Keep[U64]) -> Owned[OrNull[Ptr[Process]]]:
        """Return a reference to the first process with this number or a larger one, or null."""
        found = keep(OrNull[Ptr[Process]])
        xor(u32(found), u32(found))
        with self.processes.lock.held():
            node = scratch(self.trees.at_least(address_of(self.processes.all), number))
            with if_(node != 0):
                process = container_of(node, Process, "node")
                process.references.gain()
                mov(found, process)
        ret(found)

    @function(context="thread")
    def _context_at(
        self, process: Keep[Ptr[Process]], place: Keep[Ptr[Path]]
    ) -> Owned[OrNull[Ptr[FsContext]]]:
        """Return a reference to a context of a thread of `process` that is at `place`, or null."""
        found = keep(OrNull[Ptr[FsContext]])
        xor(u32(found), u32(found))
        with process.lock.held(), process.tasks.each(Task, "sibling") as task:
            context = keep(OrNull[Ptr[FsContext]])
            mov(context, task.context)
            with if_(context != 0), if_(self.contexts.is_at(context, place)):
                context.references.gain()
                mov(found, context)
                break_()
            release(context)
        ret(found)
