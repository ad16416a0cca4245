"""The files that programs begin with."""

from __future__ import annotations

from kernel.fs.file import File
from kernel.fs.filetables import FileTables
from kernel.fs.openflag import OpenFlag
from kernel.fs.opening import Opening
from kernel.fs.rootfilesystem import RootFileSystem
from kernel.process.task import Task
from pykasm import *

CONSOLE = "/dev/console"

COUNT = 3
"""Standard input, standard output, standard error."""


class StandardFiles(Subsystem):
    """Opens the console for a program that the kernel itself starts. Context: thread."""

    def __init__(self, root: RootFileSystem, opening: Opening, tables: FileTables) -> None:
        self.root = root
        self.opening = opening
        self.tables = tables

    @function(context="thread", sleeps=True)
    def open(self) -> tuple[OrErrno[I32], Owned[OrNull[Ptr[File]]]]:
        """Return 0 and the console, open for reading and writing; or an error and null."""
        subject = address_of(self.root.subject)
        tail(self.opening.open, subject, 0, text(CONSOLE), OpenFlag.READ_WRITE, 0)

    @function(context="thread", sleeps=True)
    def give(self, task: Keep[Ptr[Task]], file: Keep[Ptr[File]]) -> None:
        """Give `task`, which has no files, `file` as numbers 0 to 2."""
        left = keep(U32)
        with for_(left, 0, COUNT):
            number = self.tables.reserve(task.files, 0, COUNT, 0)
            asserts(number >= 0)  # every table has room for so few
            added = scratch(file)
            added.references.gain()
            self.tables.enter(task.files, u64(number), added)
