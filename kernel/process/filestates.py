"""What tasks have of files: their open ones, where they are, and who they are."""

from __future__ import annotations

from typing import Any

from kernel.fs.credentialstore import CredentialStore
from kernel.fs.filetable import FileTable
from kernel.fs.filetables import FileTables
from kernel.fs.fscontext import FsContext
from kernel.fs.fscontexts import FsContexts
from kernel.fs.rootfilesystem import RootFileSystem
from kernel.process.cloneflag import CloneFlag
from kernel.process.task import Task
from kernel.process.tasklimits import TaskLimits
from pykasm import *


class FileStates(Subsystem):
    """Gives tasks what they begin with, and takes it from them. Context: thread."""

    def __init__(
        self,
        root: RootFileSystem,
        tables: FileTables,
        contexts: FsContexts,
        credentials: CredentialStore,
        limits: TaskLimits,
    ) -> None:
        self.root = root
        self.tables = tables
        self.contexts = contexts
        self.credentials = credentials
        self.limits = limits

    @function(context="thread", sleeps=True)
    def begin(self, task: Keep[Ptr[Task]]) -> Bool:
        """Place `task` at the root, as root, without open files. Returns whether there was
        memory."""
        table = keep(try_(self.tables.create()))
        errdefer(self.tables.drop, table)
        context = try_(self.contexts.clone(self.root.subject.context))
        mov(task.files, table)
        mov(task.context, context)
        credentials = scratch(self.root.subject.credentials)
        credentials.references.gain()
        mov(task.credentials, credentials)
        ret(self.limits.enter(task, task) == 0)

    @function(context="thread", sleeps=True)
    def copy(self, task: Keep[Ptr[Task]], source: Keep[Ptr[Task]], flags: Keep[U32]) -> Bool:
        """Give `task`, which has nothing, what `source` has: the same if the `CloneFlag` says so,
        else copies; with NEWNS in a mount namespace of its own. Returns whether there was memory;
        if not, it has a part."""
        table, context = scratch(source.files), keep(source.context)
        with if_((flags & CloneFlag.FILES) != 0):
            table.references.gain()
            mov(task.files, table)
        with else_():
            mov(task.files, try_(self.tables.clone(table)))
        with if_((flags & CloneFlag.NEWNS) != 0):
            mov(task.context, try_(self.contexts.clone_apart(context)))
        with elif_((flags & CloneFlag.FS) != 0):
            context.references.gain()
            mov(task.context, context)
        with else_():
            mov(task.context, try_(self.contexts.clone(context)))
        credentials = scratch(source.credentials)
        credentials.references.gain()
        mov(task.credentials, credentials)
        ret(True)

    @function(context="thread", sleeps=True)
    def end(self, task: Keep[Ptr[Task]]) -> None:
        """Take its files from `task`, and close what nobody else has open."""
        process = keep(task.process)
        for name, kind, drop in (
            ("files", OrNull[Ptr[FileTable]], self.tables.drop),
            ("context", OrNull[Ptr[FsContext]], self.contexts.drop),
        ):
            held: Any = keep(kind)
            xor(u32(held), u32(held))
            with process.lock.held():  # others may be about to look there
                xchg(getattr(task, name), held)
            with if_(held != 0):
                drop(held)
            release(held)

    @function
    def end_identity(self, task: Ptr[Task]) -> None:
        """Take its credentials from `task`, which nobody finds any more."""
        task = keep(task)
        self.limits.leave(task)
        held = scratch(task.credentials)
        mov(task.credentials, 0)
        with if_(held != 0):
            tail(self.credentials.drop, held)
